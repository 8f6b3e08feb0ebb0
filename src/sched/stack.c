/* See stack.h. */
#include "sched/stack.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "base/failure.h"
#include "base/memory.h"
#include "sched/sanitizer.h"

#ifndef MADV_GUARD_INSTALL
#    define MADV_GUARD_INSTALL 102 /* Linux 6.13 */
#endif

enum {
    PAGE = 4096,
    SLAB_BYTES = 16 << 20,
    STAGGER = 192, /* bytes by which neighbours' tops differ, so that they do not share cache sets */
    STAGGER_STEPS = 10,
};

struct stack_slab {
    struct stack_slab *next;
    char *base;
    size_t used; /* stacks cut so far */
    uint8_t class;
};

static const size_t class_size[STACK_CLASSES] = {STACK_SMALL, STACK_LARGE};

#ifdef __aarch64__
enum { PROBE_STEP = 64 * 1024 };
#else
enum { PROBE_STEP = 4096 };
#endif

static size_t guard_size(unsigned class) {
    size_t share = class_size[class] / 16;
    return share > PROBE_STEP ? share : PROBE_STEP;
}

/* A guard and the stack above it. */
static size_t slot_size(unsigned class) {
    return guard_size(class) + class_size[class] - class_size[class] / 16;
}

void stack_pool_init(struct stack_pool *pool, bool force_mprotect) {
    *pool = (struct stack_pool){.use_mprotect = force_mprotect};
}

void stack_pool_deinit(struct stack_pool *pool) {
    for (unsigned class = 0; class < STACK_CLASSES; class ++) {
        for (struct stack *stack = pool->free[class]; stack != NULL; stack = stack->next) {
            sanitizer_stack_deregister(stack->valgrind_id);
        }
    }
    while (pool->slabs != NULL) {
        struct stack_slab *slab = pool->slabs;
        pool->slabs = slab->next;
        munmap(slab->base, SLAB_BYTES);
        mem_free(slab);
    }
    *pool = (struct stack_pool){.use_mprotect = pool->use_mprotect};
}

static int refused(int code, const char *call) {
    return fail(code, "spawn", NULL,
                "%s was refused: the process has too many mappings (see vm.max_map_count)", call);
}

