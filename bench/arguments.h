/* Command lines of the benchmark programs: "--name VALUE" and "--flag" in any order, and at most one bare word. */
#ifndef BENCH_ARGUMENTS_H
#define BENCH_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* One thing that may be given; exactly one of the targets is set. A table ends with a row of NULLs. */
struct argument {
    const char *name; /* with its dashes; "" is the bare word */
    const char **text;
    int64_t *number; /* 0 to ARGUMENT_NUMBER_MAX */
    bool *flag;
};

#define ARGUMENT_NUMBER_MAX INT64_C(1000000000000)

static inline bool argument_number(const char *text, int64_t *ret_number) {
    int64_t number = 0;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at < '0' || *at > '9' || number > ARGUMENT_NUMBER_MAX / 10) {
            return false;
        }
        number = number * 10 + (*at - '0');
    }
    *ret_number = number;
    return *text != '\0';
}

static inline const struct argument *argument_find(const struct argument *table, const char *word) {
    const char *name = word[0] == '-' ? word : "";
    while (table->name != NULL && strcmp(table->name, name) != 0) {
        table++;
    }
    return table->name != NULL ? table : NULL;
}

/* False: the command line is wrong, and standard error says where. */
static inline bool arguments_read(const struct argument *table, int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        const struct argument *found = argument_find(table, argv[i]);
        const char *value = found != NULL && found->name[0] == '\0' ? argv[i] : argv[i + 1];
        bool ok = found != NULL && (found->flag != NULL || value != NULL);
        if (ok && found->flag != NULL) {
            *found->flag = true;
        } else if (ok && found->text != NULL) {
            *found->text = value;
        } else if (ok) {
            ok = argument_number(value, found->number);
        }
        if (!ok) {
            fprintf(stderr, "%s: wrong argument: %s\n", argv[0], argv[i]);
            return false;
        }
        i += value != argv[i] && found->flag == NULL ? 1 : 0;
    }
    return true;
}

#endif
