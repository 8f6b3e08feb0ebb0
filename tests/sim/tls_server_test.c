/* What an HTTPS server does beside answering: it tells of handshakes that failed, and sends requests back that belong on another
 * connection. */
#include "tls_site.h"

enum { SECOND = 1000, TOLD_SIZE = 8192 };

/* ---- handshakes that fail ---- */

static char told[TOLD_SIZE];
static int told_count;

static void hear(wharf_log_level level, const char *text, size_t len, void *arg) {
    size_t at = strlen(told);
    (void)arg;
    EXPECT(level == WHARF_LOG_WARNING && at + len + 2 < TOLD_SIZE);
    memcpy(told + at, text, len);
    memcpy(told + at + len, "\n", 2);
    told_count++;
}

static void forget(void) {
    told[0] = '\0';
    told_count = 0;
}

/* Says something, and waits until the server has nothing more to say. */
static void knock(const struct site *site, const char *bytes, size_t len) {
    char answer[256];
    wharf_sock sock = wharf_dial(site_address(site));
    EXPECT(wharf_send(sock, bytes, len) == (ssize_t)len && wharf_shutdown_write(sock) == 0);
    while (wharf_recv(sock, answer, sizeof(answer)) > 0) {
    }
    (void)wharf_close(sock);
}

static void knock_untrusting(const struct site *site) {
    wharf_sock sock = wharf_dial_tls(site_address(site), NULL); /* the system's store does not know us */
    EXPECT(wharf_failed(sock));
}

static int failing_program(void *arg) {
    struct site site;
    (void)arg;
    forget();
    EXPECT(site_open(&site, NULL, NULL) == 0);
    WHARF_SCOPE (scope, NULL) {
        EXPECT(wharf_go(scope, site_run, site.server) == 0);
        for (int i = 0; i < 3; i++) {
            knock(&site, "SSH-2.0-OpenSSH_9.2\r\n", 21);
        }
        knock(&site, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27);
        knock_untrusting(&site);
        EXPECT(wharf_sleep(1) == 0);
        EXPECT(told_count == 3); /* one for each reason */
        EXPECT(strstr(told, "wharf: tls.stranger: TLS handshake with 127.0.0.1:") != NULL ||
               strstr(told, "wharf: tls.stranger: TLS handshake with [::1]:") != NULL);
        EXPECT(strstr(told, "its first bytes are SSH-2") != NULL);
        EXPECT(strstr(told, "wharf: tls.http: ") != NULL && strstr(told, "speaks plain HTTP") != NULL);
        EXPECT(strstr(told, "wharf: tls.alert.unknown_ca: ") != NULL);
        EXPECT(strstr(told, "does not know the authority that issued our certificate\n") != NULL);
        EXPECT(wharf_sleep(2 * SECOND) == 0);
        EXPECT(told_count == 4 && strstr(told, " (and 1 more)\n") != NULL);
        /* Nothing happens for a while, and the next is told at once. */
        forget();
        knock(&site, "SSH-2.0-OpenSSH_9.2\r\n", 21);
        EXPECT(wharf_sleep(1) == 0);
        EXPECT(told_count == 1);
        /* What is left at the end is told, too. */
        knock(&site, "SSH-2.0-OpenSSH_9.2\r\n", 21);
        EXPECT(wharf_server_stop(site.server) == 0);
    }
    EXPECT(told_count == 2);
    site_close(&site);
    return 0;
}

static void failed_handshakes_are_told_once_a_second_and_reason(void **state) {
    (void)state;
    wharf_set_log(hear, NULL);
    scenario_run_seeds(failing_program);
    wharf_set_log(NULL, NULL);
}

/* A client that never says a word is told of when its time is over, one that only looks whether the port is open is not. */
static int silent_program(void *arg) {
    struct site site;
    (void)arg;
    forget();
    EXPECT(site_open(&site, NULL, NULL) == 0);
    WHARF_SCOPE (scope, NULL) {
        EXPECT(wharf_go(scope, site_run, site.server) == 0);
        EXPECT(wharf_close(wharf_dial(site_address(&site))) == 0);
        wharf_sock slow = wharf_dial(site_address(&site));
        EXPECT(wharf_send(slow, "\x16\x03\x01", 3) == 3);
        EXPECT(wharf_sleep(9 * SECOND) == 0);
        EXPECT(told_count == 0);
        EXPECT(wharf_sleep(2 * SECOND) == 0);
        EXPECT(told_count == 1 && strstr(told, "wharf: tls.slow: ") != NULL);
        EXPECT(strstr(told, "limits.handshake_ms is 10000") != NULL);
        (void)wharf_close(slow);
        EXPECT(wharf_server_stop(site.server) == 0);
    }
    site_close(&site);
    return 0;
}

