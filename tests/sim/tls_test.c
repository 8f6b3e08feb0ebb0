/* TLS connections on the simulated network: they are streams like any other, in order and in any order of tasks, whatever
 * pieces the bytes come in, and whatever is cancelled, times out or fails on the way. */
#include "scenario.h"

#include <errno.h>

#include "mint.h"
#include "wharf/tls.h"

enum { BULK = 200000 };

static struct minted root;
static struct minted leaf;
static wharf_tls *server_tls;
static wharf_tls *client_tls;
static unsigned char bulk[BULK];
static unsigned char got[BULK];

static wharf_tls *new_server(const struct minted *identity) {
    const wharf_tls_pair pairs[] = {{identity->chain, identity->key_pem}, {0}};
    return wharf_tls_new(WHARF_OPTIONS(wharf_tls_options, .certificates = pairs));
}

static wharf_tls *new_client(const struct minted *authority) {
    return wharf_tls_new(WHARF_OPTIONS(wharf_tls_options, .ca = authority->pem));
}

static int set_up(void **state) {
    (void)state;
    root = mint_root("Test Root");
    leaf = mint(&(const struct mint_plan){.common_name = "leaf", .names = "DNS:localhost,IP:127.0.0.1"},
                &root);
    for (size_t i = 0; i < BULK; i++) {
        bulk[i] = (unsigned char)(i * 7 + i / 251);
    }
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    mint_free(&root);
    mint_free(&leaf);
    return 0;
}

/* ---- whole programs ---- */

struct pair {
    wharf_sock near, far;
};

static struct pair tls_pair(void) {
    char address[WHARF_ADDRESS_SIZE] = "";
    wharf_sock listener = wharf_serve_on_tls("127.0.0.1:0", server_tls);
    EXPECT(wharf_local_address(listener, address, sizeof(address)) > 0);
    struct pair pair = {.near = wharf_dial(address)};
    pair.far = wharf_accept(listener);
    EXPECT(!wharf_failed(pair.near) && !wharf_failed(pair.far));
    EXPECT(wharf_close(listener) == 0);
    return pair;
}

static int shake_near(void *arg) {
    wharf_sock sock = *(wharf_sock *)arg;
    EXPECT(wharf_tls_client(sock, "localhost", client_tls) == 0);
    return 0;
}

/* Both ends, hands shaken. */
static struct pair shaken_pair(void) {
    struct pair pair = tls_pair();
    WHARF_SCOPE (scope, NULL) {
        EXPECT(wharf_go(scope, shake_near, pair.near) == 0);
        EXPECT(wharf_tls_handshake(pair.far) == 0);
    }
    return pair;
}

static void end_pair(struct pair pair) {
    (void)wharf_close(pair.near);
    (void)wharf_close(pair.far);
}

static int begin(void) {
    server_tls = new_server(&leaf);
    client_tls = new_client(&root);
    EXPECT(server_tls != NULL && client_tls != NULL);
    return server_tls != NULL && client_tls != NULL ? 0 : -ENOMEM;
}

static void finish(void) {
    wharf_tls_free(server_tls);
    wharf_tls_free(client_tls);
}

static int send_bulk(void *arg) {
    wharf_sock sock = *(wharf_sock *)arg;
    EXPECT(wharf_send(sock, bulk, BULK) == BULK);
    EXPECT(wharf_sent(sock) == BULK);
    return 0;
}

static int receive_bulk(void *arg) {
    wharf_sock sock = *(wharf_sock *)arg;
    unsigned char *mine = malloc(BULK);
    EXPECT(wharf_recv_exact(sock, mine, BULK) == BULK);
    EXPECT(memcmp(mine, bulk, BULK) == 0);
    free(mine);
    return 0;
}

static int both_ways_at_once(void *arg) {
    (void)arg;
    EXPECT(begin() == 0);
    struct pair pair = tls_pair();
    WHARF_SCOPE (scope, NULL) {
        EXPECT(wharf_go(scope, send_bulk, pair.far) == 0); /* the handshake is theirs to share */
        EXPECT(wharf_go(scope, receive_bulk, pair.far) == 0);
        EXPECT(wharf_tls_client(pair.near, "localhost", client_tls) == 0);
        EXPECT(wharf_go(scope, send_bulk, pair.near) == 0);
        EXPECT(wharf_go(scope, receive_bulk, pair.near) == 0);
    }
    end_pair(pair);
    finish();
    return 0;
}

static int a_half_closed_peer_gets_its_answer(void *arg) {
    (void)arg;
    EXPECT(begin() == 0);
    struct pair pair = shaken_pair();
    char buffer[16];
    EXPECT(wharf_send(pair.near, "request", 7) == 7);
    EXPECT(wharf_shutdown_write(pair.near) == 0);
    EXPECT(wharf_send(pair.near, "x", 1) == -EPIPE);
    EXPECT(wharf_recv_exact(pair.far, buffer, 7) == 7);
    EXPECT(wharf_recv(pair.far, buffer, sizeof(buffer)) == 0);
    EXPECT(wharf_recv(pair.far, buffer, sizeof(buffer)) == 0);
    EXPECT(wharf_send(pair.far, "answer", 6) == 6);
    EXPECT(wharf_close(pair.far) == 0);
    EXPECT(wharf_recv_exact(pair.near, buffer, 6) == 6);
    EXPECT(wharf_recv(pair.near, buffer, sizeof(buffer)) == 0);
    EXPECT(wharf_close(pair.near) == 0);
    finish();
    return 0;
}

