/* A request that is printed instead of sent. */
#ifndef CLIENT_OFFLINE_H
#define CLIENT_OFFLINE_H

#include "client/fetch.h"

/* Gives the request of where the fetch stands to options.print. 0, or a recorded failure. May suspend. */
int offline_print(struct fetch *fetch);

#endif
