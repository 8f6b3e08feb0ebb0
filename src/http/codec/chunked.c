/* The chunked coding, and the decoder that makes every framing look alike.
 *
 * RFC 9112 section 7.1, read strictly: a chunk header that two recipients could measure differently is
 * refused. */
#include "http/codec/chunked.h"

#include <errno.h>

#include "base/number.h"
#include "base/text.h"
#include "http/codec/scan.h"

enum { SIZE_DIGITS_MAX = 16 };

/* ---- chunk headers ---- */

/* A chunk extension being checked: a line that ends in LF, so that no loop can leave it. */
struct extension_parse {
    const char *at;
    enum h1_reason fault;
};

static void skip_blanks(struct extension_parse *parse) {
    while (*parse->at == ' ' || *parse->at == '\t') {
        parse->at++;
    }
}

/* Notes why the byte at parse->at does not belong there. Returns false. */
static bool extension_fault(struct extension_parse *parse) {
    unsigned char byte = (unsigned char)*parse->at;
    if (byte == '\n') {
        parse->fault = H1_LINE_BARE_LF;
    } else if (byte == '\r') {
        parse->fault = parse->at[1] == '\n' ? H1_CHUNK_EXTENSION_INVALID : H1_LINE_BARE_CR;
    } else {
        parse->fault = scan_is((char)byte, SCAN_FIELD) ? H1_CHUNK_EXTENSION_INVALID
                                                       : H1_CHUNK_EXTENSION_CONTROL;
    }
    return false;
}

static bool extension_token(struct extension_parse *parse) {
    if (!scan_is(*parse->at, SCAN_TCHAR)) {
        return extension_fault(parse);
    }
    while (scan_is(*parse->at, SCAN_TCHAR)) {
        parse->at++;
    }
    return true;
}

static bool extension_quoted(struct extension_parse *parse) {
    parse->at++;
    while (*parse->at != '"') {
        if (*parse->at == '\\') {
            parse->at++;
            if (!scan_is(*parse->at, SCAN_FIELD)) {
                return extension_fault(parse);
            }
        } else if (!scan_is(*parse->at, SCAN_QUOTED)) {
            return extension_fault(parse);
        }
        parse->at++;
    }
    parse->at++;
    return true;
}

/* chunk-ext = *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] ), starting at a ';', up to CR
 * LF. */
static bool extensions_check(struct extension_parse *parse) {
    while (*parse->at != '\r' || parse->at[1] != '\n') {
        skip_blanks(parse);
        if (*parse->at != ';') {
            return extension_fault(parse);
        }
        parse->at++;
        skip_blanks(parse);
        if (!extension_token(parse)) {
            return false;
        }
        const char *name_end = parse->at;
        skip_blanks(parse);
        if (*parse->at != '=') {
            parse->at = name_end;
            continue;
        }
        parse->at++;
        skip_blanks(parse);
        bool valid = *parse->at == '"' ? extension_quoted(parse) : extension_token(parse);
        if (!valid) {
            return false;
        }
    }
    return true;
}

/* Parses the size at the start. Returns how many digits it has, 0 when more bytes are needed to tell, or a
 * negative code. */
static int parse_size(wharf_str input, uint64_t *ret_size, struct h1_error *ret_error) {
    size_t digits = 0;
    while (digits < input.len && scan_is(input.ptr[digits], SCAN_HEX)) {
        if (digits == SIZE_DIGITS_MAX) {
            return h1_refuse(ret_error, H1_CHUNK_SIZE_LONG, digits);
        }
        digits++;
    }
    if (digits == input.len) {
        return 0;
    }
    char next = input.ptr[digits];
    if (next == '\n') {
        return h1_refuse(ret_error, H1_LINE_BARE_LF, digits);
    }
    if (next != '\r' && next != ';') {
        return h1_refuse(ret_error, H1_CHUNK_SIZE_INVALID, digits);
    }
    if (digits == 0) {
        return h1_refuse(ret_error, H1_CHUNK_SIZE_EMPTY, 0);
    }
    if (number_parse_hex(str_slice(input, 0, digits), INT64_MAX, ret_size) < 0) {
        return h1_refuse(ret_error, H1_CHUNK_SIZE_RANGE, 0);
    }
    return (int)digits;
}

int h1_chunk_parse(wharf_str input, size_t extension_bytes_left, struct h1_chunk *ret_chunk,
                   struct h1_error *ret_error) {
    uint64_t size;
    int digits = parse_size(input, &size, ret_error);
    if (digits <= 0) {
        return digits;
    }
    size_t extension_at = (size_t)digits;
    size_t line_max = extension_at + extension_bytes_left + 2;
    wharf_str line = str_slice(input, 0, line_max);
    ssize_t lf = str_find_byte(line, '\n');
    if (lf < 0 && line.len == line_max) {
        return h1_refuse(ret_error, H1_CHUNK_EXTENSION_LONG, line_max - 2);
    }
    if (lf < 0) {
        bool bare = line.ptr[extension_at] == '\r' && line.len > extension_at + 1;
        return bare ? h1_refuse(ret_error, H1_LINE_BARE_CR, extension_at) : 0;
    }
    struct extension_parse parse = {line.ptr + extension_at, H1_REASON_COUNT};
    if (!extensions_check(&parse)) {
        return h1_refuse(ret_error, parse.fault, (size_t)(parse.at - input.ptr));
    }
    *ret_chunk = (struct h1_chunk){(size_t)lf + 1, (size_t)lf - 1 - extension_at, size};
    return 1;
}

