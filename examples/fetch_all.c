/* fetch_all [URL...] - fetches all URLs, ten at a time and all within 30 seconds; without arguments it reads
 * them from standard input, one a line. Prints the status, length and URL of each as it arrives.
 *
 * Shows: ten workers share a plain struct without a lock, for tasks of one core never run at the same moment;
 * one deadline holds for everything inside its block; the scope's block ends when its tasks have.
 */
#include <stdio.h>
#include <stdlib.h>

#include "wharf/client.h"
#include "wharf/task.h"

enum { URLS_MAX = 1000, AT_ONCE = 10, DEADLINE_MS = 30000 };

struct work {
    const char *urls[URLS_MAX];
    int count, next, failed;
};

static int worker(void *arg) {
    struct work *work = *(struct work **)arg;
    while (work->next < work->count) {
        const char *url = work->urls[work->next++];
        wharf_response *response = wharf_get(url);
        if (wharf_response_error(response)) {
            work->failed++;
            fprintf(stderr, "fetch_all: %s: %s\n", url, wharf_response_why(response));
        } else {
            printf("%d %zu %s\n", wharf_response_status(response), wharf_response_body(response).len, url);
        }
        wharf_response_free(response);
    }
    return 0;
}

static void read_urls(struct work *work) {
    char *line = NULL;
    size_t room = 0;
    while (work->count < URLS_MAX && getline(&line, &room, stdin) > 0) {
        line[strcspn(line, "\r\n")] = '\0';
        work->urls[work->count++] = line;
        line = NULL;
        room = 0;
    }
    free(line);
}

int main(int argc, char **argv) {
    struct work work = {0};
    for (int i = 1; i < argc && work.count < URLS_MAX; i++) {
        work.urls[work.count++] = argv[i];
    }
    if (argc == 1) {
        read_urls(&work);
    }
    WHARF_WITHIN (DEADLINE_MS) {
        WHARF_SCOPE (workers, NULL) {
            for (int i = 0; i < AT_ONCE; i++) {
                wharf_go(workers, worker, &work);
            }
        }
    }
    return work.failed > 0 || work.next < work.count;
}
