/* A regular file as a reply (RFC 9110 sections 8.8, 13 and 14). Small files leave in one write together with their
 * head; large ones go from the page cache to the socket. */
#include "server/file.h"

#include <errno.h>
#include <unistd.h>

#include "base/number.h"
#include "base/text.h"
#include "http/codec/conditional.h"
#include "http/codec/date.h"
#include "http/codec/mime.h"
#include "http/codec/range.h"
#include "sched/io.h"
#include "server/reply.h"
#include "server/tree.h"
#include "wharf/task.h"

enum {
    SMALL_MAX = 32 * 1024, /* bytes that are read rather than sent by the kernel */
    HEAD_ROOM = 2048,      /* what a head of a file takes, a handler's own header lines apart */
    STEADY_SECONDS = 2,    /* a file that changed more recently may change again within its time stamp */
    ETAG_SIZE = 64
};

/* What is said about the file. */
struct validators {
    char etag_text[ETAG_SIZE];
    struct etag etag;
    size_t etag_len; /* of the whole, with W/; 0: none */
    char date[DATE_LEN];
    struct conditional_state state;
};

/* "mtime-size-inode" in hexadecimal. A file from a store without times (0 or 1 second) has no validators. */
static void validators_make(struct validators *validators, const struct stat *stat) {
    int64_t now = sched_wall_seconds();
    int64_t seconds = stat->st_mtim.tv_sec;
    *validators = (struct validators){.state = {.exists = true, .now = now}};
    if (seconds == 0 || seconds == 1) {
        return;
    }
    bool weak = seconds > now - STEADY_SECONDS;
    char *out = validators->etag_text;
    if (weak) {
        *out++ = 'W';
        *out++ = '/';
    }
    char *opaque = out;
    *out++ = '"';
    out += number_format_hex((uint64_t)seconds * 1000000000 + (uint64_t)stat->st_mtim.tv_nsec, out);
    *out++ = '-';
    out += number_format_hex((uint64_t)stat->st_size, out);
    *out++ = '-';
    out += number_format_hex((uint64_t)stat->st_ino, out);
    *out++ = '"';
    validators->etag_len = (size_t)(out - validators->etag_text);
    validators->etag = (struct etag){.opaque = {opaque, (size_t)(out - opaque)}, .is_weak = weak};
    validators->state.etag = &validators->etag;
    validators->state.has_last_modified = true;
    validators->state.last_modified = seconds < now ? seconds : now;
    date_format(validators->state.last_modified, validators->date);
}

/* A header's value; several lines of it are joined. */
static wharf_str file_header(struct wharf_request *request, enum header_id id) {
    const struct headers *headers = &request->head.headers;
    const struct header *header = headers_find(headers, id);
    wharf_str value = header != NULL ? header->value : (wharf_str){NULL, 0};
    while (header != NULL) {
        header = headers_next(headers, header);
        if (header != NULL) {
            value = arena_printf(&request->arena, "%.*s, %.*s", WHARF_STR_ARG(value),
                                 WHARF_STR_ARG(header->value));
        }
    }
    return value;
}

static enum conditional_result file_condition(struct wharf_request *request,
                                              const struct validators *validators) {
    enum h1_method method = request->head.method;
    struct conditional_headers conditions = {
        .if_match = file_header(request, HEADER_IF_MATCH),
        .if_unmodified_since = file_header(request, HEADER_IF_UNMODIFIED_SINCE),
        .if_none_match = file_header(request, HEADER_IF_NONE_MATCH),
        .if_modified_since = file_header(request, HEADER_IF_MODIFIED_SINCE),
    };
    return conditional_evaluate(method == H1_METHOD_GET || method == H1_METHOD_HEAD, &conditions,
                                &validators->state);
}

/* A header line unless the handler has set it. */
static int file_field(struct wharf_request *request, enum header_id id, wharf_str value) {
    if (value.len == 0 || (request->reply.names >> id & 1) != 0) {
        return 0;
    }
    return reply_field(request, header_name(id), value);
}

static int file_fields(struct wharf_request *request, const struct file *file,
                       const struct validators *validators) {
    int rc = file_field(request, HEADER_ETAG, (wharf_str){validators->etag_text, validators->etag_len});
    if (rc == 0 && validators->state.has_last_modified) {
        rc = file_field(request, HEADER_LAST_MODIFIED, (wharf_str){validators->date, DATE_LEN});
    }
    rc = rc == 0 ? file_field(request, HEADER_CACHE_CONTROL, file->cache_control) : rc;
    rc = rc == 0 ? file_field(request, HEADER_ACCEPT_RANGES, STR("bytes")) : rc;
    return rc == 0 ? reply_field(request, STR("X-Content-Type-Options"), STR("nosniff")) : rc;
}

