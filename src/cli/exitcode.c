/* From the library's errors and HTTP's status codes to exit codes. */
#include "cli/exitcode.h"

#include <errno.h>
#include <stddef.h>

#include "wharf/base.h"

static const struct {
    int error, code;
} causes[] = {
    {WHARF_EADDRESS, EXIT_USAGE},
    {EINVAL, EXIT_USAGE},
    {WHARF_ENAME, EXIT_NAME},
    {WHARF_ENAMESERVER, EXIT_NAME},
    {ECONNREFUSED, EXIT_CONNECT},
    {EHOSTUNREACH, EXIT_CONNECT},
    {ENETUNREACH, EXIT_CONNECT},
    {EHOSTDOWN, EXIT_CONNECT},
    {ENETDOWN, EXIT_CONNECT},
    {EADDRINUSE, EXIT_CONNECT},
    {EADDRNOTAVAIL, EXIT_CONNECT},
    {EAFNOSUPPORT, EXIT_CONNECT},
    {EACCES, EXIT_CONNECT},
    {EPERM, EXIT_CONNECT},
    {ENOENT, EXIT_CONNECT},
    {WHARF_EDENIED, EXIT_CONNECT},
    {WHARF_EPROXY, EXIT_CONNECT},
    {ETIMEDOUT, EXIT_TIMEOUT},
    {WHARF_EPROTOCOL, EXIT_PROTOCOL},
    {WHARF_ELIMIT, EXIT_PROTOCOL},
    {WHARF_EEOF, EXIT_INCOMPLETE},
    {ECONNRESET, EXIT_INCOMPLETE},
    {ECONNABORTED, EXIT_INCOMPLETE},
    {EPIPE, EXIT_INCOMPLETE},
    {WHARF_ECHANGED, EXIT_LOCAL_FILE},
    {WHARF_EREDIRECT, EXIT_REDIRECT},
    {WHARF_ETLS, EXIT_TLS},
};

int exitcode_of_error(int error) {
    for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++) {
        if (causes[i].error == -error) {
            return causes[i].code;
        }
    }
    return error < 0 ? EXIT_OTHER : EXIT_OK;
}

int exitcode_of_status(int status) {
    if (status >= 500) {
        return EXIT_STATUS_5XX;
    }
    if (status >= 400) {
        return EXIT_STATUS_4XX;
    }
    return status >= 300 && status != 304 ? EXIT_STATUS_3XX : EXIT_OK;
}
