/* Header fields: the list, its look-up, and the parser of field lines (RFC 9112 section 5). */
#include "http/codec/headers.h"

#include "base/compiler.h"
#include "base/text.h"
#include "http/codec/scan.h"

enum { STORAGE_MAX = 65535 };

void headers_init(struct headers *headers, struct header *storage, size_t capacity) {
    headers->at = storage;
    headers->capacity = capacity < STORAGE_MAX ? capacity : STORAGE_MAX;
    headers_clear(headers);
}

void headers_clear(struct headers *headers) {
    headers->count = 0;
    headers->present = 0;
    headers->repeated = 0;
}

/* Notes the field that stands at the end of the storage. The caller has seen that there is room. */
static inline void list_append(struct headers *headers) {
    enum header_id id = headers->at[headers->count].id;
    uint64_t bit = (uint64_t)1 << id;
    if ((headers->present & bit) == 0) {
        headers->first[id] = (uint16_t)headers->count;
    }
    headers->repeated |= headers->present & bit;
    headers->present |= bit;
    headers->count++;
}

int headers_add(struct headers *headers, wharf_str name, wharf_str value) {
    if (headers->count == headers->capacity) {
        return -WHARF_ELIMIT;
    }
    headers->at[headers->count] = (struct header){name, value, header_identify(name)};
    list_append(headers);
    return 0;
}

/* ---- look-up ---- */

/* The first field of this unknown name at or behind `index`. */
static const struct header *find_other(const struct headers *headers, size_t index, wharf_str name) {
    for (; index < headers->count; index++) {
        const struct header *header = &headers->at[index];
        if (header->id == HEADER_OTHER && str_equal_nocase(header->name, name)) {
            return header;
        }
    }
    return NULL;
}

const struct header *headers_find_name(const struct headers *headers, wharf_str name) {
    enum header_id id = header_identify(name);
    return id != HEADER_OTHER ? headers_find(headers, id) : find_other(headers, 0, name);
}

wharf_str headers_get(const struct headers *headers, wharf_str name) {
    const struct header *header = headers_find_name(headers, name);
    return header != NULL ? header->value : (wharf_str){NULL, 0};
}

const struct header *headers_next(const struct headers *headers, const struct header *previous) {
    size_t index = (size_t)(previous - headers->at) + 1;
    if (previous->id == HEADER_OTHER) {
        return find_other(headers, index, previous->name);
    }
    if (!headers_has_repeated(headers, previous->id)) {
        return NULL;
    }
    for (; index < headers->count; index++) {
        if (headers->at[index].id == previous->id) {
            return &headers->at[index];
        }
    }
    return NULL;
}

bool header_list_next(wharf_str *rest, wharf_str *ret_element) {
    while (rest->len > 0) {
        bool quoted = false;
        size_t len = 0;
        for (; len < rest->len && (quoted || rest->ptr[len] != ','); len++) {
            if (rest->ptr[len] == '"') {
                quoted = !quoted;
            } else if (quoted && rest->ptr[len] == '\\' && len + 1 < rest->len) {
                len++;
            }
        }
        wharf_str element = str_trim((wharf_str){rest->ptr, len});
        size_t used = len < rest->len ? len + 1 : len;
        *rest = (wharf_str){rest->ptr + used, rest->len - used};
        if (element.len > 0) {
            *ret_element = element;
            return true;
        }
    }
    return false;
}

bool headers_list_has(const struct headers *headers, enum header_id id, wharf_str element) {
    const struct header *header = headers_find(headers, id);
    for (; header != NULL; header = headers_next(headers, header)) {
        wharf_str rest = header->value;
        wharf_str each;
        while (header_list_next(&rest, &each)) {
            if (str_equal_nocase(each, element)) {
                return true;
            }
        }
    }
    return false;
}

/* ---- what may be sent ---- */

bool h1_is_token(wharf_str text) {
    return scan_all(text, SCAN_TCHAR);
}

bool h1_is_field_value(wharf_str text) {
    if (text.len == 0) {
        return true;
    }
    const char *end = text.ptr + text.len;
    return str_trim(text).len == text.len && scan_field_value(text.ptr, end) == end;
}

/* ---- parsing ---- */

/* Why the line at `line` is refused, whose name ended at `at` without a colon. Bare line ends come first:
 * they show that the peer and we do not agree on what a line is. */
