/* The plan of a run: what goes wrong, and when. Given as data, drawn from the seed, or both; each entry is an event. */
#ifndef SIM_PLAN_H
#define SIM_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/event.h"
#include "wharf/sim.h"

struct host;
struct world;

struct plan_entry {
    struct event event;
    struct world *world;
    wharf_sim_fault fault;
    bool by_code; /* by the program itself, which will do so again when the run is repeated */
};

struct plan {
    struct plan_entry entries[WHARF_SIM_FAULTS_MAX];
    size_t count;
    struct event drawing; /* the next entry is drawn then */
    unsigned to_draw;
};

/* Enters what the options say. 0 or -EINVAL (recorded). */
int plan_init(struct world *world);
/* 0 or -EINVAL (recorded). Hosts may come later. */
int plan_check(const struct world *world, const wharf_sim_fault *fault);
/* Enters what the program itself wants to go wrong: at once where its time has come. 0, -EINVAL or -WHARF_ELIMIT
 * (recorded). */
int plan_inject(struct world *world, const wharf_sim_fault *fault);
/* All but what the program itself has entered. Returns how many. */
size_t plan_copy(const struct world *world, wharf_sim_fault out[static WHARF_SIM_FAULTS_MAX]);

#endif
