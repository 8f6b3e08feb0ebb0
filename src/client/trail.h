/* What a fetch went through: one record for each attempt to get an answer, with its times and how it ended. The attempt
 * under way has its record inside the response; those before it are copied to the heap, so that a fetch that needs no
 * second attempt allocates nothing for its trail.
 *
 *      past (oldest) -> past -> ... -> now
 */
#ifndef CLIENT_TRAIL_H
#define CLIENT_TRAIL_H

#include <stdbool.h>

#include "wharf/client.h"

/* More attempts than this are counted, and not kept. */
enum { TRAIL_MAX = 64 };

struct past_attempt;

struct trail {
    wharf_attempt now; /* its texts are filled in by whoever asks for it, or seals it */
    bool is_open;      /* there is such an attempt */
    struct past_attempt *first, *last;
    size_t count;   /* kept, the one under way not counted */
    int64_t total;  /* attempts that have begun */
    int64_t start;  /* of the fetch, by the clock */
    int64_t began;  /* the attempt under way */
    int64_t headed; /* when its head had come */
};

void trail_init(struct trail *trail);
void trail_deinit(struct trail *trail);

/* An attempt begins, for this reason (static text). The one before must have been sealed. */
void trail_begin(struct trail *trail, const char *why);
/* It is over, and another may come: keeps a copy, texts included. */
void trail_seal(struct trail *trail);
/* The i-th, from 0; false past the last. Its texts, if it is not past, are the caller's to set: *ret_is_past. */
bool trail_at(const struct trail *trail, size_t i, wharf_attempt *ret_attempt, bool *ret_is_past);

#endif
