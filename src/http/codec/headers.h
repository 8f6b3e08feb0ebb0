/* Header fields: an ordered list of (name, value) views, with known names found in constant time.
 *
 * The list borrows everything: its storage is an array of the caller's, its bytes lie in the caller's buffer.
 * Order, spelling and duplicates are kept as they came; look-up ignores case. A known name has an id, found
 * while parsing, and the list remembers where each known name stands first.
 *
 *      present  ..0100101  one bit per known name         first[id] -> at[0..count)
 *      repeated ..0000001  ... that stands twice or more
 */
#ifndef HTTP_CODEC_HEADERS_H
#define HTTP_CODEC_HEADERS_H

#include "http/codec/reason.h"
#include "wharf/base.h"

enum header_id {
    HEADER_OTHER, /* any name that is not below */
    HEADER_ACCEPT,
    HEADER_ACCEPT_ENCODING,
    HEADER_ACCEPT_LANGUAGE,
    HEADER_ACCEPT_RANGES,
    HEADER_AGE,
    HEADER_ALLOW,
    HEADER_ALT_SVC,
    HEADER_AUTHORIZATION,
    HEADER_CACHE_CONTROL,
    HEADER_CONNECTION,
    HEADER_CONTENT_DISPOSITION,
    HEADER_CONTENT_ENCODING,
    HEADER_CONTENT_LANGUAGE,
    HEADER_CONTENT_LENGTH,
    HEADER_CONTENT_LOCATION,
    HEADER_CONTENT_RANGE,
    HEADER_CONTENT_TYPE,
    HEADER_COOKIE,
    HEADER_DATE,
    HEADER_ETAG,
    HEADER_EXPECT,
    HEADER_EXPIRES,
    HEADER_FORWARDED,
    HEADER_FROM,
    HEADER_HOST,
    HEADER_IF_MATCH,
    HEADER_IF_MODIFIED_SINCE,
    HEADER_IF_NONE_MATCH,
    HEADER_IF_RANGE,
    HEADER_IF_UNMODIFIED_SINCE,
    HEADER_KEEP_ALIVE,
    HEADER_LAST_MODIFIED,
    HEADER_LINK,
    HEADER_LOCATION,
    HEADER_MAX_FORWARDS,
    HEADER_ORIGIN,
    HEADER_PRAGMA,
    HEADER_PROXY_AUTHENTICATE,
    HEADER_PROXY_AUTHORIZATION,
    HEADER_PROXY_CONNECTION,
    HEADER_RANGE,
    HEADER_REFERER,
    HEADER_RETRY_AFTER,
    HEADER_SEC_WEBSOCKET_ACCEPT,
    HEADER_SEC_WEBSOCKET_EXTENSIONS,
    HEADER_SEC_WEBSOCKET_KEY,
    HEADER_SEC_WEBSOCKET_PROTOCOL,
    HEADER_SEC_WEBSOCKET_VERSION,
    HEADER_SERVER,
    HEADER_SET_COOKIE,
    HEADER_TE,
    HEADER_TRAILER,
    HEADER_TRANSFER_ENCODING,
    HEADER_UPGRADE,
    HEADER_USER_AGENT,
    HEADER_VARY,
    HEADER_VIA,
    HEADER_WWW_AUTHENTICATE,
    HEADER_X_FORWARDED_FOR,
    HEADER_X_FORWARDED_HOST,
    HEADER_X_FORWARDED_PROTO,
    HEADER_ID_COUNT
};

_Static_assert(HEADER_ID_COUNT <= 64, "one bit each in a 64-bit mask");

struct header {
    wharf_str name;  /* as it was spelled */
    wharf_str value; /* without the white space around it */
    enum header_id id;
};

struct headers {
    struct header *at; /* caller's storage */
    size_t count, capacity;
    uint64_t present;                /* bit id: the known name is there */
    uint64_t repeated;               /* bit id: it is there more than once */
    uint16_t first[HEADER_ID_COUNT]; /* where; meaningful when present */
};

/* An empty list over the caller's array; at most 65535 are used. */
void headers_init(struct headers *headers, struct header *storage, size_t capacity);
void headers_clear(struct headers *headers);
/* Appends views, unchecked and uncopied. 0, or -WHARF_ELIMIT when the storage is full. */
int headers_add(struct headers *headers, wharf_str name, wharf_str value);

static inline bool headers_has(const struct headers *headers, enum header_id id) {
    return (headers->present >> id & 1) != 0;
}
/* Whether there is more than one field of this name. */
static inline bool headers_has_repeated(const struct headers *headers, enum header_id id) {
    return (headers->repeated >> id & 1) != 0;
}
/* The first field of this name, or NULL. O(1). */
static inline const struct header *headers_find(const struct headers *headers, enum header_id id) {
    return headers_has(headers, id) ? &headers->at[headers->first[id]] : NULL;
}
/* Its value, or {NULL, 0}. */
static inline wharf_str headers_value(const struct headers *headers, enum header_id id) {
    const struct header *header = headers_find(headers, id);
    return header != NULL ? header->value : (wharf_str){NULL, 0};
}
/* The same for any name; O(1) for known ones. */
const struct header *headers_find_name(const struct headers *headers, wharf_str name);
wharf_str headers_get(const struct headers *headers, wharf_str name);
/* The next field of the same name as this one, or NULL. */
const struct header *headers_next(const struct headers *headers, const struct header *previous);
/* Whether a comma-separated list field (all its lines) has this element, ignoring case: Connection and
 * "close". */
bool headers_list_has(const struct headers *headers, enum header_id id, wharf_str element);

/* The id of a name, in any case; HEADER_OTHER for unknown ones and for what is no name. */
enum header_id header_identify(wharf_str name);
/* The usual spelling of a known name ("Content-Length"); "" for HEADER_OTHER. */
wharf_str header_name(enum header_id id);
/* Cuts the next non-empty element, trimmed, off a comma-separated list; commas inside a quoted-string do not
 * separate. False at the end. RFC 9110 section 5.6.1. */
bool header_list_next(wharf_str *rest, wharf_str *ret_element);

/* What a program may put on the wire: 1*tchar; and a value without controls (HTAB excepted), with no white
 * space at either end. The empty value is fine. */
bool h1_is_token(wharf_str text);
bool h1_is_field_value(wharf_str text);

/* Whether a field may not stand in a trailer section: framing, routing, authentication, content (RFC
 * 9110 6.5.1). */
bool header_is_forbidden_trailer(enum header_id id);

/* Parses the one field line at input[offset]; input must end in LF. Returns the offset of the next line, or a
 * negative code with *ret_error. */
ssize_t h1_parse_field(wharf_str input, size_t offset, const struct h1_limits *limits,
                       struct header *ret_header, struct h1_error *ret_error);

/* Parses the field lines input[offset..]; input must end with the empty line that ends the section (CR LF CR
 * LF, or CR LF alone when there is no field). Appends to *headers (which need storage for
 * limits->header_lines, or it is full sooner). 0, or a negative code with *ret_error; then *headers holds
 * what came before. */
int h1_parse_fields(wharf_str input, size_t offset, const struct h1_limits *limits, struct headers *headers,
                    struct h1_error *ret_error);

#endif
