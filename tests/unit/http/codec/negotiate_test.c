/* Choosing a representation: one row a header, its offers and the choice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "http/codec/negotiate.h"

struct row {
    enum negotiation what;
    const char *lines[3];  /* of the header, NULL for no more */
    const char *offers[4]; /* NULL for no more */
    ssize_t choice;
};

#define TYPES \
    { "text/html", "application/json", "text/plain" }
#define CODINGS \
    { "zstd", "br", "gzip", "identity" }

static const struct row rows[] = {
    {NEGOTIATE_TYPE, {NULL}, TYPES, 0},
    {NEGOTIATE_TYPE, {""}, TYPES, 0},
    {NEGOTIATE_TYPE, {";q=1, text/html;q=x"}, TYPES, 0},
    {NEGOTIATE_TYPE, {"*/*"}, TYPES, 0},
    {NEGOTIATE_TYPE, {"application/json"}, TYPES, 1},
    {NEGOTIATE_TYPE, {"Application/JSON, */*;q=0.1"}, TYPES, 1},
    {NEGOTIATE_TYPE, {"text/*"}, TYPES, 0},
    {NEGOTIATE_TYPE, {"text/*;q=0.5, text/plain"}, TYPES, 2},
    {NEGOTIATE_TYPE, {"text/html;q=0.4", "application/json;q=0.5"}, TYPES, 1},
    {NEGOTIATE_TYPE, {"text/html;level=1;q=0.3, text/plain;q=0.2"}, TYPES, 0},
    {NEGOTIATE_TYPE, {"*/*, text/html;q=0"}, TYPES, 1},
    {NEGOTIATE_TYPE, {"image/png"}, TYPES, -1},
    {NEGOTIATE_TYPE, {"text/html;q=0"}, TYPES, -1},
    {NEGOTIATE_TYPE, {"text/plain"}, {"text/plain; charset=utf-8"}, 0},
    {NEGOTIATE_TYPE, {"text/html;q=1.5, text/plain;q=x, application/json;q=0.001"}, TYPES, 1},
    {NEGOTIATE_TYPE, {"text/html;q=0.1234, text/plain"}, TYPES, 2},
    {NEGOTIATE_TYPE, {"text"}, TYPES, -1},
    {NEGOTIATE_CODING, {"gzip, deflate, br, zstd"}, CODINGS, 0},
    {NEGOTIATE_CODING, {"gzip;q=1.0, br;q=0.9"}, CODINGS, 2},
    {NEGOTIATE_CODING, {"x-gzip"}, CODINGS, 2},
    {NEGOTIATE_CODING, {""}, CODINGS, 3},
    {NEGOTIATE_CODING, {"compress"}, CODINGS, 3},
    {NEGOTIATE_CODING, {"identity;q=0"}, CODINGS, -1},
    {NEGOTIATE_CODING, {"*;q=0"}, CODINGS, -1},
    {NEGOTIATE_CODING, {"*"}, CODINGS, 0},
    {NEGOTIATE_CODING, {"identity;q=0.5, gzip;q=0.4"}, CODINGS, 3},
    {NEGOTIATE_CODING, {"gzip;q=0, *;q=0.5"}, CODINGS, 0},
    {NEGOTIATE_LANGUAGE, {"de-CH, de;q=0.9, en;q=0.8"}, {"en-GB", "de"}, 1},
    {NEGOTIATE_LANGUAGE, {"en"}, {"fr", "en-GB"}, 1},
    {NEGOTIATE_LANGUAGE, {"en-GB"}, {"en", "en-GB-oed"}, 1},
    {NEGOTIATE_LANGUAGE, {"e"}, {"en"}, -1},
    {NEGOTIATE_LANGUAGE, {"fr, *;q=0.1"}, {"en", "de"}, 0},
};

static void chooses_what_the_client_prefers(void **state) {
    (void)state;
    static const char *const names[] = {"Accept", "Accept-Encoding", "Accept-Language"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct header storage[4];
        struct headers headers;
        wharf_str offers[4];
        size_t count = 0;
        headers_init(&headers, storage, 4);
        for (size_t line = 0; line < 3 && rows[i].lines[line] != NULL; line++) {
            assert_int_equal(
                headers_add(&headers, wharf_str_of(names[rows[i].what]), wharf_str_of(rows[i].lines[line])),
                0);
        }
        while (count < 4 && rows[i].offers[count] != NULL) {
            offers[count] = wharf_str_of(rows[i].offers[count]);
            count++;
        }
        ssize_t choice = negotiate(&headers, rows[i].what, offers, count);
        if (choice != rows[i].choice) {
            print_error("row %zu: %zd\n", i, choice);
        }
        assert_int_equal(choice, rows[i].choice);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chooses_what_the_client_prefers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
