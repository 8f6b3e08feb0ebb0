/* wharf help [COMMAND]. */
#include "cli/help.h"

#include <stdint.h>

#include "cli/suggest.h"

enum { FLAG_COLUMN = 26 };

void help_print_overview(FILE *out) {
    fputs("wharf - network programs on the command line\n\n", out);
    for (const struct command *const *command = commands; *command != NULL; command++) {
        fprintf(out, "  wharf %-10s %s\n", (*command)->name, (*command)->summary);
    }
    fputs("  wharf help       this text, or the help of a command: wharf help get\n"
          "  wharf --version  the version\n\n"
          "Exit codes: 0 good, 2 wrong usage, 3 name, 4 connect or listen, 5 time limit, 6 protocol,\n"
          "7 incomplete, 8 local file, 9 redirect refused, 10 TLS, 13 3xx, 14 4xx, 15 5xx, 1 anything else.\n"
          "Manual: man wharf\n",
          out);
}

static void print_flag(FILE *out, const struct flag *flag) {
    char left[64];
    char letter[8] = "    ";
    if (flag->letter != 0) {
        snprintf(letter, sizeof letter, "-%c, ", flag->letter);
    }
    if (flag->kind == FLAG_WORDS) {
        snprintf(left, sizeof left, "    -- %s", flag->argument);
        fprintf(out, "  %-*s  %s\n", FLAG_COLUMN, left, flag->help);
        return;
    }
    snprintf(left, sizeof left, "%s--%s%s%s", letter, flag->name, flag->argument != NULL ? " " : "",
             flag->argument != NULL ? flag->argument : "");
    fprintf(out, "  %-*s  %s\n", FLAG_COLUMN, left, flag->help);
}

void help_print_command(FILE *out, const struct command *command) {
    fprintf(out, "wharf %s %s\n\n%s.\n", command->name, command->synopsis, command->summary);
    fprintf(out, "%s\n", command->details);
    for (const struct flag *flag = command->flags; flag->name != NULL; flag++) {
        print_flag(out, flag);
    }
    fprintf(out, "  %-*s  this text\n", FLAG_COLUMN, "-h, --help");
}

void help_unknown_command(const char *name) {
    const char *nearest = NULL;
    size_t best = SIZE_MAX;
    for (const struct command *const *command = commands; *command != NULL; command++) {
        nearest = suggest_is_nearer(name, (*command)->name, &best) ? (*command)->name : nearest;
    }
    static const char *const others[] = {"help", "--help", "--version"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        nearest = suggest_is_nearer(name, others[i], &best) ? others[i] : nearest;
    }
    if (nearest == NULL) {
        fprintf(stderr, "wharf: there is no command %s (try: wharf help)\n", name);
    } else {
        fprintf(stderr, "wharf: there is no command %s; did you mean %s?\n", name, nearest);
    }
}
