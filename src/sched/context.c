/* The first frame of a new context, laid out as context_switch() expects to find it: see arch/. */
#include "sched/context.h"

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)

enum { FRAME_WORDS = 8 };

uint64_t context_float_get(void) {
    uint32_t mxcsr = 0;
    uint16_t word = 0;
    __asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(mxcsr), "=m"(word));
    return (uint64_t)mxcsr | (uint64_t)word << 32;
}

void context_float_load(uint64_t control) {
    if (context_float_get() == control) {
        return;
    }
    uint32_t mxcsr = (uint32_t)control;
    uint16_t word = (uint16_t)(control >> 32);
    __asm__ volatile("ldmxcsr %0\n\tfldcw %1" : : "m"(mxcsr), "m"(word));
}

void context_float_put(void *context, uint64_t control) {
    *(uint64_t *)context = control;
}

void *context_make(void *top, void (*fn)(void *), void *arg) {
    uintptr_t aligned = (uintptr_t)top & ~(uintptr_t)15;
    uint64_t *frame = (uint64_t *)(aligned - 16) - FRAME_WORDS;

    memset(frame, 0, sizeof(uint64_t) * (FRAME_WORDS + 2));
    frame[0] = context_float_get();
    frame[3] = (uintptr_t)fn;  /* r13 */
    frame[4] = (uintptr_t)arg; /* r12 */
    frame[7] = (uintptr_t)context_entry;
    return frame;
}

#elif defined(__aarch64__)

enum { FRAME_WORDS = 22, FLOAT_WORD = 20 };

uint64_t context_float_get(void) {
    uint64_t control = 0;
    __asm__ volatile("mrs %0, fpcr" : "=r"(control));
    return control;
}

void context_float_load(uint64_t control) {
    if (context_float_get() != control) {
        __asm__ volatile("msr fpcr, %0" : : "r"(control));
    }
}

void context_float_put(void *context, uint64_t control) {
    ((uint64_t *)context)[FLOAT_WORD] = control;
}

void *context_make(void *top, void (*fn)(void *), void *arg) {
    uintptr_t aligned = (uintptr_t)top & ~(uintptr_t)15;
    uint64_t *frame = (uint64_t *)aligned - FRAME_WORDS;

    memset(frame, 0, sizeof(uint64_t) * FRAME_WORDS);
    frame[0] = (uintptr_t)arg; /* x19 */
    frame[1] = (uintptr_t)fn;  /* x20 */
    frame[11] = (uintptr_t)context_entry;
    frame[FLOAT_WORD] = context_float_get();
    return frame;
}

#else
#    error "no context switch for this processor: write src/sched/arch/<processor>.S"
#endif
