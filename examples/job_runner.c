/* job_runner [-j N] [-t SECONDS] - runs every line of standard input as a shell command, N at once (4 unless told
 * otherwise) and all within SECONDS. Says on standard error how each ended and, last, how many did. Ends with 0 when all
 * went well, 1 when one did not, 124 when the time was over, 130 after Ctrl-C.
 *
 * Shows: a limiter, for which jobs queue in the order of their lines; one deadline around reading, queueing and
 * running; children that are ended, and waited for, because the wait for them is.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "wharf/os.h"
#include "wharf/sync.h"
#include "wharf/task.h"

enum { LINE_MAX = 4096, AT_ONCE_MAX = 1000, GRACE_MS = 2000 };

static wharf_limiter places;
static int well, badly;

static int run_job(void *arg) {
    char *command = *(char **)arg;
    const char *const argv[] = {"/bin/sh", "-c", command, NULL};
    int status = wharf_limiter_acquire(&places, 1);
    if (status == 0) {
        wharf_child child = wharf_child_start(NULL, WHARF_OPTIONS(wharf_child_options, .argv = argv,
                                                                  .input = WHARF_NULL, .group = true,
                                                                  .grace_ms = GRACE_MS));
        status = wharf_child_wait(child, NULL);
        wharf_limiter_release(&places, 1);
    }
    if (status < 0) {
        fprintf(stderr, "%s: %s\n", command, wharf_strerror(status));
    } else {
        fprintf(stderr, "%s: exit %d\n", command, status);
    }
    well += status == 0;
    badly += status != 0;
    free(command);
    return 0; /* one job's failure is not the others' */
}

/* A task for each line, until the input ends or the time is over. */
static int start_jobs(wharf_scope *jobs) {
    char room[LINE_MAX];
    wharf_reader input;
    wharf_str line;
    wharf_reader_init(&input, STDIN_FILENO, room, sizeof room);
    int rc = wharf_read_line(&input, &line);
    while (rc > 0) {
        rc = line.len > 0 ? wharf_go(jobs, run_job, strndup(line.ptr, line.len)) : 0;
        rc = rc < 0 ? rc : wharf_read_line(&input, &line);
    }
    return rc;
}

static int stop_on_signal(void *arg) {
    (void)arg;
    int number = wharf_signal_wait(WHARF_SIGNAL(SIGINT) | WHARF_SIGNAL(SIGTERM));
    return number > 0 ? -EINTR : 0; /* an error, so it ends everything */
}

int main(int argc, char **argv) {
    int at_once = 4, stopped = 0, read = 0;
    int64_t limit_ms = WHARF_OFF;
    bool late = false;
    for (int option = getopt(argc, argv, "j:t:"); option != -1; option = getopt(argc, argv, "j:t:")) {
        if (option == 'j') {
            at_once = (int)strtod(optarg, NULL);
        } else if (option == 't') {
            limit_ms = (int64_t)(strtod(optarg, NULL) * 1000);
        } else {
            return 2;
        }
    }
    if (wharf_limiter_init(&places, at_once) < 0 || (limit_ms <= 0 && limit_ms != WHARF_OFF)) {
        fprintf(stderr, "usage: job_runner [-j N] [-t SECONDS]\n");
        return 2;
    }
    WHARF_SCOPE (all, &stopped) {
        wharf_go(all, stop_on_signal, 0);
        WHARF_WITHIN (limit_ms) {
            WHARF_SCOPE (jobs, NULL) {
                read = start_jobs(jobs);
            }
            late = wharf_check() == -ETIMEDOUT;
        }
        wharf_scope_cancel(all); /* nobody waits for signals any longer */
    }
    if (read < 0 && read != -ETIMEDOUT && read != -ECANCELED) {
        fprintf(stderr, "job_runner: %s\n", wharf_strerror(read));
    }
    fprintf(stderr, "%d jobs: %d well, %d not\n", well + badly, well, badly);
    return stopped == -EINTR ? 130 : late ? 124 : badly > 0 || read < 0;
}
