/* See challenge.h. A list of lists with the same separator: an element begins a new challenge when its first word is not
 * followed by '='. */
#include "http/codec/challenge.h"

#include "base/text.h"
#include "http/codec/headers.h"
#include "http/codec/scan.h"

static size_t token_len(wharf_str text) {
    return (size_t)(scan_name(text.ptr, text.ptr + text.len) - text.ptr);
}

/* "name = value" */
static bool is_parameter(wharf_str element) {
    size_t at = token_len(element);
    size_t name = at;
    while (at < element.len && scan_is_blank(element.ptr[at])) {
        at++;
    }
    return name > 0 && at < element.len && element.ptr[at] == '=';
}

bool challenge_next(wharf_str *rest, struct challenge *ret_challenge) {
    wharf_str element = {NULL, 0};
    if (!header_list_next(rest, &element) || is_parameter(element)) {
        return false;
    }
    size_t scheme_len = token_len(element);
    if (scheme_len == 0 || (scheme_len < element.len && element.ptr[scheme_len] != ' ')) {
        return false;
    }
    const char *start = element.ptr + scheme_len;
    const char *end = element.ptr + element.len;
    wharf_str ahead = *rest;
    while (header_list_next(&ahead, &element) && is_parameter(element)) {
        end = element.ptr + element.len;
        *rest = ahead;
    }
    *ret_challenge = (struct challenge){
        .scheme = {start - scheme_len, scheme_len},
        .parameters = str_trim((wharf_str){start, (size_t)(end - start)}),
    };
    return true;
}

static wharf_str unquote(struct arena *arena, wharf_str text) {
    char *out = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 1; out != NULL && i + 1 < text.len; i++) {
        i += text.ptr[i] == '\\' && i + 2 < text.len ? 1 : 0;
        out[len++] = text.ptr[i];
    }
    return (wharf_str){out, out != NULL ? len : 0};
}

wharf_str challenge_get(struct arena *arena, const struct challenge *challenge, wharf_str name) {
    wharf_str rest = challenge->parameters;
    wharf_str element = {NULL, 0};
    while (header_list_next(&rest, &element)) {
        size_t len = token_len(element);
        if (!is_parameter(element) || !str_equal_nocase(str_slice(element, 0, len), name)) {
            continue;
        }
        size_t equals = (size_t)str_find_byte(element, '=');
        wharf_str value = str_trim(str_slice(element, equals + 1, element.len));
        bool quoted = value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"';
        return quoted ? unquote(arena, value) : value;
    }
    return (wharf_str){NULL, 0};
}

size_t challenge_quote(wharf_str text, char *out) {
    size_t len = 0;
    out[len++] = '"';
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"' || text.ptr[i] == '\\') {
            out[len++] = '\\';
        }
        out[len++] = text.ptr[i];
    }
    out[len++] = '"';
    return len;
}
