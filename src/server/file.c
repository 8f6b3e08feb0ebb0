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
#include "server/condition.h"
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

static int file_fields(struct wharf_request *request, const struct file *file,
                       const struct file_validators *validators) {
    int rc = condition_field(request, HEADER_ETAG, (wharf_str){validators->etag_text, validators->etag_len});
    if (rc == 0 && validators->state.has_last_modified) {
        rc = condition_field(request, HEADER_LAST_MODIFIED, (wharf_str){validators->date, DATE_LEN});
    }
    rc = rc == 0 ? condition_field(request, HEADER_CACHE_CONTROL, file->cache_control) : rc;
    rc = rc == 0 ? condition_field(request, HEADER_ACCEPT_RANGES, STR("bytes")) : rc;
    rc = rc == 0 ? condition_field(request, HEADER_CONTENT_ENCODING, file->coding) : rc;
    if (rc == 0 && file->has_codings) {
        rc = reply_field(request, header_name(HEADER_VARY), header_name(HEADER_ACCEPT_ENCODING));
    }
    return rc == 0 ? reply_field(request, STR("X-Content-Type-Options"), STR("nosniff")) : rc;
}

/* Which parts are asked for; RANGE_ABSENT and RANGE_IGNORED: all of it. */
static void file_ranges(struct wharf_request *request, const struct file *file,
                        const struct file_validators *validators, struct range_set *ret_set) {
    condition_ranges(request, &validators->state, (uint64_t)file->stat.st_size, ret_set);
    if (ret_set->count > 1 && (request->reply.names >> HEADER_CONTENT_TYPE & 1) != 0) {
        ret_set->kind = RANGE_IGNORED; /* the type that a handler has set is not that of several parts */
    }
}

static int file_refuse_range(struct wharf_request *request, const struct file *file) {
    int rc = condition_say_range(request, NULL, (uint64_t)file->stat.st_size);
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
    int rc = condition_say_range(request, &set->at[0], size);
    return rc < 0 ? rc : file_send(request, file, 206, &set->at[0]);
}

int file_reply(struct wharf_request *request, const struct file *file) {
    struct file_validators validators;
    file_validators(&validators, &file->stat);
    enum conditional_result condition = condition_evaluate(request, &validators.state);
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
