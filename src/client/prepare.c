/* Making the request head: request line, Host and the other defaults, the client's headers, the request's headers - each
 * in the order and spelling given, a later layer replacing an earlier one name by name - and what describes the body.
 * RFC 9112 sections 3 and 6. */
#include "client/prepare.h"

#include <errno.h>

#include "base/failure.h"
#include "base/number.h"
#include "base/text.h"
#include "client/connection.h"
#include "client/jar.h"
#include "client/secrets.h"
#include "http/codec/chunked.h"
#include "sched/sched.h"

enum { HEAD_BYTES_MAX = 1 << 20, EXPECT_BYTES_MIN = (1 << 20) + 1 };

/* Whether a header of the caller's goes out on this hop: secrets and an overridden Host are meant for the first origin;
 * what describes a body goes with the body. */
static bool is_permitted(const struct fetch *fetch, const struct field *field) {
    if (field->removed || field->id == HEADER_EXPECT) {
        return false;
    }
    if (fetch->content_dropped && str_starts_nocase(field->name, STR("content-"))) {
        return false;
    }
    if (!fetch->other_origin) {
        return true;
    }
    return field->id != HEADER_AUTHORIZATION && field->id != HEADER_COOKIE &&
           field->id != HEADER_PROXY_AUTHORIZATION && field->id != HEADER_HOST;
}

/* The caller's last word on a name: the request's, else the client's. */
static const struct field *find_field(const struct fetch *fetch, wharf_str name) {
    const struct field *field = fields_find(&fetch->headers, name);
    return field != NULL ? field : fields_find(&fetch->client->headers, name);
}

static int append_default(const struct fetch *fetch, struct buffer *head, wharf_str name, wharf_str value) {
    const struct field *field = find_field(fetch, name);
    if (field != NULL && (field->removed || is_permitted(fetch, field))) {
        return 0;
    }
    return h1_append_field(head, name, value);
}

static int append_request_line(const struct fetch *fetch, struct buffer *head) {
    int rc = buffer_append_str(head, fetch->method);
    rc = rc < 0 ? rc : buffer_append_str(head, STR(" "));
    bool is_relayed = fetch->carrier != NULL && fetch->carrier->is_relayed;
    rc = rc < 0
             ? rc
             : buffer_append_str(head, is_relayed ? wharf_str_of(fetch->public_url) : fetch->url.origin_form);
    return rc < 0 ? rc : buffer_append_str(head, STR(" HTTP/1.1\r\n"));
}

/* A part of a coded representation could not be decoded. */
static bool wants_codings(const struct fetch *fetch) {
    const struct field *range = find_field(fetch, STR("Range"));
    return !fetch->options.raw && (range == NULL || range->removed);
}

static int append_defaults(const struct fetch *fetch, struct buffer *head) {
    int rc = append_default(fetch, head, STR("Host"), fetch->url.authority);
    rc = rc < 0 ? rc : append_default(fetch, head, STR("User-Agent"), STR("wharf/" WHARF_VERSION));
    rc = rc < 0 ? rc : append_default(fetch, head, STR("Accept"), STR("*/*"));
    if (rc == 0 && wants_codings(fetch)) {
        rc = append_default(fetch, head, STR("Accept-Encoding"), STR("gzip, deflate, br, zstd"));
    }
    wharf_str credentials = {"", 0};
    if (fetch->carrier != NULL) {
        credentials = client_connection_authorization(fetch->carrier);
    }
    if (rc == 0 && credentials.len > 0) {
        rc = append_default(fetch, head, STR("Proxy-Authorization"), credentials);
    }
    if (rc == 0 && fetch->key.len > 0) {
        rc = append_default(fetch, head, STR("Idempotency-Key"), fetch->key);
    }
    return rc;
}

