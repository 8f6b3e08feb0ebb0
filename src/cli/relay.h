/* What `wharf listen` and `wharf connect` have in common: standard input to a socket and the socket to standard
 * output, each direction ended on its own. */
#ifndef CLI_RELAY_H
#define CLI_RELAY_H

#include <stdbool.h>

#include "wharf/net.h"

/* What becomes of standard input and output when the peer has sent everything. */
enum relay_mode {
    RELAY_ONCE,       /* standard output is closed; go on sending until standard input ends */
    RELAY_ONE_OF_MANY /* standard output stays; a terminal as standard input is kept for the next connection */
};

/* Carries bytes both ways until both directions have ended, and closes the socket. Returns an exit code; what
 * went wrong has been said on standard error after `who`. Suspends. */
int relay_run(wharf_sock sock, enum relay_mode mode, const char *who);

#endif
