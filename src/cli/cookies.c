/* See cookies.h. A session is a jar under $XDG_STATE_HOME/wharf/sessions; one whose name has a '/' is the file itself. */
#include "cli/cookies.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/exitcode.h"

static int complain(const char *who, const char *about, const char *what) {
    fprintf(stderr, "wharf %s: %s: %s\n", who, about, what);
    return EXIT_LOCAL_FILE;
}

/* Makes the folders above a file. 0 or a negative errno value. */
static int make_folders(char *path) {
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int made = mkdir(path, 0700) < 0 ? -errno : 0;
        *slash = '/';
        if (made < 0 && made != -EEXIST) {
            return made;
        }
    }
    return 0;
}

/* The file of a session, to be freed; NULL without memory or a home. */
static char *session_path(const char *name) {
    char *path = NULL;
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    int len = 0;
    if (strchr(name, '/') != NULL) {
        return strdup(name);
    }
    if (state != NULL && state[0] == '/') {
        len = asprintf(&path, "%s/wharf/sessions/%s.json", state, name);
    } else if (home != NULL && home[0] == '/') {
        len = asprintf(&path, "%s/.local/state/wharf/sessions/%s.json", home, name);
    } else {
        return NULL;
    }
    return len >= 0 ? path : NULL;
}

static bool is_session_name(const char *name) {
    return name[0] != '\0' && name[0] != '.' && name[strlen(name) - 1] != '/';
}

static int choose_path(const struct cookies_options *options, const char *who, struct cookies *cookies) {
    if (options->file != NULL && options->session != NULL) {
        fprintf(stderr, "wharf %s: --cookie-jar and --session exclude each other\n", who);
        return EXIT_USAGE;
    }
    if (options->session != NULL && !is_session_name(options->session)) {
        fprintf(stderr, "wharf %s: --session takes a name, not '%s'\n", who, options->session);
        return EXIT_USAGE;
    }
    if (options->session != NULL) {
        cookies->path = session_path(options->session);
        int made = cookies->path != NULL ? make_folders(cookies->path) : 0;
        if (cookies->path == NULL || made < 0) {
            return complain(who, "--session", made < 0 ? wharf_strerror(made) : "there is no home folder");
        }
        return EXIT_OK;
    }
    if (options->file != NULL) {
        cookies->path = strdup(options->file);
        size_t len = strlen(options->file);
        bool json = len > 5 && strcmp(options->file + len - 5, ".json") == 0;
        cookies->format = json ? WHARF_JAR_JSON : WHARF_JAR_NETSCAPE;
    }
    return EXIT_OK;
}

static int load(struct cookies *cookies, const char *path, bool must_exist, const char *who) {
    int rc = wharf_jar_load(cookies->jar, path);
    if (rc == -ENOENT && !must_exist) {
        return EXIT_OK;
    }
    if (rc < 0) {
        fprintf(stderr, "wharf %s: %s\n", who, wharf_why());
        return EXIT_LOCAL_FILE;
    }
    return EXIT_OK;
}

/* "Cookie: a=1; b=2" of all that have an '='. */
static int collect_header(const char *const *given, struct cookies *cookies) {
    size_t len = sizeof "Cookie: ";
    for (const char *const *each = given; each != NULL && *each != NULL; each++) {
        len += strlen(*each) + 2;
    }
    char *header = calloc(1, len);
    if (header == NULL) {
        return EXIT_OTHER;
    }
    size_t at = 0;
    for (const char *const *each = given; each != NULL && *each != NULL; each++) {
        if (strchr(*each, '=') != NULL) {
            at += (size_t)snprintf(header + at, len - at, "%s%s", at > 0 ? "; " : "Cookie: ", *each);
        }
    }
    if (at == 0) {
        free(header);
        header = NULL;
    }
    cookies->header = header;
    return EXIT_OK;
}

static int open_all(const struct cookies_options *options, const char *who, struct cookies *cookies) {
    const char *const *given = (const char *const *)options->cookies;
    int code = choose_path(options, who, cookies);
    bool reads = cookies->path != NULL;
    for (const char *const *each = given; each != NULL && *each != NULL; each++) {
        reads = reads || strchr(*each, '=') == NULL;
    }
    if (code != EXIT_OK || (given == NULL && !reads)) {
        return code;
    }
    if (reads) {
        cookies->jar = wharf_jar_new(NULL);
        if (cookies->jar == NULL) {
            return EXIT_OTHER;
        }
    }
    if (cookies->path != NULL) {
        code = load(cookies, cookies->path, false, who);
    }
    for (const char *const *each = given; code == EXIT_OK && each != NULL && *each != NULL; each++) {
        code = strchr(*each, '=') == NULL ? load(cookies, *each, true, who) : EXIT_OK;
    }
    return code == EXIT_OK ? collect_header(given, cookies) : code;
}

int cookies_open(const struct cookies_options *options, const char *who, struct cookies *ret_cookies) {
    *ret_cookies = (struct cookies){.format = WHARF_JAR_JSON};
    return open_all(options, who, ret_cookies);
}

int cookies_save(const struct cookies *cookies, const char *who) {
    if (cookies->path == NULL || wharf_jar_save(cookies->jar, cookies->path, cookies->format) == 0) {
        return EXIT_OK;
    }
    fprintf(stderr, "wharf %s: %s\n", who, wharf_why());
    return EXIT_LOCAL_FILE;
}

void cookies_close(struct cookies *cookies) {
    wharf_jar_free(cookies->jar);
    free(cookies->header);
    free(cookies->path);
    *cookies = (struct cookies){.format = WHARF_JAR_JSON};
}
