/* See table.h. */
#include "sched/table.h"

#include <assert.h>

#include "base/memory.h"

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
int table_grow(struct table *table) {
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
