/* TLS among those who do not keep to it - who stall, speak something else, or leave - and HTTP over it: requests, pipelining,
 * resumption, renewed certificates, faults. */
#include "scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "tls_site.h"

enum { SECOND = 1000, BODY = 100000, PATH_SIZE = 128 };

static struct minted other_leaf;
static char body[BODY + 1];

static int set_up(void **state) {
    (void)state;
    site_mint();
    other_leaf = mint(
        &(const struct mint_plan){.common_name = "renewed", .names = "DNS:localhost,IP:127.0.0.1"},
        &site_root);
    for (size_t i = 0; i < BODY; i++) {
        body[i] = (char)('a' + (i * 7 + i / 251) % 26);
    }
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    site_unmint();
    mint_free(&other_leaf);
    return 0;
}

/* ---- peers that stall ---- */

/* Passes bytes on in one direction, so many and no more; then it goes on listening. */
struct pass {
    wharf_sock from, to;
    int64_t most;
};

static int pass_on(void *arg) {
    struct pass *pass = arg;
    char bytes[512];
    ssize_t got = wharf_recv(pass->from, bytes, sizeof(bytes));
    while (got > 0) {
        ssize_t now = got < pass->most ? got : (ssize_t)pass->most;
        if (now > 0) {
            (void)wharf_send(pass->to, bytes, (size_t)now);
        }
        pass->most -= now;
        got = wharf_recv(pass->from, bytes, sizeof(bytes));
    }
    return 0;
}

struct stall {
    int64_t up, down; /* bytes that get through */
    int server_result, client_result;
};

struct stalled {
    struct stall *stall;
    wharf_sock listener;
};

static int stalled_serve(void *arg) {
    const struct stalled *serving = arg;
    wharf_sock sock = wharf_accept(serving->listener);
    int64_t start = wharf_now_ns();
    serving->stall->server_result = wharf_tls_handshake(sock);
    if (serving->stall->server_result < 0) {
        EXPECT(wharf_now_ns() - start <= INT64_C(10001) * 1000000);
        EXPECT(strstr(wharf_why(), "TLS handshake with ") != NULL);
    }
    if (serving->stall->server_result == -ETIMEDOUT) {
        EXPECT(strstr(wharf_why(), "limits.handshake_ms is 10000, and it was at \"") != NULL);
    }
    (void)wharf_close(sock);
    return 0;
}

static int stalled_program(void *arg) {
    struct stall *stall = arg;
    char address[WHARF_ADDRESS_SIZE] = "";
    wharf_tls *server = site_new_server();
    wharf_tls *client = site_new_client();
    wharf_sock listener = wharf_serve_on_tls("127.0.0.1:0", server);
    wharf_sock middle = wharf_serve_on("127.0.0.1:0");
    EXPECT(wharf_local_address(listener, address, sizeof(address)) > 0);
    WHARF_SCOPE (scope, NULL) {
        struct stalled serving = {stall, listener};
        EXPECT(wharf_go(scope, stalled_serve, serving) == 0);
        wharf_sock inward = wharf_dial(address);
        EXPECT(wharf_local_address(middle, address, sizeof(address)) > 0);
        wharf_sock near = wharf_dial(address);
        wharf_sock outward = wharf_accept(middle);
        struct pass up = {outward, inward, stall->up};
        struct pass down = {inward, outward, stall->down};
        EXPECT(wharf_go(scope, pass_on, up) == 0 && wharf_go(scope, pass_on, down) == 0);
        stall->client_result = wharf_tls_client(near, "localhost", client);
        if (stall->client_result == -ETIMEDOUT) {
            EXPECT(strstr(wharf_why(), "TLS handshake with localhost:") != NULL);
            EXPECT(strstr(wharf_why(), "limits.handshake_ms is 10000, and it was at \"") != NULL);
        }
        EXPECT(wharf_sleep(11 * SECOND) == 0);
        EXPECT(wharf_close(near) == 0 && wharf_close(outward) == 0 && wharf_close(inward) == 0);
    }
    EXPECT(wharf_close(listener) == 0 && wharf_close(middle) == 0);
    wharf_tls_free(server);
    wharf_tls_free(client);
    return 0;
}

