/* A jar of cookies: whom a cookie belongs to, what is kept and for how long, limits, files, several threads. The cases of
 * the IETF's http-state group run where $WHARF_TEST_DATA (default: ../shared/data beside the source tree) holds them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "client/jar.h" /* before cmocka, whose fail() is a macro */

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/number.h"
#include "base/text.h"
#include "http/codec/set_cookie.h"

static const int64_t NOW = 1300000000; /* in 2011, when the cases were written */

static char folder[] = P_tmpdir "/wharf-jar-XXXXXX";

static const char *path_of(const char *name) {
    static char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void write_text(const char *name, const char *text) {
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static const char *read_text(const char *name) {
    static char text[65536];
    FILE *file = fopen(path_of(name), "r");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof(text) - 1, file);
    text[len] = '\0';
    (void)fclose(file);
    return text;
}

static const char list_text[] =
    "// a list like the real one\n"
    "com\norg\nexample\nuk\nco.uk\n*.ck\n!www.ck\njp\n*.kawasaki.jp\n!city.kawasaki.jp\n"
    "xn\n\xe9\xa6\x99\xe6\xb8\xaf\n\xe5\x80\x8b\xe4\xba\xba.\xe9\xa6\x99\xe6\xb8\xaf\n"
    "github.io\nio";

static wharf_jar *new_jar(void) {
    write_text("list", list_text);
    wharf_jar *jar = wharf_jar_new(WHARF_OPTIONS(wharf_jar_options, .suffix_file = path_of("list")));
    assert_non_null(jar);
    return jar;
}

static struct url url_of(struct arena *arena, const char *text) {
    struct url url;
    struct url_error error;
    assert_int_equal(url_parse(arena, wharf_str_of(text), &url, &error), 0);
    return url;
}

static int receive(wharf_jar *jar, const char *url, const char *line, int64_t now) {
    struct arena arena;
    arena_init(&arena, NULL, 0, 1 << 20);
    struct url parsed = url_of(&arena, url);
    int rc = jar_receive(jar, &parsed, wharf_str_of(line), now);
    arena_deinit(&arena);
    return rc;
}

static const char *sent(wharf_jar *jar, const char *url, int64_t now) {
    static char text[16384];
    struct arena arena;
    struct buffer out;
    arena_init(&arena, NULL, 0, 1 << 20);
    buffer_init(&out, sizeof(text));
    struct url parsed = url_of(&arena, url);
    assert_int_equal(jar_append(jar, &parsed, STR(""), now, &out), 0);
    (void)str_copy_to(text, sizeof(text), buffer_len(&out) > 0 ? buffer_view(&out) : STR(""));
    buffer_deinit(&out);
    arena_deinit(&arena);
    return text;
}

/* ---- public suffixes ---- */

static const struct {
    const char *domain;
    bool is_public;
} suffix_rows[] = {
    {"com", true},
    {"example.com", false},
    {"co.uk", true},
    {"a.co.uk", false},
    {"uk", true},
    {"unlisted", true},
    {"a.unlisted", false},
    {"foo.ck", true},
    {"www.ck", false},
    {"a.foo.ck", false},
    {"kawasaki.jp", false},
    {"x.kawasaki.jp", true},
    {"city.kawasaki.jp", false},
    {"xn--j6w193g", true},
    {"xn--gmqw5a.xn--j6w193g", true},
    {"a.xn--j6w193g", false},
    {"github.io", true},
    {"me.github.io", false},
    {"o.uk", false},
};

static void knows_public_suffixes(void **state) {
    (void)state;
    struct suffix_list list;
    write_text("list", list_text);
    suffix_list_init(&list, path_of("list"));
    for (size_t i = 0; i < sizeof(suffix_rows) / sizeof(suffix_rows[0]); i++) {
        print_message("%s\n", suffix_rows[i].domain);
        assert_int_equal(suffix_is_public(&list, wharf_str_of(suffix_rows[i].domain)),
                         suffix_rows[i].is_public);
    }
    suffix_list_deinit(&list);
    suffix_list_init(&list, "");
    assert_true(suffix_is_public(&list, STR("com")));
    assert_false(suffix_is_public(&list, STR("co.uk")));
    suffix_list_deinit(&list);
}

/* ---- what is kept, and who gets it ---- */

static const struct {
    const char *from, *line;
    const char *to, *cookies;
} rows[] = {
    {"http://a.example/", "x=1", "http://a.example/other", "x=1"},
    {"http://a.example/", "x=1", "http://b.a.example/", ""},
    {"http://a.example/", "x=1", "https://a.example:8443/", "x=1"},
    {"http://a.example/", "x=1; Domain=a.example", "http://b.a.example/", "x=1"},
    {"http://a.example/", "x=1; Domain=.A.EXAMPLE", "http://b.a.example/", "x=1"},
    {"http://a.example/", "x=1; Domain=b.a.example", "http://b.a.example/", ""},
    {"http://a.example/", "x=1; Domain=example", "http://b.example/", ""},
    {"http://a.co.uk/", "x=1; Domain=co.uk", "http://b.co.uk/", ""},
    {"http://co.uk/", "x=1; Domain=co.uk", "http://co.uk/", "x=1"},
    {"http://co.uk/", "x=1; Domain=co.uk", "http://b.co.uk/", ""},
    {"http://127.0.0.1/", "x=1; Domain=127.0.0.1", "http://127.0.0.1/", "x=1"},
    {"http://127.0.0.1/", "x=1; Domain=0.0.1", "http://127.0.0.1/", ""},
    {"http://b\xc3\xbc.com/", "x=1; Domain=B\xc3\x9c.com", "http://www.xn--b-eha.com/", "x=1"},
    {"http://a.example/p/q", "x=1", "http://a.example/p/r", "x=1"},
    {"http://a.example/p/q", "x=1", "http://a.example/pp", ""},
    {"http://a.example/", "x=1; Path=/p", "http://a.example/p/r", "x=1"},
    {"http://a.example/", "x=1; Path=/p", "http://a.example/pp", ""},
    {"http://a.example/", "x=1; Path=p", "http://a.example/", "x=1"},
    /* a server in clear cannot say what is for TLS */
    {"http://a.example/", "x=1; Secure", "https://a.example/", ""},
    {"https://a.example/", "x=1; Secure", "https://a.example/", "x=1"},
    {"https://a.example/", "x=1; Secure", "http://a.example/", ""},
    {"http://localhost/", "x=1; Secure", "http://localhost/", "x=1"},
    {"https://a.example/", "__Secure-x=1; Secure", "https://a.example/", "__Secure-x=1"},
    {"https://a.example/", "__Secure-x=1", "https://a.example/", ""},
    {"https://a.example/", "__secure-x=1", "https://a.example/", ""},
    {"https://a.example/", "__Host-x=1; Secure; Path=/", "https://a.example/", "__Host-x=1"},
    {"https://a.example/", "__Host-x=1; Secure; Path=/; Domain=a.example", "https://a.example/", ""},
    {"https://a.example/p/q", "__Host-x=1; Secure", "https://a.example/p/q", ""},
    {"http://a.example/", "x=\"a b\"; Path=/", "http://a.example/", "x=\"a b\""},
    {"http://a.example/", "x=a=b==", "http://a.example/", "x=a=b=="},
    {"http://a.example/", "=x", "http://a.example/", ""},
    {"http://a.example/", "x", "http://a.example/", ""},
    {"http://a.example/", "x=1; Max-Age=0", "http://a.example/", ""},
    {"http://a.example/", "x=1; Max-Age=-1", "http://a.example/", ""},
    {"http://a.example/", "x=1; Max-Age=5x", "http://a.example/", "x=1"},
    {"http://a.example/", "x=1; Expires=Sun, 06 Nov 1994 08:49:37 GMT", "http://a.example/", ""},
    {"http://a.example/", "x=1; Expires=Sun, 06 Nov 1994 08:49:37 GMT; Max-Age=9", "http://a.example/",
     "x=1"},
};

static void gives_a_cookie_to_whom_it_belongs(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        wharf_jar *jar = new_jar();
        assert_true(receive(jar, rows[i].from, rows[i].line, NOW) >= 0);
        print_message("%s %s %s\n", rows[i].from, rows[i].line, rows[i].to);
        assert_string_equal(sent(jar, rows[i].to, NOW), rows[i].cookies);
        wharf_jar_free(jar);
    }
}

