/* The only door to malloc. Counts what is live, so that tests can see leaks, and can fail the n-th allocation
 * of this thread, so that tests can see every out-of-memory path. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All return NULL when memory ran out (or the test said so). Sizes of 0 give a unique pointer. */
void *mem_alloc(size_t size) __attribute__((malloc, warn_unused_result));
void *mem_zalloc(size_t size) __attribute__((malloc, warn_unused_result));
/* The old block stays valid when this fails. */
void *mem_realloc(void *block, size_t size) __attribute__((warn_unused_result));
char *mem_strndup(const char *text, size_t len) __attribute__((malloc, warn_unused_result));
void mem_free(void *block); /* NULL is fine */

/* Other functions to get memory from. -EBUSY once there is a block. */
int mem_redirect(void *(*allocate)(size_t), void *(*reallocate)(void *, size_t), void (*release)(void *));

/* Blocks allocated and not yet freed, by all threads. */
int64_t mem_live(void);

/* Fail this thread's n-th allocation from now (1 = the next), once; 0 = none. Returns how many allocations
 * this thread has made since the last call, so a test knows when n was past the end. */
uint64_t mem_fail_at(uint64_t n);
/* Fail the n-th allocation from now, and count on. */
void mem_fail_in(uint64_t n);
/* True once the planned failure has happened. */
bool mem_did_fail(void);

/* Who is told of this thread's blocks, to say later where one was made. It must not allocate here. */
struct mem_watch {
    void (*made)(struct mem_watch *watch, uintptr_t block, size_t size);
    void (*gone)(struct mem_watch *watch, uintptr_t block);
    void (*failed)(struct mem_watch *watch); /* the planned failure happens now */
};
/* NULL: nobody. */
void mem_watch(struct mem_watch *watch);

#endif
