/* Certificates that their issuers have revoked, on both sides, and old sessions of theirs. */
#include "scenario.h"

#include <errno.h>
#include <unistd.h>

#include "mint.h"
#include "wharf/tls.h"

enum { DAY = 86400, PATH_SIZE = 128 };

static struct minted root, intermediate, server_leaf, good, bad;
static char *empty, *naming, *old, *of_intermediate;

#define PLAN(...) (&(const struct mint_plan){__VA_ARGS__})
#define NAMES     "DNS:localhost"

static int set_up(void **state) {
    (void)state;
    root = mint_root("Test Root");
    intermediate = mint(PLAN(.common_name = "Test Intermediate", .authority = true), &root);
    server_leaf = mint(PLAN(.common_name = "server", .names = NAMES), &root);
    good = mint(PLAN(.common_name = "good", .names = NAMES), &root);
    bad = mint(PLAN(.common_name = "bad", .names = NAMES), &intermediate);
    empty = mint_list(&root, NULL, DAY);
    naming = mint_list(&root, &server_leaf, DAY);
    old = mint_list(&root, NULL, -3600);
    of_intermediate = mint_list(&intermediate, &bad, DAY);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    mint_free(&root);
    mint_free(&intermediate);
    mint_free(&server_leaf);
    mint_free(&good);
    mint_free(&bad);
    free(empty);
    free(naming);
    free(old);
    free(of_intermediate);
    return 0;
}

/* ---- one connection ---- */

struct meeting {
    wharf_tls *server, *client;
    wharf_sock listener;
    int server_result, client_result;
    char server_why[700], client_why[700];
    bool resumed;
};

static int serve(void *arg) {
    struct meeting *meeting = *(struct meeting **)arg;
    char byte = 0;
    wharf_sock sock = wharf_accept(meeting->listener);
    meeting->server_result = wharf_tls_handshake(sock);
    snprintf(meeting->server_why, sizeof(meeting->server_why), "%s", wharf_why());
    if (meeting->server_result == 0) {
        EXPECT(wharf_send(sock, "x", 1) == 1 && wharf_recv(sock, &byte, 1) == 0);
    }
    return wharf_close(sock);
}

static void meet(struct meeting *meeting) {
    char address[WHARF_ADDRESS_SIZE] = "";
    wharf_tls_facts facts = {.resumed = false};
    meeting->listener = wharf_serve_on_tls("127.0.0.1:4443", meeting->server);
    EXPECT(wharf_local_address(meeting->listener, address, sizeof(address)) > 0);
    WHARF_SCOPE (scope, NULL) {
        char byte = 0;
        EXPECT(wharf_go(scope, serve, meeting) == 0);
        wharf_sock sock = wharf_dial(address);
        meeting->client_result = wharf_tls_client(sock, "localhost", meeting->client);
        snprintf(meeting->client_why, sizeof(meeting->client_why), "%s", wharf_why());
        (void)!wharf_recv(sock, &byte, 1);
        meeting->resumed = wharf_tls_get_facts(sock, &facts) == 0 && facts.resumed;
        (void)wharf_close(sock);
    }
    (void)wharf_close(meeting->listener);
}

/* ---- lists ---- */

struct case_of {
    const struct minted *client; /* NULL: the server is the one who is checked */
    char **lists[2];
    const char *why; /* NULL: it is fine */
};

static const struct case_of cases[] = {
    {NULL, {&empty}, NULL},
    {NULL, {&naming}, "the certificate server, was revoked by its issuer Test Root; setting crl"},
    {NULL, {&old}, "the revocation list of Test Root has expired"},
    {NULL, {&of_intermediate}, "there is no revocation list of Test Root"},
    {&good, {&empty}, NULL},
    {&good, {&naming}, NULL},
    {&bad, {&empty}, "there is no revocation list of Test Intermediate"},
    {&bad,
     {&empty, &of_intermediate},
     "the client's certificate bad, was revoked by its issuer Test Intermediate"},
};

