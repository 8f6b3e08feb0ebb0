/* What nobody should read in a log: see log_line.h. A name counts whatever its case, with '-', '_' and '.' left away and
 * percent-encodings decoded, as frameworks read it. */
#include <string.h>

#include "base/text.h"
#include "http/codec/percent.h"
#include "server/log_line.h"

enum { NAME_MAX_LEN = 64 };

#define HIDDEN STR("***")

/* Anywhere in a name. */
static const wharf_str PARTS[] = {
    {"token", 5},       {"secret", 6},         {"passw", 5},       {"passphrase", 10},
    {"apikey", 6},      {"accesskey", 9},      {"privatekey", 10}, {"signature", 9},
    {"credential", 10}, {"authorization", 13}, {"sessionid", 9},   {"jwt", 3},
};
/* A whole name. */
static const wharf_str NAMES[] = {
    {"pass", 4}, {"pwd", 3}, {"auth", 4}, {"key", 3},     {"sig", 3},
    {"code", 4}, {"otp", 3}, {"sid", 3},  {"session", 7},
};

static wharf_str name_simplify(wharf_str name, char *out) {
    size_t len = 0;
    for (size_t i = 0; i < name.len && len < NAME_MAX_LEN; i++) {
        int byte = percent_byte_at(name, i);
        i += byte >= 0 ? 2 : 0;
        char plain = ascii_lower(byte >= 0 ? (char)byte : name.ptr[i]);
        if (plain != '-' && plain != '_' && plain != '.') {
            out[len++] = plain;
        }
    }
    return (wharf_str){out, len};
}

static bool is_secret(wharf_str name) {
    char text[NAME_MAX_LEN];
    wharf_str simple = name_simplify(name, text);
    for (size_t i = 0; i < sizeof(PARTS) / sizeof(PARTS[0]); i++) {
        if (str_find(simple, PARTS[i]) >= 0) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        if (wharf_str_equal(simple, NAMES[i])) {
            return true;
        }
    }
    return false;
}

/* The value of "name=value" when it is a secret; len 0: it is not. */
static wharf_str secret_of(wharf_str pair) {
    ssize_t equals = str_find_byte(pair, '=');
    if (equals < 0 || !is_secret(str_slice(pair, 0, (size_t)equals))) {
        return (wharf_str){NULL, 0};
    }
    return str_slice(pair, (size_t)equals + 1, pair.len);
}

static char *put(char *out, wharf_str text) {
    if (text.len > 0) {
        memcpy(out, text.ptr, text.len);
    }
    return out + text.len;
}

static bool query_has_secret(wharf_str query) {
    wharf_str pair;
    while (str_split(&query, '&', &pair)) {
        if (secret_of(pair).len > 0) {
            return true;
        }
    }
    return false;
}

static char *query_copy(char *out, wharf_str query) {
    wharf_str pair;
    const char *start = query.ptr;
    while (str_split(&query, '&', &pair)) {
        out = put(out, pair.ptr != start ? STR("&") : STR(""));
        wharf_str secret = secret_of(pair);
        out = put(out, str_slice(pair, 0, pair.len - secret.len));
        out = put(out, secret.len > 0 ? HIDDEN : STR(""));
    }
    return out;
}

/* "user:password" of "http://user:password@host/"; len 0: none. */
static wharf_str userinfo_of(wharf_str url) {
    ssize_t slashes = str_find(url, STR("://"));
    if (slashes < 0) {
        return (wharf_str){NULL, 0};
    }
    wharf_str rest = str_slice(url, (size_t)slashes + 3, url.len);
    size_t end = 0;
    while (end < rest.len && memchr("/?#", rest.ptr[end], 3) == NULL) {
        end++;
    }
    ssize_t at = str_find_last_byte(str_slice(rest, 0, end), '@');
    return at > 0 ? str_slice(rest, 0, (size_t)at) : (wharf_str){NULL, 0};
}

wharf_str log_redact(struct arena *arena, wharf_str url) {
    ssize_t mark = str_find_byte(url, '?');
    size_t query_at = mark < 0 ? url.len : (size_t)mark + 1;
    wharf_str query = str_slice(url, query_at, url.len);
    wharf_str front = str_slice(url, 0, query_at);
    wharf_str userinfo = userinfo_of(front);
    if (userinfo.len == 0 && !query_has_secret(query)) {
        return url;
    }
    /* A secret has at least the byte that stands for it and a name: three stars never make it twice as long. */
    char *out = arena_alloc(arena, url.len * 2 + HIDDEN.len);
    if (out == NULL) {
        return userinfo.len == 0 ? front : (wharf_str){NULL, 0};
    }
    char *end = put(out,
                    str_slice(front, 0, userinfo.len > 0 ? (size_t)(userinfo.ptr - front.ptr) : front.len));
    if (userinfo.len > 0) {
        end = put(end, HIDDEN);
        end = put(end, str_slice(front, (size_t)(userinfo.ptr - front.ptr) + userinfo.len, front.len));
    }
    end = query_copy(end, query);
    return (wharf_str){out, (size_t)(end - out)};
}
