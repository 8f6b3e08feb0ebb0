/* See jar.h. */
#include "client/jar.h"

#include <errno.h>
#include <stdlib.h>

#include "base/failure.h"
#include "base/idna.h"
#include "base/memory.h"
#include "base/text.h"
#include "client/options.h"
#include "http/codec/cookie.h"
#include "http/codec/set_cookie.h"
#include "sched/sched.h"

enum { ARENA_MAX = 1 << 20, NUMBER_MAX = 1 << 20 };

/* ---- jars ---- */

static int resolve_options(const wharf_jar_options *given, wharf_jar_options *ret_options) {
    wharf_jar_options options = {.size = sizeof(options)};
    if (given != NULL) {
        int rc = client_options_copy(&options, sizeof(options), given, "wharf_jar_options");
        if (rc < 0) {
            return rc;
        }
    }
    const struct {
        const char *name;
        int64_t *value;
        int64_t standard;
    } rows[] = {{"cookies", &options.cookies, 3000},
                {"per_domain", &options.per_domain, 180},
                {"per_response", &options.per_response, 50},
                {"sent", &options.sent, 150},
                {"sent_bytes", &options.sent_bytes, 8190}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (*rows[i].value < WHARF_OFF || *rows[i].value > NUMBER_MAX) {
            return fail(-EINVAL, "read options", "", "%s is %lld: 1 to %d, 0 for the default, or WHARF_OFF",
                        rows[i].name, (long long)*rows[i].value, NUMBER_MAX);
        }
        *rows[i].value = *rows[i].value == 0           ? rows[i].standard
                         : *rows[i].value == WHARF_OFF ? NUMBER_MAX
                                                       : *rows[i].value;
    }
    *ret_options = options;
    return 0;
}

wharf_jar *wharf_jar_new(const wharf_jar_options *options) {
    wharf_jar_options resolved;
    if (resolve_options(options, &resolved) < 0) {
        return NULL;
    }
    wharf_jar *jar = mem_zalloc(sizeof(*jar));
    char *path = NULL;
    if (jar != NULL && resolved.suffix_file != NULL) {
        path = mem_strndup(resolved.suffix_file, strlen(resolved.suffix_file));
    }
    if (jar == NULL || (resolved.suffix_file != NULL && path == NULL)) {
        mem_free(jar);
        (void)fail(-ENOMEM, "make jar", "", NULL);
        return NULL;
    }
    resolved.suffix_file = path;
    jar->options = resolved;
    atomic_init(&jar->users, 1);
    (void)pthread_mutex_init(&jar->lock, NULL);
    suffix_list_init(&jar->suffixes, path);
    return jar;
}

wharf_jar *jar_new_like(const wharf_jar *jar) {
    return wharf_jar_new(&jar->options);
}

wharf_jar *jar_hold(wharf_jar *jar) {
    if (jar != NULL) {
        (void)atomic_fetch_add(&jar->users, 1);
    }
    return jar;
}

void wharf_jar_free(wharf_jar *jar) {
    if (jar == NULL || atomic_fetch_sub(&jar->users, 1) > 1) {
        return;
    }
    for (size_t i = 0; i < jar->count; i++) {
        mem_free(jar->at[i]);
    }
    suffix_list_deinit(&jar->suffixes);
    (void)pthread_mutex_destroy(&jar->lock);
    mem_free((char *)(uintptr_t)jar->options.suffix_file);
    mem_free(jar->file);
    mem_free(jar->at);
    mem_free(jar);
}

/* ---- cookies in a jar ---- */

static bool has_ended(const struct jar_cookie *cookie, int64_t now) {
    return cookie->about.expires != 0 && cookie->about.expires <= now;
}

void jar_drop(wharf_jar *jar, size_t i) {
    mem_free(jar->at[i]);
    jar->count--;
    memmove(&jar->at[i], &jar->at[i + 1], (jar->count - i) * sizeof(struct jar_cookie *));
}

/* The jar no longer has it; a file that still does will be told. */
static void jar_remove(wharf_jar *jar, size_t i) {
    if (jar->at[i]->stored) {
        jar->at[i]->removed = true;
        jar->at[i]->changed = ++jar->clock;
    } else {
        jar_drop(jar, i);
    }
}

struct jar_cookie *jar_find(const wharf_jar *jar, const wharf_jar_cookie *like) {
    for (size_t i = 0; i < jar->count; i++) {
        const wharf_jar_cookie *about = &jar->at[i]->about;
        if (wharf_str_equal(about->name, like->name) && wharf_str_equal(about->domain, like->domain) &&
            about->is_domain == like->is_domain && wharf_str_equal(about->path, like->path)) {
            return jar->at[i];
        }
    }
    return NULL;
}

