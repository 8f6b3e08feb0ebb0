/* HTTP against HTTP, on two hosts: a client that does everything at once, a server that closes, restarts, stalls and dies. What
 * is checked: an answer that arrives is the right one, whole; a request that was not safe was done at most once, and once when
 * it was answered; when the faults are over, all is well again; and nothing is left. */
#include "storm.h"

#include <signal.h>

#include "client/pool.h"

enum { CLIENTS = 4, ROUNDS = 6, IDS = CLIENTS * ROUNDS, HEALED_MS = 40000, FAULTS = 5, ADDRESS_SIZE = 64 };

#define SHOP "http://10.0.0.2"

static uint8_t done[IDS]; /* how often what must be done once was done */
static bool may_fail;     /* the server may answer 500, being out of memory */

static size_t size_of(uint64_t id) {
    return id % 5 == 0 ? 0 : (size_t)(id * id * 37 % 9000);
}

static uint64_t id_of(wharf_request *request) {
    wharf_str text = wharf_request_param(request, "id");
    uint64_t id = 0;
    for (size_t i = 0; i < text.len; i++) {
        id = id * 10 + (uint64_t)(text.ptr[i] - '0');
    }
    return id % IDS;
}

/* ---- the server ---- */

static int item(wharf_request *request, void *arg) {
    (void)arg;
    uint64_t id = id_of(request);
    char *body = wharf_request_alloc(request, size_of(id) + 1);
    for (size_t i = 0; body != NULL && i < size_of(id); i++) {
        body[i] = byte_of(id, i);
    }
    return body != NULL ? wharf_reply_bytes(request, 200, "text/plain", body, size_of(id)) : -ENOMEM;
}

static int stream(wharf_request *request, void *arg) {
    (void)arg;
    uint64_t id = id_of(request);
    int rc = wharf_reply_begin(request, 200, "text/plain", id % 2 == 0 ? (int64_t)size_of(id) : -1);
    for (size_t i = 0; i < size_of(id) && rc >= 0; i++) {
        char byte = byte_of(id, i);
        rc = wharf_reply_write(request, &byte, 1);
        if (rc >= 0 && i % 1000 == 999) {
            rc = wharf_reply_flush(request);
            rc = rc < 0 ? rc : wharf_sleep((int64_t)dice(20));
        }
    }
    return rc;
}

static int add(wharf_request *request, void *arg) {
    (void)arg;
    char bytes[700];
    uint64_t id = id_of(request), at = 0;
    ssize_t got = wharf_request_read(request, bytes, sizeof bytes);
    while (got > 0) {
        for (ssize_t i = 0; i < got; i++) {
            WHARF_EXPECT(bytes[i] == byte_of(id, at + (uint64_t)i));
        }
        at += (uint64_t)got;
        got = wharf_request_read(request, bytes, sizeof bytes);
    }
    if (got < 0) {
        return (int)got;
    }
    WHARF_EXPECT(at == size_of(id));
    done[id]++;
    WHARF_EXPECT(done[id] == 1);
    return wharf_reply_text(request, 200, "added");
}

static int away(wharf_request *request, void *arg) {
    (void)arg;
    char location[ADDRESS_SIZE];
    (void)snprintf(location, sizeof location, "/item/%d", (int)id_of(request));
    return wharf_reply_redirect(request, 302, location);
}

static int slow(wharf_request *request, void *arg) {
    (void)arg;
    int rc = wharf_sleep(2000);
    return rc < 0 ? rc : wharf_reply_text(request, 200, "late");
}

static int serve_once(void) {
    wharf_server *server = wharf_server_new(WHARF_OPTIONS(
        wharf_server_options, .limits = {.idle_ms = 150, .requests = 5, .stop_ms = 1000, .cancel_ms = 500}));
    if (server == NULL) {
        return -ENOMEM;
    }
    int rc = wharf_route(server, "GET /item/{id}", item, NULL);
    rc = rc < 0 ? rc : wharf_route(server, "GET /stream/{id}", stream, NULL);
    rc = rc < 0 ? rc : wharf_route(server, "POST /add/{id}", add, NULL);
    rc = rc < 0 ? rc : wharf_route(server, "GET /away/{id}", away, NULL);
    rc = rc < 0 ? rc : wharf_route(server, "GET /slow/{id}", slow, NULL);
    rc = rc < 0 ? rc : wharf_server_listen(server, ":80");
    rc = rc < 0 ? rc : wharf_server_run(server);
    wharf_server_free(server);
    return rc;
}

