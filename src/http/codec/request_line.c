/* The request line: method SP request-target SP HTTP-version CR LF (RFC 9112 section 3). Exactly one space
 * each; whoever is lenient here can be made to see another request than the next server does. */
#include "base/compiler.h"
#include "base/text.h"
#include "http/codec/scan.h"
#include "http/codec/start_line.h"
#include "http/codec/target.h"

/* ---- method ---- */

static const wharf_str method_names[H1_METHOD_COUNT] = {
    [H1_METHOD_OTHER] = {"", 0},          [H1_METHOD_GET] = {"GET", 3},
    [H1_METHOD_HEAD] = {"HEAD", 4},       [H1_METHOD_POST] = {"POST", 4},
    [H1_METHOD_PUT] = {"PUT", 3},         [H1_METHOD_DELETE] = {"DELETE", 6},
    [H1_METHOD_CONNECT] = {"CONNECT", 7}, [H1_METHOD_OPTIONS] = {"OPTIONS", 7},
    [H1_METHOD_TRACE] = {"TRACE", 5},     [H1_METHOD_PATCH] = {"PATCH", 5},
};

enum h1_method h1_method_of(wharf_str token) {
    for (int method = H1_METHOD_GET; method < H1_METHOD_COUNT; method++) {
        if (wharf_str_equal(token, method_names[method])) {
            return (enum h1_method)method;
        }
    }
    return H1_METHOD_OTHER;
}

wharf_str h1_method_name(enum h1_method method) {
    return method_names[method];
}

bool h1_method_is_safe(enum h1_method method) {
    return method == H1_METHOD_GET || method == H1_METHOD_HEAD || method == H1_METHOD_OPTIONS ||
           method == H1_METHOD_TRACE;
}

bool h1_method_is_idempotent(enum h1_method method) {
    return h1_method_is_safe(method) || method == H1_METHOD_PUT || method == H1_METHOD_DELETE;
}

/* Why the method that begins at `start` and stops at `at` is not followed by a space. */
COLD static enum h1_reason method_fault(const char *start, const char *at) {
    if (*at == '\n') {
        return H1_LINE_BARE_LF;
    }
    if (*at == '\r') {
        return at[1] == '\n' ? H1_TARGET_MISSING : H1_LINE_BARE_CR;
    }
    if (at == start && (*at == ' ' || *at == '\t')) {
        return H1_METHOD_MISSING;
    }
    if (at == start && *at == 0x16) {
        return H1_PREFACE_TLS;
    }
    return *at == '\t' ? H1_LINE_WHITESPACE : H1_METHOD_INVALID;
}

/* The method that most requests have. */
ALWAYS_INLINE bool parse_get(struct head_parse *parse) {
    const char *start = parse->input.ptr + parse->at;
    if (parse->input.len - parse->at < 4 || memcmp(start, "GET ", 4) != 0 ||
        parse->limits->method_bytes < 3) {
        return false;
    }
    parse->request->method_text = (wharf_str){start, 3};
    parse->request->method = H1_METHOD_GET;
    parse->at += 4;
    return true;
}

static int parse_method(struct head_parse *parse) {
    const char *start = parse->input.ptr + parse->at;
    const char *at = start;
    while (scan_is(*at, SCAN_TCHAR)) {
        at++;
    }
    size_t len = (size_t)(at - start);
    if (len > parse->limits->method_bytes) {
        return head_refuse(parse, H1_METHOD_LONG, start + parse->limits->method_bytes);
    }
    if (*at != ' ' || len == 0) {
        return head_refuse(parse, method_fault(start, at), at);
    }
    struct h1_request *request = parse->request;
    request->method_text = (wharf_str){start, len};
    request->method = h1_method_of(request->method_text);
    parse->at += len + 1;
    return 0;
}

/* ---- target ---- */

