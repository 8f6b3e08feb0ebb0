/* What a redirect does to the method. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "client/redirect.h" /* before cmocka, whose fail() is a macro */

#include <cmocka.h>

static const struct {
    int status;
    const char *before;
    const char *after;
} table[] = {
    {301, "GET", "GET"},   {301, "POST", "GET"},      {301, "PUT", "PUT"},     {301, "HEAD", "HEAD"},
    {302, "POST", "GET"},  {302, "DELETE", "DELETE"}, {302, "QUERY", "QUERY"}, {302, "post", "post"},
    {303, "POST", "GET"},  {303, "PUT", "GET"},       {303, "HEAD", "HEAD"},   {303, "QUERY", "GET"},
    {307, "POST", "POST"}, {307, "PUT", "PUT"},       {308, "POST", "POST"},   {308, "GET", "GET"},
};

static void rewrites_the_method_by_status(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        wharf_str after = redirect_method(table[i].status, wharf_str_of(table[i].before));
        assert_true(wharf_str_is(after, table[i].after));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(rewrites_the_method_by_status)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
