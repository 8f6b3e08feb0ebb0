/* Slots of descriptors: readiness, waiting, closing under a waiter, stale handles and events, idle watches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* a failure is recorded by it */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/random.h"
#include "sched/internal.h"
#include "wharf/task.h"

/* A connected pair, one end of it on the scheduler. */
struct pair {
    struct io *io;
    int64_t id;
    int peer;
};

static struct pair pair_open(void) {
    struct pair pair = {.peer = -1};
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(io_open(ends[0], IO_READ | IO_WRITE, &pair.io), 0);
    pair.id = io_id(pair.io);
    pair.peer = ends[1];
    return pair;
}

static struct io *find(int64_t id) {
    int error = 0;
    return io_find(id, &error);
}

static int receive(void *arg) {
    struct io *io = *(struct io **)arg;
    char byte = 0;
    ssize_t n = io_recv(io, &byte, 1);
    return n == 1 ? byte : (int)n;
}

static int wait_writable(void *arg) {
    return io_wait(*(struct io **)arg, IO_WRITE);
}

static void bytes_wake_the_reader(void **state) {
    (void)state;
    struct pair pair = pair_open();
    wharf_task task = wharf_spawn(NULL, receive, &pair.io, sizeof pair.io, NULL);
    int result = 0;
    wharf_yield();
    assert_int_equal(write(pair.peer, "x", 1), 1);
    assert_int_equal(wharf_join(task, &result), 0);
    assert_int_equal(result, 'x');
    close(pair.peer);
    char byte = 0;
    assert_int_equal(io_recv(pair.io, &byte, 1), 0); /* the end */
    io_close(pair.io, false);
}

static void closing_wakes_everybody(void **state) {
    (void)state;
    struct pair pair = pair_open();
    char block[65536] = "";
    struct iovec piece = {block, sizeof block};
    while (io_try_send(pair.io, &piece, 1, false) > 0) {
    }
    wharf_task tasks[3];
    tasks[0] = wharf_spawn(NULL, receive, &pair.io, sizeof pair.io, NULL);
    tasks[1] = wharf_spawn(NULL, receive, &pair.io, sizeof pair.io, NULL);
    tasks[2] = wharf_spawn(NULL, wait_writable, &pair.io, sizeof pair.io, NULL);
    wharf_yield();
    io_close(pair.io, false);
    for (size_t i = 0; i < 3; i++) {
        int result = 0;
        assert_int_equal(wharf_join(tasks[i], &result), 0);
        assert_int_equal(result, -ECANCELED);
    }
    assert_null(find(pair.id));
    close(pair.peer);
}

static void a_timeout_leaves_the_descriptor_usable(void **state) {
    (void)state;
    struct pair pair = pair_open();
    char byte = 0;
    ssize_t n = 0;
    for (int i = 0; i < 3; i++) {
        WHARF_WITHIN (1) {
            n = io_recv(pair.io, &byte, 1);
        }
        assert_int_equal(n, -ETIMEDOUT);
        assert_int_equal(write(pair.peer, "y", 1), 1);
        assert_int_equal(io_recv(pair.io, &byte, 1), 1);
        assert_int_equal(byte, 'y');
    }
    io_close(pair.io, false);
    close(pair.peer);
}

static void every_reader_gets_its_byte(void **state) {
    (void)state;
    enum { READERS = 20 };
    struct pair pair = pair_open();
    wharf_task tasks[READERS];
    for (size_t i = 0; i < READERS; i++) {
        tasks[i] = wharf_spawn(NULL, receive, &pair.io, sizeof pair.io, NULL);
    }
    wharf_yield();
    int sum = 0;
    for (char c = 1; c <= READERS; c++) {
        assert_int_equal(write(pair.peer, &c, 1), 1);
    }
    for (size_t i = 0; i < READERS; i++) {
        int result = 0;
        assert_int_equal(wharf_join(tasks[i], &result), 0);
        sum += result;
    }
    assert_int_equal(sum, READERS * (READERS + 1) / 2);
    io_close(pair.io, false);
    close(pair.peer);
}

/* ---- stale things ---- */

