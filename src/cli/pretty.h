/* JSON laid out for a person, as a stream: pieces of any size in, indented and coloured text out. What is no JSON comes out
 * readable all the same; control characters are shown, never passed on. */
#ifndef CLI_PRETTY_H
#define CLI_PRETTY_H

#include <stdbool.h>
#include <stddef.h>

struct pretty {
    int (*write)(void *arg, const char *bytes, size_t len); /* 0 or a negative errno value */
    void *arg;
    bool colours;
    int depth;
    bool in_string, escaped, is_key, is_open; /* is_open: nothing has come behind the last opening bracket */
    bool in_object[64];
    const char *colour; /* that is on; NULL: none */
    char out[512];
    size_t len;
};

/* 0, or what write() returned. */
int pretty_write(struct pretty *pretty, const char *bytes, size_t len);
/* The end: a line feed. */
int pretty_end(struct pretty *pretty);

/* Whether colours are wanted on a descriptor: a terminal, unless NO_COLOR is set or TERM is "dumb". */
bool pretty_wants_colours(int fd);

#endif