static int a_time_out_damages_nothing(void *arg) {
    (void)arg;
    EXPECT(begin() == 0);
    struct pair pair = shaken_pair();
    char buffer[16];
    EXPECT(wharf_send(pair.near, "abc", 3) == 3);
    WHARF_WITHIN (20) {
        EXPECT(wharf_recv_exact(pair.far, buffer, 6) == -ETIMEDOUT);
    }
    EXPECT(wharf_send(pair.near, "def", 3) == 3);
    EXPECT(wharf_recv_exact(pair.far, buffer, 6) == 6 && memcmp(buffer, "abcdef", 6) == 0);
    end_pair(pair);
    finish();
    return 0;
}

/* A send that times out has sent what it says, and no byte is lost or doubled. */
static int a_send_that_timed_out_says_how_far_it_got(void *arg) {
    (void)arg;
    EXPECT(begin() == 0);
    struct pair pair = shaken_pair();
    ssize_t sent = 0;
    int64_t total = 0;
    WHARF_WITHIN (50) {
        while (sent >= 0) {
            sent = wharf_send(pair.near, bulk, BULK);
            total += wharf_sent(pair.near);
        }
    }
    EXPECT(sent == -ETIMEDOUT);
    EXPECT(wharf_close(pair.near) == 0); /* what the socket has not taken follows by itself */
    int64_t received = 0;
    ssize_t len = 1;
    while (len > 0) {
        len = wharf_recv(pair.far, got, BULK);
        for (ssize_t i = 0; i < len; i++) {
            EXPECT(got[i] == bulk[(received + i) % BULK]);
        }
        received += len > 0 ? len : 0;
    }
    EXPECT(len == 0 && received == total);
    EXPECT(wharf_close(pair.far) == 0);
    finish();
    return 0;
}

static int close_soon(void *arg) {
    wharf_sock sock = *(wharf_sock *)arg;
    (void)wharf_sleep(5);
    EXPECT(wharf_close(sock) == 0);
    return 0;
}

static int closing_wakes_whoever_waits(void *arg) {
    (void)arg;
    EXPECT(begin() == 0);
    struct pair pair = shaken_pair();
    struct pair fresh = tls_pair();
    char byte;
    WHARF_SCOPE (scope, NULL) {
        EXPECT(wharf_go(scope, close_soon, pair.near) == 0);
        EXPECT(wharf_recv(pair.near, &byte, 1) == -ECANCELED);
        EXPECT(wharf_go(scope, close_soon, fresh.far) == 0);
        EXPECT(wharf_tls_handshake(fresh.far) == -ECANCELED);
    }
    EXPECT(wharf_recv(pair.far, &byte, 1) == 0);
    EXPECT(wharf_close(pair.far) == 0);
    EXPECT(wharf_close(fresh.near) == 0);
    finish();
    return 0;
}

/* ---- ends ---- */

/* The raw socket of one end ends without a word of TLS. */
static int a_cut_connection_is_no_end(void *arg) {
    (void)arg;
    EXPECT(begin() == 0);
    struct pair pair = shaken_pair();
    char buffer[8];
    EXPECT(wharf_send(pair.near, "part", 4) == 4);
    EXPECT(wharf_abort(pair.near) == 0);
    ssize_t len = wharf_recv(pair.far, buffer, 4);
    EXPECT(len == 4 || len == -ECONNRESET);
    len = wharf_recv(pair.far, buffer, 4);
    EXPECT(len == -ECONNRESET || len == -WHARF_EEOF);
    EXPECT(wharf_close(pair.far) == 0);
    finish();
    return 0;
}

static int facts_are_known_on_both_sides(void *arg) {
    (void)arg;
    EXPECT(begin() == 0);
    struct pair pair = tls_pair();
    wharf_tls_facts facts;
    EXPECT(wharf_tls_get_facts(pair.far, &facts) == -ENOTCONN);
    EXPECT(wharf_tls_get_facts(pair.near, &facts) == -EINVAL);
    WHARF_SCOPE (scope, NULL) {
        EXPECT(wharf_go(scope, shake_near, pair.near) == 0);
        EXPECT(wharf_tls_handshake(pair.far) == 0);
    }
    EXPECT(wharf_tls_get_facts(pair.near, &facts) == 0);
    EXPECT(strcmp(facts.version, "TLSv1.3") == 0 && facts.verified && !facts.resumed);
    EXPECT(strcmp(facts.peer_subject, "CN=leaf") == 0 && strcmp(facts.peer_issuer, "CN=Test Root") == 0);
    EXPECT(strlen(facts.peer_fingerprint) == 64);
    EXPECT(facts.peer_expires == mint_now + 365 * 86400);
    EXPECT(wharf_tls_get_facts(pair.far, &facts) == 0);
    EXPECT(strcmp(facts.server_name, "localhost") == 0 && facts.peer_subject[0] == '\0');
    EXPECT(wharf_detach(pair.near) == -EOPNOTSUPP);
    end_pair(pair);
    finish();
    return 0;
}

