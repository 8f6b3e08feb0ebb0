/* What clients and servers share in public: see wharf/http.h. The work is the codec's. */
#include "wharf/http.h"

#include <errno.h>

#include "http/codec/date.h"
#include "http/codec/json.h"
#include "http/codec/status.h"
#include "sched/sched.h"

_Static_assert(WHARF_DATE_SIZE == DATE_LEN + 1, "a date and its NUL");

/* The first second of the years 0 and 10000. */
static const int64_t DATE_FIRST = -62167219200;
static const int64_t DATE_END = 253402300800;

const char *wharf_status_text(int status) {
    wharf_str phrase = status_phrase(status);
    return phrase.len > 0 ? phrase.ptr : "";
}

int wharf_date_format(int64_t seconds, char *out) {
    if (seconds < DATE_FIRST || seconds >= DATE_END) {
        return -ERANGE;
    }
    date_format(seconds, out);
    out[DATE_LEN] = '\0';
    return DATE_LEN;
}

int wharf_date_parse(wharf_str text, int64_t *ret_seconds) {
    return date_parse(text, sched_wall_seconds(), ret_seconds);
}

const char *wharf_json_check(const char *text, size_t len, size_t *ret_offset) {
    return json_check(text, len, ret_offset);
}
