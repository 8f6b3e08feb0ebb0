/* CORS, headers that protect, and requests of other sites: see wharf/web.h. Each is a step of a group; its settings are one
 * block of memory with their texts behind, which the group keeps. */
#include "server/web.h"

#include <errno.h>

#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "server/group.h"
#include "server/reply.h"
#include "wharf/web.h"

enum { CORS_MAX_AGE_S = 600, YEAR_S = 31536000 };

/* A list with commas has this element, the case of letters counting. */
static bool list_has(wharf_str list, wharf_str element) {
    wharf_str each = {NULL, 0};
    while (header_list_next(&list, &each)) {
        if (wharf_str_equal(each, element)) {
            return true;
        }
    }
    return false;
}

/* A header line unless it is there. */
static void say(wharf_request *request, const char *name, wharf_str value) {
    if (value.len > 0 && reply_field_value(&request->reply, wharf_str_of(name)).ptr == NULL) {
        request->reply.misused |= reply_field(request, wharf_str_of(name), value) < 0;
    }
}

/* Copies the text to *end, which it moves. */
static wharf_str keep(char **end, wharf_str text) {
    char *at = *end;
    if (text.len > 0) {
        memcpy(at, text.ptr, text.len);
    }
    *end = at + text.len;
    return (wharf_str){at, text.len};
}

static int check_texts(const char *phase, const wharf_str *texts, size_t count, size_t *ret_bytes) {
    *ret_bytes = 0;
    for (size_t i = 0; i < count; i++) {
        if (!h1_is_field_value(texts[i])) {
            return fail(-EINVAL, phase, NULL, "a text may not be sent in a header");
        }
        *ret_bytes += texts[i].len;
    }
    return 0;
}

/* ---- CORS ---- */

struct cors {
    wharf_str origins, methods, headers, expose;
    char max_age[24];
    size_t max_age_len; /* 0: not said */
    bool credentials, all;
};

static bool cors_allows(const struct cors *cors, wharf_str origin) {
    return cors->all || list_has(cors->origins, origin);
}

/* For every reply to an origin that may read it. */
static void cors_admit(wharf_request *request, const struct cors *cors) {
    wharf_str origin = headers_value(&request->head.headers, HEADER_ORIGIN);
    say(request, "Access-Control-Allow-Origin", cors->all ? STR("*") : origin);
    if (cors->credentials) {
        say(request, "Access-Control-Allow-Credentials", STR("true"));
    }
}

static void cors_before_head(wharf_request *request, void *arg) {
    const struct cors *cors = arg;
    wharf_str origin = headers_value(&request->head.headers, HEADER_ORIGIN);
    if (!cors->all) {
        request->reply.misused |= reply_vary(request, STR("Origin")) < 0;
    }
    if (origin.ptr != NULL && cors_allows(cors, origin)) {
        cors_admit(request, cors);
        say(request, "Access-Control-Expose-Headers", cors->expose);
    }
}

static int cors_preflight(wharf_request *request, const struct cors *cors) {
    wharf_str origin = headers_value(&request->head.headers, HEADER_ORIGIN);
    int rc = reply_field(request, STR("Vary"),
                         STR("Origin, Access-Control-Request-Method, Access-Control-Request-Headers"));
    if (cors_allows(cors, origin)) {
        cors_admit(request, cors);
        say(request, "Access-Control-Allow-Methods", cors->methods);
        say(request, "Access-Control-Allow-Headers", cors->headers);
        say(request, "Access-Control-Max-Age", (wharf_str){cors->max_age, cors->max_age_len});
    }
    return rc < 0 ? rc : wharf_reply_status(request, 204);
}

static int cors_step(wharf_request *request, void *arg) {
    const struct cors *cors = arg;
    const struct headers *headers = &request->head.headers;
    bool asks = request->head.method == H1_METHOD_OPTIONS && headers_has(headers, HEADER_ORIGIN) &&
                headers_get(headers, STR("Access-Control-Request-Method")).ptr != NULL;
    if (asks) {
        return cors_preflight(request, cors);
    }
    int rc = wharf_before_head(request, cors_before_head, arg);
    return rc < 0 ? rc : wharf_next(request);
}

static struct cors *cors_new(const wharf_cors *given, const wharf_str *texts, size_t bytes) {
    struct cors *cors = mem_zalloc(sizeof(*cors) + bytes);
    if (cors == NULL) {
        return NULL;
    }
    char *end = (char *)(cors + 1);
    cors->origins = keep(&end, texts[0]);
    cors->methods = keep(&end, texts[1]);
    cors->headers = keep(&end, texts[2]);
    cors->expose = keep(&end, texts[3]);
    cors->all = wharf_str_is(cors->origins, "*");
    cors->credentials = given->credentials;
    if (given->max_age_s != WHARF_OFF) {
        uint64_t seconds = given->max_age_s == 0 ? CORS_MAX_AGE_S : (uint64_t)given->max_age_s;
        cors->max_age_len = number_format(seconds, cors->max_age);
    }
    return cors;
}

