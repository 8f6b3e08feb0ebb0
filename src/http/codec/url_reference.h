/* A URL reference cut into its parts, as the text stands: nothing decoded, nothing resolved.
 *
 *      //user@h:80/a?b#c    authority "user@h:80", path "/a", query "b", fragment "c"
 *      mailto:a@b           opaque path "a@b"
 *
 * '#' and '?' end every earlier part wherever they stand, so fragment and query are cut off first, then the scheme,
 * then the authority; what is left is the path. That gives what the state machine of the WHATWG URL Standard does. */
#ifndef HTTP_CODEC_URL_REFERENCE_H
#define HTTP_CODEC_URL_REFERENCE_H

#include "http/codec/url.h"

/* The schemes whose URLs have a host, and in which '\' is read as '/'. */
struct url_scheme {
    const char *name;
    uint16_t port; /* 0: it has none (file) */
    bool is_secure, is_web, is_file;
};

struct url_reference {
    wharf_str scheme;                 /* as it is written; empty without one */
    const struct url_scheme *special; /* of the scheme here or else of the base; NULL: none of the table */
    wharf_str authority, path, query, fragment;
    bool has_scheme, has_authority, has_query, has_fragment;
    bool is_opaque;   /* the path is not one of segments */
    bool is_relative; /* what comes before the first part that it has is the base's */
};

/* NULL: no such scheme in the table. */
const struct url_scheme *url_scheme_find(wharf_str name);

/* Whether the byte separates segments. */
bool url_is_slash(const struct url_reference *reference, char byte);

/* "C:" or "C|", and then the end or a slash: on Windows the name of a drive. */
bool url_starts_with_drive(wharf_str text);

/* `base` is NULL for none. False: *ret_error says what is wrong, its offset counted in `text`. */
bool url_reference_cut(wharf_str text, const struct url *base, struct url_reference *ret_reference,
                       struct url_error *ret_error);

#endif
