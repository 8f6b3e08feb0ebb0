/* Select in virtual time and in any order of tasks: exactly one case happens, and the others never take or put anything. */
#include "scenario.h"

#include <errno.h>

enum { PER_PRODUCER = 20, PRODUCERS = 3, CONSUMERS = 2 };

/* ---- nothing is lost, doubled or swallowed ---- */

static wharf_chan left, right, done;
static int put_sum, taken_sum, put_count, taken_count;

/* Puts each number into whichever channel takes it. */
static int produce(void *arg) {
    int base = *(int *)arg;
    for (int i = 0; i < PER_PRODUCER; i++) {
        int value = base + i;
        wharf_case cases[] = {wharf_case_put(left, &value), wharf_case_put(right, &value)};
        int index = wharf_select(cases, 2);
        if (index < 0) {
            return index;
        }
        if (cases[index].result < 0) {
            return cases[index].result;
        }
        put_sum += value;
        put_count++;
    }
    return 0;
}

static int consume(void *arg) {
    (void)arg;
    int a = 0, b = 0;
    wharf_case cases[] = {wharf_case_take(left, &a), wharf_case_take(right, &b), wharf_case_after(1000)};
    /* A closed channel's case is switched off. */
    while (cases[0].kind != WHARF_CASE_NONE_ || cases[1].kind != WHARF_CASE_NONE_) {
        a = -1;
        b = -1;
        int index = wharf_select(cases, 3);
        if (index < 0) {
            return index;
        }
        EXPECT(index != 2);
        if (cases[index].result == 0) {
            cases[index] = (wharf_case){0};
            continue;
        }
        if (cases[index].result != 1) {
            return cases[index].result;
        }
        /* Only the case that happened has written. */
        EXPECT((index == 0 ? b : a) == -1);
        taken_sum += index == 0 ? a : b;
        taken_count++;
    }
    return 0;
}

static int exchange(size_t capacity) {
    put_sum = taken_sum = put_count = taken_count = 0;
    left = wharf_chan_new(sizeof(int), capacity);
    right = wharf_chan_new(sizeof(int), capacity);
    int produced = 0, consumed = 0;
    WHARF_SCOPE (consumers, &consumed) {
        for (int i = 0; i < CONSUMERS; i++) {
            (void)wharf_go(consumers, consume, i);
        }
        WHARF_SCOPE (producers, &produced) {
            for (int i = 0; i < PRODUCERS; i++) {
                (void)wharf_go(producers, produce, i * 1000);
            }
        }
        (void)wharf_chan_close(left);
        (void)wharf_chan_close(right);
    }
    /* What was put and not taken is still in a channel. */
    int value = 0, index = 0;
    while (produced < 0 || consumed < 0) {
        wharf_case cases[] = {wharf_case_take(left, &value), wharf_case_take(right, &value)};
        index = wharf_select_now(cases, 2);
        if (index < 0 || cases[index].result != 1) {
            break;
        }
        taken_sum += value;
        taken_count++;
    }
    (void)wharf_chan_free(left);
    (void)wharf_chan_free(right);
    return produced < 0 ? produced : consumed;
}

static int exchange_rendezvous(void *arg) {
    (void)arg;
    EXPECT(exchange(0) == 0);
    EXPECT(put_count == PRODUCERS * PER_PRODUCER && taken_count == put_count && taken_sum == put_sum);
    return 0;
}

static int exchange_buffered(void *arg) {
    (void)arg;
    EXPECT(exchange(2) == 0);
    EXPECT(put_count == PRODUCERS * PER_PRODUCER && taken_count == put_count && taken_sum == put_sum);
    return 0;
}

static void nothing_is_lost_or_doubled(void **state) {
    (void)state;
    scenario_run_seeds(exchange_rendezvous);
    scenario_run_seeds(exchange_buffered);
}

static int exchange_interrupted(void *arg) {
    (void)arg;
    int rc = exchange(0);
    /* Without a buffer every element that a put has given was taken, whatever happened to the tasks. */
    EXPECT(put_count == taken_count && put_sum == taken_sum);
    return rc;
}

