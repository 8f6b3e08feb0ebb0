/* Reads a command line by a command's table of flags: --name value, --name=value, -n value, -nvalue, -abc for
 * three switches, flags before and after operands, "--" to end the flags, --help everywhere. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/command.h"

/* Fills `options` (the command's struct, zeroed) from argv[0 .. argc - 1] and moves the operands to the front
 * of argv. Returns how many there are; or OPTIONS_HELP (help was asked for), or OPTIONS_WRONG (a sentence has
 * gone to standard error). */
enum { OPTIONS_HELP = -1, OPTIONS_WRONG = -2 };
int options_parse(const struct command *command, int argc, char **argv, void *options);

/* Sets one flag by its name, a switch by "true" or "false". place: "FILE:LINE: ", where it is written. value: kept. 0 or
 * OPTIONS_WRONG. */
int options_set(const struct command *command, const char *place, const char *name, const char *value,
                void *options);
/* Takes what `options` does not say from `others`, which is of the same command and keeps owning it. */
void options_complete(const struct command *command, void *options, const void *others);

/* Frees what parsing allocated inside `options`. */
void options_deinit(const struct command *command, void *options);

/* "42" within minimum..maximum. False, *ret_value untouched, for anything else. */
bool options_parse_count(const char *text, int64_t minimum, int64_t maximum, int64_t *ret_value);

/* "3" or "0.25" seconds, up to a year, as milliseconds; not 0. */
bool options_parse_seconds(const char *text, int64_t *ret_ms);

#endif
