/* The known header names: their usual spelling, and the perfect hash that finds them.
 *
 * A name is hashed from its length and its first, middle and last byte; no two known names share a slot.
 * After adding a name, its slot is what name_slot gives; when it is taken, the compiler says so (the
 * initialiser is overridden) and other factors have to be found. The unit test holds that every name finds
 * its own id. */
#include "http/codec/headers.h"
#include "http/codec/scan.h"

#define STR_INIT(literal) \
    { (literal), sizeof(literal) - 1 }

static const wharf_str names[HEADER_ID_COUNT] = {
    [HEADER_OTHER] = {"", 0},
    [HEADER_ACCEPT] = STR_INIT("Accept"),
    [HEADER_ACCEPT_ENCODING] = STR_INIT("Accept-Encoding"),
    [HEADER_ACCEPT_LANGUAGE] = STR_INIT("Accept-Language"),
    [HEADER_ACCEPT_RANGES] = STR_INIT("Accept-Ranges"),
    [HEADER_AGE] = STR_INIT("Age"),
    [HEADER_ALLOW] = STR_INIT("Allow"),
    [HEADER_ALT_SVC] = STR_INIT("Alt-Svc"),
    [HEADER_AUTHORIZATION] = STR_INIT("Authorization"),
    [HEADER_CACHE_CONTROL] = STR_INIT("Cache-Control"),
    [HEADER_CONNECTION] = STR_INIT("Connection"),
    [HEADER_CONTENT_DISPOSITION] = STR_INIT("Content-Disposition"),
    [HEADER_CONTENT_ENCODING] = STR_INIT("Content-Encoding"),
    [HEADER_CONTENT_LANGUAGE] = STR_INIT("Content-Language"),
    [HEADER_CONTENT_LENGTH] = STR_INIT("Content-Length"),
    [HEADER_CONTENT_LOCATION] = STR_INIT("Content-Location"),
    [HEADER_CONTENT_RANGE] = STR_INIT("Content-Range"),
    [HEADER_CONTENT_TYPE] = STR_INIT("Content-Type"),
    [HEADER_COOKIE] = STR_INIT("Cookie"),
    [HEADER_DATE] = STR_INIT("Date"),
    [HEADER_ETAG] = STR_INIT("ETag"),
    [HEADER_EXPECT] = STR_INIT("Expect"),
    [HEADER_EXPIRES] = STR_INIT("Expires"),
    [HEADER_FORWARDED] = STR_INIT("Forwarded"),
    [HEADER_FROM] = STR_INIT("From"),
    [HEADER_HOST] = STR_INIT("Host"),
    [HEADER_IF_MATCH] = STR_INIT("If-Match"),
    [HEADER_IF_MODIFIED_SINCE] = STR_INIT("If-Modified-Since"),
    [HEADER_IF_NONE_MATCH] = STR_INIT("If-None-Match"),
    [HEADER_IF_RANGE] = STR_INIT("If-Range"),
    [HEADER_IF_UNMODIFIED_SINCE] = STR_INIT("If-Unmodified-Since"),
    [HEADER_KEEP_ALIVE] = STR_INIT("Keep-Alive"),
    [HEADER_LAST_MODIFIED] = STR_INIT("Last-Modified"),
    [HEADER_LINK] = STR_INIT("Link"),
    [HEADER_LOCATION] = STR_INIT("Location"),
    [HEADER_MAX_FORWARDS] = STR_INIT("Max-Forwards"),
    [HEADER_ORIGIN] = STR_INIT("Origin"),
    [HEADER_PRAGMA] = STR_INIT("Pragma"),
    [HEADER_PROXY_AUTHENTICATE] = STR_INIT("Proxy-Authenticate"),
    [HEADER_PROXY_AUTHORIZATION] = STR_INIT("Proxy-Authorization"),
    [HEADER_PROXY_CONNECTION] = STR_INIT("Proxy-Connection"),
    [HEADER_RANGE] = STR_INIT("Range"),
    [HEADER_REFERER] = STR_INIT("Referer"),
    [HEADER_RETRY_AFTER] = STR_INIT("Retry-After"),
    [HEADER_SEC_WEBSOCKET_ACCEPT] = STR_INIT("Sec-WebSocket-Accept"),
    [HEADER_SEC_WEBSOCKET_EXTENSIONS] = STR_INIT("Sec-WebSocket-Extensions"),
    [HEADER_SEC_WEBSOCKET_KEY] = STR_INIT("Sec-WebSocket-Key"),
    [HEADER_SEC_WEBSOCKET_PROTOCOL] = STR_INIT("Sec-WebSocket-Protocol"),
    [HEADER_SEC_WEBSOCKET_VERSION] = STR_INIT("Sec-WebSocket-Version"),
    [HEADER_SERVER] = STR_INIT("Server"),
    [HEADER_SET_COOKIE] = STR_INIT("Set-Cookie"),
    [HEADER_TE] = STR_INIT("TE"),
    [HEADER_TRAILER] = STR_INIT("Trailer"),
    [HEADER_TRANSFER_ENCODING] = STR_INIT("Transfer-Encoding"),
    [HEADER_UPGRADE] = STR_INIT("Upgrade"),
    [HEADER_USER_AGENT] = STR_INIT("User-Agent"),
    [HEADER_VARY] = STR_INIT("Vary"),
    [HEADER_VIA] = STR_INIT("Via"),
    [HEADER_WWW_AUTHENTICATE] = STR_INIT("WWW-Authenticate"),
    [HEADER_X_FORWARDED_FOR] = STR_INIT("X-Forwarded-For"),
    [HEADER_X_FORWARDED_HOST] = STR_INIT("X-Forwarded-Host"),
    [HEADER_X_FORWARDED_PROTO] = STR_INIT("X-Forwarded-Proto"),
};

