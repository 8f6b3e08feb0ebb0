/* Media types: the table's order, which the search relies on, and names of every shape. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/text.h"
#include "http/codec/mime.h"

static void the_table_is_ordered_and_well_formed(void **state) {
    (void)state;
    size_t count = 0;
    const struct mime_entry *table = mime_table(&count);
    assert_true(count >= 150);
    for (size_t i = 0; i < count; i++) {
        wharf_str type = wharf_str_of(table[i].type);
        if (i > 0) {
            assert_true(strcmp(table[i - 1].extension, table[i].extension) < 0);
        }
        assert_true(strlen(table[i].extension) <= 16);
        assert_true(str_find_byte(type, '/') > 0);
        assert_int_equal(str_starts(type, STR("text/")), str_ends(type, STR("; charset=utf-8")));
        char name[32] = "x.";
        str_copy_to(name + 2, sizeof(name) - 2, wharf_str_of(table[i].extension));
        assert_true(wharf_str_equal(mime_type(wharf_str_of(name)), type));
    }
}

static void names_of_every_shape_have_a_type(void **state) {
    (void)state;
    static const char binary[] = "application/octet-stream";
    static const struct {
        const char *path, *type;
    } rows[] = {
        {"index.html", "text/html; charset=utf-8"},
        {"INDEX.HTM", "text/html; charset=utf-8"},
        {"/a/b.c/style.css", "text/css; charset=utf-8"},
        {"app.js", "text/javascript; charset=utf-8"},
        {"data.json", "application/json"},
        {"a.b.svg", "image/svg+xml"},
        {"wharf.tar.gz", "application/gzip"},
        {"m.wasm", "application/wasm"},
        {"f.woff2", "font/woff2"},
        {"v.mp4", "video/mp4"},
        {"", binary},
        {"README", binary},
        {"/a.html/README", binary},
        {".html", binary},
        {"/a/.html", binary},
        {"a.", binary},
        {"a.html/", binary},
        {"a.unknown", binary},
        {"a.htmlhtmlhtmlhtmlhtml", binary},
        {"a.\xc3\xa9", binary},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(wharf_str_is(mime_type(wharf_str_of(rows[i].path)), rows[i].type));
    }
    assert_true(wharf_str_is(mime_type((wharf_str){NULL, 0}), binary));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_ordered_and_well_formed),
        cmocka_unit_test(names_of_every_shape_have_a_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
