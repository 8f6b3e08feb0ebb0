/* wharf_run(): several schedulers, and the messages between them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* a failure is recorded by it */

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "base/memory.h"
#include "sched/internal.h"
#include "wharf/os.h"
#include "wharf/task.h"

static _Atomic int arrivals[8];

static int note_core(void *arg) {
    (void)arg;
    atomic_fetch_add(&arrivals[wharf_core()], 1);
    return wharf_sleep(1);
}

static void every_core_runs_once(void **state) {
    (void)state;
    int64_t before = mem_live();
    for (int cores = 1; cores <= 5; cores++) {
        memset(arrivals, 0, sizeof arrivals);
        assert_int_equal(wharf_run(cores, note_core, NULL), 0);
        for (int i = 0; i < 8; i++) {
            assert_int_equal(arrivals[i], i < cores ? 1 : 0);
        }
    }
    assert_int_equal(wharf_core(), 0);
    assert_null(sched_group(sched_current()));
    wharf_sleep(1);
    assert_true(mem_live() <= before + 4); /* what the first one's scheduler has grown by */
}

static void as_many_as_allowed_is_the_default(void **state) {
    (void)state;
    cpu_set_t before, after;
    sched_getaffinity(0, sizeof before, &before);
    memset(arrivals, 0, sizeof arrivals);
    assert_int_equal(wharf_run(0, note_core, NULL), 0);
    int ran = 0;
    for (int i = 0; i < 8; i++) {
        ran += arrivals[i];
    }
    int cores = wharf_cores();
    assert_int_equal(ran, cores < 8 ? cores : ran);
    sched_getaffinity(0, sizeof after, &after);
    assert_memory_equal(&before, &after, sizeof before);
}

static int count_processors(void *arg) {
    (void)arg;
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : -EIO;
}

static _Atomic int own_processors, pool_processors;

static int look_at_processors(void *arg) {
    if (wharf_core() == 1) {
        atomic_store(&own_processors, count_processors(arg));
        atomic_store(&pool_processors, wharf_offload(count_processors, NULL, 0));
    }
    return 0;
}

static void cores_are_pinned_and_the_pool_is_not(void **state) {
    (void)state;
    int allowed = count_processors(NULL);
    assert_int_equal(wharf_run(2, look_at_processors, NULL), 0);
    assert_int_equal(own_processors, 1);
    assert_int_equal(pool_processors, allowed);
}

static int run_again(void *arg) {
    (void)arg;
    return wharf_run(1, note_core, NULL);
}

static void bad_calls_are_refused(void **state) {
    (void)state;
    assert_int_equal(wharf_run(-1, note_core, NULL), -EINVAL);
    assert_int_equal(wharf_run(257, note_core, NULL), -EINVAL);
    assert_int_equal(wharf_run(1, NULL, NULL), -EINVAL);
    assert_int_equal(wharf_run(2, run_again, NULL), -EBUSY);
}

/* ---- failing and cancelling ---- */

struct plan {
    int failing; /* this core fails */
    int64_t after_ms;
    bool background; /* the others leave a task behind */
};

static int sleep_for_ever(void *arg) {
    (void)arg;
    return wharf_sleep(WHARF_OFF);
}

static int fail_on_one(void *arg) {
    struct plan *plan = arg;
    if (wharf_core() == plan->failing) {
        if (plan->after_ms >= 0) {
            wharf_sleep(plan->after_ms);
        }
        return fail(-EPROTO, "plan", "core", NULL);
    }
    if (plan->background) {
        wharf_spawn_detached(NULL, sleep_for_ever, NULL, 0, NULL);
        wharf_spawn_detached(NULL, sleep_for_ever, NULL, 0, NULL);
    }
    return wharf_sleep(WHARF_OFF);
}

static void an_error_on_one_core_cancels_the_others(void **state) {
    (void)state;
    for (int i = 0; i < 40; i++) {
        /* Some fail at once, before the others have begun. */
        struct plan plan = {.failing = i % 4, .after_ms = i % 5 - 1, .background = i % 3 == 0};
        assert_int_equal(wharf_run(4, fail_on_one, &plan), -EPROTO);
        assert_non_null(strstr(wharf_why(), "plan core"));
        /* The caller is not cancelled with its group. */
        assert_int_equal(wharf_check(), 0);
        assert_int_equal(wharf_yield(), 0);
    }
}

static int only_the_first_returns(void *arg) {
    (void)arg;
    return wharf_core() == 0 ? 0 : wharf_sleep(WHARF_OFF);
}

static void the_callers_deadline_reaches_all_cores(void **state) {
    (void)state;
    int waiting = 0, inside = 0;
    WHARF_WITHIN (5) {
        waiting = wharf_run(3, only_the_first_returns, NULL);
    }
    WHARF_WITHIN (5) {
        inside = wharf_run(3, sleep_for_ever, NULL);
    }
    assert_int_equal(waiting, -ETIMEDOUT);
    assert_int_equal(inside, -ETIMEDOUT);
    assert_int_equal(wharf_check(), 0);
}

