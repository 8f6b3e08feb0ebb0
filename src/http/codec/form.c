/* Names and values of a query or a form. */
#include "http/codec/form.h"

#include "base/text.h"
#include "http/codec/percent.h"

bool form_next(wharf_str *rest, wharf_str *ret_name, wharf_str *ret_value) {
    wharf_str pair = {NULL, 0};
    while (str_split(rest, '&', &pair)) {
        if (pair.len == 0) {
            continue;
        }
        ssize_t equals = str_find_byte(pair, '=');
        size_t end = equals >= 0 ? (size_t)equals : pair.len;
        *ret_name = str_slice(pair, 0, end);
        *ret_value = str_slice(pair, end + 1, pair.len);
        return true;
    }
    return false;
}

/* The byte that stands at *at, which moves behind it. */
static char decode_at(wharf_str text, size_t *at) {
    int decoded = percent_byte_at(text, *at);
    char byte = decoded >= 0 ? (char)decoded : text.ptr[*at] == '+' ? ' ' : text.ptr[*at];
    *at += decoded >= 0 ? 3 : 1;
    return byte;
}

wharf_str form_decode(struct arena *arena, wharf_str text) {
    if (str_find_byte(text, '%') < 0 && str_find_byte(text, '+') < 0) {
        return text;
    }
    char *out = arena_alloc(arena, text.len);
    size_t len = 0;
    size_t at = 0;
    while (out != NULL && at < text.len) {
        out[len++] = decode_at(text, &at);
    }
    return (wharf_str){out, len};
}

bool form_is(wharf_str text, wharf_str name) {
    size_t at = 0;
    size_t len = 0;
    while (at < text.len) {
        if (len == name.len || decode_at(text, &at) != name.ptr[len]) {
            return false;
        }
        len++;
    }
    return len == name.len;
}

/* What this format leaves as it is: letters, digits and "*-._". */
static bool is_plain(char byte) {
    char lower = ascii_lower(byte);
    return (lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9') || byte == '*' || byte == '-' ||
           byte == '.' || byte == '_';
}

static int append_encoded(struct buffer *out, wharf_str text) {
    for (size_t i = 0; i < text.len; i++) {
        char encoded[3] = {text.ptr[i] == ' ' ? '+' : text.ptr[i]};
        bool is_one = is_plain(text.ptr[i]) || text.ptr[i] == ' ';
        size_t len = is_one ? 1 : percent_format_byte(encoded, text.ptr[i]);
        int rc = buffer_append(out, encoded, len);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

int form_append(struct buffer *out, wharf_str name, wharf_str value) {
    size_t before = out->end;
    int rc = buffer_len(out) > 0 ? buffer_append_str(out, STR("&")) : 0;
    rc = rc < 0 ? rc : append_encoded(out, name);
    rc = rc < 0 ? rc : buffer_append_str(out, STR("="));
    rc = rc < 0 ? rc : append_encoded(out, value);
    if (rc < 0) {
        out->end = before;
    }
    return rc;
}
