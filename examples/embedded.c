/* embedded - Wharf inside a loop that belongs to somebody else, here poll(2). Reads lines from standard input in the loop's
 * own way; each is answered by a task, which takes its time. Ends with the input, when all answers are out.
 *
 * Shows: a graphical program or an old server keeps its loop and gains tasks. One more descriptor to poll, its time-out, and
 * one call in each round.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "wharf/os.h"
#include "wharf/task.h"

struct line {
    char text[256];
};

static int under_way;

static int answer(void *arg) {
    const struct line *line = arg;
    wharf_sleep((int64_t)strlen(line->text)); /* the longer the question ... */
    printf("answer to %s\n", line->text);
    under_way--;
    return fflush(stdout) == 0 ? 0 : -1;
}

/* The loop's own work: whole lines start a task each. Returns false at the end of the input. */
static bool read_lines(void) {
    static struct line line;
    static size_t len;
    char bytes[1024];
    ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
    for (ssize_t i = 0; i < n; i++) {
        if (bytes[i] != '\n' && len < sizeof line.text - 1) {
            line.text[len++] = bytes[i];
        } else if (bytes[i] == '\n') {
            line.text[len] = '\0';
            under_way += wharf_go(NULL, answer, line) == 0;
            len = 0;
        }
    }
    return n > 0;
}

int main(void) {
    struct pollfd fds[] = {{.fd = wharf_poll_fd(), .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
    while (fds[1].fd >= 0 || under_way > 0) {
        if (poll(fds, 2, wharf_poll_timeout()) < 0) {
            return 1;
        }
        if (fds[1].fd >= 0 && fds[1].revents != 0 && !read_lines()) {
            fds[1].fd = -1; /* poll() passes it over */
        }
        if (wharf_poll_run() < 0) {
            fprintf(stderr, "embedded: %s\n", wharf_why());
            return 1;
        }
    }
    return 0;
}
