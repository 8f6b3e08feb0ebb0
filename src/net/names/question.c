/* See question.h. RFC 1035 section 4.2, RFC 7766 (TCP), RFC 5452 (against forgery). */
#include "net/names/question.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>

#include "base/memory.h"
#include "base/text.h"
#include "net/names/cache.h"
#include "sched/datagram.h"
#include "sched/engine.h"
#include "sched/io.h"
#include "sched/sched.h"

static const int64_t NS_PER_MS = 1000000;

enum { RESEND_MS = 1000, NEGATIVE_SECONDS_MAX = 5, RECEIVE_SIZE = 4096 };

/* What trying one server came to, beside 0 and errors that end the whole question. */
enum { ASK_NEXT = 1, ASK_BY_TCP = 2, ASK_PLAINLY = 3 };

/* One server's turn. */
struct turn {
    struct question *question;
    const struct address *server;
    struct dns_query query;
    int64_t timeout_ms;
    bool edns;
};

void question_deinit(struct question *question) {
    mem_free((void *)(uintptr_t)question->message.bytes);
    question->message = (struct dns_message){NULL, 0};
}

/* ---- what a server says ---- */

static int say(struct turn *turn, enum question_outcome outcome, const char *words) {
    char server[WHARF_ADDRESS_SIZE];
    address_format(&turn->server->any, turn->server->len, server);
    turn->question->outcome = outcome;
    failure_list_add(&turn->question->said, "%s %s", server, words);
    return ASK_NEXT;
}

static int say_timeout(struct turn *turn) {
    char words[48];
    (void)snprintf(words, sizeof(words), "no answer in %g s", (double)turn->timeout_ms / 1000);
    return say(turn, QUESTION_TIMEOUT, words);
}

/* The network's error: another server may be reached. Those of this process end everything. */
static int say_error(struct turn *turn, int code) {
    if (code == -ECANCELED || code == -ENOMEM || code == -EMFILE || code == -ENFILE || wharf_check() < 0) {
        return code;
    }
    if (code == -ETIMEDOUT) {
        return say_timeout(turn);
    }
    bool broke_off = code == -ECONNRESET || code == -EPIPE || code == -WHARF_EEOF;
    return say(turn, broke_off ? QUESTION_MALFORMED : QUESTION_UNREACHABLE, wharf_strerror(code));
}

/* A server that neither answers for the name nor looks it up: RFC 8499's lame delegation. */
static bool is_lame(struct dns_message message) {
    bool has_answer = message.bytes[6] != 0 || message.bytes[7] != 0;
    bool is_authority = (message.bytes[2] & 0x04U) != 0;
    bool is_recursive = (message.bytes[3] & 0x80U) != 0;
    return dns_rcode(message) == DNS_NOERROR && !has_answer && !is_authority && !is_recursive;
}

/* A complete answer: kept, or the reason to go on. */
static int judge(struct turn *turn, struct dns_message message) {
    struct question *question = turn->question;
    question->rcode = dns_rcode(message);
    if (turn->edns && (question->rcode == DNS_FORMERR || question->rcode == DNS_NOTIMP)) {
        return ASK_PLAINLY; /* a server from before EDNS: RFC 6891 section 7 */
    }
    if (question->rcode != DNS_NOERROR && question->rcode != DNS_NXDOMAIN) {
        return say(turn, QUESTION_REFUSED, dns_rcode_name(question->rcode));
    }
    if (is_lame(message)) {
        question->rcode = DNS_REFUSED;
        return say(turn, QUESTION_REFUSED, "does not look names up for others");
    }
    unsigned char *copy = mem_alloc(message.len);
    if (copy == NULL) {
        return -ENOMEM;
    }
    memcpy(copy, message.bytes, message.len);
    dns_settle_case(&turn->query, copy, message.len);
    question->message = (struct dns_message){copy, message.len};
    question->outcome = QUESTION_ANSWERED;
    return 0;
}

/* ---- by UDP ---- */

static int turn_open(const struct turn *turn, int type, struct io **ret_io) {
    const struct engine *engine = sched_engine();
    struct sched *sched = sched_current();
    int fd = engine->socket(sched, turn->server->any.sa_family, type);
    if (fd < 0) {
        return fd;
    }
    int rc = io_open(fd, 0, ret_io);
    if (rc < 0) {
        engine->close(sched, fd, false);
        return rc;
    }
    if (type == SOCK_DGRAM) {
        io_is_datagrams(*ret_io);
    } else {
        io_is_tcp(*ret_io);
        (void)engine->set_option(sched, fd, IPPROTO_TCP, TCP_NODELAY, 1);
    }
    rc = io_connect(*ret_io, &turn->server->any, turn->server->len);
    if (rc < 0) {
        io_close(*ret_io, true);
    }
    return rc;
}