static void an_interrupted_select_has_taken_nothing(void **state) {
    (void)state;
    wharf_sim_options options = {.size = sizeof options, .seed = 3};
    (void)scenario_sweep(WHARF_TEST_CANCEL, &options, exchange_interrupted);
    options = (wharf_sim_options){.size = sizeof options, .seed = 4};
    (void)scenario_sweep(WHARF_TEST_EXPIRE, &options, exchange_interrupted);
    options = (wharf_sim_options){.size = sizeof options, .seed = 5};
    (void)scenario_sweep(WHARF_TEST_ALLOCATION, &options, exchange_interrupted);
}

/* ---- one case ---- */

static int take_and_put_of_one_channel(void *arg) {
    (void)arg;
    int in = 0, out = 7;
    wharf_case cases[] = {wharf_case_take(left, &in), wharf_case_put(left, &out)};
    int index = wharf_select(cases, 2);
    EXPECT(index >= 0);
    return index == 0 ? in : 0;
}

static int two_of_them(void *arg) {
    (void)arg;
    left = wharf_chan_new(sizeof(int), 0);
    int results[2] = {0, 0};
    WHARF_SCOPE (scope, NULL) {
        wharf_task a = wharf_spawn(scope, take_and_put_of_one_channel, NULL, 0, NULL);
        wharf_task b = wharf_spawn(scope, take_and_put_of_one_channel, NULL, 0, NULL);
        EXPECT(wharf_join(a, &results[0]) == 0 && wharf_join(b, &results[1]) == 0);
    }
    EXPECT(results[0] + results[1] == 7);
    return wharf_chan_free(left);
}

static void a_select_never_meets_itself(void **state) {
    (void)state;
    scenario_run_seeds(two_of_them);
}

static int timer_wins(void *arg) {
    (void)arg;
    int value = 0;
    wharf_chan chan = wharf_chan_new(sizeof(int), 1);
    wharf_case cases[] = {wharf_case_take(chan, &value), wharf_case_after(50), wharf_case_after(70), {0}};
    int64_t before = wharf_now_ns();
    EXPECT(wharf_select(cases, 4) == 1);
    EXPECT(wharf_now_ns() - before >= 50 * 1000000 && wharf_now_ns() - before < 70 * 1000000);
    value = 5;
    EXPECT(wharf_put(chan, &value) == 0);
    value = 0;
    EXPECT(wharf_select(cases, 4) == 0 && value == 5 && cases[0].result == 1);
    EXPECT(wharf_select_now(cases, 4) == -EAGAIN);
    (void)wharf_chan_close(chan);
    EXPECT(wharf_select_now(cases, 4) == 0 && cases[0].result == 0);
    (void)wharf_chan_free(chan);
    EXPECT(wharf_select_now(cases, 4) == 0 && cases[0].result == -EBADF);
    return 0;
}

static void a_timer_is_a_case(void **state) {
    (void)state;
    scenario_run_seeds(timer_wins);
}

static int close_soon(void *arg) {
    wharf_chan chan = *(wharf_chan *)arg;
    (void)wharf_sleep(10);
    return wharf_chan_close(chan);
}

static int free_soon(void *arg) {
    wharf_chan chan = *(wharf_chan *)arg;
    (void)wharf_sleep(10);
    return wharf_chan_free(chan);
}

static int closed_meanwhile(void *arg) {
    (void)arg;
    int value = 1;
    wharf_chan chan = wharf_chan_new(sizeof(int), 0);
    WHARF_SCOPE (scope, NULL) {
        wharf_case takes[] = {wharf_case_take(chan, &value), wharf_case_take(chan, &value)};
        (void)wharf_go(scope, close_soon, chan);
        int index = wharf_select(takes, 2);
        EXPECT((index == 0 || index == 1) && takes[index].result == 0);
        wharf_case puts[] = {wharf_case_put(chan, &value)};
        EXPECT(wharf_select(puts, 1) == 0 && puts[0].result == -EPIPE);
        wharf_chan other = wharf_chan_new(sizeof(int), 0);
        (void)wharf_go(scope, free_soon, other);
        takes[0] = takes[1] = wharf_case_take(other, &value);
        index = wharf_select(takes, 2);
        EXPECT((index == 0 || index == 1) && takes[index].result == -EBADF);
    }
    return wharf_chan_free(chan);
}

static void closing_and_freeing_are_results(void **state) {
    (void)state;
    scenario_run_seeds(closed_meanwhile);
}