static const uint8_t slots[256] = {
    [212] = HEADER_ACCEPT,
    [73] = HEADER_ACCEPT_ENCODING,
    [7] = HEADER_ACCEPT_LANGUAGE,
    [155] = HEADER_ACCEPT_RANGES,
    [85] = HEADER_AGE,
    [69] = HEADER_ALLOW,
    [233] = HEADER_ALT_SVC,
    [237] = HEADER_AUTHORIZATION,
    [37] = HEADER_CACHE_CONTROL,
    [248] = HEADER_CONNECTION,
    [247] = HEADER_CONTENT_DISPOSITION,
    [36] = HEADER_CONTENT_ENCODING,
    [226] = HEADER_CONTENT_LANGUAGE,
    [236] = HEADER_CONTENT_LENGTH,
    [176] = HEADER_CONTENT_LOCATION,
    [169] = HEADER_CONTENT_RANGE,
    [6] = HEADER_CONTENT_TYPE,
    [78] = HEADER_COOKIE,
    [138] = HEADER_DATE,
    [224] = HEADER_ETAG,
    [68] = HEADER_EXPECT,
    [225] = HEADER_EXPIRES,
    [17] = HEADER_FORWARDED,
    [164] = HEADER_FROM,
    [198] = HEADER_HOST,
    [186] = HEADER_IF_MATCH,
    [139] = HEADER_IF_MODIFIED_SINCE,
    [193] = HEADER_IF_NONE_MATCH,
    [32] = HEADER_IF_RANGE,
    [47] = HEADER_IF_UNMODIFIED_SINCE,
    [158] = HEADER_KEEP_ALIVE,
    [57] = HEADER_LAST_MODIFIED,
    [90] = HEADER_LINK,
    [196] = HEADER_LOCATION,
    [214] = HEADER_MAX_FORWARDS,
    [148] = HEADER_ORIGIN,
    [234] = HEADER_PRAGMA,
    [60] = HEADER_PROXY_AUTHENTICATE,
    [173] = HEADER_PROXY_AUTHORIZATION,
    [8] = HEADER_PROXY_CONNECTION,
    [113] = HEADER_RANGE,
    [23] = HEADER_REFERER,
    [211] = HEADER_RETRY_AFTER,
    [250] = HEADER_SEC_WEBSOCKET_ACCEPT,
    [142] = HEADER_SEC_WEBSOCKET_EXTENSIONS,
    [63] = HEADER_SEC_WEBSOCKET_KEY,
    [12] = HEADER_SEC_WEBSOCKET_PROTOCOL,
    [105] = HEADER_SEC_WEBSOCKET_VERSION,
    [166] = HEADER_SERVER,
    [114] = HEADER_SET_COOKIE,
    [218] = HEADER_TE,
    [39] = HEADER_TRAILER,
    [83] = HEADER_TRANSFER_ENCODING,
    [99] = HEADER_UPGRADE,
    [184] = HEADER_USER_AGENT,
    [110] = HEADER_VARY,
    [21] = HEADER_VIA,
    [152] = HEADER_WWW_AUTHENTICATE,
    [149] = HEADER_X_FORWARDED_FOR,
    [0] = HEADER_X_FORWARDED_HOST,
    [77] = HEADER_X_FORWARDED_PROTO,
};

/* The longest and the shortest known name. */
enum { NAME_LEN_MIN = 2, NAME_LEN_MAX = 24 };

/* Of a letter, its lower case; '-' stays; what becomes of other bytes is in no known name. */
static inline unsigned lower(char byte) {
    return (unsigned char)byte | 0x20u;
}

static inline unsigned name_slot(wharf_str name) {
    unsigned ends = lower(name.ptr[0]) * 156 + lower(name.ptr[name.len - 1]) * 222;
    return ((unsigned)name.len * 163 + ends + lower(name.ptr[name.len / 2]) * 54) & 0xff;
}

