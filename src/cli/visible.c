/* Escape sequences begin with ESC (0x1b) or a C1 control, which in UTF-8 is 0xc2 followed by 0x80 to 0x9f.
 * Without those two a text cannot move the cursor, set the title or paste a command. */
#include "cli/visible.h"

#include <stdio.h>

enum { WIDEST = 8 }; /* of one character's visible form, its NUL included */

static int is_plain(unsigned char c) {
    return c == '\n' || c == '\t' || (c >= 0x20 && c != 0x7f);
}

size_t visible_text(const char *bytes, size_t len, char *out, size_t size, struct visible *state) {
    size_t taken = 0;
    size_t made = 0;
    while (taken < len && made + WIDEST <= size) {
        unsigned char c = (unsigned char)bytes[taken++];
        if (state->previous == 0xc2 && c >= 0x80 && c <= 0x9f) {
            /* The 0xc2 has gone out already; alone it is an invalid character and does nothing. */
            made += (size_t)snprintf(out + made, WIDEST, "<%02x>", c);
        } else if (is_plain(c)) {
            out[made++] = (char)c;
        } else if (c != '\r') {
            out[made++] = '^';
            out[made++] = (char)(c ^ 0x40);
        }
        state->previous = c;
    }
    state->taken = taken;
    return made;
}
