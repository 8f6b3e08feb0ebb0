/* Tables of records that never move, and the handles that name their slots:
 *
 *      63  62 ........ 51  50 ........ 24  23 ........ 0
 *      0   scheduler 12    generation 27   slot 24            negative: an error code instead
 */
#ifndef SCHED_TABLE_H
#define SCHED_TABLE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HANDLE_SLOT_BITS = 24,
    HANDLE_GENERATION_BITS = 27,
    HANDLE_SCHED_BITS = 12,
};

/* Pages of records, and a list of free slots. */
struct table {
    char **pages;
    uint32_t page_count, page_capacity;
    uint32_t record_size, page_records; /* the latter a power of two: 1 << page_shift */
    uint32_t page_shift;
    uint32_t *free;
    uint32_t free_count, free_capacity;
    uint32_t used;
};

void table_init(struct table *table, size_t record_size, uint32_t page_records);
void table_deinit(struct table *table);
/* One more page of free slots. 0 or -ENOMEM. */
int table_grow(struct table *table);

/* The record of a slot that exists. */
static inline void *table_at(const struct table *table, uint32_t slot) {
    return table->pages[slot >> table->page_shift] +
           (size_t)(slot & (table->page_records - 1)) * table->record_size;
}

static inline bool table_has(const struct table *table, uint32_t slot) {
    return slot < table->page_count * table->page_records;
}

/* A free slot (its record keeps what was in it; new ones are zero), or -ENOMEM. */
static inline int table_take(struct table *table, uint32_t *ret_slot) {
    if (__builtin_expect(table->free_count == 0, 0)) {
        int rc = table_grow(table);
        if (rc < 0) {
            return rc;
        }
    }
    table->used++;
    *ret_slot = table->free[--table->free_count];
    return 0;
}

static inline void table_give(struct table *table, uint32_t slot) {
    table->used--;
    table->free[table->free_count++] = slot;
}

/* number: the scheduler's. */
static inline int64_t handle_of(uint32_t number, uint32_t slot, uint32_t generation) {
    return (int64_t)number << (HANDLE_SLOT_BITS + HANDLE_GENERATION_BITS) |
           (int64_t)generation << HANDLE_SLOT_BITS | slot;
}

/* The parts of a handle of the scheduler with this number: 0, the error it carries, -EXDEV, or `stale` for nonsense. */
static inline int handle_parts(uint32_t number, int64_t id, int stale, uint32_t *ret_slot,
                               uint32_t *ret_generation) {
    uint64_t bits = (uint64_t)id;
    /* A negative one has a number that no scheduler has. */
    uint64_t whose = bits >> (HANDLE_SLOT_BITS + HANDLE_GENERATION_BITS);
    if (__builtin_expect(whose != number, 0)) {
        int code = id > -100000 ? (int)id : stale;
        return id < 0 ? code : whose == 0 ? stale : -EXDEV;
    }
    *ret_slot = (uint32_t)(bits & ((1U << HANDLE_SLOT_BITS) - 1));
    *ret_generation = (uint32_t)(bits >> HANDLE_SLOT_BITS & ((1U << HANDLE_GENERATION_BITS) - 1));
    return 0;
}

static inline uint32_t generation_next(uint32_t generation) {
    return (generation + 1) & ((1U << HANDLE_GENERATION_BITS) - 1);
}

#endif
