/* URL parsing as named steps instead of the standard's state machine. That works because for these schemes
 * '#' and '?' end every earlier part wherever they stand: fragment and query are cut off first, then the
 * scheme, then the authority, and what is left is the path. Each step appends its part in normal form to one
 * output, whose size is bounded before the first byte is written. */
#include "http/codec/url.h"

#include <assert.h>
#include <errno.h>

#include "base/number.h"
#include "base/text.h"
#include "http/codec/percent.h"
#include "http/codec/url_host.h"

struct known_scheme {
    const char *name;
    uint16_t port;
    bool is_secure;
};

static const struct known_scheme known_schemes[] = {
    {"http", 80, false}, {"https", 443, true}, {"ws", 80, false}, {"wss", 443, true}};

static const struct known_scheme *find_scheme(wharf_str name) {
    for (size_t i = 0; i < sizeof(known_schemes) / sizeof(known_schemes[0]); i++) {
        if (str_equal_nocase(name, wharf_str_of(known_schemes[i].name))) {
            return &known_schemes[i];
        }
    }
    return NULL;
}

/* The reference, cut into what the '?', '#' and ':' in it separate; has_x tells "empty" from "absent". */
struct reference {
    wharf_str scheme;
    wharf_str rest; /* authority and path */
    wharf_str query, fragment;
    bool has_scheme, has_authority, has_query, has_fragment;
};

struct url_parser {
    wharf_str text; /* the input without surrounding blanks, tabs and line ends */
    const struct url *base;
    const struct known_scheme *scheme;
    bool inherits_fragment;
    struct reference reference;
    struct url url;
    char *out, *next, *end;
    struct url_error error;
};

/* ---- output ---- */

static void put(struct url_parser *parser, char byte) {
    assert(parser->next < parser->end);
    *parser->next++ = byte;
}

static void put_str(struct url_parser *parser, wharf_str text) {
    assert(text.len <= (size_t)(parser->end - parser->next));
    if (text.len > 0) {
        memcpy(parser->next, text.ptr, text.len);
        parser->next += text.len;
    }
}

/* Most text needs no encoding: it is copied in runs. */
static void put_encoded(struct url_parser *parser, wharf_str text, enum percent_set set) {
    size_t run = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (percent_is_in_set(text.ptr[i], set)) {
            char encoded[3];
            put_str(parser, str_slice(text, run, i));
            put_str(parser, (wharf_str){encoded, percent_format_byte(encoded, text.ptr[i])});
            run = i + 1;
        }
    }
    put_str(parser, str_slice(text, run, text.len));
}

static wharf_str view_from(const struct url_parser *parser, const char *start) {
    return (wharf_str){start, (size_t)(parser->next - start)};
}

/* The most bytes that the result can have: what both inputs have, two more for each byte that some part of a
 * URL must encode, and the longest address a short host can stand for. */
static size_t output_size_max(const struct url_parser *parser) {
    enum { SCHEME_AND_SEPARATORS = 16 };
    size_t size = parser->text.len + SCHEME_AND_SEPARATORS + URL_HOST_ADDRESS_TEXT_MAX;
    for (size_t i = 0; i < parser->text.len; i++) {
        bool may_be_encoded = percent_is_in_set(parser->text.ptr[i], PERCENT_USERINFO | PERCENT_QUERY);
        size += may_be_encoded ? 2 : 0;
    }
    return size + (parser->base != NULL ? parser->base->href.len : 0);
}

/* ---- errors ---- */

/* Steps report places in the cleaned text. */
static int url_fail(struct url_parser *parser, enum url_error_code code, const char *at, const char *reason) {
    parser->error = (struct url_error){.code = code, .reason = reason};
    parser->error.offset = at != NULL ? (size_t)(at - parser->text.ptr) : 0;
    return code == URL_NO_MEMORY ? -ENOMEM : -WHARF_EADDRESS;
}

static bool is_removed(char byte) {
    return byte == '\t' || byte == '\n' || byte == '\r';
}

