/* The public calls about hosts, links, faults and the trace: from inside a simulation, by the names of hosts. */
#include <errno.h>
#include <string.h>

#include "base/failure.h"
#include "sched/internal.h"
#include "sim/engine.h"
#include "sim/link.h"
#include "sim/names.h"
#include "sim/program.h"

/* The host whose task calls, or NULL outside a simulation. */
static struct host *host_here(void) {
    struct sched *sched = sched_peek();
    return sched != NULL && sched->engine == &engine_sim ? sched_engine_state(sched) : NULL;
}

static int outside(const char *phase) {
    return fail(-EINVAL, phase, NULL, "this is no simulation");
}

static int unknown(const char *phase, const char *name) {
    return fail(-ENOENT, phase, name, "no host of the simulation has this name");
}

int wharf_sim_start(const wharf_sim_host *options) {
    struct host *here = host_here();
    if (here == NULL) {
        return outside("simulated host");
    }
    if (options == NULL || options->size < sizeof(options->size)) {
        return fail(-EINVAL, "simulated host", NULL, "options without their size");
    }
    wharf_sim_host wanted = {0};
    memcpy(&wanted, options, options->size < sizeof(wanted) ? options->size : sizeof(wanted));
    if (wanted.program == NULL) {
        return fail(-EINVAL, "simulated host", wanted.name, "no program");
    }
    struct host *host = NULL;
    int rc = host_new(here->world, &wanted, &host);
    if (rc < 0) {
        return rc;
    }
    host->program.fn = wanted.program;
    host->program.arg = wanted.arg;
    rc = program_start(host);
    return rc < 0 ? fail(rc, "simulated host", host->name, NULL) : 0;
}

/* ---- waiting ---- */

struct wait_op {
    struct op op;
    struct host *host;
};

static int64_t wait_attempt(struct op *op) {
    const struct host *host = ((struct wait_op *)op)->host;
    return host->state == HOST_DOWN && !host->restarts ? 0 : -EAGAIN;
}

static int wait_start(struct op *op) {
    op_queue_push(&((struct wait_op *)op)->host->program.waiters, op);
    return 0;
}

static const struct op_kind wait_kind = {"wait for a host", wait_attempt, wait_start, op_queue_remove};

int wharf_sim_wait(const char *name, int *ret_result) {
    struct host *here = host_here();
    if (here == NULL) {
        return outside("wait for a host");
    }
    struct host *host = name != NULL ? host_find(here->world, name) : NULL;
    if (host == NULL || host == here->world->first) {
        return unknown("wait for a host", name);
    }
    struct wait_op wait = {.op.kind = &wait_kind, .host = host};
    int rc = (int)op_await(&wait.op);
    if (rc < 0) {
        return fail(rc, "wait for a host", name, NULL);
    }
    if (ret_result != NULL) {
        *ret_result = host->program.result;
    }
    return 0;
}

/* ---- links, faults, trace ---- */

int wharf_sim_set_link(const char *a, const char *b, const wharf_sim_link *link) {
    struct host *here = host_here();
    if (here == NULL) {
        return outside("simulated link");
    }
    if (a == NULL || b == NULL || link == NULL || link->size < sizeof(link->size)) {
        return fail(-EINVAL, "simulated link", NULL, "two names, and settings with their size, are needed");
    }
    struct host *one = host_find(here->world, a), *other = host_find(here->world, b);
    if (one == NULL || other == NULL) {
        return unknown("simulated link", one == NULL ? a : b);
    }
    return link_set(link_between(one, other), link);
}

int wharf_sim_inject(const wharf_sim_fault *fault) {
    struct host *here = host_here();
    if (here == NULL) {
        return outside("plan");
    }
    if (fault == NULL) {
        return fail(-EINVAL, "plan", NULL, "no fault");
    }
    int rc = plan_check(here->world, fault);
    if (rc < 0) {
        return rc;
    }
    bool is_known = host_find(here->world, fault->host) != NULL &&
                    host_find(here->world, fault->peer) != NULL;
    return is_known ? plan_inject(here->world, fault) : unknown("plan", fault->host);
}

int wharf_sim_put_file(const char *name, const char *path, const void *bytes, size_t size) {
    struct host *here = host_here();
    if (here == NULL || name == NULL || path == NULL || (bytes == NULL && size > 0)) {
        return here == NULL ? outside("put a file")
                            : fail(-EINVAL, "put a file", path, "a name or bytes are missing");
    }
    struct host *host = host_find(here->world, name);
    if (host == NULL) {
        return unknown("put a file", name);
    }
    int rc = disk_put(host, path, bytes, size);
    return rc < 0 ? fail(rc, "put a file", path, NULL) : 0;
}

ssize_t wharf_sim_get_file(const char *name, const char *path, void *buffer, size_t size) {
    struct host *here = host_here();
    if (here == NULL || name == NULL || path == NULL) {
        return here == NULL ? outside("get a file") : fail(-EINVAL, "get a file", path, "a name is missing");
    }
    struct host *host = host_find(here->world, name);
    if (host == NULL) {
        return unknown("get a file", name);
    }
    ssize_t rc = disk_get(host, path, buffer, size);
    return rc < 0 ? fail((int)rc, "get a file", path, NULL) : rc;
}

bool wharf_sim_is_running(void) {
    return host_here() != NULL;
}

int wharf_sim_set_name(const char *name, const char *addresses) {
    struct host *here = host_here();
    if (here == NULL) {
        return outside("set a name");
    }
    int rc = name != NULL ? names_set(here->world, name, addresses) : -EINVAL;
    return rc < 0 ? fail(rc, "set a name", name, "a name has up to 253 bytes and up to 8 IP addresses") : 0;
}

uint64_t wharf_sim_trace(void) {
    const struct host *here = host_here();
    return here != NULL ? here->world->trace : 0;
}

int64_t wharf_sim_elapsed_ns(void) {
    const struct host *here = host_here();
    return here != NULL ? here->world->now - WORLD_START_NS : 0;
}
