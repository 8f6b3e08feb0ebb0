/* Where a body goes: standard output, a device or pipe that is written as it is, or a regular file that
 * appears under its name only when it is complete.
 *
 *     struct output output;
 *     int result = output_open(&output, "page.html");     // nothing of that name is touched yet
 *     result = output_write(&output, bytes, len);
 *     result = output_commit(&output);                     // now the file is there, or the old one replaced
 *
 * A regular file is written without any name (O_TMPFILE): whatever ends the process on the way, nothing is
 * left behind. Where the file system cannot do that, it has a name of its own in the same folder meanwhile.
 * To a terminal, control characters go in a visible form, so that a page cannot steer it, and binary data not
 * at all. Errors are negative errno values. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/visible.h"

struct output {
    int fd;
    bool owns_fd;
    bool is_terminal;
    bool is_binary;         /* binary data for a terminal: nothing more is written */
    struct visible visible; /* of what a terminal has been given */
    char *path;             /* of a regular file in the making, symbolic links resolved; else NULL */
    char *temporary;        /* its name meanwhile; NULL while it has none */
};

/* Standard output. Nothing can fail. */
void output_open_stdout(struct output *output);

/* path: "-" is standard output. */
int output_open(struct output *output, const char *path);

/* Writes all of it, or fails; -EPIPE is a reader that has gone. Blocks the thread. */
int output_write(struct output *output, const void *bytes, size_t len);

/* The same, for text that is fit for a terminal already. */
int output_write_plain(struct output *output, const void *bytes, size_t len);

/* What was written is complete: puts a regular file in its place. Closes. */
int output_commit(struct output *output);

/* What was written is not complete: a regular file vanishes. Closes. */
void output_abandon(struct output *output);

#endif
