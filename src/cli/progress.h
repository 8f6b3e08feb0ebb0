/* A progress bar on standard error: only when that is a terminal, and only for a transfer that is long. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool possible; /* standard error is a terminal, and the body goes somewhere else */
    bool drawn;
    int64_t total; /* bytes expected; -1: unknown */
    int64_t done;
    int64_t started_ns, drawn_ns;
};

/* body_on_terminal: the body itself is shown on a terminal, where a bar would tear it apart. */
void progress_start(struct progress *progress, int64_t total, bool body_on_terminal);
void progress_add(struct progress *progress, int64_t bytes);
/* Wipes the bar away. */
void progress_end(struct progress *progress);

/* The bar's text for `columns` columns into `out`: percentage, bar, amount, rate, time left. */
void progress_format(const struct progress *progress, int64_t now_ns, int columns, char *out, int size);

#endif
