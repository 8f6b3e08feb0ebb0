/* Connecting: the name is looked up, and its addresses race (race.h). The error of a dial that failed everywhere is that of the
 * last address, and its sentence lists what each of them said. */
#include "dial/dial.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "base/failure.h"
#include "base/text.h"
#include "dial/race.h"
#include "net/datagram.h"
#include "net/inherited.h"
#include "net/names/resolve.h"
#include "net/socket.h"
#include "sched/engine.h"
#include "sched/sched.h"
#include "tls/name.h"
#include "tls/settings.h"
#include "tls/stream.h"
#include "wharf/net.h"
#include "wharf/task.h"

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

/* The failure with the last address; where there were several, or it took its time, with what each of them said. */
static int dial_failed(const struct address_text *to, int code, const struct race_report *report) {
    char subject[WHARF_ADDRESS_SIZE];
    address_text_describe(to, subject, sizeof(subject));
    (void)address_fail(code, "connect", subject, &report->peer);
    if (report->tried.count > 1) {
        char *detail = failure_current()->detail;
        size_t len = str_copy_to(detail, FAILURE_DETAIL_SIZE, STR("tried "));
        (void)str_copy_to(detail + len, FAILURE_DETAIL_SIZE - len, wharf_str_of(report->tried.text));
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

/* Several addresses race; one alone needs none. */
static int dial_found(struct names_search *search, struct stream *stream, struct race_report *report) {
    const struct address *first = &search->found[0].address;
    if (search->count == 1 && search->pending == 0) {
        report->peer = *first;
        return networks_allow(report->networks, &first->any) ? dial_address(first, stream) : -WHARF_EDENIED;
    }
    struct io *io = NULL;
    int rc = race_connect(search, &io, report);
    if (rc == 0) {
        stream_init_socket(stream, io);
    }
    return rc;
}

int dial_stream(const struct address_text *to, const struct networks *networks, struct stream *stream,
                struct dial_report *ret_report) {
    struct names_search search;
    struct race_report report = {.networks = networks, .peer = {.len = 0}};
    struct address_text text = reachable(to);
    if (sched_current() == NULL) {
        return failure_current()->code;
    }
    int64_t begin = sched_clock();
    int rc = names_begin(&search, &text, AF_UNSPEC);
    int64_t resolved = sched_clock();
    if (ret_report != NULL) {
        *ret_report = (struct dial_report){.resolve_ns = resolved - begin};
    }
    if (rc < 0) {
        return rc;
    }
    rc = dial_found(&search, stream, &report);
    int64_t connected = sched_clock();
    names_end(&search);
    if (ret_report != NULL) {
        ret_report->peer = report.peer;
        ret_report->connect_ns = connected - resolved;
    }
    return rc < 0 ? dial_failed(to, rc, &report) : 0;
}

int dial_secure(struct stream *stream, const struct address_text *to, wharf_tls *tls,
                struct dial_report *report) {
    char text[WHARF_ADDRESS_SIZE + NAME_MAX_BYTES];
    int64_t begin = sched_clock();
    (void)address_text_describe(to, text, sizeof(text));
    wharf_str host = to->kind == ADDRESS_UNIX || to->host.len == 0 ? STR("localhost") : address_host(to);
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
    rc = rc == 0 ? dial_stream(&text, NULL, &stream, &report) : rc;
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
