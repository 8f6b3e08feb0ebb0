/* multipart/form-data as a stream: what the events are must not depend on the pieces in which the bytes come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "base/buffer.h"
#include "base/text.h"
#include "http/codec/multipart.h"

#define TYPE "multipart/form-data; boundary=b"

struct row {
    const char *body;
    const char
        *events; /* "[head]content;" for each part, "." at the end; "!" an error, "~" it ends too early */
};

static const struct row rows[] = {
    {"--b\r\nA: 1\r\n\r\none\r\n--b--", "[A: 1|]one;."},
    {"--b\r\nA: 1\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\nepilogue", "[A: 1|]one;[]two;."},
    {"preamble\r\n--b\r\nA: 1\r\nB: 2\r\n\r\n\r\n--b--", "[A: 1|B: 2|];."},
    {"\r\n--b\r\nA: 1\r\n\r\n--b--", "[A: 1|];."}, /* the empty line is the delimiter's */
    {"--b  \t\r\nA: 1\r\n\r\nx\r\n--b --", "[A: 1|]x;!"},
    {"--b\r\nA: 1\r\n\r\nx\r\n--bc\r\n--b--", "[A: 1|]x;!"},
    {"--b\r\nA: 1\r\n\r\n\r\n--\r\n-b\r\n--b--", "[A: 1|]|--|-b;."},
    {"--b\r\nA: 1\r\n\r\n--b\r--b\n--b--\r\n--b--", "[A: 1|];!"},
    {"--b\r\nA: 1\r\n\r\nx--b--\r\n--b--", "[A: 1|]x--b--;."},
    {"--b--", "."},
    {"--bx", "!"},
    {"", "~"},
    {"--", "~"},
    {"--b", "~"},
    {"--b\r\nA: 1\r\n\r\nx\r\n--b", "[A: 1|]x;~"},
    {"--b\r\nA: 1\r\n\r\nx\r\n--", "[A: 1|]x~"},
    {"--b\r\nA: 1\r\n", "~"},
    {"--b\r\nA: 34567890123456789012345678901234567890\r\n\r\nx\r\n--b--", "!"},
};

static int note(struct buffer *events, const struct multipart_event *event) {
    char text[128];
    size_t len = 0;
    for (size_t i = 0; i < event->bytes.len; i++) {
        char byte = event->bytes.ptr[i];
        if (byte != '\r') {
            text[len++] = byte == '\n' ? '|' : byte;
        }
    }
    switch (event->kind) {
    case MULTIPART_PART: return buffer_printf(events, "[%.*s]", (int)len, text);
    case MULTIPART_DATA: return buffer_append(events, text, len);
    case MULTIPART_PART_END: return buffer_append_str(events, STR(";"));
    case MULTIPART_END: return buffer_append_str(events, STR("."));
    default: return 0;
    }
}

/* The events of a body whose bytes become visible `piece` at a time. */
static void play(wharf_str body, size_t piece, struct buffer *events) {
    struct multipart multipart;
    struct multipart_event event = {.kind = MULTIPART_MORE};
    size_t start = 0;
    size_t end = 0;
    int rc = multipart_init(&multipart, STR(TYPE), 40);
    assert_int_equal(rc, 0);
    while (rc == 0 && event.kind != MULTIPART_END) {
        rc = multipart_next(&multipart, str_slice(body, start, end), &event);
        if (rc < 0) {
            (void)buffer_append_str(events, STR("!"));
            return;
        }
        assert_true(event.taken <= end - start);
        assert_int_equal(note(events, &event), 0);
        start += event.taken;
        if (event.kind == MULTIPART_MORE && event.taken == 0) {
            if (end == body.len) {
                (void)buffer_append_str(events, STR("~"));
                return;
            }
            end = end + piece < body.len ? end + piece : body.len;
        }
    }
}

static void pieces_do_not_matter(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        wharf_str body = wharf_str_of(rows[i].body);
        for (size_t piece = 1; piece <= body.len + 1; piece++) {
            struct buffer events;
            buffer_init(&events, 4096);
            play(body, piece, &events);
            if (!wharf_str_is(buffer_view(&events), rows[i].events)) {
                print_error("row %zu, pieces of %zu: %.*s\n", i, piece, WHARF_STR_ARG(buffer_view(&events)));
            }
            assert_true(wharf_str_is(buffer_view(&events), rows[i].events));
            buffer_deinit(&events);
        }
    }
}

static const struct {
    const char *type;
    const char *delimiter; /* NULL: refused */
} types[] = {
    {TYPE, "\r\n--b"},
    {"Multipart/Form-Data;Boundary=\"a b\"", "\r\n--a b"},
    {"multipart/form-data; charset=utf-8; boundary=----WebKitFormBoundary7", "\r\n------WebKitFormBoundary7"},
    {"multipart/form-data", NULL},
    {"multipart/form-data; boundary=", NULL},
    {"multipart/form-data; boundary=\"a ", NULL},
    {"multipart/form-data; boundary=\"a \"", NULL},
    {"multipart/form-data; boundary=a\x01", NULL},
    {"multipart/form-data; boundary=1234567890123456789012345678901234567890123456789012345678901234567890x",
     NULL},
    {"multipart/mixed; boundary=b", NULL},
    {"text/plain; boundary=b", NULL},
    {"", NULL},
};

static void the_boundary_comes_from_the_type(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct multipart multipart;
        int rc = multipart_init(&multipart, wharf_str_of(types[i].type), 40);
        assert_int_equal(rc, types[i].delimiter != NULL ? 0 : -EINVAL);
        if (rc == 0) {
            assert_true(
                wharf_str_is((wharf_str){multipart.delimiter, multipart.delimiter_len}, types[i].delimiter));
        }
    }
}

static void names_are_decoded_as_browsers_encode_them(void **state) {
    (void)state;
    static const char *const names[][2] = {{"plain", "plain"},
                                           {"a%22b%0D%0Ac", "a\"b\r\nc"},
                                           {"a%20b%25", "a%20b%25"},
                                           {"C:\\dir\\file", "C:\\dir\\file"},
                                           {"say \\\"hi\\\"", "say \"hi\""},
                                           {"\\", "\\"},
                                           {"", ""}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char out[64];
        size_t len = multipart_name_decode(wharf_str_of(names[i][0]), out);
        assert_true(wharf_str_is((wharf_str){out, len}, names[i][1]));
    }
}

static void parameters_are_cut(void **state) {
    (void)state;
    wharf_str rest = STR("; name=\"a;b\\\"c\" ; FileName=x.txt; last");
    wharf_str name = {NULL, 0};
    wharf_str value = {NULL, 0};
    assert_true(parameter_next(&rest, &name, &value));
    assert_true(wharf_str_is(name, "name") && wharf_str_is(value, "a;b\\\"c"));
    assert_true(parameter_next(&rest, &name, &value));
    assert_true(wharf_str_is(name, "FileName") && wharf_str_is(value, "x.txt"));
    assert_false(parameter_next(&rest, &name, &value));
    rest = STR("; name=\"open");
    assert_false(parameter_next(&rest, &name, &value));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_do_not_matter),
        cmocka_unit_test(the_boundary_comes_from_the_type),
        cmocka_unit_test(names_are_decoded_as_browsers_encode_them),
        cmocka_unit_test(parameters_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
