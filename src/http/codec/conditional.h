/* Conditional requests (RFC 9110 section 13): whether a request goes ahead, given what the resource is now.
 */
#ifndef HTTP_CODEC_CONDITIONAL_H
#define HTTP_CODEC_CONDITIONAL_H

#include "http/codec/etag.h"

/* The request's field values; ptr NULL where there is no such field. Several lines of one field are joined by
 * ", ". */
struct conditional_headers {
    wharf_str if_match, if_unmodified_since, if_none_match, if_modified_since;
};

/* What is known about the resource at this moment. */
struct conditional_state {
    const struct etag *etag; /* NULL: none */
    int64_t last_modified;   /* Unix seconds */
    bool has_last_modified;
    bool exists; /* false: there is nothing at this place (a PUT may create it) */
    int64_t now; /* Unix seconds */
};

enum conditional_result {
    CONDITIONAL_PROCEED = 0,
    CONDITIONAL_NOT_MODIFIED = 304,
    CONDITIONAL_FAILED = 412 /* Precondition Failed */
};

/* Evaluates in the order of RFC 9110 section 13.2.2. A date that cannot be read, and an If-Modified-Since
 * that lies in the future, count as absent; in a list of tags only what can be read counts. is_get_or_head:
 * for these, and only for these, "you have it already" is 304. */
enum conditional_result conditional_evaluate(bool is_get_or_head, const struct conditional_headers *headers,
                                             const struct conditional_state *state);

/* Whether a Range may be honoured: true without If-Range (ptr NULL), with the strong tag of the resource, or
 * with its exact modification date once that is old enough to be a strong validator. */
bool conditional_allows_range(wharf_str if_range, const struct conditional_state *state);

#endif
