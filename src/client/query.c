/* See query.h. A blank is %20 here, unlike in a form's body: '+' means itself to many who read a URL. */
#include "client/query.h"

#include <errno.h>

#include "base/buffer.h"
#include "base/failure.h"
#include "base/text.h"
#include "http/codec/scan.h"

enum { QUERY_BYTES_MAX = 1 << 20 };

/* Goes as it is: unreserved, or without a meaning in a query. */
static bool is_plain(char byte) {
    return scan_is(byte, SCAN_ALPHA | SCAN_DIGIT) || strchr("-._~!$'()*,/:;?@", byte) != NULL;
}

static int append_line(struct buffer *out, const char *line) {
    int rc = 0;
    for (const char *at = line; rc == 0 && *at != '\0'; at++) {
        bool plain = is_plain(*at) || *at == '='; /* the first separates, others mean nothing */
        rc = plain ? buffer_append(out, at, 1) : buffer_printf(out, "%%%02X", (unsigned char)*at);
    }
    return rc;
}

static int append_lines(struct buffer *out, const char *const *lines) {
    bool asks = str_find_byte(buffer_view(out), '?') >= 0;
    int rc = 0;
    for (; rc == 0 && *lines != NULL; lines++) {
        bool begins = str_ends(buffer_view(out), STR("?"));
        rc = begins ? 0 : buffer_append_str(out, asks ? STR("&") : STR("?"));
        rc = rc < 0 ? rc : append_line(out, *lines);
        asks = true;
    }
    return rc;
}

int query_add(struct arena *arena, const char *const *lines, const char **text) {
    wharf_str url = wharf_str_of(*text);
    ssize_t hash = str_find_byte(url, '#');
    wharf_str base = str_slice(url, 0, hash < 0 ? url.len : (size_t)hash);
    wharf_str copy = {NULL, 0};
    struct buffer out;
    buffer_init(&out, QUERY_BYTES_MAX);
    int rc = buffer_append_str(&out, base);
    rc = rc < 0 ? rc : append_lines(&out, lines);
    rc = rc < 0 ? rc : buffer_append_str(&out, str_slice(url, base.len, url.len));
    if (rc == 0) {
        copy = arena_copy(arena, out.data, buffer_len(&out));
    }
    buffer_deinit(&out);
    if (copy.ptr == NULL) {
        return fail(rc < 0 ? rc : -ENOMEM, "make query", "", NULL);
    }
    *text = copy.ptr;
    return 0;
}
