/* Requests through proxies of every kind, and addresses that may not be connected to, in virtual time. The proxy here knows
 * the protocols as far as a test needs them. */
#include <arpa/inet.h>

#include "client_stage.h"

#include "mint.h"

enum { SMALL = 4096 };

/* A root, and a certificate of its for the server and the proxy. */
static struct minted site_root, site_leaf;

static wharf_tls *site_new_server(void) {
    const wharf_tls_pair pairs[] = {{site_leaf.chain, site_leaf.key_pem}, {0}};
    return wharf_tls_new(WHARF_OPTIONS(wharf_tls_options, .certificates = pairs));
}

static wharf_tls *site_new_client(void) {
    return wharf_tls_new(WHARF_OPTIONS(wharf_tls_options, .ca = site_root.pem));
}

/* ---- a proxy ---- */

static struct {
    wharf_sock listener;
    char address[WHARF_ADDRESS_SIZE];
    char head[SMALL];         /* of the last request to it */
    const char *refusal;      /* what it answers to every CONNECT; NULL: it connects */
    unsigned char socks_code; /* likewise to SOCKS */
    const char *credentials;  /* for SOCKS: user, a blank, password; NULL: it wants none */
    int requests;
    char target[SMALL]; /* whom it was to connect to last */
} proxy;

static wharf_sock connect_to(const char *host, unsigned port) {
    char address[SMALL + 16];
    (void)snprintf(address, sizeof(address), strchr(host, ':') != NULL ? "[%s]:%u" : "%s:%u", host, port);
    (void)snprintf(proxy.target, sizeof(proxy.target), "%s", host);
    return wharf_dial(address);
}

static int relay_both(wharf_sock sock, wharf_sock to, const char *first) {
    if (first == NULL || answer(to, first) == 0) {
        (void)wharf_relay(sock, to, NULL, NULL);
    }
    (void)wharf_close(to);
    return 0;
}

/* The client's greeting, and its credentials if they are wanted. */
static int socks_greet(wharf_sock sock) {
    unsigned char bytes[600];
    char said[SMALL];
    if (wharf_recv_exact(sock, bytes, 2) != 2 || wharf_recv_exact(sock, bytes + 2, bytes[1]) != bytes[1]) {
        return -1;
    }
    if (proxy.credentials == NULL) {
        return (int)wharf_send(sock, "\x05\x00", 2);
    }
    if (bytes[1] < 2) {
        (void)(wharf_send(sock, "\x05\xff", 2) > 0);
        return -1;
    }
    (void)(wharf_send(sock, "\x05\x02", 2) > 0);
    if (wharf_recv_exact(sock, bytes, 2) != 2 || wharf_recv_exact(sock, bytes + 2, bytes[1] + 1u) < 0) {
        return -1;
    }
    size_t password = bytes[2 + bytes[1]];
    unsigned char *at = bytes + 3 + bytes[1];
    if (wharf_recv_exact(sock, at, password) < 0) {
        return -1;
    }
    (void)snprintf(said, sizeof(said), "%.*s %.*s", bytes[1], (char *)bytes + 2, (int)password, (char *)at);
    bool is_right = strcmp(said, proxy.credentials) == 0;
    return wharf_send(sock, is_right ? "\x01\x00" : "\x01\x01", 2) < 0 || !is_right ? -1 : 0;
}

/* Whom it wants to be connected to. The port, or -1. */
static int socks_take_target(wharf_sock sock, char *out, size_t size) {
    unsigned char bytes[600];
    if (wharf_recv_exact(sock, bytes, 4) != 4) {
        return -1;
    }
    if (bytes[3] == 3) {
        if (wharf_recv_exact(sock, bytes, 1) != 1 || bytes[0] >= size ||
            wharf_recv_exact(sock, out, bytes[0]) != bytes[0]) {
            return -1;
        }
        out[bytes[0]] = '\0';
    } else {
        size_t len = bytes[3] == 1 ? 4 : 16;
        if (wharf_recv_exact(sock, bytes, len) != (ssize_t)len) {
            return -1;
        }
        (void)inet_ntop(len == 4 ? AF_INET : AF_INET6, bytes, out, (socklen_t)size);
    }
    return wharf_recv_exact(sock, bytes, 2) == 2 ? bytes[0] << 8 | bytes[1] : -1;
}

