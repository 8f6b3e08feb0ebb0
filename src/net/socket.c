/* Sockets as handles: making, binding, listening, accepting, connecting, ending, and passing them between cores. */
#include "net/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>

#include "base/failure.h"
#include "base/memory.h"
#include "base/text.h"
#include "net/datagram.h"
#include "net/inherited.h"
#include "net/listener.h"
#include "net/names/resolve.h"
#include "sched/engine.h"
#include "sched/sched.h"
#include "wharf/datagram.h"

/* ---- records and handles ---- */

/* The open sockets of a scheduler. Nobody else can use their handles, so they end with it. */
struct sock_list {
    struct sock *first;
};

static const char list_key; /* its address names the scheduler's list */

static void sock_shut(struct sock *sock, void (*end)(struct stream *));

static void list_drop(void *value) {
    struct sock_list *list = value;
    while (list->first != NULL) {
        sock_shut(list->first, stream_close_now);
    }
    mem_free(list);
}

struct sock *sock_new(struct io *io, const struct address *peer) {
    struct sock_list *list = sched_local_make(&list_key, sizeof(*list), list_drop);
    struct sock *sock = list != NULL ? mem_zalloc(sizeof(*sock)) : NULL;
    if (sock == NULL) {
        return NULL;
    }
    sock->next = list->first;
    sock->link = &list->first;
    if (sock->next != NULL) {
        sock->next->link = &sock->next;
    }
    list->first = sock;
    stream_init_socket(&sock->stream, io);
    sock->type = SOCK_STREAM;
    sock->connected = peer != NULL;
    if (peer != NULL && peer->len <= sizeof(sock->peer)) {
        memcpy(&sock->peer, &peer->storage, peer->len);
        sock->peer_len = peer->len;
    }
    io->owner = sock;
    io->front = &sock_front;
    return sock;
}

wharf_sock sock_handle(const struct sock *sock) {
    return (wharf_sock){io_id(sock->stream.io)};
}

wharf_sock sock_failed(int code) {
    return (wharf_sock){code};
}

struct sock *sock_find(wharf_sock handle, const char *phase, int *ret_error) {
    int error = 0;
    struct io *io = io_find(handle.id, &error);
    if (io != NULL && io->owner != NULL) {
        return io->owner;
    }
    error = io != NULL ? -EBADF : error;
    if (handle.id >= 0) {
        fail(error, phase, NULL,
             error == -EXDEV ? "the socket belongs to another core" : "the socket is closed");
    }
    *ret_error = error;
    return NULL;
}

static void sock_free(struct sock *sock) {
    if (sock->wrap.release != NULL) {
        sock->wrap.release(sock->wrap.arg);
    }
    sock_forget_bytes(sock);
    mem_free(sock->path);
    mem_free(sock->network_error);
    mem_free(sock);
}

void sock_enter(struct sock *sock) {
    sock->users++;
}

void sock_leave(struct sock *sock) {
    sock->users--;
    if (sock->users == 0 && sock->stream.io == NULL) {
        sock_free(sock);
    }
}

void sock_wrap_accepted(struct sock *sock, const struct sock_wrap *wrap) {
    sock->wrap = *wrap;
}

int sock_fail(const struct sock *sock, int code, const char *phase) {
    const char *why = stream_why(&sock->stream);
    (void)fail_at(code, phase, sock->peer_len > 0 ? &sock->peer.any : NULL, sock->peer_len);
    if (why[0] != '\0' && (code == -WHARF_ETLS || code == -WHARF_EEOF)) {
        (void)str_copy_to(failure_current()->detail, FAILURE_DETAIL_SIZE, wharf_str_of(why));
    }
    return code;
}

void sock_closed(struct sock *sock) {
    *sock->link = sock->next;
    if (sock->next != NULL) {
        sock->next->link = sock->link;
    }
    op_queue_complete_all(&sock->senders, -ECANCELED);
    sock_enter(sock);
    sock_leave(sock);
}

wharf_sock sock_of_stream(const struct stream *stream, const struct address *peer) {
    struct sock *sock = sock_new(stream->io, peer);
    if (sock == NULL) {
        struct stream lost = *stream;
        stream_abort(&lost);
        return sock_failed(address_fail(-ENOMEM, "open", NULL, peer));
    }
    sock->stream = *stream;
    return sock_handle(sock);
}