int wharf_group_cors(wharf_group *group, const wharf_cors *cors) {
    wharf_cors given = {.size = sizeof(given)};
    if (cors != NULL) {
        memcpy(&given, cors, cors->size < sizeof(given) ? cors->size : sizeof(given));
    }
    const wharf_str texts[] = {wharf_str_of(given.origins), wharf_str_of(given.methods),
                               wharf_str_of(given.headers), wharf_str_of(given.expose)};
    size_t bytes = 0;
    int rc = check_texts("cors", texts, 4, &bytes);
    if (rc == 0 && (texts[0].len == 0 || given.max_age_s < WHARF_OFF)) {
        rc = fail(-EINVAL, "cors", NULL, "origins are needed, and max_age_s is 0, WHARF_OFF or seconds");
    }
    if (rc == 0 && given.credentials && list_has(texts[0], STR("*"))) {
        rc = fail(-EINVAL, "cors", given.origins, "every page could act as the user: name the origins");
    }
    if (rc < 0) {
        return group_failed(group, rc);
    }
    return group_keep(group, cors_step, cors_new(&given, texts, bytes));
}

/* ---- headers that protect ---- */

struct secure {
    wharf_str frame_options, referrer_policy, content_security_policy;
    char hsts[32];
    size_t hsts_len; /* 0: not said */
};

static void secure_before_head(wharf_request *request, void *arg) {
    const struct secure *secure = arg;
    say(request, "X-Content-Type-Options", STR("nosniff"));
    say(request, "X-Frame-Options", secure->frame_options);
    say(request, "Referrer-Policy", secure->referrer_policy);
    say(request, "Content-Security-Policy", secure->content_security_policy);
    if (request->connection->stream.type != &stream_socket) {
        say(request, "Strict-Transport-Security", (wharf_str){secure->hsts, secure->hsts_len});
    }
}

static int secure_step(wharf_request *request, void *arg) {
    int rc = wharf_before_head(request, secure_before_head, arg);
    return rc < 0 ? rc : wharf_next(request);
}

static struct secure *secure_new(const wharf_secure *given, const wharf_str *texts, size_t bytes) {
    struct secure *secure = mem_zalloc(sizeof(*secure) + bytes);
    if (secure == NULL) {
        return NULL;
    }
    char *end = (char *)(secure + 1);
    secure->frame_options = keep(&end, texts[0]);
    secure->referrer_policy = keep(&end, texts[1]);
    secure->content_security_policy = keep(&end, texts[2]);
    if (given->hsts_s != WHARF_OFF) {
        char *out = secure->hsts;
        (void)keep(&out, STR("max-age="));
        out += number_format(given->hsts_s == 0 ? YEAR_S : (uint64_t)given->hsts_s, out);
        secure->hsts_len = (size_t)(out - secure->hsts);
    }
    return secure;
}

int wharf_group_secure(wharf_group *group, const wharf_secure *secure) {
    wharf_secure given = {.size = sizeof(given)};
    if (secure != NULL) {
        memcpy(&given, secure, secure->size < sizeof(given) ? secure->size : sizeof(given));
    }
    const wharf_str texts[] = {given.frame_options != NULL ? wharf_str_of(given.frame_options) : STR("DENY"),
                               given.referrer_policy != NULL ? wharf_str_of(given.referrer_policy)
                                                             : STR("strict-origin-when-cross-origin"),
                               wharf_str_of(given.content_security_policy)};
    size_t bytes = 0;
    int rc = check_texts("secure", texts, 3, &bytes);
    if (rc == 0 && given.hsts_s < WHARF_OFF) {
        rc = fail(-EINVAL, "secure", "hsts_s", "it is 0, WHARF_OFF or seconds");
    }
    return rc < 0 ? group_failed(group, rc)
                  : group_keep(group, secure_step, secure_new(&given, texts, bytes));
}

/* ---- requests of other sites ---- */

/* What is behind "://" of an origin is the host that was asked for. */
static bool origin_is_own(const wharf_request *request, wharf_str origin) {
    ssize_t colon = str_find(origin, STR("://"));
    return colon > 0 &&
           str_equal_nocase(str_slice(origin, (size_t)colon + 3, origin.len), request->head.host);
}

bool web_is_cross_site(const wharf_request *request, wharf_str trusted) {
    const struct headers *headers = &request->head.headers;
    wharf_str site = headers_get(headers, STR("Sec-Fetch-Site"));
    wharf_str origin = headers_value(headers, HEADER_ORIGIN);
    if (h1_method_is_safe(request->head.method) || (origin.ptr != NULL && list_has(trusted, origin))) {
        return false;
    }
    if (site.ptr != NULL) {
        return !wharf_str_is(site, "same-origin") && !wharf_str_is(site, "none");
    }
    return origin.ptr != NULL && !origin_is_own(request, origin);
}

static int same_origin_step(wharf_request *request, void *arg) {
    if (web_is_cross_site(request, wharf_str_of(arg))) {
        return refuse(request, 403, "http.cross_site");
    }
    return wharf_next(request);
}

int wharf_group_same_origin(wharf_group *group, const char *trusted) {
    wharf_str text = wharf_str_of(trusted);
    size_t bytes = 0;
    int rc = check_texts("same origin", &text, 1, &bytes);
    return rc < 0 ? group_failed(group, rc)
                  : group_keep(group, same_origin_step, mem_strndup(text.len > 0 ? text.ptr : "", bytes));
}