static int proxy_socks(wharf_sock sock) {
    char host[256] = "";
    int port = socks_greet(sock) < 0 ? -1 : socks_take_target(sock, host, sizeof(host));
    if (port < 0) {
        return -1;
    }
    wharf_sock to = connect_to(host, (unsigned)port);
    const unsigned char reply[10] = {5, proxy.socks_code, 0, 1};
    (void)(wharf_send(sock, reply, sizeof(reply)) > 0);
    return relay_both(sock, to, NULL);
}

/* "http://host:port/path": the host, and the port. */
static unsigned split_authority(const char *text, char host[SMALL]) {
    const char *colon = strrchr(text, ':');
    const char *end = text + strcspn(text, "/ ");
    unsigned port = 0;
    while (colon > end) {
        colon--;
    }
    while (*colon != ':') {
        colon--;
    }
    for (const char *digit = colon + 1; *digit >= '0' && *digit <= '9'; digit++) {
        port = port * 10 + (unsigned)(*digit - '0');
    }
    (void)snprintf(host, SMALL, "%.*s", (int)(colon - text), text);
    return port;
}

static int proxy_http(wharf_sock sock) {
    char host[SMALL];
    ssize_t len = wharf_recv_until(sock, proxy.head, sizeof(proxy.head) - 1, "\r\n\r\n");
    if (len <= 0) {
        return -1;
    }
    proxy.head[len] = '\0';
    proxy.requests++;
    if (strncmp(proxy.head, "CONNECT ", 8) == 0) {
        if (proxy.refusal != NULL) {
            return answer(sock, proxy.refusal);
        }
        unsigned port = split_authority(proxy.head + 8, host);
        wharf_sock to = connect_to(host, port);
        (void)answer(sock, "HTTP/1.1 200 Connection established\r\n\r\n");
        return relay_both(sock, to, NULL);
    }
    const char *target = strstr(proxy.head, " http://");
    EXPECT(target != NULL);
    if (target == NULL) {
        return -1;
    }
    unsigned port = split_authority(target + 8, host);
    return relay_both(sock, connect_to(host, port), proxy.head);
}

static bool is_socks;

static int proxy_one(void *arg) {
    wharf_sock sock = *(wharf_sock *)arg;
    (void)(is_socks ? proxy_socks(sock) : proxy_http(sock));
    (void)wharf_close(sock);
    return 0;
}

static int proxy_all(void *arg) {
    wharf_scope *scope = *(wharf_scope **)arg;
    for (;;) {
        wharf_sock sock = wharf_accept(proxy.listener);
        if (wharf_failed(sock)) {
            return 0;
        }
        if (wharf_go(scope, proxy_one, sock) < 0) {
            (void)wharf_close(sock);
        }
    }
}

/* ---- the rows ---- */

