/* Files of settings:
 *
 *     # what is served
 *     directory = public
 *     listen = 127.0.0.1:8000
 *     listen = unix:/run/site.socket
 *     hidden = true
 *
 * One setting a line, no nesting, no escapes: what stands behind the first '=' is the value, without the blanks around it
 * and without a pair of double quotes that encloses it. A list is written as several lines. */
#include "cli/settings.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/exitcode.h"
#include "cli/options.h"
#include "wharf/base.h"

enum { FILE_MAX = 1 << 20, PLACE_SIZE = 4200 };

static int complain(const struct command *command, const char *path, const char *what) {
    fprintf(stderr, "wharf %s: %s: %s\n", command->name, path, what);
    return EXIT_LOCAL_FILE;
}

/* The whole file with a NUL behind it. */
static int read_file(const struct command *command, const char *path, char **ret_text) {
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return complain(command, path, wharf_strerror(-errno));
    }
    char *text = malloc(FILE_MAX + 1);
    size_t len = text != NULL ? fread(text, 1, FILE_MAX, file) : 0;
    bool failed = text == NULL || ferror(file) != 0;
    int error = errno;
    bool is_long = !failed && len == FILE_MAX;
    fclose(file);
    if (failed || is_long || memchr(text, '\0', len) != NULL) {
        const char *what = is_long ? "longer than 1 MiB" : "no text";
        free(text);
        return complain(command, path, failed ? wharf_strerror(-error) : what);
    }
    text[len] = '\0';
    *ret_text = text;
    return EXIT_OK;
}

static bool is_blank(char byte) {
    return byte == ' ' || byte == '\t' || byte == '\r';
}

/* Cuts blanks off both ends, in place. */
static char *trim(char *text) {
    while (is_blank(*text)) {
        text++;
    }
    size_t len = strlen(text);
    while (len > 0 && is_blank(text[len - 1])) {
        len--;
    }
    text[len] = '\0';
    return text;
}

static char *unquote(char *value) {
    size_t len = strlen(value);
    if (len < 2 || value[0] != '"' || value[len - 1] != '"') {
        return value;
    }
    value[len - 1] = '\0';
    return value + 1;
}

/* One line, which is neither empty nor a comment. */
static int set_line(const struct command *command, const char *place, char *line, void *options) {
    char *equals = strchr(line, '=');
    if (equals == NULL) {
        fprintf(stderr, "wharf %s: %sa setting is written as name = value (try: man wharf-%s)\n",
                command->name, place, command->name);
        return OPTIONS_WRONG;
    }
    *equals = '\0';
    return options_set(command, place, trim(line), unquote(trim(equals + 1)), options);
}

static int read_lines(const struct command *command, const char *path, char *text, void *options) {
    char place[PLACE_SIZE];
    char *next = text;
    for (int number = 1; next != NULL; number++) {
        char *line = next;
        next = strchr(line, '\n');
        if (next != NULL) {
            *next++ = '\0';
        }
        line = trim(line);
        if (line[0] == '\0' || line[0] == '#') {
            continue;
        }
        snprintf(place, sizeof place, "%s:%d: ", path, number);
        if (set_line(command, place, line, options) < 0) {
            return EXIT_USAGE;
        }
    }
    return EXIT_OK;
}

int settings_read(const struct command *command, const char *path, void *options, char **ret_text) {
    char *text = NULL;
    int code = read_file(command, path, &text);
    if (code != EXIT_OK) {
        return code;
    }
    *ret_text = text;
    return read_lines(command, path, text, options);
}
