/* Digests of a message, as lower-case hexadecimal. */
#ifndef TLS_DIGEST_H
#define TLS_DIGEST_H

#include "wharf/base.h"

enum digest_kind { DIGEST_MD5, DIGEST_SHA256, DIGEST_SHA512_256 };
enum { DIGEST_HEX_SIZE = 65 }; /* of the longest, its NUL included */

struct digest;

/* NULL: no memory, or the library will not have this one. */
struct digest *digest_new(enum digest_kind kind);
/* 0 or -ENOMEM. */
int digest_add(struct digest *digest, const void *bytes, size_t len);
/* out: DIGEST_HEX_SIZE bytes. Frees it. 0 or -ENOMEM. */
int digest_finish(struct digest *digest, char *out);
void digest_free(struct digest *digest); /* NULL is fine */

/* Of all pieces with a colon between two. */
int digest_joined(enum digest_kind kind, const wharf_str *pieces, size_t count, char *out);

#endif
