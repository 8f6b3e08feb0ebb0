/* A jar of cookies: what servers set, by the rules of RFC 6265 section 5.3, and what goes back to them.
 *
 *      jar --- cookies, oldest first, each one block with its texts behind it
 *        `---- the list of public suffixes, opened when a cookie first names a domain
 *
 * Everything is under one lock that nobody holds while waiting for anything. A cookie that a file has and the jar no longer
 * has stays as `removed`, until the file has been brought up to date. */
#ifndef CLIENT_JAR_H
#define CLIENT_JAR_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buffer.h"
#include "client/suffix.h"
#include "http/codec/url.h"
#include "wharf/cookies.h"

struct jar_cookie {
    uint64_t created; /* counted by the jar; kept when the cookie gets a new value */
    uint64_t used;
    wharf_jar_cookie about; /* views into `text` */
    uint64_t changed;       /* when, since the file was loaded or saved; 0: it is as it is there */
    bool stored;            /* the file has one of this name, domain and path */
    bool removed;           /* not in the jar any more, and the file does not know */
    char text[];
};

struct wharf_jar {
    pthread_mutex_t lock;
    _Atomic int users;
    wharf_jar_options options; /* resolved */
    struct suffix_list suffixes;
    struct jar_cookie **at;
    size_t count, capacity;
    uint64_t clock; /* counts creations, uses and changes */
    char *file;     /* the one that `stored` speaks of: loaded or saved first; NULL: none yet */
};

/* Another user of the jar; wharf_jar_free() ends it. NULL is fine. */
wharf_jar *jar_hold(wharf_jar *jar);
/* As wharf_jar_set() for a URL that has been parsed. now: seconds since 1970. */
int jar_receive(wharf_jar *jar, const struct url *url, wharf_str line, int64_t now);
/* Appends "a=1; b=2" to `out`, without the names that `manual` - such a text too - has already. Nothing when there is no
 * cookie. 0, -ENOMEM or -WHARF_ELIMIT. */
int jar_append(wharf_jar *jar, const struct url *url, wharf_str manual, int64_t now, struct buffer *out);

/* ---- for jar_file.c ---- */
/* Puts a cookie in whatever the rules say, in the place of one with its name, domain and path. 0 or -ENOMEM. */
int jar_put(wharf_jar *jar, const wharf_jar_cookie *cookie, bool stored);
struct jar_cookie *jar_find(const wharf_jar *jar, const wharf_jar_cookie *like);
void jar_drop(wharf_jar *jar, size_t i);
/* Forgets what has ended and what is too much. */
void jar_tidy(wharf_jar *jar, int64_t now);
/* Makes a jar of what is in the other one, limits included, without cookies. NULL without memory. */
wharf_jar *jar_new_like(const wharf_jar *jar);

#endif
