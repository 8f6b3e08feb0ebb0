/* Signals of a simulated world: raised by the program under test, never by the system. */
#include <errno.h>

#include "sched/internal.h"
#include "sim/engine.h"
#include "wharf/sim.h"

int wharf_sim_signal(int number) {
    struct sched *sched = sched_current();
    if (sched == NULL) {
        return sched_missing();
    }
    if (sched->engine != &engine_sim || number < 1 || number > 64) {
        return -EINVAL;
    }
    (void)signal_simulate(sched, number);
    return 0;
}
