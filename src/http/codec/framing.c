/* What the fields mean for the message and the connection. Here two parsers that disagree make request
 * smuggling, so everything that could be read in two ways is refused (RFC 9112 sections 6 and 11.2). */
#include "http/codec/framing.h"

#include "base/compiler.h"
#include "base/number.h"
#include "base/text.h"
#include "http/codec/scan.h"
#include "http/codec/target.h"

/* ---- Host ---- */

COLD static int refuse_host(const struct head_parse *parse, enum authority_fault fault, const char *where) {
    static const enum h1_reason reasons[] = {
        [AUTHORITY_EMPTY] = H1_HOST_EMPTY,       [AUTHORITY_LIST] = H1_HOST_LIST,
        [AUTHORITY_USERINFO] = H1_HOST_USERINFO, [AUTHORITY_PATH] = H1_HOST_PATH,
        [AUTHORITY_PORT] = H1_HOST_PORT,         [AUTHORITY_INVALID] = H1_HOST_INVALID,
    };
    return head_refuse(parse, reasons[fault], where);
}

/* The offset of the empty line: where a missing field is missing. */
static const char *fields_end(const struct head_parse *parse) {
    return parse->input.ptr + parse->input.len - 2;
}

/* RFC 9112 section 3.2: exactly one, valid, also where the target names the host itself and overrides it
 * (3.2.2). */
static int check_host(const struct head_parse *parse, struct h1_request *request) {
    const struct header *host = headers_find(&request->headers, HEADER_HOST);
    if (host == NULL) {
        return request->minor == 0 ? 0 : head_refuse(parse, H1_HOST_MISSING, fields_end(parse));
    }
    if (headers_has_repeated(&request->headers, HEADER_HOST)) {
        return head_refuse(parse, H1_HOST_DUPLICATE, headers_next(&request->headers, host)->name.ptr);
    }
    request->host_known = parse->known_host != NULL && wharf_str_equal(host->value, *parse->known_host);
    size_t offset = 0;
    enum authority_fault fault = request->host_known ? AUTHORITY_FINE : authority_check(host->value, &offset);
    if (fault != AUTHORITY_FINE) {
        return refuse_host(parse, fault, host->value.ptr + offset);
    }
    if (request->form == H1_FORM_ORIGIN || request->form == H1_FORM_ASTERISK) {
        request->host = host->value;
    }
    return 0;
}

/* ---- Content-Length ---- */

static int parse_length(const struct head_parse *parse, wharf_str value, uint64_t *ret_length) {
    if (value.len == 0) {
        return head_refuse(parse, H1_LENGTH_EMPTY, value.ptr);
    }
    for (size_t i = 0; i < value.len; i++) {
        if (!scan_is(value.ptr[i], SCAN_DIGIT)) {
            bool list = value.ptr[i] == ',';
            return head_refuse(parse, list ? H1_LENGTH_LIST : H1_LENGTH_INVALID, value.ptr + i);
        }
    }
    if (number_parse(value, INT64_MAX, ret_length) < 0) {
        return head_refuse(parse, H1_LENGTH_RANGE, value.ptr);
    }
    return 0;
}

/* A request's length: one field, one number, written in the one way. */
static int check_request_length(const struct head_parse *parse, const struct header *length,
                                uint64_t *ret_length) {
    const struct headers *headers = &parse->request->headers;
    if (headers_has_repeated(headers, HEADER_CONTENT_LENGTH)) {
        return head_refuse(parse, H1_LENGTH_DUPLICATE, headers_next(headers, length)->name.ptr);
    }
    uint64_t value;
    int code = parse_length(parse, length->value, &value);
    if (code < 0) {
        return code;
    }
    if (length->value.len > 1 && length->value.ptr[0] == '0') {
        return head_refuse(parse, H1_LENGTH_LEADING_ZERO, length->value.ptr);
    }
    *ret_length = value;
    return 0;
}

/* A response's length: repetitions, in a list or as fields, are accepted when all are equal (RFC 9110
 * section 8.6). */