wharf_sock sock_of_descriptor(int fd, int family, int type, struct sock **ret_sock) {
    const struct engine *engine = sched_engine();
    struct io *io = NULL;
    int rc = io_open(fd, IO_READ | IO_WRITE, &io);
    if (rc < 0) {
        engine->close(sched_current(), fd, false);
        return sock_failed(fail(rc, "socket", NULL, NULL));
    }
    struct sock *sock = sock_new(io, NULL);
    if (sock == NULL) {
        io_close(io, false);
        return sock_failed(fail(-ENOMEM, "socket", NULL, NULL));
    }
    sock->type = type;
    if (type == SOCK_DGRAM) {
        io_is_datagrams(io);
    } else if (family != AF_UNIX) {
        io_is_tcp(io);
    }
    *ret_sock = sock;
    return sock_handle(sock);
}

/* ---- making and naming ---- */

static const struct kind {
    const char *name;
    int family, type;
} kinds[] = {
    {"tcp", AF_INET, SOCK_STREAM},
    {"tcp6", AF_INET6, SOCK_STREAM},
    {"udp", AF_INET, SOCK_DGRAM},
    {"udp6", AF_INET6, SOCK_DGRAM},
    {"unix", AF_UNIX, SOCK_STREAM},
    {"unix-datagram", AF_UNIX, SOCK_DGRAM},
    {"unix-seqpacket", AF_UNIX, SOCK_SEQPACKET},
};

static const struct kind *kind_find(const char *name) {
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (wharf_str_is(wharf_str_of(name), kinds[i].name)) {
            return &kinds[i];
        }
    }
    (void)fail(-EPROTONOSUPPORT, "socket", name,
               "the kinds are tcp, tcp6, udp, udp6, unix, unix-datagram and unix-seqpacket");
    return NULL;
}

wharf_sock wharf_socket(const char *name) {
    const struct engine *engine = sched_engine();
    struct sched *sched = sched_current();
    const struct kind *kind = kind_find(name);
    if (kind == NULL || sched == NULL) {
        return sock_failed(failure_current()->code);
    }
    int fd = engine->socket(sched, kind->family, kind->type);
    if (fd < 0) {
        return sock_failed(fail(fd, "socket", name, NULL));
    }
    if (kind->family != AF_UNIX && kind->type == SOCK_STREAM) {
        (void)engine->set_option(sched, fd, IPPROTO_TCP, TCP_NODELAY, 1);
    }
    struct sock *sock = NULL;
    return sock_of_descriptor(fd, kind->family, kind->type, &sock);
}

int wharf_socket_pair(const char *name, wharf_sock ret_pair[2]) {
    const struct engine *engine = sched_engine();
    struct sched *sched = sched_current();
    const struct kind *kind = kind_find(name);
    struct sock *socks[2] = {NULL, NULL};
    int fds[2] = {-1, -1};
    if (kind == NULL || sched == NULL) {
        return failure_current()->code;
    }
    int rc = kind->family == AF_UNIX ? engine->pair(sched, kind->type, fds) : -EPROTONOSUPPORT;
    if (rc < 0) {
        return fail(rc, "socket pair", name, NULL);
    }
    wharf_sock first = sock_of_descriptor(fds[0], AF_UNIX, kind->type, &socks[0]);
    if (wharf_failed(first)) {
        engine->close(sched, fds[1], false);
        return wharf_error(first);
    }
    wharf_sock second = sock_of_descriptor(fds[1], AF_UNIX, kind->type, &socks[1]);
    if (wharf_failed(second)) {
        (void)wharf_close(first);
        return wharf_error(second);
    }
    socks[0]->connected = true;
    socks[1]->connected = true;
    ret_pair[0] = first;
    ret_pair[1] = second;
    return 0;
}

/* The family that an unconnected socket was made for. */
static int family_of(const struct sock *sock) {
    const struct engine *engine = sched_engine();
    int64_t family = AF_UNSPEC;
    int rc = engine->get_option(sched_current(), sock->stream.io->fd, SOL_SOCKET, SO_DOMAIN, &family);
    return rc < 0 ? AF_UNSPEC : (int)family;
}

