/* Mistakes that are easily made and hard to meet, planted here to be found: each shows under some seeds within the first 2,000,
 * with a plan of faults that names what it takes, and again under the seed that is printed. The same programs without the
 * mistake hold under all of them. */
#include "scenario.h"

#include <errno.h>
#include <stdlib.h>

#include "base/report.h"

enum { SEEDS = 2000, SEEDS_OF_THE_SOUND = 300, LETTERS = 3 };

static bool is_planted;

/* ---- a lost wake-up -------------------------------------------------------------------------------------- */

/* A mailbox. Who waits must look at it under the lock; the mistake is to look before. */
static wharf_mutex mailbox_lock;
static wharf_cond mailbox_filled;
static int letters;

static int mailbox_take(void) {
    bool is_empty = letters == 0;
    int rc = wharf_mutex_lock(&mailbox_lock);
    if (rc < 0) {
        return rc;
    }
    while (rc == 0 && (is_planted ? is_empty : letters == 0)) {
        rc = wharf_cond_wait(&mailbox_filled, &mailbox_lock);
        is_empty = letters == 0;
    }
    letters -= rc == 0 ? 1 : 0;
    (void)wharf_mutex_unlock(&mailbox_lock);
    return rc;
}

/* It takes a while to write one. */
static int mailbox_put(void) {
    int rc = wharf_mutex_lock(&mailbox_lock);
    if (rc < 0) {
        return rc;
    }
    rc = wharf_sleep(1);
    letters += rc == 0 ? 1 : 0;
    (void)wharf_cond_signal(&mailbox_filled);
    (void)wharf_mutex_unlock(&mailbox_lock);
    return rc;
}

static int mailbox_each(int (*use)(void)) {
    int rc = 0;
    for (int i = 0; i < LETTERS && rc == 0; i++) {
        rc = use();
        rc = rc < 0 ? rc : wharf_sleep(1);
    }
    return rc;
}

static int reader(void *arg) {
    (void)arg;
    return mailbox_each(mailbox_take);
}

static int writer(void *arg) {
    (void)arg;
    int rc = wharf_sleep(1);
    return rc < 0 ? rc : mailbox_each(mailbox_put);
}

static int lost_wake_up(void *arg) {
    (void)arg;
    letters = 0;
    int result = 0;
    WHARF_SCOPE (scope, &result) {
        wharf_go(scope, reader, 0);
        wharf_go(scope, writer, 0);
    }
    return result;
}

/* ---- a pool that leaks ----------------------------------------------------------------------------------- */

enum { PLACES = 2, ASKS = 6 };

struct pool {
    wharf_semaphore places;
    wharf_sock idle[PLACES];
    int idle_count, out;
};
static struct pool pool;
static char shop_address[WHARF_ADDRESS_SIZE];

static int shop_serve(void *arg) {
    wharf_sock sock = *(wharf_sock *)arg;
    char line[64];
    while (wharf_recv_until(sock, line, sizeof line, "\n") > 0) {
        if (wharf_sleep(5) < 0 || wharf_send(sock, "yes\n", 4) < 0) {
            break;
        }
    }
    return wharf_close(sock);
}

static int shop(void *arg) {
    wharf_sock listener = *(wharf_sock *)arg;
    WHARF_SCOPE (scope, NULL) {
        for (;;) {
            wharf_sock sock = wharf_accept(listener);
            if (wharf_failed(sock)) {
                break;
            }
            if (wharf_go(scope, shop_serve, sock) < 0) {
                (void)wharf_close(sock);
            }
        }
    }
    return 0;
}

static wharf_sock pool_take(void) {
    int rc = wharf_semaphore_acquire(&pool.places, 1);
    if (rc < 0) {
        return (wharf_sock){rc};
    }
    pool.out++;
    return pool.idle_count > 0 ? pool.idle[--pool.idle_count] : wharf_dial(shop_address);
}

static void pool_give(wharf_sock sock, bool is_good) {
    pool.out--;
    if (is_good) {
        pool.idle[pool.idle_count++] = sock;
    } else if (!wharf_failed(sock)) {
        (void)wharf_close(sock);
    }
    (void)wharf_semaphore_release(&pool.places, 1);
}

/* The mistake: who gives up on an answer closes the connection and forgets its place. */
static int pool_ask(void *arg) {
    char answer[16];
    (void)arg;
    ssize_t got = 0;
    wharf_sock sock = pool_take();
    if (wharf_error(sock) == -ECANCELED) {
        return 0;
    }
    WHARF_WITHIN (1000) {
        got = wharf_failed(sock) ? wharf_error(sock) : wharf_send(sock, "ask\n", 4);
        got = got < 0 ? got : wharf_recv_until(sock, answer, sizeof answer, "\n");
    }
    if (got == -ETIMEDOUT && is_planted && !wharf_failed(sock)) {
        return wharf_close(sock);
    }
    pool_give(sock, got > 0);
    return 0;
}