/* The one used longest ago, of a domain or (empty) of all, goes. */
static void forget_oldest(wharf_jar *jar, wharf_str domain) {
    size_t oldest = jar->count;
    for (size_t i = 0; i < jar->count; i++) {
        bool fits = !jar->at[i]->removed &&
                    (domain.len == 0 || wharf_str_equal(jar->at[i]->about.domain, domain));
        if (fits && (oldest == jar->count || jar->at[i]->used < jar->at[oldest]->used)) {
            oldest = i;
        }
    }
    if (oldest < jar->count) {
        jar_remove(jar, oldest);
    }
}

static int64_t count_of(const wharf_jar *jar, wharf_str domain) {
    int64_t count = 0;
    for (size_t i = 0; i < jar->count; i++) {
        count += !jar->at[i]->removed &&
                         (domain.len == 0 || wharf_str_equal(jar->at[i]->about.domain, domain))
                     ? 1
                     : 0;
    }
    return count;
}

void jar_tidy(wharf_jar *jar, int64_t now) {
    for (size_t i = jar->count; i > 0; i--) {
        if (!jar->at[i - 1]->removed && has_ended(jar->at[i - 1], now)) {
            jar_remove(jar, i - 1);
        }
    }
    for (int64_t count = count_of(jar, STR("")); count > jar->options.cookies; count--) {
        forget_oldest(jar, STR(""));
    }
}

static wharf_str put_text(char **at, wharf_str text) {
    char *start = *at;
    if (text.len > 0) {
        memcpy(start, text.ptr, text.len);
    }
    *at += text.len;
    return (wharf_str){start, text.len};
}

static struct jar_cookie *cookie_new(const wharf_jar_cookie *about) {
    size_t bytes = about->name.len + about->value.len + about->domain.len + about->path.len;
    struct jar_cookie *cookie = mem_alloc(sizeof(*cookie) + bytes);
    if (cookie == NULL) {
        return NULL;
    }
    char *at = cookie->text;
    *cookie = (struct jar_cookie){.about = *about};
    cookie->about.name = put_text(&at, about->name);
    cookie->about.value = put_text(&at, about->value);
    cookie->about.domain = put_text(&at, about->domain);
    cookie->about.path = put_text(&at, about->path);
    return cookie;
}

static int jar_make_room(wharf_jar *jar) {
    if (jar->count < jar->capacity) {
        return 0;
    }
    size_t capacity = jar->capacity == 0 ? 8 : jar->capacity * 2;
    struct jar_cookie **larger = mem_realloc(jar->at, capacity * sizeof(struct jar_cookie *));
    if (larger == NULL) {
        return -ENOMEM;
    }
    jar->at = larger;
    jar->capacity = capacity;
    return 0;
}

int jar_put(wharf_jar *jar, const wharf_jar_cookie *about, bool stored) {
    struct jar_cookie *old = jar_find(jar, about);
    struct jar_cookie *cookie = cookie_new(about);
    if (cookie == NULL || (old == NULL && jar_make_room(jar) < 0)) {
        mem_free(cookie);
        return -ENOMEM;
    }
    cookie->used = cookie->created = ++jar->clock;
    cookie->stored = stored;
    cookie->changed = stored ? 0 : cookie->created;
    if (old == NULL) {
        jar->at[jar->count++] = cookie;
        return 0;
    }
    cookie->created = old->removed ? cookie->created : old->created;
    cookie->stored = stored || old->stored;
    for (size_t i = 0; i < jar->count; i++) {
        if (jar->at[i] == old) {
            jar->at[i] = cookie;
        }
    }
    mem_free(old);
    return 0;
}

/* ---- receiving: RFC 6265 section 5.3 ---- */

/* TLS, or this machine: what no network sees. */
static bool is_private(const struct url *url) {
    return url->is_secure || wharf_str_is(url->host, "localhost") || str_ends(url->host, STR(".localhost")) ||
           (url->host_kind == URL_HOST_IPV4 && str_starts(url->host, STR("127."))) ||
           wharf_str_is(url->host, "[::1]");
}

/* Whom the cookie is for. 1, or 0: not for the URL's server to say; or -ENOMEM. */
static int jar_judge_domain(wharf_jar *jar, const struct url *url, wharf_str named,
                            wharf_jar_cookie *cookie) {
    cookie->domain = url->host;
    cookie->is_domain = false;
    if (named.len == 0) {
        return 1;
    }
    struct arena arena;
    struct idna_error error;
    wharf_str domain = {NULL, 0};
    char memory[512];
    arena_init(&arena, memory, sizeof(memory), ARENA_MAX);
    int rc = idna_to_ascii(&arena, named, &domain, &error);
    int verdict = rc == -ENOMEM ? rc : 0;
    if (rc == 0 && wharf_str_equal(url->host, domain) &&
        (url->host_kind != URL_HOST_DOMAIN || suffix_is_public(&jar->suffixes, domain))) {
        verdict = 1; /* a host that is a suffix itself, or an address: for it alone */
    } else if (rc == 0 && cookie_domain_matches(url->host, domain) &&
               !suffix_is_public(&jar->suffixes, domain)) {
        cookie->domain = str_slice(url->host, url->host.len - domain.len, url->host.len);
        cookie->is_domain = true;
        verdict = 1;
    }
    arena_deinit(&arena);
    return verdict;
}