static bool is_control_or_space(char byte) {
    return (unsigned char)byte <= 0x20;
}

static size_t leading_blanks(wharf_str input) {
    size_t len = 0;
    while (len < input.len && is_control_or_space(input.ptr[len])) {
        len++;
    }
    return len;
}

/* Where the byte at `offset` of the cleaned text stands in the input. */
static size_t offset_in_input(wharf_str input, size_t offset) {
    size_t at = leading_blanks(input);
    size_t kept = 0;
    while (at < input.len && (kept < offset || is_removed(input.ptr[at]))) {
        kept += is_removed(input.ptr[at]) ? 0 : 1;
        at++;
    }
    return at;
}

/* ---- cutting the input ---- */

/* Without blanks and controls at both ends, and without tabs and line ends anywhere: hand-wrapped URLs are
 * common. */
static int clean_input(struct url_parser *parser, struct arena *arena, wharf_str input) {
    size_t end = input.len;
    size_t start = leading_blanks(input);
    while (end > start && is_control_or_space(input.ptr[end - 1])) {
        end--;
    }
    parser->text = input.ptr != NULL ? str_slice(input, start, end) : STR("");
    size_t removed = 0;
    for (size_t i = 0; i < parser->text.len; i++) {
        removed += is_removed(parser->text.ptr[i]) ? 1 : 0;
    }
    if (removed == 0) {
        return 0;
    }
    char *cleaned = arena_alloc(arena, parser->text.len - removed);
    if (cleaned == NULL) {
        return url_fail(parser, URL_NO_MEMORY, NULL, "out of memory");
    }
    size_t len = 0;
    for (size_t i = 0; i < parser->text.len; i++) {
        if (!is_removed(parser->text.ptr[i])) {
            cleaned[len++] = parser->text.ptr[i];
        }
    }
    parser->text = (wharf_str){cleaned, len};
    return 0;
}

/* Cuts *text at the first `separator`; what was behind it goes to *ret_tail. */
static bool cut_tail(wharf_str *text, char separator, wharf_str *ret_tail) {
    ssize_t at = str_find_byte(*text, separator);
    if (at < 0) {
        return false;
    }
    *ret_tail = str_slice(*text, (size_t)at + 1, text->len);
    *text = str_slice(*text, 0, (size_t)at);
    return true;
}

static bool is_alpha(char byte) {
    char lower = ascii_lower(byte);
    return lower >= 'a' && lower <= 'z';
}

/* The length of a scheme name in front of a ':', or 0. */
static size_t scheme_len(wharf_str text) {
    size_t len = 0;
    while (len < text.len && text.ptr[len] != ':') {
        char byte = text.ptr[len];
        bool may_follow = (byte >= '0' && byte <= '9') || byte == '+' || byte == '-' || byte == '.';
        if (!is_alpha(byte) && !(may_follow && len > 0)) {
            return 0;
        }
        len++;
    }
    return len < text.len ? len : 0;
}

static bool is_slash(char byte) {
    return byte == '/' || byte == '\\';
}

static size_t leading_slashes(wharf_str text) {
    size_t len = 0;
    while (len < text.len && is_slash(text.ptr[len])) {
        len++;
    }
    return len;
}

/* With the scheme of the base (or none) one slash is a path and two are an authority; with another scheme an
 * authority follows however many slashes there are. */
