/* The status line: HTTP-version SP status-code SP [reason-phrase] CR LF (RFC 9112 section 4). The space
 * before an empty reason phrase is often forgotten, and not asked for. */
#include "base/text.h"
#include "http/codec/scan.h"
#include "http/codec/start_line.h"

enum { VERSION_LEN = 8, CODE_LEN = 3 };

static int parse_version(struct head_parse *parse) {
    wharf_str rest = str_slice(parse->input, parse->at, parse->input.len);
    if (!str_starts(rest, STR("HTTP/"))) {
        return head_refuse(parse, H1_STATUS_LINE_INVALID, rest.ptr);
    }
    const char *at = rest.ptr;
    if (rest.len <= VERSION_LEN || !scan_is(at[5], SCAN_DIGIT) || at[6] != '.' ||
        !scan_is(at[7], SCAN_DIGIT) || at[VERSION_LEN] != ' ') {
        return head_refuse(parse, H1_VERSION_INVALID, at + 5);
    }
    if (at[5] != '1') {
        return head_refuse(parse, at[5] == '0' ? H1_VERSION_ZERO : H1_VERSION_UNSUPPORTED, at + 5);
    }
    parse->response->minor = at[7] != '0';
    parse->at += VERSION_LEN + 1;
    return 0;
}

static int parse_code(struct head_parse *parse) {
    wharf_str digits = str_slice(parse->input, parse->at, parse->at + CODE_LEN);
    const char *behind = digits.ptr + CODE_LEN;
    if (digits.len < CODE_LEN || !scan_all(digits, SCAN_DIGIT) || digits.ptr[0] == '0' ||
        scan_is(*behind, SCAN_DIGIT)) {
        return head_refuse(parse, H1_STATUS_CODE_INVALID, digits.ptr);
    }
    parse->response->status = (digits.ptr[0] - '0') * 100 + (digits.ptr[1] - '0') * 10 +
                              (digits.ptr[2] - '0');
    parse->at += CODE_LEN;
    return 0;
}

static int parse_reason(struct head_parse *parse) {
    const char *at = parse->input.ptr + parse->at;
    const char *start = *at == ' ' ? at + 1 : at;
    const char *end = scan_field_value(start, parse->input.ptr + parse->input.len);
    if (*at != ' ' && end != at) {
        return head_refuse(parse, H1_STATUS_REASON_INVALID, at);
    }
    if (*end == '\n') {
        return head_refuse(parse, H1_LINE_BARE_LF, end);
    }
    if (*end != '\r') {
        return head_refuse(parse, H1_STATUS_REASON_INVALID, end);
    }
    if (end[1] != '\n') {
        return head_refuse(parse, H1_LINE_BARE_CR, end);
    }
    parse->response->reason = (wharf_str){start, (size_t)(end - start)};
    parse->at = (size_t)(end + 2 - parse->input.ptr);
    return 0;
}

int status_line_parse(struct head_parse *parse) {
    int code = parse_version(parse);
    if (code < 0) {
        return code;
    }
    code = parse_code(parse);
    return code < 0 ? code : parse_reason(parse);
}

int status_line_check_start(const struct head_parse *parse) {
    wharf_str start = str_slice(parse->input, parse->at, parse->at + 5);
    if (!wharf_str_equal(start, str_slice(STR("HTTP/"), 0, start.len))) {
        return head_refuse(parse, H1_STATUS_LINE_INVALID, start.ptr);
    }
    return 0;
}
