/* The last failure of a task: kept as codes, made a sentence only when somebody asks.
 *
 *      <phase> <subject> (<address>): <what the code means> (<NAME>)[: <detail>]
 *      connect localhost:1 (127.0.0.1:1): connection refused (ECONNREFUSED)
 */
#ifndef BASE_FAILURE_H
#define BASE_FAILURE_H

#include <sys/socket.h>

#include "base/compiler.h"
#include "wharf/base.h"

enum {
    FAILURE_SUBJECT_SIZE = 96,
    FAILURE_DETAIL_SIZE = 352,
    FAILURE_ADDRESS_SIZE = 32,
    FAILURE_SENTENCE_SIZE = 704, /* room for every part of a record at its longest */
};

struct failure {
    int code;          /* negative; 0: none */
    const char *phase; /* static: "resolve", "connect", "accept", "send", "read head" ...; may be NULL */
    unsigned char address_len;
    unsigned char address[FAILURE_ADDRESS_SIZE]; /* a sockaddr_in or sockaddr_in6; address_len 0: none */
    char subject[FAILURE_SUBJECT_SIZE];          /* host:port, a URL, a path; cut to fit; "" for none */
    char detail[FAILURE_DETAIL_SIZE];            /* more, made by the one who failed; "" for none */
};

/* Where this thread's failures go: set by the scheduler to the running task's record. Before there is one, a
 * record of the thread. Never NULL. */
struct failure *failure_current(void);
/* `where` holds the record to use, and is read at each failure: a switch of tasks is one store there. NULL, or NULL in
 * it: the thread's own. */
void failure_redirect(struct failure **where);

/* Record a failure and return its code, so `return fail(-EINVAL, "listen", address, NULL)` works. All but
 * code may be NULL; subject is copied. The forms clear what they do not set. */
COLD int fail(int code, const char *phase, const char *subject, const char *detail_format, ...)
    __attribute__((format(printf, 4, 5)));
/* With the peer's address. */
COLD int fail_at(int code, const char *phase, const struct sockaddr *address, socklen_t address_len);

/* What is to be told of a failure with `code` by whoever learns of it from somebody else, whose record `said` is: that record
 * where it is about this code, else one that tells who it was. */
void failure_hand_on(struct failure *ret_failure, const struct failure *said, int code, const char *phase,
                     const char *subject);

/* Adds the peer's address to the failure that was recorded last. */
void failure_set_address(const struct sockaddr *address, socklen_t address_len);

/* What several peers said, as the end of a detail: "a, b and 2 more". The detail has room for words before it. */
enum { FAILURE_LIST_WORDS = 80, FAILURE_LIST_SIZE = FAILURE_DETAIL_SIZE - FAILURE_LIST_WORDS };
struct failure_list {
    char text[FAILURE_LIST_SIZE];
    size_t len;
    int count, left_out;
};
/* One more, when it fits. */
void failure_list_add(struct failure_list *list, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The sentence. Returns its length; cut to fit, always NUL-terminated when size > 0. */
size_t failure_format(const struct failure *failure, char *out, size_t size);

#endif
