/* Targets h1_parse_request and h1_parse_response. The first input byte chooses the side and the request's
 * method, the second how many bytes arrive at a time; the rest is the message.
 *
 * Asserts that the answer does not depend on how the bytes arrive, that a strict prefix of an accepted head
 * is incomplete, that views lie within the input and offsets of errors too, and that an accepted request is
 * framed in one way only. */
#include "base/text.h"
#include "http/codec/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct answer {
    ssize_t result;
    struct h1_request request;
    struct h1_response response;
    struct h1_error error;
};

static void require(bool condition) {
    if (!condition) {
        __builtin_trap();
    }
}

static void parse(uint8_t kind, wharf_str input, struct h1_progress *progress, struct answer *answer) {
    static struct header storage[512];
    struct h1_response_options options = {(enum h1_method)(kind / 2 % H1_METHOD_COUNT), &h1_limits_client};
    if (kind % 2 == 0) {
        headers_init(&answer->request.headers, storage, 512);
        answer->result = h1_parse_request(input, progress, &h1_limits_server, &answer->request,
                                          &answer->error);
    } else {
        headers_init(&answer->response.headers, storage, 512);
        answer->result = h1_parse_response(input, progress, &options, &answer->response, &answer->error);
    }
}

static void check_views(const struct headers *headers, wharf_str head) {
    for (size_t i = 0; i < headers->count; i++) {
        const struct header *header = &headers->at[i];
        require(header->name.len > 0 && header->name.ptr > head.ptr);
        require(header->value.ptr + header->value.len < head.ptr + head.len);
        require(h1_is_token(header->name) && h1_is_field_value(header->value));
        require(headers_find_name(headers, header->name) <= header);
    }
}

static void check_request(const struct h1_request *request, wharf_str head) {
    check_views(&request->headers, head);
    bool chunked = headers_has(&request->headers, HEADER_TRANSFER_ENCODING);
    bool length = headers_has(&request->headers, HEADER_CONTENT_LENGTH);
    require(!(chunked && length) && (request->framing == H1_BODY_CHUNKED) == chunked);
    require((request->content_length > 0) == (request->framing == H1_BODY_LENGTH));
    require(request->framing != H1_BODY_UNTIL_CLOSE && request->minor <= 1);
    require(request->minor == 0 || request->host.len > 0);
    require(request->path.len > 0 || request->method == H1_METHOD_CONNECT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) {
        return 0;
    }
    wharf_str input = {(const char *)data + 2, size - 2};
    size_t step = (size_t)data[1] + 1;
    struct h1_progress progress = {0};
    struct answer whole = {0};
    parse(data[0], input, &progress, &whole);
    require(whole.result <= (ssize_t)input.len);
    require(whole.result >= 0 || whole.error.offset <= input.len);
    if (whole.result > 0) {
        wharf_str head = str_slice(input, 0, (size_t)whole.result);
        check_views(data[0] % 2 == 0 ? &whole.request.headers : &whole.response.headers, head);
        if (data[0] % 2 == 0) {
            check_request(&whole.request, head);
        }
    }

    struct answer split = {0};
    size_t arrived = 0;
    progress = (struct h1_progress){0};
    while (split.result == 0 && arrived < input.len) {
        arrived = arrived + step < input.len ? arrived + step : input.len;
        parse(data[0], str_slice(input, 0, arrived), &progress, &split);
    }
    require(split.result == whole.result);
    require(whole.result >= 0 ||
            (split.error.reason == whole.error.reason && split.error.offset == whole.error.offset));
    return 0;
}
