/* Connecting. The addresses of a name are tried one after another in the order the system prefers; the error of a
 * dial that failed everywhere is the last one, and its sentence lists what each address said. */
#include "dial/dial.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>

#include "base/failure.h"
#include "base/text.h"
#include "net/datagram.h"
#include "net/inherited.h"
#include "net/names.h"
#include "net/socket.h"
#include "sched/engine.h"
#include "sched/sched.h"
#include "tls/name.h"
#include "tls/settings.h"
#include "tls/stream.h"
#include "wharf/net.h"
#include "wharf/task.h"

/* What was tried, for the sentence: "tried [::1]:1 ECONNREFUSED, 127.0.0.1:1 ECONNREFUSED". */
struct attempts {
    char text[FAILURE_DETAIL_SIZE];
    size_t len;
    int count;
};

static void attempts_add(struct attempts *attempts, const struct address *address, int code) {
    char place[WHARF_ADDRESS_SIZE];
    address_format(&address->any, address->len, place);
    size_t room = sizeof(attempts->text) - attempts->len;
    int len = snprintf(attempts->text + attempts->len, room, "%s%s %s", attempts->count > 0 ? ", " : "tried ",
                       place, wharf_error_name(code));
    if (len > 0) {
        attempts->len = (size_t)len < room ? attempts->len + (size_t)len : sizeof(attempts->text) - 1;
    }
    attempts->count++;
}

/* One address. Nothing is left open on failure. */
static int dial_address(const struct address *address, struct stream *stream) {
    const struct engine *engine = sched_engine();
    struct sched *sched = sched_current();
    int fd = engine->socket(sched, address->any.sa_family, SOCK_STREAM);
    if (fd < 0) {
        return fd;
    }
    if (address->any.sa_family != AF_UNIX) {
        (void)engine->set_option(sched, fd, IPPROTO_TCP, TCP_NODELAY, 1);
    }
    struct io *io = NULL;
    int rc = io_open(fd, 0, &io);
    if (rc < 0) {
        engine->close(sched, fd, false);
        return rc;
    }
    if (address->any.sa_family != AF_UNIX) {
        io_is_tcp(io);
    }
    rc = io_connect(io, &address->any, address->len);
    if (rc < 0) {
        io_close(io, true);
        return rc;
    }
    stream_init_socket(stream, io);
    return 0;
}

/* Errors after which another address would not help. */
static bool is_final(int code) {
    return code == -ECANCELED || code == -ENOMEM || code == -EMFILE || code == -ENFILE || wharf_check() < 0;
}

static int dial_failed(const struct address_text *to, const struct address *last, int code,
                       const struct attempts *attempts) {
    char subject[WHARF_ADDRESS_SIZE];
    address_text_format(to, subject, sizeof(subject));
    (void)address_fail(code, "connect", subject, last);
    if (attempts->count > 1) {
        str_copy_to(failure_current()->detail, FAILURE_DETAIL_SIZE, wharf_str_of(attempts->text));
    }
    return code;
}

/* An empty host is every interface to a listener; to a caller it is this machine. */
static struct address_text reachable(const struct address_text *to) {
    struct address_text text = *to;
    if (text.kind == ADDRESS_TCP && text.host.len == 0) {
        text.host = STR("localhost");
    }
    return text;
}

int dial_stream(const struct address_text *to, struct stream *stream, struct dial_report *ret_report) {
    struct address addresses[NAMES_ADDRESSES_MAX];
    struct address_text text = reachable(to);
    struct dial_report report = {.resolve_ns = 0};
    if (sched_current() == NULL) {
        return failure_current()->code;
    }
    int64_t begin = sched_clock();
    int count = names_resolve(&text, AF_UNSPEC, addresses, NAMES_ADDRESSES_MAX);
    if (count < 0) {
        return count;
    }
    int64_t resolved = sched_clock();
    report.resolve_ns = resolved - begin;
    struct attempts attempts = {.count = 0};
    int rc = -WHARF_ENAME;
    for (int i = 0; i < count && rc != 0; i++) {
        report.peer = addresses[i];
        rc = dial_address(&addresses[i], stream);
        if (rc < 0) {
            attempts_add(&attempts, &addresses[i], rc);
        }
        if (rc < 0 && is_final(rc)) {
            break;
        }
    }
    report.connect_ns = sched_clock() - resolved;
    if (ret_report != NULL) {
        *ret_report = report;
    }
    return rc < 0 ? dial_failed(to, &report.peer, rc, &attempts) : 0;
}

int dial_secure(struct stream *stream, const struct address_text *to, wharf_tls *tls,
                struct dial_report *report) {
    char text[WHARF_ADDRESS_SIZE + NAME_MAX_BYTES];
    int64_t begin = sched_clock();
    (void)address_text_format(to, text, sizeof(text));
    wharf_str host = to->kind == ADDRESS_UNIX || to->host.len == 0 ? STR("localhost") : to->host;
    const struct session_peer peer = {.host = host, .text = text};
    tls = tls != NULL ? tls : tls_default();
    int rc = tls != NULL ? stream_secure(stream, tls, &peer) : failure_current()->code;
    if (rc == 0) {
        rc = stream_handshake(stream);
        failure_set_address(&report->peer.any, report->peer.len);
    }
    report->tls_ns = sched_clock() - begin;
    if (rc < 0) {
        stream_abort(stream);
    }
    return rc;
}

static wharf_sock dial_text(const char *address, bool secure, wharf_tls *tls) {
    struct address_text text;
    struct stream stream;
    struct dial_report report;
    int rc = address_parse_or_fail(address, "connect", &text);
    if (rc == 0 && inherited_is_named(&text)) {
        return sock_inherit(&text, "connect");
    }
    if (rc == 0 && address_socket_type(&text) != SOCK_STREAM) {
        return datagram_dial(&text);
    }
    rc = rc == 0 ? dial_stream(&text, &stream, &report) : rc;
    rc = rc == 0 && secure ? dial_secure(&stream, &text, tls, &report) : rc;
    return rc < 0 ? sock_failed(rc) : sock_of_stream(&stream, &report.peer);
}

static const char TLS_SCHEME[] = "tls://";

static bool has_tls_scheme(const char *address) {
    return str_starts_nocase(wharf_str_of(address), STR("tls://"));
}

wharf_sock wharf_dial(const char *address) {
    bool secure = has_tls_scheme(address);
    return dial_text(secure ? address + strlen(TLS_SCHEME) : address, secure, NULL);
}

wharf_sock wharf_dial_tls(const char *address, wharf_tls *tls) {
    return dial_text(has_tls_scheme(address) ? address + strlen(TLS_SCHEME) : address, true, tls);
}
