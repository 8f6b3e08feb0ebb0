/* Finding delimiters in a stream, and names in the heads of parts. */
#include "http/codec/multipart.h"

#include <errno.h>

#include "base/text.h"
#include "http/codec/headers.h"
#include "http/codec/percent.h"

/* ---- parameters ---- */

/* The end of a quoted text whose first byte behind the quote is text[at]: where its closing quote stands; or -1. */
static ssize_t quoted_end(wharf_str text, size_t at) {
    while (at < text.len && text.ptr[at] != '"') {
        bool escapes = text.ptr[at] == '\\' && at + 1 < text.len && text.ptr[at + 1] == '"';
        at += escapes ? 2 : 1;
    }
    return at < text.len ? (ssize_t)at : -1;
}

bool parameter_next(wharf_str *rest, wharf_str *ret_name, wharf_str *ret_value) {
    wharf_str text = str_trim(*rest);
    if (text.len == 0 || text.ptr[0] != ';') {
        return false;
    }
    ssize_t equals = str_find_byte(text, '=');
    wharf_str name = str_trim(str_slice(text, 1, equals < 0 ? 0 : (size_t)equals));
    size_t start = (size_t)(equals + 1);
    if (equals < 0 || !h1_is_token(name)) {
        return false;
    }
    if (start < text.len && text.ptr[start] == '"') {
        ssize_t end = quoted_end(text, start + 1);
        if (end < 0) {
            return false;
        }
        *ret_value = str_slice(text, start + 1, (size_t)end);
        *rest = str_slice(text, (size_t)end + 1, text.len);
    } else {
        ssize_t semicolon = str_find_byte(str_slice(text, start, text.len), ';');
        size_t end = semicolon < 0 ? text.len : start + (size_t)semicolon;
        *ret_value = str_trim(str_slice(text, start, end));
        *rest = str_slice(text, end, text.len);
    }
    *ret_name = name;
    return true;
}

size_t multipart_name_decode(wharf_str value, char *out) {
    size_t len = 0;
    size_t at = 0;
    while (at < value.len) {
        int decoded = percent_byte_at(value, at);
        bool is_encoded = decoded == '"' || decoded == '\r' || decoded == '\n';
        bool escapes = value.ptr[at] == '\\' && at + 1 < value.len && value.ptr[at + 1] == '"';
        out[len++] = is_encoded ? (char)decoded : escapes ? '"' : value.ptr[at];
        at += is_encoded ? 3 : escapes ? 2 : 1;
    }
    return len;
}

/* ---- the stream ---- */