/* A supervisor of itself: it is stopped by a signal or fails to start, and begins again. */
static int shop(void *arg) {
    (void)arg;
    /* A signal between two servers is not the end. */
    wharf_chan signals = wharf_signal_open(WHARF_SIGNAL(SIGTERM));
    int rc = wharf_error(signals);
    while (rc >= 0) {
        (void)serve_once();
        rc = wharf_sleep(20);
    }
    (void)wharf_signal_close(signals);
    return 0;
}

/* ---- the client ---- */

struct visit {
    wharf_client *client;
    uint64_t id;
    int64_t total_ms;
};

static wharf_response *fetch(const struct visit *visit, const char *what, wharf_fetch_options *options) {
    char url[ADDRESS_SIZE];
    (void)snprintf(url, sizeof url, SHOP "/%s/%d", what, (int)visit->id);
    options->size = sizeof *options;
    options->url = url;
    options->limits.total_ms = visit->total_ms;
    return wharf_fetch(visit->client, options);
}

static bool is_answered(const wharf_response *response) {
    int status = wharf_response_status(response);
    if (wharf_response_error(response) < 0 || (may_fail && status == 500)) {
        return false;
    }
    WHARF_EXPECT(status == 200);
    return true;
}

/* What arrived is a part of what was asked for, and all of it where that is said. */
static void check_body(uint64_t id, const char *bytes, size_t len, bool whole) {
    WHARF_EXPECT(len <= size_of(id));
    WHARF_EXPECT(!whole || len == size_of(id));
    for (size_t i = 0; i < len; i++) {
        if (!WHARF_EXPECT(bytes[i] == byte_of(id, i))) {
            return;
        }
    }
}

static bool get_item(const struct visit *visit, const char *what) {
    wharf_fetch_options options = {0};
    wharf_response *response = fetch(visit, what, &options);
    bool ok = is_answered(response);
    wharf_str body = wharf_response_body(response);
    if (wharf_response_status(response) == 200) {
        check_body(visit->id, body.ptr, body.len, ok);
    }
    wharf_response_free(response);
    return ok;
}

static void head_item(const struct visit *visit) {
    wharf_fetch_options options = {.method = "HEAD"};
    wharf_response *response = fetch(visit, "item", &options);
    if (is_answered(response)) {
        WHARF_EXPECT(wharf_response_body(response).len == 0);
        WHARF_EXPECT(wharf_response_content_length(response) == (int64_t)size_of(visit->id));
    }
    wharf_response_free(response);
}

/* Reads until the end, or loses interest in the middle. */
static void read_stream(const struct visit *visit, bool to_the_end) {
    static char bytes[CLIENTS][10000];
    char *mine = bytes[visit->id % CLIENTS];
    wharf_fetch_options options = {.stream = true};
    wharf_response *response = fetch(visit, "stream", &options);
    size_t len = 0;
    ssize_t got = is_answered(response) ? 1 : -1;
    while (got > 0 && (to_the_end || len < 2000)) {
        got = wharf_response_read(response, mine + len, 1 + (size_t)dice(800));
        len += got > 0 ? (size_t)got : 0;
    }
    check_body(visit->id, mine, len, got == 0);
    wharf_response_free(response);
}

static void post(const struct visit *visit) {
    static char bodies[CLIENTS][10000];
    char *body = bodies[visit->id % CLIENTS];
    for (size_t i = 0; i < size_of(visit->id); i++) {
        body[i] = byte_of(visit->id, i);
    }
    wharf_fetch_options options = {.method = "POST", .body = body, .body_bytes = size_of(visit->id)};
    wharf_response *response = fetch(visit, "add", &options);
    if (is_answered(response)) {
        WHARF_EXPECT(done[visit->id] == 1);
    }
    wharf_response_free(response);
}