static int serve_ok(wharf_sock sock) {
    while (take_head(sock) > 0) {
        if (answer(sock, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") < 0) {
            return -1;
        }
    }
    return 0;
}

static const struct proxy_row {
    const char *proxy; /* behind '/' and '@' the address of the proxy here is added */
    bool is_socks, is_secure, is_secure_proxy;
    const char *no_proxy, *networks;
    const char *refusal, *credentials;
    unsigned char socks_code;
    int error;
    const char *why[2]; /* in the sentence */
    const char *head;   /* in the proxy's request */
} rows[] = {
    {.proxy = "http://", .head = "GET http://127.0.0.1:"},
    {.proxy = "http://", .head = "\r\nHost: 127.0.0.1:"},
    {.proxy = "http://ada:s%40crat@", .head = "\r\nProxy-Authorization: Basic YWRhOnNAY3JhdA==\r\n"},
    {.proxy = "http://", .is_secure = true, .head = "CONNECT 127.0.0.1:"},
    {.proxy = "http://ada:s%40crat@",
     .is_secure = true,
     .head = "\r\nProxy-Authorization: Basic YWRhOnNAY3JhdA==\r\n"},
    {.proxy = "https://", .is_secure_proxy = true, .head = "GET http://127.0.0.1:"},
    {.proxy = "https://", .is_secure_proxy = true, .is_secure = true, .head = "CONNECT 127.0.0.1:"},
    {.proxy = "socks5://", .is_socks = true},
    {.proxy = "socks5h://", .is_socks = true, .is_secure = true},
    {.proxy = "socks5://ada:secret@", .is_socks = true, .credentials = "ada secret"},
    {.proxy = "socks5://ada:wrong@",
     .is_socks = true,
     .credentials = "ada secret",
     .error = -WHARF_EPROXY,
     .why = {"through socks5://127.0.0.1:", "the credentials for it are wrong"}},
    {.proxy = "socks5://",
     .is_socks = true,
     .credentials = "ada secret",
     .error = -WHARF_EPROXY,
     .why = {"connect to 127.0.0.1:", "it wants other credentials, or any at all"}},
    {.proxy = "socks5://",
     .is_socks = true,
     .socks_code = 5,
     .error = -WHARF_EPROXY,
     .why = {"connect to 127.0.0.1:", "the connection was refused"}},
    {.proxy = "http://",
     .is_secure = true,
     .error = -WHARF_EPROXY,
     .refusal =
         "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 6\r\n\r\nno way",
     .why = {"it answered 407 Proxy Authentication Required",
             "it wants credentials: user:password@ in its URL"}},
    {.proxy = "http://",
     .is_secure = true,
     .error = -WHARF_EPROXY,
     .refusal =
         "HTTP/1.1 502 Bad Gateway\r\nProxy-Status: p; error=dns_timeout\r\nTransfer-Encoding: chunked\r\n\r\n"
         "6\r\nno way\r\n0\r\n\r\n",
     .why = {"it answered 502 Bad Gateway", "Proxy-Status: p; error=dns_timeout"}},
    {.proxy = "http://",
     .is_secure = true,
     .error = -WHARF_EPROTOCOL,
     .refusal = "SSH-2.0-OpenSSH\r\n\r\n",
     .why = {"connect to 127.0.0.1:", "through http://"}},
    {.proxy = "http://",
     .is_secure = true,
     .error = -WHARF_EEOF,
     .refusal = "",
     .why = {"connect to 127.0.0.1:", "the proxy closed the connection without an answer"}},
    {.proxy = "http://", .no_proxy = "example.com 127.0.0.0/8"},
    {.proxy = "http://127.0.0.1:1, http://", .head = "GET http://127.0.0.1:"},
    {.proxy = "http://127.0.0.1:1, direct"},
    {.proxy = "http://127.0.0.1:1", .error = -ECONNREFUSED, .why = {"connect 127.0.0.1:1", "ECONNREFUSED"}},
    {.proxy = "", .networks = "public", .error = -WHARF_EDENIED, .why = {"connect 127.0.0.1:", "EDENIED"}},
    {.proxy = "http://", .networks = "public", .error = -WHARF_EDENIED, .why = {"127.0.0.1:", "EDENIED"}},
    {.proxy = "http://", .networks = "127.0.0.1", .head = "GET http://127.0.0.1:"},
};

static const struct proxy_row *row;
static bool is_struck; /* something fails, somewhere */

static void check_row(const wharf_response *response) {
    EXPECT(wharf_response_error(response) == row->error);
    if (wharf_response_error(response) != row->error) {
        fprintf(stderr, "%s: %s\n", row->proxy, wharf_response_why(response));
    }
    for (int i = 0; i < 2; i++) {
        EXPECT(row->why[i] == NULL || why_has(response, row->why[i]));
    }
    if (row->error == 0) {
        EXPECT(wharf_str_is(wharf_response_body(response), "ok"));
    }
    if (row->refusal != NULL && row->error == -WHARF_EPROXY) {
        EXPECT(wharf_str_is(wharf_response_body(response), "no way"));
        EXPECT(wharf_response_status(response) >= 400);
    }
    EXPECT(row->head == NULL || strstr(proxy.head, row->head) != NULL);
    EXPECT(row->error != 0 || !row->is_secure || !head_has("Proxy-Authorization: "));
}

static void check_counters(const wharf_client *client) {
    wharf_client_counters counters = {.size = sizeof(counters)};
    EXPECT(wharf_client_stats(client, &counters) == 0);
    EXPECT(counters.open == (row->error == 0 ? 1 : 0) && counters.waiting == 0);
    EXPECT(row->error != 0 || (counters.dialled == 1 && counters.reused == 1));
}

static void play_row(void) {
    char text[SMALL];
    char url[SMALL];
    size_t len = strlen(row->proxy);
    bool is_here = len > 0 && strchr("/@", row->proxy[len - 1]) != NULL;
    (void)snprintf(text, sizeof(text), "%s%s", row->proxy, is_here ? proxy.address : "");
    wharf_tls *tls = site_new_client();
    wharf_client *own = wharf_client_new(WHARF_OPTIONS(wharf_client_options, .tls = tls, .proxy_tls = tls,
                                                       .proxy = text, .no_proxy = row->no_proxy,
                                                       .networks = row->networks));
    wharf_tls_free(tls);
    for (int i = 0; i < 2 && own != NULL; i++) {
        (void)snprintf(url, sizeof(url), "%s%s/", row->is_secure ? "https" : "http", strchr(stage.base, ':'));
        wharf_response *response = wharf_fetch(own, WHARF_OPTIONS(wharf_fetch_options, .url = url));
        if (!is_struck) {
            check_row(response);
        }
        wharf_response_free(response);
    }
    if (!is_struck) {
        check_counters(own);
    }
    wharf_client_free(own);
}

/* Serves with TLS where the row wants it. */
static int perform_row(void *arg) {
    wharf_scope scope;
    wharf_tls *server = site_new_server();
    (void)arg;
    stage.connections = 0;
    proxy.head[0] = '\0';
    proxy.refusal = row->refusal;
    proxy.socks_code = row->socks_code;
    proxy.credentials = row->credentials;
    is_socks = row->is_socks;
    (void)wharf_scope_open(&scope, NULL);
    char address[WHARF_ADDRESS_SIZE] = "";
    stage.listener = row->is_secure ? wharf_serve_on_tls("127.0.0.1:0", server)
                                    : wharf_serve_on("127.0.0.1:0");
    proxy.listener = row->is_secure_proxy ? wharf_serve_on_tls("127.0.0.1:0", server)
                                          : wharf_serve_on("127.0.0.1:0");
    (void)wharf_local_address(stage.listener, address, sizeof(address));
    (void)wharf_local_address(proxy.listener, proxy.address, sizeof(proxy.address));
    (void)snprintf(stage.base, sizeof(stage.base), "http://%s", address);
    if (wharf_go(&scope, serve_all, &scope) == 0 && wharf_go(&scope, proxy_all, &scope) == 0) {
        play_row();
    }
    (void)wharf_sleep(10000); /* what relays in the background hears that its ends are gone */
    (void)wharf_close(stage.listener);
    (void)wharf_close(proxy.listener);
    (void)wharf_scope_cancel(&scope);
    (void)wharf_scope_close(&scope);
    wharf_tls_free(server);
    return 0;
}

static void fetches_through_any_proxy(void **state) {
    (void)state;
    stage.serve = serve_ok;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        row = &rows[i];
        for (uint64_t seed = 0; seed < 4; seed++) {
            (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = seed, .piece_bytes_max = seed * 3),
                               perform_row);
        }
    }
}

