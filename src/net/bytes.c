/* Receiving and sending on handles.
 *
 * One read-ahead buffer per socket that has unread bytes, none for one that has not: wharf_recv() reads straight
 * into the caller's memory when nothing is buffered, so mixing it with the calls that read ahead is safe. What a
 * call received before it failed goes back into that buffer, which is why a time-out never damages a stream.
 *
 * Sending is serialised by call: a task has the socket's turn until all of its bytes are out, and the others wait
 * in a queue. */
#include <errno.h>
#include <limits.h>

#include "base/failure.h"
#include "base/memory.h"
#include "base/text.h"
#include "net/datagram.h"
#include "net/socket.h"
#include "sched/sched.h"

enum {
    DELIMITER_MAX = 64,
    UNTIL_MAX = 16 * 1024 * 1024,
    PIECES_AT_ONCE = 16, /* copied to the stack from the caller's array, which stays as it is */
    PIECES_MAX = 1024
};

/* ---- bytes that wait to be asked for ---- */

static void ahead_free(struct sock *sock) {
    if (sock->ahead_capacity == BLOCK_SIZE) {
        block_put(sock->ahead);
    } else {
        mem_free(sock->ahead);
    }
    sock->ahead = NULL;
    sock->ahead_start = 0;
    sock->ahead_end = 0;
    sock->ahead_capacity = 0;
}

void sock_forget_bytes(struct sock *sock) {
    if (sock->ahead != NULL) {
        ahead_free(sock);
    }
}

void sock_ahead_consume(struct sock *sock, size_t len) {
    sock->ahead_start += len;
    if (sock->ahead != NULL && sock->ahead_start == sock->ahead_end) {
        ahead_free(sock);
    }
}

static size_t ahead_copy(const struct sock *sock, void *out, size_t size) {
    size_t len = sock_ahead(sock) < size ? sock_ahead(sock) : size;
    if (len > 0) {
        memcpy(out, sock->ahead + sock->ahead_start, len);
    }
    return len;
}

/* Room for `size` more bytes: a block from the scheduler where that is enough, else memory of its own. */
static int ahead_reserve(struct sock *sock, size_t size) {
    size_t len = sock_ahead(sock);
    if (sock->ahead_capacity - sock->ahead_end >= size) {
        return 0;
    }
    if (sock->ahead_capacity >= len + size) {
        memmove(sock->ahead, sock->ahead + sock->ahead_start, len);
        sock->ahead_start = 0;
        sock->ahead_end = len;
        return 0;
    }
    size_t capacity = len + size <= BLOCK_SIZE ? BLOCK_SIZE : len + size;
    /* A capacity of exactly one block is what marks a block. */
    char *fresh = capacity == BLOCK_SIZE ? block_get() : mem_alloc(capacity);
    if (fresh == NULL) {
        return -ENOMEM;
    }
    ahead_copy(sock, fresh, len);
    sock_forget_bytes(sock);
    sock->ahead = fresh;
    sock->ahead_end = len;
    sock->ahead_capacity = capacity;
    return 0;
}

/* Puts received bytes behind those that are buffered. Without memory they are lost, and the socket says so from
 * then on rather than skip them. */
void sock_put_back(struct sock *sock, const void *bytes, size_t len) {
    if (len == 0) {
        return;
    }
    if (ahead_reserve(sock, len) < 0) {
        sock->receive_error = -ENOMEM;
        return;
    }
    memcpy(sock->ahead + sock->ahead_end, bytes, len);
    sock->ahead_end += len;
}

/* What is there already moves up behind them. */
void sock_put_in_front(struct sock *sock, const void *bytes, size_t len) {
    size_t behind = sock_ahead(sock);
    if (ahead_reserve(sock, len) < 0) {
        sock->receive_error = -ENOMEM;
        return;
    }
    char *start = sock->ahead + sock->ahead_start;
    memmove(start + len, start, behind);
    memcpy(start, bytes, len);
    sock->ahead_end += len;
}

/* ---- receiving ---- */

/* An operation that need not wait: it passes the checks that every operation passes, and gives way in its turn. */
static int64_t buffered_attempt(struct op *op) {
    (void)op;
    return 0;
}

static const struct op_kind buffered_kind = {"recv", buffered_attempt, NULL, NULL};

int sock_recv_checkpoint(void) {
    struct op op = {.kind = &buffered_kind};
    return (int)op_await(&op);
}

