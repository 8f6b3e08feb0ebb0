/* Answers that are asked for: a status, redirects, cookies, headers, validators. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <wharf/os.h>
#include <wharf/task.h>

#include "httpbin.h"

enum { TEXT_SIZE = 4096, REDIRECTS_MAX = 1000, COOKIES_MAX = 100 };

int64_t number_of(wharf_str text, int64_t max) {
    int64_t number = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9' || number > (max - (text.ptr[i] - '0')) / 10) {
            return -1;
        }
        number = number * 10 + (text.ptr[i] - '0');
    }
    return text.len > 0 ? number : -1;
}

int reply_error(wharf_request *request, int status, const char *text) {
    return wharf_reply_text(request, status, text);
}

/* A NUL-terminated copy in the request's memory, or NULL. */
static char *copy_of(wharf_request *request, wharf_str text) {
    char *copy = wharf_request_alloc(request, text.len + 1);
    if (copy != NULL) {
        memcpy(copy, text.len > 0 ? text.ptr : "", text.len);
        copy[text.len] = '\0';
    }
    return copy;
}

/* ---- /status ---- */

/* One of "200:3,404,500:1", by their weights. -1: that is not what it is. */
static int choose_status(wharf_str codes) {
    double total = 0, mark = 0;
    unsigned random = 0;
    int chosen = -1;
    (void)wharf_random(&random, sizeof random);
    while (codes.len > 0) {
        const char *comma = memchr(codes.ptr, ',', codes.len);
        size_t len = comma != NULL ? (size_t)(comma - codes.ptr) : codes.len;
        const char *colon = memchr(codes.ptr, ':', len);
        size_t digits = colon != NULL ? (size_t)(colon - codes.ptr) : len;
        int64_t status = number_of((wharf_str){codes.ptr, digits}, 599);
        char weight[32];
        snprintf(weight, sizeof weight, "%.*s", colon != NULL ? (int)(len - digits - 1) : 1,
                 colon != NULL ? colon + 1 : "1");
        double share = strtod(weight, NULL);
        if (status < 200 || !(share > 0)) {
            return -1;
        }
        /* The n-th takes the place of those before with the probability of its share in all so far. */
        total += share;
        mark = total * ((double)random / 4294967296.0);
        chosen = mark < share || chosen < 0 ? (int)status : chosen;
        random = random * 1664525u + 1013904223u;
        codes = comma != NULL ? (wharf_str){comma + 1, codes.len - len - 1} : (wharf_str){NULL, 0};
    }
    return chosen;
}

static int reply_status_of_its_own(wharf_request *request, int status) {
    switch (status) {
    case 301:
    case 302:
    case 303:
    case 305:
    case 307:
    case 308: (void)wharf_reply_header(request, "Location", "/redirect/1"); break;
    case 401: (void)wharf_reply_header(request, "WWW-Authenticate", "Basic realm=\"Fake Realm\""); break;
    case 402: return wharf_reply_text(request, 402, "Payment is required.\n");
    case 406: {
        json_t *types = json_pack("{s:s,s:[s,s,s,s,s]}", "message",
                                  "Client did not request a supported media type.", "accept", "image/webp",
                                  "image/svg+xml", "image/jpeg", "image/png", "image/*");
        return reply_json(request, 406, types);
    }
    case 407: (void)wharf_reply_header(request, "Proxy-Authenticate", "Basic realm=\"Fake Realm\""); break;
    case 418: return wharf_reply_text(request, 418, "I am a teapot, short and stout.\n");
    default: break;
    }
    return wharf_reply_status(request, status);
}

static int handle_status(wharf_request *request, void *arg) {
    (void)arg;
    int status = choose_status(wharf_request_param(request, "codes"));
    return status < 0 ? reply_error(request, 400, "Invalid status code")
                      : reply_status_of_its_own(request, status);
}

/* ---- redirects ---- */

enum way { RELATIVE, ABSOLUTE, AS_ASKED };

/* The last one leads to /get. */
static int redirect(wharf_request *request, enum way way) {
    int64_t n = number_of(wharf_request_param(request, "n"), REDIRECTS_MAX);
    wharf_str asked = wharf_request_query_value(request, "absolute");
    bool absolute = way == ABSOLUTE ||
                    (way == AS_ASKED && asked.len == 4 && strncasecmp(asked.ptr, "true", 4) == 0);
    if (n < 1) {
        return reply_error(request, 404, "1 to 1000 redirects\n");
    }
    char path[64], url[TEXT_SIZE];
    if (n == 1) {
        snprintf(path, sizeof path, "/get");
    } else {
        snprintf(path, sizeof path, "/%s-redirect/%lld", absolute ? "absolute" : "relative",
                 (long long)n - 1);
    }
    snprintf(url, sizeof url, "http://%.*s%s", WHARF_STR_ARG(wharf_request_host(request)), path);
    return wharf_reply_redirect(request, 302, absolute ? url : path);
}

