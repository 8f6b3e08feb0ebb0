/* The context switch: what a task leaves behind when another one runs. The code is in arch/, a file per processor. */
#ifndef SCHED_CONTEXT_H
#define SCHED_CONTEXT_H

#include <stddef.h>
#include <stdint.h>

/* Leaves the running context in *save and enters `load`, a context that was left or made before. Where that
 * one continues, the call that left it returns `answer`. */
int context_switch(void **save, void *load, int answer);

/* Where in a context the frame pointer and, right after it, the address of execution stand: see arch/. */
#if defined(__x86_64__)
enum { CONTEXT_FRAME_OFFSET = 48 };
#else
enum { CONTEXT_FRAME_OFFSET = 80 };
#endif

/* Where new contexts begin: the outermost frame of every backtrace. */
void context_entry(void);

/* Makes a context that will call fn(arg) on the stack whose highest address is `top`. fn must not return. */
void *context_make(void *top, void (*fn)(void *), void *arg);

/* The floating-point control state (rounding, traps): every context has its own, a new one that of its maker. */
uint64_t context_float_get(void);
/* Reading it is cheap, loading it is not: loaded where it differs. */
void context_float_load(uint64_t control);
/* Of a context that was left. */
void context_float_put(void *context, uint64_t control);

#endif