/* Claims the socket for a receiving call, and enters it. 0 or the error (recorded). */
int sock_recv_begin(struct sock *sock) {
    int error = 0;
    if (sock->type == SOCK_DGRAM || (sock->type == SOCK_SEQPACKET && sock->connected)) {
        error = -EOPNOTSUPP; /* a datagram is received as a whole, or not at all */
    } else if (sock->receiving) {
        error = -EBUSY;
    } else if (!sock->connected) {
        error = -ENOTCONN;
    } else if (sock->stream.io->expired) {
        error = -ETIMEDOUT; /* bytes that are buffered need no operation that would say so */
    } else if (sock->receive_error < 0) {
        error = sock->receive_error;
    }
    if (error < 0) {
        return sock_fail(sock, error, "recv");
    }
    sock->receiving = true;
    sock_enter(sock);
    return 0;
}

/* The socket of a receiving call, claimed; NULL with the error (recorded). */
static struct sock *recv_begin(wharf_sock handle, int *ret_error) {
    struct sock *sock = sock_find(handle, "recv", ret_error);
    if (sock == NULL) {
        return NULL;
    }
    int error = sock_recv_begin(sock);
    if (error < 0) {
        *ret_error = error;
        return NULL;
    }
    return sock;
}

ssize_t sock_recv_end(struct sock *sock, ssize_t result) {
    if (result < 0) {
        sock_fail(sock, (int)result, "recv");
    }
    sock->receiving = false;
    sock_leave(sock);
    return result;
}

/* From the stream itself; another task may close the socket during the wait. */
static ssize_t recv_more(struct sock *sock, void *buffer, size_t size) {
    ssize_t got = sock->stream.type->recv(&sock->stream, buffer, size);
    return sock->stream.io == NULL ? -ECANCELED : got;
}

static ssize_t recv_some(struct sock *sock, void *buffer, size_t size) {
    if (sock_ahead(sock) == 0) {
        return recv_more(sock, buffer, size);
    }
    int rc = sock_recv_checkpoint();
    if (rc < 0 || sock->stream.io == NULL) {
        return rc < 0 ? rc : -ECANCELED;
    }
    size_t len = ahead_copy(sock, buffer, size);
    sock_ahead_consume(sock, len);
    return (ssize_t)len;
}

ssize_t wharf_recv(wharf_sock handle, void *buffer, size_t size) {
    int error = 0;
    struct sock *sock = sock_find(handle, "recv", &error);
    if (sock == NULL) {
        return error;
    }
    if (sock->type != SOCK_STREAM && sock->listener == NULL) {
        struct iovec piece = {buffer, size};
        return datagram_recv(sock, &piece, 1, NULL);
    }
    error = sock_recv_begin(sock);
    if (error < 0) {
        return error;
    }
    return sock_recv_end(sock, size > 0 ? recv_some(sock, buffer, size) : -EINVAL);
}

/* Fills what is left of the pieces with what is there. An error that comes behind bytes is the next call's. */
static ssize_t recv_more_pieces(struct sock *sock, const struct iovec *pieces, int count, ssize_t got) {
    ssize_t total = got;
    int i = 0;
    while (i < count && (size_t)got == pieces[i].iov_len) {
        i++;
        if (i == count) {
            break;
        }
        if (sock_ahead(sock) > 0) {
            got = (ssize_t)ahead_copy(sock, pieces[i].iov_base, pieces[i].iov_len);
            sock_ahead_consume(sock, (size_t)got);
        } else {
            got = sock->stream.io != NULL && pieces[i].iov_len > 0
                      ? sock->stream.type->try_recv(&sock->stream, pieces[i].iov_base, pieces[i].iov_len)
                      : 0;
        }
        if (got < 0 && got != -EAGAIN) {
            sock->receive_error = (int)got;
        }
        total += got > 0 ? got : 0;
    }
    return total;
}

ssize_t wharf_recvv(wharf_sock handle, const struct iovec *pieces, int count) {
    int error = 0;
    struct sock *sock = sock_find(handle, "recv", &error);
    if (sock == NULL) {
        return error;
    }
    int first = 0;
    while (first < count && pieces[first].iov_len == 0) {
        first++;
    }
    if (count < 1 || count > PIECES_MAX || first == count) {
        return sock_fail(sock, -EINVAL, "recv");
    }
    if (sock->type != SOCK_STREAM && sock->listener == NULL) {
        return datagram_recv(sock, pieces, count, NULL);
    }
    error = sock_recv_begin(sock);
    if (error < 0) {
        return error;
    }
    ssize_t got = recv_some(sock, pieces[first].iov_base, pieces[first].iov_len);
    got = got > 0 ? recv_more_pieces(sock, pieces + first, count - first, got) : got;
    return sock_recv_end(sock, got);
}