static int pool_leak(void *arg) {
    (void)arg;
    wharf_sock listener = wharf_serve_on("127.0.0.1:0");
    (void)wharf_local_address(listener, shop_address, sizeof shop_address);
    pool = (struct pool){.out = 0};
    (void)wharf_semaphore_init(&pool.places, PLACES);
    wharf_scope shops;
    wharf_scope_open(&shops, NULL);
    wharf_go(&shops, shop, listener);
    WHARF_WITHIN (60000) {
        WHARF_SCOPE (scope, NULL) {
            for (int i = 0; i < ASKS; i++) {
                wharf_go(scope, pool_ask, 0);
                (void)wharf_sleep(700);
            }
        }
    }
    WHARF_EXPECT(pool.out == 0);
    while (pool.idle_count > 0) {
        (void)wharf_close(pool.idle[--pool.idle_count]);
    }
    wharf_scope_abandon(&shops);
    (void)wharf_close(listener);
    return 0;
}

/* ---- a double close -------------------------------------------------------------------------------------- */

struct line {
    wharf_sock sock;
    int users;
};

/* Two tasks share a connection. The last one closes it; the mistake is that whoever meets an error does, too. */
static void line_leave(struct line *line, bool met_error) {
    line->users--;
    if (line->users == 0 || (is_planted && met_error)) {
        WHARF_EXPECT(wharf_close(line->sock) == 0);
    }
}

static int line_read(void *arg) {
    struct line *line = *(struct line **)arg;
    char bytes[1000];
    ssize_t got = 1;
    while (got > 0) {
        got = wharf_recv(line->sock, bytes, sizeof bytes);
    }
    line_leave(line, got < 0);
    return 0;
}

static int line_write(void *arg) {
    struct line *line = *(struct line **)arg;
    static const char bytes[3000];
    ssize_t sent = 1;
    for (int i = 0; i < 50 && sent > 0; i++) {
        sent = wharf_send(line->sock, bytes, sizeof bytes);
        sent = sent > 0 && wharf_sleep(100) < 0 ? -1 : sent;
    }
    if (sent > 0) {
        (void)wharf_shutdown_write(line->sock);
    }
    line_leave(line, sent < 0);
    return 0;
}

static int line_echo(void *arg) {
    wharf_sock listener = *(wharf_sock *)arg;
    char bytes[1000];
    wharf_sock sock = wharf_accept(listener);
    if (wharf_failed(sock)) {
        return 0;
    }
    ssize_t got = wharf_recv(sock, bytes, sizeof bytes);
    while (got > 0 && wharf_send(sock, bytes, (size_t)got) > 0) {
        got = wharf_recv(sock, bytes, sizeof bytes);
    }
    (void)wharf_close(sock);
    return 0;
}

static int double_close(void *arg) {
    char address[WHARF_ADDRESS_SIZE];
    (void)arg;
    wharf_sock listener = wharf_serve_on("127.0.0.1:0");
    (void)wharf_local_address(listener, address, sizeof address);
    wharf_scope echo;
    wharf_scope_open(&echo, NULL);
    wharf_go(&echo, line_echo, listener);
    struct line line = {wharf_dial(address), 2}, *at = &line;
    if (!wharf_failed(line.sock)) {
        WHARF_SCOPE (scope, NULL) {
            wharf_go(scope, line_read, at);
            wharf_go(scope, line_write, at);
        }
    }
    wharf_scope_abandon(&echo);
    (void)wharf_close(listener);
    return 0;
}

/* ---- finding them ---------------------------------------------------------------------------------------- */

static char told[16384];

static void listen_in(enum report_level level, const char *text, size_t len, void *arg) {
    (void)level;
    (void)arg;
    size_t at = strlen(told);
    (void)snprintf(told + at, sizeof told - at, "%.*s\n", (int)len, text);
}

static int run_each(uint64_t seeds, wharf_fn fn) {
    told[0] = '\0';
    report_redirect(listen_in, NULL);
    int rc = wharf_sim_each(seeds, fn);
    report_redirect(NULL, NULL);
    return rc;
}

/* What stands between two words of the reports. */
static const char *told_after(const char *words) {
    const char *at = strstr(told, words);
    if (at == NULL) {
        fail_msg("no \"%s\" in the reports:\n%s", words, told);
    }
    return at + strlen(words);
}

static void find_and_replay(wharf_fn fn, int code) {
    char first[sizeof told], seed[32];
    is_planted = true;
    assert_int_equal(run_each(SEEDS, fn), code);
    memcpy(first, told, sizeof first);
    (void)snprintf(seed, sizeof seed, "%s", told_after("WHARF_SEED="));
    seed[strspn(seed, "0123456789")] = '\0';
    assert_int_equal(setenv("WHARF_SEED", seed, 1), 0);
    assert_int_equal(run_each(1, fn), code);
    assert_string_equal(told, first);
    is_planted = false;
    assert_int_equal(run_each(1, fn), 0);
    assert_non_null(told_after("holds: virtual "));
    assert_int_equal(unsetenv("WHARF_SEED"), 0);
    if (run_each(SEEDS_OF_THE_SOUND, fn) != 0) {
        fail_msg("%s", told);
    }
}

static void finds_a_lost_wake_up(void **state) {
    (void)state;
    find_and_replay(lost_wake_up, -WHARF_EDEADLOCK);
}

static void finds_a_pool_that_leaks(void **state) {
    (void)state;
    find_and_replay(pool_leak, -WHARF_ECHECK);
}

static void finds_a_double_close(void **state) {
    (void)state;
    find_and_replay(double_close, -WHARF_ECHECK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_a_lost_wake_up),
        cmocka_unit_test(finds_a_pool_that_leaks),
        cmocka_unit_test(finds_a_double_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
