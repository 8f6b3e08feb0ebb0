/* Fuzzes what a client reads of Set-Cookie: the views lie within the line, and an end is never later than allowed. */
#include <stdlib.h>

#include "http/codec/set_cookie.h"

static const int64_t NOW = 1800000000;

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static void require_within(wharf_str part, wharf_str whole) {
    require(part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const wharf_str line = {(const char *)data, size};
    struct set_cookie cookie;
    int64_t seconds = 0;
    (void)cookie_date_parse(line, &seconds);
    if (!set_cookie_parse(line, NOW, &cookie)) {
        return 0;
    }
    require_within(cookie.name, line);
    require_within(cookie.value, line);
    require_within(cookie.domain, line);
    require_within(cookie.path, line);
    require(cookie.name.len > 0 && cookie.name.len + cookie.value.len <= COOKIE_PAIR_MAX);
    require(!cookie.has_expiry || cookie.expiry <= NOW + COOKIE_AGE_MAX_S);
    wharf_str path = cookie.path.len > 0 ? cookie.path : cookie_default_path(cookie.value);
    require(path.ptr[0] == '/');
    (void)cookie_keeps_promise(&cookie, cookie.domain.len > 0, path);
    (void)cookie_path_matches(cookie.value, path);
    (void)cookie_domain_matches(cookie.value, cookie.domain);
    return 0;
}
