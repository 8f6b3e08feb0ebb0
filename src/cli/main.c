/* wharf COMMAND ...: finds the command, reads its flags, runs it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/exitcode.h"
#include "cli/help.h"
#include "cli/options.h"
#include "wharf/base.h"

const struct command *const commands[] = {
    &serve_command,
    &get_command,
    &head_command,
    &post_command,
    &put_command,
    &patch_command,
    &delete_command,
    &options_command,
    &listen_command,
    &connect_command,
    &tls_command,
    &dns_command,
    NULL,
};

const struct command *command_find(const char *name) {
    for (const struct command *const *command = commands; *command != NULL; command++) {
        if (strcmp((*command)->name, name) == 0) {
            return *command;
        }
    }
    return NULL;
}

/* A descriptor 0, 1 or 2 that the parent left closed would be given to the first socket, and bytes meant for
 * a person would go to the peer. Reading then finds the end at once; writing fails. */
static int open_standard_descriptors(void) {
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd) {
            return -1;
        }
    }
    return 0;
}

/* What was printed may still be in stdio's buffer; it must not be lost silently. */
static int finish_stdout(int code) {
    int error = fflush(stdout) != 0 || ferror(stdout) ? errno : 0;
    if (error == 0 || error == EPIPE) {
        return error == 0 ? code : EXIT_LOCAL_FILE;
    }
    fprintf(stderr, "wharf: standard output: %s\n", wharf_strerror(-error));
    return EXIT_LOCAL_FILE;
}

static int help(int argc, char **argv) {
    if (argc == 0) {
        help_print_overview(stdout);
        return EXIT_OK;
    }
    const struct command *command = command_find(argv[0]);
    if (command == NULL) {
        help_unknown_command(argv[0]);
        return EXIT_USAGE;
    }
    help_print_command(stdout, command);
    return EXIT_OK;
}

static int run(const struct command *command, int argc, char **argv) {
    void *options = calloc(1, command->options_size);
    if (options == NULL) {
        fputs("wharf: out of memory\n", stderr);
        return EXIT_OTHER;
    }
    int code = EXIT_USAGE;
    int operands = options_parse(command, argc, argv, options);
    if (operands == OPTIONS_HELP) {
        help_print_command(stdout, command);
        code = EXIT_OK;
    } else if (operands >= 0) {
        argv[operands] = NULL;
        struct invocation call = {command, options, argv, operands};
        code = command->run(&call);
    }
    options_deinit(command, options);
    free(options);
    return code;
}

static int dispatch(int argc, char **argv) {
    const char *word = argv[1];
    if (strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        return help(argc - 2, argv + 2);
    }
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        printf("wharf %s\n", wharf_version());
        return EXIT_OK;
    }
    const struct command *command = command_find(word);
    if (command == NULL) {
        help_unknown_command(word);
        return EXIT_USAGE;
    }
    return run(command, argc - 2, argv + 2);
}

int main(int argc, char **argv) {
    if (open_standard_descriptors() < 0) {
        return EXIT_OTHER;
    }
    if (argc < 2) {
        help_print_overview(stderr);
        return EXIT_USAGE;
    }
    return finish_stdout(dispatch(argc, argv));
}
