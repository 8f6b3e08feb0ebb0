/* Peers that TLS must refuse, each with its own sentence, and peers that it must tell apart: certificates minted by the test, on
 * the simulated network and by its clock, which begins at 2025-01-01. */
#include "scenario.h"

#include <errno.h>
#include <stdlib.h>

#include "mint.h"
#include "wharf/tls.h"

/* ---- certificates ---- */

enum {
    GOOD,
    EXPIRED,
    EARLY,
    OTHER_HOST,
    NAME_IN_CN,
    SELF_SIGNED,
    UNTRUSTED,
    NO_INTERMEDIATE,
    WEAK,
    FOR_CLIENTS,
    EXPIRED_ISSUER,
    PARTIAL_WILDCARD,
    IDENTITIES
};

static struct minted root, other_root, intermediate, old_intermediate;
static struct minted identity[IDENTITIES];

#define PLAN(...) (&(const struct mint_plan){__VA_ARGS__})
#define NAMES     "DNS:localhost,DNS:www.example.com,IP:127.0.0.1"

static int set_up(void **state) {
    (void)state;
    root = mint_root("Test Root");
    other_root = mint_root("Unknown Root");
    intermediate = mint(PLAN(.common_name = "Test Intermediate", .authority = true), &root);
    old_intermediate = mint(
        PLAN(.common_name = "Old Intermediate", .authority = true, .from = -200 * 86400, .until = -86400),
        &root);
    identity[GOOD] = mint(PLAN(.common_name = "good", .names = NAMES), &intermediate);
    identity[EXPIRED] = mint(PLAN(.common_name = "old", .names = NAMES, .from = -90 * 86400, .until = -3600),
                             &root);
    identity[EARLY] = mint(PLAN(.common_name = "early", .names = NAMES, .from = 86400), &root);
    identity[OTHER_HOST] = mint(PLAN(.common_name = "other", .names = "DNS:a.example,DNS:b.example"), &root);
    identity[NAME_IN_CN] = mint(PLAN(.common_name = "localhost"), &root);
    identity[SELF_SIGNED] = mint(PLAN(.common_name = "self", .names = NAMES), NULL);
    identity[UNTRUSTED] = mint(PLAN(.common_name = "stranger", .names = NAMES), &other_root);
    identity[NO_INTERMEDIATE] = mint(PLAN(.common_name = "lonely", .names = NAMES), &intermediate);
    identity[WEAK] = mint(PLAN(.common_name = "weak", .names = NAMES, .rsa_bits = 1024), &root);
    identity[FOR_CLIENTS] = mint(PLAN(.common_name = "client", .names = NAMES, .usage = "clientAuth"), &root);
    identity[EXPIRED_ISSUER] = mint(PLAN(.common_name = "orphan", .names = NAMES), &old_intermediate);
    identity[PARTIAL_WILDCARD] = mint(PLAN(.common_name = "wild", .names = "DNS:local*"), &root);
    free(identity[NO_INTERMEDIATE].chain);
    identity[NO_INTERMEDIATE].chain = strdup(identity[NO_INTERMEDIATE].pem);
    /* A server that sends the root as well is told from one that does not. */
    free(identity[UNTRUSTED].chain);
    if (asprintf(&identity[UNTRUSTED].chain, "%s%s", identity[UNTRUSTED].pem, other_root.pem) < 0) {
        return -1;
    }
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    for (int i = 0; i < IDENTITIES; i++) {
        mint_free(&identity[i]);
    }
    mint_free(&intermediate);
    mint_free(&old_intermediate);
    mint_free(&root);
    mint_free(&other_root);
    return 0;
}

/* ---- one handshake ---- */

struct stage {
    const wharf_tls_options *server, *client; /* NULL: the good ones */
    const char *host;                         /* dialled; NULL: localhost */
    int server_result, client_result;
    char server_why[700], client_why[700];
    wharf_tls_facts server_facts, client_facts;
    wharf_tls *server_tls, *client_tls;
    bool talks; /* a byte each way after the handshake */
};

static wharf_tls *make_server(const struct stage *stage) {
    const wharf_tls_pair pairs[] = {{identity[GOOD].chain, identity[GOOD].key_pem}, {0}};
    return wharf_tls_new(stage->server != NULL ? stage->server
                                               : WHARF_OPTIONS(wharf_tls_options, .certificates = pairs));
}

static wharf_tls *make_client(const struct stage *stage) {
    return wharf_tls_new(stage->client != NULL ? stage->client
                                               : WHARF_OPTIONS(wharf_tls_options, .ca = root.pem));
}

