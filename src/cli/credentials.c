/* See credentials.h. */
#include "cli/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "cli/exitcode.h"

enum { SECRET_SIZE = 8192, SCHEME_NONE = 0 };

const char *const credentials_types[] = {"basic", "digest", "any", NULL};

static int complain(const char *who, const char *about, const char *what) {
    fprintf(stderr, "wharf %s: %s: %s\n", who, about, what);
    return EXIT_USAGE;
}

/* The command line's own bytes, which it is ours to change. */
static void blank(const char *text) {
    if (text != NULL) {
        memset((char *)(uintptr_t)text, '*', strlen(text));
    }
}

/* The first line of a descriptor, without its end. Its length, or a negative errno value. */
static ssize_t read_line(int fd, char *out, size_t size) {
    size_t len = 0;
    ssize_t got = 1;
    while (got > 0 && len < size && memchr(out, '\n', len) == NULL) {
        got = read(fd, out + len, size - len);
        if (got < 0) {
            return -errno;
        }
        len += (size_t)got;
    }
    const char *end = memchr(out, '\n', len);
    len = end != NULL ? (size_t)(end - out) : len;
    return (ssize_t)(len > 0 && out[len - 1] == '\r' ? len - 1 : len);
}

/* A value as it is given, or the first line of the file after an '@'. Its length, or -1: said why not. */
static ssize_t read_secret(const char *given, const char *who, char *out) {
    ssize_t len = (ssize_t)strlen(given);
    if (given[0] == '@') {
        int fd = open(given + 1, O_RDONLY | O_CLOEXEC);
        len = fd < 0 ? -errno : read_line(fd, out, SECRET_SIZE);
        if (fd >= 0) {
            close(fd);
        }
        if (len < 0) {
            fprintf(stderr, "wharf %s: %s: %s\n", who, given + 1, wharf_strerror((int)len));
            return -1;
        }
    } else if (len < SECRET_SIZE) {
        memcpy(out, given, (size_t)len);
    }
    if (len >= SECRET_SIZE) {
        complain(who, "a secret", "too long");
        return -1;
    }
    out[len] = '\0';
    return len;
}

/* Asks for a password where the user sits. False: there is nobody to ask. */
static bool ask_password(const char *user, char *out) {
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    struct termios before;
    if (tty < 0 || tcgetattr(tty, &before) < 0) {
        if (tty >= 0) {
            close(tty);
        }
        return false;
    }
    struct termios silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    silent.c_lflag |= ICANON;
    dprintf(tty, "Password of %s: ", user);
    (void)tcsetattr(tty, TCSAFLUSH, &silent);
    ssize_t len = read_line(tty, out, SECRET_SIZE - 1);
    (void)tcsetattr(tty, TCSAFLUSH, &before);
    dprintf(tty, "\n");
    close(tty);
    if (len >= 0) {
        out[len] = '\0';
    }
    return len >= 0;
}

static int make_auth(const wharf_auth_options *options, const char *who, struct credentials *credentials) {
    credentials->auth = wharf_auth_new(options);
    if (credentials->auth == NULL) {
        fprintf(stderr, "wharf %s: %s\n", who, wharf_why());
        return options->netrc != NULL ? EXIT_LOCAL_FILE : EXIT_USAGE;
    }
    return EXIT_OK;
}

static wharf_auth_scheme scheme_of(const struct credentials_options *options) {
    return options->scheme == SCHEME_NONE ? WHARF_AUTH_BASIC : (wharf_auth_scheme)(options->scheme - 1);
}

static int open_user(const struct credentials_options *options, const char *who,
                     struct credentials *credentials) {
    char password[SECRET_SIZE];
    size_t user_len = strcspn(options->user, ":");
    char *user = strndup(options->user, user_len);
    bool given = options->user[user_len] == ':';
    if (user == NULL) {
        return EXIT_OTHER;
    }
    if (given) {
        snprintf(password, sizeof password, "%s", options->user + user_len + 1);
        blank(options->user + user_len + 1);
    } else if (!ask_password(user, password)) {
        free(user);
        return complain(who, "-u", "there is no terminal to ask for the password on");
    }
    int code = make_auth(
        WHARF_OPTIONS(wharf_auth_options, .scheme = scheme_of(options), .user = user, .password = password),
        who, credentials);
    explicit_bzero(password, sizeof password);
    free(user);
    return code;
}

