/* Sockets between two hosts. Each connection carries a pattern of its own: whatever is lost, delayed, reset or torn down, bytes
 * that arrive are the next ones of that connection, and a timeout takes nothing away. */
#include "storm.h"

enum { CALLERS = 3, CALLS = 3, PIECE = 700, FAULTS = 6, HEALED_MS = 40000 };

#define ECHO_HOST "10.0.0.2:7"

/* ---- an echo that starts again when it dies ---- */

static int echo_one(void *arg) {
    wharf_sock sock = *(wharf_sock *)arg;
    char bytes[PIECE];
    ssize_t got = wharf_recv(sock, bytes, sizeof bytes);
    while (got > 0 && wharf_send(sock, bytes, (size_t)got) > 0) {
        got = wharf_recv(sock, bytes, sizeof bytes);
    }
    (void)wharf_close(sock);
    return 0;
}

static int echo_all(wharf_sock listener) {
    int rc = 0;
    WHARF_SCOPE (scope, NULL) {
        while (rc != -ECANCELED && rc != -EBADF) {
            wharf_sock sock = wharf_accept(listener);
            rc = wharf_error(sock);
            if (rc == 0 && wharf_go(scope, echo_one, sock) < 0) {
                (void)wharf_close(sock);
            }
        }
    }
    return rc;
}

static int echo(void *arg) {
    (void)arg;
    wharf_sock listener = wharf_serve_on(ECHO_HOST);
    while (wharf_failed(listener) && wharf_sleep(100) == 0) {
        listener = wharf_serve_on(ECHO_HOST);
    }
    int rc = wharf_failed(listener) ? 0 : echo_all(listener);
    (void)wharf_close(listener);
    return rc;
}

/* ---- callers ---- */

struct call {
    wharf_sock sock;
    uint64_t id, bytes;
    uint64_t sent, received;
};

/* Sends in pieces under deadlines that are often too short: what wharf_sent() says has gone out, and no more. */
static int call_send(void *arg) {
    struct call *call = *(struct call **)arg;
    char bytes[PIECE];
    while (call->sent < call->bytes) {
        size_t size = 1 + (size_t)dice(PIECE);
        size = size < call->bytes - call->sent ? size : (size_t)(call->bytes - call->sent);
        for (size_t i = 0; i < size; i++) {
            bytes[i] = byte_of(call->id, call->sent + i);
        }
        ssize_t rc = 0;
        WHARF_WITHIN (1 + (int64_t)dice(500)) {
            rc = wharf_send(call->sock, bytes, size);
        }
        int64_t out = wharf_sent(call->sock);
        WHARF_EXPECT(rc > 0 ? out == (int64_t)size : out >= -EBADF && out <= (int64_t)size);
        call->sent += out > 0 ? (uint64_t)out : 0;
        if (rc < 0 && rc != -ETIMEDOUT) {
            return 0;
        }
        if (wharf_check() < 0) {
            return 0;
        }
    }
    (void)wharf_shutdown_write(call->sock);
    return 0;
}

/* 1: some arrived; 0: the end; negative: an error that ends the connection. */
static int call_receive_some(struct call *call) {
    char bytes[PIECE];
    ssize_t got = 0;
    size_t wanted = 1 + (size_t)dice(PIECE);
    WHARF_WITHIN (1 + (int64_t)dice(500)) {
        got = dice(3) == 0 ? wharf_recv_exact(call->sock, bytes, wanted)
                           : wharf_recv(call->sock, bytes, wanted);
    }
    for (ssize_t i = 0; i < got; i++) {
        if (!WHARF_EXPECT(bytes[i] == byte_of(call->id, call->received + (uint64_t)i))) {
            return -EPROTO;
        }
    }
    call->received += got > 0 ? (uint64_t)got : 0;
    if (got == -ETIMEDOUT) {
        return wharf_check() < 0 ? -ETIMEDOUT : 1;
    }
    return got > 0 ? 1 : (int)got;
}

static int call_receive(struct call *call) {
    int rc = 1;
    while (rc > 0) {
        rc = call_receive_some(call);
    }
    /* An end in the middle of what was to be exact leaves the rest to be received. */
    while (rc == -WHARF_EEOF) {
        char byte;
        rc = wharf_recv(call->sock, &byte, 1) == 1 ? -WHARF_EEOF : 0;
        if (rc != 0) {
            WHARF_EXPECT(byte == byte_of(call->id, call->received));
            call->received++;
        }
    }
    WHARF_EXPECT(call->received <= call->bytes);
    return rc;
}

/* Whether all of it came back. */
static bool call_once(uint64_t id) {
    struct call call = {.sock = wharf_dial(ECHO_HOST), .id = id, .bytes = dice(8000)}, *at = &call;
    if (wharf_failed(call.sock)) {
        return false;
    }
    int result = -ECANCELED;
    WHARF_SCOPE (scope, NULL) {
        if (wharf_go(scope, call_send, at) == 0) {
            result = call_receive(at);
        }
        if (result != 0 || call.received < call.bytes) {
            (void)wharf_scope_cancel(scope);
        }
    }
    WHARF_EXPECT((dice(4) == 0 ? wharf_abort(call.sock) : wharf_close(call.sock)) == 0);
    return result == 0 && call.received == call.bytes;
}

static int caller(void *arg) {
    uint64_t id = *(uint64_t *)arg;
    for (int i = 0; i < CALLS; i++) {
        WHARF_WITHIN (8000) {
            (void)call_once(id + (uint64_t)i * CALLERS);
        }
        int rc = wharf_sleep((int64_t)dice(2000));
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static int net(void *arg) {
    (void)arg;
    int result = wharf_sim_start(WHARF_OPTIONS(wharf_sim_host, .name = "echo", .program = echo));
    if (result < 0) {
        return result;
    }
    (void)wharf_sim_set_link("local", "echo",
                             WHARF_OPTIONS(wharf_sim_link, .latency_ns = 1 + (int64_t)dice(30000000),
                                           .spread_ns = (int64_t)dice(5000000), .mtu = 1500,
                                           .bytes_per_second = 1000000));
    WHARF_SCOPE (scope, &result) {
        for (uint64_t id = 0; id < CALLERS; id++) {
            WHARF_EXPECT(wharf_go(scope, caller, id) == 0);
        }
    }
    int64_t left_ms = HEALED_MS - wharf_sim_elapsed_ns() / 1000000;
    if (left_ms > 0) {
        (void)wharf_sleep(left_ms);
    }
    /* Resets may still be in store for the streams to come, one for each fault at most. */
    bool ok = false;
    for (unsigned i = 0; i <= FAULTS && !ok; i++) {
        WHARF_WITHIN (30000) {
            ok = call_once(99);
        }
    }
    WHARF_EXPECT(ok);
    return result;
}

/* A program without memory at its very beginning does not begin: hosts do not die here. */
const struct storm net_memory_storm = {"net-memory",
                                       net,
                                       150,
                                       {.size = sizeof(wharf_sim_options),
                                        .piece_bytes_max = 900,
                                        .chaos = FAULTS,
                                        .chaos_kinds = MEMORY_KINDS}};

const struct storm net_storm = {
    "net",
    net,
    300,
    {.size = sizeof(wharf_sim_options), .piece_bytes_max = 900, .stream_bytes = 8192, .chaos = FAULTS}};
