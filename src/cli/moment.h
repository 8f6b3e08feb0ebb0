/* Moments as text: "2026-11-22T20:00:00Z". RFC 3339. */
#ifndef CLI_MOMENT_H
#define CLI_MOMENT_H

#include <stdint.h>

enum { MOMENT_SIZE = 32 };

/* seconds: since 1970. "?" for what no calendar has. */
void moment_format(int64_t seconds, char out[MOMENT_SIZE]);

#endif
