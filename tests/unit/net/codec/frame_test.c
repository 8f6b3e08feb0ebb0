/* Frames in bytes: where they lie, what is refused and why, what is put around one that is sent. Every strict prefix of a
 * frame is incomplete, or its place is known and its end is not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "net/codec/frame.h"

enum { LIMIT = 300 };

static struct frame_format format_of(enum frame_kind kind) {
    return (struct frame_format){.kind = kind, .delimiter = STR("END"), .max_bytes = LIMIT};
}

#define BYTES(literal) \
    { literal, sizeof(literal) - 1 }

static const struct {
    enum frame_kind kind;
    wharf_str bytes;
    size_t head, body, tail;
} accepted[] = {
    {FRAME_LINE, BYTES("\n"), 0, 0, 1},
    {FRAME_LINE, BYTES("\r\n"), 0, 0, 2},
    {FRAME_LINE, BYTES("hello\nmore\n"), 0, 5, 1},
    {FRAME_LINE, BYTES("a\rb\r\r\n"), 0, 4, 2},
    {FRAME_DELIMITER, BYTES("END"), 0, 0, 3},
    {FRAME_DELIMITER, BYTES("ENENDEND"), 0, 2, 3},
    {FRAME_LENGTH_1, BYTES("\0"), 1, 0, 0},
    {FRAME_LENGTH_1, BYTES("\xff"), 1, 255, 0},
    {FRAME_LENGTH_2, BYTES("\1\0"), 2, 256, 0},
    {FRAME_LENGTH_4, BYTES("\0\0\1\2xx"), 4, 258, 0},
    {FRAME_VARINT, BYTES("\0"), 1, 0, 0},
    {FRAME_VARINT, BYTES("\x7f"), 1, 127, 0},
    {FRAME_VARINT, BYTES("\xac\2"), 2, 300, 0},
    {FRAME_NETSTRING, BYTES("0:,"), 2, 0, 1},
    {FRAME_NETSTRING, BYTES("12:hello world!,"), 3, 12, 1},
    {FRAME_NETSTRING, BYTES("300:"), 4, 300, 1},
};

static void finds_the_first_frame(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        struct frame_format format = format_of(accepted[i].kind);
        struct frame_place place = {0};
        const char *problem = NULL;
        print_message("row %zu\n", i);
        assert_int_equal(frame_find(&format, accepted[i].bytes, 0, &place, &problem), 1);
        assert_int_equal(place.head, accepted[i].head);
        assert_int_equal(place.body, accepted[i].body);
        assert_int_equal(place.tail, accepted[i].tail);
    }
}

static void every_strict_prefix_is_incomplete(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        struct frame_format format = format_of(accepted[i].kind);
        size_t whole = accepted[i].head + accepted[i].body + accepted[i].tail;
        for (size_t len = 0; len < whole && len < accepted[i].bytes.len; len++) {
            struct frame_place place = {0};
            const char *problem = NULL;
            wharf_str prefix = str_slice(accepted[i].bytes, 0, len);
            int rc = frame_find(&format, prefix, len > 0 ? len - 1 : 0, &place, &problem);
            assert_true(rc == 0 || (rc == 1 && place.head + place.body + place.tail > len));
        }
    }
}

static const struct {
    enum frame_kind kind;
    wharf_str bytes;
    int code;
} rejected[] = {
    {FRAME_LENGTH_2, BYTES("\1\x2d"), -WHARF_ELIMIT},
    {FRAME_LENGTH_4, BYTES("\xff\xff\xff\xff"), -WHARF_ELIMIT},
    {FRAME_VARINT, BYTES("\xad\2"), -WHARF_ELIMIT},
    {FRAME_VARINT, BYTES("\xff\xff\xff\xff\x0f"), -WHARF_ELIMIT},
    {FRAME_VARINT, BYTES("\x80\0"), -WHARF_EPROTOCOL},
    {FRAME_VARINT, BYTES("\xff\xff\xff\xff\xff"), -WHARF_EPROTOCOL},
    {FRAME_NETSTRING, BYTES("301"), -WHARF_ELIMIT},
    {FRAME_NETSTRING, BYTES("9999999999"), -WHARF_ELIMIT},
    {FRAME_NETSTRING, BYTES("012:"), -WHARF_EPROTOCOL},
    {FRAME_NETSTRING, BYTES("00:,"), -WHARF_EPROTOCOL},
    {FRAME_NETSTRING, BYTES(":,"), -WHARF_EPROTOCOL},
    {FRAME_NETSTRING, BYTES("-1:,"), -WHARF_EPROTOCOL},
    {FRAME_NETSTRING, BYTES("1 :a,"), -WHARF_EPROTOCOL},
    {FRAME_NETSTRING, BYTES("GET / HTTP/1.1\r\n"), -WHARF_EPROTOCOL},
};

static void rejects_what_is_no_frame_or_too_long(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rejected / sizeof rejected[0]; i++) {
        struct frame_format format = format_of(rejected[i].kind);
        struct frame_place place = {0};
        const char *problem = NULL;
        print_message("row %zu\n", i);
        assert_int_equal(frame_find(&format, rejected[i].bytes, 0, &place, &problem), rejected[i].code);
        assert_int_equal(problem != NULL, rejected[i].code == -WHARF_EPROTOCOL);
    }
}

static void a_frame_without_end_is_refused_at_the_limit(void **state) {
    (void)state;
    char bytes[LIMIT + 8];
    memset(bytes, 'a', sizeof bytes);
    struct frame_place place = {0};
    const char *problem = NULL;
    struct frame_format line = format_of(FRAME_LINE);
    bytes[LIMIT] = '\r'; /* may be the end's */
    assert_int_equal(frame_find(&line, (wharf_str){bytes, LIMIT + 1}, 0, &place, &problem), 0);
    assert_int_equal(frame_find(&line, (wharf_str){bytes, LIMIT + 2}, 0, &place, &problem), -WHARF_ELIMIT);
    bytes[LIMIT + 1] = '\n';
    assert_int_equal(frame_find(&line, (wharf_str){bytes, LIMIT + 2}, 0, &place, &problem), 1);
    bytes[LIMIT] = 'a';
    assert_int_equal(frame_find(&line, (wharf_str){bytes, LIMIT + 2}, 0, &place, &problem), -WHARF_ELIMIT);
    struct frame_format delimited = format_of(FRAME_DELIMITER);
    memcpy(bytes + LIMIT, "END", 3);
    assert_int_equal(frame_find(&delimited, (wharf_str){bytes, LIMIT + 2}, 0, &place, &problem), 0);
    assert_int_equal(frame_find(&delimited, (wharf_str){bytes, LIMIT + 3}, LIMIT + 2, &place, &problem), 1);
    assert_int_equal(place.body, LIMIT);
}

