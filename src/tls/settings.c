/* See settings.h. */
#include "tls/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

#include "base/failure.h"
#include "base/memory.h"
#include "base/text.h"
#include "sched/sched.h"
#include "tls/generation.h"
#include "tls/identity.h"
#include "tls/pem.h"
#include "tls/pin.h"

enum {
    SETTINGS_BYTES_MAX = 64 * 1024 * 1024,
    PROTOCOL_BYTES_MAX = 255,
    ALPN_BYTES_MAX = 4096,
    LIST_MAX = 256
};

/* ---- limits ---- */

struct limit_row {
    const char *name;
    size_t offset;
    int64_t initial, max;
};

#define LIMIT(name, initial, max) \
    { #name, offsetof(wharf_tls_limits, name), initial, max }

static const int64_t DAY_MS = 24 * 3600 * 1000;

static const struct limit_row LIMITS[] = {
    LIMIT(handshake_ms, 10000, DAY_MS),
    LIMIT(chain_depth, 10, 100),
    LIMIT(sessions, 100, 1 << 20),
    LIMIT(ticket_ms, 7200000, 7 * DAY_MS),
};

static int limits_resolve(wharf_tls_limits *limits) {
    for (size_t i = 0; i < sizeof(LIMITS) / sizeof(LIMITS[0]); i++) {
        const struct limit_row *row = &LIMITS[i];
        int64_t *value = (int64_t *)(void *)((char *)limits + row->offset);
        if (*value < WHARF_OFF || *value > row->max) {
            return fail(-EINVAL, "TLS settings", "",
                        "limits.%s is %lld: 1 to %lld, 0 for the default, or WHARF_OFF", row->name,
                        (long long)*value, (long long)row->max);
        }
        *value = *value == 0 ? row->initial : *value == WHARF_OFF ? TLS_LIMIT_NONE : *value;
    }
    return 0;
}

/* ---- copying options ---- */

static int no_memory(void) {
    return fail(-ENOMEM, "TLS settings", NULL, NULL);
}

static int copy_text(struct arena *arena, const char **text) {
    if (*text != NULL) {
        *text = arena_cstr(arena, wharf_str_of(*text));
    }
    return arena->failed ? no_memory() : 0;
}

static int copy_texts(wharf_tls *tls) {
    wharf_tls_options *options = &tls->options;
    const char **texts[] = {&options->key_password, &options->ca, &options->crl, &options->name,
                            &options->key_log};
    int rc = 0;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]) && rc == 0; i++) {
        rc = copy_text(&tls->arena, texts[i]);
    }
    return rc;
}

static int copy_pairs(wharf_tls *tls) {
    const wharf_tls_pair *given = tls->options.certificates;
    size_t count = 0;
    while (given != NULL && given[count].certificate != NULL) {
        count++;
    }
    if (count > IDENTITIES_MAX) {
        return fail(-EINVAL, "TLS settings", "", "certificates: %d at most", IDENTITIES_MAX);
    }
    wharf_tls_pair *pairs = arena_alloc(&tls->arena, (count + 1) * sizeof(*pairs));
    if (pairs == NULL) {
        return no_memory();
    }
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++) {
        pairs[i] = given[i];
        rc = copy_text(&tls->arena, &pairs[i].certificate);
        rc = rc < 0 ? rc : copy_text(&tls->arena, &pairs[i].key);
    }
    tls->options.certificates = pairs;
    tls->certificate_count = count;
    return rc;
}

/* The protocols as they are sent: each behind its length. */
static int copy_alpn(wharf_tls *tls) {
    const char *const *names = tls->options.alpn;
    tls->options.alpn = NULL;
    if (names == NULL || names[0] == NULL) {
        return 0;
    }
    tls->alpn = arena_alloc(&tls->arena, ALPN_BYTES_MAX);
    if (tls->alpn == NULL) {
        return no_memory();
    }
    for (; *names != NULL; names++) {
        size_t len = strlen(*names);
        if (len == 0 || len > PROTOCOL_BYTES_MAX || tls->alpn_len + len + 1 > ALPN_BYTES_MAX) {
            return fail(-EINVAL, "TLS settings", *names,
                        "alpn: a protocol has 1 to 255 bytes, all of them %d", ALPN_BYTES_MAX);
        }
        tls->alpn[tls->alpn_len++] = (unsigned char)len;
        memcpy(tls->alpn + tls->alpn_len, *names, len);
        tls->alpn_len += (unsigned int)len;
    }
    return 0;
}