static int out_of_range(void *arg) {
    (void)arg;
    wharf_case one = wharf_case_after(1);
    EXPECT(wharf_select(&one, 0) == -EINVAL);
    EXPECT(wharf_select(&one, 1025) == -EINVAL);
    one.kind = 99;
    EXPECT(wharf_select(&one, 1) == -EINVAL);
    WHARF_WITHIN (10) {
        one = wharf_case_after(WHARF_OFF);
        EXPECT(wharf_select(&one, 1) == -ETIMEDOUT);
        one = wharf_case_after(0);
        EXPECT(wharf_select(&one, 1) == -ETIMEDOUT);
    }
    EXPECT(wharf_select(&one, 1) == 0);
    return 0;
}

static void refuses_what_is_no_case(void **state) {
    (void)state;
    (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = 1), out_of_range);
}

/* ---- without waiting ---- */

static int take_one(void *arg) {
    int *at = *(int **)arg;
    return wharf_take(left, at) == 1 ? 0 : -EIO;
}

static int tried(void *arg) {
    int value = 1, got = 0, result = 0;
    int *at = &got;
    (void)arg;
    left = wharf_chan_new(sizeof value, 0);
    EXPECT(wharf_try_put(left, &value) == -EAGAIN);
    EXPECT(wharf_try_take(left, &value) == -EAGAIN);
    WHARF_SCOPE (scope, &result) {
        (void)wharf_go(scope, take_one, at);
        (void)wharf_sleep(1);
        /* Somebody waits: handed over, cancelled or not. */
        (void)wharf_scope_cancel(scope);
        EXPECT(wharf_try_put(left, &value) == 0);
    }
    EXPECT(got == 1 && result == 0);
    (void)wharf_chan_close(left);
    EXPECT(wharf_try_put(left, &value) == -EPIPE && wharf_try_take(left, &value) == 0);
    (void)wharf_chan_free(left);
    EXPECT(wharf_try_put(left, &value) == -EBADF && wharf_try_take(left, &value) == -EBADF);
    return 0;
}

static void what_need_not_wait_is_done_at_once(void **state) {
    (void)state;
    scenario_run_seeds(tried);
}

/* ---- fairness ---- */

static int both_ready(void *arg) {
    (void)arg;
    int counts[2] = {0, 0};
    int value = 0;
    wharf_chan a = wharf_chan_new(sizeof(int), 1), b = wharf_chan_new(sizeof(int), 1);
    for (int i = 0; i < 400; i++) {
        wharf_case puts[] = {wharf_case_put(a, &value), wharf_case_put(b, &value)};
        while (wharf_select_now(puts, 2) >= 0) {
        }
        wharf_case takes[] = {wharf_case_take(a, &value), wharf_case_take(b, &value), wharf_case_after(0)};
        int index = wharf_select(takes, 2);
        EXPECT(index == 0 || index == 1);
        counts[index == 1]++;
    }
    EXPECT(counts[0] > 100 && counts[1] > 100);
    (void)wharf_chan_free(a);
    return wharf_chan_free(b);
}

static void ready_cases_are_chosen_fairly(void **state) {
    (void)state;
    scenario_run_seeds(both_ready);
}

/* ---- sockets ---- */

static int talk(void *arg) {
    wharf_sock sock = *(wharf_sock *)arg;
    (void)wharf_sleep(20);
    (void)wharf_send(sock, "line\nrest", 9);
    (void)wharf_sleep(20);
    return wharf_close(sock);
}

static int listen_and_read(void *arg) {
    (void)arg;
    char text[16];
    wharf_sock listener = wharf_serve_on("localhost:80");
    wharf_case cases[] = {wharf_case_readable(listener), wharf_case_after(10)};
    EXPECT(wharf_select(cases, 2) == 1);
    wharf_sock client = wharf_dial("localhost:80");
    WHARF_SCOPE (scope, NULL) {
        cases[1] = wharf_case_after(1000);
        EXPECT(wharf_select(cases, 2) == 0);
        wharf_sock server = wharf_accept(listener);
        EXPECT(!wharf_failed(server));
        EXPECT(wharf_select_now(cases, 1) == -EAGAIN);
        /* Just accepted is not readable, whatever the engine assumes. */
        cases[0] = wharf_case_readable(server);
        EXPECT(wharf_select_now(cases, 1) == -EAGAIN);
        wharf_case write = wharf_case_writable(server);
        EXPECT(wharf_select(&write, 1) == 0);
        (void)wharf_go(scope, talk, client);
        EXPECT(wharf_select(cases, 2) == 0);
        EXPECT(wharf_recv_until(server, text, sizeof text, "\n") == 5);
        /* What was read ahead counts. */
        EXPECT(wharf_select(cases, 2) == 0);
        EXPECT(wharf_recv_exact(server, text, 4) == 4);
        EXPECT(wharf_select(cases, 2) == 0);
        EXPECT(wharf_recv(server, text, sizeof text) == 0);
        EXPECT(wharf_close(server) == 0);
        EXPECT(wharf_select(cases, 2) == 0 && cases[0].result == -EBADF);
    }
    return wharf_close(listener);
}