/* RFC 2046 section 5.1.1; what browsers and libraries make is well within it. */
static bool is_boundary(wharf_str boundary) {
    for (size_t i = 0; i < boundary.len; i++) {
        char byte = boundary.ptr[i];
        char lower = ascii_lower(byte);
        bool is_alphanumeric = (lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9');
        if (!is_alphanumeric && (byte == '\0' || strchr("'()+_,-./:=? ", byte) == NULL)) {
            return false;
        }
    }
    return boundary.len > 0 && boundary.len <= MULTIPART_BOUNDARY_MAX &&
           boundary.ptr[boundary.len - 1] != ' ';
}

int multipart_init(struct multipart *multipart, wharf_str content_type, size_t head_bytes_max) {
    ssize_t semicolon = str_find_byte(content_type, ';');
    if (semicolon < 0 || !str_equal_nocase(str_trim(str_slice(content_type, 0, (size_t)semicolon)),
                                           STR("multipart/form-data"))) {
        return -EINVAL;
    }
    wharf_str rest = str_slice(content_type, (size_t)semicolon, content_type.len);
    wharf_str name = {NULL, 0};
    wharf_str value = {NULL, 0};
    while (parameter_next(&rest, &name, &value)) {
        if (!str_equal_nocase(name, STR("boundary"))) {
            continue;
        }
        if (!is_boundary(value)) {
            return -EINVAL;
        }
        *multipart = (struct multipart){.head_bytes_max = head_bytes_max, .at_start = true};
        memcpy(multipart->delimiter, "\r\n--", 4);
        memcpy(multipart->delimiter + 4, value.ptr, value.len);
        multipart->delimiter_len = value.len + 4;
        return 0;
    }
    return -EINVAL;
}

/* How many bytes at the end of `input` may be the beginning of a delimiter. */
static size_t delimiter_begun(const struct multipart *multipart, wharf_str input) {
    size_t most = multipart->delimiter_len - 1;
    for (size_t len = most < input.len ? most : input.len; len > 0; len--) {
        if (memcmp(input.ptr + input.len - len, multipart->delimiter, len) == 0) {
            return len;
        }
    }
    return 0;
}

static wharf_str delimiter_of(const struct multipart *multipart) {
    return (wharf_str){multipart->delimiter, multipart->delimiter_len};
}

/* What stands before the first delimiter is for programs that know nothing of parts. */
static void look_before(struct multipart *multipart, wharf_str input, struct multipart_event *event) {
    wharf_str bare = str_slice(delimiter_of(multipart), 2, multipart->delimiter_len);
    if (multipart->at_start && input.len < bare.len && str_starts(bare, input)) {
        return;
    }
    if (multipart->at_start && str_starts(input, bare)) {
        multipart->state = MULTIPART_BEHIND_DELIMITER;
        event->taken = bare.len;
        return;
    }
    ssize_t at = str_find(input, delimiter_of(multipart));
    multipart->at_start = false;
    if (at >= 0) {
        multipart->state = MULTIPART_BEHIND_DELIMITER;
        event->taken = (size_t)at + multipart->delimiter_len;
    } else {
        event->taken = input.len - delimiter_begun(multipart, input);
    }
}

/* "--" ends it all; white space and a line end begin a part. */
static int look_behind_delimiter(struct multipart *multipart, wharf_str input,
                                 struct multipart_event *event) {
    size_t at = 0;
    if (str_starts(input, STR("--"))) {
        multipart->state = MULTIPART_DONE;
        *event = (struct multipart_event){.kind = MULTIPART_END, .taken = 2};
        return 0;
    }
    while (at < input.len && (input.ptr[at] == ' ' || input.ptr[at] == '\t')) {
        at++;
    }
    if (at > MULTIPART_DELIMITER_MAX) { /* however it comes in pieces */
        return -WHARF_EPROTOCOL;
    }
    wharf_str rest = str_slice(input, at, input.len);
    if (str_starts(rest, STR("\r\n"))) {
        multipart->state = MULTIPART_HEAD;
        event->taken = at + 2;
        return 0;
    }
    bool may_come = str_starts(STR("\r\n"), rest) || (at == 0 && str_starts(STR("--"), rest));
    return may_come ? 0 : -WHARF_EPROTOCOL;
}

static int look_at_head(struct multipart *multipart, wharf_str input, struct multipart_event *event) {
    ssize_t end = str_starts(input, STR("\r\n")) ? 0 : str_find(input, STR("\r\n\r\n"));
    if (end < 0) {
        return input.len > multipart->head_bytes_max ? -WHARF_ELIMIT : 0;
    }
    size_t len = end > 0 ? (size_t)end + 2 : 0;
    if (len > multipart->head_bytes_max) {
        return -WHARF_ELIMIT;
    }
    multipart->state = MULTIPART_CONTENT;
    *event = (struct multipart_event){
        .kind = MULTIPART_PART, .bytes = str_slice(input, 0, len), .taken = len};
    /* The empty line's CR LF stays: it may be the one that a delimiter begins with. */
    multipart->at_start = true;
    return 0;
}

/* The first CR LF is the one that ended the head; it may be the delimiter's too when there is no content. */
static void look_at_content(struct multipart *multipart, wharf_str input, struct multipart_event *event) {
    if (multipart->at_start) {
        if (str_starts(delimiter_of(multipart), input) && input.len < multipart->delimiter_len) {
            return;
        }
        multipart->at_start = false;
        if (!str_starts(input, delimiter_of(multipart))) {
            event->taken = 2;
            return;
        }
    }
    ssize_t at = str_find(input, delimiter_of(multipart));
    if (at == 0) {
        multipart->state = MULTIPART_BEHIND_DELIMITER;
        *event = (struct multipart_event){.kind = MULTIPART_PART_END, .taken = multipart->delimiter_len};
        return;
    }
    size_t len = at > 0 ? (size_t)at : input.len - delimiter_begun(multipart, input);
    if (len > 0) {
        *event = (struct multipart_event){
            .kind = MULTIPART_DATA, .bytes = str_slice(input, 0, len), .taken = len};
    }
}

int multipart_next(struct multipart *multipart, wharf_str input, struct multipart_event *ret_event) {
    struct multipart_event event = {.kind = MULTIPART_MORE};
    int rc = 0;
    switch (multipart->state) {
    case MULTIPART_BEFORE: look_before(multipart, input, &event); break;
    case MULTIPART_BEHIND_DELIMITER: rc = look_behind_delimiter(multipart, input, &event); break;
    case MULTIPART_HEAD: rc = look_at_head(multipart, input, &event); break;
    case MULTIPART_CONTENT: look_at_content(multipart, input, &event); break;
    case MULTIPART_DONE: event = (struct multipart_event){.kind = MULTIPART_END, .taken = input.len}; break;
    }
    if (rc == 0) {
        *ret_event = event;
    }
    return rc;
}
