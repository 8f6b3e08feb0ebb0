/* Headers that one origin alone may see. */
#ifndef CLIENT_SECRETS_H
#define CLIENT_SECRETS_H

#include <stdatomic.h>

#include "base/buffer.h"
#include "base/secret.h"
#include "http/codec/url.h"
#include "wharf/credentials.h"

struct fetch;

struct wharf_secret {
    _Atomic int users;
    struct secret value;
    bool has_origin;
    struct url origin;
    struct arena arena; /* holds name and origin */
    wharf_str name;
};

enum { SECRETS_MAX = 32 };

wharf_secret *secret_hold(wharf_secret *secret);
/* Appends the fields of those that the origin of where the fetch stands may see. 0, -ENOMEM or -WHARF_ELIMIT. */
int secrets_append(const struct fetch *fetch, struct buffer *out);
/* How many bytes that, and Authorization, take at most. */
size_t secrets_size(const struct fetch *fetch);

#endif