/* Receives until something is the answer. Suspends; ends with the scope's deadline. */
static int receive_answer(struct turn *turn, struct io *io) {
    unsigned char bytes[RECEIVE_SIZE];
    for (;;) {
        struct iovec piece = {bytes, sizeof(bytes)};
        struct datagram datagram = {.pieces = &piece, .piece_count = 1};
        int rc = io_recv_datagrams(io, &datagram, 1);
        if (rc < 0) {
            return rc;
        }
        struct dns_message message = {bytes, datagram.size};
        enum dns_match match = dns_match(&turn->query, message);
        if (match == DNS_IS_STRANGE) {
            continue;
        }
        bool cut = datagram.whole > datagram.size || dns_is_truncated(message);
        return cut || match == DNS_IS_CASE_CHANGED ? ASK_BY_TCP : judge(turn, message);
    }
}

/* Sends, and waits for at most `ms`. */
static int send_and_wait(struct turn *turn, struct io *io, int64_t ms) {
    struct iovec piece = {turn->query.bytes, turn->query.len};
    struct datagram datagram = {.pieces = &piece, .piece_count = 1};
    wharf_scope scope;
    (void)wharf_scope_open_within(&scope, ms);
    int rc = io_send_datagrams(io, &datagram, 1);
    rc = rc < 0 ? rc : receive_answer(turn, io);
    (void)wharf_scope_close(&scope);
    return rc;
}

static int ask_by_udp(struct turn *turn) {
    struct io *io = NULL;
    int rc = turn_open(turn, SOCK_DGRAM, &io);
    if (rc < 0) {
        return say_error(turn, rc);
    }
    int64_t left = turn->timeout_ms;
    int64_t wait = RESEND_MS;
    rc = -ETIMEDOUT;
    while (rc == -ETIMEDOUT && left > 0 && wharf_check() == 0) {
        int64_t now = wait < left ? wait : left;
        rc = send_and_wait(turn, io, now);
        left -= now;
        wait *= 2;
    }
    io_close(io, false);
    return rc < 0 ? say_error(turn, rc) : rc;
}

/* ---- by TCP ---- */

static int send_whole(struct io *io, const struct dns_query *query) {
    unsigned char prefixed[2 + DNS_QUERY_SIZE];
    size_t sent = 0;
    size_t len = query->len + 2;
    prefixed[0] = (unsigned char)(query->len >> 8);
    prefixed[1] = (unsigned char)query->len;
    memcpy(prefixed + 2, query->bytes, query->len);
    while (sent < len) {
        struct iovec piece = {prefixed + sent, len - sent};
        ssize_t n = io_send(io, &piece, 1, false);
        if (n < 0) {
            return (int)n;
        }
        sent += (size_t)n;
    }
    return 0;
}

static int receive_whole(struct io *io, unsigned char *out, size_t size) {
    size_t len = 0;
    while (len < size) {
        ssize_t n = io_recv(io, out + len, size - len);
        if (n <= 0) {
            return n < 0 ? (int)n : -WHARF_EEOF;
        }
        len += (size_t)n;
    }
    return 0;
}

static int receive_message(struct turn *turn, struct io *io) {
    unsigned char prefix[2];
    int rc = receive_whole(io, prefix, sizeof(prefix));
    if (rc < 0) {
        return rc;
    }
    size_t len = (size_t)prefix[0] << 8 | prefix[1];
    unsigned char *bytes = mem_alloc(len);
    if (bytes == NULL) {
        return -ENOMEM;
    }
    rc = receive_whole(io, bytes, len);
    struct dns_message message = {bytes, len};
    if (rc == 0 && dns_match(&turn->query, message) == DNS_IS_STRANGE) {
        rc = say(turn, QUESTION_MALFORMED, "gave an answer to another question");
    } else if (rc == 0) {
        rc = judge(turn, message);
    }
    mem_free(bytes);
    return rc;
}

static int ask_by_tcp(struct turn *turn) {
    struct io *io = NULL;
    wharf_scope scope;
    (void)wharf_scope_open_within(&scope, turn->timeout_ms);
    int rc = turn_open(turn, SOCK_STREAM, &io);
    bool opened = rc == 0;
    rc = rc < 0 ? rc : send_whole(io, &turn->query);
    rc = rc < 0 ? rc : receive_message(turn, io);
    if (opened) {
        io_close(io, false);
    }
    (void)wharf_scope_close(&scope);
    return rc < 0 ? say_error(turn, rc) : rc;
}

/* ---- the servers in turn ---- */

static int make_query(struct turn *turn) {
    uint64_t dice[5];
    for (size_t i = 0; i < sizeof(dice) / sizeof(dice[0]); i++) {
        dice[i] = sched_random();
    }
    return dns_query_make(turn->question->name, turn->question->type, dice, turn->edns, &turn->query);
}