static void a_slow_handshake_is_told_and_a_look_is_not(void **state) {
    (void)state;
    wharf_set_log(hear, NULL);
    scenario_run_seeds(silent_program);
    wharf_set_log(NULL, NULL);
}

/* ---- certificates that end soon ---- */

static int ageing_program(void *arg) {
    struct site site;
    (void)arg;
    forget();
    struct minted soon = mint(&(const struct mint_plan){.common_name = "soon",
                                                        .names = "DNS:localhost",
                                                        .until = 15 * 86400 - 3600},
                              &site_root);
    const wharf_tls_pair pairs[] = {{site_leaf.chain, site_leaf.key_pem}, {soon.chain, soon.key_pem}, {0}};
    EXPECT(site_open(&site, WHARF_OPTIONS(wharf_tls_options, .certificates = pairs), NULL) == 0);
    EXPECT(wharf_tls_expires(site.server_tls) == mint_now + 15 * 86400 - 3600);
    EXPECT(wharf_tls_expires(site.client_tls) == 0);
    WHARF_SCOPE (scope, NULL) {
        EXPECT(wharf_go(scope, site_run, site.server) == 0);
        EXPECT(wharf_sleep(23 * 3600 * SECOND) == 0);
        EXPECT(told_count == 0);
        EXPECT(wharf_sleep(2 * 3600 * SECOND) == 0);
        EXPECT(told_count == 1 && strstr(told, "wharf: tls.expiry: the certificate") != NULL);
        EXPECT(strstr(told, "(CN=soon) expires on 2025-01-15 23:00 UTC, 13 days from now") != NULL);
        EXPECT(wharf_sleep(24 * 3600 * SECOND) == 0);
        EXPECT(told_count == 2);
        EXPECT(wharf_server_reload(site.server) == 0 && wharf_sleep(100) == 0);
        EXPECT(told_count == 3);
        EXPECT(wharf_sleep(13 * 24 * 3600 * INT64_C(1000)) == 0);
        EXPECT(strstr(told, "(CN=soon) has expired on 2025-01-15 23:00 UTC") != NULL);
        EXPECT(wharf_server_stop(site.server) == 0);
    }
    site_close(&site);
    mint_free(&soon);
    return 0;
}

static void certificates_that_end_soon_are_told_of_each_day(void **state) {
    (void)state;
    wharf_set_log(hear, NULL);
    (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = 1), ageing_program);
    wharf_set_log(NULL, NULL);
}

/* ---- hosts ---- */

static struct minted other, wild, nameless, leaf_again;

enum rules { ONE, MANY, ANY_HOST, ASKED, CHOSEN, NAMELESS };

static const struct {
    enum rules rules;
    const char *asked; /* of TLS; NULL: no name */
    const char *host;  /* of HTTP */
    int status;
} directions[] = {
    {ONE, "localhost", "localhost", 200},
    {ONE, "localhost", "LocalHost:8443", 200},
    {ONE, "localhost", "leaf.example", 200},
    {ONE, "localhost", "leaf.example.", 200},
    {ONE, "localhost", "LEAF.example:443", 200},
    {ONE, "localhost", "other.example", 421},
    {ONE, "localhost", "eaf.example", 421},
    {ONE, "localhost", "x.leaf.example", 421},
    {ONE, "localhost", "127.0.0.1:99", 200},
    {ONE, "localhost", "192.0.2.7", 200},
    {ONE, "localhost", "[2001:db8::1]:443", 200},
    {ONE, "localhost", "app.localhost", 200},
    {ONE, "unknown.example", "unknown.example", 421},
    {ONE, "unknown.example", "localhost", 200},
    {ONE, NULL, "localhost", 200},
    {ONE, NULL, "leaf.example", 200},
    {ONE, NULL, "other.example", 421},
    {ONE, NULL, "127.0.0.1", 200},
    {MANY, "leaf.example", "other.example", 200},
    {MANY, "leaf.example", "a.wild.example", 200},
    {MANY, "leaf.example", "a.b.wild.example", 421},
    {ANY_HOST, "localhost", "other.example", 200},
    {ANY_HOST, NULL, "other.example", 200},
    {NAMELESS, "localhost", "other.example", 200},
    {ASKED, "leaf.example", "leaf.example:1", 200},
    {ASKED, "leaf.example", "Leaf.Example.:1", 200},
    {ASKED, "leaf.example", "localhost", 421},
    {ASKED, "leaf.example", "127.0.0.1", 421},
    {ASKED, NULL, "leaf.example", 200},
    {ASKED, NULL, "127.0.0.1", 200},
    {CHOSEN, "leaf.example", "leaf.example", 200},
    {CHOSEN, "leaf.example", "other.example", 421},
    {CHOSEN, "other.example", "other.example", 200},
    {CHOSEN, NULL, "leaf.example", 421},
    {CHOSEN, NULL, "127.0.0.1", 200},
};