/* Why the target that begins at `start` may not hold the byte at `at`. */
COLD static enum h1_reason target_fault(const char *start, const char *at) {
    unsigned char byte = (unsigned char)*at;
    switch (byte) {
    case '\n': return H1_LINE_BARE_LF;
    case '\r':
        if (at[1] != '\n') {
            return H1_LINE_BARE_CR;
        }
        return at == start ? H1_TARGET_MISSING : H1_VERSION_MISSING;
    case ' ':
    case '\t': return H1_LINE_WHITESPACE;
    case '#': return H1_TARGET_FRAGMENT;
    case '\\': return H1_TARGET_BACKSLASH;
    case '%': return H1_TARGET_PERCENT;
    default: return byte >= 0x80 ? H1_TARGET_NON_ASCII : H1_TARGET_CONTROL;
    }
}

/* A target as far as its bytes have been looked at. */
struct target_span {
    const char *stop;  /* the first byte that is not part of it */
    const char *query; /* behind the first '?'; NULL: none */
    bool path_encoded;
};

static inline struct target_span target_scan(const char *start, const char *end) {
    struct target_span span = {scan_target(start, end), NULL, false};
    for (; span.stop < end && *span.stop != ' '; span.stop = scan_target(span.stop, end)) {
        const char *at = span.stop;
        if (*at == '?') {
            span.stop = at + 1;
            span.query = span.query == NULL ? span.stop : span.query;
        } else if (*at == '%' && end - at > 2 && scan_is(at[1], SCAN_HEX) && scan_is(at[2], SCAN_HEX)) {
            span.stop = at + 3;
            span.path_encoded = span.path_encoded || span.query == NULL;
        } else {
            break;
        }
    }
    return span;
}

static int parse_target(struct head_parse *parse) {
    const char *start = parse->input.ptr + parse->at;
    struct target_span span = target_scan(start, parse->input.ptr + parse->input.len);
    size_t len = (size_t)(span.stop - start);
    if (len > parse->limits->target_bytes) {
        return head_refuse(parse, H1_TARGET_LONG, start + parse->limits->target_bytes);
    }
    if (*span.stop != ' ' || len == 0) {
        return head_refuse(parse, target_fault(start, span.stop), span.stop);
    }
    struct h1_request *request = parse->request;
    request->target = (wharf_str){start, len};
    request->path_encoded = span.path_encoded;
    request->has_query = span.query != NULL;
    request->query = (wharf_str){span.stop, 0};
    if (span.query != NULL) {
        request->query = (wharf_str){span.query, (size_t)(span.stop - span.query)};
    }
    parse->at += len + 1;
    return 0;
}

/* ---- version ---- */

/* A version in its right place and case, but not HTTP/1.x CR LF. digits: behind "HTTP/". */
static enum h1_reason number_fault(const struct head_parse *parse, wharf_str digits) {
    if (str_find_byte(digits, ' ') >= 0 || str_find_byte(digits, '\t') >= 0) {
        return H1_VERSION_WHITESPACE;
    }
    if (digits.len != 3 || !scan_is(digits.ptr[0], SCAN_DIGIT) || digits.ptr[1] != '.' ||
        !scan_is(digits.ptr[2], SCAN_DIGIT)) {
        return H1_VERSION_DIGITS;
    }
    if (digits.ptr[0] == '0') {
        return H1_VERSION_ZERO;
    }
    bool is_preface = wharf_str_is(digits, "2.0") && wharf_str_is(parse->request->method_text, "PRI") &&
                      wharf_str_is(parse->request->target, "*");
    return is_preface ? H1_PREFACE_H2 : H1_VERSION_UNSUPPORTED;
}

