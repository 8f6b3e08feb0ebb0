/* Cookies of the command line: -b, --cookie-jar and --session, and the jar made of them. */
#ifndef CLI_COOKIES_H
#define CLI_COOKIES_H

#include "cli/command.h"
#include "wharf/cookies.h"

struct cookies_options {
    const char **cookies;
    const char *file;
    const char *session;
};

#define COOKIES_FIELD(type, member) offsetof(type, cookies.member)
/* clang-format off */
#define COOKIES_FLAGS(type) \
    {"cookie", 'b', FLAG_LIST, COOKIES_FIELD(type, cookies), "'N=V'|FILE", NULL, \
     "send these cookies; without an '=', those of a jar that is only read"}, \
    {"cookie-jar", 'c', FLAG_TEXT, COOKIES_FIELD(type, file), "FILE", NULL, \
     "keep cookies in FILE: as JSON where its name ends in .json, else as curl does"}, \
    {"session", 0, FLAG_TEXT, COOKIES_FIELD(type, session), "NAME", NULL, \
     "keep cookies under a name, from one call to the next"}
/* clang-format on */

/* The cookies of a call. */
struct cookies {
    wharf_jar *jar; /* NULL: none are kept */
    char *header;   /* "Cookie: a=1; b=2", or NULL */
    char *path;     /* where the jar is saved, or NULL */
    int format;
};

/* An exit code; what was wrong has been said in the name of `who`. */
int cookies_open(const struct cookies_options *options, const char *who, struct cookies *ret_cookies);
/* Saves the jar. An exit code, likewise. */
int cookies_save(const struct cookies *cookies, const char *who);
void cookies_close(struct cookies *cookies);

#endif
