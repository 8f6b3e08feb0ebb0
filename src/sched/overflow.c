/* The report of a stack overflow: which task, where it was started, how large its stack is. Then the program dies as it
 * would have. Installed only over the default action, so sanitizers and programs keep their own handlers. */
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/number.h"
#include "base/report.h"
#include "sched/internal.h"

enum { SIGNAL_STACK = 64 * 1024 };

/* This thread's, when the program had given it none. */
static __thread void *signal_stack;

enum { LINE_SIZE = 512 };

/* Only what a signal handler may call. */
struct line {
    char text[LINE_SIZE];
    size_t len;
};

static void say(struct line *line, const char *text) {
    size_t len = strlen(text), room = LINE_SIZE - line->len;
    len = len < room ? len : room;
    memcpy(line->text + line->len, text, len);
    line->len += len;
}

static void say_number(struct line *line, uint64_t number) {
    char digits[24];
    digits[number_format(number, digits)] = '\0';
    say(line, digits);
}

static void report(const struct task *task) {
    struct line line = {.len = 0};
    say(&line, "wharf: stack overflow in task \"");
    say(&line, task->name);
    say(&line, "\"");
    if (task->file != NULL) {
        say(&line, " (started at ");
        say(&line, task->file);
        say(&line, ":");
        say_number(&line, (uint64_t)task->line);
        say(&line, ")");
    }
    say(&line, ": its stack of ");
    say_number(&line, (task->stack_size + 1023) / 1024);
    say(&line, " KiB is used up; see wharf_task_options.stack_bytes");
    report_write(REPORT_CRASH, line.text, line.len);
}

static void segv_arrived(int signal, siginfo_t *info, void *context) {
    (void)context;
    if (info->si_code <= 0) {
        /* Sent by a process, so no instruction will raise it again. */
        raise(signal);
    }
    const struct sched *sched = sched_peek();
    if (info->si_code > 0 && sched != NULL && sched->running != NULL &&
        stack_of_guard(&sched->stacks, info->si_addr) != NULL) {
        report(sched->running);
    }
    /* Again, without this handler: the instruction is repeated and the default action follows. */
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigaction(signal, &action, NULL);
}

/* Every thread that runs tasks needs a stack to report on. */
void overflow_stack_install(void) {
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

void overflow_stack_remove(void) {
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

void overflow_report_install(void) {
    for (int i = 0; i < 2; i++) {
        int signal = i == 0 ? SIGSEGV : SIGBUS;
        struct sigaction action;
        if (sigaction(signal, NULL, &action) < 0 || action.sa_handler != SIG_DFL) {
            continue;
        }
        struct sigaction ours = {.sa_sigaction = segv_arrived, .sa_flags = SA_SIGINFO | SA_ONSTACK};
        sigemptyset(&ours.sa_mask);
        sigaction(signal, &ours, NULL);
    }
}
