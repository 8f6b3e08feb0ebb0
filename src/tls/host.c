/* Whether a request belongs on the connection that it came on. A client asks TLS for one host and HTTP for another when
 * it takes one connection for several hosts, by mistake or to get around the rules of one of them.
 *
 *      the request's host is                                   it is
 *      the one that TLS was asked for, and a certificate's     served
 *      another, where rules or settings depend on the name     HOST_OTHER
 *      one that no certificate of the settings is for          HOST_UNCOVERED, unless they have `any_host'
 *
 * Addresses and localhost need no certificate: there is no name that could have led astray. A certificate that names no
 * host says nothing about any. RFC 9110 sections 7.4 and 15.5.20. */
#include "base/text.h"
#include "net/address.h"
#include "tls/identity.h"
#include "tls/name.h"
#include "tls/session.h"
#include "tls/settings.h"
#include "tls/stream.h"

/* Of a Host field, which is valid: without port and brackets, and without the dot at the end. */
static wharf_str host_of_field(wharf_str field) {
    bool bracketed = field.len > 0 && field.ptr[0] == '[';
    ssize_t end = str_find_byte(field, bracketed ? ']' : ':');
    wharf_str host = str_slice(field, bracketed ? 1 : 0, end >= 0 ? (size_t)end : field.len);
    bool dot = host.len > 1 && host.ptr[host.len - 1] == '.';
    return str_slice(host, 0, dot ? host.len - 1 : host.len);
}

/* Whether what a client may do depends on the name that it has asked for: its certificate was verified for that name, or the
 * program has chosen the settings by it. */
static bool name_decides(const struct tls_session *session) {
    return session->chosen || session->tls->options.clients != WHARF_TLS_CLIENTS_ANY;
}

static bool is_covered(const struct tls_session *session, wharf_str host) {
    const struct generation *generation = session->generation;
    bool covered = session->tls->options.any_host || session->chosen || generation->identity_count == 0;
    for (size_t i = 0; i < generation->identity_count && !covered; i++) {
        const struct identity *identity = &generation->identities[i];
        covered = identity->name_count == 0 || identity_rank(identity, host) > 0;
    }
    return covered;
}

static enum host_verdict judge(const struct tls_session *session, wharf_str host) {
    char name[NAME_MAX_BYTES + 1];
    if (!name_normalise(host, name)) {
        return HOST_SERVED; /* no host: an HTTP/1.0 client */
    }
    bool asked = session->name != NULL;
    bool address = name_is_address(name);
    if (name_decides(session)) {
        /* Who asks by address asks for no name. */
        bool same = asked ? str_equal_nocase(host, wharf_str_of(session->name)) : address || !session->chosen;
        if (!same) {
            return HOST_OTHER;
        }
    }
    return address || address_is_localhost(host) || is_covered(session, host) ? HOST_SERVED : HOST_UNCOVERED;
}

enum host_verdict stream_judge_host(const struct stream *stream, wharf_str field) {
    struct tls_session *session = stream_session(stream);
    if (session == NULL) {
        return HOST_SERVED;
    }
    wharf_str host = host_of_field(field);
    bool usual = session->name != NULL && str_equal_nocase(host, wharf_str_of(session->name));
    if (!usual) {
        return judge(session, host);
    }
    if (!session->name_judged) {
        session->name_verdict = (uint8_t)judge(session, host);
        session->name_judged = true;
    }
    return (enum host_verdict)session->name_verdict;
}
