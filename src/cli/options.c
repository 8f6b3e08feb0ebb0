/* The command line against a table of flags. Nothing is guessed: an unknown flag, a missing or superfluous
 * value, a flag given twice and a wrong number of operands are errors, each one sentence. */
#include "cli/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/suggest.h"

/* Where the parser is in the command line, or in a file. */
struct cursor {
    const struct command *command;
    int argc, next;
    char **argv;
    void *options;
    const char *place; /* "site.conf:3: "; "" in the command line */
};

static int complain(const struct cursor *at, const char *what, const char *about) {
    fprintf(stderr, "wharf %s: %s%s%s (try: wharf help %s)\n", at->command->name, at->place, what, about,
            at->command->name);
    return OPTIONS_WRONG;
}

/* How a flag is written where the parser is. */
static const char *dashes(const struct cursor *at) {
    return at->place[0] == '\0' ? "--" : "";
}

bool options_parse_count(const char *text, int64_t minimum, int64_t maximum, int64_t *ret_value) {
    int64_t value = 0;
    if (text[0] == '\0') {
        return false;
    }
    for (const char *digit = text; *digit != '\0'; digit++) {
        if (*digit < '0' || *digit > '9' || value > (maximum - (*digit - '0')) / 10) {
            return false;
        }
        value = value * 10 + (*digit - '0');
    }
    if (value < minimum) {
        return false;
    }
    *ret_value = value;
    return true;
}

bool options_parse_seconds(const char *text, int64_t *ret_ms) {
    const int64_t year_seconds = INT64_C(366) * 24 * 3600;
    size_t whole_len = strcspn(text, ".");
    char whole[16];
    int64_t seconds = 0;
    if (whole_len >= sizeof whole) {
        return false;
    }
    memcpy(whole, text, whole_len);
    whole[whole_len] = '\0';
    if (whole_len > 0 && !options_parse_count(whole, 0, year_seconds, &seconds)) {
        return false;
    }
    const char *fraction = text[whole_len] == '.' ? text + whole_len + 1 : "0";
    if (fraction[0] == '\0' || strspn(fraction, "0123456789") != strlen(fraction)) {
        return false;
    }
    int64_t ms = seconds * 1000;
    int64_t unit = 100;
    for (const char *digit = fraction; *digit != '\0'; digit++) {
        ms += (*digit - '0') * unit;
        unit /= 10;
    }
    if (ms == 0) {
        return false;
    }
    *ret_ms = ms;
    return true;
}

static const struct flag *find_letter(const struct command *command, char letter) {
    for (const struct flag *flag = command->flags; flag->name != NULL; flag++) {
        if (flag->letter == letter && letter != 0) {
            return flag;
        }
    }
    return NULL;
}

static const struct flag *find_words(const struct command *command) {
    for (const struct flag *flag = command->flags; flag->name != NULL; flag++) {
        if (flag->kind == FLAG_WORDS) {
            return flag;
        }
    }
    return NULL;
}

static const struct flag *find_name(const struct command *command, const char *name, size_t len) {
    for (const struct flag *flag = command->flags; flag->name != NULL; flag++) {
        if (flag->kind != FLAG_WORDS && strlen(flag->name) == len && memcmp(flag->name, name, len) == 0) {
            return flag;
        }
    }
    return NULL;
}

static int complain_unknown(const struct cursor *at, const char *word, size_t len) {
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)(len < sizeof name ? len : sizeof name - 1), word);
    const char *nearest = NULL;
    size_t best = SIZE_MAX;
    for (const struct flag *flag = at->command->flags; flag->name != NULL; flag++) {
        bool near = flag->kind != FLAG_WORDS && suggest_is_nearer(name, flag->name, &best);
        nearest = near ? flag->name : nearest;
    }
    nearest = suggest_is_nearer(name, "help", &best) ? "help" : nearest;
    char sentence[192];
    const char *kind = at->place[0] == '\0' ? "flag" : "setting";
    if (nearest == NULL) {
        snprintf(sentence, sizeof sentence, "there is no %s %s%s", kind, dashes(at), name);
    } else {
        snprintf(sentence, sizeof sentence, "there is no %s %s%s; did you mean %s%s?", kind, dashes(at), name,
                 dashes(at), nearest);
    }
    return complain(at, sentence, "");
}