/* ---- trailers ---- */

/* Parses the field lines of a trailer section that is whole, or that ends with a line without CR. */
static int parse_trailer_lines(wharf_str input, const struct h1_limits *limits, struct headers *trailers,
                               struct h1_error *ret_error) {
    size_t at = 0;
    for (uint32_t lines = 0; input.ptr[at] != '\r'; lines++) {
        struct header field;
        if (lines == limits->trailer_lines) {
            return h1_refuse(ret_error, H1_TRAILER_LINES, at);
        }
        ssize_t next = h1_parse_field(input, at, limits, &field, ret_error);
        if (next < 0) {
            return (int)next;
        }
        bool wanted = trailers != NULL && !header_is_forbidden_trailer(field.id);
        if (wanted && headers_add(trailers, field.name, field.value) < 0) {
            return h1_refuse(ret_error, H1_TRAILER_LINES, at);
        }
        at = (size_t)next;
    }
    return input.ptr[at + 1] == '\n' ? 0 : h1_refuse(ret_error, H1_LINE_BARE_CR, at);
}

/* The end of the section is not there. A line without CR means that it never comes. */
static ssize_t check_incomplete_trailer(wharf_str input, struct h1_progress *progress,
                                        const struct h1_limits *limits, struct h1_error *ret_error) {
    wharf_str line = str_slice(input, progress->searched, input.len);
    size_t at = progress->searched;
    for (ssize_t lf = str_find_byte(line, '\n'); lf >= 0; lf = str_find_byte(line, '\n')) {
        at += (size_t)lf;
        if (at == 0 || input.ptr[at - 1] != '\r') {
            int code = parse_trailer_lines(str_slice(input, 0, at + 1), limits, NULL, ret_error);
            return code < 0 ? code : h1_refuse(ret_error, H1_LINE_BARE_LF, at);
        }
        at++;
        line = str_slice(input, at, input.len);
    }
    if (input.len > 1 && input.ptr[0] == '\r') {
        return h1_refuse(ret_error, H1_LINE_BARE_CR, 0);
    }
    if (input.len >= limits->trailer_bytes) {
        return h1_refuse(ret_error, H1_TRAILER_LONG, limits->trailer_bytes);
    }
    progress->searched = input.len > 3 ? input.len - 3 : 0;
    return 0;
}

ssize_t h1_trailer_parse(wharf_str input, struct h1_progress *progress, const struct h1_limits *limits,
                         struct headers *trailers, struct h1_error *ret_error) {
    if (str_starts(input, STR("\r\n"))) {
        return 2;
    }
    if (input.len == 0) {
        return 0;
    }
    const char *end = input.ptr + input.len;
    const char *lf = scan_head_end(input.ptr + progress->searched, end);
    size_t len = (size_t)(lf + 1 - input.ptr);
    if (lf == end || len > limits->trailer_bytes) {
        return check_incomplete_trailer(str_slice(input, 0, limits->trailer_bytes), progress, limits,
                                        ret_error);
    }
    int code = parse_trailer_lines(str_slice(input, 0, len), limits, trailers, ret_error);
    return code < 0 ? code : (ssize_t)len;
}

/* ---- the decoder ---- */

enum stage { STAGE_SIZE, STAGE_DATA, STAGE_DATA_END, STAGE_TRAILER, STAGE_DONE };

void h1_body_init(struct h1_body *body, enum h1_framing framing, uint64_t content_length,
                  const struct h1_limits *limits, struct headers *trailers) {
    *body = (struct h1_body){.framing = framing, .limits = limits, .trailers = trailers, .stage = STAGE_DATA};
    switch (framing) {
    case H1_BODY_NONE: body->stage = STAGE_DONE; break;
    case H1_BODY_CHUNKED: body->stage = STAGE_SIZE; break;
    case H1_BODY_UNTIL_CLOSE: body->remaining = UINT64_MAX; break;
    case H1_BODY_LENGTH:
        body->remaining = content_length;
        body->stage = content_length > 0 ? STAGE_DATA : STAGE_DONE;
        break;
    }
}

/* Each step looks at the framing bytes in view and returns how many it used up, 0 when it needs more of them,
 * or a negative code. It moves the stage on. */
static ssize_t step_size(struct h1_body *body, wharf_str view, struct h1_error *ret_error) {
    struct h1_chunk chunk;
    int code = h1_chunk_parse(view, body->limits->chunk_extension_bytes - body->extension_bytes, &chunk,
                              ret_error);
    if (code <= 0) {
        return code;
    }
    body->extension_bytes += (uint32_t)chunk.extension_len;
    body->remaining = chunk.size;
    body->stage = chunk.size > 0 ? STAGE_DATA : STAGE_TRAILER;
    return (ssize_t)chunk.line_len;
}

