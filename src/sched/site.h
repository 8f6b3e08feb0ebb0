/* Where things were made: the functions that made them, remembered when a program wants to be told what it left. */
#ifndef SCHED_SITE_H
#define SCHED_SITE_H

#include <stdint.h>

struct sched;

/* Remembers where a thing is made, when `sites` is switched on. A child process goes by the slot of its task's join record. */
enum site_kind { SITE_SOCKET, SITE_CHANNEL, SITE_FILE, SITE_CHILD, SITE_KINDS };
enum { SITE_FRAMES = 8 };
struct site {
    int count; /* 0: not remembered */
    uintptr_t pc[SITE_FRAMES];
};
struct site_list {
    struct site *sites; /* by slot */
    uint32_t capacity;
};
/* The functions below the one that calls this. */
void site_take(const struct sched *sched, struct site *ret_site);
void site_record(struct sched *sched, enum site_kind kind, uint32_t slot);
void sites_free(struct sched *sched);

#endif
