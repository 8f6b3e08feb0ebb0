/* Host names beyond ASCII in the form that the DNS knows: UTS 46 ToASCII as browsers use it (non-transitional, no
 * STD3 rules, hyphens and lengths unchecked, joiners and direction checked).
 *
 *      "Bücher.example"  ->  "xn--bcher-kva.example" */
#ifndef BASE_IDNA_H
#define BASE_IDNA_H

#include "base/arena.h"

enum { IDNA_POINTS_MAX = 1024 }; /* of a name beyond ASCII; four times what the DNS can hold */

struct idna_error {
    const char *reason; /* static, a few plain words */
    size_t offset;      /* of the offending byte in the domain, where it is one byte's fault; else 0 */
};

/* A domain in ASCII is only brought into lower case. The result lives in the arena. 0, -EINVAL (*ret_error says
 * more) or -ENOMEM. */
int idna_to_ascii(struct arena *arena, wharf_str domain, wharf_str *ret_ascii, struct idna_error *ret_error);

/* Whether a name has bytes beyond ASCII. */
bool idna_is_needed(wharf_str name);

enum { IDNA_HOST_SIZE = 254 }; /* of the longest name that the DNS can hold, with its NUL */

/* The same for a name that is to be looked up, into the caller's memory: what comes out is a host, letters, digits, '-', '_' and
 * '.' with no empty part. A name in ASCII is copied as it is, whatever it holds. 0, -EINVAL or -ENOMEM. */
int idna_host(wharf_str name, char ret_host[IDNA_HOST_SIZE], struct idna_error *ret_error);

#endif