static int run_group(void *arg) {
    (void)arg;
    return wharf_run(3, sleep_for_ever, NULL);
}

static void a_task_that_runs_a_group_can_be_cancelled(void **state) {
    (void)state;
    wharf_task task = wharf_spawn(NULL, run_group, NULL, 0, NULL);
    int result = 0;
    assert_int_equal(wharf_sleep(2), 0);
    assert_int_equal(wharf_cancel(task), 0);
    assert_int_equal(wharf_join(task, &result), 0);
    assert_int_equal(result, -ECANCELED);
    assert_int_equal(wharf_check(), 0);
}

static int end_at_once(void *arg) {
    (void)arg;
    return wharf_core() == 2 ? -EPROTO : 0;
}

/* Members that have ended when the cancellation comes. */
static void ended_members_are_not_cancelled(void **state) {
    (void)state;
    for (int i = 0; i < 50; i++) {
        assert_int_equal(wharf_run(4, end_at_once, NULL), -EPROTO);
    }
}

/* ---- messages ---- */

enum { SENDERS = 3, MESSAGES = 5000 };

struct letter {
    struct message message;
    int sender, number;
    _Atomic int *read;
};

static int last_number[SENDERS];
static _Atomic int letters_read, out_of_order;

static void read_letter(struct message *message) {
    struct letter *letter = (struct letter *)(void *)message;
    if (letter->number != last_number[letter->sender] + 1) {
        atomic_fetch_add(&out_of_order, 1);
    }
    last_number[letter->sender] = letter->number;
    atomic_fetch_add(&letters_read, 1);
}

static struct letter letters[SENDERS][MESSAGES];
static struct sched *receiver;

static void *send_letters(void *arg) {
    int sender = *(int *)arg;
    for (int i = 0; i < MESSAGES; i++) {
        struct letter *letter = &letters[sender][i];
        *letter = (struct letter){.message.run = read_letter, .sender = sender, .number = i + 1};
        sched_post(receiver, &letter->message);
        if (i % 64 == 0) {
            sched_yield(); /* so that the receiver falls asleep in between */
        }
    }
    return NULL;
}

/* The receiver sleeps without limit between messages: one lost wake-up and it never wakes again. */
static void no_message_and_no_wake_up_is_lost(void **state) {
    (void)state;
    pthread_t threads[SENDERS];
    int numbers[SENDERS];
    receiver = sched_current();
    for (int i = 0; i < SENDERS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, send_letters, &numbers[i]), 0);
    }
    while (atomic_load(&letters_read) < SENDERS * MESSAGES) {
        sched_poll(receiver, true);
    }
    for (int i = 0; i < SENDERS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(letters_read, SENDERS * MESSAGES);
    assert_int_equal(out_of_order, 0);
}

static struct scope *courts[2]; /* each core's; cancelled when the game is over */

/* Two cores throw one message to and fro, each asleep meanwhile. */
struct ball {
    struct message message;
    struct sched *players[2];
    int throws;
};

enum { THROWS = 2000 };

static void catch_ball(struct message *message) {
    struct ball *ball = (struct ball *)(void *)message;
    int throws = ++ball->throws; /* once posted, the ball is the other's */
    if (throws <= THROWS) {
        sched_post(ball->players[throws % 2], &ball->message);
    }
    if (throws >= THROWS) {
        scope_cancel(courts[wharf_core()]);
    }
}

static struct ball ball;

static int play(void *arg) {
    (void)arg;
    const struct group *group = sched_group(sched_current());
    wharf_scope scope;
    courts[wharf_core()] = scope_of(wharf_scope_open(&scope, NULL));
    if (wharf_core() == 0) {
        while (group_sched(group, 1) == NULL) {
            wharf_sleep(1);
        }
        ball = (struct ball){.message.run = catch_ball,
                             .players = {group_sched(group, 0), group_sched(group, 1)}};
        sched_post(ball.players[1], &ball.message);
    }
    int rc = wharf_sleep(WHARF_OFF);
    wharf_scope_close(&scope);
    return rc == -ECANCELED ? 0 : -EIO;
}

static void two_cores_wake_each_other(void **state) {
    (void)state;
    assert_int_equal(wharf_run(2, play, NULL), 0);
    assert_int_equal(ball.throws, THROWS + 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_core_runs_once),
        cmocka_unit_test(as_many_as_allowed_is_the_default),
        cmocka_unit_test(cores_are_pinned_and_the_pool_is_not),
        cmocka_unit_test(bad_calls_are_refused),
        cmocka_unit_test(an_error_on_one_core_cancels_the_others),
        cmocka_unit_test(the_callers_deadline_reaches_all_cores),
        cmocka_unit_test(a_task_that_runs_a_group_can_be_cancelled),
        cmocka_unit_test(ended_members_are_not_cancelled),
        cmocka_unit_test(no_message_and_no_wake_up_is_lost),
        cmocka_unit_test(two_cores_wake_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
