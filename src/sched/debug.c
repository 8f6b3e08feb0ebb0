/* The switches of wharf/debug.h: the build says what is on, the environment may differ, and the program has the last
 * word. */
#include "sched/debug.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "base/failure.h"
#include "base/number.h"
#include "sched/internal.h"
#include "wharf/debug.h"

#if defined(WHARF_DEBUG_BUILD) && WHARF_DEBUG_BUILD
enum { IS_DEBUG_BUILD = 1 };
#else
enum { IS_DEBUG_BUILD = 0 };
#endif

enum { WATCHDOG_MS = 10, WATCHDOG_MS_MAX = 60000, MILLISECOND_NS = 1000 * 1000 };

struct debug_switches debug_switches;

/* The signal whose handler is ours; 0: none. */
static int dump_signal;

/* A number in the environment; what the build has where there is none. */
static int64_t environment_number(const char *name, int64_t default_value) {
    const char *text = getenv(name);
    uint64_t value = 0;
    if (text == NULL || number_parse(wharf_str_of(text), WATCHDOG_MS_MAX, &value) < 0) {
        return default_value;
    }
    return (int64_t)value;
}

/* ---- the signal ---- */

static void dump_signal_arrived(int signal) {
    (void)signal;
    int saved = errno;
    watchdog_ask_dump();
    errno = saved;
}

static void dump_signal_remove(void) {
    struct sigaction action;
    if (dump_signal != 0 && sigaction(dump_signal, NULL, &action) == 0 &&
        action.sa_handler == dump_signal_arrived) {
        action.sa_handler = SIG_DFL;
        (void)sigaction(dump_signal, &action, NULL);
    }
    dump_signal = 0;
}

/* Only over the default: a program's own handler stays, and so does what nohup(1) has ignored. */
static int dump_signal_install(int signal) {
    struct sigaction action;
    int rc = sigaction(signal, NULL, &action) < 0 ? -errno : 0;
    if (rc < 0) {
        return rc;
    }
    if (action.sa_handler == SIG_IGN || action.sa_handler == dump_signal_arrived) {
        return 0;
    }
    if (action.sa_handler != SIG_DFL) {
        return fail(-EBUSY, "debug", NULL, "the program handles signal %d itself", signal);
    }
    rc = watchdog_start(-1);
    if (rc < 0) {
        return rc;
    }
    struct sigaction ours = {.sa_handler = dump_signal_arrived, .sa_flags = SA_RESTART | SA_ONSTACK};
    sigemptyset(&ours.sa_mask);
    rc = sigaction(signal, &ours, NULL) < 0 ? -errno : 0;
    dump_signal = rc == 0 ? signal : 0;
    return rc;
}

/* ---- switching ---- */

/* What a missing thread or a foreign handler prevents is only missed: nobody asked for it by name. */
void debug_install(void) {
    atomic_store(&debug_switches.exit_report, environment_number("WHARF_EXIT_REPORT", IS_DEBUG_BUILD) != 0);
    atomic_store(&debug_switches.sites, atomic_load(&debug_switches.exit_report));
    atomic_store(&debug_switches.stack_report, environment_number("WHARF_STACK_REPORT", IS_DEBUG_BUILD) != 0);
    int64_t watchdog_ms = environment_number("WHARF_WATCHDOG", IS_DEBUG_BUILD * WATCHDOG_MS);
    if (watchdog_ms > 0) {
        (void)watchdog_start(watchdog_ms * MILLISECOND_NS);
    }
    if (environment_number("WHARF_DUMP", IS_DEBUG_BUILD) != 0) {
        (void)dump_signal_install(SIGQUIT);
    }
}

static void switch_set(_Atomic bool *value, int wish) {
    if (wish != 0) {
        atomic_store(value, wish > 0);
    }
}

int wharf_debug(const wharf_debug_options *options) {
    if (options == NULL || options->size < sizeof *options || options->watchdog_ms > WATCHDOG_MS_MAX ||
        options->watchdog_ms < WHARF_OFF || options->dump_signal < WHARF_OFF) {
        return fail(-EINVAL, "debug", NULL, "watchdog_ms is 1 to %d", WATCHDOG_MS_MAX);
    }
    sched_hooks_install();
    switch_set(&debug_switches.exit_report, options->exit_report);
    switch_set(&debug_switches.sites, options->exit_report);
    switch_set(&debug_switches.stack_report, options->stack_report);
    int rc = 0;
    if (options->watchdog_ms != 0) {
        rc = watchdog_start(options->watchdog_ms > 0 ? options->watchdog_ms * MILLISECOND_NS : 0);
    }
    if (rc == 0 && options->dump_signal != 0 && options->dump_signal != dump_signal) {
        dump_signal_remove();
        rc = options->dump_signal > 0 ? dump_signal_install(options->dump_signal) : 0;
    }
    return rc;
}

/* The child has no debug thread until somebody asks for one again. */
void debug_after_fork(void) {
    dump_signal_remove();
    registry_after_fork();
    watchdog_after_fork();
    dump_after_fork();
}
