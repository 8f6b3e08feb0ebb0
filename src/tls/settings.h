/* TLS settings from the inside.
 *
 *      wharf_tls (options, ticket keys)         counted: its maker, listeners, connections
 *       `- generation (certificates, trust)     counted: the settings, connections; replaced by a reload
 */
#ifndef TLS_SETTINGS_H
#define TLS_SETTINGS_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "tls/facts.h"
#include "tls/ticket.h"
#include "wharf/tls.h"

struct generation;

struct wharf_tls {
    _Atomic int users;
    uint64_t id; /* never used again in this process, unlike the address */
    struct arena arena;
    wharf_tls_options options; /* a copy, limits resolved */
    size_t certificate_count;
    int key_log_fd;      /* -1: none */
    unsigned char *alpn; /* as on the wire; NULL: none */
    unsigned int alpn_len;
    pthread_mutex_t lock; /* of what follows */
    struct generation *generation;
    struct tickets tickets;
};

/* What a limit that is switched off becomes. */
#define TLS_LIMIT_NONE INT64_MAX

/* The default settings, made on first use; not counted. NULL on failure (recorded). */
wharf_tls *tls_default(void);
void tls_hold(wharf_tls *tls);
void tls_release(wharf_tls *tls);
/* The generation in use, counted for the caller. */
struct generation *tls_generation(wharf_tls *tls);
/* Makes it ready to be a server's. 0, -EINVAL (it has no certificates), or what is wrong with them (recorded). */
int tls_prepare_server(wharf_tls *tls, const char *phase, const char *subject);
/* Reads the files again if they have changed since they were read, and since a reload failed, or `always'. From any thread, with
 * a scheduler or without. 1: done; 0: nothing to do; or the error (recorded). */
int tls_reload_if_changed(wharf_tls *tls, bool always, uint64_t *failed_stamp);
/* Tells the program what a reload that it did not ask for came to: 0 or the error. */
void tls_tell_reloaded(const wharf_tls *tls, int result, const char *why);

/* When a certificate of ours ends. */
struct tls_expiry {
    int64_t at; /* seconds since 1970 */
    char date[FACTS_DATE_SIZE];
    char subject[72];
    const char *source; /* what its file is called; lives as long as the settings */
};
/* Of the i-th in use. false: past the last. */
bool tls_expiry_at(wharf_tls *tls, size_t i, struct tls_expiry *ret_expiry);

#endif