/* No response is asked for what it says: it was struck. */
static const struct proxy_row struck_rows[] = {
    {.proxy = "http://ada:secret@", .networks = "127.0.0.0/8"},
    {.proxy = "socks5://ada:secret@", .is_socks = true, .credentials = "ada secret"},
    {.proxy = "http://", .is_secure = true, .refusal = "HTTP/1.1 502 No\r\nContent-Length: 2\r\n\r\nno"},
};

static void leaves_nothing_whatever_fails(void **state) {
    (void)state;
    stage.serve = serve_ok;
    const wharf_sim_options options = {.size = sizeof(options), .seed = 1};
    is_struck = true;
    for (size_t i = 0; i < sizeof(struck_rows) / sizeof(struck_rows[0]); i++) {
        row = &struck_rows[i];
        (void)scenario_sweep(WHARF_TEST_ALLOCATION, &options, perform_row);
        (void)scenario_sweep(WHARF_TEST_CANCEL, &options, perform_row);
        (void)scenario_sweep(WHARF_TEST_EXPIRE, &options, perform_row);
        (void)scenario_sweep(WHARF_TEST_RESET, &options, perform_row);
    }
    is_struck = false;
}

/* ---- networks ---- */

static const char *redirected_to;

static int serve_redirect(wharf_sock sock) {
    char text[SMALL];
    while (take_head(sock) > 0) {
        (void)snprintf(text, sizeof(text), "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n",
                       redirected_to);
        if (answer(sock, head_has("GET /away ") ? text : "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") <
            0) {
            return -1;
        }
    }
    return 0;
}

