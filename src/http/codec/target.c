/* Request targets and authorities. The URL parser of the client is another one: it takes what people type,
 * this one what a peer may send. */
#include "http/codec/target.h"

#include "base/number.h"
#include "base/text.h"
#include "http/codec/scan.h"

enum { PORT_MAX = 65535, GROUPS = 8 };

/* ---- hosts ---- */

/* Four decimal numbers up to 255 without superfluous zeros. */
static bool ipv4_is_valid(wharf_str text) {
    wharf_str part;
    unsigned parts = 0;
    while (str_split(&text, '.', &part)) {
        uint64_t number;
        if (part.len > 3 || (part.len > 1 && part.ptr[0] == '0') || number_parse(part, 255, &number) < 0) {
            return false;
        }
        parts++;
    }
    return parts == 4;
}

/* An IPv6 address, read from the left. */
struct ipv6_parse {
    wharf_str rest;
    unsigned groups;
    bool shortened; /* "::" was there */
};

/* One group of up to four digits, or the last two groups in IPv4 form. */
static bool ipv6_group(struct ipv6_parse *parse) {
    wharf_str rest = parse->rest;
    size_t digits = 0;
    while (digits < rest.len && scan_is(rest.ptr[digits], SCAN_HEX)) {
        digits++;
    }
    if (digits < rest.len && rest.ptr[digits] == '.') {
        parse->groups += 2;
        parse->rest.len = 0;
        return ipv4_is_valid(rest);
    }
    parse->groups++;
    parse->rest = str_slice(rest, digits, rest.len);
    return digits >= 1 && digits <= 4;
}

/* ":" with something behind it, or "::", once, for at least one group of zeros. */
static bool ipv6_separator(struct ipv6_parse *parse) {
    wharf_str rest = parse->rest;
    if (str_starts(rest, STR("::"))) {
        bool again = parse->shortened;
        parse->shortened = true;
        parse->rest = str_slice(rest, 2, rest.len);
        return !again;
    }
    parse->rest = str_slice(rest, 1, rest.len);
    return rest.ptr[0] == ':' && rest.len > 1;
}

/* RFC 3986 section 3.2.2, IPv6address. */
static bool ipv6_is_valid(wharf_str text) {
    struct ipv6_parse parse = {text, 0, false};
    if (str_starts(text, STR("::"))) {
        ipv6_separator(&parse);
    }
    while (parse.rest.len > 0) {
        if (!ipv6_group(&parse)) {
            return false;
        }
        if (parse.rest.len > 0 && !ipv6_separator(&parse)) {
            return false;
        }
    }
    return parse.shortened ? parse.groups < GROUPS : parse.groups == GROUPS;
}

/* The length of the registered name or IPv4 address at the start. */
static size_t name_length(wharf_str text) {
    size_t at = 0;
    while (at < text.len) {
        if (scan_is(text.ptr[at], SCAN_HOST)) {
            at++;
        } else if (text.ptr[at] == '%' && text.len - at > 2 && scan_is(text.ptr[at + 1], SCAN_HEX) &&
                   scan_is(text.ptr[at + 2], SCAN_HEX)) {
            at += 3;
        } else {
            break;
        }
    }
    return at;
}

/* Why the byte at *offset may not stand there; moves *offset to an '@' if that explains it. */
static enum authority_fault byte_fault(wharf_str authority, size_t *offset, enum authority_fault otherwise) {
    ssize_t userinfo_end = str_find_byte(authority, '@');
    if (userinfo_end >= 0) {
        *offset = (size_t)userinfo_end;
        return AUTHORITY_USERINFO;
    }
    switch (authority.ptr[*offset]) {
    case ',': return AUTHORITY_LIST;
    case '/':
    case '?':
    case '#': return AUTHORITY_PATH;
    default: return otherwise;
    }
}

static enum authority_fault port_check(wharf_str authority, size_t start, size_t *ret_offset) {
    uint64_t port;
    wharf_str text = {authority.ptr + start, authority.len - start};
    bool small = text.len < 5 && (text.len == 0 || scan_all(text, SCAN_DIGIT));
    if (small || number_parse(text, PORT_MAX, &port) == 0) {
        return AUTHORITY_FINE;
    }
    *ret_offset = start;
    while (*ret_offset < authority.len && scan_is(authority.ptr[*ret_offset], SCAN_DIGIT)) {
        ++*ret_offset;
    }
    if (*ret_offset < authority.len) {
        return byte_fault(authority, ret_offset, AUTHORITY_PORT);
    }
    *ret_offset = start;
    return AUTHORITY_PORT;
}