/* A server that is reached in clear must not put a cookie over, or before, one that is for TLS alone. */
static bool shadows_secure(const wharf_jar *jar, const wharf_jar_cookie *cookie) {
    for (size_t i = 0; i < jar->count; i++) {
        const wharf_jar_cookie *about = &jar->at[i]->about;
        if (!jar->at[i]->removed && about->secure && wharf_str_equal(about->name, cookie->name) &&
            (cookie_domain_matches(about->domain, cookie->domain) ||
             cookie_domain_matches(cookie->domain, about->domain)) &&
            cookie_path_matches(cookie->path, about->path)) {
            return true;
        }
    }
    return false;
}

static int jar_keep(wharf_jar *jar, const wharf_jar_cookie *cookie, int64_t now) {
    struct jar_cookie *old = jar_find(jar, cookie);
    if (cookie->expires != 0 && cookie->expires <= now) {
        for (size_t i = 0; old != NULL && i < jar->count; i++) {
            if (jar->at[i] == old) {
                jar_remove(jar, i);
                break;
            }
        }
        return 1;
    }
    bool is_new = old == NULL;
    int rc = jar_put(jar, cookie, false);
    if (rc < 0) {
        return rc;
    }
    if (is_new) {
        jar_tidy(jar, now);
        if (count_of(jar, cookie->domain) > jar->options.per_domain) {
            forget_oldest(jar, cookie->domain);
        }
    }
    return 1;
}

static int jar_receive_locked(wharf_jar *jar, const struct url *url, const struct set_cookie *set,
                              int64_t now) {
    wharf_jar_cookie cookie = {.name = set->name,
                               .value = set->value,
                               .secure = set->secure,
                               .http_only = set->http_only,
                               .same_site = set->same_site};
    int verdict = jar_judge_domain(jar, url, set->domain, &cookie);
    if (verdict <= 0) {
        return verdict;
    }
    cookie.path = set->path.len > 0 ? set->path : cookie_default_path(url->path);
    cookie.expires = !set->has_expiry ? 0 : set->expiry > 0 ? set->expiry : 1;
    if ((cookie.secure && !is_private(url)) || !cookie_keeps_promise(set, cookie.is_domain, cookie.path)) {
        return 0;
    }
    if (!url->is_secure && !cookie.secure && shadows_secure(jar, &cookie)) {
        return 0;
    }
    return jar_keep(jar, &cookie, now);
}

int jar_receive(wharf_jar *jar, const struct url *url, wharf_str line, int64_t now) {
    struct set_cookie set;
    if (!url->has_host || !set_cookie_parse(line, now, &set)) {
        return 0;
    }
    (void)pthread_mutex_lock(&jar->lock);
    int rc = jar_receive_locked(jar, url, &set, now);
    (void)pthread_mutex_unlock(&jar->lock);
    return rc;
}

/* ---- sending: RFC 6265 section 5.4 ---- */

static bool is_for(const struct jar_cookie *cookie, const struct url *url, int64_t now) {
    const wharf_jar_cookie *about = &cookie->about;
    bool domain = about->is_domain ? cookie_domain_matches(url->host, about->domain)
                                   : wharf_str_equal(url->host, about->domain);
    return domain && !cookie->removed && !has_ended(cookie, now) && (!about->secure || is_private(url)) &&
           cookie_path_matches(url->path, about->path);
}

static bool names(wharf_str cookies, wharf_str name) {
    wharf_str given = {NULL, 0};
    wharf_str value = {NULL, 0};
    while (cookie_next(&cookies, &given, &value)) {
        if (wharf_str_equal(given, name)) {
            return true;
        }
    }
    return false;
}

/* Longer paths first, then older cookies. */
static int compare(const void *left, const void *right) {
    const struct jar_cookie *a = *(struct jar_cookie *const *)left;
    const struct jar_cookie *b = *(struct jar_cookie *const *)right;
    if (a->about.path.len != b->about.path.len) {
        return a->about.path.len > b->about.path.len ? -1 : 1;
    }
    return a->created < b->created ? -1 : 1;
}

