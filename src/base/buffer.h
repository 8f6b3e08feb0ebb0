/* A byte queue with a maximum: bytes are appended at the end and consumed at the start.
 *
 *      data        start            end              capacity
 *      |  consumed |    readable    |    writable    |           capacity <= bytes_max
 */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stddef.h>
#include <stdint.h>

#include "wharf/base.h"

struct buffer {
    char *data;
    size_t start, end, capacity;
    size_t bytes_max;
};

void buffer_init(struct buffer *buffer, size_t bytes_max);
void buffer_deinit(struct buffer *buffer);
static inline size_t buffer_len(const struct buffer *buffer) {
    return buffer->end - buffer->start;
}
static inline wharf_str buffer_view(const struct buffer *buffer) {
    wharf_str view = {buffer->data + buffer->start, buffer->end - buffer->start};
    return view;
}
/* Makes at least `size` writable bytes behind the end; moves or grows. 0, -ENOMEM, or -WHARF_ELIMIT past
 * bytes_max. */
int buffer_reserve(struct buffer *buffer, size_t size);
/* 0, -ENOMEM or -WHARF_ELIMIT; the buffer is untouched on failure. */
int buffer_append(struct buffer *buffer, const void *bytes, size_t len);
int buffer_append_str(struct buffer *buffer, wharf_str text);
int buffer_printf(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buffer_consume(struct buffer *buffer, size_t len);
void buffer_clear(struct buffer *buffer);

#endif
