/* Options as programs give them, made definite: every limit of the client is a row of one table in options.c. */
#ifndef CLIENT_OPTIONS_H
#define CLIENT_OPTIONS_H

#include <stdint.h>

#include "http/codec/reason.h"
#include "wharf/client.h"

/* Copies an options struct that may come from a program built with an older or newer Wharf: what it does not have is
 * zero, what we do not know is left out. Both begin with their size. 0, or -EINVAL (recorded) when the size is no
 * sensible one. */
int client_options_copy(void *ret_options, size_t size, const void *options, const char *type_name);

/* Limits of a request over those of its client over the built-in ones. In the result a time is in milliseconds or
 * WHARF_OFF, a number is at least 1 (`redirects`: WHARF_OFF means none are followed), and "none" is the table's
 * maximum. 0, or -EINVAL (recorded, naming the setting). */
int client_limits_resolve(const wharf_client_limits *request, const wharf_client_limits *client,
                          wharf_client_limits *ret_limits);

/* The limits of the codec that follow from them. */
void client_limits_codec(const wharf_client_limits *limits, struct h1_limits *ret_limits);

/* The setting behind a limit that the codec names, with its value, for errors: "limits.head_bytes is 262144". out: at
 * least CLIENT_LIMIT_TEXT_SIZE bytes. */
enum { CLIENT_LIMIT_TEXT_SIZE = 64 };
const char *client_limits_explain(const struct h1_limits *limits, const char *codec_name, char *out);

#endif
