/* A file's bytes on the wire. Few leave in one write together with their head; many go from the page cache to the socket;
 * several ranges are the parts of one body (RFC 9110 section 14.6). */
#include "server/file.h"

#include <errno.h>

#include "base/number.h"
#include "base/text.h"
#include "sched/io.h"
#include "sched/sched.h"
#include "server/extras.h"
#include "server/reply.h"

enum {
    SMALL_MAX = 32 * 1024, /* bytes that are read rather than sent by the kernel */
    HEAD_ROOM = 2048       /* what a head of a file takes, a handler's own header lines apart */
};

static int file_read(const struct file *file, int64_t offset, char *out, size_t len) {
    size_t done = 0;
    while (done < len) {
        ssize_t count = fd_pread(file->fd, out + done, len - done, offset + (int64_t)done);
        if (count <= 0) {
            return count == 0 ? -WHARF_ECHANGED : (int)count;
        }
        done += (size_t)count;
    }
    return 0;
}

/* Head and body in the output, or the body beside it: one write. Nothing was sent when reading fails. */
static int file_send_small(struct wharf_request *request, const struct file *file, int status,
                           const struct range *range) {
    struct wire *wire = &request->wire;
    size_t len = (size_t)(range->last - range->first) + 1;
    int rc = 0;
    if (HEAD_ROOM + request->reply.fields_len + len > BLOCK_SIZE) {
        char *bytes = arena_alloc(&request->arena, len);
        rc = bytes == NULL ? -ENOMEM : file_read(file, (int64_t)range->first, bytes, len);
        return rc < 0 ? rc : reply_whole(request, status, file->type, (wharf_str){bytes, len});
    }
    if (wire_room(wire, HEAD_ROOM + request->reply.fields_len + len, &rc) == NULL) {
        return rc;
    }
    size_t before = wire->output_len;
    rc = reply_head(request, status, file->type, (int64_t)len);
    if (rc < 0) {
        return rc;
    }
    rc = file_read(file, (int64_t)range->first, wire->output + wire->output_len, len);
    if (rc < 0) {
        wire->output_len = before;
        request->reply.stage = REPLY_NONE;
        return rc;
    }
    wire_wrote(wire, len);
    request->reply.written = len;
    request->reply.stage = REPLY_DONE;
    return 0;
}

static int file_send_large(struct wharf_request *request, const struct file *file, int status,
                           const struct range *range) {
    struct reply *reply = &request->reply;
    int64_t len = (int64_t)(range->last - range->first) + 1;
    int rc = reply_head(request, status, file->type, len);
    if (rc < 0) {
        return rc;
    }
    reply->stage = REPLY_DONE;
    if (!reply_has_body(request)) {
        return 0;
    }
    int64_t before = request->wire.sent + (int64_t)request->wire.output_len;
    rc = wire_send_file(&request->wire, file->fd, (int64_t)range->first, len);
    int64_t written = request->wire.sent - before;
    reply->written = written > 0 ? (uint64_t)written : 0;
    reply->broken = rc < 0;
    return rc;
}

/* Through an encoder: the bytes pass through this process. The first read is before the head, which it may prevent. */
static int file_send_encoded(struct wharf_request *request, const struct file *file) {
    int64_t size = file->stat.st_size;
    char *block = block_get();
    size_t len = size < BLOCK_SIZE ? (size_t)size : BLOCK_SIZE;
    int rc = block == NULL ? -ENOMEM : file_read(file, 0, block, len);
    if (rc == 0 && len == (size_t)size) {
        rc = reply_whole(request, 200, file->type, (wharf_str){block, len});
        block_put(block);
        return rc;
    }
    rc = rc < 0 ? rc : reply_head(request, 200, file->type, size);
    for (int64_t offset = 0; rc == 0 && offset < size; offset += (int64_t)len) {
        int64_t left = size - offset;
        len = left < BLOCK_SIZE ? (size_t)left : BLOCK_SIZE;
        rc = offset > 0 ? file_read(file, offset, block, len) : 0;
        rc = rc < 0 ? rc : reply_write(request, (wharf_str){block, len});
    }
    if (block != NULL) {
        block_put(block);
    }
    bool is_begun = request->reply.stage != REPLY_NONE;
    request->reply.broken |= is_begun && rc < 0;
    return rc < 0 || !is_begun ? rc : reply_finish(request);
}

