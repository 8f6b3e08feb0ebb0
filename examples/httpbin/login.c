/* Who the client is: Basic, Bearer, Digest. */
#include <stdio.h>
#include <string.h>

#include <wharf/auth.h>
#include <wharf/os.h>

#include "httpbin.h"

enum { NAME_SIZE = 256, CHALLENGE_SIZE = 512 };

static wharf_str param(wharf_request *request, const char *name) {
    return wharf_request_param(request, name);
}

static int reply_user(wharf_request *request, wharf_str user) {
    return reply_json(request, 200, json_pack("{s:b,s:o}", "authenticated", 1, "user", json_of(user)));
}

/* ---- Basic, Bearer ---- */

static bool is_known(wharf_request *request) {
    wharf_str user, password;
    return wharf_request_basic(request, &user, &password) == 0 &&
           wharf_str_equal(user, param(request, "user")) &&
           wharf_str_equal(password, param(request, "password"));
}

static int handle_basic(wharf_request *request, void *arg) {
    (void)arg;
    if (is_known(request)) {
        return reply_user(request, param(request, "user"));
    }
    return wharf_reply_challenge(request, "Basic realm=\"Fake Realm\"");
}

static int handle_hidden_basic(wharf_request *request, void *arg) {
    (void)arg;
    return is_known(request) ? reply_user(request, param(request, "user")) : wharf_reply_status(request, 404);
}

static int handle_bearer(wharf_request *request, void *arg) {
    (void)arg;
    wharf_str token = wharf_request_bearer(request);
    if (token.ptr == NULL) {
        return wharf_reply_challenge(request, "Bearer");
    }
    return reply_json(request, 200, json_pack("{s:b,s:o}", "authenticated", 1, "token", json_of(token)));
}

/* ---- Digest (RFC 7616) ---- */

static const char *const ALGORITHMS[] = {"MD5", "SHA-256", "SHA-512"};

static enum digest_algorithm algorithm_of(wharf_str name) {
    for (int i = DIGEST_SHA_256; i <= DIGEST_SHA_512; i++) {
        if (wharf_str_is(name, ALGORITHMS[i])) {
            return (enum digest_algorithm)i;
        }
    }
    return DIGEST_MD5;
}

static void random_hex(char *out, size_t digits) {
    unsigned char bytes[32];
    (void)wharf_random(bytes, sizeof bytes);
    for (size_t i = 0; i < digits; i += 2) {
        snprintf(out + i, 3, "%02x", bytes[i / 2]);
    }
}

static int challenge(wharf_request *request, const char *qop, enum digest_algorithm algorithm, bool stale) {
    char nonce[33], opaque[33], text[CHALLENGE_SIZE];
    random_hex(nonce, sizeof nonce - 1);
    random_hex(opaque, sizeof opaque - 1);
    snprintf(
        text, sizeof text,
        "Digest realm=\"me@kennethreitz.com\", nonce=\"%s\", qop=\"%s\", opaque=\"%s\", algorithm=%s, stale=%s",
        nonce, qop, opaque, ALGORITHMS[algorithm], stale ? "TRUE" : "FALSE");
    char header[CHALLENGE_SIZE];
    memcpy(header, text, sizeof header);
    wharf_str after = param(request, "stale_after");
    if (after.ptr != NULL) {
        snprintf(text, sizeof text, "%.*s", WHARF_STR_ARG(after));
        (void)wharf_reply_cookie(request, WHARF_OPTIONS(wharf_cookie, .name = "stale_after", .value = text));
    }
    return wharf_reply_challenge(request, header);
}

/* Whether the nonce has been used as often as was asked for; counts this time. */
static bool is_worn(wharf_request *request) {
    wharf_str left = wharf_request_cookie(request, "stale_after");
    int64_t count = number_of(left, INT32_MAX);
    if (left.ptr == NULL || count < 0) {
        return false; /* "never" */
    }
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)count - 1);
    if (count > 0) {
        (void)wharf_reply_cookie(request, WHARF_OPTIONS(wharf_cookie, .name = "stale_after", .value = text));
    }
    return count == 0;
}

static bool is_right(wharf_request *request, const struct digest *said, enum digest_algorithm algorithm,
                     wharf_str body) {
    char user[NAME_SIZE], password[NAME_SIZE], wanted[sizeof said->response];
    snprintf(user, sizeof user, "%.*s", WHARF_STR_ARG(param(request, "user")));
    snprintf(password, sizeof password, "%.*s", WHARF_STR_ARG(param(request, "password")));
    const struct digest_request facts = {.method = wharf_request_method(request),
                                         .body = body,
                                         .user = user,
                                         .password = password,
                                         .algorithm = algorithm};
    digest_answer(said, &facts, wanted);
    return strcmp(user, said->username) == 0 && strcmp(wanted, said->response) == 0 &&
           wharf_str_is(wharf_request_target(request), said->uri);
}

static int handle_digest(wharf_request *request, void *arg) {
    (void)arg;
    struct digest said;
    wharf_str body = {NULL, 0}, asked = param(request, "qop");
    enum digest_algorithm algorithm = algorithm_of(param(request, "algorithm"));
    const char *qop = wharf_str_is(asked, "auth-int") ? "auth-int"
                      : wharf_str_is(asked, "auth")   ? "auth"
                                                      : "auth, auth-int";
    if (!digest_parse(wharf_request_header(request, "Authorization"), &said)) {
        return challenge(request, qop, algorithm, false);
    }
    int rc = wharf_request_body(request, &body);
    if (rc < 0) {
        return rc;
    }
    if (!is_right(request, &said, algorithm, body)) {
        return challenge(request, qop, algorithm, false);
    }
    return is_worn(request) ? challenge(request, qop, algorithm, true)
                            : reply_user(request, param(request, "user"));
}

const struct path login_paths[] = {
    {"GET /basic-auth/{user}/{password}", handle_basic},
    {"GET /hidden-basic-auth/{user}/{password}", handle_hidden_basic},
    {"GET /bearer", handle_bearer},
    {"GET /digest-auth/{qop}/{user}/{password}", handle_digest},
    {"GET /digest-auth/{qop}/{user}/{password}/{algorithm}", handle_digest},
    {"GET /digest-auth/{qop}/{user}/{password}/{algorithm}/{stale_after}", handle_digest},
    {NULL, NULL},
};