static wharf_response *get_within(wharf_client *client, const char *host, const char *path,
                                  const char *networks) {
    char url[SMALL];
    (void)snprintf(url, sizeof(url), "http://%s%s%s", host, strrchr(stage.base, ':'), path);
    return wharf_fetch(client, WHARF_OPTIONS(wharf_fetch_options, .url = url, .networks = networks));
}

static const struct network_row {
    const char *host, *path, *location, *networks;
    int error;
} network_rows[] = {
    {"127.0.0.1", "/", "", NULL, 0},
    {"127.0.0.1", "/", "", "127.0.0.0/8", 0},
    {"127.0.0.1", "/", "", "public", -WHARF_EDENIED},
    {"0x7f.1", "/", "", "public", -WHARF_EDENIED},
    {"2130706433", "/", "", "public", -WHARF_EDENIED},
    {"[::ffff:127.0.0.1]", "/", "", "public", -WHARF_EDENIED},
    {"localhost", "/", "", "public", -WHARF_EDENIED},
    {"inside.test", "/", "", "any !10.0.0.0/8", -WHARF_EDENIED},
    {"mixed.test", "/", "", "127.0.0.0/8", 0},
    {"mixed.test", "/", "", "10.0.0.0/8 !10.9.0.0/16", -WHARF_EDENIED},
    {"127.0.0.1", "/away", "http://inside.test/", "127.0.0.0/8", -WHARF_EDENIED},
    {"127.0.0.1", "/away", "http://169.254.169.254/latest/", "127.0.0.0/8", -WHARF_EDENIED},
    {"127.0.0.1", "/away", "http://[::1]/", "127.0.0.0/8", -WHARF_EDENIED},
};

static void play_networks(wharf_client *client) {
    EXPECT(wharf_sim_set_name("inside.test", "10.0.0.1") == 0);
    EXPECT(wharf_sim_set_name("mixed.test", "10.9.9.9 127.0.0.1") == 0);
    for (size_t i = 0; i < sizeof(network_rows) / sizeof(network_rows[0]); i++) {
        const struct network_row *network = &network_rows[i];
        redirected_to = network->location;
        wharf_response *response = get_within(client, network->host, network->path, network->networks);
        EXPECT(wharf_response_error(response) == network->error);
        if (wharf_response_error(response) != network->error) {
            fprintf(stderr, "%s%s %s: %s\n", network->host, network->path, network->networks,
                    wharf_response_why(response));
        }
        EXPECT(network->error == 0 || why_has(response, "(EDENIED)"));
        EXPECT(!wharf_response_may_retry(response));
        wharf_response_free(response);
    }
    /* A connection that was made under other rules is another one, though the name is the same. */
    EXPECT(wharf_sim_set_name("late.test", "127.0.0.1") == 0);
    wharf_response_free(get_within(client, "late.test", "/", NULL));
    wharf_response *response = get_within(client, "late.test", "/", "public");
    EXPECT(wharf_response_error(response) == -WHARF_EDENIED);
    wharf_response_free(response);
}

static void connects_to_nothing_outside_the_networks(void **state) {
    (void)state;
    run(serve_redirect, play_networks);
}

static int set_up(void **state) {
    (void)state;
    site_root = mint_root("Test Root");
    site_leaf = mint(&(const struct mint_plan){.common_name = "leaf", .names = "DNS:localhost,IP:127.0.0.1"},
                     &site_root);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    mint_free(&site_root);
    mint_free(&site_leaf);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fetches_through_any_proxy),
        cmocka_unit_test(leaves_nothing_whatever_fails),
        cmocka_unit_test(connects_to_nothing_outside_the_networks),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
