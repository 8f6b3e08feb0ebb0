/* Target: idna_to_ascii, on any bytes as a domain.
 * Asserts: what was accepted is ASCII in lower case and stays what it is when it is given again; an error has words
 * and an offset within the domain; a name beyond ASCII whose result goes through once more beside a label beyond ASCII,
 * so that all its labels are decoded, comes out the same. */
#include <assert.h>

#include "base/idna.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool has_label_in_ascii_form(wharf_str domain) {
    return str_find(domain, STR("xn--")) >= 0;
}

static void check_accepted(struct arena *arena, wharf_str ascii, bool was_checked) {
    struct idna_error error;
    wharf_str again;
    for (size_t i = 0; i < ascii.len; i++) {
        assert((unsigned char)ascii.ptr[i] < 0x80 && ascii_lower(ascii.ptr[i]) == ascii.ptr[i]);
    }
    assert(idna_to_ascii(arena, ascii, &again, &error) == 0 && wharf_str_equal(again, ascii));
    if (was_checked && has_label_in_ascii_form(ascii) && ascii.len < IDNA_POINTS_MAX / 2) {
        wharf_str longer = arena_printf(arena, "%.*s.\u3042", WHARF_STR_ARG(ascii));
        wharf_str expected = arena_printf(arena, "%.*s.xn--l8j", WHARF_STR_ARG(ascii));
        int status = idna_to_ascii(arena, longer, &again, &error);
        assert(status < 0 || wharf_str_equal(again, expected));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena arena;
    struct idna_error error = {NULL, 0};
    wharf_str domain = {(const char *)data, size};
    wharf_str ascii;
    bool is_ascii = true;
    arena_init(&arena, NULL, 0, 1 << 24);
    for (size_t i = 0; i < size; i++) {
        is_ascii = is_ascii && data[i] < 0x80;
    }
    int status = idna_to_ascii(&arena, domain, &ascii, &error);
    if (status == 0) {
        check_accepted(&arena, ascii, !is_ascii);
    } else {
        assert(error.reason != NULL && error.offset <= size);
    }
    arena_deinit(&arena);
    return 0;
}
