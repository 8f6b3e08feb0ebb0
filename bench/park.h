/* Tasks that wait for nothing, for tasks.c. */
#ifndef BENCH_PARK_H
#define BENCH_PARK_H

#include <stdint.h>

/* Parks `count` tasks, 1 upwards, until the end of standard input. Returns 0, or an error that it has told about. */
int park_tasks(int64_t count);

#endif
