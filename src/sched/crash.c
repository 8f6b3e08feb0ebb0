/* The report of a crash: which task, where it was started, where its stack is, and the backtrace; a stack overflow is called by
 * its name. Then the program dies by the signal as it would have. Installed only over the default action, so sanitizers
 * and programs keep their own handlers. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/report.h"
#include "sched/internal.h"

enum { SIGNAL_STACK = 64 * 1024, REPORT_SIZE = 8192, NEAR = 1024 * 1024 };

static const int crash_signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};

/* This thread's, when the program had given it none. */
static __thread void *signal_stack;

/* One crash is reported, the first. */
static atomic_flag reported = ATOMIC_FLAG_INIT;

void crash_expected(void) {
    (void)atomic_flag_test_and_set(&reported);
}

/* What vsnprintf() may be asked for here needs no memory and no locale. */
struct text {
    char bytes[REPORT_SIZE];
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void say(struct text *text, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    size_t room = sizeof text->bytes - text->len;
    int len = vsnprintf(text->bytes + text->len, room, format, arguments);
    va_end(arguments);
    text->len += len < 0 ? 0 : (size_t)len < room ? (size_t)len : room - 1;
}

static void say_task(struct text *text, const struct task *task) {
    say(text, "task \"%s\"", task->name);
    if (task->file != NULL) {
        say(text, " (started at %s:%d)", task->file, task->line);
    }
}

static void say_crash(struct text *text, const struct task *task, const siginfo_t *info,
                      struct stack_range range) {
    uintptr_t at = (uintptr_t)info->si_addr;
    say(text, "wharf: ");
    say_task(text, task);
    say(text, " crashed: SIG%s", sigabbrev_np(info->si_signo));
    if (info->si_signo != SIGABRT) {
        say(text, " at address 0x%zx", (size_t)at);
    }
    if (info->si_signo != SIGABRT && at < range.low && range.low - at < NEAR) {
        say(text, ", just below its stack");
    }
    say(text, "; its stack is 0x%zx to 0x%zx", (size_t)range.low, (size_t)range.high);
}

static void say_overflow(struct text *text, const struct task *task) {
    say(text, "wharf: stack overflow in ");
    say_task(text, task);
    say(text, ": its stack of %zu KiB is used up; see wharf_task_options.stack_bytes",
        (task->stack_size + 1023) / 1024);
}

static void say_trace(struct text *text, const struct backtrace *trace) {
    for (int i = 0; i < trace->count && text->len + 16 < sizeof text->bytes; i++) {
        say(text, "\n    #%-2d ", i);
        text->len += backtrace_format(trace, i, text->bytes + text->len, sizeof text->bytes - text->len);
    }
}

static void report(struct sched *sched, const siginfo_t *info, const void *context) {
    static struct text text; /* of the one report */
    const struct task *task = sched->running;
    struct stack_range range = task_stack(sched, task);
    struct backtrace trace;
    backtrace_of_signal(&trace, context, range);
    if (stack_of_guard(&sched->stacks, info->si_addr) != NULL) {
        say_overflow(&text, task);
    } else {
        say_crash(&text, task, info, range);
    }
    say_trace(&text, &trace);
    report_write(REPORT_CRASH, text.bytes, text.len);
}

/* Raised by an instruction, or by this process's own abort(). */
static bool is_crash(const siginfo_t *info) {
    return info->si_code > 0 ||
           (info->si_signo == SIGABRT && info->si_code == SI_TKILL && info->si_pid == getpid());
}

static void crashed(int signal, siginfo_t *info, void *context) {
    /* From here on the default action: it follows when the instruction is repeated, and when the report itself fails. */
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigaction(signal, &action, NULL);
    struct sched *sched = sched_peek();
    if (!is_crash(info)) {
        raise(signal); /* sent by a process, so no instruction will raise it again */
    } else if (sched != NULL && sched->running != NULL && !atomic_flag_test_and_set(&reported)) {
        report(sched, info, context);
    }
}

/* Every thread that runs tasks needs a stack to report on. */
void crash_stack_install(void) {
    stack_t old;
    if (sigaltstack(NULL, &old) < 0 || (old.ss_flags & SS_DISABLE) == 0) {
        return;
    }
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void *memory = mmap(NULL, SIGNAL_STACK, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (memory == MAP_FAILED) {
        return;
    }
    stack_t ours = {.ss_sp = memory, .ss_size = SIGNAL_STACK};
    if (sigaltstack(&ours, NULL) < 0) {
        munmap(memory, SIGNAL_STACK);
        return;
    }
    signal_stack = memory;
}

void crash_stack_remove(void) {
    stack_t old;
    if (signal_stack == NULL || sigaltstack(NULL, &old) < 0 || old.ss_sp != signal_stack) {
        return;
    }
    stack_t none = {.ss_flags = SS_DISABLE};
    if (sigaltstack(&none, NULL) == 0) {
        munmap(signal_stack, SIGNAL_STACK);
        signal_stack = NULL;
    }
}

void crash_report_install(void) {
    for (size_t i = 0; i < sizeof crash_signals / sizeof *crash_signals; i++) {
        struct sigaction action;
        if (sigaction(crash_signals[i], NULL, &action) < 0 || action.sa_handler != SIG_DFL) {
            continue;
        }
        struct sigaction ours = {.sa_sigaction = crashed, .sa_flags = SA_SIGINFO | SA_ONSTACK};
        sigemptyset(&ours.sa_mask);
        sigaction(crash_signals[i], &ours, NULL);
    }
}