/* Whether this reply, a whole file, is to be compressed on its way. */
static bool file_is_encoded(const struct wharf_request *request, const struct file *file, int status) {
    bool varies = false;
    const struct reply_outline outline = {status, file->type, file->stat.st_size};
    return request->extras != NULL && request->head.method != H1_METHOD_HEAD && status == 200 &&
           compress_choose(request, &outline, &varies) != CODING_IDENTITY;
}

int file_send(struct wharf_request *request, const struct file *file, int status, const struct range *range) {
    uint64_t len = range->last - range->first + 1; /* 0 for an empty file */
    if (len == 0) {
        return reply_whole(request, status, file->type, (wharf_str){NULL, 0});
    }
    if (UNLIKELY(file_is_encoded(request, file, status))) {
        return file_send_encoded(request, file);
    }
    bool small = len <= SMALL_MAX && request->head.method != H1_METHOD_HEAD;
    return small ? file_send_small(request, file, status, range)
                 : file_send_large(request, file, status, range);
}

/* ---- several ranges ---- */

enum { BOUNDARY_LEN = 24, PART_SMALL_MAX = 4096 };

/* A body of parts: each begins with a head, and `last` ends it. */
struct parts {
    wharf_str heads[RANGE_COUNT_MAX];
    wharf_str last;
    int64_t length; /* of the body */
};

/* Letters that no content has by accident. */
static void boundary_make(char *out) {
    static const char LETTERS[] = "0123456789abcdef";
    uint8_t bytes[BOUNDARY_LEN];
    sched_random_bytes(bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        out[i] = LETTERS[bytes[i] & 15];
    }
}

static int parts_make(struct wharf_request *request, const struct file *file, const struct range_set *set,
                      struct parts *parts, wharf_str boundary) {
    struct arena *arena = &request->arena;
    parts->last = arena_printf(arena, "\r\n--%.*s--\r\n", WHARF_STR_ARG(boundary));
    parts->length = (int64_t)parts->last.len;
    for (size_t i = 0; i < set->count; i++) {
        const struct range *range = &set->at[i];
        char content_range[RANGE_CONTENT_SIZE];
        size_t len = range_format_content(range, (uint64_t)file->stat.st_size, content_range);
        parts->heads[i] = arena_printf(arena, "%s--%.*s\r\nContent-Type: %.*s\r\nContent-Range: %.*s\r\n\r\n",
                                       i > 0 ? "\r\n" : "", WHARF_STR_ARG(boundary),
                                       WHARF_STR_ARG(file->type), (int)len, content_range);
        parts->length += (int64_t)parts->heads[i].len + (int64_t)(range->last - range->first) + 1;
    }
    return arena->failed ? -ENOMEM : 0;
}

static int part_send(struct wharf_request *request, const struct file *file, wharf_str head,
                     const struct range *range) {
    uint64_t len = range->last - range->first + 1;
    int rc = wire_write_str(&request->wire, head);
    if (rc < 0) {
        return rc;
    }
    if (len > PART_SMALL_MAX) {
        return wire_send_file(&request->wire, file->fd, (int64_t)range->first, (int64_t)len);
    }
    char *room = wire_room(&request->wire, len, &rc);
    rc = room == NULL ? rc : file_read(file, (int64_t)range->first, room, len);
    if (rc == 0) {
        wire_wrote(&request->wire, len);
    }
    return rc;
}

int file_send_parts(struct wharf_request *request, const struct file *file, const struct range_set *set) {
    struct parts parts = {.length = 0};
    char boundary[BOUNDARY_LEN];
    boundary_make(boundary);
    wharf_str type = arena_printf(&request->arena, "multipart/byteranges; boundary=%.*s", BOUNDARY_LEN,
                                  boundary);
    int rc = parts_make(request, file, set, &parts, (wharf_str){boundary, BOUNDARY_LEN});
    rc = rc < 0 ? rc : reply_head(request, 206, type, parts.length);
    if (rc < 0) {
        return rc;
    }
    struct reply *reply = &request->reply;
    reply->stage = REPLY_DONE;
    for (size_t i = 0; i < set->count && rc == 0; i++) {
        rc = part_send(request, file, parts.heads[i], &set->at[i]);
    }
    rc = rc < 0 ? rc : wire_write_str(&request->wire, parts.last);
    reply->written = rc < 0 ? 0 : (uint64_t)parts.length;
    reply->broken = rc < 0;
    return rc;
}
