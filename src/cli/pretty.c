/* See pretty.h. Only brackets, commas, colons and quotes are looked at: layout needs no more. */
#include "cli/pretty.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DEPTH_MAX = 64 };

static const char KEY[] = "\033[1;34m", TEXT[] = "\033[32m", WORD[] = "\033[36m", OFF[] = "\033[0m";

bool pretty_wants_colours(int fd) {
    const char *no = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    return (no == NULL || no[0] == '\0') && (term == NULL || strcmp(term, "dumb") != 0) && isatty(fd) == 1;
}

static int flush(struct pretty *pretty) {
    size_t len = pretty->len;
    pretty->len = 0;
    return len > 0 ? pretty->write(pretty->arg, pretty->out, len) : 0;
}

static int put(struct pretty *pretty, const char *bytes, size_t len) {
    if (pretty->len + len > sizeof pretty->out) {
        int rc = flush(pretty);
        if (rc < 0) {
            return rc;
        }
    }
    memcpy(pretty->out + pretty->len, bytes, len);
    pretty->len += len;
    return 0;
}

static int put_text(struct pretty *pretty, const char *text) {
    return put(pretty, text, strlen(text));
}

static int set_colour(struct pretty *pretty, const char *colour) {
    if (!pretty->colours || pretty->colour == colour) {
        return 0;
    }
    pretty->colour = colour;
    return put_text(pretty, colour != NULL ? colour : OFF);
}

static int new_line(struct pretty *pretty) {
    int rc = put_text(pretty, "\n");
    for (int i = 0; rc == 0 && i < pretty->depth && i < DEPTH_MAX; i++) {
        rc = put_text(pretty, "    ");
    }
    return rc;
}

static int open_bracket(struct pretty *pretty, char byte) {
    if (pretty->depth < DEPTH_MAX) {
        pretty->in_object[pretty->depth] = byte == '{';
    }
    pretty->depth++;
    pretty->is_open = true;
    pretty->is_key = byte == '{';
    int rc = set_colour(pretty, NULL);
    return rc < 0 ? rc : put(pretty, &byte, 1);
}

static int close_bracket(struct pretty *pretty, char byte) {
    bool empty = pretty->is_open;
    pretty->depth -= pretty->depth > 0 ? 1 : 0;
    pretty->is_open = false;
    int rc = set_colour(pretty, NULL);
    rc = rc < 0 || empty ? rc : new_line(pretty);
    return rc < 0 ? rc : put(pretty, &byte, 1);
}

static int separate(struct pretty *pretty, char byte) {
    int rc = set_colour(pretty, NULL);
    rc = rc < 0 ? rc : put(pretty, &byte, 1);
    if (byte == ':') {
        pretty->is_key = false;
        return rc < 0 ? rc : put(pretty, " ", 1);
    }
    bool nested = pretty->depth > 0 && pretty->depth <= DEPTH_MAX;
    pretty->is_key = nested && pretty->in_object[pretty->depth - 1];
    return rc < 0 ? rc : new_line(pretty);
}

/* A byte of a string, a number or a word. */
static int put_plain(struct pretty *pretty, char byte) {
    unsigned char c = (unsigned char)byte;
    if (c < 0x20 || c == 0x7f) {
        const char shown[2] = {'^', (char)(c ^ 0x40)};
        return put(pretty, shown, 2);
    }
    return put(pretty, &byte, 1);
}

static int in_string(struct pretty *pretty, char byte) {
    bool ends = byte == '"' && !pretty->escaped;
    pretty->escaped = byte == '\\' && !pretty->escaped;
    pretty->in_string = !ends;
    return put_plain(pretty, byte);
}

static int begin_value(struct pretty *pretty, char byte) {
    int rc = 0;
    if (pretty->is_open) {
        pretty->is_open = false;
        rc = new_line(pretty);
    }
    if (byte == '{' || byte == '[') {
        return rc < 0 ? rc : open_bracket(pretty, byte);
    }
    pretty->in_string = byte == '"';
    rc = rc < 0 ? rc : set_colour(pretty, byte != '"' ? WORD : pretty->is_key ? KEY : TEXT);
    return rc < 0 ? rc : put_plain(pretty, byte);
}

static int take(struct pretty *pretty, char byte) {
    if (pretty->in_string) {
        return in_string(pretty, byte);
    }
    switch (byte) {
    case ' ':
    case '\t':
    case '\r':
    case '\n': return 0;
    case '}':
    case ']': return close_bracket(pretty, byte);
    case ',':
    case ':': return separate(pretty, byte);
    default: return begin_value(pretty, byte);
    }
}

int pretty_write(struct pretty *pretty, const char *bytes, size_t len) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < len; i++) {
        rc = take(pretty, bytes[i]);
    }
    return rc < 0 ? rc : flush(pretty);
}

int pretty_end(struct pretty *pretty) {
    int rc = set_colour(pretty, NULL);
    rc = rc < 0 ? rc : put_text(pretty, "\n");
    return rc < 0 ? rc : flush(pretty);
}
