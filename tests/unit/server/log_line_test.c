/* Lines of the access log: exact bytes, whatever a client sent; secrets that are not in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/text.h"
#include "server/log_line.h"

static const wharf_access REQUEST = {
    .seconds = 1795357822,
    .peer = "192.0.2.7",
    .method = {"GET", 3},
    .host = {"shop.example", 12},
    .target = {"/a b?c=d", 8},
    .referer = {"http://x.example/", 17},
    .agent = {"curl/7.88.1", 11},
    .version_minor = 1,
    .status = 200,
    .bytes_in = 1,
    .bytes_out = 23,
    .times = {.total = 9000, .queue = 1000, .header = 2000, .first = 3500, .run = 4000, .wait = 5000},
};

static const char *format(wharf_log_format kind, const wharf_access *access) {
    static char line[LOG_LINE_SIZE + 1];
    struct log_second texts = {.second = -1};
    log_second_set(&texts, access->seconds);
    line[log_line_format(line, kind, &texts, access)] = '\0';
    return line;
}

static void each_format_has_its_fields_in_order(void **state) {
    (void)state;
    assert_string_equal(format(WHARF_LOG_COMMON, &REQUEST),
                        "192.0.2.7 - - [22/Nov/2026:14:30:22 +0000] \"GET /a b?c=d HTTP/1.1\" 200 23\n");
    assert_string_equal(format(WHARF_LOG_COMBINED, &REQUEST),
                        "192.0.2.7 - - [22/Nov/2026:14:30:22 +0000] \"GET /a b?c=d HTTP/1.1\" 200 23 "
                        "\"http://x.example/\" \"curl/7.88.1\"\n");
    assert_string_equal(
        format(WHARF_LOG_LOGFMT, &REQUEST),
        "time=2026-11-22T14:30:22Z peer=192.0.2.7 method=GET host=shop.example target=\"/a b?c=d\" "
        "protocol=HTTP/1.1 referer=http://x.example/ agent=curl/7.88.1 status=200 bytes_in=1 bytes_out=23 "
        "us=9 queue_us=1 header_us=2 first_us=3 run_us=4 wait_us=5 body_us=0 disk_us=0 write_us=0\n");
    assert_string_equal(
        format(WHARF_LOG_JSON, &REQUEST),
        "{\"time\":\"2026-11-22T14:30:22Z\",\"peer\":\"192.0.2.7\",\"method\":\"GET\",\"host\":\"shop.example\","
        "\"target\":\"/a b?c=d\",\"protocol\":\"HTTP/1.1\",\"referer\":\"http://x.example/\","
        "\"agent\":\"curl/7.88.1\",\"status\":200,\"bytes_in\":1,\"bytes_out\":23,\"us\":9,\"queue_us\":1,"
        "\"header_us\":2,\"first_us\":3,\"run_us\":4,\"wait_us\":5,\"body_us\":0,\"disk_us\":0,\"write_us\":0}\n");
}

static void a_refused_connection_has_neither_method_nor_target(void **state) {
    (void)state;
    const wharf_access refused = {.seconds = 0,
                                  .peer = "::1",
                                  .version_minor = 1,
                                  .reason = "tls.version",
                                  .error = "too \"old\"",
                                  .more = 3};
    assert_string_equal(
        format(WHARF_LOG_COMMON, &refused),
        "::1 - - [01/Jan/1970:00:00:00 +0000] \"-\" - - \"tls.version\" \"too \\x22old\\x22\" \"and 3 more\"\n");
    assert_non_null(strstr(format(WHARF_LOG_JSON, &refused),
                           "\"reason\":\"tls.version\",\"error\":\"too \\u0022old\\u0022\",\"more\":3}\n"));
    assert_non_null(strstr(format(WHARF_LOG_LOGFMT, &refused), " method=\"\" host=\"\""));
}

static void a_user_is_one_word(void **state) {
    (void)state;
    wharf_access access = REQUEST;
    access.user = wharf_str_of("j doe\"");
    assert_non_null(strstr(format(WHARF_LOG_COMMON, &access), "192.0.2.7 - j\\x20doe\\x22 ["));
    assert_non_null(strstr(format(WHARF_LOG_LOGFMT, &access), " user=\"j doe\\x22\" "));
}

/* Every byte in every field: one line, of printable ASCII, within its size, and no escape that JSON does not know. */
static void no_byte_breaks_a_line(void **state) {
    (void)state;
    static char bytes[4096];
    for (int byte = 0; byte < 256; byte++) {
        memset(bytes, byte, sizeof(bytes));
        wharf_str text = {bytes, sizeof(bytes)};
        wharf_access access = REQUEST;
        static char sentence[sizeof(bytes)];
        memcpy(sentence, bytes, sizeof(sentence) - 1);
        access.error = sentence;
        access.cut = true;
        access.user = access.method = access.host = access.target = access.referer = access.agent = text;
        for (int kind = WHARF_LOG_COMMON; kind <= WHARF_LOG_LOGFMT; kind++) {
            const char *line = format((wharf_log_format)kind, &access);
            size_t len = strlen(line);
            assert_true(len < LOG_LINE_SIZE);
            for (size_t i = 0; i < len; i++) {
                assert_true(i == len - 1 ? line[i] == '\n' : line[i] >= 0x20 && line[i] < 0x7f);
            }
            const char *escape = kind == WHARF_LOG_JSON ? strchr(line, '\\') : NULL;
            for (; escape != NULL; escape = strchr(escape + 1, '\\')) {
                assert_memory_equal(escape + 1, "u00", 3);
            }
        }
    }
}

