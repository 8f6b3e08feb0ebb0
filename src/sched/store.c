/* What a scheduler keeps for the layers above: blocks that busy connections borrow, and one value per key. */
#include <errno.h>

#include "base/memory.h"
#include "sched/internal.h"
#include "sched/sanitizer.h"

/* ---- blocks ---- */

enum { FREE_BLOCKS_MAX = 64 };

void *block_get(void) {
    struct sched *sched = sched_here();
    if (sched == NULL || sched->free_blocks == NULL) {
        return mem_alloc(BLOCK_SIZE);
    }
    void *block = sched->free_blocks;
    sched->free_blocks = *(void **)block;
    sched->free_block_count--;
    return block;
}

void block_put(void *block) {
    struct sched *sched = sched_peek();
    if (block == NULL) {
        return;
    }
    if (sched == NULL || sched->free_block_count >= FREE_BLOCKS_MAX) {
        mem_free(block);
        return;
    }
    *(void **)block = sched->free_blocks;
    sched->free_blocks = block;
    sched->free_block_count++;
}

void blocks_free(struct sched *sched) {
    while (sched->free_blocks != NULL) {
        void *block = sched->free_blocks;
        sched->free_blocks = *(void **)block;
        mem_free(block);
    }
    sched->free_block_count = 0;
}

/* ---- one value per key ---- */

static struct local **local_find(struct sched *sched, const void *key) {
    struct local **link = &sched->locals;
    while (*link != NULL && (*link)->key != key) {
        link = &(*link)->next;
    }
    return link;
}

void *sched_local_get(const void *key) {
    struct sched *sched = sched_here();
    struct local *local = sched != NULL ? *local_find(sched, key) : NULL;
    return local != NULL ? local->value : NULL;
}

int sched_local_set(const void *key, void *value, void (*drop)(void *value)) {
    struct sched *sched = sched_here();
    struct local *local = sched != NULL ? mem_alloc(sizeof *local) : NULL;
    if (local == NULL) {
        return -ENOMEM;
    }
    sched_local_remove(key);
    *local = (struct local){.next = sched->locals, .key = key, .value = value, .drop = drop};
    sched->locals = local;
    return 0;
}

void *sched_local_make(const void *key, size_t size, void (*drop)(void *value)) {
    void *value = sched_local_get(key);
    if (value != NULL) {
        return value;
    }
    value = mem_zalloc(size);
    if (value != NULL && sched_local_set(key, value, drop) < 0) {
        mem_free(value);
        return NULL;
    }
    return value;
}

static void local_drop(struct local **link) {
    struct local *local = *link;
    *link = local->next;
    if (local->drop != NULL) {
        local->drop(local->value);
    }
    mem_free(local);
}

void sched_local_remove(const void *key) {
    struct sched *sched = sched_peek();
    struct local **link = sched != NULL ? local_find(sched, key) : NULL;
    if (link != NULL && *link != NULL) {
        local_drop(link);
    }
}

void locals_drop(struct sched *sched) {
    while (sched->locals != NULL) {
        local_drop(&sched->locals);
    }
}
