/* pipeline - from which number up to 20000 does the 3n + 1 game take the most steps down to 1?
 *
 * Shows: channels from a feeder over four workers to a collector; closing as the last word; select with a ticker. */
#include <stdio.h>

#include "wharf/sync.h"
#include "wharf/task.h"

enum { LAST = 20000, WORKERS = 4 };

struct way {
    long start, steps;
};

static wharf_chan jobs, results;

static int work(void *arg) {
    struct way way = {*(int *)arg, 0};
    while (wharf_take(jobs, &way.start) > 0) {
        way.steps = 0;
        for (long n = way.start; n != 1; n = n % 2 == 0 ? n / 2 : 3 * n + 1) {
            way.steps++;
        }
        wharf_put(results, &way);
    }
    return 0;
}

static int feed(void *arg) {
    WHARF_SCOPE (workers, NULL) {
        for (int i = 0; i < WORKERS; i++) {
            wharf_go(workers, work, i);
        }
        for (long n = 1; n <= *(int *)arg; n++) {
            wharf_put(jobs, &n);
        }
        wharf_chan_close(jobs);
    }
    return wharf_chan_close(results);
}

int main(void) {
    struct way way = {0, 0}, longest = {0, 0};
    wharf_ticker ticker;
    jobs = wharf_chan_new(sizeof(long), 16);
    results = wharf_chan_new(sizeof(struct way), 16);
    wharf_ticker_init(&ticker, 100, WHARF_TICKS_SKIP);
    wharf_go(NULL, feed, LAST);
    wharf_case cases[] = {wharf_case_take(results, &way), wharf_case_tick(&ticker)};
    for (int i = wharf_select(cases, 2); i >= 0 && cases[i].result > 0; i = wharf_select(cases, 2)) {
        if (i == 1) {
            fprintf(stderr, "%ld of %d\n", way.start, LAST);
        } else if (way.steps > longest.steps) {
            longest = way;
        }
    }
    wharf_chan_free(jobs);
    wharf_chan_free(results);
    return printf("%ld: %ld steps\n", longest.start, longest.steps) < 0;
}
