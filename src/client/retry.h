/* Trying again: whether a failed attempt may be repeated, and after which pause.
 *
 *      safe      none of the request was taken, or it provably never arrived, or repeating it does no harm
 *      passing   a failure, or a status, that may be another one next time
 *
 * Both must hold. The pause is drawn between 0 and a bound that doubles with each try (full jitter), or what Retry-After asks
 * for; one that does not fit into what is left of the time is not begun. Each origin has a budget, so that a server in trouble
 * is not buried under repetitions. */
#ifndef CLIENT_RETRY_H
#define CLIENT_RETRY_H

#include "client/fetch.h"

/* Whether a failure may be another one the next time. */
bool retry_is_passing(int code);
/* Whether a failure, the last one recorded, may be another one next time and repeating is safe. */
bool retry_could_help(const struct fetch *fetch, int failure);
/* A sentence about that for people; static text. */
const char *retry_verdict(const struct fetch *fetch, int failure);
/* Decides after an attempt that came to `rc` (0: a response with its head) and pauses. True: try again, everything of the
 * attempt has been forgotten. False: this is the result. Suspends. */
bool retry_again(struct fetch *fetch, int rc);

#endif