static int append_fields(const struct fetch *fetch, const struct fields *fields, struct prepared *prepared) {
    for (size_t i = 0; i < fields->count; i++) {
        const struct field *field = &fields->at[i];
        bool replaced = fields != &fetch->headers && fields_find(&fetch->headers, field->name) != NULL;
        bool joined = field->id == HEADER_COOKIE && fetch->jar != NULL; /* append_cookies() */
        if (replaced || joined || !is_permitted(fetch, field)) {
            continue;
        }
        int rc = h1_append_field(&prepared->head, field->name, field->value);
        if (rc < 0) {
            return rc;
        }
        if (field->id == HEADER_CONNECTION) {
            wharf_str rest = field->value;
            wharf_str element = {NULL, 0};
            while (header_list_next(&rest, &element)) {
                prepared->close = prepared->close || str_equal_nocase(element, STR("close"));
            }
        }
    }
    return 0;
}

/* The caller's own cookies, all of a layer. */
static int append_own_cookies(const struct fetch *fetch, const struct fields *fields, struct buffer *out) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < fields->count; i++) {
        if (fields->at[i].id == HEADER_COOKIE && is_permitted(fetch, &fields->at[i])) {
            rc = buffer_len(out) > 0 ? buffer_append_str(out, STR("; ")) : 0;
            rc = rc < 0 ? rc : buffer_append_str(out, fields->at[i].value);
        }
    }
    return rc;
}

/* One Cookie field of the caller's cookies and the jar's, which give way to those. "Cookie:" leaves all out. */
static int append_cookies(const struct fetch *fetch, struct buffer *head) {
    const struct field *field = find_field(fetch, STR("Cookie"));
    struct buffer own;
    struct buffer jar;
    if (fetch->jar == NULL || (field != NULL && field->removed)) {
        return 0;
    }
    const struct fields *layer = fields_find(&fetch->headers, STR("Cookie")) != NULL
                                     ? &fetch->headers
                                     : &fetch->client->headers;
    buffer_init(&own, HEAD_BYTES_MAX);
    buffer_init(&jar, HEAD_BYTES_MAX);
    int rc = append_own_cookies(fetch, layer, &own);
    wharf_str mine = buffer_len(&own) > 0 ? buffer_view(&own) : STR("");
    rc = rc < 0 ? rc : jar_append(fetch->jar, &fetch->url, mine, sched_wall_seconds(), &jar);
    if (rc == 0 && buffer_len(&jar) > 0) {
        rc = mine.len > 0 ? buffer_append_str(&own, STR("; ")) : 0;
        rc = rc < 0 ? rc : buffer_append_str(&own, buffer_view(&jar));
    }
    if (rc == 0 && buffer_len(&own) > 0) {
        rc = h1_append_field(head, STR("Cookie"), buffer_view(&own));
    }
    buffer_deinit(&own);
    buffer_deinit(&jar);
    return rc;
}

/* Methods whose requests usually have a body say so when they have none (RFC 9110 section 8.6). */
static bool announces_empty_body(const struct fetch *fetch) {
    return fetch->method_id == H1_METHOD_POST || fetch->method_id == H1_METHOD_PUT ||
           fetch->method_id == H1_METHOD_PATCH;
}

static bool wants_expect(const struct fetch *fetch, bool allow_expect) {
    const struct field *field = find_field(fetch, STR("Expect"));
    if (fetch->no_expect || fetch->body.length == 0) {
        return false;
    }
    if (field != NULL) {
        return !field->removed;
    }
    return allow_expect && fetch->body.length >= EXPECT_BYTES_MIN;
}

static int append_content(const struct fetch *fetch, bool allow_expect, struct prepared *prepared) {
    struct buffer *head = &prepared->head;
    char digits[20];
    if (fetch->body.kind == SOURCE_NONE) {
        return announces_empty_body(fetch) ? h1_append_field(head, STR("Content-Length"), STR("0")) : 0;
    }
    wharf_str type = fetch->body.content_type.len > 0 ? fetch->body.content_type
                                                      : STR("application/octet-stream");
    if (fetch->options.content_type != NULL) {
        type = wharf_str_of(fetch->options.content_type);
    }
    int rc = append_default(fetch, head, STR("Content-Type"), type);
    if (rc == 0 && fetch->body.coding.len > 0) {
        rc = h1_append_field(head, STR("Content-Encoding"), fetch->body.coding);
    }
    if (rc < 0) {
        return rc;
    }
    if (fetch->body.length >= 0) {
        wharf_str length = {digits, number_format((uint64_t)fetch->body.length, digits)};
        rc = h1_append_field(head, STR("Content-Length"), length);
    } else {
        rc = h1_append_field(head, STR("Transfer-Encoding"), STR("chunked"));
    }
    prepared->expect = wants_expect(fetch, allow_expect);
    if (rc == 0 && prepared->expect) {
        rc = h1_append_field(head, STR("Expect"), STR("100-continue"));
    }
    return rc;
}