static void dropped_lines_are_told_in_each_format(void **state) {
    (void)state;
    char line[LOG_LINE_SIZE];
    struct log_second texts = {.second = -1};
    log_second_set(&texts, REQUEST.seconds);
    size_t len = log_line_format_dropped(line, WHARF_LOG_JSON, &texts, 7);
    line[len] = '\0';
    assert_string_equal(line, "{\"time\":\"2026-11-22T14:30:22Z\",\"dropped\":7}\n");
    line[log_line_format_dropped(line, WHARF_LOG_LOGFMT, &texts, 7)] = '\0';
    assert_string_equal(line, "time=2026-11-22T14:30:22Z dropped=7\n");
    line[log_line_format_dropped(line, WHARF_LOG_COMMON, &texts, 7)] = '\0';
    assert_string_equal(line, "7 log lines dropped\n");
}

/* ---- secrets ---- */

static const struct {
    const char *url, *shown;
} URLS[] = {
    {"/", "/"},
    {"/?", "/?"},
    {"/a?b=c&d", "/a?b=c&d"},
    {"/a?token=abc", "/a?token=***"},
    {"/a?b=c&Access_Token=abc&d=e", "/a?b=c&Access_Token=***&d=e"},
    {"/a?api-key=1&x-amz-signature=2&code=3", "/a?api-key=***&x-amz-signature=***&code=***"},
    {"/a?pass%77ord=1&&", "/a?pass%77ord=***&&"},
    {"/a?key=", "/a?key="},
    {"/a?keyboard=us&zipcode=8000&author=x", "/a?keyboard=us&zipcode=8000&author=x"},
    {"/a?token", "/a?token"},
    {"/a?sid=a=b?c", "/a?sid=***"},
    {"/token=abc", "/token=abc"},
    {"http://a.example/?q=1", "http://a.example/?q=1"},
    {"http://joe:secret@a.example/x?q=1", "http://***@a.example/x?q=1"},
    {"http://joe:s@cret@a.example?pwd=1", "http://***@a.example?pwd=***"},
    {"http://a.example/@b", "http://a.example/@b"},
};

static void secrets_of_a_url_are_not_shown(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(URLS) / sizeof(URLS[0]); i++) {
        struct arena arena;
        arena_init(&arena, NULL, 0, SIZE_MAX);
        wharf_str shown = log_redact(&arena, wharf_str_of(URLS[i].url));
        if (!wharf_str_equal(shown, wharf_str_of(URLS[i].shown))) {
            fail_msg("%s gives %.*s", URLS[i].url, WHARF_STR_ARG(shown));
        }
        arena_deinit(&arena);
    }
}

static void without_memory_nothing_secret_is_shown(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, NULL, 0, 0);
    assert_true(wharf_str_equal(log_redact(&arena, STR("/a?token=abc")), STR("/a?")));
    assert_int_equal(log_redact(&arena, STR("http://joe:secret@a.example/")).len, 0);
    arena_deinit(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_format_has_its_fields_in_order),
        cmocka_unit_test(a_refused_connection_has_neither_method_nor_target),
        cmocka_unit_test(a_user_is_one_word),
        cmocka_unit_test(no_byte_breaks_a_line),
        cmocka_unit_test(dropped_lines_are_told_in_each_format),
        cmocka_unit_test(secrets_of_a_url_are_not_shown),
        cmocka_unit_test(without_memory_nothing_secret_is_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
