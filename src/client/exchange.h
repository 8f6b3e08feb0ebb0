/* One request and its response head on one connection.
 *
 *      send head -- [wait for 100] -- send body -- wait for the final head
 *                        |               |
 *                        `---------------`--- the final head may come here already
 */
#ifndef CLIENT_EXCHANGE_H
#define CLIENT_EXCHANGE_H

#include "client/fetch.h"
#include "client/pool.h"
#include "client/prepare.h"

struct exchange {
    struct fetch *fetch;
    struct client_connection *connection;
    const struct prepared *prepared;
    struct h1_progress progress;
    struct h1_response head; /* the final one, once `final`; its views have gone, the response has copies */
    struct header *storage;
    int64_t informational; /* 1xx heads so far */
    int64_t accepted;      /* bytes of the request that the system has taken */
    int64_t sent_at;       /* by the clock, when all of it was; 0: not yet */
    bool continued;        /* 100 has come */
    bool final;            /* the final head has come, and the response has it */
    bool sent;             /* the whole request is out */
};

/* Runs it on a connection that the caller has and keeps. 0 with exchange->final, or a recorded failure. Suspends. */
int exchange_run(struct exchange *exchange);

/* Whether the request provably never reached the server. After a failure. */
bool exchange_is_unsent(const struct exchange *exchange);
/* Whether a failure on a connection that had been used before may be met by sending the request again: not a byte of
 * response came, and the caller does not mind that it may be the second time (wharf_replay). */
bool exchange_is_stale(const struct exchange *exchange, int failure);

/* ---- for upload.c ---- */
/* Parses what has been received. 1: the final head is there; 0: not yet; or a recorded failure. Does not suspend. */
int exchange_scan(struct exchange *exchange);
/* Records a failure at this exchange's place. */
int exchange_fail(const struct exchange *exchange, int code, const char *phase, const char *detail);

#endif
