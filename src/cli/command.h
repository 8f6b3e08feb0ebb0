/* What a subcommand is: its flags, its help and the function that does it, as one constant table. The options
 * a command line sets go into a struct of the command's own; a flag knows the offset of its field there.
 *
 *     struct listen_options { bool keep; };
 *     static const struct flag listen_flags[] = {
 *         {"keep", 'k', FLAG_SWITCH, offsetof(struct listen_options, keep), NULL, NULL, "serve ..."},
 *         {0},
 *     };
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stddef.h>

/* The type of the field that a flag sets. A field that no flag has set is all zero bits. */
enum flag_kind {
    FLAG_SWITCH,  /* bool */
    FLAG_TEXT,    /* const char *, pointing into the command line; given once at most */
    FLAG_LIST,    /* const char **, ended by NULL; may be repeated */
    FLAG_COUNT,   /* int64_t, 1 to 256 */
    FLAG_SECONDS, /* int64_t, in milliseconds; "2.5" is 2500 */
    FLAG_WORDS,   /* char **, ended by NULL: all words behind "--". It has no name */
    FLAG_CHOICE,  /* int: 1 for the first of the choices, 2 for the second ... */
};

struct flag {
    const char *name; /* without the dashes; NULL ends a table */
    char letter;      /* the short form, or 0 */
    enum flag_kind kind;
    size_t offset;
    const char *argument;       /* what its value is called in the help; NULL for a switch */
    const char *const *choices; /* ended by NULL */
    const char *help;
};

struct command;

/* One call of a command: what the command line said. */
struct invocation {
    const struct command *command;
    const void *options; /* the command's own struct, options_size bytes */
    char **operands;     /* what is neither a flag nor a flag's value, ended by NULL */
    int operand_count;
};

struct command {
    const char *name;
    const char *synopsis; /* what follows the name */
    const char *summary;  /* one line, no full stop */
    const char *details;  /* the rest of the help */
    const struct flag *flags;
    size_t options_size;
    int operands_min, operands_max;
    int (*run)(const struct invocation *call); /* returns an exit code */
};

extern const struct command serve_command, get_command, head_command, post_command, put_command,
    delete_command, patch_command, options_command, listen_command, connect_command, tls_command, dns_command;

/* All of them in the order of the help, ended by NULL. */
extern const struct command *const commands[];

/* NULL: there is none of this name. */
const struct command *command_find(const char *name);

#endif