static void run_stall(struct stall *stall) {
    wharf_sim_report report = {0};
    const wharf_sim_options *options = WHARF_OPTIONS(wharf_sim_options, .seed = 1);
    int result = wharf_sim_run_report(options, stalled_program, stall, &report);
    scenario_assert_clean(options, result, &report);
    assert_int_equal(result, 0);
}

static void a_handshake_that_stalls_is_given_up(void **state) {
    (void)state;
    static const int64_t cuts[] = {0, 1, 5, 100, 250, 300, 400, 600, 700};
    for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
        struct stall from_client = {.up = cuts[i], .down = INT64_MAX};
        run_stall(&from_client);
        assert_true(from_client.server_result == -ETIMEDOUT ||
                    (cuts[i] >= 300 && from_client.server_result == 0));
        struct stall from_server = {.up = INT64_MAX, .down = cuts[i]};
        run_stall(&from_server);
        assert_int_equal(from_server.client_result, -ETIMEDOUT);
    }
    struct stall whole = {.up = INT64_MAX, .down = INT64_MAX};
    run_stall(&whole);
    assert_int_equal(whole.server_result, 0);
    assert_int_equal(whole.client_result, 0);
}

/* ---- peers that speak something else ---- */

static const struct {
    const char *bytes;
    size_t len;
    const char *to_client, *to_server; /* what each says about it */
} strangers[] = {
    {"HTTP/1.1 400 Bad Request\r\n\r\n", 28, "the peer speaks plain HTTP", "the peer speaks plain HTTP"},
    {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27, "does not speak TLS: its first bytes are GET",
     "speaks plain HTTP"},
    {"PROPFIND / HTTP/1.1\r\n\r\n", 23, "its first bytes are PROPF", "speaks plain HTTP"},
    {"SSH-2.0-OpenSSH_9.2\r\n", 21, "its first bytes are SSH-2", "its first bytes are SSH-2"},
    {"GETTYSBURG", 10, "its first bytes are GETTY", "speaks plain HTTP"},
    {"M-SEARCH * HTTP/1.1\r\n\r\n", 23, "its first bytes are M-SEA", "speaks plain HTTP"},
    {"Get / HTTP/1.1\r\n\r\n", 18, "its first bytes are Get", "its first bytes are Get"},
    {"220 mail ESMTP\r\n", 16, "its first bytes are 220\\x20m", "its first bytes are 220\\x20m"},
    {"\0\0\0\0\0\0\0\0", 8, "its first bytes are \\x00\\x00", "its first bytes are \\x00\\x00"},
    {"", 0, "the peer ended the connection in the middle of the handshake",
     "the peer ended the connection in the middle of the handshake"},
    {"\x15\x03\x01\x00\x02\x02\x46", 7, "there is no TLS version in common", NULL},
    {"\x15\x03\x01\x00\x02\x02\x28", 7, "no cipher, group or certificate in common", NULL},
    {"\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00", 10, "", ""},
};