static void sends_longer_paths_first_then_older_cookies(void **state) {
    (void)state;
    wharf_jar *jar = new_jar();
    assert_int_equal(receive(jar, "http://a.example/", "a=1", NOW), 1);
    assert_int_equal(receive(jar, "http://a.example/", "b=1; Path=/p", NOW), 1);
    assert_int_equal(receive(jar, "http://a.example/", "c=1", NOW), 1);
    assert_int_equal(receive(jar, "http://a.example/", "a=2", NOW), 1);
    assert_string_equal(sent(jar, "http://a.example/p", NOW), "b=1; a=2; c=1");
    wharf_jar_free(jar);
}

static void forgets_what_has_ended(void **state) {
    (void)state;
    wharf_jar *jar = new_jar();
    assert_int_equal(receive(jar, "http://a.example/", "a=1; Max-Age=10", NOW), 1);
    assert_int_equal(receive(jar, "http://a.example/", "b=1; Max-Age=99999999999", NOW), 1);
    assert_string_equal(sent(jar, "http://a.example/", NOW + 9), "a=1; b=1");
    assert_string_equal(sent(jar, "http://a.example/", NOW + 10), "b=1");
    assert_string_equal(sent(jar, "http://a.example/", NOW + COOKIE_AGE_MAX_S), "");
    wharf_jar_free(jar);
}

