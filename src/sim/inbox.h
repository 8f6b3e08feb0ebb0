/* One direction of a connection: what was sent and not yet read, in order.
 *
 *      first ---- read from here                 flying            last
 *        |                                         |                 |
 *     [segment at 10][segment at 10][segment at 12][segment at 40][segment at 41]  fin_at: 41
 *     `------------- arrived (now = 30) -----------'
 */
#ifndef SIM_INBOX_H
#define SIM_INBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct segment {
    struct segment *next;
    int64_t at; /* when it arrives */
    size_t size;
    unsigned char bytes[];
};

struct inbox {
    struct segment *first, *last;
    struct segment *flying; /* the first that has not arrived; NULL: all have */
    size_t used;            /* bytes of `first` that were read */
    size_t ready;           /* bytes that have arrived and were not read */
    size_t underway;        /* bytes that have not arrived */
    int64_t last_at;        /* nothing overtakes: what is sent now arrives then at the earliest */
    int64_t fin_at;         /* INT64_MAX: the sender goes on */
    bool ended;             /* the FIN has arrived */
};

void inbox_init(struct inbox *inbox);
void inbox_deinit(struct inbox *inbox);

/* Room for `size` bytes, to be filled in and posted, or mem_free'd. NULL without memory. */
struct segment *segment_new(size_t size);
/* Owns the segment from now on; it arrives at `at`, or after what was posted before. */
void inbox_post(struct inbox *inbox, struct segment *segment, int64_t at);
void inbox_post_fin(struct inbox *inbox, int64_t at);

/* What has arrived by now becomes ready, or ended; true when that was more than nothing. */
bool inbox_arrive(struct inbox *inbox, int64_t now);
/* When something arrives next; INT64_MAX: nothing is on its way. */
int64_t inbox_next(const struct inbox *inbox);
/* Forgets what has not arrived, the FIN included. */
void inbox_cut(struct inbox *inbox);

/* Reads up to `size` bytes of what is ready. Returns how many. */
size_t inbox_take(struct inbox *inbox, void *out, size_t size);
/* Throws away what is ready. */
void inbox_skip(struct inbox *inbox, size_t size);

#endif
