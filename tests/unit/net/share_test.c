/* One listener for several cores: who gets the connections, what happens when a core leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "wharf/net.h"
#include "wharf/task.h"

enum { CORES = 4, CLIENTS = 200 };

static _Atomic int listening;
static _Atomic int accepted[CORES];
static _Atomic int answered;
static _Atomic int left;
static char addresses[CORES][WHARF_ADDRESS_SIZE];

static void reset(void) {
    atomic_store(&listening, 0);
    atomic_store(&answered, 0);
    atomic_store(&left, 0);
    for (int i = 0; i < CORES; i++) {
        atomic_store(&accepted[i], 0);
    }
}

/* The cores meet without a shared scheduler, so they look and sleep. */
static int wait_for(_Atomic int *counter, int value) {
    int rc = 0;
    while (atomic_load(counter) < value && rc == 0) {
        rc = wharf_sleep(1);
    }
    return rc;
}

static int hold(void *arg) {
    wharf_sock sock = *(wharf_sock *)arg;
    char byte;
    ssize_t got = wharf_recv(sock, &byte, 1);
    if (got == 1 && wharf_send(sock, &byte, 1) == 1) {
        got = wharf_recv(sock, &byte, 1);
    }
    return wharf_close(sock);
}

static int accept_all(void *arg) {
    wharf_sock listener = *(wharf_sock *)arg;
    for (;;) {
        wharf_sock sock = wharf_accept(listener);
        if (wharf_failed(sock)) {
            return wharf_error(sock) == -ECANCELED ? 0 : wharf_error(sock);
        }
        atomic_fetch_add(&accepted[wharf_core()], 1);
        int rc = wharf_go(NULL, hold, sock);
        if (rc < 0) {
            return rc;
        }
    }
}

/* Connects, holds all connections at once, and has a byte answered on each. */
static int call_all(const char *address) {
    static wharf_sock clients[CLIENTS];
    char byte = 'x';
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = wharf_dial(address);
        if (wharf_failed(clients[i]) || wharf_send(clients[i], &byte, 1) != 1) {
            return -EPROTO;
        }
        ssize_t got = wharf_recv(clients[i], &byte, 1);
        if (got == 1) {
            atomic_fetch_add(&answered, 1);
        }
    }
    for (int i = 0; i < CLIENTS; i++) {
        (void)wharf_close(clients[i]);
    }
    return 0;
}

static int open_view(wharf_sock *ret_listener) {
    int core = wharf_core();
    *ret_listener = wharf_serve_on("localhost:0");
    if (wharf_failed(*ret_listener)) {
        return wharf_error(*ret_listener);
    }
    int rc = wharf_local_address(*ret_listener, addresses[core], WHARF_ADDRESS_SIZE);
    atomic_fetch_add(&listening, 1);
    return rc < 0 ? rc : wait_for(&listening, CORES);
}

static int balanced(void *arg) {
    (void)arg;
    wharf_sock listener;
    int rc = open_view(&listener);
    if (rc < 0) {
        return rc;
    }
    WHARF_SCOPE (scope, &rc) {
        (void)wharf_go(scope, accept_all, listener);
        if (wharf_core() == 0) {
            (void)call_all(addresses[0]);
            atomic_fetch_add(&left, 1);
        }
        (void)wait_for(&left, 1);
        (void)wharf_close(listener);
    }
    return rc;
}

static void connections_spread_over_the_cores(void **state) {
    (void)state;
    reset();
    assert_int_equal(wharf_run(CORES, balanced, NULL), 0);
    assert_int_equal(atomic_load(&answered), CLIENTS);
    int sum = 0;
    for (int i = 0; i < CORES; i++) {
        assert_string_equal(addresses[i], addresses[0]);
        sum += atomic_load(&accepted[i]);
    }
    assert_int_equal(sum, CLIENTS);
    /* Core 0 holds the clients, so the others share the rest. */
    for (int i = 1; i < CORES; i++) {
        assert_in_range(atomic_load(&accepted[i]), CLIENTS / 8, CLIENTS / 2);
    }
}

/* The core that has the sockets leaves first; the others go on. */
static int leaving(void *arg) {
    (void)arg;
    wharf_sock listener;
    int rc = open_view(&listener);
    if (rc < 0) {
        return rc;
    }
    if (wharf_core() < CORES - 1) {
        rc = wait_for(&left, wharf_core());
        rc = rc < 0 ? rc : wharf_close(listener);
        atomic_fetch_add(&left, 1);
        if (wharf_core() == 0 && rc == 0) {
            rc = wait_for(&left, CORES - 1);
            rc = rc < 0 ? rc : call_all(addresses[0]);
            atomic_fetch_add(&left, 1);
        }
        return rc;
    }
    WHARF_SCOPE (scope, &rc) {
        (void)wharf_go(scope, accept_all, listener);
        (void)wait_for(&left, CORES);
        (void)wharf_close(listener);
    }
    return rc;
}