static int cut_reference(struct url_parser *parser) {
    struct reference *reference = &parser->reference;
    reference->rest = parser->text;
    reference->has_fragment = cut_tail(&reference->rest, '#', &reference->fragment);
    reference->has_query = cut_tail(&reference->rest, '?', &reference->query);
    size_t len = scheme_len(reference->rest);
    if (len > 0) {
        reference->has_scheme = true;
        reference->scheme = str_slice(reference->rest, 0, len);
        reference->rest = str_slice(reference->rest, len + 1, reference->rest.len);
        parser->scheme = find_scheme(reference->scheme);
        if (parser->scheme == NULL) {
            return url_fail(parser, URL_OTHER_SCHEME, reference->scheme.ptr, "not http, https, ws or wss");
        }
    } else if (parser->base != NULL) {
        parser->scheme = find_scheme(parser->base->scheme);
    } else {
        return url_fail(parser, URL_NO_SCHEME, parser->text.ptr, "no scheme such as http://");
    }
    bool scheme_of_base = parser->base != NULL && wharf_str_is(parser->base->scheme, parser->scheme->name);
    size_t slashes = leading_slashes(reference->rest);
    reference->has_authority = !scheme_of_base || slashes >= 2;
    if (reference->has_authority) {
        reference->rest = str_slice(reference->rest, slashes, reference->rest.len);
    }
    return 0;
}

/* ---- the authority ---- */

static void put_userinfo(struct url_parser *parser, wharf_str userinfo) {
    wharf_str password = {NULL, 0};
    wharf_str username = userinfo;
    (void)cut_tail(&username, ':', &password);
    if (username.len == 0 && password.len == 0) {
        return;
    }
    const char *start = parser->next;
    put_encoded(parser, username, PERCENT_USERINFO);
    parser->url.username = view_from(parser, start);
    if (password.len > 0) {
        put(parser, ':');
        start = parser->next;
        put_encoded(parser, password, PERCENT_USERINFO);
        parser->url.password = view_from(parser, start);
    }
    put(parser, '@');
}

/* The ':' that begins the port: the first one outside brackets. */
static ssize_t find_port(wharf_str host_and_port) {
    bool in_brackets = false;
    for (size_t i = 0; i < host_and_port.len; i++) {
        char byte = host_and_port.ptr[i];
        if (byte == ':' && !in_brackets) {
            return (ssize_t)i;
        }
        in_brackets = byte == '[' || (in_brackets && byte != ']');
    }
    return -1;
}

static int put_port(struct url_parser *parser, wharf_str digits) {
    uint64_t port = 0;
    if (digits.len == 0) {
        return 0;
    }
    int status = number_parse(digits, UINT16_MAX, &port);
    if (status == -ERANGE) {
        return url_fail(parser, URL_BAD_PORT, digits.ptr, "a port over 65535");
    }
    if (status < 0) {
        size_t at = 0;
        while (digits.ptr[at] >= '0' && digits.ptr[at] <= '9') {
            at++;
        }
        return url_fail(parser, URL_BAD_PORT, digits.ptr + at, "a port that is not a number");
    }
    if (port == parser->scheme->port) {
        return 0;
    }
    parser->url.port = (uint16_t)port;
    parser->url.has_port = true;
    put(parser, ':');
    char text[20];
    put_str(parser, (wharf_str){text, number_format(port, text)});
    return 0;
}

static int put_host(struct url_parser *parser, wharf_str host) {
    struct url_error error;
    size_t len = 0;
    if (host.len == 0) {
        return url_fail(parser, URL_NO_HOST, host.ptr, "no host");
    }
    assert((size_t)(parser->end - parser->next) >= host.len + URL_HOST_ADDRESS_TEXT_MAX);
    int status = url_host_parse(host, parser->next, &len, &parser->url.host_kind, &error);
    if (status < 0) {
        return url_fail(parser, error.code, host.ptr + error.offset, error.reason);
    }
    parser->url.host = (wharf_str){parser->next, len};
    parser->next += len;
    return 0;
}

/* Takes the authority off reference.rest, so that the path is left. */
static int put_authority(struct url_parser *parser) {
    wharf_str *rest = &parser->reference.rest;
    size_t len = 0;
    while (len < rest->len && !is_slash(rest->ptr[len])) {
        len++;
    }
    wharf_str host = str_slice(*rest, 0, len);
    *rest = str_slice(*rest, len, rest->len);
    ssize_t at_sign = str_find_last_byte(host, '@');
    if (at_sign >= 0) {
        put_userinfo(parser, str_slice(host, 0, (size_t)at_sign));
        host = str_slice(host, (size_t)at_sign + 1, host.len);
    }
    ssize_t colon = find_port(host);
    wharf_str port = colon >= 0 ? str_slice(host, (size_t)colon + 1, host.len) : STR("");
    const char *start = parser->next;
    int status = put_host(parser, colon >= 0 ? str_slice(host, 0, (size_t)colon) : host);
    if (status < 0) {
        return status;
    }
    status = put_port(parser, port);
    parser->url.authority = view_from(parser, start);
    return status;
}

