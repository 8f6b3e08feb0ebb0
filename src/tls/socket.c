/* TLS on handles: listening, turning a connected socket into TLS, facts. */
#include <errno.h>
#include <stdio.h>

#include "base/failure.h"
#include "base/text.h"
#include "net/socket.h"
#include "tls/facts.h"
#include "tls/settings.h"
#include "tls/stream.h"

/* ---- listening ---- */

static int wrap_accepted(void *arg, struct stream *stream) {
    return stream_secure(stream, arg, NULL);
}

static void release_settings(void *arg) {
    tls_release(arg);
}

wharf_sock wharf_serve_on_tls(const char *address, wharf_tls *tls) {
    int rc = tls_prepare_server(tls, "listen", address);
    if (rc < 0) {
        return sock_failed(rc);
    }
    wharf_str text = wharf_str_of(address);
    wharf_sock handle = wharf_serve_on(str_starts(text, STR("tls://")) ? address + strlen("tls://")
                                                                       : address);
    struct sock *sock = wharf_failed(handle) ? NULL : sock_find(handle, "listen", &rc);
    if (sock == NULL) {
        return handle;
    }
    tls_hold(tls);
    const struct sock_wrap wrap = {.wrap = wrap_accepted, .release = release_settings, .arg = tls};
    sock_wrap_accepted(sock, &wrap);
    return handle;
}

/* ---- turning a socket into TLS ---- */

/* Whether nobody is at the socket, and nothing of it has been read. 0 or an error (recorded). */
static int check_plain(const struct sock *sock) {
    if (!sock->connected || stream_is_secure(&sock->stream)) {
        return fail(-EINVAL, "TLS handshake", NULL, "the socket is not connected, or is TLS already");
    }
    return sock->users > 0 || sock_ahead(sock) > 0 ? sock_fail(sock, -EBUSY, "TLS handshake") : 0;
}

/* Around calls that suspend: somebody may close the socket meanwhile. */
static int shake(struct sock *sock) {
    sock_enter(sock);
    int rc = stream_handshake(&sock->stream);
    rc = sock->stream.io == NULL ? -ECANCELED : rc;
    if (rc < 0 && failure_current()->code == rc) {
        failure_set_address(&sock->peer.any, sock->peer_len);
    }
    sock_leave(sock);
    return rc;
}

/* The peer as failures should call it: the host with its port. */
static void describe_peer(const struct sock *sock, const char *host, char *out, size_t size) {
    struct address peer = {.len = sock->peer_len};
    memcpy(&peer.storage, &sock->peer, sock->peer_len);
    unsigned port = sock->peer_len > 0 ? address_port(&peer) : 0;
    (void)snprintf(out, size, port > 0 ? "%s:%u" : "%s", host, port);
}

int wharf_tls_client(wharf_sock handle, const char *host, wharf_tls *tls) {
    int rc = 0;
    char text[SESSION_HOST_SIZE + 8];
    struct sock *sock = sock_find(handle, "TLS handshake", &rc);
    if (sock == NULL) {
        return rc;
    }
    tls = tls != NULL ? tls : tls_default();
    rc = tls != NULL ? check_plain(sock) : failure_current()->code;
    if (rc < 0) {
        return rc;
    }
    describe_peer(sock, host, text, sizeof(text));
    const struct session_peer peer = {.host = wharf_str_of(host), .text = text};
    rc = stream_secure(&sock->stream, tls, &peer);
    return rc < 0 ? rc : shake(sock);
}

int wharf_tls_server(wharf_sock handle, wharf_tls *tls) {
    int rc = 0;
    struct sock *sock = sock_find(handle, "TLS handshake", &rc);
    if (sock == NULL) {
        return rc;
    }
    rc = tls_prepare_server(tls, "TLS handshake", NULL);
    rc = rc < 0 ? rc : check_plain(sock);
    rc = rc < 0 ? rc : stream_secure(&sock->stream, tls, NULL);
    return rc < 0 ? rc : shake(sock);
}

static struct sock *find_secure(wharf_sock handle, int *ret_error) {
    struct sock *sock = sock_find(handle, "TLS handshake", ret_error);
    if (sock != NULL && !stream_is_secure(&sock->stream)) {
        *ret_error = fail(-EINVAL, "TLS handshake", NULL, "the socket is not a TLS connection");
        return NULL;
    }
    return sock;
}

int wharf_tls_handshake(wharf_sock handle) {
    int rc = 0;
    struct sock *sock = find_secure(handle, &rc);
    return sock != NULL ? shake(sock) : rc;
}

int wharf_tls_get_certificate(wharf_sock handle, int i, wharf_tls_certificate *ret_certificate) {
    int rc = 0;
    const struct sock *sock = find_secure(handle, &rc);
    return sock != NULL ? facts_read_certificate(stream_session(&sock->stream), i, ret_certificate) : rc;
}

int wharf_tls_get_facts(wharf_sock handle, wharf_tls_facts *ret_facts) {
    int rc = 0;
    const struct sock *sock = find_secure(handle, &rc);
    return sock != NULL ? facts_read(stream_session(&sock->stream), ret_facts) : rc;
}
