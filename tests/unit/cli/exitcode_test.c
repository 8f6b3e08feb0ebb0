/* The cause of a failure decides the exit code. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "cli/exitcode.h"
#include "wharf/base.h"

static void tells_causes_apart(void **state) {
    (void)state;
    static const struct {
        int error, code;
    } rows[] = {
        {0, 0},
        {5, 0},
        {-WHARF_EADDRESS, 2},
        {-WHARF_ENAME, 3},
        {-ECONNREFUSED, 4},
        {-EADDRINUSE, 4},
        {-ETIMEDOUT, 5},
        {-WHARF_EPROTOCOL, 6},
        {-WHARF_EEOF, 7},
        {-ECONNRESET, 7},
        {-WHARF_EREDIRECT, 9},
        {-WHARF_ETLS, 10},
        {-ENOMEM, 1},
        {-EXDEV, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(exitcode_of_error(rows[i].error), rows[i].code);
    }
}

static void counts_a_bad_status_as_failure(void **state) {
    (void)state;
    static const struct {
        int status, code;
    } rows[] = {{200, 0},  {204, 0},  {299, 0},  {301, 13}, {304, 0}, {399, 13},
                {400, 14}, {404, 14}, {499, 14}, {500, 15}, {599, 15}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(exitcode_of_status(rows[i].status), rows[i].code);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_causes_apart),
        cmocka_unit_test(counts_a_bad_status_as_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
