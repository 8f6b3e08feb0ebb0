/* Where this thread's blocks of memory were made, remembered for as long as they live: for the second run of a program whose
 * first one left some behind. */
#ifndef SIM_BLOCKS_H
#define SIM_BLOCKS_H

#include "base/memory.h"

struct block_entry;

struct blocks {
    struct mem_watch watch; /* first: a watch is its table */
    struct block_entry *entries;
    uint32_t used;
};

/* From now on. Without memory for the table nothing is remembered. */
void blocks_begin(struct blocks *blocks);
/* Names what still lives, and forgets it. */
void blocks_end(struct blocks *blocks);

#endif
