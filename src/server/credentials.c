/* What a client says about who it is. The public calls are in wharf/auth.h. */
#include <errno.h>

#include "base/text.h"
#include "http/codec/base64.h"
#include "server/reply.h"
#include "wharf/auth.h"

/* What follows a scheme in the one Authorization line; ptr NULL: there is no such, or more than one. */
static wharf_str credentials(const struct wharf_request *request, wharf_str scheme) {
    const struct headers *headers = &request->head.headers;
    wharf_str value = {NULL, 0};
    for (size_t i = 0; i < headers->count; i++) {
        if (headers->at[i].id != HEADER_AUTHORIZATION) {
            continue;
        }
        if (value.ptr != NULL) {
            return (wharf_str){NULL, 0};
        }
        value = headers->at[i].value;
    }
    bool fits = str_starts_nocase(value, scheme) && value.len > scheme.len && value.ptr[scheme.len] == ' ';
    return fits ? str_trim(str_slice(value, scheme.len + 1, value.len)) : (wharf_str){NULL, 0};
}

int wharf_request_basic(wharf_request *request, wharf_str *ret_user, wharf_str *ret_password) {
    wharf_str encoded = credentials(request, STR("Basic"));
    if (encoded.ptr == NULL) {
        return fail(-ENOENT, "credentials", NULL, "there are none of the scheme Basic");
    }
    char *text = arena_alloc(&request->arena, encoded.len);
    size_t len = 0;
    if (text == NULL) {
        return fail(-ENOMEM, "credentials", NULL, NULL);
    }
    int rc = base64_parse(encoded, text, &len);
    ssize_t colon = rc == 0 ? str_find_byte((wharf_str){text, len}, ':') : -1;
    if (colon < 0) {
        return fail(-EINVAL, "credentials", NULL, "they are no base64 of a name and a password");
    }
    *ret_user = (wharf_str){text, (size_t)colon};
    *ret_password = str_slice((wharf_str){text, len}, (size_t)colon + 1, len);
    return 0;
}

/* token68 (RFC 9110 section 11.2) */
static bool is_token68(wharf_str text) {
    size_t len = text.len;
    while (len > 0 && text.ptr[len - 1] == '=') {
        len--;
    }
    for (size_t i = 0; i < len; i++) {
        char byte = text.ptr[i];
        char lower = ascii_lower(byte);
        bool fine = (lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' ||
                    byte == '.' || byte == '_' || byte == '~' || byte == '+' || byte == '/';
        if (!fine) {
            return false;
        }
    }
    return len > 0;
}

wharf_str wharf_request_bearer(const wharf_request *request) {
    wharf_str token = credentials(request, STR("Bearer"));
    return is_token68(token) ? token : (wharf_str){NULL, 0};
}

int wharf_reply_challenge(wharf_request *request, const char *challenge) {
    int rc = wharf_reply_header(request, "WWW-Authenticate", challenge);
    return rc < 0 ? rc : refuse(request, 401, "auth.missing");
}

bool wharf_str_equal_secret(wharf_str a, wharf_str b) {
    unsigned difference = a.len != b.len;
    for (size_t i = 0; i < a.len; i++) {
        difference |= (unsigned char)a.ptr[i] ^ (b.len > 0 ? (unsigned char)b.ptr[i % b.len] : 0u);
    }
    return difference == 0;
}
