/* The URL cases of the Web Platform Tests, where $WHARF_TEST_DATA (default: ../shared/data beside the source tree) holds
 * them. They are JSON: url_cases.py turns them into lines. Cases of other schemes, and domains beyond ASCII, are counted
 * and not judged. */
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

enum { LINE_SIZE = 1 << 18, WORDS_MAX = 12, PARTS = 8 };

struct tally {
    int right, wrong, not_judged;
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

static bool is_our_scheme(wharf_str protocol) {
    return wharf_str_is(protocol, "http:") || wharf_str_is(protocol, "https:") ||
           wharf_str_is(protocol, "ws:") || wharf_str_is(protocol, "wss:");
}

static bool has_parts(const struct url *url, wharf_str *words) {
    const wharf_str parts[PARTS] = {url->href, url->username, url->password, url->authority,
                                    url->host, url->path,     url->query,    url->fragment};
    bool same = true;
    for (size_t i = 0; i < PARTS; i++) {
        same = same && wharf_str_equal(parts[i], decode(words[i]));
    }
    return same;
}

/* words: base, input, "ok" or "failure", protocol, and the parts. */
static void judge(wharf_str *words, struct tally *tally) {
    struct arena arena;
    struct url base;
    struct url url;
    struct url_error error = {.code = URL_NO_SCHEME};
    bool has_base = !wharf_str_is(words[0], "-");
    bool must_fail = wharf_str_is(words[2], "failure");
    bool judged = must_fail || is_our_scheme(decode(words[3]));
    arena_init(&arena, NULL, 0, 1 << 22);
    int status = has_base ? url_parse(&arena, decode(words[0]), &base, &error) : 0;
    wharf_str input = decode(words[1]);
    if (status == 0) {
        status = has_base ? url_resolve(&arena, &base, input, &url, &error)
                          : url_parse(&arena, input, &url, &error);
    }
    bool is_right = must_fail ? status < 0 : status == 0 && has_parts(&url, words + 4);
    if (!judged || (!must_fail && status < 0 && error.code == URL_NEEDS_IDNA)) {
        tally->not_judged++;
    } else if (is_right) {
        tally->right++;
    } else {
        tally->wrong++;
        print_error("%.*s: %s\n", WHARF_STR_ARG(input), status == 0 ? "accepted wrongly" : error.reason);
    }
    arena_deinit(&arena);
}

static FILE *open_cases(void) {
    char path[4096];
    char command[8192];
    const char *folder = getenv("WHARF_TEST_DATA");
    (void)snprintf(path, sizeof(path), "%s/url/urltestdata.json",
                   folder != NULL ? folder : WHARF_SOURCE_ROOT "/../shared/data");
    if (access(path, R_OK) != 0) {
        print_message("skipped: there is no %s\n", path);
        return NULL;
    }
    (void)snprintf(command, sizeof(command), "python3 '%s' '%s'",
                   WHARF_SOURCE_ROOT "/tests/unit/http/codec/url_cases.py", path);
    return popen(command, "r");
}

static void agrees_with_the_public_cases(void **state) {
    (void)state;
    static char line[LINE_SIZE];
    struct tally tally = {0, 0, 0};
    FILE *cases = open_cases();
    if (cases == NULL) {
        skip();
    }
    while (fgets(line, sizeof(line), cases) != NULL) {
        wharf_str words[WORDS_MAX];
        wharf_str rest = {line, strcspn(line, "\n")};
        size_t count = 0;
        while (count < WORDS_MAX && str_split(&rest, ' ', &words[count])) {
            count++;
        }
        assert_true(count == 4 || count == WORDS_MAX);
        judge(words, &tally);
    }
    assert_int_equal(pclose(cases), 0);
    print_message("%d right, %d wrong, %d not judged\n", tally.right, tally.wrong, tally.not_judged);
    assert_int_equal(tally.wrong, 0);
    assert_true(tally.right > 500);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_public_cases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
