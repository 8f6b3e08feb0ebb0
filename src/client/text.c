/* What a body says as text: the charset that Content-Type names, else the one of a byte order mark, else UTF-8; nothing is
 * guessed. Whatever it is, UTF-8 comes out, and U+FFFD stands for what cannot be read. */
#include <errno.h>
#include <iconv.h>

#include "base/failure.h"
#include "base/text.h"
#include "client/body.h"
#include "client/response.h"
#include "http/codec/multipart.h"

enum { CHARSET_MAX = 64, LINE_PIECE = 4096 };

static const wharf_str REPLACEMENT = {"\xef\xbf\xbd", 3};

/* The charset parameter of Content-Type, or empty. */
static wharf_str charset_of(const struct wharf_response *response) {
    wharf_str type = headers_value(&response->headers, HEADER_CONTENT_TYPE);
    ssize_t semicolon = str_find_byte(type, ';');
    wharf_str rest = semicolon < 0 ? STR("") : str_slice(type, (size_t)semicolon, type.len);
    wharf_str name = {NULL, 0};
    wharf_str value = {NULL, 0};
    while (parameter_next(&rest, &name, &value)) {
        if (str_equal_nocase(name, STR("charset"))) {
            return str_trim(value);
        }
    }
    return STR("");
}

/* Takes a byte order mark off the text. Empty: there is none. */
static wharf_str take_mark(wharf_str *text) {
    static const struct {
        wharf_str mark, charset;
    } marks[] = {{{"\xef\xbb\xbf", 3}, {"utf-8", 5}},
                 {{"\xff\xfe", 2}, {"utf-16le", 8}},
                 {{"\xfe\xff", 2}, {"utf-16be", 8}}};
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        if (str_starts(*text, marks[i].mark)) {
            *text = str_slice(*text, marks[i].mark.len, text->len);
            return marks[i].charset;
        }
    }
    return STR("");
}

/* As the WHATWG Encoding Standard has it, what calls itself Latin 1 or ASCII is windows-1252. */
static wharf_str canonical(wharf_str charset) {
    static const char *const western[] = {"iso-8859-1", "iso8859-1", "latin1",
                                          "latin-1",    "us-ascii",  "ascii"};
    for (size_t i = 0; i < sizeof(western) / sizeof(western[0]); i++) {
        if (str_equal_nocase(charset, wharf_str_of(western[i]))) {
            return STR("windows-1252");
        }
    }
    return str_equal_nocase(charset, STR("utf8")) || charset.len == 0 ? STR("utf-8") : charset;
}

/* Converts all of it; a byte that means nothing is replaced. */
static int convert(iconv_t conversion, wharf_str text, struct buffer *out) {
    char *in = (char *)(uintptr_t)text.ptr;
    size_t left = text.len;
    while (left > 0) {
        int rc = buffer_reserve(out, LINE_PIECE);
        if (rc < 0) {
            return rc;
        }
        char *to = out->data + out->end;
        size_t room = LINE_PIECE;
        size_t done = iconv(conversion, &in, &left, &to, &room);
        int error = done == (size_t)-1 ? errno : 0;
        out->end += LINE_PIECE - room;
        if (error == EILSEQ || error == EINVAL) {
            rc = buffer_append_str(out, REPLACEMENT);
            in++;
            left--;
        }
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static int text_convert(struct wharf_response *response, wharf_str charset, wharf_str text,
                        struct buffer *out) {
    char name[CHARSET_MAX];
    struct place place = response_place(response);
    if (charset.len >= sizeof(name)) {
        return why_fail(-EINVAL, "read text of", &place, "its charset has no name");
    }
    (void)str_copy_to(name, sizeof(name), charset);
    iconv_t conversion = iconv_open("UTF-8", name);
    if (conversion == (iconv_t)-1) {
        return why_fail(-EINVAL, "read text of", &place, "nobody knows its charset, %s", name);
    }
    int rc = convert(conversion, text, out);
    (void)iconv_close(conversion);
    return rc < 0 ? why_fail(rc, "read text of", &place, NULL) : 0;
}

int wharf_response_text(wharf_response *response, wharf_str *ret_text) {
    wharf_str text = wharf_response_body(response);
    struct buffer out;
    if (response->error < 0) {
        return response->error;
    }
    wharf_str charset = charset_of(response);
    wharf_str marked = take_mark(&text);
    buffer_init(&out, SIZE_MAX / 2);
    int rc = text_convert(response, canonical(charset.len > 0 ? charset : marked), text, &out);
    wharf_str copy = {NULL, 0};
    if (rc == 0) {
        copy = arena_copy(&response->arena, buffer_len(&out) > 0 ? out.data : "", buffer_len(&out));
    }
    buffer_deinit(&out);
    if (rc == 0 && copy.ptr == NULL) {
        struct place place = response_place(response);
        return why_fail(-ENOMEM, "read text of", &place, NULL);
    }
    if (rc == 0) {
        *ret_text = copy;
    }
    return rc;
}

/* ---- lines ---- */

/* The next line of what has been received. False: none is whole. */
static bool take_line(struct buffer *body, bool ended, wharf_str *ret_line) {
    wharf_str have = buffer_len(body) > 0 ? buffer_view(body) : STR("");
    ssize_t end = str_find_byte(have, '\n');
    if (end < 0 && (!ended || have.len == 0)) {
        return false;
    }
    wharf_str line = str_slice(have, 0, end < 0 ? have.len : (size_t)end);
    buffer_consume(body, end < 0 ? have.len : (size_t)end + 1);
    *ret_line = str_ends(line, STR("\r")) ? str_slice(line, 0, line.len - 1) : line;
    return true;
}

int wharf_response_read_line(wharf_response *response, wharf_str *ret_line) {
    struct buffer *body = &response->body;
    ssize_t got = response->streaming ? 1 : 0;
    if (response->error < 0) {
        return response->error;
    }
    body->bytes_max = SIZE_MAX / 2;
    while (!take_line(body, got == 0, ret_line)) {
        struct place place = response_place(response);
        if (response->error < 0 || got == 0) {
            return response->error;
        }
        if (buffer_len(body) > (size_t)response->line_bytes) {
            return why_fail(-WHARF_ELIMIT, "read line of", &place, "limits.line_bytes is %lld",
                            (long long)response->line_bytes);
        }
        int rc = buffer_reserve(body, LINE_PIECE);
        if (rc < 0) {
            return why_fail(rc, "read line of", &place, NULL);
        }
        got = body_read(response, body->data + body->end, LINE_PIECE);
        body->end += got > 0 ? (size_t)got : 0;
    }
    return 1;
}
