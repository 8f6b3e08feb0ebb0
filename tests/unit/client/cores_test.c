/* One client on several threads at once: each has its own connections, and nothing is shared but settings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "wharf/wharf.h"

enum { THREADS = 3, FETCHES = 100 };

static char url[160];
static atomic_int served;
static atomic_int answered;
static wharf_client *shared;

static int serve_one(void *arg) {
    static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    wharf_sock sock = *(wharf_sock *)arg;
    char head[4096];
    while (wharf_recv_until(sock, head, sizeof(head), "\r\n\r\n") > 0) {
        atomic_fetch_add(&served, 1);
        if (wharf_send(sock, reply, sizeof(reply) - 1) < 0) {
            break;
        }
    }
    return wharf_close(sock);
}

static int accept_all(void *arg) {
    wharf_sock listener = *(wharf_sock *)arg;
    for (;;) {
        wharf_sock sock = wharf_accept(listener);
        if (wharf_failed(sock)) {
            return 0;
        }
        (void)wharf_go(NULL, serve_one, sock);
    }
}

static void *fetch_many(void *arg) {
    (void)arg;
    for (int i = 0; i < FETCHES; i++) {
        wharf_response *response = wharf_fetch(i % 2 == 0 ? shared : NULL,
                                               WHARF_OPTIONS(wharf_fetch_options, .url = url));
        atomic_fetch_add(&answered, wharf_str_is(wharf_response_body(response), "hello") ? 1 : 0);
        wharf_response_free(response);
    }
    return NULL;
}

static void is_shared_without_sharing_connections(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    char address[WHARF_ADDRESS_SIZE];
    wharf_sock listener = wharf_serve_on("127.0.0.1:0");
    assert_true(wharf_local_address(listener, address, sizeof(address)) > 0);
    (void)snprintf(url, sizeof(url), "http://%s/", address);
    shared = wharf_client_new(NULL);
    assert_non_null(shared);
    assert_int_equal(wharf_go(NULL, accept_all, listener), 0);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, fetch_many, NULL), 0);
    }
    WHARF_WITHIN (60000) {
        while (atomic_load(&answered) < THREADS * FETCHES) {
            assert_int_equal(wharf_sleep(1), 0); /* serves meanwhile */
        }
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(atomic_load(&served), THREADS * FETCHES);
    wharf_client_free(shared);
    assert_int_equal(wharf_close(listener), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(is_shared_without_sharing_connections)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
