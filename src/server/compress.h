/* Replies compressed on their way out (RFC 9110 section 8.4): which, how, and what their heads then say.
 *
 *      handler --write--> encoder --(a block)--> chunk --> wire
 *
 * An encoder's memory is its core's: few are kept for the next reply, and no more than limits.compressions are at work. */
#ifndef SERVER_COMPRESS_H
#define SERVER_COMPRESS_H

#include "http/coding/coding.h"
#include "server/request.h"

/* How a reply with this head is to be encoded. CODING_IDENTITY: not at all. *ret_varies: it depends on Accept-Encoding,
 * whatever came out. length: of the body; -1: unknown. */
enum coding compress_choose(const struct wharf_request *request, const struct reply_outline *outline,
                            bool *ret_varies);
/* Says so in the head: Content-Encoding, Vary, a tag that is weak. 0 or -ENOMEM. */
int compress_say(struct wharf_request *request, enum coding coding);
/* Vary alone, for what might have been encoded; status: 304 has the tag of the encoded one. */
int compress_vary(struct wharf_request *request, int status);

/* Takes an encoder. False: none can be had now, and the reply goes out as it is. */
bool compression_open(struct wharf_request *request, wharf_str content_type, enum coding coding);
void compression_close(struct wharf_request *request);

/* One piece of a whole body, before any of the reply is sent: encodes as much of *body as one block holds, and to the end
 * if it can. The block's bytes, valid until the next call; ptr NULL when memory ran out. */
wharf_str compression_first(struct wharf_request *request, wharf_str *body);
/* Encodes `bytes` and writes what comes out as chunks. Suspends. 0 or an error. */
int compression_write(struct wharf_request *request, enum encoder_step step, wharf_str bytes);
/* Whether every write is to arrive at once. */
bool compression_is_live(const struct wharf_request *request);

/* Frees the encoders that a core keeps. */
void compressors_free(struct core *core);

#endif
