/* One question to the name servers, and what came back.
 *
 *      for each round, for each server:
 *          by UDP: send; receive until it is our answer; send again after 1 s, 3 s ...; no answer in time: next server
 *          cut short, or the name in other case: the same question by TCP
 *          the server fails or refuses: next server
 *
 * Every question has a socket, a port, an id and a mix of capitals of its own, so that nobody who does not see it can forge
 * its answer. */
#ifndef NET_NAMES_QUESTION_H
#define NET_NAMES_QUESTION_H

#include "base/failure.h"
#include "net/names/message.h"
#include "net/names/state.h"

enum question_outcome {
    QUESTION_NONE,     /* nobody was asked, or the asking was cut short */
    QUESTION_ANSWERED, /* `message` is there: data, no data, or no such name */
    QUESTION_TIMEOUT,
    QUESTION_UNREACHABLE,
    QUESTION_MALFORMED,
    QUESTION_REFUSED, /* `rcode` says which error */
};

struct question {
    const struct names_settings *settings; /* held by the caller */
    const char *name;                      /* without a dot at the end */
    unsigned type;

    struct dns_message message; /* heap: question_deinit() */
    struct address server;      /* who answered, or the last one asked; len 0: none */
    enum question_outcome outcome;
    unsigned rcode;
    bool cached;
    int64_t age_ns; /* of a cached answer */
    int64_t elapsed_ns;
    struct failure_list said; /* what each server said, when none answered */
};

/* Asks. 0: QUESTION_ANSWERED; -WHARF_ENAMESERVER; -WHARF_EADDRESS (not a name); -ENOMEM, -ECANCELED, -ETIMEDOUT (a deadline
 * around it). Records nothing. Suspends. */
int question_run(struct question *question);
void question_deinit(struct question *question);

/* "NXDOMAIN", "TIMEOUT" ...: what wharf_answer_status() gives. has_data: records of the type were found. */
const char *question_status(const struct question *question, bool has_data);

#endif