static int meet_all(void *arg) {
    (void)arg;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct case_of *row = &cases[i];
        char *lists = NULL;
        EXPECT(asprintf(&lists, "%s%s", *row->lists[0], row->lists[1] != NULL ? *row->lists[1] : "") > 0);
        bool server = row->client == NULL;
        const wharf_tls_pair own[] = {{server_leaf.chain, server_leaf.key_pem}, {0}};
        const wharf_tls_pair shown[] = {
            {server ? NULL : row->client->chain, server ? NULL : row->client->key_pem}, {0}};
        struct meeting meeting = {
            .server = wharf_tls_new(
                WHARF_OPTIONS(wharf_tls_options, .certificates = own, .ca = root.pem,
                              .clients = server ? WHARF_TLS_CLIENTS_ANY : WHARF_TLS_CLIENTS_VERIFIED,
                              .crl = server ? NULL : lists)),
            .client = wharf_tls_new(WHARF_OPTIONS(wharf_tls_options, .certificates = shown, .ca = root.pem,
                                                  .crl = server ? lists : NULL)),
        };
        meet(&meeting);
        int result = server ? meeting.client_result : meeting.server_result;
        const char *why = server ? meeting.client_why : meeting.server_why;
        if (row->why == NULL ? result != 0 : strstr(why, row->why) == NULL) {
            fprintf(stderr, "case %zu: %d, %s\n", i, result, why);
        }
        EXPECT(row->why == NULL ? result == 0 : result == -WHARF_ETLS && strstr(why, row->why) != NULL);
        wharf_tls_free(meeting.server);
        wharf_tls_free(meeting.client);
        free(lists);
    }
    return 0;
}

static void revoked_certificates_are_refused(void **state) {
    (void)state;
    (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = 1), meet_all);
}

static void lists_that_cannot_be_read_are_named(void **state) {
    static const struct {
        const char *crl, *why;
    } rows[] = {
        {"/nowhere/lists.pem", "read /nowhere/lists.pem: no such file"},
        {"-----BEGIN NOTHING-----\nAAAA\n-----END NOTHING-----\n", "there is no revocation list in it"},
        {"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n",
         "a revocation list in it cannot be understood"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        wharf_tls *tls = wharf_tls_new(WHARF_OPTIONS(wharf_tls_options, .ca = root.pem, .crl = rows[i].crl));
        assert_null(tls);
        if (strstr(wharf_why(), rows[i].why) == NULL) {
            fail_msg("%s", wharf_why());
        }
    }
}

/* ---- sessions ---- */

static char folder[64];

static void put(const char *name, const char *text, char ret_path[PATH_SIZE]) {
    snprintf(ret_path, PATH_SIZE, "%s/%s", folder, name);
    FILE *file = fopen(ret_path, "w");
    EXPECT(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

/* A client whose certificate was revoked does not come in by the session of before, and a server that was does not get away
 * with one. */
static int revoke_later(void *arg) {
    char path[PATH_SIZE] = "";
    char *named = mint_list(&root, &good, DAY);
    const wharf_tls_pair own[] = {{server_leaf.chain, server_leaf.key_pem}, {0}};
    const wharf_tls_pair shown[] = {{good.chain, good.key_pem}, {0}};
    (void)arg;
    for (int side = 0; side < 2; side++) {
        bool server = side == 0; /* who has the list */
        put("lists.pem", empty, path);
        struct meeting meeting = {
            .server = wharf_tls_new(WHARF_OPTIONS(wharf_tls_options, .certificates = own, .ca = root.pem,
                                                  .clients = WHARF_TLS_CLIENTS_ASKED,
                                                  .crl = server ? path : NULL)),
            .client = wharf_tls_new(WHARF_OPTIONS(wharf_tls_options, .certificates = shown, .ca = root.pem,
                                                  .crl = server ? NULL : path)),
        };
        wharf_tls *checking = server ? meeting.server : meeting.client;
        meet(&meeting);
        EXPECT(meeting.server_result == 0 && meeting.client_result == 0 && !meeting.resumed);
        EXPECT(wharf_tls_reload(checking) == 0);
        meet(&meeting); /* nothing has changed */
        EXPECT(meeting.server_result == 0 && meeting.resumed);
        put("lists.pem", server ? named : naming, path);
        EXPECT(wharf_tls_reload(checking) == 0);
        meet(&meeting);
        EXPECT((server ? meeting.server_result : meeting.client_result) == -WHARF_ETLS);
        EXPECT(strstr(server ? meeting.server_why : meeting.client_why, "was revoked by its issuer") != NULL);
        wharf_tls_free(meeting.server);
        wharf_tls_free(meeting.client);
    }
    free(named);
    EXPECT(unlink(path) == 0);
    return 0;
}

static void no_session_gets_around_a_new_list(void **state) {
    const char *base = getenv("TMPDIR");
    (void)state;
    snprintf(folder, sizeof(folder), "%s/wharf-crl-XXXXXX", base != NULL ? base : P_tmpdir);
    assert_non_null(mkdtemp(folder));
    (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = 1), revoke_later);
    assert_int_equal(rmdir(folder), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(revoked_certificates_are_refused),
        cmocka_unit_test(lists_that_cannot_be_read_are_named),
        cmocka_unit_test(no_session_gets_around_a_new_list),
    };
    return cmocka_run_group_tests_name("tls revocation", tests, set_up, tear_down);
}