static int ask_server(struct question *question, const struct address *server) {
    const struct names_settings *settings = question->settings;
    struct turn turn = {.question = question, .server = server, .edns = !settings->conf.plain};
    turn.timeout_ms = settings->options.timeout_ms > 0 ? settings->options.timeout_ms
                                                       : settings->conf.timeout_s * INT64_C(1000);
    question->server = *server;
    int rc = ASK_PLAINLY;
    for (int i = 0; i < 2 && rc == ASK_PLAINLY; i++) {
        turn.edns = turn.edns && i == 0;
        rc = make_query(&turn);
        if (rc == 0) {
            rc = settings->conf.use_tcp ? ASK_BY_TCP : ask_by_udp(&turn);
        }
        if (rc == ASK_BY_TCP) {
            rc = ask_by_tcp(&turn);
        }
    }
    return rc;
}

static int ask_servers(struct question *question) {
    const struct resolv_conf *conf = &question->settings->conf;
    unsigned count = (unsigned)conf->server_count;
    unsigned first = conf->rotate ? names_state_turn() : 0;
    for (int round = 0; round < conf->attempts; round++) {
        for (unsigned i = 0; i < count; i++) {
            int rc = ask_server(question, &conf->servers[(first + i) % count]);
            if (rc <= 0) {
                return rc;
            }
        }
    }
    return -WHARF_ENAMESERVER;
}

static int64_t lifetime_ns(const struct question *question) {
    struct dns_message message = question->message;
    uint32_t seconds = dns_ttl(message);
    bool has_answer = message.bytes[6] != 0 || message.bytes[7] != 0;
    bool is_negative = question->rcode != DNS_NOERROR || !has_answer;
    if (is_negative && seconds > NEGATIVE_SECONDS_MAX) {
        seconds = NEGATIVE_SECONDS_MAX; /* who is waiting for a name to appear should not wait for long */
    }
    return seconds * INT64_C(1000) * NS_PER_MS;
}

static void keep(struct question *question, struct names_cache *cache) {
    struct cache_item item = {
        .name = question->name,
        .type = question->type,
        .message = question->message,
        .server = &question->server,
        .now = sched_now(),
        .lifetime_ns = lifetime_ns(question),
    };
    names_cache_put(cache, &item, question->settings->options.cache_entries);
}

/* 1: the cache had it. */
static int take_cached(struct question *question, struct names_cache *cache) {
    const struct cache_entry *entry = names_cache_find(cache, question->name, question->type, sched_now());
    if (entry == NULL) {
        return 0;
    }
    unsigned char *copy = mem_alloc(entry->len);
    if (copy == NULL) {
        return -ENOMEM;
    }
    memcpy(copy, entry->bytes, entry->len);
    question->message = (struct dns_message){copy, entry->len};
    question->server = entry->server;
    question->outcome = QUESTION_ANSWERED;
    question->rcode = dns_rcode(question->message);
    question->cached = true;
    question->age_ns = sched_now() - entry->stored_at;
    return 1;
}

static int run_cached(struct question *question, struct names_cache *cache) {
    struct cache_flight flight = {.name = question->name, .type = question->type};
    int rc = take_cached(question, cache);
    if (rc != 0) {
        return rc < 0 ? rc : 0;
    }
    int waited = names_flight_begin(cache, &flight);
    if (waited < 0) {
        return waited;
    }
    if (waited > 0) {
        /* When the other task found nothing to keep, this one asks by itself. */
        rc = take_cached(question, cache);
        return rc < 0 ? rc : rc > 0 ? 0 : ask_servers(question);
    }
    rc = ask_servers(question);
    if (rc == 0) {
        keep(question, cache);
    }
    names_flight_end(cache, &flight);
    return rc;
}

int question_run(struct question *question) {
    int64_t began = sched_clock();
    bool wants_cache = question->settings->options.cache_entries > 0;
    struct names_cache *cache = wants_cache ? names_state_cache() : NULL;
    int rc = cache != NULL ? run_cached(question, cache) : ask_servers(question);
    question->elapsed_ns = question->cached ? 0 : sched_clock() - began;
    return rc;
}

const char *question_status(const struct question *question, bool has_data) {
    switch (question->outcome) {
    case QUESTION_NONE: return "";
    case QUESTION_TIMEOUT: return "TIMEOUT";
    case QUESTION_UNREACHABLE: return "UNREACHABLE";
    case QUESTION_MALFORMED: return "MALFORMED";
    case QUESTION_REFUSED:
        return question->rcode <= DNS_REFUSED ? dns_rcode_name(question->rcode) : "SERVFAIL";
    case QUESTION_ANSWERED: break;
    }
    return question->rcode == DNS_NXDOMAIN ? "NXDOMAIN" : has_data ? "NOERROR" : "NODATA";
}
