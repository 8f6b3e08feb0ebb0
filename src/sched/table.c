/* Tables of records that never move, and the handles that name their slots:
 *
 *      63  62 ........ 51  50 ........ 24  23 ........ 0
 *      0   scheduler 12    generation 27   slot 24            negative: an error code instead
 */
#include <assert.h>
#include <errno.h>

#include "base/memory.h"
#include "sched/internal.h"

void table_init(struct table *table, size_t record_size, uint32_t page_records) {
    assert((page_records & (page_records - 1)) == 0);
    *table = (struct table){.record_size = (uint32_t)record_size, .page_records = page_records};
    table->page_shift = (uint32_t)__builtin_ctz(page_records);
}

void table_deinit(struct table *table) {
    for (uint32_t i = 0; i < table->page_count; i++) {
        mem_free(table->pages[i]);
    }
    mem_free(table->pages);
    mem_free(table->free);
    table_init(table, table->record_size, table->page_records);
}

/* One more page, and room in the free list for all its slots. */
static int table_grow(struct table *table) {
    uint32_t slots = (table->page_count + 1) * table->page_records;
    if (slots > 1U << HANDLE_SLOT_BITS) {
        return -ENOMEM;
    }
    if (table->free_capacity < slots) {
        uint32_t capacity = slots * 2;
        uint32_t *free = mem_realloc(table->free, capacity * sizeof *free);
        if (free == NULL) {
            return -ENOMEM;
        }
        table->free = free;
        table->free_capacity = capacity;
    }
    if (table->page_count == table->page_capacity) {
        uint32_t capacity = table->page_capacity == 0 ? 8 : table->page_capacity * 2;
        char **pages = mem_realloc(table->pages, capacity * sizeof *pages);
        if (pages == NULL) {
            return -ENOMEM;
        }
        table->pages = pages;
        table->page_capacity = capacity;
    }
    char *page = mem_zalloc((size_t)table->record_size * table->page_records);
    if (page == NULL) {
        return -ENOMEM;
    }
    table->pages[table->page_count++] = page;
    for (uint32_t i = 0; i < table->page_records; i++) {
        table->free[table->free_count++] = slots - 1 - i;
    }
    return 0;
}

int table_take(struct table *table, uint32_t *ret_slot) {
    if (table->free_count == 0) {
        int rc = table_grow(table);
        if (rc < 0) {
            return rc;
        }
    }
    table->used++;
    *ret_slot = table->free[--table->free_count];
    return 0;
}

void table_give(struct table *table, uint32_t slot) {
    table->used--;
    table->free[table->free_count++] = slot;
}

int64_t handle_make(const struct sched *sched, uint32_t slot, uint32_t generation) {
    return (int64_t)sched->number << (HANDLE_SLOT_BITS + HANDLE_GENERATION_BITS) |
           (int64_t)generation << HANDLE_SLOT_BITS | slot;
}

int handle_split(const struct sched *sched, int64_t id, int stale, uint32_t *ret_slot,
                 uint32_t *ret_generation) {
    if (id < 0) {
        return id > -100000 ? (int)id : stale;
    }
    uint64_t bits = (uint64_t)id;
    uint32_t number = (uint32_t)(bits >> (HANDLE_SLOT_BITS + HANDLE_GENERATION_BITS));
    if (number == 0) {
        return stale;
    }
    if (number != sched->number) {
        return -EXDEV;
    }
    *ret_slot = (uint32_t)(bits & ((1U << HANDLE_SLOT_BITS) - 1));
    *ret_generation = (uint32_t)(bits >> HANDLE_SLOT_BITS & ((1U << HANDLE_GENERATION_BITS) - 1));
    return 0;
}