ssize_t wharf_peek(wharf_sock handle, void *buffer, size_t size) {
    int error = 0;
    struct sock *sock = recv_begin(handle, &error);
    if (sock == NULL) {
        return error;
    }
    ssize_t got = size >= 1 && size <= UNTIL_MAX ? 1 : -EINVAL;
    if (got > 0 && sock_ahead(sock) == 0) {
        got = sock_read_ahead(sock, size);
    } else if (got > 0) {
        int rc = sock_recv_checkpoint();
        got = rc < 0 ? rc : 1;
    }
    if (got > 0 && sock->stream.io == NULL) {
        got = -ECANCELED;
    }
    return sock_recv_end(sock, got > 0 ? (ssize_t)ahead_copy(sock, buffer, size) : got);
}

/* The buffered bytes stay where they are until the item is complete; what comes from the stream is put behind them
 * when it is not. */
static ssize_t recv_all(struct sock *sock, char *buffer, size_t size) {
    size_t buffered = ahead_copy(sock, buffer, size);
    size_t len = buffered;
    ssize_t got = len == size ? sock_recv_checkpoint() : 1;
    while (len < size && got > 0) {
        got = recv_more(sock, buffer + len, size - len);
        len += got > 0 ? (size_t)got : 0;
    }
    if (got >= 0 && len == size) {
        sock_ahead_consume(sock, buffered);
        return (ssize_t)size;
    }
    sock_put_back(sock, buffer + buffered, len - buffered);
    if (got < 0) {
        return got;
    }
    return len == 0 ? 0 : -WHARF_EEOF;
}

ssize_t wharf_recv_exact(wharf_sock handle, void *buffer, size_t size) {
    int error = 0;
    struct sock *sock = recv_begin(handle, &error);
    if (sock == NULL) {
        return error;
    }
    return sock_recv_end(sock, size <= SSIZE_MAX ? recv_all(sock, buffer, size) : -EINVAL);
}

ssize_t sock_read_ahead(struct sock *sock, size_t size) {
    size_t len = sock_ahead(sock);
    size_t room = sock->ahead_capacity - sock->ahead_end;
    if (room == 0) {
        size_t limit = size > BLOCK_SIZE ? size : BLOCK_SIZE;
        size_t more = len < BLOCK_SIZE ? BLOCK_SIZE - len : len;
        more = len + more > limit ? limit - len : more;
        int rc = ahead_reserve(sock, more);
        if (rc < 0) {
            return rc;
        }
        room = sock->ahead_capacity - sock->ahead_end;
    }
    ssize_t got = recv_more(sock, sock->ahead + sock->ahead_end, room);
    if (got > 0) {
        sock->ahead_end += (size_t)got;
    }
    if (sock_ahead(sock) == 0) {
        sock_forget_bytes(sock);
    }
    return got;
}

/* Where the delimiter ends in the first `size` buffered bytes, or 0. Bytes before `from` were searched before. */
static size_t ahead_search(const struct sock *sock, size_t from, size_t size, wharf_str delimiter) {
    size_t len = sock_ahead(sock) < size ? sock_ahead(sock) : size;
    return len > 0 ? str_find_end((wharf_str){sock->ahead + sock->ahead_start, len}, from, delimiter) : 0;
}

static ssize_t recv_delimited(struct sock *sock, char *buffer, size_t size, wharf_str delimiter) {
    size_t searched = 0;
    ssize_t got = sock_ahead(sock) > 0 ? sock_recv_checkpoint() : 0;
    size_t end = 0;
    while (got >= 0) {
        end = ahead_search(sock, searched, size, delimiter);
        searched = sock_ahead(sock);
        if (end > 0) {
            break;
        }
        if (searched >= size) {
            return -EMSGSIZE;
        }
        got = sock_read_ahead(sock, size);
        if (got == 0) {
            return sock_ahead(sock) == 0 ? 0 : -WHARF_EEOF;
        }
    }
    if (got < 0) {
        return got;
    }
    ahead_copy(sock, buffer, end);
    sock_ahead_consume(sock, end);
    return (ssize_t)end;
}

ssize_t wharf_recv_until(wharf_sock handle, void *buffer, size_t size, const char *delimiter) {
    int error = 0;
    struct sock *sock = recv_begin(handle, &error);
    if (sock == NULL) {
        return error;
    }
    wharf_str text = wharf_str_of(delimiter);
    bool valid = size >= 1 && size <= UNTIL_MAX && text.len >= 1 && text.len <= DELIMITER_MAX;
    return sock_recv_end(sock, valid ? recv_delimited(sock, buffer, size, text) : -EINVAL);
}

/* ---- sending ---- */

struct turn_op {
    struct op op;
    struct sock *sock;
};

static int64_t turn_attempt(struct op *op) {
    struct sock *sock = ((struct turn_op *)(void *)op)->sock;
    if (sock->stream.io == NULL) {
        return -ECANCELED;
    }
    if (sock->sending || sock->senders.first != NULL) {
        return -EAGAIN;
    }
    sock->sending = true;
    return 0;
}

