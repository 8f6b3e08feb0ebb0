/* Entity tags (RFC 9110 section 8.8.3). */
#ifndef HTTP_CODEC_ETAG_H
#define HTTP_CODEC_ETAG_H

#include "wharf/base.h"

struct etag {
    wharf_str opaque; /* with its quotes */
    bool is_weak;
};

/* The whole view is one entity tag. 0 or -EINVAL. */
int etag_parse(wharf_str text, struct etag *ret_etag);
/* Neither is weak, and both are the same (section 8.8.3.2). */
bool etag_equal_strong(const struct etag *a, const struct etag *b);
/* The same but for weakness. */
bool etag_equal_weak(const struct etag *a, const struct etag *b);
/* Whether a list as in If-Match and If-None-Match names `current` (NULL: the resource has none); "*" is not
 * looked at here. What follows the first malformed member is not read. */
bool etag_list_names(wharf_str list, const struct etag *current, bool strong);

#endif