COLD static enum h1_reason name_fault(const char *line, const char *at) {
    if (*at == '\n') {
        return H1_LINE_BARE_LF;
    }
    if (*at == '\r') {
        return at[1] == '\n' ? H1_FIELD_COLON_MISSING : H1_LINE_BARE_CR;
    }
    if ((unsigned char)*at >= 0x80) {
        return H1_FIELD_NAME_NON_ASCII;
    }
    if (*at != ' ' && *at != '\t') {
        return H1_FIELD_NAME_INVALID;
    }
    if (at == line) {
        return H1_FIELD_FOLDED;
    }
    while (*at == ' ' || *at == '\t') {
        at++;
    }
    return *at == ':' ? H1_FIELD_NAME_WHITESPACE : H1_FIELD_NAME_INVALID;
}

COLD static enum h1_reason value_fault(const char *at) {
    switch (*at) {
    case '\n': return H1_LINE_BARE_LF;
    case '\r': return H1_LINE_BARE_CR;
    case '\0': return H1_FIELD_VALUE_NUL;
    default: return H1_FIELD_VALUE_CONTROL;
    }
}

/* Whether reading '_' as '-' makes another, known name of this one. */
COLD static bool is_alias(wharf_str name) {
    char copy[32];
    if (name.len > sizeof copy || str_find_byte(name, '_') < 0) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        copy[i] = name.ptr[i] == '_' ? '-' : name.ptr[i];
    }
    return header_identify((wharf_str){copy, name.len}) != HEADER_OTHER;
}

/* Every loop below ends at the last byte of the input at the latest, because that is LF, which is in no
 * class; and a CR is never the last byte. */
ALWAYS_INLINE ssize_t parse_field(wharf_str input, size_t offset, const struct h1_limits *limits,
                                  struct header *ret_header, struct h1_error *ret_error) {
    const char *line = input.ptr + offset;
    const char *at = scan_name(line, input.ptr + input.len);
    wharf_str name = {line, (size_t)(at - line)};
    if (*at != ':') {
        return h1_refuse(ret_error, name_fault(line, at), (size_t)(at - input.ptr));
    }
    if (name.len == 0) {
        return h1_refuse(ret_error, H1_FIELD_NAME_EMPTY, offset);
    }
    at++;
    while (scan_is_blank(*at)) {
        at++;
    }
    const char *value = at;
    at = scan_field_value(at, input.ptr + input.len);
    if (at[0] != '\r' || at[1] != '\n') {
        return h1_refuse(ret_error, value_fault(at), (size_t)(at - input.ptr));
    }
    if ((size_t)(at - line) > limits->field_bytes) {
        return h1_refuse(ret_error, H1_FIELD_LONG, offset + limits->field_bytes);
    }
    const char *value_end = at;
    while (value_end > value && scan_is_blank(value_end[-1])) {
        value_end--;
    }
    ret_header->name = name;
    ret_header->value = (wharf_str){value, (size_t)(value_end - value)};
    ret_header->id = header_identify(name);
    if (limits->strict_names && ret_header->id == HEADER_OTHER && is_alias(name)) {
        return h1_refuse(ret_error, H1_FIELD_NAME_ALIAS, offset);
    }
    return at + 2 - input.ptr;
}

ssize_t h1_parse_field(wharf_str input, size_t offset, const struct h1_limits *limits,
                       struct header *ret_header, struct h1_error *ret_error) {
    return parse_field(input, offset, limits, ret_header, ret_error);
}

int h1_parse_fields(wharf_str input, size_t offset, const struct h1_limits *limits, struct headers *headers,
                    struct h1_error *ret_error) {
    size_t lines_max = limits->header_lines < headers->capacity ? limits->header_lines : headers->capacity;
    size_t at = offset;
    while (input.ptr[at] != '\r') {
        if (headers->count >= lines_max) {
            return h1_refuse(ret_error, H1_HEAD_LINES, at);
        }
        ssize_t next = parse_field(input, at, limits, &headers->at[headers->count], ret_error);
        if (next < 0) {
            bool before_fields = at == offset && (input.ptr[at] == ' ' || input.ptr[at] == '\t');
            return before_fields ? h1_refuse(ret_error, H1_FIELD_LEADING_WHITESPACE, at) : (int)next;
        }
        list_append(headers);
        at = (size_t)next;
    }
    return input.ptr[at + 1] == '\n' ? 0 : h1_refuse(ret_error, H1_LINE_BARE_CR, at);
}
