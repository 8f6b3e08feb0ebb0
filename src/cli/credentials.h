/* Who the user is, on the command line: -u, --bearer, --netrc and -S. What is secret there is overwritten in the command line
 * as soon as it has been read, so that other users do not see it in a list of processes. */
#ifndef CLI_CREDENTIALS_H
#define CLI_CREDENTIALS_H

#include "cli/command.h"
#include "wharf/credentials.h"

struct credentials_options {
    const char *user;
    int scheme;
    const char *bearer;
    bool netrc;
    const char *netrc_file;
    const char **secrets;
};

extern const char *const credentials_types[];

#define CREDENTIALS_FIELD(type, member) offsetof(type, credentials.member)
/* clang-format off */
#define CREDENTIALS_FLAGS(type) \
    {"user", 'u', FLAG_TEXT, CREDENTIALS_FIELD(type, user), "NAME[:PASSWORD]", NULL, \
     "who asks; without a password it is asked for"}, \
    {"auth-type", 0, FLAG_CHOICE, CREDENTIALS_FIELD(type, scheme), "basic|digest|any", credentials_types, \
     "how -u and --netrc are shown; any: as the server asks. Default: basic"}, \
    {"bearer", 0, FLAG_TEXT, CREDENTIALS_FIELD(type, bearer), "TOKEN", NULL, "a bearer token, or @FILE with one"}, \
    {"netrc", 0, FLAG_SWITCH, CREDENTIALS_FIELD(type, netrc), NULL, NULL, \
     "names and passwords from $NETRC or ~/.netrc"}, \
    {"netrc-file", 0, FLAG_TEXT, CREDENTIALS_FIELD(type, netrc_file), "FILE", NULL, "likewise, from FILE"}, \
    {"secret", 'S', FLAG_LIST, CREDENTIALS_FIELD(type, secrets), "'N: V'", NULL, \
     "a header for the first origin alone, hidden everywhere; V may be @FILE"}
/* clang-format on */

struct credentials {
    wharf_auth *auth;       /* NULL: none */
    wharf_secret **secrets; /* ended by NULL; NULL: none */
};

/* An exit code; what was wrong has been said in the name of `who`. */
int credentials_open(const struct credentials_options *options, const char *who,
                     struct credentials *ret_credentials);
void credentials_close(struct credentials *credentials);

#endif