static void sockets_pass_to_the_cores_that_stay(void **state) {
    (void)state;
    reset();
    assert_int_equal(wharf_run(CORES, leaving, NULL), 0);
    assert_int_equal(atomic_load(&answered), CLIENTS);
    assert_int_equal(atomic_load(&accepted[CORES - 1]), CLIENTS);
}

/* Nobody accepts: what waits is closed with the last view, and the port is free again. */
static int ignoring(void *arg) {
    (void)arg;
    wharf_sock listener;
    static wharf_sock clients[20];
    char byte;
    int rc = open_view(&listener);
    if (rc == 0 && wharf_core() == 1) {
        for (int i = 0; i < 20; i++) {
            clients[i] = wharf_dial(addresses[1]);
        }
        rc = wharf_sleep(20);
        atomic_fetch_add(&left, 1);
    }
    rc = rc < 0 ? rc : wait_for(&left, 1);
    rc = rc < 0 ? rc : wharf_close(listener);
    if (rc == 0 && wharf_core() == 1) {
        for (int i = 0; i < 20; i++) {
            rc = wharf_recv(clients[i], &byte, 1) > 0 ? -EPROTO : rc;
            (void)wharf_close(clients[i]);
        }
    }
    return rc;
}

static void connections_that_nobody_takes_are_closed(void **state) {
    (void)state;
    reset();
    assert_int_equal(wharf_run(CORES, ignoring, NULL), 0);
    wharf_sock listener = wharf_serve_on(addresses[0]);
    assert_false(wharf_failed(listener));
    assert_int_equal(wharf_close(listener), 0);
}

static int twice(void *arg) {
    (void)arg;
    wharf_sock first = wharf_serve_on(addresses[0]);
    atomic_fetch_add(&listening, 1);
    (void)wait_for(&listening, CORES);
    wharf_sock second = wharf_serve_on(addresses[0]);
    int rc = wharf_failed(first) || second.id != -EADDRINUSE ? -EPROTO : 0;
    atomic_fetch_add(&left, 1);
    (void)wait_for(&left, CORES);
    (void)wharf_close(first);
    return rc;
}

static void one_core_cannot_listen_twice(void **state) {
    (void)state;
    reset();
    assert_int_equal(wharf_run(CORES, twice, NULL), 0);
}

static int failing(void *arg) {
    (void)arg;
    wharf_sock listener;
    int rc = open_view(&listener);
    if (wharf_core() == 2) {
        return -EPROTO;
    }
    wharf_sock sock = wharf_accept(listener);
    rc = wharf_error(sock);
    return rc; /* and leaves its view to the scheduler's end */
}

static void a_core_that_fails_ends_all(void **state) {
    (void)state;
    reset();
    assert_int_equal(wharf_run(CORES, failing, NULL), -EPROTO);
}

/* Views open and close at random moments while connections arrive. */
static int coming_and_going(void *arg) {
    enum { ROUNDS = 60, DIALS = 5 };
    const char *address = arg;
    for (int round = 0; round < ROUNDS; round++) {
        wharf_sock clients[DIALS];
        wharf_sock listener = wharf_serve_on(address);
        if (wharf_failed(listener) && wharf_error(listener) != -EADDRINUSE) {
            return wharf_error(listener);
        }
        for (int i = 0; i < DIALS; i++) {
            clients[i] = wharf_dial(address); /* refused now and then */
        }
        for (int i = 0; i < round % (2 * DIALS) && !wharf_failed(listener); i++) {
            wharf_sock sock = {-1};
            WHARF_WITHIN (3) {
                sock = wharf_accept(listener);
            }
            (void)wharf_close(sock);
        }
        (void)wharf_close(listener);
        for (int i = 0; i < DIALS; i++) {
            (void)wharf_abort(clients[i]);
        }
    }
    return 0;
}

static int descriptors_open(void) {
    int count = 0;
    for (int fd = 0; fd < 4096; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    return count;
}

static void views_come_and_go_and_leave_nothing(void **state) {
    (void)state;
    char address[WHARF_ADDRESS_SIZE];
    wharf_sock listener = wharf_serve_on("127.0.0.1:0");
    assert_true(wharf_local_address(listener, address, sizeof(address)) > 0);
    assert_int_equal(wharf_close(listener), 0);
    int before = descriptors_open();
    assert_int_equal(wharf_run(CORES, coming_and_going, address), 0);
    WHARF_WITHIN (5000) {
        while (descriptors_open() > before && wharf_sleep(5) == 0) {
        }
    }
    assert_int_equal(descriptors_open(), before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_spread_over_the_cores),
        cmocka_unit_test(sockets_pass_to_the_cores_that_stay),
        cmocka_unit_test(connections_that_nobody_takes_are_closed),
        cmocka_unit_test(one_core_cannot_listen_twice),
        cmocka_unit_test(a_core_that_fails_ends_all),
        cmocka_unit_test(views_come_and_go_and_leave_nothing),
    };
    return cmocka_run_group_tests_name("share", tests, NULL, NULL);
}