static void put_authority_of_base(struct url_parser *parser) {
    const struct url *base = parser->base;
    struct url *url = &parser->url;
    size_t userinfo_len = (size_t)(base->authority.ptr - base->scheme.ptr) - base->scheme.len - 3;
    char *start = parser->next;
    put_str(parser, (wharf_str){base->authority.ptr - userinfo_len, userinfo_len + base->authority.len});
    url->username = (wharf_str){start, base->username.len};
    if (base->password.len > 0) {
        url->password = (wharf_str){start + base->username.len + 1, base->password.len};
    }
    url->authority = (wharf_str){start + userinfo_len, base->authority.len};
    url->host = (wharf_str){url->authority.ptr, base->host.len};
    url->host_kind = base->host_kind;
    url->port = base->port;
    url->has_port = base->has_port;
}

/* ---- the path ---- */

/* 1 for "." and 2 for "..", where each dot may be written "%2e" as well; 0 for any other segment. */
static int count_dots(wharf_str segment) {
    int dots = 0;
    size_t at = 0;
    while (at < segment.len) {
        bool is_plain = segment.ptr[at] == '.';
        if (dots == 2 || (!is_plain && percent_byte_at(segment, at) != '.')) {
            return 0;
        }
        dots++;
        at += is_plain ? 1 : 3;
    }
    return dots;
}

static void drop_last_segment(struct url_parser *parser, const char *path_start) {
    while (parser->next > path_start) {
        parser->next--;
        if (*parser->next == '/') {
            return;
        }
    }
}

/* Appends segment after segment to the path that begins at path_start; ".." takes the last one off again. */
static void put_segments(struct url_parser *parser, wharf_str text, const char *path_start) {
    size_t at = 0;
    bool is_last = false;
    while (!is_last) {
        size_t end = at;
        while (end < text.len && !is_slash(text.ptr[end])) {
            end++;
        }
        wharf_str segment = str_slice(text, at, end);
        int dots = count_dots(segment);
        is_last = end == text.len;
        at = end + 1;
        if (dots == 2) {
            drop_last_segment(parser, path_start);
        }
        if (dots == 0 || is_last) {
            put(parser, '/');
        }
        if (dots == 0) {
            put_encoded(parser, segment, PERCENT_PATH);
        }
    }
}

/* True when the path of the base is taken over unchanged, and with it, unless there is another one, its
 * query. */
static bool put_path(struct url_parser *parser) {
    wharf_str text = parser->reference.rest;
    const char *start = parser->next;
    bool is_absolute = parser->reference.has_authority || (text.len > 0 && is_slash(text.ptr[0]));
    bool keeps_base = !is_absolute && text.len == 0;
    if (keeps_base) {
        put_str(parser, parser->base->path);
    } else if (is_absolute) {
        put_segments(parser, str_slice(text, 1, text.len), start);
    } else {
        put_str(parser, parser->base->path);
        drop_last_segment(parser, start);
        put_segments(parser, text, start);
    }
    parser->url.path = view_from(parser, start);
    return keeps_base;
}

/* ---- the whole ---- */

static void put_query(struct url_parser *parser, bool keeps_base) {
    const struct reference *reference = &parser->reference;
    bool inherits = !reference->has_query && keeps_base && parser->base->has_query;
    if (!reference->has_query && !inherits) {
        return;
    }
    put(parser, '?');
    const char *start = parser->next;
    if (inherits) {
        put_str(parser, parser->base->query);
    } else {
        put_encoded(parser, reference->query, PERCENT_QUERY);
    }
    parser->url.query = view_from(parser, start);
    parser->url.has_query = true;
}

