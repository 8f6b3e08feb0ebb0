/* The request as JSON. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "httpbin.h"

enum { PART_PIECE = 16384 };

/* ---- JSON ---- */

static json_t *data_url_of(wharf_str bytes) {
    static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const char START[] = "data:application/octet-stream;base64,";
    size_t len = sizeof START - 1;
    char *text = malloc(len + (bytes.len + 2) / 3 * 4);
    if (text == NULL) {
        return NULL;
    }
    memcpy(text, START, len);
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        uint32_t group = (uint32_t)(unsigned char)bytes.ptr[i] << 16;
        group |= left > 1 ? (uint32_t)(unsigned char)bytes.ptr[i + 1] << 8 : 0;
        group |= left > 2 ? (uint32_t)(unsigned char)bytes.ptr[i + 2] : 0;
        text[len++] = DIGITS[group >> 18];
        text[len++] = DIGITS[group >> 12 & 63];
        text[len++] = left > 1 ? DIGITS[group >> 6 & 63] : '=';
        text[len++] = left > 2 ? DIGITS[group & 63] : '=';
    }
    json_t *json = json_stringn(text, len);
    free(text);
    return json;
}

json_t *json_of(wharf_str text) {
    json_t *json = json_stringn(text.len > 0 ? text.ptr : "", text.len);
    return json != NULL ? json : data_url_of(text);
}

/* Adds a value under a name; a second one makes a list of both. */
static int add(json_t *object, wharf_str name, json_t *value) {
    char key[1024];
    size_t len = name.len < sizeof key - 1 ? name.len : sizeof key - 1;
    memcpy(key, len > 0 ? name.ptr : "", len);
    key[len] = '\0';
    json_t *there = json_object_get(object, key);
    if (there == NULL) {
        return json_object_set_new(object, key, value);
    }
    if (json_is_array(there)) {
        return json_array_append_new(there, value);
    }
    json_t *both = json_pack("[O,o]", there, value);
    return json_object_set_new(object, key, both);
}

int reply_json(wharf_request *request, int status, json_t *json) {
    if (json == NULL) {
        return reply_error(request, 500, "out of memory\n");
    }
    int rc = wharf_reply_json(request, status, json);
    json_decref(json);
    return rc;
}

/* ---- the request's parts ---- */

json_t *query_of(wharf_request *request) {
    json_t *args = json_object();
    wharf_header pair;
    for (size_t i = 0; wharf_request_query_at(request, i, &pair); i++) {
        add(args, pair.name, json_of(pair.value));
    }
    return args;
}