/* A list of texts; NULL when it is empty. */
static int copy_list(wharf_tls *tls, const char *const **list, const char *setting) {
    const char *const *given = *list;
    size_t count = 0;
    while (given != NULL && given[count] != NULL) {
        count++;
    }
    if (count > LIST_MAX) {
        return fail(-EINVAL, "TLS settings", "", "%s: %d at most", setting, LIST_MAX);
    }
    const char **texts = arena_alloc(&tls->arena, (count + 1) * sizeof(*texts));
    if (texts == NULL) {
        return no_memory();
    }
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++) {
        texts[i] = given[i];
        rc = copy_text(&tls->arena, &texts[i]);
    }
    texts[count] = NULL;
    *list = count > 0 ? texts : NULL;
    return rc;
}

static int copy_pins(wharf_tls *tls) {
    for (const char *const *pin = tls->options.pins; pin != NULL && *pin != NULL; pin++) {
        if (!pin_is_valid(*pin)) {
            return fail(-EINVAL, "TLS settings", *pin, "a pin is sha256/ and 44 characters of base64");
        }
    }
    return copy_list(tls, &tls->options.pins, "pins");
}

static int check_options(const wharf_tls_options *options) {
    int least = options->version_min != 0 ? options->version_min : 12;
    int most = options->version_max != 0 ? options->version_max : 13;
    if (least < 12 || most > 13 || least > most) {
        return fail(-EINVAL, "TLS settings", "", "version_min and version_max are 12 or 13");
    }
    if (options->clients < WHARF_TLS_CLIENTS_ANY || options->clients > WHARF_TLS_CLIENTS_VERIFIED) {
        return fail(-EINVAL, "TLS settings", "", "clients is a wharf_tls_clients");
    }
    if (options->clients != WHARF_TLS_CLIENTS_ANY && options->ca == NULL) {
        return fail(-EINVAL, "TLS settings", "", "clients: set ca to the authority of their certificates");
    }
    return 0;
}

static int open_key_log(wharf_tls *tls) {
    const char *path = tls->options.key_log;
    if (path == NULL) {
        return 0;
    }
    tls->key_log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
    int rc = tls->key_log_fd < 0 ? -errno : 0;
    return rc < 0 ? fail(rc, "open", path, "setting key_log") : 0;
}

static int configure(wharf_tls *tls, const wharf_tls_options *given) {
    size_t size = given != NULL ? given->size : 0;
    if (given != NULL && size < sizeof(size)) {
        return fail(-EINVAL, "TLS settings", "", "size: set it to sizeof(wharf_tls_options)");
    }
    if (given != NULL) {
        memcpy(&tls->options, given, size < sizeof(tls->options) ? size : sizeof(tls->options));
    }
    int rc = limits_resolve(&tls->options.limits);
    rc = rc < 0 ? rc : check_options(&tls->options);
    rc = rc < 0 ? rc : copy_texts(tls);
    rc = rc < 0 ? rc : copy_list(tls, &tls->options.staples, "staples");
    rc = rc < 0 ? rc : copy_pairs(tls);
    rc = rc < 0 ? rc : copy_alpn(tls);
    rc = rc < 0 ? rc : copy_pins(tls);
    return rc < 0 ? rc : open_key_log(tls);
}

/* ---- life ---- */

static void tls_delete(wharf_tls *tls) {
    generation_release(tls->generation);
    if (tls->key_log_fd >= 0) {
        close(tls->key_log_fd);
    }
    tickets_deinit(&tls->tickets);
    pthread_mutex_destroy(&tls->lock);
    arena_deinit(&tls->arena);
    mem_free(tls);
}

wharf_tls *wharf_tls_new(const wharf_tls_options *options) {
    static _Atomic uint64_t last_id;
    wharf_tls *tls = mem_zalloc(sizeof(*tls));
    if (tls == NULL) {
        (void)no_memory();
        return NULL;
    }
    tls->users = 1;
    tls->id = atomic_fetch_add(&last_id, 1) + 1;
    tls->key_log_fd = -1;
    pthread_mutex_init(&tls->lock, NULL);
    arena_init(&tls->arena, NULL, 0, SETTINGS_BYTES_MAX);
    int rc = configure(tls, options);
    rc = rc < 0 ? rc : generation_new(tls, &tls->generation);
    if (rc < 0) {
        tls_delete(tls);
        return NULL;
    }
    return tls;
}

