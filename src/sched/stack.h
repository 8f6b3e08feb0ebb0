/* Stacks: cut from large slabs, guarded at their low end. Those that come back are cold; task.c keeps the warm ones.
 *
 *      slab                                                     one mapping (neighbours merge), no swap reserved
 *      |guard| stack 0 ......... top|guard| stack 1 ... top|
 *
 * The guard is installed inside the mapping (MADV_GUARD_INSTALL) where the kernel can, so 100,000 stacks need a few dozen
 * mappings; elsewhere by mprotect, which costs two mappings a stack. Only touched pages cost memory.
 */
#ifndef SCHED_STACK_H
#define SCHED_STACK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A stack has the size that was asked for less one sixteenth. Its guard has that sixteenth, or as much as a compiler's
 * -fstack-clash-protection may step over between two probes: a page, but 64 KiB on AArch64. */
enum { STACK_SMALL = 64 * 1024, STACK_LARGE = 256 * 1024, STACK_CLASSES = 2 };

struct stack {
    char *bottom;       /* lowest usable byte, above the guard */
    char *top;          /* first byte past the end */
    struct stack *next; /* in the pool; the record itself is at the top of the stack it describes */
    unsigned valgrind_id;
    uint8_t class;
};

struct stack_slab;

struct stack_pool {
    struct stack *free[STACK_CLASSES];
    struct stack_slab *slabs;
    struct stack_slab *cutting[STACK_CLASSES]; /* the newest of each class: older ones are full */
    _Atomic uint64_t peak[STACK_CLASSES];      /* bytes used at most, of the stacks that were measured */
    bool guard_checked;                        /* the first one was tried out */
    bool use_mprotect;                         /* the kernel has no guard regions, or a fallback is forced */
};

void stack_pool_init(struct stack_pool *pool, bool force_mprotect);
void stack_pool_deinit(struct stack_pool *pool);
/* 0, -ENOMEM, or -EAGAIN when the system refuses another mapping (recorded). size: bytes wanted, at most STACK_LARGE. */
int stack_get(struct stack_pool *pool, size_t size, struct stack **ret_stack);
/* Gives its pages back, all but the topmost; the caller may be on it, and leave it afterwards. */
void stack_put(struct stack_pool *pool, struct stack *stack);
/* Which of the classes a size falls into. */
static inline unsigned stack_class(size_t size) {
    return size > 0 && size <= STACK_SMALL ? 0 : 1;
}
/* How many bytes of a stack were touched; the pages below `keep`, an address on it, are given back, so that the next use
 * is measured afresh. Raises the peak. */
size_t stack_used(struct stack_pool *pool, const struct stack *stack, const void *keep);
/* Whether an address lies in a guard; tells which stack. Async-signal-safe. */
struct stack *stack_of_guard(const struct stack_pool *pool, const void *address);

#endif
