/* multipart/form-data (RFC 7578, RFC 2046 section 5.1) as a stream: whoever has bytes shows them, and is told what they
 * are and how many have been dealt with.
 *
 *      preamble  --boundary CRLF head CRLF CRLF content CRLF --boundary CRLF ... CRLF --boundary--  epilogue
 */
#ifndef HTTP_CODEC_MULTIPART_H
#define HTTP_CODEC_MULTIPART_H

#include "wharf/base.h"

enum { MULTIPART_BOUNDARY_MAX = 70, MULTIPART_DELIMITER_MAX = MULTIPART_BOUNDARY_MAX + 4 };

enum multipart_kind {
    MULTIPART_MORE,     /* nothing to tell yet: take `taken` off, show more */
    MULTIPART_PART,     /* a part begins: `bytes` is its head, field lines, each with its CR LF */
    MULTIPART_DATA,     /* `bytes` of its content */
    MULTIPART_PART_END, /* its content is complete */
    MULTIPART_END       /* there are no more parts; what follows does not count */
};

struct multipart_event {
    enum multipart_kind kind;
    wharf_str bytes; /* a view into what was shown */
    size_t taken;    /* dealt with: not to be shown again */
};

enum multipart_state {
    MULTIPART_BEFORE,
    MULTIPART_BEHIND_DELIMITER,
    MULTIPART_HEAD,
    MULTIPART_CONTENT,
    MULTIPART_DONE
};

struct multipart {
    char delimiter[MULTIPART_DELIMITER_MAX]; /* CR LF "--" and the boundary */
    size_t delimiter_len;
    size_t head_bytes_max;
    enum multipart_state state;
    bool
        at_start; /* of the whole, where a delimiter needs no CR LF, or of a content, whose CR LF is still there */
};

/* content_type: the header's value, with the boundary. 0, or -EINVAL: not multipart/form-data, or no boundary that
 * could be one. */
int multipart_init(struct multipart *multipart, wharf_str content_type, size_t head_bytes_max);

/* Looks at `input`, all that there is; with MULTIPART_MORE it must be longer next time. 0, -WHARF_EPROTOCOL (neither
 * end nor line end behind a delimiter), or -WHARF_ELIMIT (a head over head_bytes_max). */
int multipart_next(struct multipart *multipart, wharf_str input, struct multipart_event *ret_event);

/* Cuts the next parameter off *rest, which begins with ';' (Content-Type, Content-Disposition). A quoted value comes
 * without its quotes and still has its backslashes. False at the end, or where it is malformed. */
bool parameter_next(wharf_str *rest, wharf_str *ret_name, wharf_str *ret_value);

/* What a part's head says. Names are as browsers write them: %22, %0D and %0A for what cannot stand in quotes, and a
 * backslash only before a quote. `out` has room for value.len bytes. Returns the length. */
size_t multipart_name_decode(wharf_str value, char *out);

#endif
