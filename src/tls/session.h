/* A TLS connection. The library works on bytes that a BIO of ours takes from the socket and gives to it without waiting;
 * what has to wait, waits outside, in operations of our own.
 *
 *      socket --try recv--> [library: a record] --> the caller's memory
 *      socket <--try send-- [library: a record] <-- the caller's memory
 *                   `--what the socket does not take at once: `unsent'
 *
 *      FRESH --first use--> SHAKING ----> READY
 *                             `---------> FAILED     sticky
 *
 * One task at a time drives the handshake, and the others that want to use the connection wait for it. Afterwards one task
 * may be reading and another writing: neither suspends inside the library. */
#ifndef TLS_SESSION_H
#define TLS_SESSION_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/buffer.h"
#include "base/failure.h"
#include "net/address.h"
#include "sched/op.h"
#include "tls/generation.h"

struct facts_kept;
struct io;

enum session_stage { SESSION_FRESH, SESSION_SHAKING, SESSION_READY, SESSION_FAILED };
/* How receiving has ended. */
enum session_end { END_NONE, END_CLEAN, END_TRUNCATED };

enum { SESSION_FIRST_BYTES = 8, SESSION_HOST_SIZE = 256, SESSION_WHY_SIZE = FAILURE_DETAIL_SIZE };

/* What only a handshake, or its failure, needs. */
struct handshake {
    char host
        [SESSION_HOST_SIZE]; /* the name that the server's certificate must be for, or that the client asked for */
    char why[SESSION_WHY_SIZE]; /* the reason of a failed verification, or of the failure */
    const char *reason;         /* its stable code, static; NULL: none yet */
};

struct tls_session {
    SSL *ssl; /* NULL until the handshake begins */
    struct io *io;
    wharf_tls *tls;                 /* counted */
    struct generation *generation;  /* counted; NULL until the handshake begins */
    struct handshake *handshake;    /* NULL once it is over and was good */
    char *peer;                     /* host and port: how the peer is called in failures; NULL: it is not */
    char *name;                     /* a server's: what its client has asked for; NULL: nothing */
    struct facts_kept *kept;        /* counted; NULL: nobody has asked for it */
    struct buffer unsent;           /* sealed, and not yet taken by the socket */
    struct op_queue waiting;        /* tasks that wait for the one that drives the handshake */
    const unsigned char *protocols; /* a server's by ALPN, as on the wire, when the settings name none */
    unsigned int protocols_len;
    int64_t sent;       /* bytes that the socket has taken */
    int64_t last_send;  /* sched_now() */
    int32_t small_left; /* bytes still to go in small records */
    int error;          /* what every use gives once the session has failed */
    int socket_error;   /* what the socket gave while the library was at it */
    int users;          /* calls that will touch the record again */
    uint8_t side, stage, end;
    uint8_t first_count;
    uint8_t name_verdict; /* enum host_verdict, of a request for `name' */
    bool name_judged;
    bool chosen;    /* the program was asked for settings by name */
    bool driving;   /* a task is at the handshake */
    bool gathering; /* records are kept together, to leave in one piece */
    bool closed;    /* its stream has gone: freed with its last user */
    bool ended;     /* the socket's end was read */
    bool finished;  /* close_notify was given to the socket */
    unsigned char
        first[SESSION_FIRST_BYTES]; /* the first bytes that came: what somebody who speaks no TLS has said */
};

/* Who is at the other end, for a client. */
struct session_peer {
    wharf_str host;   /* the name that its certificate must be for, as it was given */
    const char *text; /* "host:port" */
};

/* peer: NULL for a server's side. Holds the settings. 0, -EINVAL (no name that a host can have) or -ENOMEM (recorded). */
int session_new(struct io *io, wharf_tls *tls, const struct session_peer *peer,
                struct tls_session **ret_session);
/* The stream has gone. */
void session_close(struct tls_session *session);
void session_enter(struct tls_session *session);
void session_leave(struct tls_session *session);
struct tls_session *session_of(const SSL *ssl);

/* Shakes hands unless that is done, within limits.handshake_ms. Suspends. 0 or an error (recorded). */
int session_handshake(struct tls_session *session);
/* Without waiting: -EAGAIN. The errors of a connection whose handshake is over. */
ssize_t session_try_recv(struct tls_session *session, void *buffer, size_t size);
ssize_t session_try_send(struct tls_session *session, const struct iovec *pieces, int count);
/* Whether a receive would return at once. */
bool session_is_readable(struct tls_session *session);
/* Says that nothing more will be sent. What of it the socket has not taken is in `unsent`. */
void session_finish(struct tls_session *session);
/* Gives `unsent` to the socket. 0, -EAGAIN when something is left, or an error. */
int session_flush(struct tls_session *session);
/* The reason of its failure, as the end of a sentence; "" when there is none. */
const char *session_why(const struct tls_session *session);

/* The stable code of why the handshake failed (docs/reasons.md); static. */
const char *session_reason(const struct tls_session *session);

/* Writes the reason, and its code; only while there is a `handshake`. */
void session_say(const struct tls_session *session, const char *reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- the parts ---- */
/* bio.c: gives a session's SSL its socket. 0 or -ENOMEM. */
int bio_attach(struct tls_session *session);
/* verify.c */
int verify_prepare(SSL_CTX *context, const struct generation *generation, enum tls_side side);
int verify_expect(struct tls_session *session); /* whom, and when */
int verify_finish(
    struct tls_session *session); /* what is checked once the handshake is done. 0 or -WHARF_ETLS */
/* explain.c: what a failure of the library means. Fills handshake->why; returns the code. */
int explain_failure(struct tls_session *session, int library_error);
/* Whether the first bytes that came are HTTP's. */
bool session_met_http(const struct tls_session *session);
/* choose.c: certificates by the name that is asked for */
int choose_prepare(SSL_CTX *context);
int choose_now(struct tls_session *session); /* asks the program. May suspend. 0 or an error */
/* resume.c */
void resume_prepare(SSL_CTX *context, const wharf_tls *tls);
void resume_offer(struct tls_session *session);

#endif
