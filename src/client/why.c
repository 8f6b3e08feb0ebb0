/* See why.h. */
#include "client/why.h"

#include <stdarg.h>
#include <stdio.h>

#include "client/options.h"

static int why_record(int code, const char *phase, const struct place *place, const char *detail) {
    (void)fail(code, phase, place->url, detail[0] != '\0' ? "%s" : NULL, detail);
    struct failure *failure = failure_current();
    if (place->peer != NULL && place->peer->len > 0 && place->peer->len <= sizeof(failure->address)) {
        memcpy(failure->address, &place->peer->storage, place->peer->len);
        failure->address_len = (unsigned char)place->peer->len;
    }
    return code;
}

int why_fail(int code, const char *phase, const struct place *place, const char *format, ...) {
    char detail[FAILURE_DETAIL_SIZE] = "";
    if (format != NULL) {
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(detail, sizeof(detail), format, arguments);
        va_end(arguments);
    }
    return why_record(code, phase, place, detail);
}

int why_refused(int code, const char *phase, const struct place *place, const struct h1_error *error) {
    char detail[FAILURE_DETAIL_SIZE];
    char limit[CLIENT_LIMIT_TEXT_SIZE];
    if (error->limit != NULL) {
        (void)snprintf(detail, sizeof(detail), "%s",
                       client_limits_explain(place->limits, error->limit, limit));
    } else {
        (void)snprintf(detail, sizeof(detail), "%s (%s, byte %zu, %s)", error->text, error->reason,
                       error->offset, error->rfc);
    }
    return why_record(code, phase, place, detail);
}

void why_add(const char *detail) {
    struct failure *failure = failure_current();
    size_t len = strlen(failure->detail);
    if (detail[0] != '\0') {
        (void)snprintf(failure->detail + len, sizeof(failure->detail) - len, "%s%s", len > 0 ? "; " : "",
                       detail);
    }
}
