/* What a fetch went through, drawn: a line for each attempt, with the time that each step took, and what to make of the end. */
#ifndef CLI_EXPLAIN_H
#define CLI_EXPLAIN_H

#include "wharf/client.h"

/* To standard error. */
void explain_print(const wharf_response *response);

#endif