static void give_up(const struct visit *visit) {
    WHARF_WITHIN ((int64_t)dice(60)) {
        wharf_fetch_options options = {0};
        wharf_response *response = fetch(visit, "slow", &options);
        /* A host that stalls may find the late answer there before it looks at the clock. */
        WHARF_EXPECT(wharf_response_error(response) < 0 ||
                     wharf_str_is(wharf_response_body(response), "late"));
        wharf_response_free(response);
    }
}

static int visitor(void *arg) {
    struct visit visit = *(struct visit *)arg;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        visit.id = visit.id % CLIENTS + round * CLIENTS;
        switch (dice(7)) {
        case 0: (void)get_item(&visit, "item"); break;
        case 1: (void)get_item(&visit, "away"); break;
        case 2: head_item(&visit); break;
        case 3: read_stream(&visit, true); break;
        case 4: read_stream(&visit, false); break;
        case 5: post(&visit); break;
        default: give_up(&visit); break;
        }
        /* About as long as the server keeps an idle connection: the keep-alive race. */
        int rc = dice(2) == 0 ? wharf_sleep(140 + (int64_t)dice(20)) : wharf_sleep((int64_t)dice(3000));
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static int visit_all(wharf_client *client) {
    int result = 0;
    WHARF_SCOPE (scope, &result) {
        for (uint64_t i = 0; i < CLIENTS; i++) {
            struct visit visit = {client, i, 4000};
            WHARF_EXPECT(wharf_go(scope, visitor, visit) == 0);
        }
    }
    int64_t left_ms = HEALED_MS - wharf_sim_elapsed_ns() / 1000000;
    if (left_ms > 0) {
        (void)wharf_sleep(left_ms);
    }
    struct visit last = {client, 1, 20000};
    /* Resets may still be in store for the streams to come, one for each fault at most. */
    bool ok = false;
    for (unsigned i = 0; i <= FAULTS && !ok; i++) {
        ok = get_item(&last, "item");
    }
    WHARF_EXPECT(ok);
    WHARF_EXPECT(client_pool_count(client).waiting == 0);
    WHARF_EXPECT(client_pool_count(client).open == client_pool_count(client).idle);
    return result;
}

static int run_http(void) {
    memset(done, 0, sizeof done);
    int rc = wharf_sim_start(WHARF_OPTIONS(wharf_sim_host, .name = "shop", .program = shop));
    wharf_client *client =
        rc == 0 ? wharf_client_new(WHARF_OPTIONS(wharf_client_options, .limits = {.per_origin = 3})) : NULL;
    if (client == NULL) {
        return -ENOMEM;
    }
    (void)wharf_sleep(1);
    rc = visit_all(client);
    wharf_client_free(client);
    return rc;
}

static int http(void *arg) {
    (void)arg;
    may_fail = false;
    return run_http();
}

static int http_short_of_memory(void *arg) {
    (void)arg;
    may_fail = true;
    return run_http();
}

const struct storm http_storm = {
    "http", http, 300, {.size = sizeof(wharf_sim_options), .piece_bytes_max = 1500, .chaos = FAULTS}};

/* Graceful stops in the middle of everything, many of them, and nothing else. */
const struct storm stop_storm = {"stop",
                                 http,
                                 200,
                                 {.size = sizeof(wharf_sim_options),
                                  .piece_bytes_max = 3000,
                                  .chaos = 20,
                                  .chaos_kinds = 1U << WHARF_SIM_SIGNAL}};

/* A program without memory at its very beginning does not begin: hosts do not die here. */
const struct storm http_memory_storm = {
    "http-memory",
    http_short_of_memory,
    150,
    {.size = sizeof(wharf_sim_options), .piece_bytes_max = 1500, .chaos = 5, .chaos_kinds = MEMORY_KINDS}};