static int check_response_length(const struct head_parse *parse, const struct header *length,
                                 uint64_t *ret_length) {
    bool known = false;
    uint64_t common = 0;
    for (; length != NULL; length = headers_next(&parse->response->headers, length)) {
        wharf_str rest = length->value;
        wharf_str element;
        while (str_split(&rest, ',', &element)) {
            uint64_t value;
            element = str_trim(element);
            int code = parse_length(parse, element, &value);
            if (code < 0) {
                return code;
            }
            if (known && value != common) {
                return head_refuse(parse, H1_LENGTH_DUPLICATE, element.ptr);
            }
            known = true;
            common = value;
        }
    }
    *ret_length = common;
    return 0;
}

/* ---- Transfer-Encoding ---- */

/* "xchunked", "chunked-x": not an honest coding of another name. */
static bool is_lookalike(wharf_str coding) {
    for (size_t i = 0; i < coding.len; i++) {
        if (str_starts_nocase(str_slice(coding, i, coding.len), STR("chunked"))) {
            return true;
        }
    }
    return false;
}

/* What is wrong with one element; H1_REASON_COUNT: it may be a coding. */
static enum h1_reason coding_fault(wharf_str coding) {
    if (str_find_byte(coding, ';') >= 0) {
        return H1_TRANSFER_PARAMETER;
    }
    if (!h1_is_token(coding)) {
        return H1_TRANSFER_INVALID;
    }
    if (str_equal_nocase(coding, STR("identity"))) {
        return H1_TRANSFER_IDENTITY;
    }
    bool chunked = str_equal_nocase(coding, STR("chunked"));
    return !chunked && is_lookalike(coding) ? H1_TRANSFER_LOOKALIKE : H1_REASON_COUNT;
}

/* The value is not "chunked" alone: says why it is refused. Malformed lists come before unknown codings. */
static int refuse_transfer(const struct head_parse *parse, wharf_str value) {
    wharf_str rest = value;
    wharf_str element;
    bool chunked = false;
    while (str_split(&rest, ',', &element)) {
        wharf_str coding = str_trim(element);
        enum h1_reason fault = coding_fault(coding);
        bool again = str_equal_nocase(coding, STR("chunked"));
        if (fault == H1_REASON_COUNT && chunked) {
            fault = again ? H1_TRANSFER_DUPLICATE : H1_TRANSFER_NOT_FINAL;
        }
        if (fault != H1_REASON_COUNT) {
            return head_refuse(parse, fault, coding.ptr);
        }
        chunked = again;
    }
    return head_refuse(parse, H1_TRANSFER_UNKNOWN, value.ptr);
}

/* Accepts "chunked", once, from HTTP/1.1, without Content-Length; nothing else. */
static int check_transfer(const struct head_parse *parse, const struct headers *headers, unsigned minor) {
    const struct header *transfer = headers_find(headers, HEADER_TRANSFER_ENCODING);
    if (minor == 0) {
        return head_refuse(parse, H1_TRANSFER_VERSION, transfer->name.ptr);
    }
    if (headers_has(headers, HEADER_CONTENT_LENGTH)) {
        return head_refuse(parse, H1_FRAMING_CONFLICT, transfer->name.ptr);
    }
    if (headers_has_repeated(headers, HEADER_TRANSFER_ENCODING)) {
        return head_refuse(parse, H1_TRANSFER_DUPLICATE, headers_next(headers, transfer)->name.ptr);
    }
    return str_equal_nocase(transfer->value, STR("chunked")) ? 0 : refuse_transfer(parse, transfer->value);
}

/* ---- Connection, Expect ---- */

struct connection_options {
    bool close, keep_alive, upgrade;
};

static struct connection_options connection_options(const struct headers *headers) {
    struct connection_options options = {false, false, false};
    const struct header *connection = headers_find(headers, HEADER_CONNECTION);
    for (; connection != NULL; connection = headers_next(headers, connection)) {
        wharf_str rest = connection->value;
        wharf_str option;
        while (header_list_next(&rest, &option)) {
            options.close = options.close || str_equal_nocase(option, STR("close"));
            options.keep_alive = options.keep_alive || str_equal_nocase(option, STR("keep-alive"));
            options.upgrade = options.upgrade || str_equal_nocase(option, STR("upgrade"));
        }
    }
    return options;
}

