/* The sessions that clients take up again: per scheduler and settings, the newest first, each used once, so that nobody who
 * listens can tell one connection from another by its ticket (RFC 8446 appendix C.4). A session is offered to the host
 * that gave it, under the settings and files that verified it, and to nobody else. */
#include <string.h>

#include "base/memory.h"
#include "sched/sched.h"
#include "tls/session.h"
#include "tls/settings.h"

struct kept {
    struct kept *next;
    SSL_SESSION *session;
    uint64_t tls_id;
    uint64_t stamp; /* of the files that it was verified with */
    char peer[];    /* what the peer is called in failures: host and port */
};

struct kept_list {
    struct kept *first;
    int64_t count;
};

static const char list_key; /* its address names the scheduler's list */

static void kept_free(struct kept *kept) {
    SSL_SESSION_free(kept->session);
    mem_free(kept);
}

static void list_drop(void *value) {
    struct kept_list *list = value;
    while (list->first != NULL) {
        struct kept *kept = list->first;
        list->first = kept->next;
        kept_free(kept);
    }
    mem_free(list);
}

/* The oldest beyond the limit. */
static void list_shorten(struct kept_list *list, int64_t most) {
    struct kept **link = &list->first;
    for (int64_t i = 0; i < most && *link != NULL; i++) {
        link = &(*link)->next;
    }
    while (*link != NULL) {
        struct kept *kept = *link;
        *link = kept->next;
        list->count--;
        kept_free(kept);
    }
}

/* Called by the library; 1: the session is ours now. What cannot be kept is no loss. */
static int session_came(SSL *ssl, SSL_SESSION *fresh) {
    const struct tls_session *session = session_of(ssl);
    struct kept_list *list = sched_local_make(&list_key, sizeof(*list), list_drop);
    size_t len = strlen(session->peer) + 1;
    struct kept *kept = list != NULL ? mem_alloc(sizeof(*kept) + len) : NULL;
    if (kept == NULL || SSL_SESSION_is_resumable(fresh) != 1) {
        mem_free(kept);
        return 0;
    }
    kept->session = fresh;
    kept->tls_id = session->tls->id;
    kept->stamp = session->generation->stamp;
    memcpy(kept->peer, session->peer, len);
    kept->next = list->first;
    list->first = kept;
    list->count++;
    list_shorten(list, session->tls->options.limits.sessions);
    return 1;
}

void resume_prepare(SSL_CTX *context, const wharf_tls *tls) {
    if (tls->options.limits.sessions == TLS_LIMIT_NONE) {
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
        return;
    }
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, session_came);
}

void resume_offer(struct tls_session *session) {
    struct kept_list *list = sched_local_get(&list_key);
    struct kept **link = list != NULL ? &list->first : NULL;
    while (link != NULL && *link != NULL) {
        struct kept *kept = *link;
        if (kept->tls_id == session->tls->id && kept->stamp == session->generation->stamp &&
            strcmp(kept->peer, session->peer) == 0) {
            *link = kept->next;
            list->count--;
            (void)SSL_set_session(session->ssl, kept->session);
            kept_free(kept);
            return;
        }
        link = &kept->next;
    }
}
