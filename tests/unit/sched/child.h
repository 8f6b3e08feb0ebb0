/* Runs a scenario of this test program in a process of its own: one that is to crash, to exit, to fork, or to see another
 * environment. main() begins with child_main(), which runs the scenario and does not return in such a process. */
#ifndef TESTS_SCHED_CHILD_H
#define TESTS_SCHED_CHILD_H

#include <stddef.h>

struct child_scenario {
    const char *name;
    int (*run)(void); /* its result is the exit status */
};

/* How it ended: `status` as of waitpid(2), and what it wrote to its standard error. */
struct child_end {
    int status;
    char errors[4096];
};

void child_main(int argc, char **argv, const struct child_scenario *scenarios, size_t count);
/* environment: "NAME=value" to add, or NULL; what wharf/debug.h switches is off otherwise. Waits for the end; a child that hangs is ended by an alarm. */
struct child_end child_run(const char *scenario, const char *environment);

#endif
