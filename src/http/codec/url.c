/* From a reference cut into parts to a URL: each part is appended in normal form to one output, whose size is bounded
 * before the first byte is written. */
#include "http/codec/url.h"

#include <assert.h>
#include <errno.h>

#include "base/number.h"
#include "base/text.h"
#include "http/codec/percent.h"
#include "http/codec/url_host.h"
#include "http/codec/url_reference.h"

struct url_parser {
    struct arena *arena;
    wharf_str text; /* the input without surrounding blanks, tabs and line ends */
    const struct url *base;
    bool web_only, inherits_fragment;
    struct url_reference reference;
    wharf_str userinfo, port_text;
    wharf_str host; /* in canonical form */
    bool has_userinfo;
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

/* The most bytes that the result can have: what both inputs and the host have, and two more for each byte that some
 * part of a URL must encode. */
static size_t output_size_max(const struct url_parser *parser) {
    enum { SEPARATORS_AND_PORT = 32 };
    size_t size = parser->text.len + SEPARATORS_AND_PORT + parser->host.len;
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

/* ---- before the first byte of output ---- */

/* Without blanks and controls at both ends, and without tabs and line ends anywhere: hand-wrapped URLs are
 * common. */
static int clean_input(struct url_parser *parser, wharf_str input) {
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
    char *cleaned = arena_alloc(parser->arena, parser->text.len - removed);
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

static int cut_reference(struct url_parser *parser) {
    struct url_reference *reference = &parser->reference;
    if (!url_reference_cut(parser->text, parser->base, reference, &parser->error)) {
        return -WHARF_EADDRESS;
    }
    bool is_web = reference->special != NULL && reference->special->is_web;
    if (parser->web_only && !is_web) {
        return url_fail(parser, URL_OTHER_SCHEME, NULL, "not http, https, ws or wss");
    }
    return 0;
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

static int read_host(struct url_parser *parser, wharf_str host) {
    struct url_error error;
    const struct url_scheme *special = parser->reference.special;
    bool is_file = special != NULL && special->is_file;
    bool may_be_empty = special == NULL && !parser->has_userinfo && parser->port_text.ptr == NULL;
    if (host.len == 0) {
        return may_be_empty || is_file ? 0 : url_fail(parser, URL_NO_HOST, host.ptr, "no host");
    }
    int status = special != NULL
                     ? url_host_parse(parser->arena, host, &parser->host, &parser->url.host_kind, &error)
                     : url_host_parse_opaque(parser->arena, host, &parser->host, &parser->url.host_kind,
                                             &error);
    if (status < 0) {
        return url_fail(parser, error.code, host.ptr + error.offset, error.reason);
    }
    if (is_file && wharf_str_is(parser->host, "localhost")) {
        parser->host = STR("");
    }
    return 0;
}

static int read_authority(struct url_parser *parser) {
    wharf_str host = parser->reference.authority;
    if (!parser->reference.has_authority) {
        return 0;
    }
    bool is_file = parser->reference.special != NULL && parser->reference.special->is_file;
    ssize_t at_sign = is_file ? -1 : str_find_last_byte(host, '@');
    if (at_sign >= 0) {
        parser->has_userinfo = true;
        parser->userinfo = str_slice(host, 0, (size_t)at_sign);
        host = str_slice(host, (size_t)at_sign + 1, host.len);
    }
    ssize_t colon = is_file ? -1 : find_port(host);
    if (colon >= 0) {
        parser->port_text = str_slice(host, (size_t)colon + 1, host.len);
        host = str_slice(host, 0, (size_t)colon);
    }
    return read_host(parser, host);
}

/* ---- the authority ---- */

static void put_userinfo(struct url_parser *parser) {
    ssize_t colon = str_find_byte(parser->userinfo, ':');
    size_t end = colon >= 0 ? (size_t)colon : parser->userinfo.len;
    wharf_str username = str_slice(parser->userinfo, 0, end);
    wharf_str password = str_slice(parser->userinfo, end + 1, parser->userinfo.len);
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

static int put_port(struct url_parser *parser) {
    wharf_str digits = parser->port_text;
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
    if (parser->reference.special != NULL && port == parser->reference.special->port) {
        return 0;
    }
    parser->url.port = (uint16_t)port;
    parser->url.has_port = true;
    put(parser, ':');
    char text[20];
    put_str(parser, (wharf_str){text, number_format(port, text)});
    return 0;
}

static int put_authority(struct url_parser *parser) {
    put_str(parser, STR("//"));
    put_userinfo(parser);
    const char *start = parser->next;
    put_str(parser, parser->host);
    parser->url.host = view_from(parser, start);
    parser->url.has_host = true;
    int status = put_port(parser);
    parser->url.authority = view_from(parser, start);
    return status;
}

static void put_authority_of_base(struct url_parser *parser) {
    const struct url *base = parser->base;
    struct url *url = &parser->url;
    if (!base->has_host) {
        return;
    }
    put_str(parser, STR("//"));
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
    url->has_host = true;
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

static bool is_file(const struct url_parser *parser) {
    return parser->reference.special != NULL && parser->reference.special->is_file;
}

/* Whether the path is one segment, a drive: "/C:". */
static bool is_drive_alone(wharf_str path) {
    return path.len == 3 && path.ptr[2] == ':' && url_starts_with_drive(str_slice(path, 1, 3));
}

static void drop_last_segment(struct url_parser *parser, const char *path_start) {
    if (is_file(parser) && is_drive_alone(view_from(parser, path_start))) {
        return;
    }
    while (parser->next > path_start) {
        parser->next--;
        if (*parser->next == '/') {
            return;
        }
    }
}

static void put_segment(struct url_parser *parser, wharf_str segment, const char *path_start) {
    bool is_first = parser->next == path_start;
    put(parser, '/');
    if (is_first && is_file(parser) && segment.len == 2 && url_starts_with_drive(segment)) {
        put(parser, segment.ptr[0]);
        put(parser, ':');
        return;
    }
    put_encoded(parser, segment, PERCENT_PATH);
}

/* Appends segment after segment to the path that begins at path_start; ".." takes the last one off again. */
static void put_segments(struct url_parser *parser, wharf_str text, const char *path_start) {
    size_t at = 0;
    bool is_last = false;
    while (!is_last) {
        size_t end = at;
        while (end < text.len && !url_is_slash(&parser->reference, text.ptr[end])) {
            end++;
        }
        wharf_str segment = str_slice(text, at, end);
        int dots = count_dots(segment);
        is_last = end == text.len;
        at = end + 1;
        if (dots == 2) {
            drop_last_segment(parser, path_start);
        }
        if (dots == 0) {
            put_segment(parser, segment, path_start);
        } else if (is_last) {
            put(parser, '/');
        }
    }
}

/* A blank just before '?' or '#' is encoded, so that the text keeps it when it is cut again. */
static void put_opaque_path(struct url_parser *parser) {
    const struct url_reference *reference = &parser->reference;
    wharf_str text = reference->is_relative ? parser->base->path : reference->path;
    bool is_followed = reference->has_query || reference->has_fragment;
    bool ends_in_blank = text.len > 0 && text.ptr[text.len - 1] == ' ' && is_followed;
    put_encoded(parser, str_slice(text, 0, text.len - (ends_in_blank ? 1 : 0)), PERCENT_CONTROL);
    put_str(parser, ends_in_blank ? STR("%20") : STR(""));
    parser->url.has_opaque_path = true;
}

/* What a relative reference takes over of the path of the base. */
static void put_path_of_base(struct url_parser *parser, bool is_absolute) {
    const wharf_str text = parser->reference.path;
    const wharf_str base = parser->base->path;
    const char *start = parser->next;
    bool has_drive = is_file(parser) &&
                     url_starts_with_drive(is_absolute ? str_slice(text, 1, text.len) : text);
    if (is_absolute) {
        wharf_str drive = str_slice(base, 0, 3);
        bool keeps_drive = is_file(parser) && !has_drive && is_drive_alone(drive) &&
                           (base.len == 3 || base.ptr[3] == '/');
        put_str(parser, keeps_drive ? drive : STR(""));
    } else if (!has_drive) {
        put_str(parser, base);
        drop_last_segment(parser, start);
    }
}

/* Without a host, a path that begins with two slashes would read as one. */
static void keep_from_reading_as_host(struct url_parser *parser, char *start) {
    wharf_str path = view_from(parser, start);
    if (!parser->url.has_host && str_starts(path, STR("//"))) {
        put_str(parser, STR("/."));
        memmove(start + 2, start, path.len);
        memcpy(start, "/.", 2);
        parser->url.path = (wharf_str){start + 2, path.len};
    }
}

/* True when the path of the base is taken over unchanged, and with it, unless there is another one, its
 * query. */
static bool put_path(struct url_parser *parser) {
    const struct url_reference *reference = &parser->reference;
    wharf_str text = reference->path;
    char *start = parser->next;
    bool is_absolute = text.len > 0 && url_is_slash(reference, text.ptr[0]);
    bool keeps_base = reference->is_relative && text.len == 0;
    if (reference->is_opaque) {
        put_opaque_path(parser);
    } else if (keeps_base) {
        put_str(parser, parser->base->path);
    } else {
        if (reference->is_relative) {
            put_path_of_base(parser, is_absolute);
        }
        if (text.len > 0 || reference->special != NULL) {
            put_segments(parser, str_slice(text, is_absolute ? 1 : 0, text.len), start);
        }
    }
    parser->url.path = view_from(parser, start);
    if (!reference->is_opaque) {
        keep_from_reading_as_host(parser, start);
    }
    return keeps_base;
}

/* ---- query and fragment ---- */

static void put_query(struct url_parser *parser, bool keeps_base) {
    const struct url_reference *reference = &parser->reference;
    bool inherits = !reference->has_query && keeps_base && parser->base->has_query;
    if (!reference->has_query && !inherits) {
        return;
    }
    put(parser, '?');
    const char *start = parser->next;
    if (inherits) {
        put_str(parser, parser->base->query);
    } else {
        put_encoded(parser, reference->query,
                    reference->special != NULL ? PERCENT_QUERY : PERCENT_OTHER_QUERY);
    }
    parser->url.query = view_from(parser, start);
    parser->url.has_query = true;
}

static void put_fragment(struct url_parser *parser) {
    const struct url_reference *reference = &parser->reference;
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

/* ---- all of it ---- */

static void put_scheme(struct url_parser *parser) {
    const struct url_reference *reference = &parser->reference;
    wharf_str scheme = reference->has_scheme ? reference->scheme : parser->base->scheme;
    const char *start = parser->next;
    for (size_t i = 0; i < scheme.len; i++) {
        put(parser, ascii_lower(scheme.ptr[i]));
    }
    parser->url.scheme = view_from(parser, start);
    parser->url.is_secure = reference->special != NULL && reference->special->is_secure;
    parser->url.port = reference->special != NULL ? reference->special->port : 0;
    put(parser, ':');
}

static int put_url(struct url_parser *parser) {
    struct url *url = &parser->url;
    put_scheme(parser);
    if (parser->reference.has_authority || (is_file(parser) && !parser->reference.is_relative)) {
        int status = put_authority(parser);
        if (status < 0) {
            return status;
        }
    } else if (parser->reference.is_relative) {
        put_authority_of_base(parser);
    }
    bool keeps_base = put_path(parser);
    put_query(parser, keeps_base);
    url->origin_form = view_from(parser, url->path.ptr);
    put_fragment(parser);
    url->href = view_from(parser, parser->out);
    return 0;
}

static int parse_steps(struct url_parser *parser, wharf_str input) {
    int status = clean_input(parser, input);
    status = status == 0 ? cut_reference(parser) : status;
    status = status == 0 ? read_authority(parser) : status;
    if (status < 0) {
        return status;
    }
    size_t size = output_size_max(parser);
    parser->out = arena_alloc(parser->arena, size);
    if (parser->out == NULL) {
        return url_fail(parser, URL_NO_MEMORY, NULL, "out of memory");
    }
    parser->next = parser->out;
    parser->end = parser->out + size;
    return put_url(parser);
}

/* `parser` holds the arena, the base and the choices. */
static int run_parser(struct url_parser *parser, wharf_str input, struct url *ret_url,
                      struct url_error *ret_error) {
    int status = parse_steps(parser, input);
    if (status < 0) {
        *ret_error = parser->error;
        ret_error->offset = offset_in_input(input, parser->error.offset);
        return status;
    }
    *ret_url = parser->url;
    return 0;
}

int url_parse(struct arena *arena, wharf_str input, struct url *ret_url, struct url_error *ret_error) {
    struct url_parser parser = {.arena = arena, .web_only = true};
    return run_parser(&parser, input, ret_url, ret_error);
}

int url_resolve(struct arena *arena, const struct url *base, wharf_str reference, struct url *ret_url,
                struct url_error *ret_error) {
    struct url_parser parser = {.arena = arena, .base = base, .web_only = true};
    return run_parser(&parser, reference, ret_url, ret_error);
}

int url_redirect(struct arena *arena, const struct url *base, wharf_str location, struct url *ret_url,
                 struct url_error *ret_error) {
    struct url_parser parser = {.arena = arena, .base = base, .web_only = true, .inherits_fragment = true};
    return run_parser(&parser, location, ret_url, ret_error);
}

int url_parse_any(struct arena *arena, const struct url *base, wharf_str input, struct url *ret_url,
                  struct url_error *ret_error) {
    struct url_parser parser = {.arena = arena, .base = base};
    return run_parser(&parser, input, ret_url, ret_error);
}

/* ---- questions about a URL ---- */

bool url_is_default_port(wharf_str scheme, uint16_t port) {
    const struct url_scheme *known = url_scheme_find(scheme);
    return known != NULL && known->port == port;
}

bool url_same_origin(const struct url *a, const struct url *b) {
    return wharf_str_equal(a->scheme, b->scheme) && wharf_str_equal(a->host, b->host) && a->port == b->port;
}

wharf_str url_format_public(struct arena *arena, const struct url *url) {
    return arena_printf(arena, "%.*s://%.*s%.*s", WHARF_STR_ARG(url->scheme), WHARF_STR_ARG(url->authority),
                        WHARF_STR_ARG(url->origin_form));
}
