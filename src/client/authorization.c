/* See authorization.h. The scheme Basic: base64 of user:password, both percent-decoded (RFC 7617 section 2). */
#include "client/authorization.h"

#include <errno.h>

#include "base/failure.h"
#include "base/text.h"
#include "http/codec/base64.h"
#include "http/codec/percent.h"

/* A '%' that encodes nothing stands for itself. */
static int decode_part(struct arena *arena, wharf_str text, wharf_str *ret_text) {
    size_t offset = 0;
    int rc = percent_decode(arena, text, ret_text, &offset);
    if (rc == -EINVAL) {
        *ret_text = text;
        return 0;
    }
    return rc;
}

static void put_part(char *out, wharf_str text) {
    if (text.len > 0) {
        memcpy(out, text.ptr, text.len);
    }
}

int authorization_of_url(struct arena *arena, const struct url *url, wharf_str *ret_value) {
    wharf_str username = url->username;
    wharf_str password = url->password;
    if (username.len == 0 && password.len == 0) {
        *ret_value = (wharf_str){NULL, 0};
        return 0;
    }
    if (decode_part(arena, url->username, &username) < 0 ||
        decode_part(arena, url->password, &password) < 0) {
        return fail(-ENOMEM, "parse URL", "", NULL);
    }
    if (str_find_byte(username, ':') >= 0) {
        return fail(-EINVAL, "parse URL", "", "a user name with a colon cannot be sent");
    }
    size_t pair_len = username.len + 1 + password.len;
    char *pair = arena_alloc(arena, pair_len);
    char *value = arena_alloc(arena, sizeof("Basic ") + (pair_len + 2) / 3 * 4);
    if (pair == NULL || value == NULL) {
        return fail(-ENOMEM, "parse URL", "", NULL);
    }
    put_part(pair, username);
    pair[username.len] = ':';
    put_part(pair + username.len + 1, password);
    memcpy(value, "Basic ", 6);
    *ret_value = (wharf_str){value, 6 + base64_format((wharf_str){pair, pair_len}, value + 6)};
    return 0;
}