static void the_low_byte_may_come_first(void **state) {
    (void)state;
    struct frame_format format = format_of(FRAME_LENGTH_4);
    struct frame_place place = {0};
    const char *problem = NULL;
    char head[FRAME_HEAD_MAX];
    size_t head_len = 0;
    wharf_str tail;
    format.little_endian = true;
    assert_int_equal(frame_find(&format, (wharf_str){"\2\1\0\0", 4}, 0, &place, &problem), 1);
    assert_int_equal(place.body, 258);
    char body[258] = "";
    assert_int_equal(frame_wrap(&format, (wharf_str){body, 258}, head, &head_len, &tail), 0);
    assert_memory_equal(head, "\2\1\0\0", 4);
}

static void what_is_wrapped_is_found_again(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 9, 10, 99, 100, 127, 128, 255, 256, 300};
    for (int kind = 0; kind < FRAME_KINDS; kind++) {
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            struct frame_format format = format_of((enum frame_kind)kind);
            char body[LIMIT], all[LIMIT + 2 * FRAME_HEAD_MAX];
            size_t head = 0;
            wharf_str tail;
            const char *problem = NULL;
            struct frame_place place = {0};
            memset(body, 'x', sizeof body);
            int rc = frame_wrap(&format, (wharf_str){body, sizes[i]}, all, &head, &tail);
            if (kind == FRAME_LENGTH_1 && sizes[i] > 255) {
                assert_int_equal(rc, -WHARF_ELIMIT);
                continue;
            }
            assert_int_equal(rc, 0);
            memcpy(all + head, body, sizes[i]);
            memcpy(all + head + sizes[i], tail.ptr, tail.len);
            wharf_str bytes = {all, head + sizes[i] + tail.len};
            assert_int_equal(frame_find(&format, bytes, 0, &place, &problem), 1);
            assert_int_equal(place.head, head);
            assert_int_equal(place.body, sizes[i]);
            assert_int_equal(place.tail, tail.len);
            if (tail.len > 0) {
                assert_int_equal(frame_check_tail(&format, tail, &problem), 0);
            }
        }
    }
    struct frame_format format = format_of(FRAME_NETSTRING);
    const char *problem = NULL;
    assert_int_equal(frame_check_tail(&format, STR(";"), &problem), -WHARF_EPROTOCOL);
}

static void a_frame_that_would_end_early_is_not_sent(void **state) {
    (void)state;
    static const struct {
        const char *delimiter; /* NULL: lines */
        const char *body;
        int code;
    } rows[] = {
        {NULL, "two\nlines", -EINVAL}, {NULL, "returns\r", -EINVAL}, {NULL, "a\rb", 0},
        {"END", "an END", -EINVAL},    {"END", "an EN", 0},          {"aba", "xab", -EINVAL},
        {"aa", "xa", -EINVAL},         {"\r\n", "x\r", 0},           {"XXY", "aXX", 0},
        {"abab", "ab", -EINVAL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct frame_format format = format_of(rows[i].delimiter != NULL ? FRAME_DELIMITER : FRAME_LINE);
        char head[FRAME_HEAD_MAX];
        size_t head_len = 0;
        wharf_str tail;
        print_message("row %zu\n", i);
        format.delimiter = wharf_str_of(rows[i].delimiter);
        int rc = frame_wrap(&format, wharf_str_of(rows[i].body), head, &head_len, &tail);
        assert_int_equal(rc, rows[i].code);
    }
    struct frame_format format = format_of(FRAME_LINE);
    char body[LIMIT + 1] = "", head[FRAME_HEAD_MAX];
    size_t head_len = 0;
    wharf_str tail;
    assert_int_equal(frame_wrap(&format, (wharf_str){body, LIMIT + 1}, head, &head_len, &tail),
                     -WHARF_ELIMIT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_first_frame),
        cmocka_unit_test(every_strict_prefix_is_incomplete),
        cmocka_unit_test(rejects_what_is_no_frame_or_too_long),
        cmocka_unit_test(a_frame_without_end_is_refused_at_the_limit),
        cmocka_unit_test(the_low_byte_may_come_first),
        cmocka_unit_test(what_is_wrapped_is_found_again),
        cmocka_unit_test(a_frame_that_would_end_early_is_not_sent),
    };
    return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
