/* The access log of one core: see log.h.
 *
 *      log_request ---> filling ---(task: swap)---> writing ---wharf_write---> descriptor
 *
 * Both buffers have a fixed size. A line never exceeds LINE_MAX bytes, and the task writes whole lines in pieces that
 * a pipe takes in one go, so the lines of several cores do not mix. */
#include "server/log.h"

#include <errno.h>

#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "http/codec/date.h"
#include "server/event.h"
#include "wharf/os.h"

enum {
    BUFFER_SIZE = 64 * 1024,
    LINE_SIZE = 3072,
    TARGET_MAX = 1024,
    FIELD_MAX = 256,
    PIECE_SIZE = 4096,
    LAST_MS = 1000
};

struct log {
    struct core *core;
    struct event event;
    char *filling, *writing;
    size_t len;
    uint64_t dropped;
    bool closing;
};

/* ---- a line ---- */

struct line {
    char text[LINE_SIZE];
    size_t len;
};

static void line_add(struct line *line, wharf_str text) {
    size_t len = text.len < LINE_SIZE - line->len ? text.len : LINE_SIZE - line->len;
    if (len > 0) {
        memcpy(line->text + line->len, text.ptr, len);
    }
    line->len += len;
}

static void line_number(struct line *line, uint64_t number) {
    char digits[20];
    line_add(line, (wharf_str){digits, number_format(number, digits)});
}

/* Bytes of the peer's: controls, quotes, backslashes and what is not ASCII become \xNN (\u00NN in JSON). */
static void line_escaped(struct line *line, wharf_str text, size_t max, bool json) {
    static const char HEX[] = "0123456789abcdef";
    for (size_t i = 0; i < text.len && i < max; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        if (byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\') {
            line_add(line, (wharf_str){text.ptr + i, 1});
            continue;
        }
        char digits[2] = {HEX[byte >> 4], HEX[byte & 15]};
        line_add(line, json ? STR("\\u00") : STR("\\x"));
        line_add(line, (wharf_str){digits, 2});
    }
    if (text.len > max) {
        line_add(line, STR("..."));
    }
}

/* "Sun, 22 Nov 2026 14:30:22 GMT" as [22/Nov/2026:14:30:22 +0000] */
static void line_common_date(struct line *line, const char *date) {
    line_add(line, STR("["));
    line_add(line, (wharf_str){date + 5, 2});
    line_add(line, STR("/"));
    line_add(line, (wharf_str){date + 8, 3});
    line_add(line, STR("/"));
    line_add(line, (wharf_str){date + 12, 4});
    line_add(line, STR(":"));
    line_add(line, (wharf_str){date + 17, 8});
    line_add(line, STR(" +0000]"));
}

static void line_peer(struct line *line, const struct peer *peer) {
    char text[WHARF_ADDRESS_SIZE];
    line_add(line, (wharf_str){text, peer_format_host(peer, text)});
}

static void line_common(struct line *line, const struct wharf_request *request, const char *date) {
    const struct h1_request *head = &request->head;
    line_peer(line, &request->connection->peer);
    line_add(line, STR(" - - "));
    line_common_date(line, date);
    line_add(line, STR(" \""));
    if (head->method_text.len > 0) {
        line_escaped(line, head->method_text, FIELD_MAX, false);
        line_add(line, STR(" "));
        line_escaped(line, head->target, TARGET_MAX, false);
        line_add(line, head->minor == 0 ? STR(" HTTP/1.0") : STR(" HTTP/1.1"));
    } else {
        line_add(line, STR("-"));
    }
    line_add(line, STR("\" "));
    line_number(line, (uint64_t)request->reply.status);
    line_add(line, STR(" "));
    line_number(line, request->reply.written);
}

static void line_json(struct line *line, const struct wharf_request *request, const char *date) {
    const struct h1_request *head = &request->head;
    line_add(line, STR("{\"time\":\""));
    line_add(line, (wharf_str){date, DATE_LEN});
    line_add(line, STR("\",\"peer\":\""));
    line_peer(line, &request->connection->peer);
    line_add(line, STR("\",\"method\":\""));
    line_escaped(line, head->method_text, FIELD_MAX, true);
    line_add(line, STR("\",\"host\":\""));
    line_escaped(line, head->host, FIELD_MAX, true);
    line_add(line, STR("\",\"target\":\""));
    line_escaped(line, head->target, TARGET_MAX, true);
    line_add(line, STR("\",\"status\":"));
    line_number(line, (uint64_t)request->reply.status);
    line_add(line, STR(",\"bytes_in\":"));
    line_number(line, request->body.taken);
    line_add(line, STR(",\"bytes_out\":"));
    line_number(line, request->reply.written);
    line_add(line, STR(",\"us\":"));
    line_number(line, (uint64_t)(sched_clock() - request->started) / 1000);
}

