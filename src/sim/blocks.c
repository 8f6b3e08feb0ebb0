/* See blocks.h. A table with open addressing, mapped and not allocated, so that the program's allocations keep their
 * numbers. A block that is gone keeps its place for the next one at its address. */
#include "sim/blocks.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/report.h"
#include "sched/internal.h"

enum {
    ENTRIES = 1 << 18, /* a power of two; at three quarters full, no more are taken in */
    FRAMES = 10,
    FRAMES_SKIPPED = 2, /* of this file and of memory.c */
    SHOWN_MAX = 20,
};

struct block_entry {
    uintptr_t block; /* 0: never used */
    bool is_alive;
    size_t size;
    int count;
    uintptr_t pc[FRAMES];
};

static struct block_entry *entry_find(struct blocks *blocks, uintptr_t block) {
    size_t at = (size_t)((block >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 40) & (ENTRIES - 1);
    while (blocks->entries[at].block != 0 && blocks->entries[at].block != block) {
        at = (at + 1) & (ENTRIES - 1);
    }
    return &blocks->entries[at];
}

/* The functions that lead to the running one, as far as they are the program's or the library's. */
static void here(struct backtrace *trace) {
    struct sched *sched = sched_peek();
    *trace = (struct backtrace){0};
    if (sched != NULL && sched->running != NULL) {
        backtrace_here(sched, trace);
    }
}

static void blocks_made(struct mem_watch *watch, uintptr_t block, size_t size) {
    struct blocks *blocks = (struct blocks *)watch;
    struct block_entry *entry = entry_find(blocks, block);
    if (entry->block == 0 && blocks->used >= ENTRIES / 4 * 3) {
        return;
    }
    blocks->used += entry->block == 0 ? 1 : 0;
    struct backtrace trace;
    here(&trace);
    int count = trace.count - FRAMES_SKIPPED;
    entry->block = block;
    entry->is_alive = true;
    entry->size = size;
    entry->count = count < 0 ? 0 : count > FRAMES ? FRAMES : count;
    memcpy(entry->pc, trace.pc + FRAMES_SKIPPED, (size_t)entry->count * sizeof entry->pc[0]);
}

static void blocks_gone(struct mem_watch *watch, uintptr_t block) {
    entry_find((struct blocks *)watch, block)->is_alive = false;
}

static void blocks_failed(struct mem_watch *watch) {
    (void)watch;
    struct backtrace trace;
    here(&trace);
    exit_report_made("wharf: the allocation that fails is made by", &trace);
}

void blocks_begin(struct blocks *blocks) {
    *blocks = (struct blocks){.watch = {blocks_made, blocks_gone, blocks_failed}};
    void *memory = mmap(NULL, ENTRIES * sizeof(struct block_entry), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory != MAP_FAILED) {
        blocks->entries = memory;
        mem_watch(&blocks->watch);
    }
}

void blocks_end(struct blocks *blocks) {
    mem_watch(NULL);
    int shown = 0;
    for (size_t i = 0; blocks->entries != NULL && i < ENTRIES && shown < SHOWN_MAX; i++) {
        const struct block_entry *entry = &blocks->entries[i];
        if (!entry->is_alive) {
            continue;
        }
        char line[96];
        struct backtrace trace = {.count = entry->count};
        memcpy(trace.pc, entry->pc, (size_t)entry->count * sizeof entry->pc[0]);
        (void)snprintf(line, sizeof line, "wharf: left at exit: %zu bytes, made by", entry->size);
        exit_report_made(line, &trace);
        shown++;
    }
    if (blocks->entries != NULL) {
        (void)munmap(blocks->entries, ENTRIES * sizeof(struct block_entry));
    }
    *blocks = (struct blocks){0};
}
