/* Choosing what to answer by what the client prefers. */
#include "base/text.h"
#include "http/codec/negotiate.h"
#include "server/reply.h"

enum { OFFERS_MAX = 32 };

/* The offer that the client wants most, or NULL. Whoever asks makes the reply depend on that header, so Vary says so. */
static const char *choose(wharf_request *request, enum negotiation what, wharf_str header,
                          const char *const *offers) {
    wharf_str texts[OFFERS_MAX];
    size_t count = 0;
    while (count < OFFERS_MAX && offers[count] != NULL) {
        texts[count] = wharf_str_of(offers[count]);
        count++;
    }
    if (request->reply.stage == REPLY_NONE && reply_field(request, STR("Vary"), header) < 0) {
        return NULL;
    }
    ssize_t best = negotiate(&request->head.headers, what, texts, count);
    return best >= 0 ? offers[best] : NULL;
}

const char *wharf_request_accepts(wharf_request *request, const char *const *types) {
    return choose(request, NEGOTIATE_TYPE, STR("Accept"), types);
}

const char *wharf_request_language(wharf_request *request, const char *const *tags) {
    return choose(request, NEGOTIATE_LANGUAGE, STR("Accept-Language"), tags);
}