enum authority_fault authority_check(wharf_str authority, size_t *ret_offset) {
    size_t host_len = name_length(authority);
    *ret_offset = 0;
    if (authority.len > 0 && authority.ptr[0] == '[') {
        ssize_t close = str_find_byte(authority, ']');
        if (close < 0 || !ipv6_is_valid(str_slice(authority, 1, (size_t)close))) {
            return byte_fault(authority, ret_offset, AUTHORITY_INVALID);
        }
        host_len = (size_t)close + 1;
    }
    *ret_offset = host_len;
    if (host_len < authority.len && authority.ptr[host_len] != ':') {
        return byte_fault(authority, ret_offset, AUTHORITY_INVALID);
    }
    if (host_len == 0) {
        return AUTHORITY_EMPTY;
    }
    return host_len == authority.len ? AUTHORITY_FINE : port_check(authority, host_len + 1, ret_offset);
}

/* ---- forms ---- */

/* Refuses a faulty authority that begins at this offset of the target. */
static int refuse_authority(const struct head_parse *parse, enum authority_fault fault, const char *where) {
    switch (fault) {
    case AUTHORITY_USERINFO: return head_refuse(parse, H1_TARGET_USERINFO, where);
    case AUTHORITY_PORT: return head_refuse(parse, H1_TARGET_PORT, where);
    default: return head_refuse(parse, H1_TARGET_AUTHORITY, where);
    }
}

/* CONNECT host:port, both needed (RFC 9110 section 9.3.6). */
static int resolve_authority_form(const struct head_parse *parse, struct h1_request *request) {
    wharf_str target = request->target;
    size_t host_len;
    enum authority_fault fault = authority_check(target, &host_len);
    if (fault != AUTHORITY_FINE) {
        return refuse_authority(parse, fault, target.ptr + host_len);
    }
    if (host_len + 1 >= target.len) {
        return head_refuse(parse, H1_TARGET_AUTHORITY, target.ptr + host_len);
    }
    request->form = H1_FORM_AUTHORITY;
    request->host = target;
    request->path = (wharf_str){target.ptr, 0};
    request->path_encoded = false;
    return 0;
}

/* http://host[:port][/path][?query] */
static int resolve_absolute_form(const struct head_parse *parse, struct h1_request *request) {
    wharf_str target = request->target;
    ssize_t scheme_len = str_find(target, STR("://"));
    if (scheme_len <= 0 || !scan_is(target.ptr[0], SCAN_ALPHA) ||
        !scan_all(str_slice(target, 0, (size_t)scheme_len), SCAN_TCHAR)) {
        return head_refuse(parse, H1_TARGET_FORM, target.ptr);
    }
    wharf_str scheme = str_slice(target, 0, (size_t)scheme_len);
    if (!str_equal_nocase(scheme, STR("http")) && !str_equal_nocase(scheme, STR("https"))) {
        return head_refuse(parse, H1_TARGET_SCHEME, target.ptr);
    }
    size_t path_end = request->has_query ? (size_t)(request->query.ptr - target.ptr) - 1 : target.len;
    wharf_str rest = str_slice(target, scheme.len + 3, path_end);
    ssize_t slash = str_find_byte(rest, '/');
    wharf_str authority = slash >= 0 ? str_slice(rest, 0, (size_t)slash) : rest;
    size_t offset;
    enum authority_fault fault = authority_check(authority, &offset);
    if (fault != AUTHORITY_FINE) {
        return refuse_authority(parse, fault, authority.ptr + offset);
    }
    request->form = H1_FORM_ABSOLUTE;
    request->scheme = scheme;
    request->host = authority;
    request->path = slash >= 0 ? str_slice(rest, (size_t)slash, rest.len) : STR("/");
    request->path_encoded = str_find_byte(request->path, '%') >= 0;
    return 0;
}

int target_resolve(const struct head_parse *parse, struct h1_request *request) {
    wharf_str target = request->target;
    if (request->method == H1_METHOD_CONNECT) {
        return resolve_authority_form(parse, request);
    }
    if (!wharf_str_is(target, "*")) {
        return resolve_absolute_form(parse, request);
    }
    if (request->method != H1_METHOD_OPTIONS) {
        return head_refuse(parse, H1_TARGET_ASTERISK, target.ptr);
    }
    request->form = H1_FORM_ASTERISK;
    request->path = target;
    return 0;
}
