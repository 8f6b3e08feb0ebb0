/* settings_read(): flags as lines of a file, and what is wrong with them by line. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/exitcode.h"
#include "cli/options.h"
#include "cli/settings.h"

struct set {
    bool keep;
    const char *name;
    const char **headers;
    int64_t threads;
};

static const struct flag flags[] = {
    {"keep", 'k', FLAG_SWITCH, offsetof(struct set, keep), NULL, NULL, ""},
    {"name", 'n', FLAG_TEXT, offsetof(struct set, name), "NAME", NULL, ""},
    {"header", 'H', FLAG_LIST, offsetof(struct set, headers), "HEADER", NULL, ""},
    {"threads", 0, FLAG_COUNT, offsetof(struct set, threads), "N", NULL, ""},
    {0},
};

static const struct command test_command = {
    .name = "test", .flags = flags, .options_size = sizeof(struct set)};

struct result {
    char path[256];
    struct set set;
    char *text;
    int code;
    char sentence[512];
};

static void read_text(const char *text, size_t len, struct result *result) {
    const char *parent = getenv("TMPDIR");
    *result = (struct result){.text = NULL};
    snprintf(result->path, sizeof result->path, "%s/settings-XXXXXX", parent != NULL ? parent : P_tmpdir);
    int fd = mkstemp(result->path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), len);
    close(fd);
    FILE *standard = stderr;
    stderr = fmemopen(result->sentence, sizeof result->sentence, "w");
    result->code = settings_read(&test_command, result->path, &result->set, &result->text);
    fclose(stderr);
    stderr = standard;
    unlink(result->path);
}

static void done(struct result *result) {
    options_deinit(&test_command, &result->set);
    free(result->text);
}

static void reads_every_kind_of_line(void **state) {
    (void)state;
    static const char text[] = "# comment\n"
                               "\n"
                               "  keep=true  \r\n"
                               "name =  a = b # c\n"
                               "\theader = \" x \"\n"
                               "header = \"\n"
                               "threads = 7";
    struct result result;
    read_text(text, sizeof text - 1, &result);
    assert_string_equal(result.sentence, "");
    assert_int_equal(result.code, EXIT_OK);
    assert_true(result.set.keep);
    assert_string_equal(result.set.name, "a = b # c");
    assert_string_equal(result.set.headers[0], " x ");
    assert_string_equal(result.set.headers[1], "\"");
    assert_null(result.set.headers[2]);
    assert_int_equal(result.set.threads, 7);
    done(&result);
}

static void names_the_line_that_is_wrong(void **state) {
    (void)state;
    static const struct {
        const char *text, *sentence;
    } rows[] = {
        {"keep=yes", ":1: keep takes true or false, not yes (try: wharf help test)\n"},
        {"\n\nkeeep = true", ":3: there is no setting keeep; did you mean keep? (try: wharf help test)\n"},
        {"name=a\nname=b", ":2: given twice: name (try: wharf help test)\n"},
        {"threads = many", ":1: threads takes N, not many (try: wharf help test)\n"},
        {"[keep]", ":1: a setting is written as name = value (try: man wharf-test)\n"},
        {"= x", ":1: there is no setting  (try: wharf help test)\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct result result;
        read_text(rows[i].text, strlen(rows[i].text), &result);
        assert_int_equal(result.code, EXIT_USAGE);
        const char *where = strstr(result.sentence, result.path);
        assert_non_null(where);
        assert_string_equal(where + strlen(result.path), rows[i].sentence);
        done(&result);
    }
}

static void refuses_what_is_no_text(void **state) {
    (void)state;
    static char large[(1 << 20) + 1];
    memset(large, '#', sizeof large);
    struct result result;
    read_text(large, sizeof large, &result);
    assert_int_equal(result.code, EXIT_LOCAL_FILE);
    done(&result);
    read_text("a\0b", 3, &result);
    assert_int_equal(result.code, EXIT_LOCAL_FILE);
    done(&result);
}

static void completes_only_what_is_unset(void **state) {
    (void)state;
    struct set own = {.name = "own", .threads = 3};
    struct set others = {.name = "other", .threads = 4, .keep = true};
    options_complete(&test_command, &own, &others);
    assert_string_equal(own.name, "own");
    assert_int_equal(own.threads, 3);
    assert_true(own.keep);
    assert_null(own.headers);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_kind_of_line),
        cmocka_unit_test(names_the_line_that_is_wrong),
        cmocka_unit_test(refuses_what_is_no_text),
        cmocka_unit_test(completes_only_what_is_unset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
