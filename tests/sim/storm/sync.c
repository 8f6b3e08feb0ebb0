/* Channels and locks with tasks that are cancelled and run out of time in the middle: nothing that was put is lost or comes
 * twice, nobody is where another is, and every permit comes back. */
#include "storm.h"

enum { CHANNELS = 3, PUTTERS = 4, TAKERS = 4, EACH = 12, ELEMENTS = PUTTERS * EACH };
enum { PUT_NOT, PUT_DONE, TAKEN };

/* ---- channels ---- */

static wharf_chan chans[CHANNELS];
static uint8_t elements[ELEMENTS]; /* PUT_NOT, PUT_DONE, or TAKEN */
static bool was_taken[ELEMENTS];

static void taken(int element) {
    if (WHARF_EXPECT(element >= 0 && element < ELEMENTS)) {
        WHARF_EXPECT(!was_taken[element]);
        was_taken[element] = true;
    }
}

static int put_one(int element) {
    if (dice(2) == 0) {
        return wharf_put(chans[dice(CHANNELS)], &element);
    }
    wharf_case cases[CHANNELS + 1];
    for (int i = 0; i < CHANNELS; i++) {
        cases[i] = wharf_case_put(chans[i], &element);
    }
    cases[CHANNELS] = wharf_case_after(1 + (int64_t)dice(20));
    int which = wharf_select(cases, CHANNELS + 1);
    if (which < 0 || which == CHANNELS) {
        return which < 0 ? which : -EAGAIN;
    }
    return cases[which].result;
}

static int putter(void *arg) {
    int from = *(int *)arg * EACH;
    for (int i = 0; i < EACH; i++) {
        int rc = 0;
        WHARF_WITHIN (1 + (int64_t)dice(30)) {
            rc = put_one(from + i);
        }
        elements[from + i] = rc == 0 ? PUT_DONE : PUT_NOT;
        rc = dice(3) == 0 ? wharf_sleep((int64_t)dice(10)) : wharf_check();
        if (rc < 0) {
            return 0;
        }
    }
    return 0;
}

static int take_one(void) {
    int element = -1, other[CHANNELS] = {-1, -1, -1};
    if (dice(2) == 0) {
        int rc = wharf_take(chans[dice(CHANNELS)], &element);
        if (rc == 1) {
            taken(element);
        }
        return rc;
    }
    wharf_case cases[CHANNELS + 1];
    for (int i = 0; i < CHANNELS; i++) {
        cases[i] = wharf_case_take(chans[i], &other[i]);
    }
    cases[CHANNELS] = wharf_case_after(1 + (int64_t)dice(20));
    int which = wharf_select(cases, CHANNELS + 1);
    if (which >= 0 && which < CHANNELS && cases[which].result == 1) {
        taken(other[which]);
    }
    return which;
}

static int taker(void *arg) {
    (void)arg;
    int64_t begun = wharf_sim_elapsed_ns();
    while (wharf_sim_elapsed_ns() - begun < INT64_C(300000000)) {
        int rc = 0;
        WHARF_WITHIN (1 + (int64_t)dice(30)) {
            rc = take_one();
        }
        rc = dice(3) == 0 ? wharf_sleep((int64_t)dice(10)) : wharf_yield();
        if (rc < 0) {
            return 0;
        }
    }
    return 0;
}

static int canceller(void *arg) {
    wharf_task *tasks = *(wharf_task **)arg;
    for (int i = 0; i < 3; i++) {
        int rc = wharf_sleep((int64_t)dice(100));
        if (rc < 0) {
            return rc;
        }
        (void)wharf_cancel(tasks[dice(PUTTERS + TAKERS)]);
    }
    return 0;
}

static void drain(void) {
    for (int i = 0; i < CHANNELS; i++) {
        int element;
        WHARF_EXPECT(wharf_chan_close(chans[i]) == 0);
        while (wharf_take(chans[i], &element) == 1) {
            taken(element);
        }
        WHARF_EXPECT(wharf_chan_free(chans[i]) == 0);
    }
}

static int channels(void *arg) {
    (void)arg;
    wharf_task tasks[PUTTERS + TAKERS], *tasks_at = tasks;
    memset(elements, PUT_NOT, sizeof elements);
    memset(was_taken, 0, sizeof was_taken);
    for (int i = 0; i < CHANNELS; i++) {
        chans[i] = wharf_chan_new(sizeof(int), (size_t)i);
    }
    int result = 0;
    WHARF_SCOPE (scope, &result) {
        for (int i = 0; i < PUTTERS + TAKERS; i++) {
            tasks[i] = wharf_spawn(scope, i < PUTTERS ? putter : taker, &i, sizeof i, NULL);
        }
        WHARF_EXPECT(wharf_go(scope, canceller, tasks_at) == 0);
    }
    drain();
    for (int i = 0; i < ELEMENTS; i++) {
        WHARF_EXPECT(was_taken[i] == (elements[i] == PUT_DONE));
    }
    return result;
}

