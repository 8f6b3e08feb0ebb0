/* The arithmetic of digest access authentication (RFC 7616). */
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "httpbin.h"

enum { HEX_MAX = 2 * EVP_MAX_MD_SIZE + 1 };

static void hex_of(const EVP_MD *kind, const void *bytes, size_t len, char *out) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    out[0] = '\0';
    if (EVP_Digest(bytes, len, digest, &size, kind, NULL) != 1) {
        return;
    }
    for (unsigned i = 0; i < size; i++) {
        snprintf(out + 2 * (size_t)i, 3, "%02x", digest[i]);
    }
}

static const EVP_MD *kind_of(enum digest_algorithm algorithm) {
    switch (algorithm) {
    case DIGEST_SHA_256: return EVP_sha256();
    case DIGEST_SHA_512: return EVP_sha512();
    default: return EVP_md5();
    }
}

void digest_answer(const struct digest *said, const struct digest_request *request, char *out) {
    const EVP_MD *kind = kind_of(request->algorithm);
    char text[2048], a1[HEX_MAX], a2[HEX_MAX], body[HEX_MAX];
    int len = snprintf(text, sizeof text, "%s:%s:%s", request->user, said->realm, request->password);
    hex_of(kind, text, (size_t)len, a1);
    hex_of(kind, request->body.len > 0 ? request->body.ptr : "", request->body.len, body);
    bool with_body = strcmp(said->qop, "auth-int") == 0;
    len = snprintf(text, sizeof text, "%.*s:%s%s%s", WHARF_STR_ARG(request->method), said->uri,
                   with_body ? ":" : "", with_body ? body : "");
    hex_of(kind, text, (size_t)len, a2);
    len = said->qop[0] != '\0' ? snprintf(text, sizeof text, "%s:%s:%s:%s:%s:%s", a1, said->nonce, said->nc,
                                          said->cnonce, said->qop, a2)
                               : snprintf(text, sizeof text, "%s:%s:%s", a1, said->nonce, a2);
    hex_of(kind, text, (size_t)len, out);
}

/* ---- reading the header ---- */

struct field {
    const char *name;
    char *out;
    size_t size;
};

static void keep(const struct field *fields, size_t count, wharf_str name, wharf_str value) {
    for (size_t i = 0; i < count; i++) {
        if (strlen(fields[i].name) == name.len && strncasecmp(fields[i].name, name.ptr, name.len) == 0) {
            snprintf(fields[i].out, fields[i].size, "%.*s", WHARF_STR_ARG(value));
        }
    }
}

/* The next name="value" or name=value; false at the end. */
static bool next_pair(const char **at, const char *end, wharf_str *ret_name, wharf_str *ret_value) {
    const char *from = *at;
    while (from < end && (*from == ' ' || *from == ',' || *from == '\t')) {
        from++;
    }
    const char *equals = from < end ? memchr(from, '=', (size_t)(end - from)) : NULL;
    if (equals == NULL || equals + 1 >= end) {
        return false;
    }
    bool quoted = equals[1] == '"';
    const char *value = equals + (quoted ? 2 : 1);
    const char *stop = value < end ? memchr(value, quoted ? '"' : ',', (size_t)(end - value)) : NULL;
    stop = stop != NULL ? stop : end;
    *ret_name = (wharf_str){from, (size_t)(equals - from)};
    *ret_value = (wharf_str){value, (size_t)(stop - value)};
    *at = stop + (quoted && stop < end ? 1 : 0);
    return true;
}

bool digest_parse(wharf_str header, struct digest *ret_digest) {
    struct digest digest = {.username = ""};
    const struct field fields[] = {
        {"username", digest.username, sizeof digest.username},
        {"realm", digest.realm, sizeof digest.realm},
        {"nonce", digest.nonce, sizeof digest.nonce},
        {"uri", digest.uri, sizeof digest.uri},
        {"response", digest.response, sizeof digest.response},
        {"cnonce", digest.cnonce, sizeof digest.cnonce},
        {"nc", digest.nc, sizeof digest.nc},
        {"qop", digest.qop, sizeof digest.qop},
    };
    if (header.len < 7 || strncasecmp(header.ptr, "Digest ", 7) != 0) {
        return false;
    }
    const char *at = header.ptr + 7;
    wharf_str name, value;
    while (next_pair(&at, header.ptr + header.len, &name, &value)) {
        keep(fields, sizeof fields / sizeof *fields, name, value);
    }
    *ret_digest = digest;
    return true;
}