struct serving {
    struct stage *stage;
    wharf_sock listener;
};

static int serve_one(void *arg) {
    const struct serving *serving = arg;
    struct stage *stage = serving->stage;
    char byte = 0;
    wharf_sock sock = wharf_accept(serving->listener);
    stage->server_result = wharf_tls_handshake(sock);
    if (stage->server_result < 0) {
        snprintf(stage->server_why, sizeof(stage->server_why), "%s", wharf_why());
    } else {
        (void)wharf_tls_get_facts(sock, &stage->server_facts);
        ssize_t got = wharf_recv(sock, &byte, 1);
        if (got > 0) {
            (void)wharf_send(sock, &byte, 1);
        }
    }
    (void)wharf_close(sock);
    return 0;
}

static void call_once(struct stage *stage, const char *address) {
    char byte = 'x';
    wharf_sock sock = wharf_dial(address);
    EXPECT(!wharf_failed(sock));
    stage->client_result = wharf_tls_client(sock, stage->host != NULL ? stage->host : "localhost",
                                            stage->client_tls);
    if (stage->client_result == 0) {
        EXPECT(wharf_send(sock, &byte, 1) == 1);
        ssize_t got = wharf_recv(sock, &byte, 1);
        stage->client_result = got < 0 ? (int)got : 0;
        stage->talks = got == 1;
    }
    if (stage->client_result < 0) {
        snprintf(stage->client_why, sizeof(stage->client_why), "%s", wharf_why());
    } else {
        (void)wharf_tls_get_facts(sock, &stage->client_facts);
    }
    (void)wharf_close(sock);
}

static int play(void *arg) {
    struct stage *stage = arg;
    char address[WHARF_ADDRESS_SIZE] = "";
    stage->server_tls = make_server(stage);
    stage->client_tls = make_client(stage);
    EXPECT(stage->server_tls != NULL && stage->client_tls != NULL);
    wharf_sock listener = wharf_serve_on_tls("127.0.0.1:0", stage->server_tls);
    EXPECT(wharf_local_address(listener, address, sizeof(address)) > 0);
    WHARF_SCOPE (scope, NULL) {
        struct serving serving = {stage, listener};
        EXPECT(wharf_go(scope, serve_one, serving) == 0);
        call_once(stage, address);
    }
    (void)wharf_close(listener);
    wharf_tls_free(stage->server_tls);
    wharf_tls_free(stage->client_tls);
    return 0;
}

static void run_stage(struct stage *stage) {
    wharf_sim_report report = {0};
    const wharf_sim_options *options = WHARF_OPTIONS(wharf_sim_options, .seed = 3);
    int result = wharf_sim_run_report(options, play, stage, &report);
    scenario_assert_clean(options, result, &report);
    assert_int_equal(result, 0);
}

static void assert_has(const char *sentence, const char *part) {
    if (strstr(sentence, part) == NULL) {
        fail_msg("no \"%s\" in: %s", part, sentence);
    }
}

static void assert_talks(const struct stage *stage) {
    if (!stage->talks) {
        fail_msg("client: %s; server: %s", stage->client_why, stage->server_why);
    }
}

/* ---- certificates that are refused ---- */

static void good_certificates_are_taken(void **state) {
    (void)state;
    static const char *const hosts[] = {"localhost", "LOCALHOST", "localhost.", "127.0.0.1",
                                        "www.example.com"};
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        struct stage stage = {.host = hosts[i]};
        run_stage(&stage);
        assert_talks(&stage);
        assert_true(stage.client_facts.verified);
    }
}

static const struct {
    int identity;
    const char *host;
    const char *parts[5]; /* of the sentence */
} refusals[] = {
    {EXPIRED,
     NULL,
     {"certificate", "expired on 2024-12-31 23:00 UTC", "Test Root", "localhost", "--insecure"}},
    {EARLY,
     NULL,
     {"certificate", "not valid before 2025-01-02", "the clock here says 2025-01-01", "--insecure"}},
    {OTHER_HOST, NULL, {"certificate is for a.example, b.example, and not for localhost", "--name"}},
    {NAME_IN_CN, NULL, {"certificate names no host", "common name localhost does not count", "--name"}},
    {SELF_SIGNED, NULL, {"certificate of self is self-signed", "not in the store", "--ca FILE"}},
    {UNTRUSTED,
     NULL,
     {"certificate chain ends at the authority Unknown Root", "not in the store", "--ca FILE"}},
    {NO_INTERMEDIATE,
     NULL,
     {"certificate's issuer Test Intermediate is not in the store", "no intermediate certificate was sent",
      "--ca"}},
    {FOR_CLIENTS, NULL, {"certificate client, is not for servers", "Test Root", "--insecure"}},
    {EXPIRED_ISSUER,
     NULL,
     {"certificate of an issuer, Old Intermediate, expired on 2024-12-31", "--insecure"}},
    {PARTIAL_WILDCARD, NULL, {"certificate is for local*, and not for localhost"}},
    {GOOD, "www.example.org", {"certificate is for localhost, www.example.com", "not for www.example.org"}},
    {GOOD, "127.0.0.2", {"certificate is for", "not for 127.0.0.2"}},
};