static void handles_say_what_is_wrong_with_them(void **state) {
    (void)state;
    struct pair pair = pair_open();
    int error = 0;
    assert_ptr_equal(io_find(pair.id, &error), pair.io);
    io_close(pair.io, false);
    assert_null(io_find(pair.id, &error));
    assert_int_equal(error, -EBADF);
    assert_null(io_find(-EMFILE, &error));
    assert_int_equal(error, -EMFILE);
    assert_null(io_find(0, &error));
    assert_int_equal(error, -EBADF);
    assert_null(io_find(pair.id + ((int64_t)1 << 51), &error));
    assert_int_equal(error, -EXDEV);
    close(pair.peer);
}

static void a_stale_event_finds_nothing(void **state) {
    (void)state;
    struct sched *sched = sched_current();
    struct pair pair = pair_open();
    uint64_t event = io_event(pair.io);
    assert_ptr_equal(io_of_event(sched, event), pair.io);
    io_close(pair.io, false);
    assert_null(io_of_event(sched, event));
    close(pair.peer);
    pair = pair_open(); /* the slot again */
    assert_null(io_of_event(sched, event));
    assert_null(io_of_event(sched, UINT64_MAX));
    io_close(pair.io, false);
    close(pair.peer);
}

/* Descriptor numbers are used again at once; handles never are. Each pair carries its own byte, so a mix-up shows. */
static void reused_numbers_never_reach_another_connection(void **state) {
    (void)state;
    enum { PAIRS = 16, STEPS = 4000 };
    struct pair pairs[PAIRS];
    int64_t stale[PAIRS] = {0};
    struct random random;
    random_init(&random, 7);
    for (size_t i = 0; i < PAIRS; i++) {
        pairs[i] = pair_open();
    }
    for (int step = 0; step < STEPS; step++) {
        size_t i = random_below(&random, PAIRS);
        if (random_below(&random, 3) == 0) {
            stale[i] = pairs[i].id;
            io_close(pairs[i].io, random_below(&random, 2) == 0);
            close(pairs[i].peer);
            pairs[i] = pair_open();
            continue;
        }
        char sent = (char)(i + 1), got = 0;
        assert_int_equal(write(pairs[i].peer, &sent, 1), 1);
        assert_int_equal(io_recv(find(pairs[i].id), &got, 1), 1);
        assert_int_equal(got, sent);
        assert_null(find(stale[i]));
    }
    for (size_t i = 0; i < PAIRS; i++) {
        io_close(pairs[i].io, false);
        close(pairs[i].peer);
    }
    assert_int_equal(sched_load(sched_current()), 0);
}

/* ---- idle ---- */

static int watched;

static void count_watch(struct io *io, void *arg) {
    (void)io;
    watched += *(int *)arg;
}

static void a_watch_fires_once_for_data_and_for_the_end(void **state) {
    (void)state;
    int one = 1;
    for (int end = 0; end < 2; end++) {
        struct pair pair = pair_open();
        char byte = 0;
        watched = 0;
        assert_false(io_watch(pair.io, count_watch, &one)); /* may be readable: look first */
        assert_int_equal(io_try_recv(pair.io, &byte, 1), -EAGAIN);
        assert_true(io_watch(pair.io, count_watch, &one));
        wharf_sleep(1);
        assert_int_equal(watched, 0);
        if (end == 0) {
            assert_int_equal(write(pair.peer, "ab", 2), 2);
        } else {
            shutdown(pair.peer, SHUT_WR);
        }
        wharf_sleep(1);
        assert_int_equal(watched, 1);
        close(pair.peer);
        wharf_sleep(1);
        assert_int_equal(watched, 1);
        io_close(pair.io, false);
    }
}

static void close_in_watch(struct io *io, void *arg) {
    struct pair *pairs = arg;
    (void)io;
    watched++;
    for (int i = 0; i < 8; i++) {
        struct io *other = find(pairs[i].id);
        if (other != NULL) {
            io_close(other, false);
        }
    }
}

static void a_watch_may_close_whatever_else_has_become_ready(void **state) {
    (void)state;
    struct pair pairs[8];
    char byte = 0;
    watched = 0;
    for (int i = 0; i < 8; i++) {
        pairs[i] = pair_open();
        assert_int_equal(io_try_recv(pairs[i].io, &byte, 1), -EAGAIN);
        assert_true(io_watch(pairs[i].io, close_in_watch, pairs));
        assert_int_equal(write(pairs[i].peer, "z", 1), 1);
    }
    wharf_sleep(1);
    assert_int_equal(watched, 1);
    for (int i = 0; i < 8; i++) {
        close(pairs[i].peer);
    }
}