static ssize_t step_data_end(struct h1_body *body, wharf_str view, struct h1_error *ret_error) {
    if (view.len > 0 && view.ptr[0] != '\r') {
        return h1_refuse(ret_error, H1_CHUNK_DATA_LONG, 0);
    }
    if (view.len < 2) {
        return 0;
    }
    if (view.ptr[1] != '\n') {
        return h1_refuse(ret_error, H1_CHUNK_DATA_LONG, 1);
    }
    body->stage = STAGE_SIZE;
    return 2;
}

static ssize_t step_trailer(struct h1_body *body, wharf_str view, struct h1_error *ret_error) {
    ssize_t len = h1_trailer_parse(view, &body->progress, body->limits, body->trailers, ret_error);
    if (len > 0) {
        body->stage = STAGE_DONE;
    }
    return len;
}

static ssize_t step(struct h1_body *body, wharf_str view, struct h1_error *ret_error) {
    switch ((enum stage)body->stage) {
    case STAGE_SIZE: return step_size(body, view, ret_error);
    case STAGE_DATA_END: return step_data_end(body, view, ret_error);
    case STAGE_TRAILER: return step_trailer(body, view, ret_error);
    case STAGE_DATA:
    case STAGE_DONE: break;
    }
    return 0;
}

int h1_body_next(struct h1_body *body, wharf_str buffered, struct h1_piece *ret_piece,
                 struct h1_error *ret_error) {
    size_t skip = 0;
    while (body->stage != STAGE_DATA && body->stage != STAGE_DONE) {
        struct h1_error error;
        ssize_t used = step(body, str_slice(buffered, skip, buffered.len), &error);
        if (used < 0) {
            error.offset += body->raw;
            *ret_error = error;
            return (int)used;
        }
        if (used == 0) {
            *ret_piece = (struct h1_piece){skip, {NULL, 0}};
            return H1_PIECE_MORE;
        }
        skip += (size_t)used;
        body->raw += (uint64_t)used;
    }
    *ret_piece = (struct h1_piece){skip, {NULL, 0}};
    if (body->stage == STAGE_DONE) {
        return H1_PIECE_END;
    }
    wharf_str data = str_slice(buffered, skip, buffered.len);
    if (data.len == 0) {
        return H1_PIECE_MORE;
    }
    data.len = data.len < body->remaining ? data.len : (size_t)body->remaining;
    ret_piece->data = data;
    return H1_PIECE_DATA;
}

void h1_body_take(struct h1_body *body, uint64_t bytes) {
    body->raw += bytes;
    body->taken += bytes;
    if (body->framing == H1_BODY_UNTIL_CLOSE) {
        return;
    }
    body->remaining -= bytes;
    if (body->remaining == 0) {
        body->stage = body->framing == H1_BODY_CHUNKED ? STAGE_DATA_END : STAGE_DONE;
    }
}

uint64_t h1_body_plain(const struct h1_body *body) {
    return body->stage == STAGE_DATA ? body->remaining : 0;
}

bool h1_body_is_done(const struct h1_body *body) {
    return body->stage == STAGE_DONE;
}

int h1_body_close(const struct h1_body *body) {
    return body->stage == STAGE_DONE || body->framing == H1_BODY_UNTIL_CLOSE ? 0 : -WHARF_EEOF;
}

/* ---- encoding ---- */

size_t h1_chunk_format(uint64_t size, char *out) {
    size_t len = number_format_hex(size, out);
    out[len] = '\r';
    out[len + 1] = '\n';
    return len + 2;
}

int h1_append_field(struct buffer *out, wharf_str name, wharf_str value) {
    if (!h1_is_token(name) || !h1_is_field_value(value)) {
        return -EINVAL;
    }
    int code = buffer_reserve(out, name.len + value.len + 4);
    if (code < 0) {
        return code;
    }
    buffer_append_str(out, name);
    buffer_append_str(out, STR(": "));
    buffer_append_str(out, value);
    buffer_append_str(out, STR("\r\n"));
    return 0;
}

static int append_last(struct buffer *out, const struct headers *trailers) {
    int code = buffer_append_str(out, STR("0\r\n"));
    for (size_t i = 0; code == 0 && trailers != NULL && i < trailers->count; i++) {
        const struct header *field = &trailers->at[i];
        bool forbidden = header_is_forbidden_trailer(field->id);
        code = forbidden ? -EINVAL : h1_append_field(out, field->name, field->value);
    }
    return code < 0 ? code : buffer_append_str(out, STR("\r\n"));
}

int h1_chunk_append_last(struct buffer *out, const struct headers *trailers) {
    size_t len = buffer_len(out);
    int code = append_last(out, trailers);
    if (code < 0) {
        out->end = out->start + len;
    }
    return code;
}