static int append_chosen(wharf_jar *jar, struct jar_cookie **chosen, size_t count, struct buffer *out) {
    size_t before = buffer_len(out);
    for (size_t i = 0; i < count && (int64_t)i < jar->options.sent; i++) {
        const wharf_jar_cookie *about = &chosen[i]->about;
        size_t len = buffer_len(out) - before + about->name.len + about->value.len + 3;
        if ((int64_t)len > jar->options.sent_bytes) {
            continue;
        }
        int rc = buffer_len(out) > before ? buffer_append_str(out, STR("; ")) : 0;
        rc = rc < 0 ? rc : buffer_append_str(out, about->name);
        rc = rc < 0 ? rc : buffer_append_str(out, STR("="));
        rc = rc < 0 ? rc : buffer_append_str(out, about->value);
        if (rc < 0) {
            return rc;
        }
        chosen[i]->used = ++jar->clock;
    }
    return 0;
}

static int jar_append_locked(wharf_jar *jar, const struct url *url, wharf_str manual, int64_t now,
                             struct buffer *out) {
    struct jar_cookie *few[32];
    struct jar_cookie **chosen = few;
    size_t count = 0;
    if (jar->count > sizeof(few) / sizeof(struct jar_cookie *)) {
        chosen = mem_alloc(jar->count * sizeof(struct jar_cookie *));
    }
    if (chosen == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < jar->count; i++) {
        if (is_for(jar->at[i], url, now) && !names(manual, jar->at[i]->about.name)) {
            chosen[count++] = jar->at[i];
        }
    }
    qsort(chosen, count, sizeof(struct jar_cookie *), compare);
    int rc = append_chosen(jar, chosen, count, out);
    if (chosen != few) {
        mem_free(chosen);
    }
    return rc;
}

int jar_append(wharf_jar *jar, const struct url *url, wharf_str manual, int64_t now, struct buffer *out) {
    if (!url->has_host) {
        return 0;
    }
    (void)pthread_mutex_lock(&jar->lock);
    int rc = jar_append_locked(jar, url, manual, now, out);
    (void)pthread_mutex_unlock(&jar->lock);
    return rc;
}

/* ---- for programs ---- */

static int jar_parse_url(struct arena *arena, const char *text, struct url *ret_url) {
    struct url_error error;
    int rc = url_parse(arena, wharf_str_of(text), ret_url, &error);
    if (rc < 0) {
        bool secret = text != NULL && strchr(text, '@') != NULL;
        return fail(rc, "parse URL", secret ? "" : text, "%s (byte %zu)", error.reason, error.offset);
    }
    return 0;
}

int wharf_jar_set(wharf_jar *jar, const char *url, const char *set_cookie) {
    struct arena arena;
    struct url parsed;
    arena_init(&arena, NULL, 0, ARENA_MAX);
    int rc = jar_parse_url(&arena, url, &parsed);
    rc = rc < 0 ? rc : jar_receive(jar, &parsed, wharf_str_of(set_cookie), sched_wall_seconds());
    arena_deinit(&arena);
    return rc;
}

ssize_t wharf_jar_get(wharf_jar *jar, const char *url, char *out, size_t size) {
    struct arena arena;
    struct url parsed;
    struct buffer text;
    arena_init(&arena, NULL, 0, ARENA_MAX);
    buffer_init(&text, (size_t)jar->options.sent_bytes + 1);
    ssize_t rc = jar_parse_url(&arena, url, &parsed);
    rc = rc < 0 ? rc : jar_append(jar, &parsed, STR(""), sched_wall_seconds(), &text);
    size_t len = buffer_len(&text);
    if (rc == 0 && len >= size) {
        rc = fail(-ENOBUFS, "read jar", "", "%zu bytes are needed", len + 1);
    }
    if (rc == 0) {
        (void)str_copy_to(out, size, len > 0 ? buffer_view(&text) : STR(""));
        rc = (ssize_t)len;
    }
    buffer_deinit(&text);
    arena_deinit(&arena);
    return rc;
}

int wharf_jar_each(wharf_jar *jar, int (*each)(void *arg, const wharf_jar_cookie *cookie), void *arg) {
    int64_t now = sched_wall_seconds();
    int rc = 0;
    (void)pthread_mutex_lock(&jar->lock);
    for (size_t i = 0; i < jar->count && rc >= 0; i++) {
        if (!jar->at[i]->removed && !has_ended(jar->at[i], now)) {
            rc = each(arg, &jar->at[i]->about);
        }
    }
    (void)pthread_mutex_unlock(&jar->lock);
    return rc < 0 ? rc : 0;
}

int wharf_jar_clear(wharf_jar *jar, const char *domain) {
    int count = 0;
    (void)pthread_mutex_lock(&jar->lock);
    for (size_t i = jar->count; i > 0; i--) {
        const struct jar_cookie *cookie = jar->at[i - 1];
        bool fits = domain == NULL || cookie_domain_matches(cookie->about.domain, wharf_str_of(domain));
        if (fits && !cookie->removed) {
            jar_remove(jar, i - 1);
            count++;
        }
    }
    (void)pthread_mutex_unlock(&jar->lock);
    return count;
}