/* At the end, with room for all of it made before: a buffer that grows leaves copies behind. */
static int append_secrets(struct fetch *fetch, struct prepared *prepared) {
    struct buffer *head = &prepared->head;
    bool own = find_field(fetch, STR("Authorization")) != NULL;
    bool in_url = fetch->authorization.len > 0 && !fetch->other_origin && !own && fetch->auth.auth == NULL;
    prepared->secrets = prepared->secrets_end = buffer_len(head);
    if (!in_url && fetch->auth.auth == NULL && secrets_size(fetch) == 0) {
        return 0;
    }
    int rc = buffer_reserve(head, secrets_size(fetch) + fetch->authorization.len + AUTH_FIELD_MAX);
    if (rc == 0 && in_url) {
        rc = h1_append_field(head, STR("Authorization"), fetch->authorization);
    } else if (rc == 0) {
        rc = auth_append(fetch, head);
    }
    rc = rc < 0 ? rc : secrets_append(fetch, head);
    prepared->secrets_end = buffer_len(head);
    return rc;
}

wharf_str prepared_show(const struct prepared *prepared, struct arena *arena) {
    wharf_str head = buffer_view(&prepared->head);
    wharf_str rest = str_slice(head, prepared->secrets, prepared->secrets_end);
    wharf_str line = {NULL, 0};
    struct buffer shown;
    buffer_init(&shown, HEAD_BYTES_MAX);
    int rc = buffer_append_str(&shown, str_slice(head, 0, prepared->secrets));
    while (rc == 0 && rest.len > 0 && str_next_line(&rest, &line)) {
        wharf_str name = str_slice(line, 0, (size_t)str_find_byte(line, ':'));
        rc = buffer_append_str(&shown, name);
        rc = rc < 0 ? rc : buffer_append_str(&shown, STR(": [hidden]\r\n"));
    }
    rc = rc < 0 ? rc : buffer_append_str(&shown, str_slice(head, prepared->secrets_end, head.len));
    wharf_str copy = {NULL, 0};
    if (rc == 0) {
        copy = arena_copy(arena, shown.data, buffer_len(&shown));
    }
    buffer_deinit(&shown);
    return copy;
}

void prepared_deinit(struct prepared *prepared) {
    if (prepared->secrets_end > prepared->secrets) {
        explicit_bzero(prepared->head.data, prepared->head.end);
    }
    buffer_deinit(&prepared->head);
}

int prepare_head(struct fetch *fetch, bool allow_expect, struct prepared *prepared) {
    *prepared = (struct prepared){.expect = false};
    buffer_init(&prepared->head, HEAD_BYTES_MAX);
    int rc = append_request_line(fetch, &prepared->head);
    rc = rc < 0 ? rc : append_defaults(fetch, &prepared->head);
    rc = rc < 0 ? rc : append_fields(fetch, &fetch->client->headers, prepared);
    rc = rc < 0 ? rc : append_fields(fetch, &fetch->headers, prepared);
    rc = rc < 0 ? rc : append_cookies(fetch, &prepared->head);
    rc = rc < 0 ? rc : append_content(fetch, allow_expect, prepared);
    rc = rc < 0 ? rc : append_secrets(fetch, prepared);
    rc = rc < 0 ? rc : buffer_append_str(&prepared->head, STR("\r\n"));
    if (rc < 0) {
        return fail(rc, "prepare request to", fetch->public_url, NULL);
    }
    return 0;
}