static void each_bad_certificate_has_its_own_sentence(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        const struct minted *bad = &identity[refusals[i].identity];
        const wharf_tls_pair pairs[] = {{bad->chain, bad->key_pem}, {0}};
        struct stage stage = {.server = WHARF_OPTIONS(wharf_tls_options, .certificates = pairs),
                              .host = refusals[i].host};
        run_stage(&stage);
        assert_int_equal(stage.client_result, -WHARF_ETLS);
        assert_has(stage.client_why, "TLS handshake with ");
        for (int part = 0; part < 5 && refusals[i].parts[part] != NULL; part++) {
            assert_has(stage.client_why, refusals[i].parts[part]);
        }
        assert_int_equal(stage.server_result < 0, true);
        /* What the client said about it. */
        assert_has(stage.server_why, "certificate");
    }
}

static void refused_certificates_are_taken_when_nobody_verifies(void **state) {
    (void)state;
    for (int i = 0; i < IDENTITIES; i++) {
        const wharf_tls_pair pairs[] = {{identity[i].chain, identity[i].key_pem}, {0}};
        struct stage stage = {.server = WHARF_OPTIONS(wharf_tls_options, .certificates = pairs),
                              .client = WHARF_OPTIONS(wharf_tls_options, .insecure_no_verify = true)};
        if (i == WEAK) {
            continue; /* the server itself will not show it */
        }
        run_stage(&stage);
        assert_talks(&stage);
        assert_false(stage.client_facts.verified);
    }
}

static int refuses_to_show_a_weak_key(void *arg) {
    (void)arg;
    const wharf_tls_pair pairs[] = {{identity[WEAK].chain, identity[WEAK].key_pem}, {0}};
    wharf_tls *tls = wharf_tls_new(WHARF_OPTIONS(wharf_tls_options, .certificates = pairs));
    EXPECT(tls != NULL);
    wharf_sock listener = wharf_serve_on_tls("127.0.0.1:0", tls);
    EXPECT(listener.id == -WHARF_ETLS && strstr(wharf_why(), "key too small") != NULL);
    wharf_tls_free(tls);
    return 0;
}

static void weak_keys_are_not_shown(void **state) {
    (void)state;
    (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = 1), refuses_to_show_a_weak_key);
}

/* ---- settings ---- */

static const struct {
    wharf_tls_options options;
    const char *why;
} bad_settings[] = {
    {{.certificates = (const wharf_tls_pair[]){{"/nowhere/a.crt", NULL}, {0}}}, "read /nowhere/a.crt"},
    {{.certificates = (const wharf_tls_pair[]){{"-----BEGIN nonsense", NULL}, {0}}},
     "there is no certificate in it"},
    {{.ca = "/nowhere/ca.crt"}, "read /nowhere/ca.crt"},
    {{.pins = (const char *const[]){"sha256/short", NULL}}, "a pin is sha256/ and 44 characters"},
    {{.alpn = (const char *const[]){"", NULL}}, "alpn: a protocol has 1 to 255 bytes"},
    {{.clients = WHARF_TLS_CLIENTS_VERIFIED}, "set ca to the authority of their certificates"},
    {{.limits = {.handshake_ms = -5}}, "limits.handshake_ms is -5"},
    {{.key_log = "/nowhere/keys"}, "open /nowhere/keys"},
};

static void settings_are_checked(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(bad_settings) / sizeof(bad_settings[0]); i++) {
        wharf_tls_options options = bad_settings[i].options;
        options.size = sizeof(options);
        assert_null(wharf_tls_new(&options));
        assert_has(wharf_why(), bad_settings[i].why);
    }
    const wharf_tls_pair crossed[] = {{identity[GOOD].chain, identity[OTHER_HOST].key_pem}, {0}};
    assert_null(wharf_tls_new(WHARF_OPTIONS(wharf_tls_options, .certificates = crossed)));
    assert_has(wharf_why(), "is not this certificate's");
}

