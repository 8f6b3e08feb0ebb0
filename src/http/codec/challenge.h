/* Challenges: how a server says by what schemes it wants to know who asks (RFC 9110 section 11.3).
 *
 *      WWW-Authenticate: Digest realm="a, b", nonce=x, Basic realm="c"       is two of them
 */
#ifndef HTTP_CODEC_CHALLENGE_H
#define HTTP_CODEC_CHALLENGE_H

#include "base/arena.h"

struct challenge {
    wharf_str scheme;
    wharf_str parameters; /* a comma-separated list, or a token68 */
};

/* Cuts the next challenge off a field's value. False at the end, and where what follows is no challenge. */
bool challenge_next(wharf_str *rest, struct challenge *ret_challenge);
/* A parameter's value without its quotes, in the arena or viewing the challenge; ptr NULL: there is none. Names in any
 * case. -ENOMEM leaves ptr NULL too. */
wharf_str challenge_get(struct arena *arena, const struct challenge *challenge, wharf_str name);
/* Writes a quoted-string. Returns its length; out has 2 * text.len + 2 bytes. */
size_t challenge_quote(wharf_str text, char *out);

#endif