static void line_end(struct line *line, const struct wharf_request *request, bool cut, bool json) {
    if (request->reply.reason != NULL) {
        line_add(line, json ? STR(",\"reason\":\"") : STR(" \""));
        line_add(line, wharf_str_of(request->reply.reason));
        line_add(line, STR("\""));
    }
    if (cut) {
        line_add(line, json ? STR(",\"cut\":true") : STR(" \"cut\""));
    }
    line_add(line, json ? STR("}\n") : STR("\n"));
}

static void line_handshake_common(struct line *line, const struct log_handshake *handshake,
                                  const char *date) {
    line_peer(line, handshake->peer);
    line_add(line, STR(" - - "));
    line_common_date(line, date);
    line_add(line, STR(" \"-\" - - \""));
    line_add(line, wharf_str_of(handshake->reason));
    line_add(line, STR("\" \""));
    line_escaped(line, wharf_str_of(handshake->why), TARGET_MAX, false);
    line_add(line, STR("\""));
    if (handshake->more > 0) {
        line_add(line, STR(" \"and "));
        line_number(line, handshake->more);
        line_add(line, STR(" more\""));
    }
    line_add(line, STR("\n"));
}

static void line_handshake_json(struct line *line, const struct log_handshake *handshake, const char *date) {
    line_add(line, STR("{\"time\":\""));
    line_add(line, (wharf_str){date, DATE_LEN});
    line_add(line, STR("\",\"peer\":\""));
    line_peer(line, handshake->peer);
    line_add(line, STR("\",\"reason\":\""));
    line_add(line, wharf_str_of(handshake->reason));
    line_add(line, STR("\",\"error\":\""));
    line_escaped(line, wharf_str_of(handshake->why), TARGET_MAX, true);
    line_add(line, STR("\",\"more\":"));
    line_number(line, handshake->more);
    line_add(line, STR("}\n"));
}

static void log_append(struct log *log, const struct line *line) {
    if (BUFFER_SIZE - log->len < line->len) {
        log->dropped++;
        return;
    }
    memcpy(log->filling + log->len, line->text, line->len);
    log->len += line->len;
    event_announce(&log->event);
}

void log_request(struct log *log, struct wharf_request *request, bool cut) {
    struct line line = {.len = 0};
    bool json = log->core->server->log_format == WHARF_LOG_JSON;
    const char *date = core_clock(log->core)->date + sizeof("Date: ") - 1;
    if (json) {
        line_json(&line, request, date);
    } else {
        line_common(&line, request, date);
    }
    line_end(&line, request, cut, json);
    log_append(log, &line);
}

void log_handshake(struct log *log, const struct log_handshake *handshake) {
    struct line line = {.len = 0};
    const char *date = core_clock(log->core)->date + sizeof("Date: ") - 1;
    if (log->core->server->log_format == WHARF_LOG_JSON) {
        line_handshake_json(&line, handshake, date);
    } else {
        line_handshake_common(&line, handshake, date);
    }
    log_append(log, &line);
}

/* ---- the task ---- */

/* Writes whole lines, as many as a pipe takes in one go. */
static int log_write(struct log *log, wharf_str text) {
    while (text.len > 0) {
        wharf_str piece = str_slice(text, 0, PIECE_SIZE);
        ssize_t end = str_find_last_byte(piece, '\n');
        piece.len = end >= 0 ? (size_t)end + 1 : piece.len;
        ssize_t rc = wharf_write(log->core->server->log_fd, piece.ptr, piece.len);
        if (rc < 0) {
            return (int)rc;
        }
        text = str_slice(text, piece.len, text.len);
    }
    return 0;
}

/* Writes what has gathered. Lines go on gathering meanwhile. */
static void log_flush(struct log *log) {
    if (log->dropped > 0 && log->len < BUFFER_SIZE - LINE_SIZE) {
        struct line line = {.len = 0};
        line_number(&line, log->dropped);
        line_add(&line, STR(" log lines dropped\n"));
        log->dropped = 0;
        log_append(log, &line);
    }
    char *text = log->filling;
    size_t len = log->len;
    log->filling = log->writing;
    log->writing = text;
    log->len = 0;
    (void)log_write(log, (wharf_str){text, len});
}

static int log_task(void *arg) {
    struct log *log = arg;
    while (event_wait(&log->event) == 0 && !log->closing) {
        log_flush(log);
    }
    WHARF_SHIELD (LAST_MS) {
        log_flush(log);
    }
    return 0;
}

int log_open(struct core *core, struct scope *scope, struct log **ret_log) {
    struct log *log = mem_zalloc(sizeof(*log));
    char *filling = mem_alloc(BUFFER_SIZE);
    char *writing = mem_alloc(BUFFER_SIZE);
    if (log == NULL || filling == NULL || writing == NULL) {
        mem_free(log);
        mem_free(filling);
        mem_free(writing);
        return -ENOMEM;
    }
    *log = (struct log){.core = core, .filling = filling, .writing = writing};
    int rc = task_start(scope, log_task, log, "http log");
    if (rc < 0) {
        log_free(log);
        return rc;
    }
    *ret_log = log;
    return 0;
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
