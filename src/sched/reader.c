/* Lines and other delimited pieces of a descriptor or a file, read ahead into memory of the caller. */
#include <errno.h>
#include <string.h>

#include "base/failure.h"
#include "base/text.h"
#include "sched/internal.h"
#include "wharf/os.h"

/* What is in wharf_reader. */
struct reader {
    char *buffer;
    size_t size, start, end; /* [start, end) is read and not yet given out */
    wharf_file file;         /* when fd is negative */
    int fd;
};

_Static_assert(sizeof(struct reader) <= sizeof(wharf_reader), "struct reader outgrew its public storage");

static struct reader *reader_of(wharf_reader *storage) {
    return (struct reader *)(void *)storage;
}

void wharf_reader_init(wharf_reader *storage, int fd, void *buffer, size_t size) {
    *reader_of(storage) = (struct reader){.buffer = buffer, .size = size, .fd = fd};
}

void wharf_reader_init_file(wharf_reader *storage, wharf_file file, void *buffer, size_t size) {
    *reader_of(storage) = (struct reader){.buffer = buffer, .size = size, .file = file, .fd = -1};
}

/* More bytes behind those that are there; 0 at the end. */
static ssize_t reader_fill(struct reader *reader) {
    if (reader->start > 0) {
        memmove(reader->buffer, reader->buffer + reader->start, reader->end - reader->start);
        reader->end -= reader->start;
        reader->start = 0;
    }
    if (reader->end == reader->size) {
        return fail(-EMSGSIZE, "read", NULL, "no delimiter within %zu bytes", reader->size);
    }
    char *at = reader->buffer + reader->end;
    size_t room = reader->size - reader->end;
    ssize_t n = reader->fd >= 0 ? wharf_read(reader->fd, at, room) : wharf_file_read(reader->file, at, room);
    reader->end += n > 0 ? (size_t)n : 0;
    return n;
}

static ssize_t reader_give(struct reader *reader, size_t len, wharf_str *ret_piece) {
    *ret_piece = (wharf_str){reader->buffer + reader->start, len};
    reader->start += len;
    return (ssize_t)len;
}

ssize_t wharf_read_until(wharf_reader *storage, const char *delimiter, wharf_str *ret_piece) {
    struct reader *reader = reader_of(storage);
    wharf_str needle = wharf_str_of(delimiter);
    if (needle.len == 0) {
        return -EINVAL;
    }
    size_t searched = 0;
    for (;;) {
        wharf_str view = {reader->buffer + reader->start, reader->end - reader->start};
        size_t len = str_find_end(view, searched, needle);
        if (len > 0) {
            return reader_give(reader, len, ret_piece);
        }
        searched = view.len;
        ssize_t n = reader_fill(reader);
        if (n < 0) {
            return n;
        }
        if (n == 0) {
            return reader_give(reader, reader->end - reader->start, ret_piece);
        }
    }
}

int wharf_read_line(wharf_reader *storage, wharf_str *ret_line) {
    wharf_str line;
    ssize_t len = wharf_read_until(storage, "\n", &line);
    if (len <= 0) {
        return (int)len;
    }
    line.len -= line.ptr[line.len - 1] == '\n' ? 1 : 0;
    line.len -= line.len > 0 && line.ptr[line.len - 1] == '\r' ? 1 : 0;
    *ret_line = line;
    return 1;
}