/* ---- client certificates ---- */

static void client_certificates_are_verified(void **state) {
    (void)state;
    const wharf_tls_pair own[] = {{identity[GOOD].chain, identity[GOOD].key_pem}, {0}};
    const wharf_tls_pair strange[] = {{identity[UNTRUSTED].chain, identity[UNTRUSTED].key_pem}, {0}};
    const wharf_tls_options *strict = WHARF_OPTIONS(wharf_tls_options, .certificates = own, .ca = root.pem,
                                                    .clients = WHARF_TLS_CLIENTS_VERIFIED);
    const wharf_tls_options *asking = WHARF_OPTIONS(wharf_tls_options, .certificates = own, .ca = root.pem,
                                                    .clients = WHARF_TLS_CLIENTS_ASKED);
    struct stage known = {.server = strict,
                          .client = WHARF_OPTIONS(wharf_tls_options, .certificates = own, .ca = root.pem)};
    run_stage(&known);
    assert_talks(&known);
    assert_string_equal(known.server_facts.peer_subject, "CN=good");
    assert_true(known.server_facts.verified);

    struct stage without = {.server = strict};
    run_stage(&without);
    assert_int_equal(without.client_result, -WHARF_ETLS);
    assert_has(without.client_why, "the peer requires a client certificate");
    assert_has(without.client_why, "--cert");
    assert_has(without.server_why, "the client showed no certificate");

    struct stage stranger = {
        .server = strict,
        .client = WHARF_OPTIONS(wharf_tls_options, .certificates = strange, .ca = root.pem)};
    run_stage(&stranger);
    assert_int_equal(stranger.client_result, -WHARF_ETLS);
    assert_has(stranger.client_why, "the peer does not know the authority that issued our certificate");
    assert_has(stranger.server_why, "Unknown Root");

    struct stage anonymous = {.server = asking};
    run_stage(&anonymous);
    assert_talks(&anonymous);
    assert_false(anonymous.server_facts.verified);
}

/* ---- names ---- */

static struct minted by_name[4];

static void the_name_decides_the_certificate(void **state) {
    (void)state;
    static const struct {
        const char *host, *subject;
    } rows[] = {
        {"www.first.example", "CN=first"},
        {"second.example", "CN=second"},
        {"a.second.example", "CN=wild"},
        {"exact.second.example", "CN=exact"},
    };
    by_name[0] = mint(PLAN(.common_name = "first", .names = "DNS:www.first.example"), &root);
    by_name[1] = mint(PLAN(.common_name = "second", .names = "DNS:second.example"), &root);
    by_name[2] = mint(PLAN(.common_name = "wild", .names = "DNS:*.second.example"), &root);
    by_name[3] = mint(PLAN(.common_name = "exact", .names = "DNS:exact.second.example", .rsa_bits = 2048),
                      &root);
    wharf_tls_pair pairs[5] = {{0}};
    for (int i = 0; i < 4; i++) {
        pairs[i] = (wharf_tls_pair){by_name[i].pem, by_name[i].key_pem};
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct stage stage = {.server = WHARF_OPTIONS(wharf_tls_options, .certificates = pairs),
                              .host = rows[i].host};
        run_stage(&stage);
        assert_talks(&stage);
        assert_string_equal(stage.client_facts.peer_subject, rows[i].subject);
        assert_string_equal(stage.server_facts.server_name, rows[i].host);
    }
    struct stage unknown = {.server = WHARF_OPTIONS(wharf_tls_options, .certificates = pairs),
                            .host = "x.y.second.example"};
    run_stage(&unknown);
    assert_has(unknown.client_why, "certificate is for www.first.example, and not for x.y.second.example");
    struct stage refused = {
        .server = WHARF_OPTIONS(wharf_tls_options, .certificates = pairs, .refuse_unknown_names = true),
        .host = "third.example"};
    run_stage(&refused);
    assert_has(refused.client_why, "the peer has no certificate for the name that was asked for");
    for (int i = 0; i < 4; i++) {
        mint_free(&by_name[i]);
    }
}

static int choices;

static wharf_tls *choose(void *arg, const char *server_name) {
    wharf_tls *const *tls = arg;
    choices++;
    EXPECT(wharf_sleep(20) == 0);
    return strcmp(server_name, "www.example.com") == 0 ? *tls : NULL;
}

