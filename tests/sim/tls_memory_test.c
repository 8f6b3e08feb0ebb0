/* TLS when memory runs out inside the TLS library: its allocations go through a function of this program's, which fails one of
 * them, a different one in each run. Whatever the library makes of that, nothing of ours is left behind. */
#include "scenario.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>

#include "mint.h"
#include "wharf/tls.h"

enum { STEP = 41 /* of some eleven thousand, one in so many */ };

static struct minted root, leaf;
static bool counting;
static int64_t counted, fail_at;

static bool is_to_fail(void) {
    counted += counting;
    return counting && counted == fail_at;
}

static void *library_alloc(size_t size, const char *file, int line) {
    (void)file;
    (void)line;
    return is_to_fail() ? NULL : malloc(size);
}

static void *library_realloc(void *block, size_t size, const char *file, int line) {
    (void)file;
    (void)line;
    return is_to_fail() ? NULL : realloc(block, size);
}

static void library_free(void *block, const char *file, int line) {
    (void)file;
    (void)line;
    free(block);
}

static int serve(void *arg) {
    wharf_sock listener = *(wharf_sock *)arg;
    char line[64];
    wharf_sock sock = wharf_accept(listener);
    ssize_t got = wharf_recv_until(sock, line, sizeof(line), "\n");
    ssize_t rc = got > 0 ? wharf_send(sock, line, (size_t)got) : got;
    (void)wharf_close(sock);
    return rc < 0 ? (int)rc : 0;
}

static int call(const char *address, wharf_tls *tls) {
    char line[64];
    wharf_sock sock = wharf_dial_tls(address, tls);
    ssize_t rc = wharf_send(sock, "request\n", 8);
    rc = rc < 0 ? rc : wharf_recv_exact(sock, line, 8);
    (void)wharf_close(sock);
    return rc < 0 ? (int)rc : 0;
}

/* Settings, a handshake, a word each way; gives up at the first error. */
static int program(void *arg) {
    (void)arg;
    char address[WHARF_ADDRESS_SIZE] = "";
    int result = 0;
    const wharf_tls_pair pairs[] = {{leaf.chain, leaf.key_pem}, {0}};
    wharf_tls *server = wharf_tls_new(WHARF_OPTIONS(wharf_tls_options, .certificates = pairs));
    wharf_tls *client = wharf_tls_new(WHARF_OPTIONS(wharf_tls_options, .ca = root.pem));
    wharf_sock listener = wharf_serve_on_tls("localhost:0", server);
    int rc = client == NULL ? -ENOMEM : wharf_error(listener);
    rc = rc < 0 ? rc : wharf_local_address(listener, address, sizeof(address));
    if (rc >= 0) {
        WHARF_SCOPE (scope, NULL) {
            result = wharf_go(scope, serve, listener);
            result = result < 0 ? result : call(address, client);
            if (result < 0) {
                wharf_scope_cancel(scope);
            }
        }
    }
    (void)wharf_close(listener);
    wharf_tls_free(server);
    wharf_tls_free(client);
    return rc < 0 ? rc : result;
}

static int run_failing(int64_t n) {
    wharf_sim_report report = {0};
    const wharf_sim_options *options = WHARF_OPTIONS(wharf_sim_options, .seed = 1);
    counting = true;
    counted = 0;
    fail_at = n;
    int result = wharf_sim_run_report(options, program, NULL, &report);
    counting = false;
    scenario_assert_clean(options, result, &report);
    return result;
}

static void memory_that_runs_out_in_the_library_is_an_error(void **state) {
    (void)state;
    assert_int_equal(run_failing(0), 0);
    assert_int_equal(run_failing(0), 0); /* what is made once has been made */
    int64_t all = counted;
    int failed = 0;
    assert_true(all > 1000);
    for (int64_t n = 1; n <= all; n += STEP) {
        failed += run_failing(n) < 0;
    }
    assert_true(failed > 10);
    assert_int_equal(run_failing(0), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_that_runs_out_in_the_library_is_an_error),
    };
    assert_true(CRYPTO_set_mem_functions(library_alloc, library_realloc, library_free) == 1);
    root = mint_root("Test Root");
    leaf = mint(&(const struct mint_plan){.common_name = "leaf", .names = "DNS:localhost,IP:127.0.0.1"},
                &root);
    int result = cmocka_run_group_tests_name("tls memory", tests, NULL, NULL);
    mint_free(&root);
    mint_free(&leaf);
    return result;
}