void tls_hold(wharf_tls *tls) {
    atomic_fetch_add_explicit(&tls->users, 1, memory_order_relaxed);
}

void tls_release(wharf_tls *tls) {
    if (tls != NULL && atomic_fetch_sub_explicit(&tls->users, 1, memory_order_acq_rel) == 1) {
        tls_delete(tls);
    }
}

void wharf_tls_free(wharf_tls *tls) {
    tls_release(tls);
}

wharf_tls *tls_default(void) {
    static const char key; /* its address names the scheduler's default settings */
    wharf_tls *tls = sched_local_get(&key);
    if (tls != NULL) {
        return tls;
    }
    tls = wharf_tls_new(NULL);
    if (tls != NULL && sched_local_set(&key, tls, (void (*)(void *))wharf_tls_free) < 0) {
        wharf_tls_free(tls);
        (void)no_memory();
        return NULL;
    }
    return tls;
}

struct generation *tls_generation(wharf_tls *tls) {
    pthread_mutex_lock(&tls->lock);
    struct generation *generation = tls->generation;
    generation_hold(generation);
    pthread_mutex_unlock(&tls->lock);
    return generation;
}

int wharf_tls_reload(wharf_tls *tls) {
    struct generation *fresh = NULL;
    int rc = generation_new(tls, &fresh);
    if (rc < 0) {
        return rc;
    }
    rc = tls->certificate_count > 0 ? generation_prepare(fresh, TLS_SERVER) : 0;
    if (rc < 0) {
        generation_release(fresh);
        return rc;
    }
    pthread_mutex_lock(&tls->lock);
    struct generation *old = tls->generation;
    tls->generation = fresh;
    pthread_mutex_unlock(&tls->lock);
    generation_release(old);
    return 0;
}

int tls_prepare_server(wharf_tls *tls, const char *phase, const char *subject) {
    if (tls == NULL || (tls->certificate_count == 0 && tls->options.choose == NULL)) {
        return fail(-EINVAL, phase, subject, "a TLS server needs certificates: set certificates, or choose");
    }
    struct generation *generation = tls_generation(tls);
    int rc = generation_prepare(generation, TLS_SERVER);
    generation_release(generation);
    return rc;
}

int tls_reload_if_changed(wharf_tls *tls, bool always, uint64_t *failed_stamp) {
    struct generation *generation = tls_generation(tls);
    uint64_t read = generation->stamp;
    uint64_t stamp = generation_stamp(tls);
    generation_release(generation);
    if (!always && (stamp == read || stamp == *failed_stamp)) {
        return 0;
    }
    int rc = wharf_tls_reload(tls);
    *failed_stamp = rc < 0 ? stamp : 0;
    return rc < 0 ? rc : 1;
}

void tls_tell_reloaded(const wharf_tls *tls, int result, const char *why) {
    if (tls->options.reloaded != NULL) {
        tls->options.reloaded(tls->options.reloaded_arg, result, result < 0 ? why : "");
    }
}

/* ---- how long they last ---- */

bool tls_expiry_at(wharf_tls *tls, size_t i, struct tls_expiry *ret_expiry) {
    struct generation *generation = tls_generation(tls);
    bool there = i < generation->identity_count;
    if (there) {
        const X509 *leaf = generation->identities[i].leaf;
        ret_expiry->at = facts_time(X509_get0_notAfter(leaf));
        facts_date(X509_get0_notAfter(leaf), ret_expiry->date);
        facts_name(X509_get_subject_name(leaf), ret_expiry->subject, sizeof(ret_expiry->subject));
        ret_expiry->source = pem_name(tls->options.certificates[i].certificate);
    }
    generation_release(generation);
    return there;
}

int64_t wharf_tls_expires(wharf_tls *tls) {
    struct tls_expiry expiry = {.at = 0};
    int64_t first = 0;
    for (size_t i = 0; tls_expiry_at(tls, i, &expiry); i++) {
        first = i == 0 || expiry.at < first ? expiry.at : first;
    }
    return first;
}