static int handle_redirect(wharf_request *request, void *arg) {
    (void)arg;
    return redirect(request, AS_ASKED);
}

static int handle_relative(wharf_request *request, void *arg) {
    (void)arg;
    return redirect(request, RELATIVE);
}

static int handle_absolute(wharf_request *request, void *arg) {
    (void)arg;
    return redirect(request, ABSOLUTE);
}

/* A value of the query, or of the form where there is one. */
static wharf_str value_of(wharf_request *request, const char *name) {
    wharf_str value = wharf_request_query_value(request, name);
    if (value.ptr == NULL) {
        (void)wharf_request_form_value(request, name, &value);
    }
    return value;
}

static int handle_redirect_to(wharf_request *request, void *arg) {
    (void)arg;
    wharf_str url = value_of(request, "url");
    int64_t status = number_of(value_of(request, "status_code"), 399);
    const char *location = copy_of(request, url);
    if (url.len == 0 || location == NULL) {
        return reply_error(request, 400, "where to? url=...\n");
    }
    int rc = wharf_reply_header(request, "Location", location);
    return rc < 0 ? rc : wharf_reply_status(request, status >= 300 ? (int)status : 302);
}

/* ---- cookies ---- */

/* One "name=value" of a Cookie line. */
static void add_cookie(json_t *cookies, const char *text, size_t len) {
    while (len > 0 && *text == ' ') {
        text++;
        len--;
    }
    const char *equals = memchr(text, '=', len);
    if (equals != NULL) {
        char name[256];
        snprintf(name, sizeof name, "%.*s", (int)(equals - text), text);
        json_object_set_new(cookies, name,
                            json_of((wharf_str){equals + 1, len - (size_t)(equals - text) - 1}));
    }
}

static int handle_cookies(wharf_request *request, void *arg) {
    (void)arg;
    json_t *cookies = json_object();
    wharf_str line = wharf_request_header(request, "Cookie");
    while (line.len > 0) {
        const char *semicolon = memchr(line.ptr, ';', line.len);
        size_t len = semicolon != NULL ? (size_t)(semicolon - line.ptr) : line.len;
        add_cookie(cookies, line.ptr, len);
        size_t used = semicolon != NULL ? len + 1 : len;
        line = (wharf_str){line.ptr + used, line.len - used};
    }
    return reply_json(request, 200, json_pack("{s:o}", "cookies", cookies));
}

static int set_cookie(wharf_request *request, wharf_str name, wharf_str value, bool remove) {
    wharf_cookie cookie = {.size = sizeof cookie,
                           .name = copy_of(request, name),
                           .value = copy_of(request, value),
                           .same_site = WHARF_SAME_SITE_UNSAID,
                           .remove = remove};
    return wharf_reply_cookie(request, &cookie);
}

static int handle_cookies_set(wharf_request *request, void *arg) {
    (void)arg;
    wharf_header pair;
    for (size_t i = 0; i < COOKIES_MAX && wharf_request_query_at(request, i, &pair); i++) {
        if (set_cookie(request, pair.name, pair.value, false) < 0) {
            return reply_error(request, 400, wharf_why());
        }
    }
    return wharf_reply_redirect(request, 302, "/cookies");
}

static int handle_cookies_set_one(wharf_request *request, void *arg) {
    (void)arg;
    wharf_str name = wharf_request_param(request, "name"), value = wharf_request_param(request, "value");
    int rc = set_cookie(request, name, value, false);
    return rc < 0 ? reply_error(request, 400, wharf_why()) : wharf_reply_redirect(request, 302, "/cookies");
}

static int handle_cookies_delete(wharf_request *request, void *arg) {
    (void)arg;
    wharf_header pair;
    for (size_t i = 0; i < COOKIES_MAX && wharf_request_query_at(request, i, &pair); i++) {
        if (set_cookie(request, pair.name, (wharf_str){"", 0}, true) < 0) {
            return reply_error(request, 400, wharf_why());
        }
    }
    return wharf_reply_redirect(request, 302, "/cookies");
}

/* ---- headers and validators ---- */

static bool is_name(wharf_header header, const char *name) {
    return header.name.len == strlen(name) && strncasecmp(header.name.ptr, name, header.name.len) == 0;
}

