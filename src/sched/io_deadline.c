/* A deadline of a descriptor, beside those of the tasks that use it: one timer, made when it is first asked for, marks the
 * descriptor and wakes who waits on it. */
#include <errno.h>

#include "base/memory.h"
#include "sched/internal.h"

struct io_deadline {
    struct timer timer;
    struct io *io;
};

static void fired(struct timer *timer) {
    struct io *io = ((struct io_deadline *)(void *)timer)->io;
    io->expired = true;
    op_queue_wake_all(&io->readers);
    op_queue_wake_all(&io->writers);
}

int io_set_deadline(struct io *io, int64_t deadline) {
    struct sched *sched = sched_here();
    io->expired = false;
    if (io->deadline == NULL) {
        if (deadline == TIMER_NEVER) {
            return 0;
        }
        struct io_deadline *made = mem_zalloc(sizeof *made);
        if (made == NULL || timer_init(sched, &made->timer, fired) < 0) {
            mem_free(made);
            return -ENOMEM;
        }
        made->io = io;
        io->deadline = made;
    }
    timer_stop(sched, &io->deadline->timer);
    if (deadline != TIMER_NEVER) {
        timer_set(sched, &io->deadline->timer, deadline);
    }
    io->expired = deadline <= sched_clock();
    return 0;
}

void io_deadline_free(struct sched *sched, struct io *io) {
    timer_deinit(sched, &io->deadline->timer);
    mem_free(io->deadline);
    io->deadline = NULL;
    io->expired = false;
}