static int choose_program(void *arg) {
    static const char *const hosts[] = {"www.example.com", "localhost"};
    wharf_tls *chosen = NULL;
    (void)arg;
    const wharf_tls_pair pairs[] = {{identity[GOOD].chain, identity[GOOD].key_pem}, {0}};
    const wharf_tls_pair others[] = {{identity[OTHER_HOST].chain, identity[OTHER_HOST].key_pem}, {0}};
    chosen = wharf_tls_new(WHARF_OPTIONS(wharf_tls_options, .certificates = pairs));
    for (int i = 0; i < 2; i++) {
        struct stage stage = {.server = WHARF_OPTIONS(wharf_tls_options, .certificates = others,
                                                      .choose = choose, .choose_arg = (void *)&chosen),
                              .host = hosts[i]};
        EXPECT(play(&stage) == 0);
        EXPECT(stage.talks == (i == 0));
        EXPECT(i == 0 || strstr(stage.client_why, "certificate is for a.example") != NULL);
    }
    EXPECT(choices == 2);
    wharf_tls_free(chosen);
    return 0;
}

static void a_program_may_take_its_time_to_choose(void **state) {
    (void)state;
    choices = 0;
    (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = 1), choose_program);
}

/* ---- protocols, pins, names that are set ---- */

static void protocols_must_match(void **state) {
    (void)state;
    const wharf_tls_pair pairs[] = {{identity[GOOD].chain, identity[GOOD].key_pem}, {0}};
    const char *const both[] = {"h2", "http/1.1", NULL};
    const char *const old[] = {"http/1.1", NULL};
    const char *const other[] = {"smtp", NULL};
    const wharf_tls_options *server = WHARF_OPTIONS(wharf_tls_options, .certificates = pairs, .alpn = both);
    struct stage common = {.server = server,
                           .client = WHARF_OPTIONS(wharf_tls_options, .ca = root.pem, .alpn = old)};
    run_stage(&common);
    assert_talks(&common);
    assert_string_equal(common.client_facts.alpn, "http/1.1");
    assert_string_equal(common.server_facts.alpn, "http/1.1");
    struct stage silent = {.server = server};
    run_stage(&silent);
    assert_talks(&silent);
    assert_string_equal(silent.client_facts.alpn, "");
    struct stage none = {.server = server,
                         .client = WHARF_OPTIONS(wharf_tls_options, .ca = root.pem, .alpn = other)};
    run_stage(&none);
    assert_int_equal(none.client_result, -WHARF_ETLS);
    assert_has(none.client_why, "the peer speaks none of the protocols offered by ALPN");
    assert_has(none.server_why, "the client offers none of our protocols");
}

static void pins_must_match(void **state) {
    (void)state;
    const char *const wrong[] = {"sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", NULL};
    struct stage stage = {.client = WHARF_OPTIONS(wharf_tls_options, .ca = root.pem, .pins = wrong)};
    run_stage(&stage);
    assert_int_equal(stage.client_result, -WHARF_ETLS);
    assert_has(stage.client_why, "none of its chain is pinned; setting pins");
    /* The sentence gives the pin that would have fitted. */
    char pin[64] = "";
    const char *at = strstr(stage.client_why, "sha256/");
    assert_non_null(at);
    (void)snprintf(pin, sizeof(pin), "%.51s", at);
    const char *const right[] = {wrong[0], pin, NULL};
    struct stage fits = {.client = WHARF_OPTIONS(wharf_tls_options, .ca = root.pem, .pins = right)};
    run_stage(&fits);
    assert_talks(&fits);
}

static void another_name_can_be_expected(void **state) {
    (void)state;
    struct stage stage = {
        .host = "10.1.2.3",
        .client = WHARF_OPTIONS(wharf_tls_options, .ca = root.pem, .name = "www.example.com")};
    run_stage(&stage);
    assert_talks(&stage);
    assert_string_equal(stage.server_facts.server_name, "www.example.com");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_certificates_are_taken),
        cmocka_unit_test(each_bad_certificate_has_its_own_sentence),
        cmocka_unit_test(refused_certificates_are_taken_when_nobody_verifies),
        cmocka_unit_test(weak_keys_are_not_shown),
        cmocka_unit_test(settings_are_checked),
        cmocka_unit_test(client_certificates_are_verified),
        cmocka_unit_test(the_name_decides_the_certificate),
        cmocka_unit_test(a_program_may_take_its_time_to_choose),
        cmocka_unit_test(protocols_must_match),
        cmocka_unit_test(pins_must_match),
        cmocka_unit_test(another_name_can_be_expected),
    };
    return cmocka_run_group_tests_name("tls peers", tests, set_up, tear_down);
}
