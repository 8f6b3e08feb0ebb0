/* Failures of a fetch: what the layers below recorded does not know the request, so the place is put in here. */
#ifndef CLIENT_WHY_H
#define CLIENT_WHY_H

#include "base/failure.h"
#include "http/codec/reason.h"
#include "net/address.h"

/* Where it happened. */
struct place {
    const char *url;            /* without secrets */
    const struct address *peer; /* NULL: none yet */
    const struct h1_limits *limits;
};

/* Records a failure at a place and returns its code. format may be NULL. */
int why_fail(int code, const char *phase, const struct place *place, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The same for what the codec refused: its sentence, reason code and rule, or the setting that was exceeded. */
int why_refused(int code, const char *phase, const struct place *place, const struct h1_error *error);
/* Adds to the detail of the failure that the layer below has just recorded; "" adds nothing. */
void why_add(const char *detail);

#endif
