/* What the library is and what it found: its version, the engine and why it is that one, what of the kernel is in use. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/failure.h"
#include "sched/internal.h"
#include "wharf/debug.h"

/* What the environment asks for, and what comes of it. */
static const char *const engine_answers[][2] = {
    {"epoll", "WHARF_ENGINE=epoll"},
    {"auto", "WHARF_ENGINE=auto: epoll is the fastest there is"},
    {"uring", "WHARF_ENGINE=uring: this version has no io_uring engine, so epoll"},
    {"sim", "WHARF_ENGINE=sim: a simulation begins with wharf_sim_run(), so epoll"},
};

static const char *engine_reason(const struct sched *sched) {
    if (sched->engine != &engine_epoll) {
        return "inside wharf_sim_run()";
    }
    const char *wish = getenv("WHARF_ENGINE");
    if (wish == NULL || wish[0] == '\0') {
        return "the default";
    }
    for (size_t i = 0; i < sizeof engine_answers / sizeof *engine_answers; i++) {
        if (strcmp(wish, engine_answers[i][0]) == 0) {
            return engine_answers[i][1];
        }
    }
    return "WHARF_ENGINE names no engine, so epoll";
}

/* Known when the first stack was made, which tries it. */
static const char *stack_guards(const struct sched *sched) {
    if (sched->stacks.use_mprotect) {
        return "mprotect";
    }
    return sched->stacks.guard_checked ? "guard regions" : "not tried yet";
}

int wharf_info(wharf_facts *ret_facts) {
    const struct sched *sched = sched_current();
    if (sched == NULL) {
        return sched_missing();
    }
    wharf_facts facts = {
        .size = ret_facts->size,
        .version = wharf_version(),
        .engine = sched->engine->name,
        .engine_reason = engine_reason(sched),
        .stack_guards = stack_guards(sched),
        .cores = wharf_cores(),
        .fallbacks = sched_fallbacks(),
    };
    size_t size = facts.size < sizeof facts ? facts.size : sizeof facts;
    if (size < sizeof facts.size) {
        return fail(-EINVAL, "info", NULL, "the struct says nothing about its size");
    }
    memcpy(ret_facts, &facts, size);
    return 0;
}
