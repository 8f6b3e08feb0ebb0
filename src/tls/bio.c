/* The BIO between the library and a socket. It never waits and never refuses to write: what the socket does not take is kept,
 * at most a few records. So a read that has something to say, and a write, need nothing but their own direction. */
#include <errno.h>
#include <openssl/bio.h>
#include <string.h>

#include "sched/io.h"
#include "tls/library.h"
#include "tls/session.h"

static void remember_first(struct tls_session *session, const char *bytes, size_t len) {
    size_t room = SESSION_FIRST_BYTES - session->first_count;
    size_t count = len < room ? len : room;
    memcpy(session->first + session->first_count, bytes, count);
    session->first_count = (uint8_t)(session->first_count + count);
}

static int bio_read(BIO *bio, char *out, size_t size, size_t *ret_len) {
    struct tls_session *session = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *ret_len = 0;
    ssize_t got = session->closed ? -ECANCELED : io_try_recv(session->io, out, size);
    if (got > 0) {
        if (session->first_count < SESSION_FIRST_BYTES) {
            remember_first(session, out, (size_t)got);
        }
        *ret_len = (size_t)got;
        return 1;
    }
    if (got == -EAGAIN) {
        BIO_set_retry_read(bio);
    } else if (got == 0) {
        session->ended = true;
    } else {
        session->socket_error = (int)got;
    }
    return 0;
}

/* What the socket takes at once of these bytes. */
static size_t write_through(struct tls_session *session, const char *bytes, size_t len) {
    struct iovec piece = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};
    ssize_t sent = io_try_send(session->io, &piece, 1, false);
    if (sent < 0 && sent != -EAGAIN) {
        session->socket_error = (int)sent;
    }
    session->sent += sent > 0 ? sent : 0;
    return sent > 0 ? (size_t)sent : 0;
}

static int bio_write(BIO *bio, const char *bytes, size_t len, size_t *ret_len) {
    struct tls_session *session = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *ret_len = 0;
    if (session->closed || session->socket_error < 0) {
        return 0;
    }
    size_t taken = 0;
    if (!session->gathering && buffer_len(&session->unsent) == 0) {
        taken = write_through(session, bytes, len);
    }
    if (session->socket_error < 0) {
        return 0;
    }
    if (taken < len && buffer_append(&session->unsent, bytes + taken, len - taken) < 0) {
        session->socket_error = -ENOMEM; /* a record that is torn cannot be mended */
        return 0;
    }
    *ret_len = len;
    return 1;
}

static long bio_control(BIO *bio, int command, long number, void *pointer) {
    const struct tls_session *session = BIO_get_data(bio);
    (void)number;
    (void)pointer;
    switch (command) {
    case BIO_CTRL_EOF: return session->ended;
    case BIO_CTRL_FLUSH:
    case BIO_CTRL_DUP: return 1;
    default: return 0;
    }
}

BIO_METHOD *bio_method_new(void) {
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wharf socket");
    if (method == NULL || BIO_meth_set_read_ex(method, bio_read) != 1 ||
        BIO_meth_set_write_ex(method, bio_write) != 1 || BIO_meth_set_ctrl(method, bio_control) != 1) {
        BIO_meth_free(method);
        return NULL;
    }
    return method;
}

int bio_attach(struct tls_session *session) {
    BIO *bio = BIO_new(tls_library()->bio);
    if (bio == NULL) {
        return -ENOMEM;
    }
    BIO_set_data(bio, session);
    BIO_set_init(bio, 1);
    SSL_set_bio(session->ssl, bio, bio);
    return 0;
}