static int meet_strangers(void *arg) {
    (void)arg;
    char address[WHARF_ADDRESS_SIZE] = "";
    wharf_tls *server = site_new_server();
    wharf_tls *client = site_new_client();
    for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++) {
        for (int side = 0; side < 2; side++) {
            wharf_sock listener = side == 0 ? wharf_serve_on("127.0.0.1:0")
                                            : wharf_serve_on_tls("127.0.0.1:0", server);
            EXPECT(wharf_local_address(listener, address, sizeof(address)) > 0);
            wharf_sock near = wharf_dial(address);
            wharf_sock far = wharf_accept(listener);
            wharf_sock stranger = side == 0 ? far : near;
            EXPECT(strangers[i].len == 0 ||
                   wharf_send(stranger, strangers[i].bytes, strangers[i].len) == (ssize_t)strangers[i].len);
            EXPECT(strangers[i].len != 0 || wharf_shutdown_write(stranger) == 0);
            int rc = side == 0 ? wharf_tls_client(near, "localhost", client) : wharf_tls_handshake(far);
            const char *why = side == 0 ? strangers[i].to_client : strangers[i].to_server;
            EXPECT(rc == -WHARF_ETLS);
            if (why != NULL && strstr(wharf_why(), why) == NULL) {
                fprintf(stderr, "%zu, side %d: %s\n", i, side, wharf_why());
                EXPECT(false);
            }
            /* The failure stays. */
            char byte;
            EXPECT(wharf_recv(side == 0 ? near : far, &byte, 1) == -WHARF_ETLS);
            EXPECT(wharf_send(side == 0 ? near : far, "x", 1) == -WHARF_ETLS);
            EXPECT(wharf_close(near) == 0 && wharf_close(far) == 0 && wharf_close(listener) == 0);
        }
    }
    wharf_tls_free(server);
    wharf_tls_free(client);
    return 0;
}

static void whoever_speaks_something_else_is_told_apart(void **state) {
    (void)state;
    scenario_run_seeds(meet_strangers);
}

/* ---- HTTP ---- */

static int answer_body(wharf_request *request, void *arg) {
    (void)arg;
    return wharf_reply_bytes(request, 200, "text/plain", body, BODY);
}

static int answer_hello(wharf_request *request, void *arg) {
    wharf_tls_facts facts;
    (void)arg;
    EXPECT(wharf_request_tls(request, &facts) == 0 && strcmp(facts.version, "TLSv1.3") == 0);
    return wharf_reply_text(request, 200, facts.resumed ? "again" : "hello");
}

static int answer_echo(wharf_request *request, void *arg) {
    wharf_str got;
    (void)arg;
    int rc = wharf_request_body(request, &got);
    return rc < 0 ? rc : wharf_reply_bytes(request, 200, "text/plain", got.ptr, got.len);
}

static int open_site(struct site *site, const wharf_tls_options *tls) {
    int rc = site_open(site, tls, NULL);
    rc = rc < 0 ? rc : wharf_route(site->server, "GET /body", answer_body, NULL);
    rc = rc < 0 ? rc : wharf_route(site->server, "GET /hello", answer_hello, NULL);
    return rc < 0 ? rc : wharf_route(site->server, "POST /echo", answer_echo, NULL);
}

static int site_post(const struct site *site) {
    char url[WHARF_ADDRESS_SIZE + 64];
    snprintf(url, sizeof(url), "%s/echo", site->url);
    wharf_response *response = wharf_fetch(
        site->client, WHARF_OPTIONS(wharf_fetch_options, .url = url, .body = body, .body_bytes = BODY));
    wharf_str got = wharf_response_body(response);
    int rc = wharf_response_error(response);
    bool good = rc == 0 && got.len == BODY && memcmp(got.ptr, body, BODY) == 0;
    wharf_response_free(response);
    return rc < 0 ? rc : good ? 0 : -WHARF_EPROTOCOL;
}

static int site_program(void *arg) {
    struct site site;
    (void)arg;
    int rc = open_site(&site, NULL);
    int served = 0;
    if (rc == 0) {
        WHARF_SCOPE (scope, &served) {
            rc = wharf_go(scope, site_run, site.server);
            rc = rc < 0 ? rc : site_expect(&site, "/hello", "hello", 5);
            rc = rc < 0 ? rc : site_expect(&site, "/body", body, BODY);
            rc = rc < 0 ? rc : site_post(&site);
            if (rc < 0) {
                wharf_scope_cancel(scope);
            } else {
                rc = wharf_server_stop(site.server);
            }
        }
    }
    site_close(&site);
    return rc < 0 ? rc : served;
}

static void requests_are_answered_over_tls(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = seed, .piece_bytes_max = seed * 500),
                           site_program);
    }
}

