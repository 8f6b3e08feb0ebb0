/* Bump allocation over a caller's first piece of memory and then heap blocks of doubling size. A request that
 * fits the first piece never touches the heap; one that does not costs a number of blocks logarithmic in its
 * size. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum { ARENA_BLOCK_MIN = 1024, ARENA_BLOCK_MAX = 64 * 1024 };

struct arena_block {
    struct arena_block *older;
    size_t size; /* of the whole block, this header included */
    alignas(max_align_t) char data[];
};

void arena_init(struct arena *arena, void *first, size_t first_size, size_t bytes_max) {
    *arena = (struct arena){.bytes_max = bytes_max};
    if (first != NULL) {
        arena->next = first;
        arena->end = arena->next + first_size;
    }
}

void arena_deinit(struct arena *arena) {
    struct arena_block *block = arena->blocks;
    while (block != NULL) {
        struct arena_block *older = block->older;
        mem_free(block);
        block = older;
    }
    *arena = (struct arena){.bytes_max = arena->bytes_max};
}

/* Size for a block with `size` bytes of data in it, or 0 when the maximum forbids it: twice the newest block
 * if that is allowed, else what is left, as long as the data fits. */
static size_t block_size_for(const struct arena *arena, size_t size) {
    size_t needed;
    if (__builtin_add_overflow(size, sizeof(struct arena_block), &needed)) {
        return 0;
    }
    size_t left = arena->bytes_max > arena->bytes ? arena->bytes_max - arena->bytes : 0;
    if (needed > left) {
        return 0;
    }
    size_t wanted = arena->blocks != NULL ? arena->blocks->size * 2 : ARENA_BLOCK_MIN;
    if (wanted > ARENA_BLOCK_MAX) {
        wanted = ARENA_BLOCK_MAX;
    }
    if (wanted < needed) {
        return needed;
    }
    return wanted < left ? wanted : left;
}

static bool arena_grow(struct arena *arena, size_t size) {
    size_t block_size = block_size_for(arena, size);
    if (block_size == 0) {
        return false;
    }
    struct arena_block *block = mem_alloc(block_size);
    if (block == NULL) {
        return false;
    }
    block->older = arena->blocks;
    block->size = block_size;
    arena->blocks = block;
    arena->bytes += block_size;
    arena->next = block->data;
    arena->end = (char *)block + block_size;
    return true;
}

static void *arena_take(struct arena *arena, size_t size, size_t alignment) {
    if (arena->failed) {
        return NULL;
    }
    size_t padding = (size_t)(-(uintptr_t)arena->next & (alignment - 1));
    size_t room = (size_t)((uintptr_t)arena->end - (uintptr_t)arena->next);
    if (arena->next == NULL || padding > room || size > room - padding) {
        if (!arena_grow(arena, size)) {
            arena->failed = true;
            return NULL;
        }
        padding = 0; /* a block's data is aligned for any type */
    }
    char *start = arena->next + padding;
    arena->next = start + size;
    return start;
}

void *arena_alloc(struct arena *arena, size_t size) {
    return arena_take(arena, size, alignof(max_align_t));
}

wharf_str arena_copy(struct arena *arena, const void *bytes, size_t len) {
    wharf_str none = {NULL, 0};
    if (len == SIZE_MAX) {
        arena->failed = true;
        return none;
    }
    char *copy = arena_take(arena, len + 1, 1);
    if (copy == NULL) {
        return none;
    }
    if (len > 0) {
        memcpy(copy, bytes, len);
    }
    copy[len] = '\0';
    return (wharf_str){copy, len};
}

char *arena_cstr(struct arena *arena, wharf_str text) {
    return (char *)arena_copy(arena, text.ptr, text.len).ptr;
}

wharf_str arena_printf(struct arena *arena, const char *format, ...) {
    wharf_str none = {NULL, 0};
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (len < 0) {
        arena->failed = true;
        return none;
    }
    size_t size = (size_t)len + 1;
    char *text = arena_take(arena, size, 1);
    if (text == NULL) {
        return none;
    }
    va_start(arguments, format);
    (void)vsnprintf(text, size, format, arguments);
    va_end(arguments);
    return (wharf_str){text, (size_t)len};
}