/* Eight bytes, or four, of a name and of a known name: not 0 when they differ by more than the case of
 * letters. Known names are made of letters and '-'; among these, the bit 0x40 marks the letters. */
static inline uint64_t differ_8(const char *name, const char *known) {
    uint64_t a;
    uint64_t b;
    memcpy(&a, name, sizeof a);
    memcpy(&b, known, sizeof b);
    return (a ^ b) & ~((b & 0x4040404040404040u) >> 1);
}

static inline uint64_t differ_4(const char *name, const char *known) {
    uint32_t a;
    uint32_t b;
    memcpy(&a, name, sizeof a);
    memcpy(&b, known, sizeof b);
    return (a ^ b) & ~((b & 0x40404040u) >> 1);
}

/* The last word overlaps the one before it, so that nothing outside of the names is read. */
static inline bool is_same_name(const char *name, const char *known, size_t len) {
    uint64_t different = 0;
    if (len >= 8) {
        for (size_t at = 0; at + 8 < len; at += 8) {
            different |= differ_8(name + at, known + at);
        }
        return (different | differ_8(name + len - 8, known + len - 8)) == 0;
    }
    if (len >= 4) {
        return (differ_4(name, known) | differ_4(name + len - 4, known + len - 4)) == 0;
    }
    for (size_t at = 0; at < len; at++) {
        different |= lower(name[at]) ^ lower(known[at]);
    }
    return different == 0;
}

enum header_id header_identify(wharf_str name) {
    if (name.len < NAME_LEN_MIN || name.len > NAME_LEN_MAX) {
        return HEADER_OTHER;
    }
    enum header_id id = (enum header_id)slots[name_slot(name)];
    wharf_str known = names[id];
    return known.len == name.len && is_same_name(name.ptr, known.ptr, name.len) ? id : HEADER_OTHER;
}

wharf_str header_name(enum header_id id) {
    return names[id];
}

bool header_is_forbidden_trailer(enum header_id id) {
    static const uint64_t forbidden =
        1ull << HEADER_ACCEPT | 1ull << HEADER_ACCEPT_ENCODING | 1ull << HEADER_ACCEPT_LANGUAGE |
        1ull << HEADER_AGE | 1ull << HEADER_AUTHORIZATION | 1ull << HEADER_CACHE_CONTROL |
        1ull << HEADER_CONNECTION | 1ull << HEADER_CONTENT_ENCODING | 1ull << HEADER_CONTENT_LANGUAGE |
        1ull << HEADER_CONTENT_LENGTH | 1ull << HEADER_CONTENT_LOCATION | 1ull << HEADER_CONTENT_RANGE |
        1ull << HEADER_CONTENT_TYPE | 1ull << HEADER_CONTENT_DISPOSITION | 1ull << HEADER_COOKIE |
        1ull << HEADER_DATE | 1ull << HEADER_EXPECT | 1ull << HEADER_EXPIRES | 1ull << HEADER_FORWARDED |
        1ull << HEADER_HOST | 1ull << HEADER_IF_MATCH | 1ull << HEADER_IF_MODIFIED_SINCE |
        1ull << HEADER_IF_NONE_MATCH | 1ull << HEADER_IF_RANGE | 1ull << HEADER_IF_UNMODIFIED_SINCE |
        1ull << HEADER_KEEP_ALIVE | 1ull << HEADER_LOCATION | 1ull << HEADER_MAX_FORWARDS |
        1ull << HEADER_ORIGIN | 1ull << HEADER_PRAGMA | 1ull << HEADER_PROXY_AUTHENTICATE |
        1ull << HEADER_PROXY_AUTHORIZATION | 1ull << HEADER_PROXY_CONNECTION | 1ull << HEADER_RANGE |
        1ull << HEADER_RETRY_AFTER | 1ull << HEADER_SEC_WEBSOCKET_ACCEPT |
        1ull << HEADER_SEC_WEBSOCKET_EXTENSIONS | 1ull << HEADER_SEC_WEBSOCKET_KEY |
        1ull << HEADER_SEC_WEBSOCKET_PROTOCOL | 1ull << HEADER_SEC_WEBSOCKET_VERSION |
        1ull << HEADER_SET_COOKIE | 1ull << HEADER_TE | 1ull << HEADER_TRAILER |
        1ull << HEADER_TRANSFER_ENCODING | 1ull << HEADER_UPGRADE | 1ull << HEADER_VARY | 1ull << HEADER_VIA |
        1ull << HEADER_WWW_AUTHENTICATE | 1ull << HEADER_X_FORWARDED_FOR | 1ull << HEADER_X_FORWARDED_HOST |
        1ull << HEADER_X_FORWARDED_PROTO;
    return (forbidden >> id & 1) != 0;
}