static void leaves_secure_cookies_alone(void **state) {
    (void)state;
    wharf_jar *jar = new_jar();
    assert_int_equal(receive(jar, "https://a.example/", "a=1; Secure", NOW), 1);
    assert_int_equal(receive(jar, "http://a.example/", "a=2", NOW), 0);
    assert_int_equal(receive(jar, "http://b.a.example/", "a=2; Domain=a.example", NOW), 0);
    assert_int_equal(receive(jar, "http://a.example/", "b=2", NOW), 1);
    assert_string_equal(sent(jar, "https://a.example/", NOW), "a=1; b=2");
    wharf_jar_free(jar);
}

static void keeps_to_its_limits(void **state) {
    (void)state;
    char line[8192];
    wharf_jar *jar = wharf_jar_new(WHARF_OPTIONS(wharf_jar_options, .cookies = 5, .per_domain = 3, .sent = 2,
                                                 .sent_bytes = 20, .suffix_file = ""));
    for (int i = 0; i < 6; i++) {
        (void)snprintf(line, sizeof(line), "c%d=%d", i, i);
        assert_int_equal(receive(jar, "http://a.example/", line, NOW), 1);
    }
    assert_int_equal(jar->count, 3);
    assert_string_equal(sent(jar, "http://a.example/", NOW), "c3=3; c4=4");
    for (int i = 0; i < 3; i++) {
        (void)snprintf(line, sizeof(line), "d%d=0123456789", i);
        assert_int_equal(receive(jar, "http://b.example/", line, NOW), 1);
    }
    assert_int_equal(jar->count, 5);
    assert_string_equal(sent(jar, "http://b.example/", NOW), "d0=0123456789");
    memset(line, 'x', sizeof(line) - 1);
    line[1] = '=';
    line[COOKIE_PAIR_MAX + 2] = '\0'; /* one byte too many */
    assert_int_equal(receive(jar, "http://c.example/", line, NOW), 0);
    line[COOKIE_PAIR_MAX + 1] = '\0';
    assert_int_equal(receive(jar, "http://c.example/", line, NOW), 1);
    wharf_jar_free(jar);
    assert_null(wharf_jar_new(WHARF_OPTIONS(wharf_jar_options, .sent = -2)));
}

static void answers_programs(void **state) {
    (void)state;
    char text[64];
    wharf_jar *jar = new_jar();
    assert_int_equal(wharf_jar_set(jar, "http://a.example/", "a=1"), 1);
    assert_int_equal(wharf_jar_set(jar, "http://b.a.example/", "b=1"), 1);
    assert_int_equal(wharf_jar_set(jar, "not a URL", "b=1"), -WHARF_EADDRESS);
    assert_int_equal(wharf_jar_get(jar, "http://a.example/x", text, sizeof(text)), 3);
    assert_string_equal(text, "a=1");
    assert_int_equal(wharf_jar_get(jar, "http://a.example/x", text, 3), -ENOBUFS);
    assert_int_equal(wharf_jar_get(jar, "http://c.example/x", text, sizeof(text)), 0);
    assert_int_equal(wharf_jar_clear(jar, "a.example"), 2);
    assert_int_equal(wharf_jar_clear(jar, NULL), 0);
    wharf_jar_free(jar);
    wharf_jar_free(NULL);
}

