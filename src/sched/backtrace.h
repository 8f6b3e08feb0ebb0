/* Backtraces by frame pointers: of the caller, of a parked task, of a thread stopped by a signal. Never leaves the stack that
 * it was given, so a function compiled without a frame pointer costs frames and nothing else. */
#ifndef SCHED_BACKTRACE_H
#define SCHED_BACKTRACE_H

#include <stddef.h>
#include <stdint.h>

enum { BACKTRACE_MAX = 32 };

struct backtrace {
    int count;
    uintptr_t pc[BACKTRACE_MAX]; /* the first is exact, the others are return addresses */
};

/* What lies between two addresses of one stack. */
struct stack_range {
    uintptr_t low, high;
};

/* From a frame pointer on. pc: where execution stands. All three are async-signal-safe. */
void backtrace_walk(struct backtrace *trace, uintptr_t pc, uintptr_t frame, struct stack_range range);
/* Of a context that context_switch() or context_make() left. */
void backtrace_of_context(struct backtrace *trace, const void *context, uintptr_t high);
/* Of a thread that a signal interrupted: the handler's third argument. */
void backtrace_of_signal(struct backtrace *trace, const void *signal_context, struct stack_range range);

/* One frame as text, "name+0x12 at file+0x1234", at most size - 1 bytes. Returns the length. Takes the loader's locks. */
size_t backtrace_format(const struct backtrace *trace, int frame, char *out, size_t size);

/* The stack that the calling thread was given by the system. */
struct stack_range backtrace_thread_stack(void);

#endif