static void sockets_and_listeners_are_cases(void **state) {
    (void)state;
    scenario_run_seeds(listen_and_read);
}

static int close_sock_soon(void *arg) {
    wharf_sock sock = *(wharf_sock *)arg;
    (void)wharf_sleep(10);
    return wharf_close(sock);
}

static int closed_socket(void *arg) {
    (void)arg;
    wharf_sock listener = wharf_serve_on("localhost:80");
    WHARF_SCOPE (scope, NULL) {
        wharf_sock client = wharf_dial("localhost:80");
        wharf_sock server = wharf_accept(listener);
        wharf_case cases[] = {wharf_case_readable(client), wharf_case_readable(server)};
        (void)wharf_go(scope, close_sock_soon, client);
        int index = wharf_select(cases, 2);
        EXPECT(index == 0 && cases[0].result == -ECANCELED);
        (void)wharf_close(server);
        wharf_case accepting = wharf_case_readable(listener);
        (void)wharf_go(scope, close_sock_soon, listener);
        EXPECT(wharf_select(&accepting, 1) == 0 && accepting.result == -ECANCELED);
    }
    return 0;
}

static void closing_a_socket_is_a_result(void **state) {
    (void)state;
    scenario_run_seeds(closed_socket);
}

/* A select at the front of those who accept, whose other case happens, passes the connection on. */
static int accept_one(void *arg) {
    wharf_sock listener = *(wharf_sock *)arg;
    wharf_sock server = wharf_accept(listener);
    EXPECT(!wharf_failed(server));
    return wharf_close(server);
}

static int select_in_front(void *arg) {
    wharf_sock listener = *(wharf_sock *)arg;
    int value = 0;
    wharf_case cases[] = {wharf_case_readable(listener), wharf_case_take(done, &value)};
    int index = wharf_select(cases, 2);
    EXPECT(index >= 0);
    return 0;
}

static int connection_passed_on(void *arg) {
    (void)arg;
    wharf_sock listener = wharf_serve_on("localhost:80");
    done = wharf_chan_new(sizeof(int), 1);
    WHARF_SCOPE (scope, NULL) {
        (void)wharf_go(scope, select_in_front, listener);
        (void)wharf_sleep(1);
        (void)wharf_go(scope, accept_one, listener);
        (void)wharf_sleep(1);
        int value = 1;
        wharf_sock client = wharf_dial("localhost:80");
        EXPECT(wharf_put(done, &value) == 0);
        char byte;
        EXPECT(wharf_recv(client, &byte, 1) == 0);
        (void)wharf_close(client);
    }
    (void)wharf_chan_free(done);
    return wharf_close(listener);
}

static void a_select_never_swallows_a_connection(void **state) {
    (void)state;
    scenario_run_seeds(connection_passed_on);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_lost_or_doubled),
        cmocka_unit_test(an_interrupted_select_has_taken_nothing),
        cmocka_unit_test(a_select_never_meets_itself),
        cmocka_unit_test(a_timer_is_a_case),
        cmocka_unit_test(closing_and_freeing_are_results),
        cmocka_unit_test(refuses_what_is_no_case),
        cmocka_unit_test(what_need_not_wait_is_done_at_once),
        cmocka_unit_test(ready_cases_are_chosen_fairly),
        cmocka_unit_test(sockets_and_listeners_are_cases),
        cmocka_unit_test(closing_a_socket_is_a_result),
        cmocka_unit_test(a_select_never_swallows_a_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
