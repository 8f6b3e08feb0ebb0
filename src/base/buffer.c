/* The byte queue. Memory is one block, allocated at the first append; consumed room is reclaimed by moving
 * the rest to the front when at least half of what is held has been consumed (so a byte is moved at most once
 * per byte consumed) or when the maximum leaves no other way. */
#include "base/buffer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum { BUFFER_CAPACITY_MIN = 256 };

/* What an empty buffer points at, so that its view is never NULL; capacity 0 says that it is not ours to
 * free. */
static char nothing[1];

void buffer_init(struct buffer *buffer, size_t bytes_max) {
    *buffer = (struct buffer){.data = nothing, .bytes_max = bytes_max};
}

void buffer_deinit(struct buffer *buffer) {
    if (buffer->capacity > 0) {
        mem_free(buffer->data);
    }
    buffer_init(buffer, buffer->bytes_max);
}

/* Replaces the block by one that holds at least `needed` bytes. One byte more than the capacity is allocated,
 * for the NUL that vsnprintf insists on. */
static int buffer_grow(struct buffer *buffer, size_t needed) {
    size_t len = buffer_len(buffer);
    size_t capacity = buffer->capacity < BUFFER_CAPACITY_MIN ? BUFFER_CAPACITY_MIN : buffer->capacity;
    while (capacity < needed && capacity <= buffer->bytes_max / 2) {
        capacity *= 2;
    }
    if (capacity < needed || capacity > buffer->bytes_max) {
        capacity = buffer->bytes_max;
    }
    char *data = mem_alloc(capacity + 1);
    if (data == NULL) {
        return -ENOMEM;
    }
    if (len > 0) {
        memcpy(data, buffer->data + buffer->start, len);
    }
    if (buffer->capacity > 0) {
        mem_free(buffer->data);
    }
    buffer->data = data;
    buffer->capacity = capacity;
    buffer->start = 0;
    buffer->end = len;
    return 0;
}

int buffer_reserve(struct buffer *buffer, size_t size) {
    if (buffer->capacity - buffer->end >= size) {
        return 0;
    }
    size_t len = buffer_len(buffer);
    if (size > buffer->bytes_max || len > buffer->bytes_max - size) {
        return -WHARF_ELIMIT;
    }
    size_t needed = len + size;
    bool move_is_cheap = buffer->start >= len || buffer->capacity >= buffer->bytes_max;
    if (needed > buffer->capacity || !move_is_cheap) {
        size_t grown = buffer->capacity <= SIZE_MAX / 2 ? buffer->capacity * 2 : SIZE_MAX;
        return buffer_grow(buffer, needed > buffer->capacity ? needed : grown);
    }
    memmove(buffer->data, buffer->data + buffer->start, len);
    buffer->start = 0;
    buffer->end = len;
    return 0;
}

int buffer_append(struct buffer *buffer, const void *bytes, size_t len) {
    int status = buffer_reserve(buffer, len);
    if (status < 0) {
        return status;
    }
    if (len > 0) {
        memcpy(buffer->data + buffer->end, bytes, len);
        buffer->end += len;
    }
    return 0;
}

int buffer_append_str(struct buffer *buffer, wharf_str text) {
    return buffer_append(buffer, text.ptr, text.len);
}

int buffer_printf(struct buffer *buffer, const char *format, ...) {
    va_list arguments;
    size_t room = buffer->capacity - buffer->end;
    va_start(arguments, format);
    int len = vsnprintf(buffer->capacity > 0 ? buffer->data + buffer->end : NULL,
                        buffer->capacity > 0 ? room + 1 : 0, format, arguments);
    va_end(arguments);
    if (len < 0) {
        return -EINVAL;
    }
    if (buffer->capacity == 0 || (size_t)len > room) {
        int status = buffer_reserve(buffer, (size_t)len);
        if (status < 0 || len == 0) {
            return status;
        }
        va_start(arguments, format);
        (void)vsnprintf(buffer->data + buffer->end, (size_t)len + 1, format, arguments);
        va_end(arguments);
    }
    buffer->end += (size_t)len;
    return 0;
}

void buffer_consume(struct buffer *buffer, size_t len) {
    buffer->start += len;
    if (buffer->start >= buffer->end) {
        buffer->start = 0;
        buffer->end = 0;
    }
}

void buffer_clear(struct buffer *buffer) {
    buffer->start = 0;
    buffer->end = 0;
}
