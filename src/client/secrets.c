/* See secrets.h. */
#include "client/secrets.h"

#include <errno.h>

#include "base/failure.h"
#include "base/memory.h"
#include "base/text.h"
#include "client/fetch.h"
#include "http/codec/chunked.h"

enum { ARENA_MAX = 1 << 16, LINE_EXTRA = 4 };

static int secret_fill(wharf_secret *secret, const char *name, wharf_str value, const char *origin) {
    struct url_error error;
    wharf_str header = wharf_str_of(name);
    if (!h1_is_token(header) || !h1_is_field_value(value)) {
        return fail(-EINVAL, "make secret", h1_is_token(header) ? name : "",
                    "name or value holds a byte that no header may hold");
    }
    secret->name = arena_copy(&secret->arena, header.ptr, header.len);
    if (secret->name.ptr == NULL || secret_init(&secret->value, value) < 0) {
        return fail(-ENOMEM, "make secret", name, NULL);
    }
    if (origin == NULL) {
        return 0;
    }
    int rc = url_parse(&secret->arena, wharf_str_of(origin), &secret->origin, &error);
    secret->has_origin = rc == 0;
    return rc < 0 ? fail(rc, "make secret", name, "origin: %s (byte %zu)", error.reason, error.offset) : 0;
}

wharf_secret *wharf_secret_new(const char *name, const void *value, size_t len, const char *origin) {
    wharf_secret *secret = mem_zalloc(sizeof(*secret));
    if (secret == NULL) {
        (void)fail(-ENOMEM, "make secret", name, NULL);
        return NULL;
    }
    atomic_init(&secret->users, 1);
    arena_init(&secret->arena, NULL, 0, ARENA_MAX);
    if (secret_fill(secret, name, (wharf_str){value, len}, origin) < 0) {
        wharf_secret_free(secret);
        return NULL;
    }
    return secret;
}

wharf_secret *secret_hold(wharf_secret *secret) {
    (void)atomic_fetch_add(&secret->users, 1);
    return secret;
}

void wharf_secret_free(wharf_secret *secret) {
    if (secret == NULL || atomic_fetch_sub(&secret->users, 1) > 1) {
        return;
    }
    secret_deinit(&secret->value);
    arena_deinit(&secret->arena);
    mem_free(secret);
}

/* ---- with a request ---- */

static bool is_for(const struct fetch *fetch, const wharf_secret *secret) {
    return secret->has_origin ? url_same_origin(&secret->origin, &fetch->url) : !fetch->other_origin;
}

static int append_list(const struct fetch *fetch, wharf_secret *const *list, struct buffer *out) {
    int rc = 0;
    for (; rc == 0 && list != NULL && *list != NULL; list++) {
        if (is_for(fetch, *list)) {
            rc = h1_append_field(out, (*list)->name, secret_view(&(*list)->value));
        }
    }
    return rc;
}

int secrets_append(const struct fetch *fetch, struct buffer *out) {
    int rc = append_list(fetch, fetch->client->secrets, out);
    return rc < 0 ? rc : append_list(fetch, fetch->options.secrets, out);
}

static size_t list_size(wharf_secret *const *list) {
    size_t size = 0;
    for (; list != NULL && *list != NULL; list++) {
        size += (*list)->name.len + (*list)->value.len + LINE_EXTRA;
    }
    return size;
}

size_t secrets_size(const struct fetch *fetch) {
    return list_size(fetch->client->secrets) + list_size(fetch->options.secrets);
}