/* Parses, and finds the first address of the socket's family. Suspends only for a name. */
static int resolve_for(struct sock *sock, const char *text, const char *phase, struct address *ret_address) {
    struct address_text parts;
    int rc = address_parse_or_fail(text, phase, &parts);
    if (rc < 0) {
        return rc;
    }
    int family = family_of(sock);
    if (family != AF_UNSPEC && address_is_unix(&parts) != (family == AF_UNIX)) {
        return fail(-EAFNOSUPPORT, phase, text, "the socket is of another family");
    }
    if (parts.is_typed && address_socket_type(&parts) != sock->type) {
        return fail(-EPROTOTYPE, phase, text, "the socket is of another kind");
    }
    if (parts.kind == ADDRESS_TCP && sock->type == SOCK_DGRAM) {
        parts.kind = ADDRESS_UDP;
    }
    rc = names_resolve(&parts, family, ret_address, 1);
    if (rc == -WHARF_EADDRESS) {
        return fail(-EAFNOSUPPORT, phase, text, "it has no address of the socket's family");
    }
    return rc < 0 ? rc : 0;
}

int sock_bind(struct sock *sock, const char *text, const struct address *address) {
    const struct engine *engine = sched_engine();
    struct unix_path *path = NULL;
    struct unix_path made = {.made = false};
    if (address->any.sa_family == AF_UNIX) {
        path = mem_alloc(sizeof(*path));
        if (path == NULL) {
            return fail(-ENOMEM, "bind", text, NULL);
        }
    } else if (sock->type == SOCK_STREAM) {
        (void)engine->set_option(sched_current(), sock->stream.io->fd, SOL_SOCKET, SO_REUSEADDR, 1);
    }
    int rc = unix_path_bind(sock->stream.io->fd, address, &made);
    if (rc < 0 || path == NULL) {
        mem_free(path);
        return rc < 0 ? address_fail(rc, "bind", text, address) : 0;
    }
    *path = made;
    mem_free(sock->path);
    sock->path = path;
    return 0;
}

static int bind_to(struct sock *sock, const char *text) {
    struct address address;
    int rc = resolve_for(sock, text, "bind", &address);
    if (rc < 0) {
        return rc;
    }
    return sock->stream.io != NULL ? sock_bind(sock, text, &address)
                                   : fail(-EBADF, "bind", text, "the socket was closed");
}

int wharf_bind(wharf_sock handle, const char *address) {
    int rc = 0;
    struct sock *sock = sock_find(handle, "bind", &rc);
    if (sock == NULL) {
        return rc;
    }
    sock_enter(sock);
    rc = bind_to(sock, address);
    sock_leave(sock);
    return rc;
}

int wharf_listen(wharf_sock handle, int backlog) {
    const struct engine *engine = sched_engine();
    int rc = 0;
    struct sock *sock = sock_find(handle, "listen", &rc);
    if (sock == NULL) {
        return rc;
    }
    if (backlog < 0 || sock->connected) {
        return sock_fail(sock, -EINVAL, "listen");
    }
    if (sock->type == SOCK_DGRAM) {
        return fail(-EOPNOTSUPP, "listen", NULL, "a socket of datagrams receives without listening");
    }
    rc = engine->listen(sched_current(), sock->stream.io->fd, backlog > 0 ? backlog : LISTENER_BACKLOG_MAX);
    if (rc < 0) {
        return fail(rc, "listen", NULL, NULL);
    }
    if (sock->listener != NULL) {
        return 0; /* again, with another backlog */
    }
    sock->stream.io->ready = IO_READ;
    return listener_over(sock->stream.io, sock->path, &sock->listener);
}

