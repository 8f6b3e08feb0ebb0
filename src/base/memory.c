/* The heap, behind four functions: every other file of Wharf allocates through them. The live counter is one
 * relaxed atomic, because its readers (tests, statistics) compare it only while nothing runs; the failure
 * plan belongs to the thread, so tests on different threads do not disturb each other. */
#include "base/memory.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static _Atomic int64_t live_blocks;

/* Set before the first block, and never again: read without a lock. */
static void *(*allocate_fn)(size_t) = malloc;
static void *(*reallocate_fn)(void *, size_t) = realloc;
static void (*release_fn)(void *) = free;

int mem_redirect(void *(*allocate)(size_t), void *(*reallocate)(void *, size_t), void (*release)(void *)) {
    if (mem_live() != 0) {
        return -EBUSY;
    }
    allocate_fn = allocate;
    reallocate_fn = reallocate;
    release_fn = release;
    return 0;
}

struct failure_plan {
    uint64_t allocations; /* by this thread since the plan was set */
    uint64_t fail_at;     /* fail when `allocations` reaches this; 0: never */
    bool did_fail;
    struct mem_watch *watch;
};

static __thread struct failure_plan plan;

void mem_watch(struct mem_watch *watch) {
    plan.watch = watch;
}

/* Counts one allocation of this thread; true when it is the one that must fail. */
static bool allocation_is_planned_to_fail(void) {
    plan.allocations++;
    if (plan.allocations != plan.fail_at) {
        return false;
    }
    plan.did_fail = true;
    if (plan.watch != NULL) {
        plan.watch->failed(plan.watch);
    }
    return true;
}

static void *count_live(void *block, size_t size) {
    if (block == NULL) {
        return NULL;
    }
    atomic_fetch_add_explicit(&live_blocks, 1, memory_order_relaxed);
    if (__builtin_expect(plan.watch != NULL, 0)) {
        plan.watch->made(plan.watch, (uintptr_t)block, size);
    }
    return block;
}

static void tell_gone(uintptr_t block) {
    if (__builtin_expect(plan.watch != NULL, 0)) {
        plan.watch->gone(plan.watch, block);
    }
}

void *mem_alloc(size_t size) {
    if (allocation_is_planned_to_fail()) {
        return NULL;
    }
    return count_live(allocate_fn(size > 0 ? size : 1), size);
}

void *mem_zalloc(size_t size) {
    if (allocation_is_planned_to_fail()) {
        return NULL;
    }
    if (allocate_fn == malloc) {
        return count_live(calloc(1, size > 0 ? size : 1), size);
    }
    void *block = count_live(allocate_fn(size > 0 ? size : 1), size);
    return block != NULL ? memset(block, 0, size) : NULL;
}

void *mem_realloc(void *block, size_t size) {
    if (block == NULL) {
        return mem_alloc(size);
    }
    if (allocation_is_planned_to_fail()) {
        return NULL;
    }
    uintptr_t before = (uintptr_t)block;
    void *grown = reallocate_fn(block, size > 0 ? size : 1);
    if (__builtin_expect(plan.watch != NULL, 0) && grown != NULL) {
        plan.watch->gone(plan.watch, before);
        plan.watch->made(plan.watch, (uintptr_t)grown, size);
    }
    return grown;
}

char *mem_strndup(const char *text, size_t len) {
    size_t copied = len > 0 ? strnlen(text, len) : 0;
    char *copy = mem_alloc(copied + 1);
    if (copy == NULL) {
        return NULL;
    }
    if (copied > 0) {
        memcpy(copy, text, copied);
    }
    copy[copied] = '\0';
    return copy;
}

void mem_free(void *block) {
    if (block == NULL) {
        return;
    }
    atomic_fetch_sub_explicit(&live_blocks, 1, memory_order_relaxed);
    tell_gone((uintptr_t)block);
    release_fn(block);
}

int64_t mem_live(void) {
    return atomic_load_explicit(&live_blocks, memory_order_relaxed);
}

uint64_t mem_fail_at(uint64_t n) {
    uint64_t made = plan.allocations;
    plan = (struct failure_plan){.fail_at = n, .watch = plan.watch};
    return made;
}

void mem_fail_in(uint64_t n) {
    plan.fail_at = plan.allocations + n;
    plan.did_fail = false;
}

bool mem_did_fail(void) {
    return plan.did_fail;
}
