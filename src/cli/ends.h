/* What stands behind the socket of `wharf listen` and `wharf connect`: standard input and output as one end of a stream (relay.h),
 * the same with datagrams, or a program that has the connection for its own input and output. */
#ifndef CLI_ENDS_H
#define CLI_ENDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wharf/net.h"

enum { ENDS_ADDRESS_SIZE = 512 };

/* The address to use: as given, or with -u as one of datagrams. out: ENDS_ADDRESS_SIZE bytes. */
const char *ends_address(const char *given, bool datagrams, char *out);

/* Whether the socket is one of datagrams. */
bool ends_is_datagrams(wharf_sock sock);

/* datagrams.c. Each read of standard input is a datagram, each datagram is written to standard output. */
struct datagrams_plan {
    const char *who;   /* "listen", for messages */
    bool is_connected; /* else: to whoever has sent first */
    bool many;         /* to whoever has sent last */
    int64_t wait_ms;   /* after standard input has ended: over when nothing comes for so long; 0: never */
};
/* Closes the socket and returns the exit code, having said what went wrong. */
int datagrams_run(wharf_sock sock, const struct datagrams_plan *plan);

/* program.c. Runs a program with the connection as its standard input and output, waits for its end, and returns its exit status, or
 * an exit code of ours, having said what went wrong. The socket is closed here in any case. Suspends. */
int program_run(wharf_sock sock, char *const *words, const char *who);

#endif
