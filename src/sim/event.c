/* A pairing heap (Fredman, Sedgewick, Sleator, Tarjan, 1986): intrusive, a few pointers, and removal from the
 * middle is as cheap as from the top. */
#include "sim/event.h"

#include <stddef.h>

static bool event_is_before(const struct event *a, const struct event *b) {
    if (a->at != b->at) {
        return a->at < b->at;
    }
    return a->tie != b->tie ? a->tie < b->tie : a->sequence < b->sequence;
}

/* Makes the later of two roots the first child of the earlier one. */
static struct event *event_meld(struct event *a, struct event *b) {
    if (a == NULL || b == NULL) {
        return a != NULL ? a : b;
    }
    struct event *top = event_is_before(a, b) ? a : b;
    struct event *below = top == a ? b : a;
    below->prev = top;
    below->next = top->child;
    if (top->child != NULL) {
        top->child->prev = below;
    }
    top->child = below;
    return top;
}

/* One heap of a list of siblings: melded in pairs from left to right, the pairs then from right to left, which
 * is what keeps the amortised cost logarithmic. */
static struct event *event_meld_siblings(struct event *first) {
    struct event *pairs = NULL;
    while (first != NULL) {
        struct event *second = first->next;
        struct event *rest = second != NULL ? second->next : NULL;
        first->next = NULL;
        first->prev = NULL;
        if (second != NULL) {
            second->next = NULL;
            second->prev = NULL;
        }
        struct event *pair = event_meld(first, second);
        pair->next = pairs;
        pairs = pair;
        first = rest;
    }
    struct event *root = NULL;
    while (pairs != NULL) {
        struct event *rest = pairs->next;
        pairs->next = NULL;
        root = event_meld(root, pairs);
        pairs = rest;
    }
    return root;
}

void event_remove(struct event_queue *queue, struct event *event) {
    if (!event->queued) {
        return;
    }
    struct event *below = event_meld_siblings(event->child);
    if (queue->root == event) {
        queue->root = below;
    } else {
        if (event->prev->child == event) {
            event->prev->child = event->next;
        } else {
            event->prev->next = event->next;
        }
        if (event->next != NULL) {
            event->next->prev = event->prev;
        }
        queue->root = event_meld(queue->root, below);
    }
    event->child = NULL;
    event->next = NULL;
    event->prev = NULL;
    event->queued = false;
}

void event_push(struct event_queue *queue, struct event *event, int64_t at) {
    event_remove(queue, event);
    event->at = at;
    event->sequence = queue->sequence++;
    event->queued = true;
    queue->root = event_meld(queue->root, event);
}

struct event *event_first(const struct event_queue *queue) {
    return queue->root;
}