wharf_sock wharf_serve_on(const char *address) {
    const struct engine *engine = sched_engine();
    struct listener *listener = NULL;
    struct sock *sock = NULL;
    struct address_text text;
    int rc = address_parse_or_fail(address, "listen", &text);
    int type = rc == 0 ? address_socket_type(&text) : rc;
    if (rc == 0 && inherited_is_named(&text)) {
        type = inherited_type(&text, "listen");
        rc = type < 0 ? type : 0;
    }
    if (rc == 0 && type == SOCK_DGRAM) {
        return inherited_is_named(&text) ? sock_inherit(&text, "listen") : datagram_serve(&text);
    }
    rc = rc == 0 ? listener_open(address, 0, &listener) : rc;
    if (rc < 0) {
        return sock_failed(rc);
    }
    struct io *io = listener_io(listener);
    if (io != NULL) {
        sock = sock_new(io, NULL);
        if (sock == NULL) {
            listener_close(listener);
            return sock_failed(fail(-ENOMEM, "listen", address, NULL));
        }
        sock->listener = listener;
        sock->type = listener_type(listener);
        return sock_handle(sock);
    }
    /* Shared between cores, so its sockets come and go: an unused descriptor holds the handle's place. */
    int fd = engine->socket(sched_current(), AF_UNIX, SOCK_STREAM);
    wharf_sock handle = fd < 0 ? sock_failed(fail(fd, "listen", address, NULL))
                               : sock_of_descriptor(fd, AF_UNIX, listener_type(listener), &sock);
    if (wharf_failed(handle)) {
        listener_close(listener);
        return handle;
    }
    sock->listener = listener;
    return handle;
}

static wharf_sock accept_stream(const struct sock *listener, struct io *io, const struct address *peer) {
    struct stream stream;
    stream_init_socket(&stream, io);
    int rc = listener->wrap.wrap != NULL ? listener->wrap.wrap(listener->wrap.arg, &stream) : 0;
    if (rc < 0) {
        stream_abort(&stream);
        return sock_failed(rc);
    }
    struct sock *accepted = sock_new(io, peer);
    if (accepted == NULL) {
        stream_abort(&stream);
        return sock_failed(address_fail(-ENOMEM, "accept", NULL, peer));
    }
    accepted->stream = stream;
    accepted->type = listener->type;
    return sock_handle(accepted);
}

wharf_sock wharf_accept(wharf_sock handle) {
    int rc = 0;
    struct sock *sock = sock_find(handle, "accept", &rc);
    if (sock == NULL) {
        return sock_failed(rc);
    }
    if (sock->listener == NULL) {
        return sock_failed(fail(-EINVAL, "accept", NULL, "the socket is not listening"));
    }
    struct io *io = NULL;
    struct address peer;
    sock_enter(sock); /* it may be closed meanwhile */
    rc = listener_accept(sock->listener, &io, &peer);
    wharf_sock accepted = rc < 0 ? sock_failed(rc) : accept_stream(sock, io, &peer);
    sock_leave(sock);
    return accepted;
}

int sock_connect(struct sock *sock, const char *text, const struct address *address) {
    int rc = io_connect(sock->stream.io, &address->any, address->len);
    if (rc < 0) {
        return address_fail(rc, "connect", text, address);
    }
    if (sock->stream.io == NULL) {
        return address_fail(-ECANCELED, "connect", text, address);
    }
    sock->connected = true;
    if (address->len <= sizeof(sock->peer)) {
        memcpy(&sock->peer, &address->storage, address->len);
        sock->peer_len = address->len;
    }
    return 0;
}

/* The socket may be closed during the waits. */
static int connect_to(struct sock *sock, const char *text) {
    struct address address;
    int rc = resolve_for(sock, text, "connect", &address);
    if (rc < 0) {
        return rc;
    }
    return sock->stream.io != NULL ? sock_connect(sock, text, &address)
                                   : fail(-ECANCELED, "connect", text, "the socket was closed");
}

int wharf_connect(wharf_sock handle, const char *address) {
    int rc = 0;
    struct sock *sock = sock_find(handle, "connect", &rc);
    if (sock == NULL) {
        return rc;
    }
    bool again = sock->connected && sock->type != SOCK_DGRAM;
    if (again || sock->listener != NULL) {
        return fail(-EISCONN, "connect", address, NULL);
    }
    sock_enter(sock);
    rc = connect_to(sock, address);
    sock_leave(sock);
    return rc;
}

/* ---- ending ---- */

