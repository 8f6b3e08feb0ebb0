/* An arena: memory of one lifetime, given back all at once. Blocks grow from the heap up to a maximum;
 * running into it or out of memory is sticky (arena_failed), so a parser may check once at its end. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "wharf/base.h"

struct arena_block;

struct arena {
    char *next;                 /* first free byte of the current block */
    char *end;                  /* its end */
    struct arena_block *blocks; /* heap blocks, newest first */
    size_t bytes;               /* heap bytes held */
    size_t bytes_max;           /* never hold more */
    bool failed;
};

/* first/first_size: caller's memory to use before the heap (may be NULL, 0). bytes_max: heap bytes at most.
 */
void arena_init(struct arena *arena, void *first, size_t first_size, size_t bytes_max);
void arena_deinit(struct arena *arena);
/* Aligned for any type. NULL when memory or the maximum is exhausted. */
void *arena_alloc(struct arena *arena, size_t size);
/* A copy of the bytes, with a NUL behind it that does not count. {NULL, 0} on failure. */
wharf_str arena_copy(struct arena *arena, const void *bytes, size_t len);
char *arena_cstr(struct arena *arena, wharf_str text);
wharf_str arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
