/* String views: comparing, searching, trimming. Byte by byte where the views are short (names, tokens);
 * memchr and memmem where they may be long. */
#include "base/text.h"

#include <limits.h>

bool str_equal_nocase(wharf_str a, wharf_str b) {
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i])) {
            return false;
        }
    }
    return true;
}

bool str_starts(wharf_str text, wharf_str prefix) {
    return text.len >= prefix.len && wharf_str_equal(str_slice(text, 0, prefix.len), prefix);
}

bool str_starts_nocase(wharf_str text, wharf_str prefix) {
    return text.len >= prefix.len && str_equal_nocase(str_slice(text, 0, prefix.len), prefix);
}

bool str_ends(wharf_str text, wharf_str suffix) {
    return text.len >= suffix.len &&
           wharf_str_equal(str_slice(text, text.len - suffix.len, text.len), suffix);
}

ssize_t str_find(wharf_str text, wharf_str needle) {
    if (needle.len == 0) {
        return 0;
    }
    if (text.len < needle.len) {
        return -1;
    }
    const char *found = memmem(text.ptr, text.len, needle.ptr, needle.len);
    return found != NULL ? found - text.ptr : -1;
}

size_t str_find_end(wharf_str text, size_t searched, wharf_str needle) {
    /* An occurrence may have begun in what was there before. */
    size_t start = searched >= needle.len ? searched - needle.len + 1 : 0;
    ssize_t found = start < text.len ? str_find(str_slice(text, start, text.len), needle) : -1;
    return found < 0 ? 0 : start + (size_t)found + needle.len;
}

ssize_t str_find_byte(wharf_str text, char byte) {
    const char *found = text.len > 0 ? memchr(text.ptr, byte, text.len) : NULL;
    return found != NULL ? found - text.ptr : -1;
}

ssize_t str_find_last_byte(wharf_str text, char byte) {
    const char *found = text.len > 0 ? memrchr(text.ptr, byte, text.len) : NULL;
    return found != NULL ? found - text.ptr : -1;
}

wharf_str str_slice(wharf_str text, size_t from, size_t to) {
    size_t end = to < text.len ? to : text.len;
    size_t start = from < end ? from : end;
    if (text.ptr == NULL) {
        return (wharf_str){NULL, 0};
    }
    return (wharf_str){text.ptr + start, end - start};
}

static bool is_blank(char byte) {
    return byte == ' ' || byte == '\t';
}

wharf_str str_trim(wharf_str text) {
    size_t start = 0;
    size_t end = text.len;
    while (start < end && is_blank(text.ptr[start])) {
        start++;
    }
    while (end > start && is_blank(text.ptr[end - 1])) {
        end--;
    }
    return str_slice(text, start, end);
}

bool str_split(wharf_str *rest, char separator, wharf_str *ret_part) {
    if (rest->ptr == NULL) {
        return false;
    }
    ssize_t at = str_find_byte(*rest, separator);
    if (at < 0) {
        *ret_part = *rest;
        *rest = (wharf_str){NULL, 0};
        return true;
    }
    *ret_part = str_slice(*rest, 0, (size_t)at);
    *rest = str_slice(*rest, (size_t)at + 1, rest->len);
    return true;
}

bool str_next_line(wharf_str *rest, wharf_str *ret_line) {
    bool found = str_split(rest, '\n', ret_line);
    if (found && ret_line->len > 0 && ret_line->ptr[ret_line->len - 1] == '\r') {
        ret_line->len--;
    }
    return found;
}

bool str_next_word(wharf_str *rest, wharf_str *ret_word) {
    size_t end = 0;
    *rest = str_trim(*rest);
    while (end < rest->len && !is_blank(rest->ptr[end])) {
        end++;
    }
    *ret_word = str_slice(*rest, 0, end);
    *rest = str_slice(*rest, end, rest->len);
    return end > 0;
}

static bool is_between_entries(char byte) {
    return is_blank(byte) || byte == ',';
}

bool str_next_entry(wharf_str *rest, wharf_str *ret_entry) {
    size_t start = 0;
    while (start < rest->len && is_between_entries(rest->ptr[start])) {
        start++;
    }
    size_t end = start;
    while (end < rest->len && !is_between_entries(rest->ptr[end])) {
        end++;
    }
    *ret_entry = str_slice(*rest, start, end);
    *rest = str_slice(*rest, end, rest->len);
    return end > start;
}

/* One row of the edit matrix is enough: cost[j] is the distance between the part of `a` read so far and
 * b[0..j). */
unsigned str_distance(wharf_str a, wharf_str b) {
    enum { LEN_MAX = 64 };
    unsigned cost[LEN_MAX + 1];
    if (a.len > LEN_MAX || b.len > LEN_MAX) {
        return UINT_MAX;
    }
    for (size_t j = 0; j <= b.len; j++) {
        cost[j] = (unsigned)j;
    }
    for (size_t i = 0; i < a.len; i++) {
        unsigned diagonal = cost[0];
        cost[0] = (unsigned)i + 1;
        for (size_t j = 0; j < b.len; j++) {
            unsigned replaced = diagonal + (a.ptr[i] == b.ptr[j] ? 0 : 1);
            unsigned edited = (cost[j] < cost[j + 1] ? cost[j] : cost[j + 1]) + 1;
            diagonal = cost[j + 1];
            cost[j + 1] = replaced < edited ? replaced : edited;
        }
    }
    return cost[b.len];
}

/* Where the character begins in which byte `at` stands; `at` itself in what is not UTF-8. */
static size_t character_at(wharf_str text, size_t at) {
    size_t begin = at;
    while (begin > 0 && at - begin < 3 && ((unsigned char)text.ptr[begin] & 0xc0U) == 0x80) {
        begin--;
    }
    return (unsigned char)text.ptr[begin] >= 0xc0 ? begin : at;
}

size_t str_copy_to(char *out, size_t size, wharf_str text) {
    if (size == 0) {
        return 0;
    }
    size_t copied = text.len < size ? text.len : character_at(text, size - 1);
    if (copied > 0) {
        memcpy(out, text.ptr, copied);
    }
    out[copied] = '\0';
    return copied;
}
