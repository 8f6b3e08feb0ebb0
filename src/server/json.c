/* JSON in and out, by jansson. */
#include <errno.h>
#include <jansson.h>

#include "base/buffer.h"
#include "base/text.h"
#include "server/content.h"
#include "server/reply.h"

/* "application/json", "application/problem+json", ... (RFC 6839). */
static bool is_json(const struct wharf_request *request) {
    wharf_str value = headers_value(&request->head.headers, HEADER_CONTENT_TYPE);
    ssize_t semicolon = str_find_byte(value, ';');
    wharf_str type = str_trim(str_slice(value, 0, semicolon < 0 ? value.len : (size_t)semicolon));
    ssize_t slash = str_find_byte(type, '/');
    wharf_str subtype = str_slice(type, (size_t)(slash + 1), type.len);
    bool has_suffix = subtype.len > 5 &&
                      str_equal_nocase(str_slice(subtype, subtype.len - 5, subtype.len), STR("+json"));
    return slash > 0 && (str_equal_nocase(type, STR("application/json")) || has_suffix);
}

int wharf_request_json(wharf_request *request, json_t **ret_json) {
    wharf_str body = {NULL, 0};
    json_error_t problem;
    if (!is_json(request)) {
        return content_wrong_type(request, "JSON is needed, application/json.");
    }
    int rc = wharf_request_body(request, &body);
    if (rc < 0) {
        return rc;
    }
    json_t *json = json_loadb(body.len > 0 ? body.ptr : "", body.len,
                              JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &problem);
    if (json == NULL && json_error_code(&problem) == json_error_out_of_memory) {
        return -ENOMEM;
    }
    if (json == NULL) {
        wharf_str text = arena_printf(&request->arena, "The JSON is broken at line %d, column %d: %s.",
                                      problem.line, problem.column, problem.text);
        const struct h1_error error = {.status = 400,
                                       .reason = "content.json",
                                       .offset = (size_t)problem.position,
                                       .rfc = "RFC 8259",
                                       .text = text.ptr != NULL ? text.ptr : "The JSON is broken."};
        return content_fail(request, -WHARF_EPROTOCOL, &error);
    }
    *ret_json = json;
    return 0;
}

static int append(const char *bytes, size_t len, void *out) {
    return buffer_append(out, bytes, len) < 0 ? -1 : 0;
}

int wharf_reply_json(wharf_request *request, int status, const json_t *json) {
    struct buffer text;
    buffer_init(&text, SIZE_MAX / 2);
    int rc = -EINVAL; /* what cannot be JSON: a number that is none, a text that is not UTF-8 */
    if (json != NULL && json_dump_callback(json, append, &text, JSON_COMPACT | JSON_ENCODE_ANY) == 0) {
        rc = wharf_reply_bytes(request, status, "application/json", text.data + text.start,
                               buffer_len(&text));
    } else {
        request->reply.misused = true;
        (void)fail(rc, "reply JSON", NULL, "the value cannot be written as JSON, or memory ran out");
    }
    buffer_deinit(&text);
    return rc;
}
