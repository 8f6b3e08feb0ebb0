/* Help texts, made from the tables of commands and flags. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include <stdio.h>

#include "cli/command.h"

/* What the command can do at all. */
void help_print_overview(FILE *out);
/* One command with its flags. */
void help_print_command(FILE *out, const struct command *command);
/* Says on standard error that there is no such command, and which one is nearest. */
void help_unknown_command(const char *name);

#endif
