/* All schedulers of the process, for those who look at them from outside: the debug thread, a dump, the sum of the
 * counters, a debugger. */
#include <unistd.h>

#include "sched/internal.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Of this thread; the system takes its time to tell. */
static __thread struct stack_range thread_stack;
/* tools/wharf-gdb.py and tools/wharf_lldb.py know this name. */
static struct sched *all_schedulers;

void registry_add(struct sched *sched) {
    struct pulse *pulse = &sched->pulse;
    pulse->thread = pthread_self();
    pulse->tid = gettid();
    (void)pthread_getcpuclockid(pulse->thread, &pulse->cpu_clock);
    if (thread_stack.high == 0) {
        thread_stack = backtrace_thread_stack();
    }
    pulse->stack = thread_stack;
    pthread_mutex_lock(&lock);
    pulse->next = all_schedulers;
    pulse->link = &all_schedulers;
    if (pulse->next != NULL) {
        pulse->next->pulse.link = &pulse->next;
    }
    all_schedulers = sched;
    pthread_mutex_unlock(&lock);
}

void registry_remove(struct sched *sched) {
    struct pulse *pulse = &sched->pulse;
    pthread_mutex_lock(&lock);
    if (pulse->link != NULL) {
        *pulse->link = pulse->next;
        if (pulse->next != NULL) {
            pulse->next->pulse.link = pulse->link;
        }
        pulse->link = NULL;
    }
    pthread_mutex_unlock(&lock);
}

struct sched *registry_lock(void) {
    pthread_mutex_lock(&lock);
    return all_schedulers;
}

void registry_unlock(void) {
    pthread_mutex_unlock(&lock);
}

void registry_after_fork(void) {
    pthread_mutex_init(&lock, NULL);
    all_schedulers = NULL;
}
