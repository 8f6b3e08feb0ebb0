/* What the sanitizers and valgrind must be told about stacks, so that their reports stay true. Each
 * hook is empty where its tool is not compiled in. */
#ifndef SCHED_SANITIZER_H
#define SCHED_SANITIZER_H

#include <stddef.h>

#if defined(__has_feature)
#    define SANITIZER_HAS(feature) __has_feature(feature)
#else
#    define SANITIZER_HAS(feature) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || SANITIZER_HAS(address_sanitizer)
#    define SANITIZER_ADDRESS 1
#    include <sanitizer/asan_interface.h>
#    include <sanitizer/common_interface_defs.h>
/* Before leaving: `fake` keeps the leaver's state, NULL when it never comes back. */
static inline void sanitizer_leave(void **fake, const void *bottom, size_t size) {
    __sanitizer_start_switch_fiber(fake, bottom, size);
}
static inline void sanitizer_arrive(void *fake) {
    __sanitizer_finish_switch_fiber(fake, NULL, NULL);
}
static inline void sanitizer_unpoison(const void *memory, size_t size) {
    __asan_unpoison_memory_region(memory, size);
}
#else
#    define SANITIZER_ADDRESS 0
static inline void sanitizer_unpoison(const void *memory, size_t size) {
    (void)memory, (void)size;
}
static inline void sanitizer_leave(void **fake, const void *bottom, size_t size) {
    (void)fake, (void)bottom, (void)size;
}
static inline void sanitizer_arrive(void *fake) {
    (void)fake;
}
#endif

#if defined(__SANITIZE_THREAD__) || SANITIZER_HAS(thread_sanitizer)
#    define SANITIZER_THREAD 1
#    include <sanitizer/tsan_interface.h>
static inline void *sanitizer_thread_self(void) {
    return __tsan_get_current_fiber();
}
static inline void *sanitizer_thread_new(void) {
    return __tsan_create_fiber(0);
}
static inline void sanitizer_thread_free(void *fiber) {
    if (fiber != NULL) {
        __tsan_destroy_fiber(fiber);
    }
}
static inline void sanitizer_thread_switch(void *fiber) {
    __tsan_switch_to_fiber(fiber, 0);
}
#else
#    define SANITIZER_THREAD 0
static inline void *sanitizer_thread_self(void) {
    return NULL;
}
static inline void *sanitizer_thread_new(void) {
    return NULL;
}
static inline void sanitizer_thread_free(void *fiber) {
    (void)fiber;
}
static inline void sanitizer_thread_switch(void *fiber) {
    (void)fiber;
}
#endif

#if SANITIZER_HAS(memory_sanitizer)
#    define SANITIZER_MEMORY    1
#    define SANITIZER_MEMORY_NO __attribute__((no_sanitize("memory")))
#    include <sanitizer/msan_interface.h>
/* What code that is not instrumented has written: the switch. */
static inline void sanitizer_written(const void *memory, size_t size) {
    __msan_unpoison(memory, size);
}
#else
#    define SANITIZER_MEMORY 0
#    define SANITIZER_MEMORY_NO
static inline void sanitizer_written(const void *memory, size_t size) {
    (void)memory, (void)size;
}
#endif

/* All of them have handlers, stacks and memory of their own. */
#define SANITIZER_ANY (SANITIZER_ADDRESS || SANITIZER_THREAD || SANITIZER_MEMORY)

#if __has_include(<valgrind/memcheck.h>)
#    include <valgrind/memcheck.h>
#else
#    define VALGRIND_MAKE_MEM_UNDEFINED(memory, size) ((void)(memory), (void)(size))
#endif

/* Nobody stands on this part of a stack any more: it may be written from another one. */
static inline void sanitizer_stack_again(const void *memory, size_t size) {
    sanitizer_unpoison(memory, size);
    VALGRIND_MAKE_MEM_UNDEFINED(memory, size);
}

#if __has_include(<valgrind/valgrind.h>)
#    include <valgrind/valgrind.h>
static inline unsigned sanitizer_stack_register(const void *bottom, const void *top) {
    return VALGRIND_STACK_REGISTER(bottom, top);
}
static inline void sanitizer_stack_deregister(unsigned id) {
    VALGRIND_STACK_DEREGISTER(id);
}
#else
static inline unsigned sanitizer_stack_register(const void *bottom, const void *top) {
    (void)bottom, (void)top;
    return 0;
}
static inline void sanitizer_stack_deregister(unsigned id) {
    (void)id;
}
#endif

#endif
