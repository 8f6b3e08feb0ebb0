/* A regular file as a reply (RFC 9110 sections 8.8, 13 and 14): what is said about it, whether it is sent, and which parts. */
#include "server/file.h"

#include <errno.h>
#include <unistd.h>

#include "base/number.h"
#include "base/text.h"
#include "http/codec/conditional.h"
#include "http/codec/date.h"
#include "http/codec/mime.h"
#include "http/codec/range.h"
#include "server/reply.h"
#include "server/tree.h"
#include "wharf/task.h"

enum { STEADY_SECONDS = 2 }; /* a file that changed more recently may change again within its time stamp */

/* "mtime-size-inode" in hexadecimal. A file from a store without times (0 or 1 second) has no validators. */
void file_validators(struct file_validators *validators, const struct stat *stat) {
    int64_t now = sched_wall_seconds();
    int64_t seconds = stat->st_mtim.tv_sec;
    *validators = (struct file_validators){.state = {.exists = true, .now = now}};
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
                                              const struct file_validators *validators) {
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
                       const struct file_validators *validators) {
    int rc = file_field(request, HEADER_ETAG, (wharf_str){validators->etag_text, validators->etag_len});
    if (rc == 0 && validators->state.has_last_modified) {
        rc = file_field(request, HEADER_LAST_MODIFIED, (wharf_str){validators->date, DATE_LEN});
    }
    rc = rc == 0 ? file_field(request, HEADER_CACHE_CONTROL, file->cache_control) : rc;
    rc = rc == 0 ? file_field(request, HEADER_ACCEPT_RANGES, STR("bytes")) : rc;
    rc = rc == 0 ? file_field(request, HEADER_CONTENT_ENCODING, file->coding) : rc;
    if (rc == 0 && file->has_codings) {
        rc = reply_field(request, header_name(HEADER_VARY), header_name(HEADER_ACCEPT_ENCODING));
    }
    return rc == 0 ? reply_field(request, STR("X-Content-Type-Options"), STR("nosniff")) : rc;
}

/* Which parts are asked for; RANGE_ABSENT and RANGE_IGNORED: all of it. */
static void file_ranges(struct wharf_request *request, const struct file *file,
                        const struct file_validators *validators, struct range_set *ret_set) {
    bool asked = request->head.method == H1_METHOD_GET && headers_has(&request->head.headers, HEADER_RANGE);
    if (!asked || !conditional_allows_range(file_header(request, HEADER_IF_RANGE), &validators->state)) {
        ret_set->kind = RANGE_ABSENT;
        ret_set->count = 0;
        return;
    }
    range_parse(file_header(request, HEADER_RANGE), (uint64_t)file->stat.st_size, ret_set);
    if (ret_set->count > 1 && (request->reply.names >> HEADER_CONTENT_TYPE & 1) != 0) {
        ret_set->kind = RANGE_IGNORED; /* the type that a handler has set is not that of several parts */
    }
}

static int file_refuse_range(struct wharf_request *request, const struct file *file) {
    char content_range[RANGE_CONTENT_SIZE];
    size_t len = range_format_content(NULL, (uint64_t)file->stat.st_size, content_range);
    int rc = reply_field(request, header_name(HEADER_CONTENT_RANGE), (wharf_str){content_range, len});
    return rc < 0 ? rc : refuse(request, 416, "http.range.unsatisfiable");
}

static int file_reply_ranges(struct wharf_request *request, const struct file *file,
                             const struct range_set *set) {
    uint64_t size = (uint64_t)file->stat.st_size;
    if (set->kind != RANGE_SATISFIABLE) {
        return file_send(request, file, 200, &(struct range){0, size - 1});
    }
    if (set->count > 1) {
        return file_send_parts(request, file, set);
    }
    char content_range[RANGE_CONTENT_SIZE];
    size_t len = range_format_content(&set->at[0], size, content_range);
    int rc = reply_field(request, header_name(HEADER_CONTENT_RANGE), (wharf_str){content_range, len});
    return rc < 0 ? rc : file_send(request, file, 206, &set->at[0]);
}

int file_reply(struct wharf_request *request, const struct file *file) {
    struct file_validators validators;
    file_validators(&validators, &file->stat);
    enum conditional_result condition = file_condition(request, &validators);
    if (condition == CONDITIONAL_FAILED) {
        return refuse(request, 412, "http.precondition.failed");
    }
    struct range_set set = {.kind = RANGE_ABSENT};
    if (condition == CONDITIONAL_PROCEED) {
        file_ranges(request, file, &validators, &set);
    }
    if (set.kind == RANGE_UNSATISFIABLE) {
        return file_refuse_range(request, file);
    }
    int rc = file_fields(request, file, &validators);
    if (rc < 0) {
        return rc;
    }
    if (condition == CONDITIONAL_NOT_MODIFIED) {
        return reply_whole(request, 304, (wharf_str){NULL, 0}, (wharf_str){NULL, 0});
    }
    return file_reply_ranges(request, file, &set);
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
    struct file file = {.fd = fd, .type = mime_type(wharf_str_of(path))};
    rc = fstat(fd, &file.stat) < 0 ? -errno : 0;
    if (rc == 0 && !S_ISREG(file.stat.st_mode)) {
        rc = S_ISDIR(file.stat.st_mode) ? -EISDIR : -ENOENT;
    }
    rc = rc == 0 ? file_reply(request, &file) : fail(rc, "open", path, NULL);
    close(fd);
    return rc;
}
