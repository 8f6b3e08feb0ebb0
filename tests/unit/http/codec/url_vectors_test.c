/* The URL cases of the Web Platform Tests, where $WHARF_TEST_DATA (default: ../shared/data beside the source tree) holds
 * them. They are JSON: url_cases.py turns them into lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/number.h"
#include "base/text.h"
#include "http/codec/url.h"

enum { LINE_SIZE = 1 << 18, WORDS_MAX = 12, PARTS = 9 };

/* What may be missed, and why. */
static const char *const may_miss[] = {
    "https:///x", /* the name of no characters: a URL cannot ask for it */
    /* CJK ideographs that Unicode has had only since version 15.1 */
    "https://\xf0\xb2\xa4\xb1"
    "20.\xe9\x9f\xb3.\xea\xa1\xa6"
    "1./x",
    "https://\xf0\xb2\xae\x9a"
    "9\xea\x8d\xa9\xe1\x9f\x93.ss/x",
    "https://\xf0\xb2\xae\x9a"
    "9\xea\x8d\xa9\xe1\x9f\x93.SS/x",
};

static bool may_be_missed(wharf_str input) {
    for (size_t i = 0; i < sizeof(may_miss) / sizeof(may_miss[0]); i++) {
        if (wharf_str_is(input, may_miss[i])) {
            return true;
        }
    }
    return false;
}

struct suite {
    const char *file;
    int cases, misses;
};

/* Decodes "=<hexadecimal>" in place; "-" gives the empty text. */
static wharf_str decode(wharf_str word) {
    char *text = (char *)word.ptr;
    size_t len = 0;
    for (size_t at = 1; at + 1 < word.len; at += 2) {
        uint64_t byte = 0;
        assert_int_equal(number_parse_hex(str_slice(word, at, at + 2), 255, &byte), 0);
        text[len++] = (char)byte;
    }
    return (wharf_str){text, len};
}

static bool has_parts(const struct url *url, wharf_str *words) {
    const wharf_str parts[PARTS] = {url->href, url->scheme, url->username, url->password, url->authority,
                                    url->host, url->path,   url->query,    url->fragment};
    bool same = true;
    for (size_t i = 0; i < PARTS; i++) {
        wharf_str expected = decode(words[i]);
        expected = i == 1 ? str_slice(expected, 0, expected.len - 1) : expected; /* without its ':' */
        same = same && wharf_str_equal(parts[i], expected);
    }
    return same;
}

/* words: base, input (which is decoded already), what is expected. */
static bool is_right(struct arena *arena, wharf_str *words, wharf_str input) {
    struct url base;
    struct url url;
    struct url_error error;
    bool has_base = !wharf_str_is(words[0], "-");
    int status = has_base ? url_parse_any(arena, NULL, decode(words[0]), &base, &error) : 0;
    if (status == 0) {
        status = url_parse_any(arena, has_base ? &base : NULL, input, &url, &error);
    }
    if (wharf_str_is(words[2], "failure")) {
        return status < 0;
    }
    if (wharf_str_is(words[2], "host")) {
        return status == 0 && wharf_str_equal(url.host, decode(words[3]));
    }
    return status == 0 && has_parts(&url, words + 3);
}

static void judge(char *line, struct suite *suite) {
    wharf_str words[WORDS_MAX];
    wharf_str rest = {line, strcspn(line, "\n")};
    size_t count = 0;
    struct arena arena;
    while (count < WORDS_MAX && str_split(&rest, ' ', &words[count])) {
        count++;
    }
    assert_true(count >= 3);
    arena_init(&arena, NULL, 0, 1 << 22);
    suite->cases++;
    wharf_str input = decode(words[1]);
    if (!is_right(&arena, words, input)) {
        suite->misses += may_be_missed(input) ? 0 : 1;
        print_message("%s: misses %.*s\n", suite->file, WHARF_STR_ARG(input));
    }
    arena_deinit(&arena);
}

static FILE *open_cases(const char *file) {
    char path[4096];
    char command[8192];
    const char *folder = getenv("WHARF_TEST_DATA");
    (void)snprintf(path, sizeof(path), "%s/url/%s",
                   folder != NULL ? folder : WHARF_SOURCE_ROOT "/../shared/data", file);
    if (access(path, R_OK) != 0) {
        print_message("skipped: there is no %s\n", path);
        return NULL;
    }
    (void)snprintf(command, sizeof(command), "python3 '%s' '%s'",
                   WHARF_SOURCE_ROOT "/tests/unit/http/codec/url_cases.py", path);
    return popen(command, "r");
}

static void agrees_with(struct suite *suite) {
    static char line[LINE_SIZE];
    FILE *cases = open_cases(suite->file);
    if (cases == NULL) {
        skip();
    }
    while (fgets(line, sizeof(line), cases) != NULL) {
        judge(line, suite);
    }
    assert_int_equal(pclose(cases), 0);
    print_message("%s: %d of %d\n", suite->file, suite->cases - suite->misses, suite->cases);
    assert_true(suite->cases > 0);
}

static void agrees_with_the_url_cases(void **state) {
    (void)state;
    struct suite suite = {.file = "urltestdata.json"};
    agrees_with(&suite);
    assert_int_equal(suite.misses, 0);
}

static void agrees_with_the_name_cases(void **state) {
    (void)state;
    struct suite suite = {.file = "toascii.json"};
    agrees_with(&suite);
    assert_int_equal(suite.misses, 0);
}

static void agrees_with_the_unicode_cases(void **state) {
    (void)state;
    struct suite suite = {.file = "IdnaTestV2.json"};
    agrees_with(&suite);
    assert_int_equal(suite.misses, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_url_cases),
        cmocka_unit_test(agrees_with_the_name_cases),
        cmocka_unit_test(agrees_with_the_unicode_cases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
