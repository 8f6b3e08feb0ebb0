/* Calls to another core: a message takes the argument there, a task of that core runs the function, a message brings the
 * result back. Nothing is shared but the call's record, which has one owner at any moment:
 *
 *      caller's core --message--> other core: task runs fn --message--> caller's core
 *
 * A caller that is cancelled leaves the call running; its result is dropped when it comes home. */
#include <errno.h>
#include <string.h>

#include "base/failure.h"
#include "base/memory.h"
#include "sched/internal.h"

struct call {
    struct message message;
    struct op *waiter; /* NULL: gone. Touched on the caller's core alone */
    struct group *group;
    int home; /* the caller's core */
    int result;
    struct failure failure; /* what the caller is told of a negative result */
    wharf_fn fn;
    _Alignas(16) char argument[];
};

static struct call *call_of(struct message *message) {
    return (struct call *)(void *)message;
}

/* On the caller's core. */
static void call_returned(struct message *message) {
    struct call *call = call_of(message);
    if (call->waiter != NULL) {
        op_complete(call->waiter, 0);
    } else {
        mem_free(call);
    }
}

static void call_return(struct call *call, int result) {
    call->result = result;
    if (result < 0) {
        failure_hand_on(&call->failure, failure_current(), result, "call on another core", NULL);
    }
    call->message.run = call_returned;
    if (!group_post(call->group, call->home, &call->message)) {
        mem_free(call); /* nobody is there any more */
    }
}

static int call_task(void *arg) {
    struct call *call = arg;
    call_return(call, call->fn(call->argument));
    return 0;
}

/* On the other core. */
static void call_arrived(struct message *message) {
    struct call *call = call_of(message);
    int rc = task_start(NULL, call_task, call, "call from another core");
    if (rc < 0) {
        call_return(call, rc);
    }
}

struct call_op {
    struct op op;
    struct call *call;
    int core;
    bool sent;
};

static int call_start(struct op *op) {
    struct call_op *self = (struct call_op *)op;
    if (self->sent) {
        return 0;
    }
    self->call->waiter = op;
    self->call->message.run = call_arrived;
    self->sent = group_post(self->call->group, self->core, &self->call->message);
    return self->sent ? 0 : -ESRCH;
}

static void call_cancel(struct op *op) {
    if (!op->completed && op->task->interrupt != 0) {
        ((struct call_op *)op)->call->waiter = NULL;
    }
}

static const struct op_kind call_kind = {.name = "call on core", .start = call_start, .cancel = call_cancel};

static int call_remote(struct sched *sched, int core, wharf_fn fn, const void *arg, size_t len) {
    struct call *call = mem_alloc(sizeof *call + len);
    if (call == NULL) {
        return -ENOMEM;
    }
    *call = (struct call){.group = sched->group, .home = sched->core, .fn = fn};
    if (len > 0) {
        memcpy(call->argument, arg, len);
    }
    struct call_op op = {.op.kind = &call_kind, .call = call, .core = core};
    int rc = (int)op_await(&op.op);
    if (rc < 0 && op.sent) {
        return rc; /* the record is freed when it comes home */
    }
    if (rc == 0 && call->result < 0) {
        *failure_current() = call->failure;
    }
    rc = rc < 0 ? rc : call->result;
    mem_free(call);
    return rc;
}

int wharf_call_on(int core, wharf_fn fn, const void *arg, size_t len) {
    struct sched *sched = sched_current();
    if (sched == NULL) {
        return sched_missing();
    }
    int cores = sched->group != NULL ? group_size(sched->group) : 1;
    if (fn == NULL || core < 0 || core >= cores || len > TASK_ARGUMENT_MAX) {
        return fail(-EINVAL, "call on core", NULL, "core must be 0 to %d, the argument at most %d bytes",
                    cores - 1, TASK_ARGUMENT_MAX);
    }
    if (core != sched->core) {
        return call_remote(sched, core, fn, arg, len);
    }
    int rc = wharf_check();
    if (rc < 0) {
        return rc;
    }
    _Alignas(16) char copy[TASK_ARGUMENT_MAX];
    if (len > 0) {
        memcpy(copy, arg, len);
    }
    return fn(copy);
}
