/* Public suffixes: the domains under which anybody can register a name, which no cookie may be set for. The list is the one
 * of publicsuffix.org, as its text file has it; it is looked through where it lies, since few cookies ask. */
#ifndef CLIENT_SUFFIX_H
#define CLIENT_SUFFIX_H

#include <stdbool.h>

#include "wharf/base.h"

struct suffix_list {
    const char *path; /* "": no list */
    bool opened;
    wharf_str text; /* mapped; empty: there is none */
};

/* path: NULL for the system's list; opened at the first question. The path must live as long. */
void suffix_list_init(struct suffix_list *list, const char *path);
void suffix_list_deinit(struct suffix_list *list);
/* Whether a domain (lower case, ASCII) is a public suffix. Without a list, and where no rule of it fits: whether it has
 * no dot. */
bool suffix_is_public(struct suffix_list *list, wharf_str domain);

#endif