/* Which part is asked for: all of it unless *ret_partial. -ERANGE when there is no such part. */
static int file_range(struct wharf_request *request, const struct file *file,
                      const struct validators *validators, struct range *ret_range, bool *ret_partial) {
    uint64_t size = (uint64_t)file->stat.st_size;
    *ret_range = (struct range){0, size - 1};
    *ret_partial = false;
    if (request->head.method != H1_METHOD_GET || !headers_has(&request->head.headers, HEADER_RANGE)) {
        return 0;
    }
    if (!conditional_allows_range(file_header(request, HEADER_IF_RANGE), &validators->state)) {
        return 0;
    }
    struct range_set set;
    range_parse(file_header(request, HEADER_RANGE), size, &set);
    if (set.kind == RANGE_UNSATISFIABLE) {
        return -ERANGE;
    }
    if (set.kind == RANGE_SATISFIABLE && set.count == 1) {
        *ret_range = set.at[0];
        *ret_partial = true;
    }
    return 0;
}

/* ---- bytes ---- */

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
    wharf_str type = mime_type(file->name);
    int rc = 0;
    if (HEAD_ROOM + request->reply.fields_len + len > BLOCK_SIZE) {
        char *bytes = arena_alloc(&request->arena, len);
        rc = bytes == NULL ? -ENOMEM : file_read(file, (int64_t)range->first, bytes, len);
        return rc < 0 ? rc : reply_whole(request, status, type, (wharf_str){bytes, len});
    }
    if (wire_room(wire, HEAD_ROOM + request->reply.fields_len + len, &rc) == NULL) {
        return rc;
    }
    size_t before = wire->output_len;
    rc = reply_head(request, status, type, (int64_t)len);
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
    int rc = reply_head(request, status, mime_type(file->name), len);
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

static int file_send(struct wharf_request *request, const struct file *file, int status,
                     const struct range *range) {
    uint64_t len = range->last - range->first + 1; /* 0 for an empty file */
    if (len == 0) {
        return reply_whole(request, status, mime_type(file->name), (wharf_str){NULL, 0});
    }
    bool small = len <= SMALL_MAX && request->head.method != H1_METHOD_HEAD;
    return small ? file_send_small(request, file, status, range)
                 : file_send_large(request, file, status, range);
}

static int file_refuse_range(struct wharf_request *request, const struct file *file) {
    char content_range[RANGE_CONTENT_SIZE];
    size_t len = range_format_content(NULL, (uint64_t)file->stat.st_size, content_range);
    int rc = reply_field(request, header_name(HEADER_CONTENT_RANGE), (wharf_str){content_range, len});
    return rc < 0 ? rc : refuse(request, 416, "http.range.unsatisfiable");
}

int file_reply(struct wharf_request *request, const struct file *file) {
    struct validators validators;
    validators_make(&validators, &file->stat);
    enum conditional_result condition = file_condition(request, &validators);
    if (condition == CONDITIONAL_FAILED) {
        return refuse(request, 412, "http.precondition.failed");
    }
    struct range range;
    bool partial = false;
    int rc = condition == CONDITIONAL_PROCEED ? file_range(request, file, &validators, &range, &partial) : 0;
    if (rc == -ERANGE) {
        return file_refuse_range(request, file);
    }
    rc = file_fields(request, file, &validators);
    if (rc == 0 && partial) {
        char content_range[RANGE_CONTENT_SIZE];
        size_t len = range_format_content(&range, (uint64_t)file->stat.st_size, content_range);
        rc = reply_field(request, header_name(HEADER_CONTENT_RANGE), (wharf_str){content_range, len});
    }
    if (rc < 0) {
        return rc;
    }
    if (condition == CONDITIONAL_NOT_MODIFIED) {
        return reply_whole(request, 304, (wharf_str){NULL, 0}, (wharf_str){NULL, 0});
    }
    return file_send(request, file, partial ? 206 : 200, &range);
}

int wharf_reply_file(wharf_request *request, const char *path) {
    if (request->reply.stage != REPLY_NONE) {
        return -EALREADY;
    }
    int rc = wharf_check();
    if (rc < 0) {
        return rc;
    }
    int fd = tree_open_path(path);
    if (fd < 0) {
        return fail(fd, "open", path, NULL);
    }
    struct file file = {.fd = fd, .name = wharf_str_of(path)};
    rc = fstat(fd, &file.stat) < 0 ? -errno : 0;
    if (rc == 0 && !S_ISREG(file.stat.st_mode)) {
        rc = S_ISDIR(file.stat.st_mode) ? -EISDIR : -ENOENT;
    }
    rc = rc == 0 ? file_reply(request, &file) : fail(rc, "open", path, NULL);
    close(fd);
    return rc;
}