/* RFC 9112 section 9.3. */
static bool stays_open(struct connection_options options, unsigned minor) {
    return !options.close && (minor > 0 || options.keep_alive);
}

/* RFC 9110 section 10.1.1: an HTTP/1.0 client cannot mean it. */
static int check_expect(const struct head_parse *parse, struct h1_request *request) {
    const struct header *expect = headers_find(&request->headers, HEADER_EXPECT);
    if (expect == NULL || request->minor == 0) {
        return 0;
    }
    for (; expect != NULL; expect = headers_next(&request->headers, expect)) {
        if (!str_equal_nocase(expect->value, STR("100-continue"))) {
            return head_refuse(parse, H1_EXPECT_UNKNOWN, expect->value.ptr);
        }
    }
    request->expect_continue = true;
    return 0;
}

/* ---- the two sides ---- */

static int request_body(const struct head_parse *parse, struct h1_request *request) {
    if (headers_has(&request->headers, HEADER_TRANSFER_ENCODING)) {
        request->framing = H1_BODY_CHUNKED;
        return check_transfer(parse, &request->headers, request->minor);
    }
    const struct header *length = headers_find(&request->headers, HEADER_CONTENT_LENGTH);
    if (length == NULL) {
        return 0;
    }
    int code = check_request_length(parse, length, &request->content_length);
    request->framing = request->content_length > 0 ? H1_BODY_LENGTH : H1_BODY_NONE;
    return code;
}

int framing_of_request(const struct head_parse *parse) {
    static const uint64_t framing_fields = 1ull << HEADER_TRANSFER_ENCODING | 1ull << HEADER_CONTENT_LENGTH |
                                           1ull << HEADER_CONNECTION | 1ull << HEADER_EXPECT;
    struct h1_request *request = parse->request;
    int code = check_host(parse, request);
    if (code < 0) {
        return code;
    }
    request->keep_alive = request->minor > 0;
    if ((request->headers.present & framing_fields) == 0) {
        return 0;
    }
    code = request_body(parse, request);
    if (code < 0) {
        return code;
    }
    struct connection_options options = connection_options(&request->headers);
    request->keep_alive = stays_open(options, request->minor);
    request->upgrade = options.upgrade && request->minor > 0 &&
                       headers_has(&request->headers, HEADER_UPGRADE);
    return check_expect(parse, request);
}

/* Fills has_length and content_length, and says whether the lengths and codings fit together. */
static int response_length(const struct head_parse *parse, struct h1_response *response) {
    const struct header *length = headers_find(&response->headers, HEADER_CONTENT_LENGTH);
    if (length == NULL) {
        return 0;
    }
    const struct header *transfer = headers_find(&response->headers, HEADER_TRANSFER_ENCODING);
    if (transfer != NULL) {
        return head_refuse(parse, H1_FRAMING_CONFLICT, transfer->name.ptr);
    }
    response->has_length = true;
    return check_response_length(parse, length, &response->content_length);
}

/* RFC 9112 section 6.3, in its order. */
int framing_of_response(const struct head_parse *parse, enum h1_method request_method) {
    struct h1_response *response = parse->response;
    int status = response->status;
    bool connected = request_method == H1_METHOD_CONNECT && status / 100 == 2;
    response->tunnel = status == 101 || connected;
    response->keep_alive = !response->tunnel &&
                           stays_open(connection_options(&response->headers), response->minor);
    response->framing = H1_BODY_NONE;
    if (status / 100 == 1 || status == 204 || connected) {
        return 0;
    }
    int code = response_length(parse, response);
    if (code < 0 || request_method == H1_METHOD_HEAD || status == 304) {
        return code;
    }
    if (headers_has(&response->headers, HEADER_TRANSFER_ENCODING)) {
        response->framing = H1_BODY_CHUNKED;
        return check_transfer(parse, &response->headers, response->minor);
    }
    if (response->has_length) {
        response->framing = response->content_length > 0 ? H1_BODY_LENGTH : H1_BODY_NONE;
        return 0;
    }
    response->framing = H1_BODY_UNTIL_CLOSE;
    response->keep_alive = false;
    return 0;
}
