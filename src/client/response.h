/* A response: one heap object with an arena, which owns everything that can be asked of it, and while its body is on the
 * wire the connection too. */
#ifndef CLIENT_RESPONSE_H
#define CLIENT_RESPONSE_H

#include "base/arena.h"
#include "base/buffer.h"
#include "client/connection.h"
#include "client/phase.h"
#include "client/trail.h"
#include "client/why.h"
#include "http/codec/head.h"
#include "http/coding/coding.h"
#include "wharf/client.h"

enum { RESPONSE_WHY_SIZE = FAILURE_SENTENCE_SIZE, RESPONSE_INLINE_BYTES = 1024, CONTENT_CODINGS_MAX = 5 };

struct content;
struct facts_kept;

/* The body that is still on its way. */
struct response_source {
    struct client_connection *connection; /* NULL: nothing is, the connection has been given back */
    struct h1_body decoder;
    struct h1_limits limits;
    struct budget total;
    int64_t idle_ms;
    int64_t decoded_ratio;
    int64_t speed_bytes, speed_ms;
    int64_t keep_ms; /* what client_pool_release gets when the body has ended */
};

struct wharf_response {
    int error;
    int status;
    int minor;
    int redirects;
    bool streaming; /* the body is left for wharf_response_read */
    int64_t content_length;
    int64_t line_bytes; /* limits.line_bytes */
    const char *url;
    const char *public_url;
    const char *proxy; /* that the connection goes through; "": none */
    wharf_str reason;
    wharf_str request; /* its head as it was sent, if the caller wants to see it */
    struct headers headers;
    struct headers trailers;
    struct buffer body;
    struct content *content; /* what undoes the codings, from the first read on */
    size_t coding_count;
    uint8_t codings[CONTENT_CODINGS_MAX]; /* enum coding, in the order in which they were applied */
    struct address peer;
    struct facts_kept *tls; /* counted; NULL: none */
    struct response_source source;
    struct trail trail;
    bool may_retry;     /* another try could end otherwise */
    bool is_repeatable; /* it would do no harm, though the server has had the request */
    struct arena arena;
    char address[WHARF_ADDRESS_SIZE];
    char why[RESPONSE_WHY_SIZE];
    char memory[RESPONSE_INLINE_BYTES];
};

/* NULL without memory: use response_out_of_memory. */
struct wharf_response *response_new(void);
wharf_response *response_out_of_memory(void);
/* The attempt under way came to `rc`, the last failure recorded if it is one, and another one follows: notes it in the trail. */
void response_close_attempt(struct wharf_response *response, int rc);
/* Forgets head, body and failure, for the next attempt. The source must have ended, and the attempt have been closed. */
void response_reset(struct wharf_response *response);

/* Takes over a parsed final head, whose `len` bytes start at `bytes`: copied, so the connection may go on. 0 or
 * -ENOMEM. */
int response_take_head(struct wharf_response *response, const struct h1_response *head, const char *bytes,
                       size_t len);
/* Keeps what TLS has agreed on, if there is any. 0 or -ENOMEM (recorded). */
int response_take_tls(struct wharf_response *response, const struct stream *stream);
void response_take_peer(struct wharf_response *response, const struct address *peer);

/* Carries the failure that was recorded last: code and sentence. Gives up what is left of the body. Returns the code. */
int response_fail(struct wharf_response *response, int code);

/* The address that answered, or NULL. */
const struct address *response_peer(const struct wharf_response *response);
struct place response_place(const struct wharf_response *response);

#endif