static const struct {
    const char *name;
    wharf_fn run;
} scenarios[] = {
    {"both_ways_at_once", both_ways_at_once},
    {"a_half_closed_peer_gets_its_answer", a_half_closed_peer_gets_its_answer},
    {"a_time_out_damages_nothing", a_time_out_damages_nothing},
    {"a_send_that_timed_out_says_how_far_it_got", a_send_that_timed_out_says_how_far_it_got},
    {"closing_wakes_whoever_waits", closing_wakes_whoever_waits},
    {"a_cut_connection_is_no_end", a_cut_connection_is_no_end},
    {"facts_are_known_on_both_sides", facts_are_known_on_both_sides},
};

static void a_tls_connection_is_a_stream_like_any_other(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
        for (uint64_t seed = 0; seed < 12; seed++) {
            uint64_t piece = seed % 4 == 0 ? 0 : seed * 700;
            (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = seed, .piece_bytes_max = piece),
                               scenarios[i].run);
        }
    }
}

static void the_same_seed_gives_the_same_run(void **state) {
    (void)state;
    const wharf_sim_options *options = WHARF_OPTIONS(wharf_sim_options, .seed = 7, .piece_bytes_max = 900);
    wharf_sim_report first = scenario_run(options, both_ways_at_once);
    wharf_sim_report second = scenario_run(options, both_ways_at_once);
    assert_true(first.trace == second.trace);
    assert_int_equal(first.virtual_ns, second.virtual_ns);
}

/* ---- faults ---- */

static int small_serve(void *arg) {
    wharf_sock listener = *(wharf_sock *)arg;
    char line[64];
    char answer[3000];
    wharf_sock sock = wharf_accept(listener);
    ssize_t rc = wharf_error(sock);
    memset(answer, 'a', sizeof(answer));
    for (int i = 0; i < 2 && rc >= 0; i++) {
        rc = wharf_recv_until(sock, line, sizeof(line), "\n");
        rc = rc > 0 ? wharf_send(sock, answer, sizeof(answer)) : rc;
    }
    (void)wharf_close(sock);
    return rc < 0 ? (int)rc : 0;
}

static int small_call(const char *address) {
    char answer[3000];
    wharf_sock sock = wharf_dial_tls(address, client_tls);
    ssize_t rc = wharf_error(sock);
    for (int i = 0; i < 2 && rc >= 0; i++) {
        rc = wharf_send(sock, "request\n", 8);
        rc = rc < 0 ? rc : wharf_recv_exact(sock, answer, sizeof(answer));
    }
    (void)wharf_close(sock);
    return rc < 0 ? (int)rc : 0;
}

/* Two requests and two answers over TLS; gives up at the first error and closes what it has. */
static int small_program(void *arg) {
    (void)arg;
    char address[WHARF_ADDRESS_SIZE] = "";
    int result = 0;
    int served = 0;
    server_tls = new_server(&leaf);
    client_tls = new_client(&root);
    wharf_sock listener = wharf_serve_on_tls("localhost:0", server_tls);
    int rc = client_tls == NULL ? -ENOMEM : wharf_error(listener);
    rc = rc < 0 ? rc : wharf_local_address(listener, address, sizeof(address));
    if (rc >= 0) {
        WHARF_SCOPE (scope, &served) {
            result = wharf_go(scope, small_serve, listener);
            result = result < 0 ? result : small_call(address);
            if (result < 0) {
                wharf_scope_cancel(scope);
            }
        }
    }
    (void)wharf_close(listener);
    finish();
    return rc < 0 ? rc : result < 0 ? result : served;
}

static void the_small_program_succeeds(void **state) {
    (void)state;
    scenario_run_seeds(small_program);
}

/* Every way in which a wait, an allocation or a descriptor can fail, wherever it can. */
static void whatever_fails_on_the_way_nothing_is_left(void **state) {
    (void)state;
    static const wharf_test_fault faults[] = {WHARF_TEST_CANCEL, WHARF_TEST_EXPIRE, WHARF_TEST_ALLOCATION,
                                              WHARF_TEST_SHORT,  WHARF_TEST_RESET,  WHARF_TEST_DESCRIPTOR};
    const wharf_sim_options *options = WHARF_OPTIONS(wharf_sim_options, .piece_bytes_max = 1000);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        assert_true(scenario_sweep(faults[i], options, small_program) > 2);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tls_connection_is_a_stream_like_any_other),
        cmocka_unit_test(the_same_seed_gives_the_same_run),
        cmocka_unit_test(the_small_program_succeeds),
        cmocka_unit_test(whatever_fails_on_the_way_nothing_is_left),
    };
    return cmocka_run_group_tests_name("tls", tests, set_up, tear_down);
}
