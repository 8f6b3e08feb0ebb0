/* The queue of bytes of one direction. A segment is what one send gave; reading ignores their borders. */
#include "sim/inbox.h"

#include <string.h>

#include "base/memory.h"

void inbox_init(struct inbox *inbox) {
    *inbox = (struct inbox){.fin_at = INT64_MAX};
}

static void segments_free(struct segment *segment) {
    while (segment != NULL) {
        struct segment *next = segment->next;
        mem_free(segment);
        segment = next;
    }
}

void inbox_deinit(struct inbox *inbox) {
    segments_free(inbox->first);
    inbox_init(inbox);
}

struct segment *segment_new(size_t size) {
    struct segment *segment = mem_alloc(sizeof(*segment) + size);
    if (segment != NULL) {
        segment->size = size;
    }
    return segment;
}

void inbox_post(struct inbox *inbox, struct segment *segment, int64_t at) {
    if (at > inbox->last_at) {
        inbox->last_at = at;
    }
    segment->at = inbox->last_at;
    segment->next = NULL;
    if (inbox->last != NULL) {
        inbox->last->next = segment;
    } else {
        inbox->first = segment;
    }
    inbox->last = segment;
    if (inbox->flying == NULL) {
        inbox->flying = segment;
    }
    inbox->underway += segment->size;
}

void inbox_post_fin(struct inbox *inbox, int64_t at) {
    if (at > inbox->last_at) {
        inbox->last_at = at;
    }
    inbox->fin_at = inbox->last_at;
}

bool inbox_arrive(struct inbox *inbox, int64_t now) {
    size_t before = inbox->ready;
    while (inbox->flying != NULL && inbox->flying->at <= now) {
        inbox->ready += inbox->flying->size;
        inbox->underway -= inbox->flying->size;
        inbox->flying = inbox->flying->next;
    }
    if (inbox->flying != NULL || inbox->fin_at > now || inbox->ended) {
        return inbox->ready > before;
    }
    inbox->ended = true;
    return true;
}

int64_t inbox_next(const struct inbox *inbox) {
    if (inbox->flying != NULL) {
        return inbox->flying->at;
    }
    return inbox->ended ? INT64_MAX : inbox->fin_at;
}

void inbox_cut(struct inbox *inbox) {
    struct segment *last = NULL;
    struct segment *segment = inbox->first;
    while (segment != inbox->flying) {
        last = segment;
        segment = segment->next;
    }
    segments_free(inbox->flying);
    if (last != NULL) {
        last->next = NULL;
    } else {
        inbox->first = NULL;
    }
    inbox->last = last;
    inbox->flying = NULL;
    inbox->underway = 0;
    inbox->fin_at = inbox->ended ? inbox->fin_at : INT64_MAX;
}

/* Takes bytes out, into `out` unless it is NULL. */
static size_t inbox_remove(struct inbox *inbox, unsigned char *out, size_t size) {
    size_t wanted = size < inbox->ready ? size : inbox->ready;
    size_t taken = 0;
    while (taken < wanted) {
        struct segment *segment = inbox->first;
        size_t left = segment->size - inbox->used;
        size_t part = left < wanted - taken ? left : wanted - taken;
        if (out != NULL) {
            memcpy(out + taken, segment->bytes + inbox->used, part);
        }
        taken += part;
        inbox->used += part;
        if (inbox->used == segment->size) {
            inbox->first = segment->next;
            inbox->last = inbox->first != NULL ? inbox->last : NULL;
            inbox->used = 0;
            mem_free(segment);
        }
    }
    inbox->ready -= taken;
    return taken;
}

size_t inbox_take(struct inbox *inbox, void *out, size_t size) {
    return inbox_remove(inbox, out, size);
}

void inbox_skip(struct inbox *inbox, size_t size) {
    (void)inbox_remove(inbox, NULL, size);
}