static void a_peer_that_is_gone_cancels_the_hangup_scope(void **state) {
    (void)state;
    struct pair pair = pair_open();
    char byte = 0;
    wharf_scope scope;
    wharf_scope_open(&scope, NULL);
    pair.io->hangup = scope_of(&scope);
    assert_int_equal(io_try_recv(pair.io, &byte, 1), -EAGAIN);
    assert_true(io_watch(pair.io, count_watch, &watched));
    close(pair.peer);
    assert_int_equal(wharf_sleep(5000), -ECANCELED);
    pair.io->hangup = NULL;
    wharf_scope_close(&scope);
    io_close(pair.io, false);
}

/* A regular file is always ready, and epoll will not have it: nobody may wait for an event that never comes. */
static void a_regular_file_does_not_keep_its_waiter(void **state) {
    (void)state;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    struct io *io = NULL;
    assert_true(fd >= 0);
    assert_int_equal(io_open(fd, 0, &io), 0);
    assert_int_equal(io_wait(io, IO_READ), IO_READ);
    io_close(io, false);
}

static void releasing_hands_the_descriptor_back(void **state) {
    (void)state;
    struct pair pair = pair_open();
    char byte = 0;
    int result = 0;
    wharf_task task = wharf_spawn(NULL, receive, &pair.io, sizeof pair.io, NULL);
    wharf_yield();
    int fd = io_release(pair.io);
    assert_true(fd >= 0);
    assert_int_equal(wharf_join(task, &result), 0);
    assert_int_equal(result, -ECANCELED);
    assert_int_equal(write(pair.peer, "r", 1), 1);
    assert_int_equal(read(fd, &byte, 1), 1);
    close(fd);
    close(pair.peer);
}

/* What a thread's scheduler takes with one connection, whose number is the highest that is allowed. */
static void *take_the_highest(void *arg) {
    int64_t before = mem_live();
    struct pair pair = pair_open();
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    struct io *high = NULL;
    int fd = fcntl(pair.peer, F_DUPFD_CLOEXEC, (int)limit.rlim_cur - 1);
    assert_int_equal(io_open(fd, IO_READ | IO_WRITE, &high), 0);
    *(int64_t *)arg = mem_live() - before;
    io_close(high, false);
    io_close(pair.io, false);
    close(pair.peer);
    return NULL;
}

/* Tables go by handles and not by numbers: containers give a limit of a thousand million. */
static void memory_does_not_grow_with_the_limit_of_descriptors(void **state) {
    (void)state;
    struct rlimit before;
    getrlimit(RLIMIT_NOFILE, &before);
    rlim_t limits[] = {100, before.rlim_max < 1000000 ? before.rlim_max : 1000000};
    int64_t taken[2] = {0, 0};
    for (size_t i = 0; i < 2; i++) {
        struct rlimit limit = {.rlim_cur = limits[i], .rlim_max = before.rlim_max};
        pthread_t thread;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        assert_int_equal(pthread_create(&thread, NULL, take_the_highest, &taken[i]), 0);
        pthread_join(thread, NULL);
    }
    setrlimit(RLIMIT_NOFILE, &before);
    assert_int_equal(taken[0], taken[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_wake_the_reader),
        cmocka_unit_test(closing_wakes_everybody),
        cmocka_unit_test(a_timeout_leaves_the_descriptor_usable),
        cmocka_unit_test(every_reader_gets_its_byte),
        cmocka_unit_test(handles_say_what_is_wrong_with_them),
        cmocka_unit_test(a_stale_event_finds_nothing),
        cmocka_unit_test(reused_numbers_never_reach_another_connection),
        cmocka_unit_test(a_watch_fires_once_for_data_and_for_the_end),
        cmocka_unit_test(a_watch_may_close_whatever_else_has_become_ready),
        cmocka_unit_test(a_peer_that_is_gone_cancels_the_hangup_scope),
        cmocka_unit_test(a_regular_file_does_not_keep_its_waiter),
        cmocka_unit_test(releasing_hands_the_descriptor_back),
        cmocka_unit_test(memory_does_not_grow_with_the_limit_of_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
