/* What tasks cost. `tasks --park N` tells the memory of N tasks, see park.c; `tasks` prints one line of nanoseconds,
 *
 *      switch_ns=.. spawn_join_ns=.. channel_ns=.. bare_switch_ns=..
 *
 *   switch       one switch: two tasks give way to each other by wharf_yield(), each of whose calls leaves for the other task
 *   spawn_join   one task: started, run to its end, its result taken by wharf_join(); two switches are part of it
 *   channel      one number: from a wharf_put() to a wharf_take() through a channel that holds none, in one direction
 *   bare_switch  the limit: one switch between two stacks that keeps the callee-saved registers, leaves by a jump and does
 *                nothing else
 *
 * The four take turns, and the best of many rounds counts: what disturbs a round only makes it slower. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "arguments.h"
#include "park.h"
#include "wharf/sync.h"
#include "wharf/task.h"

enum { ROUNDS = 25, SWITCHES = 200 * 1000, SPAWNS = 50 * 1000, HANDED = 100 * 1000 };

static double now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
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

#else

static double bare_round(void) {
    return 0; /* told as nothing */
}

#endif

/* ---- */

struct row {
    const char *name;
    double (*round_ns)(void); /* all operations of a round; negative: it failed */
    int operations;
    double best; /* of one operation */
};

static bool take_turns(struct row *rows, size_t count) {
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < count; i++) {
            double took = rows[i].round_ns() / rows[i].operations;
            if (took < 0) {
                return false;
            }
            if (round == 0 || took < rows[i].best) {
                rows[i].best = took;
            }
        }
    }
    return true;
}

static int measure(void) {
    struct row rows[] = {
        {.name = "switch_ns", .round_ns = switch_round, .operations = SWITCHES},
        {.name = "spawn_join_ns", .round_ns = spawn_round, .operations = SPAWNS},
        {.name = "channel_ns", .round_ns = channel_round, .operations = HANDED},
        {.name = "bare_switch_ns", .round_ns = bare_round, .operations = SWITCHES},
    };
    enum { COUNT = sizeof rows / sizeof *rows };
    if (!take_turns(rows, COUNT)) {
        fprintf(stderr, "tasks: %s\n", wharf_why());
        return 1;
    }
    for (size_t i = 0; i < COUNT; i++) {
        const char *space = i + 1 < COUNT ? " " : "\n";
        if (rows[i].best > 0) {
            printf("%s=%.1f%s", rows[i].name, rows[i].best, space);
        } else {
            printf("%s=-%s", rows[i].name, space);
        }
    }
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
