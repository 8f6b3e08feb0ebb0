/* The page of `wharf serve --welcome`. */
#ifndef CLI_WELCOME_H
#define CLI_WELCOME_H

#include "wharf/server.h"

/* Adds the page at / to a server. 0 or the error. */
int welcome_add(wharf_server *server);

#endif
