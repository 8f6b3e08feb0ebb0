/* TLS as a stream: the type that takes a socket's place in a struct stream. */
#ifndef TLS_STREAM_H
#define TLS_STREAM_H

#include <stdbool.h>

#include "net/stream.h"
#include "tls/session.h"
#include "wharf/tls.h"

/* Puts TLS over a connected socket's stream, which stays as it is on failure. The handshake is made by the first receive
 * or send, or by stream_handshake(). peer: NULL for the server's side. 0, -ENOMEM or -EINVAL (recorded). Does not suspend. */
int stream_secure(struct stream *stream, wharf_tls *tls, const struct session_peer *peer);
/* Names the one protocol of a server whose settings name none, before the handshake: ALPN's name behind its length
 * ("\x08http/1.1"), which must last. Clients that offer others only are refused; who offers none is not. */
void stream_speaks(struct stream *stream, const char *protocol);
/* 0 for a stream without TLS, too. Suspends. Errors: recorded. */
int stream_handshake(struct stream *stream);
/* The stable code of why the handshake failed; static. */
const char *stream_handshake_reason(const struct stream *stream);
/* Whether anything has come from the other side at all. */
bool stream_has_heard(const struct stream *stream);
bool stream_is_secure(const struct stream *stream);
/* Whether a request with this Host field belongs on a server's connection. Always so without TLS. */
enum host_verdict { HOST_SERVED, HOST_OTHER, HOST_UNCOVERED };
enum host_verdict stream_judge_host(const struct stream *stream, wharf_str field);
/* Whether the other side has spoken HTTP instead of TLS: then nothing of TLS was sent, and the socket can answer. */
bool stream_met_http(const struct stream *stream);
/* Takes TLS off a stream whose handshake has failed. */
void stream_unsecure(struct stream *stream);
/* The session, or NULL. */
struct tls_session *stream_session(const struct stream *stream);

#endif
