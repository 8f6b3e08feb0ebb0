/* The simulator as a scheduler's engine. Its state is a struct world. */
#ifndef SIM_ENGINE_H
#define SIM_ENGINE_H

#include "sched/engine.h"

extern const struct engine engine_sim;

#endif
