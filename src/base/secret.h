/* Bytes that nobody else should ever see: in pages of their own that no core dump contains and no swap gets where the
 * system allows it, wiped when they are given up. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "wharf/base.h"

struct secret {
    char *bytes; /* NULL: there is none */
    size_t len;
};

/* A copy. 0 or -ENOMEM. */
int secret_init(struct secret *secret, wharf_str text);
void secret_deinit(struct secret *secret);
static inline wharf_str secret_view(const struct secret *secret) {
    return (wharf_str){secret->bytes, secret->len};
}

#endif
