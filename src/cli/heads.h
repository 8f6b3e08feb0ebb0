/* Shows the heads of a request and its response: exactly, for a file or pipe; or for a person, with secrets and
 * control characters hidden. */
#ifndef CLI_HEADS_H
#define CLI_HEADS_H

#include <stdbool.h>

#include "cli/output.h"
#include "wharf/client.h"

/* Writes status line, headers and an empty line as part of the output. 0 or a negative errno value. */
int heads_write_response(struct output *output, const wharf_response *response);

/* On standard error, each line after "> " or "< ". Credentials and cookies are shown as "[hidden]" unless
 * show_secrets. */
/* After "* ": what TLS has agreed on, if anything. */
void heads_print_tls(const wharf_response *response);
void heads_print_request(const wharf_response *response, bool show_secrets);
void heads_print_response(const wharf_response *response, bool show_secrets);

#endif