static int open_bearer(const char *given, const char *who, struct credentials *credentials) {
    char token[SECRET_SIZE];
    ssize_t len = read_secret(given, who, token);
    blank(given);
    if (len < 0) {
        return EXIT_LOCAL_FILE;
    }
    int code = make_auth(WHARF_OPTIONS(wharf_auth_options, .token = token), who, credentials);
    explicit_bzero(token, sizeof token);
    return code;
}

/* ftp(1) has always refused a file of passwords that others can read; here it is a warning. */
static void warn_about(const char *path, const char *who) {
    struct stat status;
    const char *own = getenv("NETRC");
    const char *home = getenv("HOME");
    char standard[4096];
    snprintf(standard, sizeof standard, "%s/.netrc", home != NULL ? home : "");
    const char *file = path[0] != '\0' ? path : own != NULL && own[0] != '\0' ? own : standard;
    if (stat(file, &status) == 0 && (status.st_mode & 077) != 0) {
        fprintf(stderr, "wharf %s: warning: others can read %s (chmod 600)\n", who, file);
    }
}

static int open_auth(const struct credentials_options *options, const char *who,
                     struct credentials *credentials) {
    bool netrc = options->netrc || options->netrc_file != NULL;
    if ((options->user != NULL) + (options->bearer != NULL) + netrc > 1) {
        return complain(who, "-u, --bearer and --netrc", "they exclude each other");
    }
    if (options->user != NULL) {
        return open_user(options, who, credentials);
    }
    if (options->bearer != NULL) {
        return open_bearer(options->bearer, who, credentials);
    }
    if (netrc) {
        const char *path = options->netrc_file != NULL ? options->netrc_file : "";
        warn_about(path, who);
        return make_auth(WHARF_OPTIONS(wharf_auth_options, .scheme = scheme_of(options), .netrc = path), who,
                         credentials);
    }
    return options->scheme == SCHEME_NONE ? EXIT_OK
                                          : complain(who, "--auth-type", "it goes with -u or --netrc");
}

/* "Name: value" */
static int open_secret(const char *given, const char *who, wharf_secret **ret_secret) {
    char value[SECRET_SIZE];
    size_t name_len = strcspn(given, ":");
    char *name = strndup(given, name_len);
    if (given[name_len] != ':' || name == NULL) {
        free(name);
        return complain(who, "-S", "it needs 'Name: value' or 'Name: @FILE'");
    }
    const char *text = given + name_len + 1;
    text += strspn(text, " \t");
    ssize_t len = read_secret(text, who, value);
    blank(text);
    *ret_secret = len >= 0 ? wharf_secret_new(name, value, (size_t)len, NULL) : NULL;
    explicit_bzero(value, sizeof value);
    free(name);
    if (len >= 0 && *ret_secret == NULL) {
        fprintf(stderr, "wharf %s: %s\n", who, wharf_why());
        return EXIT_USAGE;
    }
    return len >= 0 ? EXIT_OK : EXIT_LOCAL_FILE;
}

static int open_secrets(const char *const *given, const char *who, struct credentials *credentials) {
    size_t count = 0;
    while (given != NULL && given[count] != NULL) {
        count++;
    }
    if (count == 0) {
        return EXIT_OK;
    }
    credentials->secrets = calloc(count + 1, sizeof *credentials->secrets);
    int code = credentials->secrets != NULL ? EXIT_OK : EXIT_OTHER;
    for (size_t i = 0; i < count && code == EXIT_OK; i++) {
        code = open_secret(given[i], who, &credentials->secrets[i]);
    }
    return code;
}

int credentials_open(const struct credentials_options *options, const char *who,
                     struct credentials *ret_credentials) {
    *ret_credentials = (struct credentials){.auth = NULL};
    int code = open_auth(options, who, ret_credentials);
    return code == EXIT_OK ? open_secrets((const char *const *)options->secrets, who, ret_credentials) : code;
}

void credentials_close(struct credentials *credentials) {
    for (wharf_secret **each = credentials->secrets; each != NULL && *each != NULL; each++) {
        wharf_secret_free(*each);
    }
    free(credentials->secrets);
    wharf_auth_free(credentials->auth);
}
