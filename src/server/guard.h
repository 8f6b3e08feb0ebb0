/* What stands before the handlers of a group and lets only known clients in: wharf_group_guard(). */
#ifndef SERVER_GUARD_H
#define SERVER_GUARD_H

#include "server/request.h"

struct guard;

/* NULL is fine. */
void guard_free(struct guard *guard);

enum { GUARD_PASSED = 1 };
/* Finds out who the client is, and whether it may. GUARD_PASSED; 0: it was answered; or an error. Suspends. */
int guard_check(const struct guard *guard, struct wharf_request *request);

#endif