const struct storm channel_storm = {"channels", channels, 400, {.size = sizeof(wharf_sim_options)}};

/* ---- locks ---- */

enum { WORKERS = 6, TURNS = 8, PERMITS = 3 };

static wharf_mutex mutex;
static wharf_rwlock rwlock;
static wharf_semaphore semaphore;
static wharf_limiter limiter;
static wharf_cond cond;
static struct {
    int in_mutex, readers, writers;
    int64_t with_semaphore, with_limiter;
    int tokens; /* guarded by the mutex, announced by the condition */
} inside;

static void with_mutex(void) {
    if (wharf_mutex_lock(&mutex) < 0) {
        return;
    }
    inside.in_mutex++;
    WHARF_EXPECT(inside.in_mutex == 1);
    (void)wharf_sleep((int64_t)dice(5));
    inside.tokens++;
    (void)wharf_cond_signal(&cond);
    inside.in_mutex--;
    WHARF_EXPECT(wharf_mutex_unlock(&mutex) == 0);
}

/* Holds the lock whatever happens to its wait. */
static void with_condition(void) {
    if (wharf_mutex_lock(&mutex) < 0) {
        return;
    }
    int rc = 0;
    while (inside.tokens == 0 && rc == 0) {
        rc = wharf_cond_wait(&cond, &mutex);
    }
    inside.in_mutex++;
    WHARF_EXPECT(inside.in_mutex == 1);
    inside.tokens -= inside.tokens > 0 ? 1 : 0;
    inside.in_mutex--;
    WHARF_EXPECT(wharf_mutex_unlock(&mutex) == 0);
}

static void with_rwlock(bool writes) {
    if ((writes ? wharf_rwlock_write(&rwlock) : wharf_rwlock_read(&rwlock)) < 0) {
        return;
    }
    *(writes ? &inside.writers : &inside.readers) += 1;
    WHARF_EXPECT(inside.writers == 0 || (inside.writers == 1 && inside.readers == 0));
    (void)wharf_sleep((int64_t)dice(5));
    *(writes ? &inside.writers : &inside.readers) -= 1;
    WHARF_EXPECT(wharf_rwlock_unlock(&rwlock) == 0);
}

static void with_permits(bool limited) {
    int64_t k = 1 + (int64_t)dice(PERMITS), *held = limited ? &inside.with_limiter : &inside.with_semaphore;
    if ((limited ? wharf_limiter_acquire(&limiter, k) : wharf_semaphore_acquire(&semaphore, k)) < 0) {
        return;
    }
    *held += k;
    WHARF_EXPECT(*held <= PERMITS);
    (void)wharf_sleep((int64_t)dice(5));
    *held -= k;
    WHARF_EXPECT((limited ? wharf_limiter_release(&limiter, k) : wharf_semaphore_release(&semaphore, k)) ==
                 0);
}

static int worker(void *arg) {
    (void)arg;
    for (int i = 0; i < TURNS; i++) {
        WHARF_WITHIN (1 + (int64_t)dice(12)) {
            switch (dice(6)) {
            case 0: with_mutex(); break;
            case 1: with_condition(); break;
            case 2: with_rwlock(true); break;
            case 3: with_rwlock(false); break;
            case 4: with_permits(true); break;
            default: with_permits(false); break;
            }
        }
        if (wharf_yield() < 0) {
            return 0;
        }
    }
    return 0;
}

static int locks(void *arg) {
    (void)arg;
    memset(&inside, 0, sizeof inside);
    memset(&cond, 0, sizeof cond);
    WHARF_EXPECT(wharf_semaphore_init(&semaphore, PERMITS) == 0 &&
                 wharf_limiter_init(&limiter, PERMITS) == 0);
    int result = 0;
    WHARF_SCOPE (scope, &result) {
        for (int i = 0; i < WORKERS; i++) {
            wharf_task task = wharf_spawn(scope, worker, &i, sizeof i, NULL);
            if (dice(4) == 0) {
                (void)wharf_yield();
                (void)wharf_cancel(task);
            }
        }
    }
    WHARF_WITHIN (1000) {
        WHARF_EXPECT(wharf_mutex_lock(&mutex) == 0 && wharf_mutex_unlock(&mutex) == 0);
        WHARF_EXPECT(wharf_rwlock_write(&rwlock) == 0 && wharf_rwlock_unlock(&rwlock) == 0);
        WHARF_EXPECT(wharf_semaphore_acquire(&semaphore, PERMITS) == 0);
        WHARF_EXPECT(wharf_limiter_acquire(&limiter, PERMITS) == 0 &&
                     wharf_limiter_release(&limiter, PERMITS) == 0);
    }
    return result;
}

const struct storm lock_storm = {"locks", locks, 400, {.size = sizeof(wharf_sim_options)}};
