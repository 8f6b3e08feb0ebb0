/* What tasks cost. `tasks --park N` tells the memory of N tasks, see park.c; `tasks` prints one line of nanoseconds,
 *
 *      switch_ns=.. spawn_join_ns=.. channel_ns=.. bare_switch_ns=..
 *
 * a switch between two tasks by wharf_yield(); spawning a task and joining it; handing one number through a channel to a
 * waiting task; and, as the limit, a switch that saves the callee-saved registers and nothing else. Each is the best of
 * several rounds, for what disturbs a round only makes it slower. */
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "arguments.h"
#include "park.h"
#include "wharf/sync.h"
#include "wharf/task.h"

enum { ROUNDS = 7, SWITCHES = 200 * 1000, SPAWNS = 50 * 1000, HANDED = 100 * 1000 };

static double now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* The least time that one of `count` operations took; negative: it failed. */
static double best_of(double (*round_ns)(void), int count) {
    double best = -1;
    for (int i = 0; i < ROUNDS; i++) {
        double took = round_ns() / count;
        if (took >= 0 && (best < 0 || took < best)) {
            best = took;
        }
    }
    return best;
}

/* ---- Wharf ---- */

static int yield_often(void *arg) {
    (void)arg;
    for (int i = 0; i < SWITCHES / 2; i++) {
        wharf_yield();
    }
    return 0;
}

static double switch_round(void) {
    int result = 0;
    double begin = 0;
    WHARF_SCOPE (scope, &result) {
        begin = now_ns();
        wharf_go(scope, yield_often, 0);
        wharf_go(scope, yield_often, 1);
    }
    return result < 0 ? -1 : now_ns() - begin;
}

static int do_nothing(void *arg) {
    (void)arg;
    return 0;
}

static double spawn_round(void) {
    double begin = now_ns();
    for (int i = 0; i < SPAWNS; i++) {
        if (wharf_join(wharf_spawn(NULL, do_nothing, NULL, 0, NULL), NULL) < 0) {
            return -1;
        }
    }
    return now_ns() - begin;
}

static int put_often(void *arg) {
    wharf_chan chan = *(wharf_chan *)arg;
    for (int i = 0; i < HANDED; i++) {
        if (wharf_put(chan, &i) < 0) {
            return -1;
        }
    }
    return 0;
}

static double channel_round(void) {
    int result = 0, number = 0;
    double begin = now_ns();
    wharf_chan chan = wharf_chan_new(sizeof(int), 0);
    WHARF_SCOPE (scope, &result) {
        wharf_go(scope, put_often, chan);
        for (int i = 0; i < HANDED; i++) {
            if (wharf_take(chan, &number) != 1) {
                break;
            }
        }
    }
    wharf_chan_free(chan);
    return result < 0 || number != HANDED - 1 ? -1 : now_ns() - begin;
}

/* ---- the limit ---- */

#if defined(__x86_64__)

/* Leaves the running context in *save and enters `load`; out by a jump: nothing returns
 * here, so the return predictor has nothing to get wrong. */
void bare_switch(void **save, void *load);

__asm__(".text\n"
        ".p2align 4\n"
        ".globl bare_switch\n"
        ".type bare_switch, @function\n"
        "bare_switch:\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    popq %rcx\n"
        "    jmp *%rcx\n"
        ".size bare_switch, . - bare_switch\n");

enum { WORDS = 2048, SAVED = 7 };

static _Alignas(16) uint64_t other_stack[WORDS];
static void *this_context, *other_context;

static void switch_back(void) {
    for (;;) {
        bare_switch(&other_context, this_context);
    }
}

static double bare_round(void) {
    /* As after a call: the stack pointer is 8 past a multiple of 16 once the frame has been taken off. */
    uint64_t *frame = other_stack + WORDS - 1 - SAVED;
    frame[SAVED - 1] = (uint64_t)(uintptr_t)switch_back;
    other_context = frame;
    double begin = now_ns();
    for (int i = 0; i < SWITCHES / 2; i++) {
        bare_switch(&this_context, other_context);
    }
    return now_ns() - begin;
}

static void print_limit(void) {
    printf(" bare_switch_ns=%.1f\n", best_of(bare_round, SWITCHES));
}

#else

static void print_limit(void) {
    printf(" bare_switch_ns=-\n");
}

#endif

static int measure(void) {
    double switching = best_of(switch_round, SWITCHES);
    double spawning = best_of(spawn_round, SPAWNS);
    double handing = best_of(channel_round, HANDED);
    if (switching < 0 || spawning < 0 || handing < 0) {
        fprintf(stderr, "tasks: %s\n", wharf_why());
        return 1;
    }
    printf("switch_ns=%.1f spawn_join_ns=%.1f channel_ns=%.1f", switching, spawning, handing);
    print_limit();
    return 0;
}

int main(int argc, char **argv) {
    int64_t count = 0;
    const struct argument table[] = {{"--park", NULL, &count, NULL}, {NULL, NULL, NULL, NULL}};
    if (!arguments_read(table, argc, argv) || (argc > 1 && count == 0)) {
        return 2;
    }
    return count > 0 ? park_tasks(count) < 0 : measure();
}
