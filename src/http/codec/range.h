/* Byte ranges (RFC 9110 section 14): the Range of a request against the length of a representation, and the
 * Content-Range of a response. */
#ifndef HTTP_CODEC_RANGE_H
#define HTTP_CODEC_RANGE_H

#include "wharf/base.h"

enum { RANGE_COUNT_MAX = 16, RANGE_CONTENT_SIZE = 72 };

struct range {
    uint64_t first, last; /* both included */
};

enum range_kind {
    RANGE_ABSENT,       /* no Range at all */
    RANGE_IGNORED,      /* another unit, bad syntax, or more than anybody needs: answer with the whole, 200 */
    RANGE_SATISFIABLE,  /* `count` of them: 206 */
    RANGE_UNSATISFIABLE /* 416 */
};

struct range_set {
    enum range_kind kind;
    size_t count;
    struct range
        at[RANGE_COUNT_MAX]; /* in the order of the request, each within the length, none overlapping */
};

/* value: the field value, ptr NULL where there is none. Over RANGE_COUNT_MAX ranges, and ranges that overlap,
 * are ignored as a whole: they ask for more bytes than there are. */
void range_parse(wharf_str value, uint64_t length, struct range_set *ret_set);

/* "bytes 0-9/100"; range NULL: "bytes * /100" without the blank, for 416. Writes at most RANGE_CONTENT_SIZE
 * bytes, no NUL; returns how many. */
size_t range_format_content(const struct range *range, uint64_t length, char *out);

/* Reads a Content-Range of unit bytes. *ret_length is UINT64_MAX when the response does not know it. 0, or
 * -EINVAL; the form without a range, which 416 sends, is -ERANGE and still sets *ret_length. */
int range_parse_content(wharf_str value, struct range *ret_range, uint64_t *ret_length);

#endif
