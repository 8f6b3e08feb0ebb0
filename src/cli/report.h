/* --report json: one object for each URL, on standard error. */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "wharf/client.h"

/* code: the exit code that it comes to. */
void report_json(const wharf_response *response, int code);

#endif