int wharf_shutdown_write(wharf_sock handle) {
    int rc = 0;
    struct sock *sock = sock_find(handle, "shutdown", &rc);
    if (sock == NULL) {
        return rc;
    }
    rc = sock->connected ? sock->stream.type->shutdown_write(&sock->stream) : -ENOTCONN;
    return rc < 0 ? sock_fail(sock, rc, "shutdown") : 0;
}

/* A listener's handle: its io is one of the listener's own, or holds the place of a shared one. */
static void close_listener(struct sock *sock) {
    struct listener *listener = sock->listener;
    struct io *place = listener_io(listener) != sock->stream.io ? sock->stream.io : NULL;
    listener_close(listener);
    if (place != NULL) {
        io_close(place, false);
    }
    sock->stream.io = NULL;
}

static void sock_shut(struct sock *sock, void (*end)(struct stream *)) {
    sock->stream.io->owner = NULL;
    if (sock->listener != NULL) {
        close_listener(sock);
    } else if (sock->connected && sock->type != SOCK_DGRAM) {
        end(&sock->stream);
    } else {
        stream_close_now(&sock->stream);
    }
    if (sock->path != NULL) {
        unix_path_remove(sock->path);
    }
    sock_closed(sock);
}

static int sock_end(wharf_sock handle, const char *phase, void (*end)(struct stream *)) {
    int rc = 0;
    struct sock *sock = sock_find(handle, phase, &rc);
    if (sock == NULL) {
        return rc;
    }
    sock_shut(sock, end);
    return 0;
}

int wharf_close(wharf_sock handle) {
    return sock_end(handle, "close", stream_close);
}

int wharf_abort(wharf_sock handle) {
    return sock_end(handle, "abort", stream_abort);
}

/* ---- facts ---- */

/* In a form that makes a socket of the same kind when it is dialled. */
static int name_text(const struct sock *sock, const struct address *address, char *buffer, size_t size) {
    char text[WHARF_ADDRESS_SIZE];
    if (size < WHARF_ADDRESS_SIZE) {
        return -ENOBUFS;
    }
    wharf_str name = {text, address_format(&address->any, address->len, text)};
    wharf_str scheme = STR("");
    if (address->any.sa_family == AF_UNIX && sock->type != SOCK_STREAM) {
        scheme = sock->type == SOCK_DGRAM ? STR("unix-datagram:") : STR("unix-seqpacket:");
        name = str_slice(name, STR("unix:").len, name.len);
    } else if (sock->type == SOCK_DGRAM) {
        scheme = STR("udp://");
    }
    size_t len = str_copy_to(buffer, size, scheme);
    return (int)(len + str_copy_to(buffer + len, size - len, name));
}

int wharf_local_address(wharf_sock handle, char *buffer, size_t size) {
    const struct engine *engine = sched_engine();
    struct address address = {.len = sizeof(address.storage)};
    int rc = 0;
    struct sock *sock = sock_find(handle, "local address", &rc);
    if (sock == NULL) {
        return rc;
    }
    if (sock->listener != NULL) {
        rc = listener_local_name(sock->listener, &address);
    } else {
        rc = engine->local_name(sched_current(), sock->stream.io->fd, &address.storage, &address.len);
    }
    rc = rc < 0 ? rc : name_text(sock, &address, buffer, size);
    return rc < 0 ? fail(rc, "local address", NULL, NULL) : rc;
}

int wharf_peer_address(wharf_sock handle, char *buffer, size_t size) {
    const struct engine *engine = sched_engine();
    struct address address = {.len = sizeof(address.storage)};
    int rc = 0;
    struct sock *sock = sock_find(handle, "peer address", &rc);
    if (sock == NULL) {
        return rc;
    }
    if (sock->peer_len > 0) {
        memcpy(&address.storage, &sock->peer, sock->peer_len);
        address.len = sock->peer_len;
    } else if (sock->listener != NULL) {
        rc = -ENOTCONN;
    } else {
        rc = engine->peer_name(sched_current(), sock->stream.io->fd, &address.storage, &address.len);
    }
    rc = rc < 0 ? rc : name_text(sock, &address, buffer, size);
    return rc < 0 ? fail(rc, "peer address", NULL, NULL) : rc;
}
