/* wharf/sync.h - how tasks talk: channels.
 *
 *     wharf_chan results = wharf_chan_new(sizeof(int), 10);
 *     wharf_put(results, &answer);               // suspends while ten are waiting
 *     while (wharf_take(results, &answer) > 0) { ... }
 *
 * A channel belongs to the core that made it.
 */
#ifndef WHARF_SYNC_H
#define WHARF_SYNC_H

#include "wharf/base.h"

WHARF_BEGIN

/** A channel of fixed-size elements, by value. */
typedef struct wharf_chan {
    int64_t id;
} wharf_chan;

/** Makes a channel. element_bytes: 1 to 65536. capacity: elements it holds before a put waits, 0 to
 * 1,048,576; 0: a put waits for its taker. Does not suspend. Errors (in the handle): -ENOMEM, -EINVAL. */
WHARF_API WHARF_MUST_USE wharf_chan wharf_chan_new(size_t element_bytes, size_t capacity);

/** Puts a copy of *element into the channel, in the order of asking. Suspends while it is full.
 *  Errors: -EPIPE (closed), -EBADF (freed), -EXDEV (another core's), -ECANCELED, -ETIMEDOUT; after any of
 * these the element was not taken. */
WHARF_API int wharf_put(wharf_chan chan, const void *element);

/** Takes the next element into *ret_element. Suspends while there is none. Returns 1, or 0 when the channel
 * is closed and empty; *ret_element is untouched unless 1 is returned, and no element is lost by a failure.
 *  Errors: -EBADF, -EXDEV, -ECANCELED, -ETIMEDOUT. */
WHARF_API int wharf_take(wharf_chan chan, void *ret_element);

/** No more puts: those waiting fail with -EPIPE, takers get what is left, then 0. Does not suspend.
 *  Errors: -EINVAL (closed before), -EBADF, -EXDEV. */
WHARF_API int wharf_chan_close(wharf_chan chan);

/** Frees the channel and what it holds; whoever waits on it fails with -EBADF. Does not suspend. */
WHARF_API int wharf_chan_free(wharf_chan chan);

WHARF_END

#endif
