/* See set_cookie.h. */
#include "http/codec/set_cookie.h"

#include "base/number.h"
#include "base/text.h"
#include "http/codec/date.h"
#include "http/codec/scan.h"

/* ---- dates: RFC 6265 section 5.1.1 ---- */

/* What has been found so far. */
struct found {
    struct date_parts parts;
    bool has_time, has_day, has_month, has_year;
};

static bool is_delimiter(char byte) {
    unsigned char c = (unsigned char)byte;
    return c == 0x09 || (c >= 0x20 && c <= 0x2f) || (c >= 0x3b && c <= 0x40) || (c >= 0x5b && c <= 0x60) ||
           (c >= 0x7b && c <= 0x7e);
}

/* Takes min to max digits off the text; no digit may follow. */
static bool take_digits(wharf_str *text, size_t min, size_t max, unsigned *ret_value) {
    size_t len = 0;
    uint64_t value = 0;
    while (len < text->len && scan_is(text->ptr[len], SCAN_DIGIT)) {
        len++;
    }
    if (len < min || len > max || number_parse(str_slice(*text, 0, len), 9999, &value) < 0) {
        return false;
    }
    *text = str_slice(*text, len, text->len);
    *ret_value = (unsigned)value;
    return true;
}

static bool take_colon(wharf_str *text) {
    if (text->len == 0 || text->ptr[0] != ':') {
        return false;
    }
    *text = str_slice(*text, 1, text->len);
    return true;
}

/* hh:mm:ss, and whatever follows the last digit. */
static bool read_time(wharf_str token, struct date_parts *parts) {
    unsigned hour = 0;
    unsigned minute = 0;
    unsigned second = 0;
    bool good = take_digits(&token, 1, 2, &hour) && take_colon(&token) &&
                take_digits(&token, 1, 2, &minute) && take_colon(&token) &&
                take_digits(&token, 1, 2, &second);
    if (good) {
        parts->hour = hour;
        parts->minute = minute;
        parts->second = second;
    }
    return good;
}

static bool read_month(wharf_str token, unsigned *ret_month) {
    static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    for (unsigned month = 0; month < 12; month++) {
        if (str_starts_nocase(token, (wharf_str){names + (size_t)month * 3, 3})) {
            *ret_month = month + 1;
            return true;
        }
    }
    return false;
}

/* A token is the first thing that it can be and that has not been found yet. */
static void read_token(wharf_str token, struct found *found) {
    wharf_str rest = token;
    if (!found->has_time && read_time(token, &found->parts)) {
        found->has_time = true;
    } else if (!found->has_day && take_digits(&rest, 1, 2, &found->parts.day)) {
        found->has_day = true;
    } else if (!found->has_month && read_month(token, &found->parts.month)) {
        found->has_month = true;
    } else if (!found->has_year && take_digits(&rest, 2, 4, &found->parts.year)) {
        found->has_year = true;
    }
}

bool cookie_date_parse(wharf_str text, int64_t *ret_seconds) {
    struct found found = {.has_time = false};
    size_t at = 0;
    while (at < text.len) {
        size_t start = at;
        while (at < text.len && !is_delimiter(text.ptr[at])) {
            at++;
        }
        if (at > start) {
            read_token(str_slice(text, start, at), &found);
        }
        at++;
    }
    unsigned *year = &found.parts.year;
    *year += *year >= 70 && *year <= 99 ? 1900u : *year <= 69 ? 2000u : 0u;
    bool whole = found.has_time && found.has_day && found.has_month && found.has_year;
    return whole && *year >= 1601 && found.parts.second < 60 && date_compose(&found.parts, ret_seconds) == 0;
}

/* ---- Set-Cookie: RFC 6265 section 5.2 ---- */

static bool has_control(wharf_str text) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if ((c < 0x20 && c != 0x09) || c == 0x7f) {
            return true;
        }
    }
    return false;
}

/* "name = value" cut at the first '='; without one the whole is the name. */
static bool cut_pair(wharf_str pair, wharf_str *ret_name, wharf_str *ret_value) {
    ssize_t equals = str_find_byte(pair, '=');
    size_t end = equals < 0 ? pair.len : (size_t)equals;
    *ret_name = str_trim(str_slice(pair, 0, end));
    *ret_value = equals < 0 ? STR("") : str_trim(str_slice(pair, end + 1, pair.len));
    return equals >= 0;
}

/* What the attributes are read with. */
struct reading {
    struct set_cookie *cookie;
    int64_t now;
    bool has_age; /* Max-Age wins over Expires */
};

static void read_expires(wharf_str value, struct reading *reading) {
    int64_t latest = reading->now + COOKIE_AGE_MAX_S;
    int64_t expiry = 0;
    if (!reading->has_age && cookie_date_parse(value, &expiry)) {
        reading->cookie->has_expiry = true;
        reading->cookie->expiry = expiry > latest ? latest : expiry;
    }
}