/* The version at parse->at is not HTTP/1.x CR LF: says why. */
COLD static int refuse_version(const struct head_parse *parse) {
    const char *start = parse->input.ptr + parse->at;
    const char *lf = memchr(start, '\n', parse->input.len - parse->at);
    wharf_str line = {start, (size_t)(lf - start)};
    ssize_t cr = str_find_byte(line, '\r');
    if (cr >= 0 && start + cr + 1 != lf) {
        return head_refuse(parse, H1_LINE_BARE_CR, start + cr);
    }
    if (cr < 0) {
        return head_refuse(parse, H1_LINE_BARE_LF, lf);
    }
    wharf_str version = {start, (size_t)cr};
    if (version.len == 0) {
        return head_refuse(parse, H1_VERSION_MISSING, start);
    }
    if (*start == ' ' || *start == '\t') {
        return head_refuse(parse, H1_LINE_WHITESPACE, start);
    }
    if (str_starts(version, STR("HTTP/"))) {
        return head_refuse(parse, number_fault(parse, str_slice(version, 5, version.len)), start + 5);
    }
    if (str_starts_nocase(version, STR("HTTP/"))) {
        return head_refuse(parse, H1_VERSION_CASE, start);
    }
    bool more_parts = str_find(version, STR(" HTTP/")) >= 0;
    return head_refuse(parse, more_parts ? H1_TARGET_SPACE : H1_VERSION_INVALID,
                       more_parts ? start - 1 : start);
}

static int parse_version(struct head_parse *parse) {
    const char *at = parse->input.ptr + parse->at;
    bool is_whole = parse->input.len - parse->at >= 10;
    if (is_whole && memcmp(at, "HTTP/1.1", 8) == 0 && memcmp(at + 8, "\r\n", 2) == 0) {
        parse->request->minor = 1;
    } else if (is_whole && memcmp(at, "HTTP/1.", 7) == 0 && scan_is(at[7], SCAN_DIGIT) && at[8] == '\r' &&
               at[9] == '\n') {
        parse->request->minor = at[7] != '0';
    } else {
        return refuse_version(parse);
    }
    parse->at += 10;
    return 0;
}

/* ---- the line ---- */

/* The form that nearly every request has; the others are target.c's. */
static int resolve_target(const struct head_parse *parse) {
    struct h1_request *request = parse->request;
    if (request->target.ptr[0] != '/' || request->method == H1_METHOD_CONNECT) {
        return target_resolve(parse, request);
    }
    size_t query_len = request->has_query ? request->query.len + 1 : 0;
    request->form = H1_FORM_ORIGIN;
    request->path = (wharf_str){request->target.ptr, request->target.len - query_len};
    return 0;
}

int request_line_parse(struct head_parse *parse) {
    int code = parse_get(parse) ? 0 : parse_method(parse);
    if (code < 0) {
        return code;
    }
    code = parse_target(parse);
    if (code < 0) {
        return code;
    }
    code = parse_version(parse);
    return code < 0 ? code : resolve_target(parse);
}

/* Whether a part that stops at `stop`, short of the end of what has come, may go on with what comes next. */
static bool may_go_on(const char *stop, const char *end) {
    return stop == end || (*stop == '\r' && end - stop == 1) || (*stop == '%' && end - stop <= 2);
}

static int check_target_start(const struct head_parse *parse, const char *start, const char *end) {
    const char *stop = target_scan(start, end).stop;
    if ((size_t)(stop - start) > parse->limits->target_bytes) {
        return head_refuse(parse, H1_TARGET_LONG, start + parse->limits->target_bytes);
    }
    if (may_go_on(stop, end) || (*stop == ' ' && stop > start)) {
        return 0;
    }
    return head_refuse(parse, target_fault(start, stop), stop);
}

int request_line_check_start(const struct head_parse *parse) {
    const char *start = parse->input.ptr + parse->at;
    const char *end = parse->input.ptr + parse->input.len;
    const char *at = start;
    while (at < end && scan_is(*at, SCAN_TCHAR)) {
        at++;
    }
    if ((size_t)(at - start) > parse->limits->method_bytes) {
        return head_refuse(parse, H1_METHOD_LONG, start + parse->limits->method_bytes);
    }
    if (at == end || (*at == '\r' && end - at == 1)) {
        return 0;
    }
    if (*at != ' ' || at == start) {
        return head_refuse(parse, method_fault(start, at), at);
    }
    return check_target_start(parse, at + 1, end);
}