static int turn_start(struct op *op) {
    op_queue_push(&((struct turn_op *)(void *)op)->sock->senders, op);
    return 0;
}

static const struct op_kind turn_kind = {"send turn", turn_attempt, turn_start, op_queue_remove};

/* Enters the socket and takes its turn to send. 0 or the error (recorded). */
int sock_send_begin(struct sock *sock) {
    if (!sock->connected || sock->type != SOCK_STREAM) {
        return sock_fail(sock, sock->type != SOCK_STREAM ? -EOPNOTSUPP : -ENOTCONN, "send");
    }
    sock_enter(sock);
    struct turn_op turn = {.op.kind = &turn_kind, .sock = sock};
    int64_t rc = turn_attempt(&turn.op); /* free most of the time; the send itself makes the checks then */
    if (rc == -EAGAIN) {
        rc = op_await(&turn.op);
    }
    if (rc < 0) {
        sock->sent = 0;
        sock_fail(sock, (int)rc, "send");
        sock_leave(sock);
        return (int)rc;
    }
    return 0;
}

/* Hands the turn to the next sender in the same step, so nobody can come between. */
int64_t sock_send_end(struct sock *sock, int64_t result, int64_t sent) {
    if (result < 0) {
        result = sock->stream.io == NULL ? -ECANCELED : result;
        sock_fail(sock, (int)result, "send");
    }
    sock->sent = sent;
    struct op *next = op_queue_pop(&sock->senders);
    sock->sending = next != NULL;
    if (next != NULL) {
        op_complete(next, 0);
    }
    sock_leave(sock);
    return result;
}

ssize_t wharf_sendv(wharf_sock handle, const struct iovec *pieces, int count) {
    int error = 0;
    struct sock *sock = sock_find(handle, "send", &error);
    if (sock == NULL) {
        return error;
    }
    bool valid = count >= 1 && count <= PIECES_MAX;
    if (sock->type != SOCK_STREAM && sock->listener == NULL && valid) {
        return datagram_send(sock, pieces, count, NULL);
    }
    error = sock_send_begin(sock);
    if (error < 0) {
        return error;
    }
    int64_t result = valid ? 0 : -EINVAL;
    int64_t total = 0;
    for (int first = 0; first < count && result >= 0; first += PIECES_AT_ONCE) {
        struct iovec batch[PIECES_AT_ONCE];
        int64_t sent = 0;
        int left = count - first;
        int now = left < PIECES_AT_ONCE ? left : PIECES_AT_ONCE;
        memcpy(batch, pieces + first, (size_t)now * sizeof(*batch));
        result = stream_send_all(&sock->stream, batch, now, now < left, &sent);
        total += sent;
    }
    return (ssize_t)sock_send_end(sock, result < 0 ? result : total, total);
}

/* The one piece that most sends are: nothing to copy and nothing to step over. */
ssize_t wharf_send(wharf_sock handle, const void *buffer, size_t size) {
    struct iovec piece = {.iov_len = size};
    int error = 0;
    struct sock *sock = sock_find(handle, "send", &error);
    if (sock == NULL) {
        return error;
    }
    memcpy(&piece.iov_base, &buffer, sizeof(buffer)); /* iovec has no const */
    if (sock->type != SOCK_STREAM && sock->listener == NULL) {
        return datagram_send(sock, &piece, 1, NULL);
    }
    error = sock_send_begin(sock);
    if (error < 0) {
        return error;
    }
    ssize_t sent = 0;
    while (piece.iov_len > 0 && sent >= 0) {
        sent = sock->stream.type->send(&sock->stream, &piece, 1, false);
        if (sent > 0) {
            piece.iov_base = (char *)piece.iov_base + sent;
            piece.iov_len -= (size_t)sent;
        }
    }
    return (ssize_t)sock_send_end(sock, sent < 0 ? sent : (ssize_t)size, (int64_t)(size - piece.iov_len));
}

int64_t wharf_send_file(wharf_sock handle, int fd, int64_t offset, int64_t size) {
    int error = 0;
    struct sock *sock = sock_find(handle, "send", &error);
    error = sock != NULL ? sock_send_begin(sock) : error;
    if (error < 0) {
        return error;
    }
    int64_t sent = 0;
    int64_t result = -EINVAL;
    if (offset >= 0 && size >= 0 && size <= INT64_MAX - offset) {
        result = stream_send_file(&sock->stream, fd, offset, size, &sent);
    }
    return sock_send_end(sock, result, sent);
}

int64_t wharf_sent(wharf_sock handle) {
    int error = 0;
    const struct sock *sock = sock_find(handle, "sent", &error);
    return sock != NULL ? sock->sent : error;
}
