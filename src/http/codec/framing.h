/* What the fields of a head mean for the message and the connection: Host, Content-Length, Transfer-Encoding,
 * Connection, Expect, Upgrade. Inside the codec only. */
#ifndef HTTP_CODEC_FRAMING_H
#define HTTP_CODEC_FRAMING_H

#include "http/codec/start_line.h"

/* Fill host, framing, content_length, keep_alive, expect_continue and upgrade. 0 or a negative code. */
int framing_of_request(const struct head_parse *parse);
int framing_of_response(const struct head_parse *parse, enum h1_method request_method);

#endif
