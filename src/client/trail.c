/* See trail.h. */
#include "client/trail.h"

#include "base/memory.h"
#include "sched/sched.h"

struct past_attempt {
    struct past_attempt *next;
    wharf_attempt attempt;
    char texts[]; /* url, address, proxy and said, each with its NUL */
};

void trail_init(struct trail *trail) {
    *trail = (struct trail){.is_open = false};
    trail->start = sched_clock();
}

void trail_deinit(struct trail *trail) {
    while (trail->first != NULL) {
        struct past_attempt *past = trail->first;
        trail->first = past->next;
        mem_free(past);
    }
}

void trail_begin(struct trail *trail, const char *why) {
    trail->now = (wharf_attempt){.why = why, .url = "", .address = "", .proxy = "", .said = ""};
    trail->is_open = true;
    trail->total++;
    trail->began = sched_clock();
    trail->headed = 0;
    trail->now.began_ns = trail->began - trail->start;
}

/* Appends a text to a record's; returns where it lies. */
static const char *take_text(char **end, const char *text) {
    char *begin = *end;
    size_t size = strlen(text) + 1;
    memcpy(begin, text, size);
    *end = begin + size;
    return begin;
}

void trail_seal(struct trail *trail) {
    const wharf_attempt *now = &trail->now;
    if (!trail->is_open) {
        return;
    }
    trail->is_open = false;
    size_t size = strlen(now->url) + strlen(now->address) + strlen(now->proxy) + strlen(now->said) + 4;
    struct past_attempt *past = trail->count < TRAIL_MAX ? mem_alloc(sizeof(*past) + size) : NULL;
    if (past == NULL) {
        return;
    }
    char *end = past->texts;
    past->next = NULL;
    past->attempt = *now;
    past->attempt.url = take_text(&end, now->url);
    past->attempt.address = take_text(&end, now->address);
    past->attempt.proxy = take_text(&end, now->proxy);
    past->attempt.said = take_text(&end, now->said);
    if (trail->last != NULL) {
        trail->last->next = past;
    } else {
        trail->first = past;
    }
    trail->last = past;
    trail->count++;
}

bool trail_at(const struct trail *trail, size_t i, wharf_attempt *ret_attempt, bool *ret_is_past) {
    const struct past_attempt *past = trail->first;
    for (size_t n = 0; past != NULL && n < i; n++) {
        past = past->next;
    }
    if (i < trail->count && past != NULL) {
        *ret_attempt = past->attempt;
        *ret_is_past = true;
        return true;
    }
    if (i > trail->count || !trail->is_open) {
        return false;
    }
    *ret_attempt = trail->now;
    *ret_is_past = false;
    return true;
}