/* "content-type" as "Content-Type", as httpbin.org shows them. */
static wharf_str name_in_capitals(wharf_str name, char *out, size_t size) {
    bool first = true;
    size_t len = name.len < size ? name.len : size;
    for (size_t i = 0; i < len; i++) {
        char byte = name.ptr[i];
        bool letter = (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
        out[i] = letter ? (char)(first ? byte & ~0x20 : byte | 0x20) : byte;
        first = byte == '-';
    }
    return (wharf_str){out, len};
}

/* Lines of one name are one value, with commas between (RFC 9110 section 5.3). */
static void add_header(json_t *headers, wharf_header header) {
    char name[256], key[257];
    wharf_str shown = name_in_capitals(header.name, name, sizeof name);
    memcpy(key, shown.ptr, shown.len);
    key[shown.len] = '\0';
    const json_t *there = json_object_get(headers, key);
    json_t *value = json_of(header.value);
    if (there != NULL) {
        json_t *both = json_sprintf("%s,%s", json_string_value(there), json_string_value(value));
        json_decref(value);
        value = both;
    }
    json_object_set_new(headers, key, value);
}

json_t *headers_of(wharf_request *request) {
    json_t *headers = json_object();
    wharf_header header;
    for (size_t i = 0; wharf_request_header_at(request, i, &header); i++) {
        add_header(headers, header);
    }
    return headers;
}

json_t *url_of(wharf_request *request) {
    wharf_tls_facts facts;
    const char *scheme = wharf_request_tls(request, &facts) == 0 ? "https" : "http";
    wharf_str host = wharf_request_host(request), target = wharf_request_target(request);
    return json_sprintf("%s://%.*s%.*s", scheme, WHARF_STR_ARG(host), WHARF_STR_ARG(target));
}

/* "127.0.0.1:4711" without the port. */
json_t *origin_of(wharf_request *request) {
    const char *peer = wharf_request_peer(request);
    const char *colon = strrchr(peer, ':');
    size_t len = colon != NULL ? (size_t)(colon - peer) : strlen(peer);
    if (len > 1 && peer[0] == '[') {
        return json_stringn(peer + 1, len - 2);
    }
    return json_stringn(peer, len);
}

/* ---- its body ---- */

static bool is_type(wharf_request *request, const char *type) {
    wharf_str given = wharf_request_header(request, "Content-Type");
    size_t len = strlen(type);
    return given.len >= len && strncasecmp(given.ptr, type, len) == 0 &&
           (given.len == len || given.ptr[len] == ';' || given.ptr[len] == ' ');
}

static int read_form(wharf_request *request, json_t *form) {
    wharf_header pair;
    size_t i = 0;
    int more = wharf_request_form_at(request, i, &pair);
    while (more > 0) {
        add(form, pair.name, json_of(pair.value));
        more = wharf_request_form_at(request, ++i, &pair);
    }
    return more;
}

/* A part of any size is shown, so it has to be in memory. */
static int read_part(wharf_request *request, const wharf_part *part, json_t *into) {
    char *bytes = NULL;
    size_t len = 0, size = 0;
    ssize_t count = 1;
    while (count > 0) {
        if (size - len < PART_PIECE) {
            size = size * 2 + PART_PIECE;
            char *grown = wharf_request_alloc(request, size);
            if (grown == NULL) {
                return -1;
            }
            memcpy(grown, len > 0 ? bytes : "", len);
            bytes = grown;
        }
        count = wharf_request_part_read(request, bytes + len, size - len);
        len += count > 0 ? (size_t)count : 0;
    }
    return count < 0 ? (int)count : add(into, part->name, json_of((wharf_str){bytes, len}));
}

static int read_parts(wharf_request *request, json_t *form, json_t *files) {
    wharf_part part;
    int more = wharf_request_part(request, &part);
    while (more > 0) {
        int rc = read_part(request, &part, part.filename.ptr != NULL ? files : form);
        more = rc < 0 ? rc : wharf_request_part(request, &part);
    }
    return more;
}

static int read_data(wharf_request *request, json_t *echo) {
    wharf_str body;
    int rc = wharf_request_body(request, &body);
    if (rc == 0) {
        json_t *value = json_loadb(body.len > 0 ? body.ptr : "", body.len, JSON_DECODE_ANY, NULL);
        json_object_set_new(echo, "data", json_of(body));
        json_object_set_new(echo, "json", value != NULL ? value : json_null());
    }
    return rc;
}

static int read_body(wharf_request *request, json_t *echo) {
    json_t *form = json_object(), *files = json_object();
    json_object_set_new(echo, "data", json_string(""));
    json_object_set_new(echo, "form", form);
    json_object_set_new(echo, "files", files);
    json_object_set_new(echo, "json", json_null());
    if (is_type(request, "application/x-www-form-urlencoded")) {
        return read_form(request, form);
    }
    if (is_type(request, "multipart/form-data")) {
        return read_parts(request, form, files);
    }
    return read_data(request, echo);
}

/* ---- handlers ---- */

static json_t *echo_of(wharf_request *request) {
    return json_pack("{s:o,s:o,s:o,s:o}", "args", query_of(request), "headers", headers_of(request), "origin",
                     origin_of(request), "url", url_of(request));
}

static int handle_get(wharf_request *request, void *arg) {
    (void)arg;
    return reply_json(request, 200, echo_of(request));
}

/* With what came in the body. An error of the body is the server's to answer. */
static int handle_body(wharf_request *request, void *arg) {
    (void)arg;
    json_t *echo = echo_of(request);
    int rc = echo != NULL ? read_body(request, echo) : 0;
    if (rc < 0) {
        json_decref(echo);
        return rc;
    }
    return reply_json(request, 200, echo);
}

static int handle_anything(wharf_request *request, void *arg) {
    (void)arg;
    json_t *echo = echo_of(request);
    int rc = echo != NULL ? read_body(request, echo) : 0;
    if (rc < 0) {
        json_decref(echo);
        return rc;
    }
    json_object_set_new(echo, "method", json_of(wharf_request_method(request)));
    return reply_json(request, 200, echo);
}

static int handle_headers(wharf_request *request, void *arg) {
    (void)arg;
    return reply_json(request, 200, json_pack("{s:o}", "headers", headers_of(request)));
}

static int handle_ip(wharf_request *request, void *arg) {
    (void)arg;
    return reply_json(request, 200, json_pack("{s:o}", "origin", origin_of(request)));
}

static int handle_user_agent(wharf_request *request, void *arg) {
    (void)arg;
    wharf_str agent = wharf_request_header(request, "User-Agent");
    json_t *shown = agent.ptr != NULL ? json_of(agent) : json_null();
    return reply_json(request, 200, json_pack("{s:o}", "user-agent", shown));
}

const struct path echo_paths[] = {
    {"GET /get", handle_get},
    {"POST /post", handle_body},
    {"PUT /put", handle_body},
    {"PATCH /patch", handle_body},
    {"DELETE /delete", handle_body},
    {"* /anything", handle_anything},
    {"* /anything/{rest...}", handle_anything},
    {"GET /headers", handle_headers},
    {"GET /ip", handle_ip},
    {"GET /user-agent", handle_user_agent},
    {NULL, NULL},
};
