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

/* The longest and the shortest known name. */
enum { NAME_LEN_MIN = 2, NAME_LEN_MAX = 24 };

/* Where a name is looked for: one look finds all there is to compare. */
struct slot {
    _Alignas(32) char name[NAME_LEN_MAX + 1];
    uint8_t len;
    uint8_t id;
};

#define SLOT(id, text) \
    { (text), sizeof(text) - 1, (id) }

static const struct slot slots[256] = {
    [212] = SLOT(HEADER_ACCEPT, "Accept"),
    [73] = SLOT(HEADER_ACCEPT_ENCODING, "Accept-Encoding"),
    [7] = SLOT(HEADER_ACCEPT_LANGUAGE, "Accept-Language"),
    [155] = SLOT(HEADER_ACCEPT_RANGES, "Accept-Ranges"),
    [85] = SLOT(HEADER_AGE, "Age"),
    [69] = SLOT(HEADER_ALLOW, "Allow"),
    [233] = SLOT(HEADER_ALT_SVC, "Alt-Svc"),
    [237] = SLOT(HEADER_AUTHORIZATION, "Authorization"),
    [37] = SLOT(HEADER_CACHE_CONTROL, "Cache-Control"),
    [248] = SLOT(HEADER_CONNECTION, "Connection"),
    [247] = SLOT(HEADER_CONTENT_DISPOSITION, "Content-Disposition"),
    [36] = SLOT(HEADER_CONTENT_ENCODING, "Content-Encoding"),
    [226] = SLOT(HEADER_CONTENT_LANGUAGE, "Content-Language"),
    [236] = SLOT(HEADER_CONTENT_LENGTH, "Content-Length"),
    [176] = SLOT(HEADER_CONTENT_LOCATION, "Content-Location"),
    [169] = SLOT(HEADER_CONTENT_RANGE, "Content-Range"),
    [6] = SLOT(HEADER_CONTENT_TYPE, "Content-Type"),
    [78] = SLOT(HEADER_COOKIE, "Cookie"),
    [138] = SLOT(HEADER_DATE, "Date"),
    [224] = SLOT(HEADER_ETAG, "ETag"),
    [68] = SLOT(HEADER_EXPECT, "Expect"),
    [225] = SLOT(HEADER_EXPIRES, "Expires"),
    [17] = SLOT(HEADER_FORWARDED, "Forwarded"),
    [164] = SLOT(HEADER_FROM, "From"),
    [198] = SLOT(HEADER_HOST, "Host"),
    [186] = SLOT(HEADER_IF_MATCH, "If-Match"),
    [139] = SLOT(HEADER_IF_MODIFIED_SINCE, "If-Modified-Since"),
    [193] = SLOT(HEADER_IF_NONE_MATCH, "If-None-Match"),
    [32] = SLOT(HEADER_IF_RANGE, "If-Range"),
    [47] = SLOT(HEADER_IF_UNMODIFIED_SINCE, "If-Unmodified-Since"),
    [158] = SLOT(HEADER_KEEP_ALIVE, "Keep-Alive"),
    [57] = SLOT(HEADER_LAST_MODIFIED, "Last-Modified"),
    [90] = SLOT(HEADER_LINK, "Link"),
    [196] = SLOT(HEADER_LOCATION, "Location"),
    [214] = SLOT(HEADER_MAX_FORWARDS, "Max-Forwards"),
    [148] = SLOT(HEADER_ORIGIN, "Origin"),
    [234] = SLOT(HEADER_PRAGMA, "Pragma"),
    [60] = SLOT(HEADER_PROXY_AUTHENTICATE, "Proxy-Authenticate"),
    [173] = SLOT(HEADER_PROXY_AUTHORIZATION, "Proxy-Authorization"),
    [8] = SLOT(HEADER_PROXY_CONNECTION, "Proxy-Connection"),
    [113] = SLOT(HEADER_RANGE, "Range"),
    [23] = SLOT(HEADER_REFERER, "Referer"),
    [211] = SLOT(HEADER_RETRY_AFTER, "Retry-After"),
    [250] = SLOT(HEADER_SEC_WEBSOCKET_ACCEPT, "Sec-WebSocket-Accept"),
    [142] = SLOT(HEADER_SEC_WEBSOCKET_EXTENSIONS, "Sec-WebSocket-Extensions"),
    [63] = SLOT(HEADER_SEC_WEBSOCKET_KEY, "Sec-WebSocket-Key"),
    [12] = SLOT(HEADER_SEC_WEBSOCKET_PROTOCOL, "Sec-WebSocket-Protocol"),
    [105] = SLOT(HEADER_SEC_WEBSOCKET_VERSION, "Sec-WebSocket-Version"),
    [166] = SLOT(HEADER_SERVER, "Server"),
    [114] = SLOT(HEADER_SET_COOKIE, "Set-Cookie"),
    [218] = SLOT(HEADER_TE, "TE"),
    [39] = SLOT(HEADER_TRAILER, "Trailer"),
    [83] = SLOT(HEADER_TRANSFER_ENCODING, "Transfer-Encoding"),
    [99] = SLOT(HEADER_UPGRADE, "Upgrade"),
    [184] = SLOT(HEADER_USER_AGENT, "User-Agent"),
    [110] = SLOT(HEADER_VARY, "Vary"),
    [21] = SLOT(HEADER_VIA, "Via"),
    [152] = SLOT(HEADER_WWW_AUTHENTICATE, "WWW-Authenticate"),
    [149] = SLOT(HEADER_X_FORWARDED_FOR, "X-Forwarded-For"),
    [0] = SLOT(HEADER_X_FORWARDED_HOST, "X-Forwarded-Host"),
    [77] = SLOT(HEADER_X_FORWARDED_PROTO, "X-Forwarded-Proto"),
};

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
    const struct slot *slot = &slots[name_slot(name)];
    bool found = slot->len == name.len && is_same_name(name.ptr, slot->name, name.len);
    return found ? (enum header_id)slot->id : HEADER_OTHER;
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
