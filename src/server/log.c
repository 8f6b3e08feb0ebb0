/* The access log of one core: see log.h.
 *
 *      log_access ---> filling ---(task: swap)---> writing ---> descriptor, or file
 *
 * Both buffers have a fixed size. Each core has the file open for itself, at its end. To a descriptor, which may be a pipe,
 * the task writes whole lines in pieces that a pipe takes in one go. So the lines of several cores do not mix. */
#include "server/log.h"

#include <errno.h>
#include <fcntl.h>

#include "base/memory.h"
#include "base/text.h"
#include "server/log_line.h"
#include "wharf/os.h"

enum { BUFFER_SIZE = 256 * 1024, PIECE_SIZE = 4096, LAST_MS = 1000, FILE_MODE = 0640 };

struct log {
    struct core *core;
    struct event event;
    wharf_file file; /* where there is one */
    char *filling, *writing;
    size_t len;
    uint64_t dropped; /* lines, and not told yet */
    struct log_second texts;
    bool closing, reopening;
};

static wharf_log_format log_format(const struct log *log) {
    return log->core->server->log_format;
}

static void log_append(struct log *log, size_t len) {
    log->len += len;
    event_announce(&log->event);
}

void log_access(struct log *log, const wharf_access *access) {
    const wharf_server *server = log->core->server;
    if (server->log_hook != NULL) {
        server->log_hook(access, server->log_arg);
    }
    if (log_format(log) == WHARF_LOG_OFF) {
        return;
    }
    if (BUFFER_SIZE - log->len < LOG_LINE_SIZE) {
        log->dropped++;
        return;
    }
    log_second_set(&log->texts, access->seconds);
    log_append(log, log_line_format(log->filling + log->len, log_format(log), &log->texts, access));
}

/* ---- the task ---- */

static wharf_file log_open_file(const wharf_server *server) {
    return wharf_open(server->log_file, O_WRONLY | O_CREAT | O_APPEND, FILE_MODE);
}

/* Writes whole lines, as many as a pipe takes in one go. *ret_rest: what was not written. */
static void log_write_pieces(int fd, wharf_str text, wharf_str *ret_rest) {
    while (text.len > 0) {
        wharf_str piece = str_slice(text, 0, PIECE_SIZE);
        ssize_t end = str_find_last_byte(piece, '\n');
        end = end < 0 ? str_find_byte(text, '\n') : end;
        piece = str_slice(text, 0, end >= 0 ? (size_t)end + 1 : text.len);
        if (wharf_write(fd, piece.ptr, piece.len) < 0) {
            break;
        }
        text = str_slice(text, piece.len, text.len);
    }
    *ret_rest = text;
}

static void log_write(struct log *log, wharf_str text) {
    const wharf_server *server = log->core->server;
    wharf_str rest = {NULL, 0};
    if (server->log_file == NULL) {
        log_write_pieces(server->log_fd, text, &rest);
    } else if (wharf_file_write(log->file, text.ptr, text.len) < 0) {
        rest = text;
    }
    for (size_t i = 0; i < rest.len; i++) {
        log->dropped += rest.ptr[i] == '\n';
    }
}

/* Writes what has gathered. Lines go on gathering meanwhile. */
static void log_flush(struct log *log) {
    if (log->dropped > 0 && BUFFER_SIZE - log->len >= LOG_LINE_SIZE) {
        uint64_t dropped = log->dropped;
        log->dropped = 0;
        log->len += log_line_format_dropped(log->filling + log->len, log_format(log), &log->texts, dropped);
    }
    char *text = log->filling;
    size_t len = log->len;
    if (len == 0) {
        return;
    }
    log->filling = log->writing;
    log->writing = text;
    log->len = 0;
    log_write(log, (wharf_str){text, len});
}

/* The old one stays where the new one cannot be opened. */
static void log_renew(struct log *log) {
    log->reopening = false;
    wharf_file file = log_open_file(log->core->server);
    if (!wharf_failed(file)) {
        (void)wharf_file_close(log->file);
        log->file = file;
    }
}

static int log_task(void *arg) {
    struct log *log = arg;
    while (event_wait(&log->event) == 0 && !log->closing) {
        log_flush(log);
        if (log->reopening) {
            log_renew(log);
        }
    }
    WHARF_SHIELD (LAST_MS) {
        log_flush(log);
        if (log->core->server->log_file != NULL) {
            (void)wharf_file_close(log->file);
        }
    }
    return 0;
}

/* ---- life ---- */

static struct log *log_new(struct core *core) {
    struct log *log = mem_zalloc(sizeof(*log));
    if (log == NULL) {
        return NULL;
    }
    *log = (struct log){.core = core, .texts.second = INT64_MIN};
    if (core->server->log_format == WHARF_LOG_OFF) {
        return log;
    }
    log->filling = mem_alloc(BUFFER_SIZE);
    log->writing = mem_alloc(BUFFER_SIZE);
    if (log->filling == NULL || log->writing == NULL) {
        log_free(log);
        return NULL;
    }
    return log;
}

int log_open(struct core *core, struct scope *scope, struct log **ret_log) {
    struct log *log = log_new(core);
    if (log == NULL) {
        return fail(-ENOMEM, "log", NULL, NULL);
    }
    int rc = 0;
    const char *path = core->server->log_file;
    if (path != NULL) {
        log->file = log_open_file(core->server);
        rc = wharf_failed(log->file) ? wharf_error(log->file) : 0;
        rc = rc < 0 ? fail(rc, "log", path, NULL) : 0;
    }
    if (rc == 0 && core->server->log_format != WHARF_LOG_OFF) {
        rc = task_start(scope, log_task, log, "http log");
        if (rc < 0 && path != NULL) {
            (void)wharf_file_close(log->file);
        }
    }
    if (rc < 0) {
        log_free(log);
        return rc;
    }
    *ret_log = log;
    return 0;
}

void log_reopen(struct log *log) {
    log->reopening = true;
    event_announce(&log->event);
}

void log_close(struct log *log) {
    log->closing = true;
    event_announce(&log->event);
}

void log_free(struct log *log) {
    mem_free(log->filling);
    mem_free(log->writing);
    mem_free(log);
}
