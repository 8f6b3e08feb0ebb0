/* Names and values that a request carries: in its query, its cookies, its form. */
#include <errno.h>

#include "base/text.h"
#include "http/codec/cookie.h"
#include "http/codec/form.h"
#include "server/content.h"
#include "server/reply.h"

static wharf_str find_value(struct wharf_request *request, wharf_str pairs, const char *wanted) {
    wharf_str name = {NULL, 0};
    wharf_str value = {NULL, 0};
    while (form_next(&pairs, &name, &value)) {
        if (form_is(name, wharf_str_of(wanted))) {
            wharf_str decoded = form_decode(&request->arena, value);
            return decoded.ptr == NULL ? STR("") : decoded;
        }
    }
    return (wharf_str){NULL, 0};
}

static bool find_at(struct wharf_request *request, wharf_str pairs, size_t i, wharf_header *ret_pair) {
    wharf_str name = {NULL, 0};
    wharf_str value = {NULL, 0};
    while (form_next(&pairs, &name, &value)) {
        if (i == 0) {
            *ret_pair = (wharf_header){form_decode(&request->arena, name),
                                       form_decode(&request->arena, value)};
            return true;
        }
        i--;
    }
    return false;
}

wharf_str wharf_request_query_value(wharf_request *request, const char *name) {
    return find_value(request, wharf_request_query(request), name);
}

bool wharf_request_query_at(wharf_request *request, size_t i, wharf_header *ret_pair) {
    return find_at(request, wharf_request_query(request), i, ret_pair);
}

/* ---- forms ---- */

/* The form's text, read at the first call. */
static int take_form(struct wharf_request *request, wharf_str *ret_form) {
    struct request_content *content = request_content(request);
    if (content == NULL) {
        return -ENOMEM;
    }
    if (!content->has_form) {
        if (!content_is(request, STR("application/x-www-form-urlencoded"))) {
            return content_wrong_type(request, "A form is needed, application/x-www-form-urlencoded.");
        }
        int rc = wharf_request_body(request, &content->form);
        if (rc < 0) {
            return rc;
        }
        content->has_form = true;
    }
    *ret_form = content->form;
    return 0;
}

int wharf_request_form_value(wharf_request *request, const char *name, wharf_str *ret_value) {
    wharf_str form = {NULL, 0};
    int rc = take_form(request, &form);
    if (rc < 0) {
        return rc;
    }
    *ret_value = find_value(request, form, name);
    return ret_value->ptr != NULL ? 1 : 0;
}

int wharf_request_form_at(wharf_request *request, size_t i, wharf_header *ret_pair) {
    wharf_str form = {NULL, 0};
    int rc = take_form(request, &form);
    return rc < 0 ? rc : find_at(request, form, i, ret_pair) ? 1 : 0;
}

/* ---- cookies ---- */

wharf_str wharf_request_cookie(const wharf_request *request, const char *name) {
    const struct headers *headers = &request->head.headers;
    const struct header *line = headers_find(headers, HEADER_COOKIE);
    while (line != NULL) {
        wharf_str rest = line->value;
        wharf_str each = {NULL, 0};
        wharf_str value = {NULL, 0};
        while (cookie_next(&rest, &each, &value)) {
            if (wharf_str_is(each, name)) {
                return value.ptr != NULL ? value : STR("");
            }
        }
        line = headers_next(headers, line);
    }
    return (wharf_str){NULL, 0};
}

int wharf_reply_cookie(wharf_request *request, const wharf_cookie *cookie) {
    wharf_cookie own = {.size = sizeof(own)};
    size_t size = cookie->size;
    if (size < sizeof(size)) {
        return fail(-EINVAL, "set cookie", NULL, "size is %zu: use WHARF_OPTIONS", size);
    }
    memcpy(&own, cookie, size < sizeof(own) ? size : sizeof(own));
    own.secure = own.secure || wharf_request_tls(request, &(wharf_tls_facts){.version = ""}) >= 0;
    const char *fault = cookie_fault(&own);
    if (fault != NULL) {
        request->reply.misused = true;
        return fail(-EINVAL, "set cookie", own.name, "%s", fault);
    }
    wharf_str value = cookie_format(&request->arena, &own);
    if (value.ptr == NULL) {
        return -ENOMEM;
    }
    return request->reply.stage != REPLY_NONE ? -EALREADY : reply_field(request, STR("Set-Cookie"), value);
}
