/* One run of a scenario, for whoever runs it many times. */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include <stdbool.h>

#include "wharf/sim.h"

struct scenario {
    const wharf_sim_options *options;
    wharf_fn fn;
    void *arg;
    bool tells; /* in reports: where the planned fault strikes, what is left, which functions made it */
};

/* As wharf_sim_run_report(), of arguments that have been looked at. */
int scenario_perform(const struct scenario *scenario, wharf_sim_report *ret_report);

/* Whether a run is to be called a failure, however its function ended: -WHARF_ECHECK, -WHARF_EDEADLOCK, -WHARF_ELEFT
 * (recorded), or 0. */
int report_verdict(int result, const wharf_sim_report *report);

#endif