/* Digits, or a '-' and digits; anything else is no age. */
static void read_max_age(wharf_str value, struct reading *reading) {
    bool negative = value.len > 1 && value.ptr[0] == '-';
    wharf_str digits = str_slice(value, negative ? 1 : 0, value.len);
    uint64_t age = 0;
    if (!scan_all(digits, SCAN_DIGIT)) {
        return;
    }
    if (number_parse(digits, (uint64_t)COOKIE_AGE_MAX_S, &age) < 0) {
        age = (uint64_t)COOKIE_AGE_MAX_S;
    }
    reading->has_age = true;
    reading->cookie->has_expiry = true;
    reading->cookie->expiry = negative || age == 0 ? 0 : reading->now + (int64_t)age;
}

static void read_domain(wharf_str value, struct reading *reading) {
    if (value.len > 0) {
        reading->cookie->domain = str_slice(value, value.ptr[0] == '.' ? 1 : 0, value.len);
    }
}

static void read_path(wharf_str value, struct reading *reading) {
    reading->cookie->path = str_starts(value, STR("/")) ? value : STR("");
}

static void read_secure(wharf_str value, struct reading *reading) {
    (void)value;
    reading->cookie->secure = true;
}

static void read_http_only(wharf_str value, struct reading *reading) {
    (void)value;
    reading->cookie->http_only = true;
}

static void read_same_site(wharf_str value, struct reading *reading) {
    static const struct {
        wharf_str name;
        wharf_same_site site;
    } sites[] = {{{"none", 4}, WHARF_SAME_SITE_NONE},
                 {{"strict", 6}, WHARF_SAME_SITE_STRICT},
                 {{"lax", 3}, WHARF_SAME_SITE_LAX}};
    reading->cookie->same_site = WHARF_SAME_SITE_UNSAID;
    for (size_t i = 0; i < sizeof(sites) / sizeof(sites[0]); i++) {
        if (str_equal_nocase(value, sites[i].name)) {
            reading->cookie->same_site = sites[i].site;
        }
    }
}

static const struct {
    const char *name;
    void (*read)(wharf_str value, struct reading *reading);
} attributes[] = {
    {"Expires", read_expires},    {"Max-Age", read_max_age}, {"Domain", read_domain},
    {"Path", read_path},          {"Secure", read_secure},   {"HttpOnly", read_http_only},
    {"SameSite", read_same_site},
};

/* The last attribute of a name counts; one that nobody knows does not. */
static void read_attribute(wharf_str attribute, struct reading *reading) {
    wharf_str name = {NULL, 0};
    wharf_str value = {NULL, 0};
    (void)cut_pair(attribute, &name, &value);
    for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]) && value.len <= COOKIE_ATTRIBUTE_MAX;
         i++) {
        if (str_equal_nocase(name, wharf_str_of(attributes[i].name))) {
            attributes[i].read(value, reading);
        }
    }
}

bool set_cookie_parse(wharf_str line, int64_t now, struct set_cookie *ret_cookie) {
    struct set_cookie cookie = {.domain = STR(""), .path = STR(""), .same_site = WHARF_SAME_SITE_UNSAID};
    wharf_str rest = line;
    wharf_str part = {NULL, 0};
    struct reading reading = {&cookie, now, false};
    if (line.len > COOKIE_LINE_MAX || has_control(line) || !str_split(&rest, ';', &part)) {
        return false;
    }
    if (!cut_pair(part, &cookie.name, &cookie.value) || cookie.name.len == 0 ||
        cookie.name.len + cookie.value.len > COOKIE_PAIR_MAX) {
        return false;
    }
    while (str_split(&rest, ';', &part)) {
        read_attribute(part, &reading);
    }
    *ret_cookie = cookie;
    return true;
}

/* ---- whom a cookie belongs to: RFC 6265 sections 5.1.3 and 5.1.4 ---- */

static bool is_address(wharf_str host) {
    bool digits = true;
    for (size_t i = 0; i < host.len; i++) {
        digits = digits && (scan_is(host.ptr[i], SCAN_DIGIT) || host.ptr[i] == '.');
    }
    return digits || (host.len > 0 && host.ptr[0] == '[');
}

bool cookie_domain_matches(wharf_str host, wharf_str domain) {
    if (wharf_str_equal(host, domain)) {
        return true;
    }
    return host.len > domain.len && domain.len > 0 && str_ends(host, domain) &&
           host.ptr[host.len - domain.len - 1] == '.' && !is_address(host);
}

bool cookie_path_matches(wharf_str path, wharf_str cookie_path) {
    if (!str_starts(path, cookie_path)) {
        return false;
    }
    return path.len == cookie_path.len || cookie_path.ptr[cookie_path.len - 1] == '/' ||
           path.ptr[cookie_path.len] == '/';
}

wharf_str cookie_default_path(wharf_str path) {
    ssize_t slash = str_find_last_byte(path, '/');
    return slash <= 0 || path.ptr[0] != '/' ? STR("/") : str_slice(path, 0, (size_t)slash);
}

bool cookie_keeps_promise(const struct set_cookie *cookie, bool has_domain, wharf_str path) {
    if (str_starts_nocase(cookie->name, STR("__Secure-"))) {
        return cookie->secure;
    }
    if (str_starts_nocase(cookie->name, STR("__Host-"))) {
        return cookie->secure && !has_domain && wharf_str_is(path, "/");
    }
    return true;
}
