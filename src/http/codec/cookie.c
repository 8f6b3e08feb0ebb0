/* The Cookie and Set-Cookie fields. */
#include "http/codec/cookie.h"

#include <stdio.h>

#include "base/text.h"
#include "http/codec/headers.h"

bool cookie_next(wharf_str *rest, wharf_str *ret_name, wharf_str *ret_value) {
    wharf_str pair = {NULL, 0};
    while (str_split(rest, ';', &pair)) {
        ssize_t equals = str_find_byte(pair, '=');
        if (equals < 0) {
            continue;
        }
        *ret_name = str_trim(str_slice(pair, 0, (size_t)equals));
        *ret_value = str_trim(str_slice(pair, (size_t)equals + 1, pair.len));
        return true;
    }
    return false;
}

/* ---- setting one ---- */

/* cookie-octet of RFC 6265 section 4.1.1. */
static bool is_value_byte(char byte) {
    return byte > ' ' && byte < 0x7f && strchr("\",;\\", byte) == NULL;
}

static bool is_value(wharf_str value) {
    bool is_quoted = value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"';
    for (size_t i = is_quoted ? 1 : 0; i + (is_quoted ? 1 : 0) < value.len; i++) {
        if (!is_value_byte(value.ptr[i])) {
            return false;
        }
    }
    return true;
}

static bool is_attribute(const char *text) {
    for (; text != NULL && *text != '\0'; text++) {
        if (*text == ';' || *text < ' ' || *text == 0x7f) {
            return false;
        }
    }
    return true;
}

static bool has_prefix(const wharf_cookie *cookie, wharf_str prefix) {
    return str_starts_nocase(wharf_str_of(cookie->name), prefix);
}

/* What name and attributes promise each other (RFC 6265bis section 4.1). */
static const char *promise_fault(const wharf_cookie *cookie) {
    bool has_root_path = cookie->path == NULL || strcmp(cookie->path, "/") == 0;
    if (cookie->same_site == WHARF_SAME_SITE_NONE && !cookie->secure) {
        return "browsers drop what is SameSite=None and not secure";
    }
    if (has_prefix(cookie, STR("__Secure-")) && !cookie->secure) {
        return "a name that begins with __Secure- needs secure";
    }
    if (has_prefix(cookie, STR("__Host-")) && (!cookie->secure || cookie->domain != NULL || !has_root_path)) {
        return "a name that begins with __Host- needs secure, the path / and no domain";
    }
    return NULL;
}

const char *cookie_fault(const wharf_cookie *cookie) {
    if (cookie->name == NULL || !h1_is_token(wharf_str_of(cookie->name))) {
        return "the name is no token";
    }
    if (cookie->value == NULL || !is_value(wharf_str_of(cookie->value))) {
        return "the value holds a byte that no cookie may hold: blank, quote, comma, semicolon, backslash, or beyond ASCII";
    }
    if (!is_attribute(cookie->path) || !is_attribute(cookie->domain)) {
        return "path or domain holds a semicolon or a control character";
    }
    return promise_fault(cookie);
}

wharf_str cookie_format(struct arena *arena, const wharf_cookie *cookie) {
    static const char *const same_site[] = {"; SameSite=Lax", "; SameSite=Strict", "; SameSite=None", ""};
    char age[64] = "";
    if (cookie->remove) {
        (void)snprintf(age, sizeof(age), "; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
    } else if (cookie->max_age_s > 0) {
        (void)snprintf(age, sizeof(age), "; Max-Age=%lld", (long long)cookie->max_age_s);
    }
    return arena_printf(arena, "%s=%s; Path=%s%s%s%s%s%s%s", cookie->name,
                        cookie->remove ? "" : cookie->value, cookie->path != NULL ? cookie->path : "/",
                        cookie->domain != NULL ? "; Domain=" : "",
                        cookie->domain != NULL ? cookie->domain : "", age, cookie->secure ? "; Secure" : "",
                        cookie->script ? "" : "; HttpOnly", same_site[cookie->same_site]);
}
