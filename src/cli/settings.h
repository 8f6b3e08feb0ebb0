/* A file of settings for a command: each of its flags is a setting of the same name. */
#ifndef CLI_SETTINGS_H
#define CLI_SETTINGS_H

#include "cli/command.h"

/* Reads the file at `path` into `options`, a zeroed struct of the command, which then points into *ret_text: the caller
 * frees that after the options. An exit code; what is wrong has gone to standard error, with the line. */
int settings_read(const struct command *command, const char *path, void *options, char **ret_text);

#endif