static void whatever_fails_on_the_way_nothing_is_left(void **state) {
    (void)state;
    static const wharf_test_fault faults[] = {WHARF_TEST_CANCEL, WHARF_TEST_EXPIRE, WHARF_TEST_ALLOCATION,
                                              WHARF_TEST_SHORT, WHARF_TEST_RESET};
    const wharf_sim_options *options = WHARF_OPTIONS(wharf_sim_options, .seed = 1);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        assert_true(scenario_sweep(faults[i], options, site_program) > 10);
    }
}

/* ---- what is spoken ---- */

static const struct {
    const char *own, *offered; /* NULL: none */
    const char *agreed;        /* NULL: refused */
} protocols[] = {
    {NULL, NULL, ""},
    {NULL, "http/1.1", "http/1.1"},
    {NULL, "h2", NULL},
    {NULL, "http/1.", NULL},
    {"special", NULL, ""},
    {"special", "special", "special"},
    {"special", "http/1.1", NULL}, /* what the settings name is all there is */
};

static void meet_protocol(const struct site *site, size_t i) {
    const char *const offered[] = {protocols[i].offered, NULL};
    wharf_tls_facts facts = {.resumed = false};
    wharf_tls *client = wharf_tls_new(WHARF_OPTIONS(wharf_tls_options, .ca = site_root.pem, .alpn = offered));
    wharf_sock sock = wharf_dial_tls(site_address(site), client);
    int rc = wharf_tls_get_facts(sock, &facts);
    if (protocols[i].agreed == NULL) {
        EXPECT(rc < 0 && strstr(wharf_why(), "speaks none of the protocols offered by ALPN") != NULL);
    } else {
        EXPECT(rc == 0 && strcmp(facts.alpn, protocols[i].agreed) == 0);
    }
    (void)wharf_close(sock);
    wharf_tls_free(client);
}

static int protocol_program(void *arg) {
    (void)arg;
    for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
        const char *const own[] = {protocols[i].own, NULL};
        const wharf_tls_pair pairs[] = {{site_leaf.chain, site_leaf.key_pem}, {0}};
        struct site site;
        EXPECT(open_site(&site, WHARF_OPTIONS(wharf_tls_options, .certificates = pairs, .alpn = own)) == 0);
        WHARF_SCOPE (scope, NULL) {
            EXPECT(wharf_go(scope, site_run, site.server) == 0);
            meet_protocol(&site, i);
            EXPECT(wharf_server_stop(site.server) == 0);
        }
        site_close(&site);
    }
    return 0;
}

static void a_server_speaks_http_unless_its_settings_say_more(void **state) {
    (void)state;
    (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = 1), protocol_program);
}

/* ---- resumption ---- */

static int resuming_program(void *arg) {
    struct site site;
    (void)arg;
    EXPECT(open_site(&site, NULL) == 0);
    WHARF_SCOPE (scope, NULL) {
        EXPECT(wharf_go(scope, site_run, site.server) == 0);
        EXPECT(site_expect(&site, "/hello", "hello", 5) == 0);
        EXPECT(wharf_sleep(70 * SECOND) == 0); /* the connection is closed by now */
        EXPECT(site_expect(&site, "/hello", "again", 5) == 0);
        EXPECT(wharf_sleep(3 * 3600 * SECOND) == 0); /* and the ticket is too old */
        EXPECT(site_expect(&site, "/hello", "hello", 5) == 0);
        /* Another client has its own settings, and no part in our sessions. */
        wharf_client *kept = site.client;
        wharf_tls *other = site_new_client();
        EXPECT(wharf_sleep(70 * SECOND) == 0);
        site.client = wharf_client_new(WHARF_OPTIONS(wharf_client_options, .tls = other));
        EXPECT(site_expect(&site, "/hello", "hello", 5) == 0);
        wharf_client_free(site.client);
        wharf_tls_free(other);
        site.client = kept;
        EXPECT(wharf_server_stop(site.server) == 0);
    }
    site_close(&site);
    return 0;
}

static void sessions_are_taken_up_again_while_they_are_good(void **state) {
    (void)state;
    (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = 1), resuming_program);
}