/* ---- files ---- */

static int count_one(void *arg, const wharf_jar_cookie *cookie) {
    (void)cookie;
    *(int *)arg += 1;
    return 0;
}

static int count(wharf_jar *jar) {
    int found = 0;
    assert_int_equal(wharf_jar_each(jar, count_one, &found), 0);
    return found;
}

static void fill(wharf_jar *jar) {
    assert_int_equal(wharf_jar_set(jar, "https://www.a.example/p/q",
                                   "a=1; Domain=a.example; Secure; HttpOnly; SameSite=Strict; Max-Age=1000"),
                     1);
    assert_int_equal(wharf_jar_set(jar, "http://localhost/p/q", "session=\xff\xfe"), 1);
}

static void goes_through_a_file(int format, bool keeps_session) {
    char text[64];
    wharf_jar *jar = new_jar();
    fill(jar);
    assert_int_equal(wharf_jar_save(jar, path_of("jar"), format), 0);
    wharf_jar_free(jar);
    struct stat status;
    assert_int_equal(stat(path_of("jar"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    jar = new_jar();
    assert_int_equal(wharf_jar_load(jar, path_of("jar")), 0);
    assert_int_equal(count(jar), keeps_session ? 2 : 1);
    assert_int_equal(wharf_jar_get(jar, "https://b.a.example/p/r", text, sizeof(text)), 3);
    assert_int_equal(wharf_jar_get(jar, "http://b.a.example/p/r", text, sizeof(text)), 0);
    if (keeps_session) {
        assert_int_equal(wharf_jar_get(jar, "http://localhost/p/x", text, sizeof(text)), 10);
        assert_string_equal(text, "session=\xff\xfe");
        assert_int_equal(wharf_jar_get(jar, "http://x.localhost/p/x", text, sizeof(text)), 0);
    }
    wharf_jar_free(jar);
    assert_int_equal(unlink(path_of("jar")), 0);
}

static void survives_in_both_formats(void **state) {
    (void)state;
    goes_through_a_file(WHARF_JAR_JSON, true);
    goes_through_a_file(WHARF_JAR_NETSCAPE, true);
    goes_through_a_file(WHARF_JAR_JSON | WHARF_JAR_PERSISTENT, false);
    goes_through_a_file(WHARF_JAR_NETSCAPE | WHARF_JAR_PERSISTENT, false);
}

static void reads_what_curl_writes(void **state) {
    (void)state;
    char text[64];
    write_text("curl", "# Netscape HTTP Cookie File\n# https://curl.se/docs/http-cookies.html\n\n"
                       "#HttpOnly_.a.example\tTRUE\t/\tFALSE\t0\ta\tb c\n"
                       "b.example\tFALSE\t/p\tFALSE\t9999999999\tempty\t\r\n");
    wharf_jar *jar = new_jar();
    assert_int_equal(wharf_jar_load(jar, path_of("curl")), 0);
    assert_int_equal(wharf_jar_get(jar, "http://x.a.example/", text, sizeof(text)), 5);
    assert_string_equal(text, "a=b c");
    assert_int_equal(wharf_jar_get(jar, "http://b.example/p", text, sizeof(text)), 6);
    wharf_jar_free(jar);
}

static const char *const no_jars[] = {
    "a.example\tFALSE\t/\tFALSE\t0\n",
    "a.example\tFALSE\t/\tFALSE\tsoon\ta\tb\n",
    "a.example\tFALSE\tp\tFALSE\t0\ta\tb\n",
    "a.example\tFALSE\t/\tFALSE\t0\ta;c\tb\n",
    "\tFALSE\t/\tFALSE\t0\ta\tb\n",
    "{\"cookies\": 1}",
    "{",
    "{\"cookies\": [{\"name\": \"a\", \"value\": \"b\"}]}",
    "{\"cookies\": [{\"name\": \"a\\nb\", \"value\": \"b\", \"domain\": \"d\", \"path\": \"/\"}]}",
    "{\"cookies\": [{\"name\": \"a\", \"value\": {\"hex\": \"0g\"}, \"domain\": \"d\", \"path\": \"/\"}]}",
    "all sorts of things",
};

static void leaves_other_files_alone(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(no_jars) / sizeof(no_jars[0]); i++) {
        wharf_jar *jar = new_jar();
        fill(jar);
        write_text("other", no_jars[i]);
        assert_int_equal(wharf_jar_load(jar, path_of("other")), -WHARF_EPROTOCOL);
        assert_int_equal(wharf_jar_save(jar, path_of("other"), WHARF_JAR_JSON), -WHARF_EPROTOCOL);
        assert_string_equal(read_text("other"), no_jars[i]);
        wharf_jar_free(jar);
    }
    wharf_jar *jar = new_jar();
    assert_int_equal(wharf_jar_load(jar, path_of("none")), -ENOENT);
    assert_int_equal(wharf_jar_save(jar, path_of("none/jar"), WHARF_JAR_JSON), -ENOENT);
    wharf_jar_free(jar);
}

static void does_not_undo_what_others_changed(void **state) {
    (void)state;
    wharf_jar *one = new_jar();
    fill(one);
    assert_int_equal(wharf_jar_save(one, path_of("shared"), WHARF_JAR_JSON), 0);
    wharf_jar *two = new_jar();
    assert_int_equal(wharf_jar_load(two, path_of("shared")), 0);
    assert_int_equal(wharf_jar_set(one, "http://one.example/", "mine=1"), 1);
    assert_int_equal(wharf_jar_clear(one, "localhost"), 1);
    assert_int_equal(wharf_jar_set(two, "http://two.example/", "mine=2"), 1);
    assert_int_equal(wharf_jar_save(one, path_of("shared"), WHARF_JAR_JSON), 0);
    assert_int_equal(wharf_jar_save(two, path_of("shared"), WHARF_JAR_JSON), 0);
    wharf_jar *three = new_jar();
    assert_int_equal(wharf_jar_load(three, path_of("shared")), 0);
    assert_int_equal(count(three), 3); /* a, and both of theirs; that of localhost is gone */
    /* Elsewhere everything is written. */
    assert_int_equal(wharf_jar_save(three, path_of("copy"), WHARF_JAR_NETSCAPE), 0);
    wharf_jar *four = new_jar();
    assert_int_equal(wharf_jar_load(four, path_of("copy")), 0);
    assert_int_equal(count(four), 3);
    wharf_jar_free(one);
    wharf_jar_free(two);
    wharf_jar_free(three);
    wharf_jar_free(four);
}

/* ---- several threads ---- */

static wharf_jar *shared;

static void *work(void *arg) {
    char url[64];
    char text[256];
    (void)snprintf(url, sizeof(url), "http://%s.example/", (const char *)arg);
    for (int i = 0; i < 2000; i++) {
        assert_int_equal(wharf_jar_set(shared, url, "a=1"), 1);
        assert_int_equal(wharf_jar_set(shared, "http://all.example/", "b=1; Max-Age=100"), 1);
        assert_int_equal(wharf_jar_get(shared, url, text, sizeof(text)), 3);
        assert_true(wharf_jar_get(shared, "http://all.example/", text, sizeof(text)) >= 0);
        (void)wharf_jar_clear(shared, "all.example");
    }
    return NULL;
}

static void serves_several_threads(void **state) {
    (void)state;
    static char names[2][4] = {"one", "two"};
    pthread_t threads[2];
    shared = new_jar();
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, work, names[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(count(shared), 2);
    wharf_jar_free(shared);
}

/* ---- the cases of the http-state group ---- */

static size_t decode(wharf_str word, char *out) {
    size_t len = 0;
    for (size_t at = 1; at + 1 < word.len; at += 2) {
        uint64_t byte = 0;
        assert_int_equal(number_parse_hex(str_slice(word, at, at + 2), 255, &byte), 0);
        out[len++] = (char)byte;
    }
    out[len] = '\0';
    return len;
}

static FILE *open_cases(const char *file) {
    char path[4096];
    char command[8192];
    const char *data = getenv("WHARF_TEST_DATA");
    (void)snprintf(path, sizeof(path), "%s/cookies/%s",
                   data != NULL ? data : WHARF_SOURCE_ROOT "/../shared/data", file);
    if (access(path, R_OK) != 0) {
        print_message("skipped: there is no %s\n", path);
        skip();
    }
    (void)snprintf(command, sizeof(command), "python3 '%s' '%s'",
                   WHARF_SOURCE_ROOT "/tests/unit/client/cookie_cases.py", path);
    return popen(command, "r");
}

/* "<test> <URL> <expected> <received>..." */
static bool agrees(wharf_str line) {
    static char url[16384];
    static char expected[16384];
    static char received[16384];
    wharf_str word = {NULL, 0};
    wharf_jar *jar = wharf_jar_new(NULL);
    (void)str_next_word(&line, &word);
    wharf_str test = word;
    (void)str_next_word(&line, &word);
    (void)decode(word, url);
    (void)str_next_word(&line, &word);
    (void)decode(word, expected);
    while (str_next_word(&line, &word)) {
        (void)decode(word, received);
        assert_true(receive(jar, "http://home.example.org:8888/cookie-parser?x", received, NOW) >= 0);
    }
    bool same = strcmp(sent(jar, url, NOW), expected) == 0;
    if (!same) {
        print_message("%.*s: %s, not %s\n", WHARF_STR_ARG(test), sent(jar, url, NOW), expected);
    }
    wharf_jar_free(jar);
    return same;
}

static void agrees_with_the_cases(void **state) {
    (void)state;
    static char line[1 << 17];
    int active = 0;
    int right = 0;
    FILE *cases = open_cases("parser.json");
    while (fgets(line, sizeof(line), cases) != NULL) {
        if (strncmp(line, "DISABLED", 8) != 0) {
            active++;
            right += agrees((wharf_str){line, strcspn(line, "\n")}) ? 1 : 0;
        }
    }
    assert_int_equal(pclose(cases), 0);
    print_message("%d of %d\n", right, active);
    assert_int_equal(active, 218);
    assert_int_equal(right, active);
}

/* "<number> <seconds or -> <date>" */
static void reads_the_dates_of(const char *file) {
    static char line[65536];
    static char date[32768];
    FILE *cases = open_cases(file);
    int misses = 0;
    while (fgets(line, sizeof(line), cases) != NULL) {
        wharf_str rest = {line, strcspn(line, "\n")};
        wharf_str number = {NULL, 0};
        wharf_str expected = {NULL, 0};
        wharf_str word = {NULL, 0};
        int64_t seconds = 0;
        char text[32] = "-";
        assert_true(str_next_word(&rest, &number) && str_next_word(&rest, &expected) &&
                    str_next_word(&rest, &word));
        size_t len = decode(word, date);
        if (cookie_date_parse((wharf_str){date, len}, &seconds)) {
            (void)snprintf(text, sizeof(text), "%lld", (long long)seconds);
        }
        if (!wharf_str_is(expected, text)) {
            print_message("%s: %s gives %s, not %.*s\n", file, date, text, WHARF_STR_ARG(expected));
            misses++;
        }
    }
    assert_int_equal(pclose(cases), 0);
    assert_int_equal(misses, 0);
}

static void agrees_with_the_dates(void **state) {
    (void)state;
    reads_the_dates_of("examples.json");
    reads_the_dates_of("bsd-examples.json");
}

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    static const char *const names[] = {"list", "jar", "curl", "other", "shared", "copy"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)unlink(path_of(names[i]));
    }
    return rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_public_suffixes),
        cmocka_unit_test(gives_a_cookie_to_whom_it_belongs),
        cmocka_unit_test(sends_longer_paths_first_then_older_cookies),
        cmocka_unit_test(forgets_what_has_ended),
        cmocka_unit_test(leaves_secure_cookies_alone),
        cmocka_unit_test(keeps_to_its_limits),
        cmocka_unit_test(answers_programs),
        cmocka_unit_test(survives_in_both_formats),
        cmocka_unit_test(reads_what_curl_writes),
        cmocka_unit_test(leaves_other_files_alone),
        cmocka_unit_test(does_not_undo_what_others_changed),
        cmocka_unit_test(serves_several_threads),
        cmocka_unit_test(agrees_with_the_cases),
        cmocka_unit_test(agrees_with_the_dates),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
