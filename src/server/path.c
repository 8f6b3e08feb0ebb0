/* The path of a request target: decoded once, then its dot segments are resolved (RFC 3986 section 5.2.4), so that an
 * encoded dot is a dot. What stands for a separator or a NUL once decoded stays encoded: it never becomes structure. */
#include "server/path.h"

#include <errno.h>

#include "base/text.h"
#include "http/codec/percent.h"

/* Whether nothing has to be decoded or resolved. */
static bool path_is_normal(wharf_str raw) {
    if (raw.len == 1) {
        return true;
    }
    for (size_t i = 0; i < raw.len; i++) {
        if (raw.ptr[i] == '%') {
            return false;
        }
        if (raw.ptr[i] == '/' && i + 1 < raw.len && (raw.ptr[i + 1] == '/' || raw.ptr[i + 1] == '.')) {
            return false;
        }
    }
    return true;
}

/* Decodes one byte or keeps a reserved "%XX" with its digits in upper case. Returns how many bytes were written. */
static size_t path_decode_at(wharf_str raw, size_t at, char *out, bool *has_reserved) {
    int byte = raw.ptr[at] == '%' ? percent_byte_at(raw, at) : (unsigned char)raw.ptr[at];
    bool encoded = raw.ptr[at] == '%' && byte >= 0;
    if (encoded && (byte == '/' || byte == '\\' || byte == '\0')) {
        *has_reserved = true;
        return percent_format_byte(out, (char)byte);
    }
    *out = encoded ? (char)byte : raw.ptr[at];
    return 1;
}

static size_t path_decode(wharf_str raw, char *out, bool *has_reserved) {
    size_t len = 0;
    for (size_t i = 0; i < raw.len; i += raw.ptr[i] == '%' ? 3 : 1) {
        len += path_decode_at(raw, i, out + len, has_reserved);
    }
    return len;
}

/* The length of the path without its last segment; `len` is behind a '/'. */
static size_t path_parent(const char *text, size_t len) {
    if (len == 1) {
        return 1;
    }
    len--;
    while (text[len - 1] != '/') {
        len--;
    }
    return len;
}

/* Resolves dot segments in place, front to back; what is written never overtakes what is read. */
static size_t path_resolve(char *text, size_t len) {
    size_t out = 1; /* the first '/' stays */
    size_t at = 1;
    while (at <= len) {
        wharf_str rest = {text + at, len - at};
        ssize_t slash = str_find_byte(rest, '/');
        bool last = slash < 0;
        wharf_str segment = {rest.ptr, last ? rest.len : (size_t)slash};
        at += segment.len + 1;
        if (wharf_str_is(segment, ".") || wharf_str_is(segment, "..")) {
            out = segment.len == 2 ? path_parent(text, out) : out;
            continue;
        }
        memmove(text + out, segment.ptr, segment.len);
        out += segment.len;
        if (!last) {
            text[out++] = '/';
        }
    }
    return out;
}

int path_normalise(struct arena *arena, wharf_str raw, struct path *ret_path) {
    struct path path = {.text = raw};
    if (!path_is_normal(raw)) {
        char *text = arena_alloc(arena, raw.len);
        if (text == NULL) {
            return -ENOMEM;
        }
        size_t len = path_decode(raw, text, &path.has_reserved);
        path.text = (wharf_str){text, path_resolve(text, len)};
        path.has_empty = str_find(path.text, STR("//")) >= 0;
    }
    *ret_path = path;
    return 0;
}

wharf_str path_without_empty(struct arena *arena, wharf_str raw) {
    char *text = arena_alloc(arena, raw.len);
    if (text == NULL) {
        return (wharf_str){NULL, 0};
    }
    size_t len = 0;
    for (size_t i = 0; i < raw.len; i++) {
        if (raw.ptr[i] != '/' || len == 0 || text[len - 1] != '/') {
            text[len++] = raw.ptr[i];
        }
    }
    return (wharf_str){text, len};
}