static int slab_new(struct stack_pool *pool, unsigned class, struct stack_slab **ret_slab) {
    struct stack_slab *slab = mem_zalloc(sizeof *slab);
    if (slab == NULL) {
        return -ENOMEM;
    }
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK;
    slab->base = mmap(NULL, SLAB_BYTES, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (slab->base == MAP_FAILED) {
        mem_free(slab);
        return refused(-EAGAIN, "mmap");
    }
    /* A huge page would make every stack cost 2 MiB. Refusal does no harm. */
    (void)madvise(slab->base, SLAB_BYTES, MADV_NOHUGEPAGE);
    slab->class = (uint8_t) class;
    slab->next = pool->slabs;
    pool->slabs = slab;
    pool->cutting[class] = slab;
    *ret_slab = slab;
    return 0;
}

/* An emulator may say yes to advice that it does not know. A system call that is to write there tells; it puts one random
 * byte into a stack that nobody uses yet, where there is no guard. */
static bool guard_holds(struct stack_pool *pool, char *at) {
    if (!pool->guard_checked) {
        pool->guard_checked = true;
        return getrandom(at, 1, GRND_NONBLOCK) < 0;
    }
    return true;
}

static int guard_install(struct stack_pool *pool, char *at, size_t size) {
    if (!pool->use_mprotect) {
        if (madvise(at, size, MADV_GUARD_INSTALL) == 0 && guard_holds(pool, at)) {
            return 0;
        }
        pool->use_mprotect = true;
    }
    return mprotect(at, size, PROT_NONE) == 0 ? 0 : refused(-EAGAIN, "mprotect");
}

/* Cuts the next stack from the newest slab of its class. */
static int stack_cut(struct stack_pool *pool, unsigned class, struct stack **ret_stack) {
    struct stack_slab *slab = pool->cutting[class];
    if (slab == NULL || (slab->used + 1) * slot_size(class) > SLAB_BYTES) {
        int rc = slab_new(pool, class, &slab);
        if (rc < 0) {
            return rc;
        }
    }
    char *base = slab->base + slab->used * slot_size(class);
    int rc = guard_install(pool, base, guard_size(class));
    if (rc < 0) {
        return rc;
    }
    char *end = base + slot_size(class) - (slab->used % STAGGER_STEPS) * STAGGER;
    slab->used++;
    struct stack *stack = (struct stack *)(void *)(end - sizeof(struct stack));
    *stack = (struct stack){.bottom = base + guard_size(class), .top = end - sizeof(struct stack)};
    stack->class = (uint8_t) class;
    stack->valgrind_id = sanitizer_stack_register(stack->bottom, end);
    *ret_stack = stack;
    return 0;
}

int stack_get(struct stack_pool *pool, size_t size, struct stack **ret_stack) {
    unsigned class = stack_class(size);
    struct stack *stack = pool->free[class];
    if (stack == NULL) {
        return stack_cut(pool, class, ret_stack);
    }
    pool->free[class] = stack->next;
    *ret_stack = stack;
    return 0;
}

void stack_put(struct stack_pool *pool, struct stack *stack) {
    sanitizer_unpoison(stack->bottom, (size_t)(stack->top - stack->bottom));
    /* All but the page at the top, which holds this record, and what the caller's frames are on. */
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    uintptr_t keep = (uintptr_t)stack->top;
    if (here > (uintptr_t)stack->bottom && here < keep) {
        keep = here;
    }
    uintptr_t bottom = (uintptr_t)stack->bottom;
    uintptr_t cold_end = (keep - PAGE) & ~(uintptr_t)(PAGE - 1);
    if (cold_end > bottom) {
        (void)madvise(stack->bottom, cold_end - bottom, MADV_DONTNEED);
    }
    stack->next = pool->free[stack->class];
    pool->free[stack->class] = stack;
}

size_t stack_used(struct stack_pool *pool, const struct stack *stack, const void *keep) {
    unsigned char resident[STACK_LARGE / PAGE] = {0};
    size_t pages = ((size_t)(stack->top - stack->bottom) + PAGE - 1) / PAGE;
    if (mincore(stack->bottom, pages * PAGE, resident) < 0) {
        return 0;
    }
    size_t lowest = 0;
    while (lowest < pages && (resident[lowest] & 1) == 0) {
        lowest++;
    }
    /* The stack pointer may be a little lower than what is kept. */
    size_t cold = ((uintptr_t)keep - (uintptr_t)stack->bottom) / PAGE;
    if (cold > lowest + 2) {
        (void)madvise(stack->bottom, (cold - 2) * PAGE, MADV_DONTNEED);
    }
    size_t used = (size_t)(stack->top - stack->bottom) - lowest * PAGE;
    if (used > atomic_load_explicit(&pool->peak[stack->class], memory_order_relaxed)) {
        atomic_store_explicit(&pool->peak[stack->class], used, memory_order_relaxed);
    }
    return used;
}

struct stack *stack_of_guard(const struct stack_pool *pool, const void *address) {
    for (const struct stack_slab *slab = pool->slabs; slab != NULL; slab = slab->next) {
        uintptr_t offset = (uintptr_t)address - (uintptr_t)slab->base;
        size_t size = slot_size(slab->class);
        if (offset >= slab->used * size || offset % size >= guard_size(slab->class)) {
            continue;
        }
        size_t index = offset / size;
        char *end = slab->base + (index + 1) * size - (index % STAGGER_STEPS) * STAGGER;
        return (struct stack *)(void *)(end - sizeof(struct stack));
    }
    return NULL;
}
