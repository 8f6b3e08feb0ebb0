/* A request's conditions and ranges. See condition.h. */
#include "server/condition.h"

#include <errno.h>

#include "http/codec/date.h"
#include "server/reply.h"

wharf_str condition_header(struct wharf_request *request, enum header_id id) {
    const struct headers *headers = &request->head.headers;
    const struct header *header = headers_find(headers, id);
    wharf_str value = header != NULL ? header->value : (wharf_str){NULL, 0};
    while (header != NULL) {
        header = headers_next(headers, header);
        if (header != NULL) {
            value = arena_printf(&request->arena, "%.*s, %.*s", WHARF_STR_ARG(value),
                                 WHARF_STR_ARG(header->value));
        }
    }
    return value;
}

enum conditional_result condition_evaluate(struct wharf_request *request,
                                           const struct conditional_state *state) {
    enum h1_method method = request->head.method;
    struct conditional_headers conditions = {
        .if_match = condition_header(request, HEADER_IF_MATCH),
        .if_unmodified_since = condition_header(request, HEADER_IF_UNMODIFIED_SINCE),
        .if_none_match = condition_header(request, HEADER_IF_NONE_MATCH),
        .if_modified_since = condition_header(request, HEADER_IF_MODIFIED_SINCE),
    };
    return conditional_evaluate(method == H1_METHOD_GET || method == H1_METHOD_HEAD, &conditions, state);
}

void condition_ranges(struct wharf_request *request, const struct conditional_state *state, uint64_t length,
                      struct range_set *ret_set) {
    bool asked = request->head.method == H1_METHOD_GET && headers_has(&request->head.headers, HEADER_RANGE);
    ret_set->kind = RANGE_ABSENT;
    ret_set->count = 0;
    if (asked && conditional_allows_range(condition_header(request, HEADER_IF_RANGE), state)) {
        range_parse(condition_header(request, HEADER_RANGE), length, ret_set);
    }
}

int condition_say_range(struct wharf_request *request, const struct range *range, uint64_t length) {
    char text[RANGE_CONTENT_SIZE];
    size_t len = range_format_content(range, length, text);
    return reply_field(request, header_name(HEADER_CONTENT_RANGE), (wharf_str){text, len});
}

int condition_field(struct wharf_request *request, enum header_id id, wharf_str value) {
    if (value.len == 0 || (request->reply.names >> id & 1) != 0) {
        return 0;
    }
    return reply_field(request, header_name(id), value);
}
