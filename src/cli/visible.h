/* Text from the network for a person's terminal: control characters in a visible form. */
#ifndef CLI_VISIBLE_H
#define CLI_VISIBLE_H

#include <stddef.h>

/* What one piece of a text leaves for the next. */
struct visible {
    unsigned char previous; /* the last byte seen; 0 at the beginning */
    size_t taken;           /* how much of its bytes the last call has dealt with */
};

/* Copies as much of bytes[0 .. len - 1] into out as fits: tab and line feed as they are, carriage returns left
 * out, any other control character (C0, DEL, and C1 in UTF-8) as ^X or <80>. Returns how much was written;
 * state->taken says for how many of the bytes, at least 1 of a non-empty text. size: at least 8. */
size_t visible_text(const char *bytes, size_t len, char *out, size_t size, struct visible *state);

#endif
