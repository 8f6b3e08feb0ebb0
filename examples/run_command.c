/* run_command SECONDS COMMAND [ARGUMENT...] - runs a command with a time limit, every line of its output behind the time at
 * which it came. Ends with the command's exit status, or with 124 when the time was over, or 130 after Ctrl-C.
 *
 * Shows: a child's output read like any stream; a deadline and a signal both end the child by ending the wait for it -
 * SIGTERM, and SIGKILL five seconds later if it does not listen - and no zombie is left.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "wharf/os.h"
#include "wharf/task.h"

static int64_t began;

static void show(const char *bytes, ssize_t len, bool *at_start) {
    for (ssize_t i = 0; i < len; i++) {
        if (*at_start) {
            printf("%7.3f ", (double)(wharf_now_ns() - began) / 1e9);
        }
        putchar(bytes[i]);
        *at_start = bytes[i] == '\n';
    }
    fflush(stdout);
}

static int run(const char *const *argv) {
    wharf_child child = wharf_child_start(NULL, WHARF_OPTIONS(wharf_child_options, .argv = argv,
                                                              .output = WHARF_PIPE, .errors = WHARF_MERGE,
                                                              .group = true));
    if (wharf_failed(child)) {
        fprintf(stderr, "run_command: %s\n", wharf_why());
        return 127;
    }
    char bytes[4096];
    bool at_start = true;
    for (ssize_t n = 1; n > 0;) {
        n = wharf_file_read(child.output, bytes, sizeof bytes);
        show(bytes, n, &at_start);
    }
    int status = wharf_child_wait(child, NULL);
    wharf_file_close(child.output);
    return status == -ETIMEDOUT ? 124 : status == -ECANCELED ? 130 : status;
}

static int stop_on_signal(void *arg) {
    int number = wharf_signal_wait(WHARF_SIGNAL(SIGINT) | WHARF_SIGNAL(SIGTERM));
    return number > 0 ? wharf_scope_cancel(*(wharf_scope **)arg) : 0;
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: run_command SECONDS COMMAND [ARGUMENT...]\n");
        return 2;
    }
    int status = 0;
    began = wharf_now_ns();
    WHARF_SCOPE (scope, NULL) {
        wharf_go(scope, stop_on_signal, scope);
        wharf_yield(); /* it waits for signals from here on */
        WHARF_WITHIN ((int64_t)(strtod(argv[1], NULL) * 1000)) {
            status = run((const char *const *)argv + 2);
        }
        wharf_scope_cancel(scope); /* nobody waits for signals any longer */
    }
    return status;
}