/* ---- what a response knows of TLS ---- */

/* A response outlives its connection, and its client. */
static int knowing_program(void *arg) {
    struct site site;
    wharf_response *responses[3] = {NULL};
    (void)arg;
    EXPECT(open_site(&site, NULL) == 0);
    WHARF_SCOPE (scope, NULL) {
        EXPECT(wharf_go(scope, site_run, site.server) == 0);
        responses[0] = site_get(&site, "/body");
        responses[1] = site_get(&site, "/hello");
        EXPECT(wharf_sleep(70 * SECOND) == 0); /* the connection is closed by now */
        responses[2] = site_get(&site, "/hello");
        EXPECT(wharf_server_stop(site.server) == 0);
    }
    site_close(&site);
    for (int i = 0; i < 3; i++) {
        wharf_tls_facts facts;
        wharf_tls_certificate certificate;
        EXPECT(wharf_response_tls(responses[i], &facts) == 0);
        EXPECT(strcmp(facts.version, "TLSv1.3") == 0 && strcmp(facts.cipher, "TLS_AES_128_GCM_SHA256") == 0);
        EXPECT(strcmp(facts.peer_subject, "CN=leaf") == 0 && strcmp(facts.peer_issuer, "CN=Test Root") == 0);
        EXPECT(strcmp(facts.server_name, "localhost") == 0 && facts.alpn[0] == '\0');
        EXPECT(facts.peer_expires == mint_now + 365 * 86400 && strlen(facts.peer_fingerprint) == 64);
        EXPECT(facts.verified && facts.resumed == (i == 2));
        EXPECT(wharf_response_tls_certificate(responses[i], 0, &certificate) == 0);
        EXPECT(strcmp(certificate.fingerprint, facts.peer_fingerprint) == 0);
        EXPECT(wharf_response_tls_certificate(responses[i], 1, &certificate) == -ENOENT);
        wharf_response_free(responses[i]);
    }
    return 0;
}

static void a_response_tells_what_tls_has_agreed_on(void **state) {
    (void)state;
    (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = 1), knowing_program);
}

static void no_response_without_tls_tells_of_it(void **state) {
    wharf_tls_facts facts = {.version = "untouched"};
    (void)state;
    wharf_response *response = wharf_get("http://[");
    assert_int_equal(wharf_response_tls(response, &facts), -EINVAL);
    assert_string_equal(facts.version, "untouched");
    wharf_response_free(response);
}

/* ---- renewal ---- */

static char folder[64];

