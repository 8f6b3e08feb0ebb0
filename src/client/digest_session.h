/* Digest authentication with one origin (RFC 7616): the server's last challenge, and how often it has been answered. */
#ifndef CLIENT_DIGEST_SESSION_H
#define CLIENT_DIGEST_SESSION_H

#include "base/buffer.h"
#include "http/codec/challenge.h"
#include "tls/digest.h"

enum digest_qop { QOP_NONE, QOP_AUTH, QOP_AUTH_INT };

struct digest_session {
    enum digest_kind kind;
    bool is_session; /* the algorithm ends in -sess */
    bool offers_auth, offers_auth_int;
    bool hashes_user;
    bool is_utf8;
    uint32_t count; /* answers with this nonce */
    wharf_str origin, realm, nonce, opaque, algorithm;
    struct arena arena; /* holds the texts */
};

/* What an answer is made of. */
struct digest_question {
    wharf_str user, password;
    wharf_str method, uri;
    const char *body; /* the digest of the body, by the session's algorithm; NULL: it cannot be told */
};

/* From a challenge. NULL without memory, or when the challenge is not one that can be answered. */
struct digest_session *digest_session_new(const struct challenge *challenge, wharf_str origin);
void digest_session_free(struct digest_session *session); /* NULL is fine */
/* How good the algorithm is: larger is better; 0: unknown. */
int digest_session_rank(const struct digest_session *session);
/* Which protection the answer will have; `has_body`: its digest can be told. */
enum digest_qop digest_session_qop(const struct digest_session *session, bool has_body);
/* Appends "Digest username=..." and counts. 0, -ENOMEM, -WHARF_ELIMIT, or -EPROTO: the server wants the body protected, and
 * its digest cannot be told. */
int digest_session_answer(struct digest_session *session, const struct digest_question *question,
                          struct buffer *out);

#endif
