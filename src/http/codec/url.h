/* URLs as the WHATWG URL Standard reads them: what a browser accepts is accepted, with the same result. One parser
 * serves the request line, the connection pool and the redirect check, so that they cannot disagree.
 *
 *      https://user:secret@example.com:8443/a/b?x=1#top
 *      scheme  |    |      host        |   path |   fragment
 *              |    password           port     query
 *              username    [--authority---][------] origin_form
 *
 * Every part is a view into `href`, the whole URL in normal form: scheme and host in lower case, default port
 * removed, dot segments resolved, names beyond ASCII as UTS 46 has them, bytes that may not stand in a URL
 * percent-encoded. Existing percent-encodings are never decoded, re-encoded or re-cased (in the host they are
 * decoded). */
#ifndef HTTP_CODEC_URL_H
#define HTTP_CODEC_URL_H

#include "base/arena.h"
#include "wharf/base.h"

enum url_host_kind { URL_HOST_DOMAIN, URL_HOST_IPV4, URL_HOST_IPV6, URL_HOST_OPAQUE };

struct url {
    wharf_str href;
    wharf_str scheme;             /* in lower case, without the ':' */
    wharf_str username, password; /* percent-encoded as they stand in the URL; empty for none */
    wharf_str host;               /* an IPv6 address with its brackets */
    wharf_str authority;          /* for the Host header: host, and :port unless it is the scheme's own */
    wharf_str path;               /* of the web schemes: begins with '/' */
    wharf_str query, fragment;    /* without '?' and '#' */
    wharf_str origin_form;        /* path, and ?query where there is one: for the request line */
    uint16_t port;                /* the effective one; 0: the scheme has none */
    enum url_host_kind host_kind;
    bool is_secure;       /* https or wss */
    bool has_port;        /* another one than the scheme's own */
    bool has_query;       /* tells "/?" from "/" */
    bool has_fragment;    /* tells "/#" from "/" */
    bool has_host;        /* tells "file:///" from "data:," */
    bool has_opaque_path; /* "mailto:a@b": the path is one text, and nothing is relative to it */
};

enum url_error_code {
    URL_NO_SCHEME,    /* a relative reference, and nothing to resolve it against */
    URL_OTHER_SCHEME, /* an absolute URL, but not of http, https, ws or wss */
    URL_NO_HOST,
    URL_BAD_HOST, /* a byte that no domain may contain, or a name that UTS 46 refuses */
    URL_BAD_IPV4,
    URL_BAD_IPV6,
    URL_BAD_PORT,
    URL_NO_MEMORY
};

struct url_error {
    enum url_error_code code;
    size_t offset;      /* of the offending byte in the input */
    const char *reason; /* static, a few plain words */
};

/* Parses an absolute URL of http, https, ws or wss. 0, -WHARF_EADDRESS or -ENOMEM (*ret_error says more). The result lives in the arena
 * and does not refer to `input`. */
int url_parse(struct arena *arena, wharf_str input, struct url *ret_url, struct url_error *ret_error);

/* The same for a reference that may be relative to `base`. */
int url_resolve(struct arena *arena, const struct url *base, wharf_str reference, struct url *ret_url,
                struct url_error *ret_error);

/* The target of a redirect from `base`: url_resolve, and a Location without a fragment inherits the one of
 * `base` (RFC 9110 section 10.2.2). */
int url_redirect(struct arena *arena, const struct url *base, wharf_str location, struct url *ret_url,
                 struct url_error *ret_error);

/* A URL of any scheme; `base` may be NULL. */
int url_parse_any(struct arena *arena, const struct url *base, wharf_str input, struct url *ret_url,
                  struct url_error *ret_error);

/* Whether the port is the one that the scheme stands for: 80 for http and ws, 443 for https and wss,
 * 21 for ftp. */
bool url_is_default_port(wharf_str scheme, uint16_t port);

/* Same scheme, host and effective port. */
bool url_same_origin(const struct url *a, const struct url *b);

/* The URL without username, password and fragment, for logs and messages. {NULL, 0} when out of memory. */
wharf_str url_format_public(struct arena *arena, const struct url *url);

#endif