static void put(const char *name, const char *text, char *ret_path) {
    snprintf(ret_path, PATH_SIZE, "%s/%s", folder, name);
    char temporary[PATH_SIZE + 8];
    snprintf(temporary, sizeof(temporary), "%s.new", ret_path);
    FILE *file = fopen(temporary, "w");
    EXPECT(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
    EXPECT(rename(temporary, ret_path) == 0);
}

static int reloads, failed_reloads;

static void told(void *arg, int result, const char *why) {
    (void)arg;
    reloads += result == 0;
    failed_reloads += result < 0;
    EXPECT(result == 0 || strstr(why, "is not this certificate's") != NULL);
}

static int subject_is(const struct site *site, const char *subject) {
    wharf_tls_facts facts = {.resumed = false};
    wharf_tls *fresh = site_new_client();
    wharf_sock sock = wharf_dial_tls(site_address(site), fresh);
    EXPECT(wharf_tls_get_facts(sock, &facts) == 0);
    (void)wharf_close(sock);
    wharf_tls_free(fresh);
    return strcmp(facts.peer_subject, subject) == 0;
}

static int renewing_program(void *arg) {
    struct site site;
    char certificate[PATH_SIZE], key[PATH_SIZE];
    (void)arg;
    put("server.crt", site_leaf.pem, certificate);
    put("server.key", site_leaf.key_pem, key);
    const wharf_tls_pair pairs[] = {{certificate, key}, {0}};
    EXPECT(open_site(&site, WHARF_OPTIONS(wharf_tls_options, .certificates = pairs, .reloaded = told)) == 0);
    WHARF_SCOPE (scope, NULL) {
        EXPECT(wharf_go(scope, site_run, site.server) == 0);
        EXPECT(subject_is(&site, "CN=leaf"));
        wharf_sock old = wharf_dial_tls(site_address(&site), site.client_tls);
        put("server.crt", other_leaf.pem, certificate);
        EXPECT(wharf_sleep(2 * SECOND) == 0);
        EXPECT(reloads == 0 && failed_reloads == 1); /* half of a pair */
        EXPECT(subject_is(&site, "CN=leaf"));
        EXPECT(wharf_sleep(10 * SECOND) == 0);
        EXPECT(failed_reloads == 1); /* and told once */
        put("server.key", other_leaf.key_pem, key);
        EXPECT(wharf_sleep(2 * SECOND) == 0);
        EXPECT(reloads == 1);
        EXPECT(subject_is(&site, "CN=renewed"));
        EXPECT(wharf_server_reload(site.server) == 0 && reloads == 1);
        EXPECT(wharf_sleep(100) == 0);
        EXPECT(reloads == 2); /* when asked, at once and although nothing has changed */
        /* The connection of before goes on. */
        char answer[64];
        EXPECT(wharf_send(old, "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n", 40) == 40);
        EXPECT(wharf_recv_exact(old, answer, 15) == 15 && memcmp(answer, "HTTP/1.1 200 OK", 15) == 0);
        EXPECT(wharf_close(old) == 0);
        EXPECT(wharf_server_stop(site.server) == 0);
    }
    site_close(&site);
    EXPECT(unlink(certificate) == 0 && unlink(key) == 0);
    return 0;
}

static void certificates_are_renewed_within_two_seconds(void **state) {
    (void)state;
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof(folder), "%s/wharf-tls-XXXXXX", base != NULL ? base : P_tmpdir);
    assert_non_null(mkdtemp(folder));
    (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = 1), renewing_program);
    assert_int_equal(rmdir(folder), 0);
}

/* ---- plain HTTP at the wrong door ---- */

static int knock_in_plain(void *arg) {
    struct site site;
    (void)arg;
    EXPECT(open_site(&site, NULL) == 0);
    WHARF_SCOPE (scope, NULL) {
        EXPECT(wharf_go(scope, site_run, site.server) == 0);
        char url[WHARF_ADDRESS_SIZE + 32];
        snprintf(url, sizeof(url), "http://%s/hello", site_address(&site));
        for (int i = 0; i < 2; i++) {
            wharf_response *response = wharf_fetch(
                NULL, WHARF_OPTIONS(wharf_fetch_options, .url = url, .method = i == 0 ? "GET" : "PROPFIND"));
            EXPECT(wharf_response_status(response) == 400);
            EXPECT(strstr(wharf_response_body(response).ptr, "use https://") != NULL);
            wharf_response_free(response);
        }
        EXPECT(wharf_server_stop(site.server) == 0);
    }
    site_close(&site);
    return 0;
}

static void plain_http_is_answered_with_a_400(void **state) {
    (void)state;
    (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = 1), knock_in_plain);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handshake_that_stalls_is_given_up),
        cmocka_unit_test(whoever_speaks_something_else_is_told_apart),
        cmocka_unit_test(requests_are_answered_over_tls),
        cmocka_unit_test(whatever_fails_on_the_way_nothing_is_left),
        cmocka_unit_test(a_server_speaks_http_unless_its_settings_say_more),
        cmocka_unit_test(sessions_are_taken_up_again_while_they_are_good),
        cmocka_unit_test(a_response_tells_what_tls_has_agreed_on),
        cmocka_unit_test(no_response_without_tls_tells_of_it),
        cmocka_unit_test(certificates_are_renewed_within_two_seconds),
        cmocka_unit_test(plain_http_is_answered_with_a_400),
    };
    return cmocka_run_group_tests_name("tls http", tests, set_up, tear_down);
}