static void put_fragment(struct url_parser *parser) {
    const struct reference *reference = &parser->reference;
    bool inherits = parser->inherits_fragment && !reference->has_fragment && parser->base->has_fragment;
    if (!reference->has_fragment && !inherits) {
        return;
    }
    put(parser, '#');
    const char *start = parser->next;
    if (inherits) {
        put_str(parser, parser->base->fragment);
    } else {
        put_encoded(parser, reference->fragment, PERCENT_FRAGMENT);
    }
    parser->url.fragment = view_from(parser, start);
    parser->url.has_fragment = true;
}

static int put_url(struct url_parser *parser) {
    struct url *url = &parser->url;
    url->scheme = (wharf_str){parser->out, strlen(parser->scheme->name)};
    url->is_secure = parser->scheme->is_secure;
    url->port = parser->scheme->port;
    put_str(parser, wharf_str_of(parser->scheme->name));
    put_str(parser, STR("://"));
    if (parser->reference.has_authority) {
        int status = put_authority(parser);
        if (status < 0) {
            return status;
        }
    } else {
        put_authority_of_base(parser);
    }
    bool keeps_base = put_path(parser);
    put_query(parser, keeps_base);
    url->origin_form = view_from(parser, url->path.ptr);
    put_fragment(parser);
    url->href = view_from(parser, parser->out);
    return 0;
}

static int parse_steps(struct url_parser *parser, struct arena *arena, wharf_str input) {
    int status = clean_input(parser, arena, input);
    if (status < 0) {
        return status;
    }
    status = cut_reference(parser);
    if (status < 0) {
        return status;
    }
    size_t size = output_size_max(parser);
    parser->out = arena_alloc(arena, size);
    if (parser->out == NULL) {
        return url_fail(parser, URL_NO_MEMORY, NULL, "out of memory");
    }
    parser->next = parser->out;
    parser->end = parser->out + size;
    return put_url(parser);
}

/* `parser` holds the base and the choices. */
static int run_parser(struct url_parser *parser, struct arena *arena, wharf_str input, struct url *ret_url,
                      struct url_error *ret_error) {
    int status = parse_steps(parser, arena, input);
    if (status < 0) {
        *ret_error = parser->error;
        ret_error->offset = offset_in_input(input, parser->error.offset);
        return status;
    }
    *ret_url = parser->url;
    return 0;
}

int url_parse(struct arena *arena, wharf_str input, struct url *ret_url, struct url_error *ret_error) {
    struct url_parser parser = {.base = NULL};
    return run_parser(&parser, arena, input, ret_url, ret_error);
}

int url_resolve(struct arena *arena, const struct url *base, wharf_str reference, struct url *ret_url,
                struct url_error *ret_error) {
    struct url_parser parser = {.base = base};
    return run_parser(&parser, arena, reference, ret_url, ret_error);
}

int url_redirect(struct arena *arena, const struct url *base, wharf_str location, struct url *ret_url,
                 struct url_error *ret_error) {
    struct url_parser parser = {.base = base, .inherits_fragment = true};
    return run_parser(&parser, arena, location, ret_url, ret_error);
}

/* ---- questions about a URL ---- */

bool url_is_default_port(wharf_str scheme, uint16_t port) {
    const struct known_scheme *known = find_scheme(scheme);
    return known != NULL && known->port == port;
}

bool url_same_origin(const struct url *a, const struct url *b) {
    return wharf_str_equal(a->scheme, b->scheme) && wharf_str_equal(a->host, b->host) && a->port == b->port;
}

wharf_str url_format_public(struct arena *arena, const struct url *url) {
    return arena_printf(arena, "%.*s://%.*s%.*s", WHARF_STR_ARG(url->scheme), WHARF_STR_ARG(url->authority),
                        WHARF_STR_ARG(url->origin_form));
}
