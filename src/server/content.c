/* What forms, parts and JSON have in common. */
#include "server/content.h"

#include <errno.h>

#include "base/failure.h"
#include "base/text.h"
#include "server/extras.h"

struct request_content *request_content(struct wharf_request *request) {
    struct request_extras *extras = request_extras(request);
    return extras != NULL ? &extras->content : NULL;
}

bool content_is(const struct wharf_request *request, wharf_str type) {
    wharf_str value = headers_value(&request->head.headers, HEADER_CONTENT_TYPE);
    ssize_t semicolon = str_find_byte(value, ';');
    wharf_str given = str_trim(str_slice(value, 0, semicolon < 0 ? value.len : (size_t)semicolon));
    return str_equal_nocase(given, type);
}

int content_fail(struct wharf_request *request, int code, const struct h1_error *error) {
    struct request_content *content = request_content(request);
    if (content != NULL) {
        content->error = *error;
    }
    return fail(code, "read body", NULL, "%s: %s%s%s", error->reason, error->text,
                error->limit != NULL ? " setting " : "", error->limit != NULL ? error->limit : "");
}

int content_wrong_type(struct wharf_request *request, const char *text) {
    const struct h1_error error = {
        .status = 415, .reason = "content.type", .rfc = "RFC 9110 section 15.5.16", .text = text};
    return content_fail(request, -EINVAL, &error);
}