static int answer(wharf_request *request, void *arg) {
    (void)arg;
    return wharf_reply_text(request, 200, "here");
}

static wharf_tls *choose_none(void *arg, const char *server_name) {
    (void)arg;
    (void)server_name;
    return NULL;
}

static int open_ruled(struct site *site, enum rules rules) {
    const wharf_tls_pair one[] = {{site_leaf.chain, site_leaf.key_pem}, {0}};
    const wharf_tls_pair many[] = {{site_leaf.chain, site_leaf.key_pem},
                                   {other.chain, other.key_pem},
                                   {wild.chain, wild.key_pem},
                                   {leaf_again.chain, leaf_again.key_pem},
                                   {0}};
    const wharf_tls_pair without[] = {{nameless.chain, nameless.key_pem}, {0}};
    wharf_tls_options options = {.size = sizeof(options), .certificates = one};
    switch (rules) {
    case MANY: options.certificates = many; break;
    case NAMELESS: options.certificates = without; break;
    case ANY_HOST: options.any_host = true; break;
    case CHOSEN: options.choose = choose_none; break;
    case ASKED:
        options.clients = WHARF_TLS_CLIENTS_ASKED;
        options.ca = site_root.pem;
        break;
    default: break;
    }
    int rc = site_open(site, &options, NULL);
    return rc < 0 ? rc : wharf_route(site->server, "GET /", answer, NULL);
}

/* The status that a request for a host gets on a connection. */
static int status_of(wharf_sock sock, const char *host) {
    char bytes[512] = "";
    int len = snprintf(bytes, sizeof(bytes), "HEAD / HTTP/1.1\r\nHost: %s\r\n\r\n", host);
    EXPECT(wharf_send(sock, bytes, (size_t)len) == len);
    EXPECT(wharf_recv_until(sock, bytes, sizeof(bytes), "\r\n\r\n") > 12);
    const char *digits = bytes + strlen("HTTP/1.1 ");
    return (digits[0] - '0') * 100 + (digits[1] - '0') * 10 + (digits[2] - '0');
}

/* Twice on a connection, and twice on one that resumes its session. */
static void direct(const struct site *site, size_t row, int version) {
    const char *asked = directions[row].asked;
    const char *name = asked != NULL ? asked : "127.0.0.1";
    wharf_tls *tls = wharf_tls_new(
        WHARF_OPTIONS(wharf_tls_options, .insecure_no_verify = true, .version_max = version, .name = name));
    for (int i = 0; i < 4; i += 2) {
        wharf_tls_facts facts = {.resumed = false};
        wharf_sock sock = wharf_dial_tls(site_address(site), tls);
        for (int k = 0; k < 2; k++) {
            int status = status_of(sock, directions[row].host);
            if (status != directions[row].status) {
                fprintf(stderr, "row %zu, TLS 1.%d, request %d: %d\n", row, version - 10, i + k, status);
            }
            EXPECT(status == directions[row].status);
        }
        EXPECT(wharf_tls_get_facts(sock, &facts) == 0 && facts.resumed == (i > 0));
        EXPECT(wharf_close(sock) == 0);
    }
    wharf_tls_free(tls);
}

static int directing_program(void *arg) {
    (void)arg;
    for (size_t row = 0; row < sizeof(directions) / sizeof(directions[0]); row++) {
        struct site site;
        EXPECT(open_ruled(&site, directions[row].rules) == 0);
        WHARF_SCOPE (scope, NULL) {
            EXPECT(wharf_go(scope, site_run, site.server) == 0);
            direct(&site, row, 12);
            direct(&site, row, 13);
            EXPECT(wharf_server_stop(site.server) == 0);
        }
        site_close(&site);
    }
    return 0;
}

static void requests_for_other_hosts_are_sent_back(void **state) {
    (void)state;
    (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = 1), directing_program);
}

#define PLAN(...) (&(const struct mint_plan){__VA_ARGS__})

static int set_up(void **state) {
    (void)state;
    site_mint();
    other = mint(PLAN(.common_name = "other", .names = "DNS:other.example"), &site_root);
    wild = mint(PLAN(.common_name = "wild", .names = "DNS:*.wild.example"), &site_root);
    leaf_again = mint(PLAN(.common_name = "leaf2", .names = "DNS:leaf.example"), &site_root);
    nameless = mint(PLAN(.common_name = "nameless"), &site_root);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    site_unmint();
    mint_free(&other);
    mint_free(&wild);
    mint_free(&leaf_again);
    mint_free(&nameless);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failed_handshakes_are_told_once_a_second_and_reason),
        cmocka_unit_test(a_slow_handshake_is_told_and_a_look_is_not),
        cmocka_unit_test(certificates_that_end_soon_are_told_of_each_day),
        cmocka_unit_test(requests_for_other_hosts_are_sent_back),
    };
    return cmocka_run_group_tests_name("tls server", tests, set_up, tear_down);
}