static bool append(const char ***list, const char *value) {
    size_t count = 0;
    while (*list != NULL && (*list)[count] != NULL) {
        count++;
    }
    const char **grown = realloc(*list, (count + 2) * sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    grown[count] = value;
    grown[count + 1] = NULL;
    *list = grown;
    return true;
}

static bool choose(const struct flag *flag, const char *value, int *ret_choice) {
    for (int i = 0; flag->choices[i] != NULL; i++) {
        if (strcmp(flag->choices[i], value) == 0) {
            *ret_choice = i + 1;
            return true;
        }
    }
    return false;
}

static int set_value(const struct cursor *at, const struct flag *flag, const char *value) {
    void *field = (char *)at->options + flag->offset;
    bool good = true;
    if (flag->kind == FLAG_TEXT) {
        if (*(const char **)field != NULL) {
            char sentence[128];
            snprintf(sentence, sizeof sentence, "given twice: %s", dashes(at));
            return complain(at, sentence, flag->name);
        }
        *(const char **)field = value;
    } else if (flag->kind == FLAG_LIST) {
        good = append(field, value);
    } else if (flag->kind == FLAG_COUNT) {
        good = options_parse_count(value, 1, 256, field);
    } else if (flag->kind == FLAG_SECONDS) {
        good = options_parse_seconds(value, field);
    } else {
        good = choose(flag, value, field);
    }
    if (good) {
        return 0;
    }
    char sentence[128];
    snprintf(sentence, sizeof sentence, "%s%s takes %s, not ", dashes(at), flag->name, flag->argument);
    return complain(at, sentence, value);
}

int options_set(const struct command *command, const char *place, const char *name, const char *value,
                void *options) {
    const struct cursor at = {.command = command, .options = options, .place = place};
    const struct flag *flag = find_name(command, name, strlen(name));
    if (flag == NULL) {
        return complain_unknown(&at, name, strlen(name));
    }
    if (flag->kind != FLAG_SWITCH) {
        return set_value(&at, flag, value);
    }
    bool yes = strcmp(value, "true") == 0;
    if (!yes && strcmp(value, "false") != 0) {
        char sentence[128];
        snprintf(sentence, sizeof sentence, "%s takes true or false, not ", flag->name);
        return complain(&at, sentence, value);
    }
    *(bool *)((char *)options + flag->offset) = yes;
    return 0;
}

/* The value of a flag that was written without one attached: the next word. */
static int set_from_next(struct cursor *at, const struct flag *flag) {
    if (at->next >= at->argc) {
        char sentence[128];
        snprintf(sentence, sizeof sentence, "--%s needs a value: ", flag->name);
        return complain(at, sentence, flag->argument);
    }
    return set_value(at, flag, at->argv[at->next++]);
}

static int parse_long(struct cursor *at, const char *word) {
    size_t len = strcspn(word, "=");
    if (strcmp(word, "help") == 0) {
        return OPTIONS_HELP;
    }
    const struct flag *flag = find_name(at->command, word, len);
    if (flag == NULL) {
        return complain_unknown(at, word, len);
    }
    bool attached = word[len] == '=';
    if (flag->kind == FLAG_SWITCH) {
        if (attached) {
            return complain(at, "takes no value: --", flag->name);
        }
        *(bool *)((char *)at->options + flag->offset) = true;
        return 0;
    }
    return attached ? set_value(at, flag, word + len + 1) : set_from_next(at, flag);
}

static int parse_short(struct cursor *at, const char *letters) {
    for (; *letters != '\0'; letters++) {
        const struct flag *flag = find_letter(at->command, *letters);
        if (flag == NULL && *letters == 'h') {
            return OPTIONS_HELP;
        }
        if (flag == NULL) {
            const char unknown[2] = {*letters, '\0'};
            return complain(at, "there is no flag -", unknown);
        }
        if (flag->kind != FLAG_SWITCH) {
            return letters[1] != '\0' ? set_value(at, flag, letters + 1) : set_from_next(at, flag);
        }
        *(bool *)((char *)at->options + flag->offset) = true;
    }
    return 0;
}

/* All that is left of the command line, which ends in NULL by itself. */
static int take_words(struct cursor *at, const struct flag *flag) {
    if (at->next == at->argc) {
        return complain(at, "behind -- belongs ", flag->argument);
    }
    *(char ***)((char *)at->options + flag->offset) = at->argv + at->next;
    at->next = at->argc;
    return 0;
}

static int check_operands(const struct cursor *at, int count) {
    if (count < at->command->operands_min) {
        char usage[128];
        snprintf(usage, sizeof usage, "%s %s", at->command->name, at->command->synopsis);
        return complain(at, "something is missing; usage: wharf ", usage);
    }
    if (count > at->command->operands_max) {
        return complain(at, "one argument too many: ", at->argv[at->command->operands_max]);
    }
    return count;
}

int options_parse(const struct command *command, int argc, char **argv, void *options) {
    struct cursor at = {.command = command, .argc = argc, .argv = argv, .options = options, .place = ""};
    int operands = 0;
    bool flags_ended = false;
    while (at.next < argc) {
        char *word = argv[at.next++];
        int result = 0;
        /* "-" alone is an operand: standard input or output. */
        if (flags_ended || word[0] != '-' || word[1] == '\0') {
            argv[operands++] = word;
        } else if (strcmp(word, "--") == 0 && find_words(command) != NULL) {
            result = take_words(&at, find_words(command));
        } else if (strcmp(word, "--") == 0) {
            flags_ended = true;
        } else if (word[1] == '-') {
            result = parse_long(&at, word + 2);
        } else {
            result = parse_short(&at, word + 1);
        }
        if (result < 0) {
            return result;
        }
    }
    return check_operands(&at, operands);
}

static size_t field_size(const struct flag *flag) {
    static const size_t sizes[] = {
        [FLAG_SWITCH] = sizeof(bool),   [FLAG_TEXT] = sizeof(char *),     [FLAG_LIST] = sizeof(char **),
        [FLAG_COUNT] = sizeof(int64_t), [FLAG_SECONDS] = sizeof(int64_t), [FLAG_WORDS] = sizeof(char **),
        [FLAG_CHOICE] = sizeof(int),
    };
    return sizes[flag->kind];
}

void options_complete(const struct command *command, void *options, const void *others) {
    static const char unset[sizeof(int64_t)];
    for (const struct flag *flag = command->flags; flag->name != NULL; flag++) {
        char *field = (char *)options + flag->offset;
        size_t size = field_size(flag);
        if (memcmp(field, unset, size) == 0) {
            memcpy(field, (const char *)others + flag->offset, size);
        }
    }
}

void options_deinit(const struct command *command, void *options) {
    for (const struct flag *flag = command->flags; flag->name != NULL; flag++) {
        if (flag->kind == FLAG_LIST) {
            free(*(const char ***)((char *)options + flag->offset));
        }
    }
}