/* The query as headers of the answer, which shows them. The server's own are left to it. */
static int handle_response_headers(wharf_request *request, void *arg) {
    (void)arg;
    json_t *shown = query_of(request);
    wharf_header pair;
    for (size_t i = 0; wharf_request_query_at(request, i, &pair); i++) {
        if (is_name(pair, "Content-Length") || is_name(pair, "Content-Type")) {
            continue;
        }
        char *name = copy_of(request, pair.name), *value = copy_of(request, pair.value);
        if (name == NULL || value == NULL || wharf_reply_header(request, name, value) < 0) {
            json_decref(shown);
            return -1;
        }
    }
    return reply_json(request, 200, shown);
}

static json_t *cache_echo_of(wharf_request *request) {
    return json_pack("{s:o,s:o,s:o,s:o}", "args", query_of(request), "headers", headers_of(request), "origin",
                     origin_of(request), "url", url_of(request));
}

/* Not changed for who has any validator. */
static int handle_cache(wharf_request *request, void *arg) {
    (void)arg;
    if (wharf_request_header(request, "If-Modified-Since").ptr != NULL ||
        wharf_request_header(request, "If-None-Match").ptr != NULL) {
        return wharf_reply_status(request, 304);
    }
    (void)wharf_reply_header(request, "Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT");
    (void)wharf_reply_header(request, "ETag", "\"f00dfeed\"");
    return reply_json(request, 200, cache_echo_of(request));
}

static int handle_cache_for(wharf_request *request, void *arg) {
    (void)arg;
    char value[64];
    int64_t seconds = number_of(wharf_request_param(request, "seconds"), INT32_MAX);
    if (seconds < 0) {
        return reply_error(request, 404, "a number of seconds\n");
    }
    snprintf(value, sizeof value, "public, max-age=%lld", (long long)seconds);
    (void)wharf_reply_header(request, "Cache-Control", value);
    return reply_json(request, 200, cache_echo_of(request));
}

/* Whether a list of entity tags has this one, or is "*". */
static bool lists(wharf_str list, const char *etag) {
    char text[TEXT_SIZE];
    snprintf(text, sizeof text, "%.*s", WHARF_STR_ARG(list));
    return strstr(text, etag) != NULL || strcmp(text, "*") == 0;
}

static int handle_etag(wharf_request *request, void *arg) {
    (void)arg;
    char etag[256];
    snprintf(etag, sizeof etag, "\"%.*s\"", WHARF_STR_ARG(wharf_request_param(request, "etag")));
    wharf_str none = wharf_request_header(request, "If-None-Match");
    wharf_str match = wharf_request_header(request, "If-Match");
    if (wharf_reply_header(request, "ETag", etag) < 0) {
        return -1;
    }
    if (none.ptr != NULL && lists(none, etag)) {
        return wharf_reply_status(request, 304);
    }
    if (none.ptr == NULL && match.ptr != NULL && !lists(match, etag)) {
        return wharf_reply_status(request, 412);
    }
    return reply_json(request, 200, cache_echo_of(request));
}

/* ---- waiting ---- */

static int handle_delay(wharf_request *request, void *arg) {
    (void)arg;
    char text[32];
    snprintf(text, sizeof text, "%.*s", WHARF_STR_ARG(wharf_request_param(request, "seconds")));
    double seconds = strtod(text, NULL);
    if (!(seconds >= 0)) {
        return reply_error(request, 400, "a number of seconds\n");
    }
    int rc = wharf_sleep((int64_t)((seconds < 10 ? seconds : 10) * 1000));
    return rc < 0 ? rc : reply_json(request, 200, cache_echo_of(request));
}

const struct path answer_paths[] = {
    {"* /status/{codes}", handle_status},
    {"GET /redirect/{n}", handle_redirect},
    {"GET /relative-redirect/{n}", handle_relative},
    {"GET /absolute-redirect/{n}", handle_absolute},
    {"* /redirect-to", handle_redirect_to},
    {"GET /cookies", handle_cookies},
    {"GET /cookies/set", handle_cookies_set},
    {"GET /cookies/set/{name}/{value}", handle_cookies_set_one},
    {"GET /cookies/delete", handle_cookies_delete},
    {"GET /response-headers", handle_response_headers},
    {"POST /response-headers", handle_response_headers},
    {"GET /cache", handle_cache},
    {"GET /cache/{seconds}", handle_cache_for},
    {"GET /etag/{etag}", handle_etag},
    {"* /delay/{seconds}", handle_delay},
    {NULL, NULL},
};
