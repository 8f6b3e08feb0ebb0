/* Lines of the access log: see log_line.h. Texts of a client are cut and escaped: no control, no quote, nothing beyond ASCII
 * gets into a line as it is. */
#include "server/log_line.h"

#include <string.h>

#include "base/number.h"
#include "base/text.h"
#include "http/codec/date.h"

enum { TARGET_MAX = 1024, FIELD_MAX = 256, US_NS = 1000 };

struct line {
    char *at;
    bool json;
};

static void line_add(struct line *line, wharf_str text) {
    if (text.len > 0) {
        memcpy(line->at, text.ptr, text.len);
        line->at += text.len;
    }
}

static void line_number(struct line *line, uint64_t number) {
    line->at += number_format(number, line->at);
}

static bool is_plain(char byte) {
    return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

/* \xNN, or \u00NN in JSON. */
static void line_escape(struct line *line, char byte) {
    static const char HEX[] = "0123456789abcdef";
    char digits[2] = {HEX[(unsigned char)byte >> 4], HEX[byte & 15]};
    line_add(line, line->json ? STR("\\u00") : STR("\\x"));
    line_add(line, (wharf_str){digits, 2});
}

static void line_escaped(struct line *line, wharf_str text, size_t max) {
    wharf_str shown = str_slice(text, 0, max);
    size_t done = 0;
    for (size_t i = 0; i < shown.len; i++) {
        if (!is_plain(shown.ptr[i])) {
            line_add(line, str_slice(shown, done, i));
            line_escape(line, shown.ptr[i]);
            done = i + 1;
        }
    }
    line_add(line, str_slice(shown, done, shown.len));
    if (text.len > max) {
        line_add(line, STR("..."));
    }
}

/* ---- common, combined ---- */

static void line_request(struct line *line, const wharf_access *access) {
    line_add(line, STR(" \""));
    if (access->method.len > 0) {
        line_escaped(line, access->method, FIELD_MAX);
        line_add(line, STR(" "));
        line_escaped(line, access->target, TARGET_MAX);
        line_add(line, access->version_minor == 0 ? STR(" HTTP/1.0") : STR(" HTTP/1.1"));
    } else {
        line_add(line, STR("-"));
    }
    line_add(line, STR("\" "));
}

/* A blank would end it. */
static void line_user(struct line *line, wharf_str user) {
    user = str_slice(user, 0, FIELD_MAX);
    line_add(line, user.len == 0 ? STR("-") : STR(""));
    for (size_t i = 0; i < user.len; i++) {
        if (is_plain(user.ptr[i]) && user.ptr[i] != ' ') {
            *line->at++ = user.ptr[i];
        } else {
            line_escape(line, user.ptr[i]);
        }
    }
}

static void line_quoted(struct line *line, wharf_str text, size_t max) {
    line_add(line, STR(" \""));
    line_escaped(line, text.len > 0 ? text : STR("-"), max);
    line_add(line, STR("\""));
}

static void format_common(struct line *line, const struct log_second *texts, const wharf_access *access,
                          bool combined) {
    line_add(line, wharf_str_of(access->peer));
    line_add(line, STR(" - "));
    line_user(line, access->user);
    line_add(line, STR(" "));
    line_add(line, (wharf_str){texts->common, sizeof(texts->common)});
    line_request(line, access);
    if (access->status > 0) {
        line_number(line, (uint64_t)access->status);
    } else {
        line_add(line, STR("-"));
    }
    line_add(line, STR(" "));
    if (access->status > 0) {
        line_number(line, (uint64_t)access->bytes_out);
    } else {
        line_add(line, STR("-"));
    }
    if (combined) {
        line_quoted(line, access->referer, FIELD_MAX);
        line_quoted(line, access->agent, FIELD_MAX);
    }
    if (access->reason != NULL) {
        line_quoted(line, wharf_str_of(access->reason), FIELD_MAX);
    }
    if (access->request.ptr != NULL) {
        line_quoted(line, access->request, FIELD_MAX);
    }
    if (access->error != NULL) {
        line_quoted(line, wharf_str_of(access->error), TARGET_MAX);
    }
    if (access->more > 0) {
        line_add(line, STR(" \"and "));
        line_number(line, (uint64_t)access->more);
        line_add(line, STR(" more\""));
    }
    if (access->cut) {
        line_add(line, STR(" \"cut\""));
    }
}

/* ---- JSON, logfmt ---- */

static void line_name(struct line *line, wharf_str name) {
    if (line->json) {
        line_add(line, line->at[-1] == '{' ? STR("\"") : STR(",\""));
        line_add(line, name);
        line_add(line, STR("\":"));
    } else {
        line_add(line, line->at[-1] == '\n' ? STR("") : STR(" "));
        line_add(line, name);
        line_add(line, STR("="));
    }
}

/* Whether logfmt needs no quotes around it. */
static bool is_word(wharf_str text) {
    for (size_t i = 0; i < text.len; i++) {
        if (!is_plain(text.ptr[i]) || text.ptr[i] == ' ' || text.ptr[i] == '=') {
            return false;
        }
    }
    return text.len > 0;
}

static void line_pair(struct line *line, wharf_str name, wharf_str value, size_t max) {
    line_name(line, name);
    bool bare = !line->json && is_word(value);
    line_add(line, bare ? STR("") : STR("\""));
    line_escaped(line, value, max);
    line_add(line, bare ? STR("") : STR("\""));
}

static void line_optional(struct line *line, wharf_str name, wharf_str value) {
    if (value.ptr != NULL) {
        line_pair(line, name, value, FIELD_MAX);
    }
}

static void line_count(struct line *line, wharf_str name, int64_t value) {
    line_name(line, name);
    line_number(line, value > 0 ? (uint64_t)value : 0);
}

static void line_us(struct line *line, wharf_str name, int64_t ns) {
    line_count(line, name, ns / US_NS);
}

static void line_times(struct line *line, const wharf_access *access) {
    const wharf_access_times *times = &access->times;
    line_us(line, STR("us"), times->total);
    line_us(line, STR("queue_us"), times->queue);
    if (access->tls != NULL) {
        line_us(line, STR("tls_us"), times->tls);
    }
    line_us(line, STR("header_us"), times->header);
    line_us(line, STR("first_us"), times->first);
    line_us(line, STR("run_us"), times->run);
    line_us(line, STR("wait_us"), times->wait);
    line_us(line, STR("body_us"), times->body);
    line_us(line, STR("disk_us"), times->disk);
    line_us(line, STR("write_us"), times->write);
}

static void line_begin(struct line *line, const struct log_second *texts) {
    line_add(line, line->json ? STR("{\"time\":\"") : STR("time="));
    line_add(line, (wharf_str){texts->iso, sizeof(texts->iso)});
    line_add(line, line->json ? STR("\"") : STR(""));
}

static void format_named(struct line *line, const struct log_second *texts, const wharf_access *access) {
    line_begin(line, texts);
    line_pair(line, STR("peer"), wharf_str_of(access->peer), FIELD_MAX);
    line_optional(line, STR("user"), access->user);
    line_pair(line, STR("method"), access->method, FIELD_MAX);
    line_pair(line, STR("host"), access->host, FIELD_MAX);
    line_pair(line, STR("target"), access->target, TARGET_MAX);
    line_pair(line, STR("protocol"), access->version_minor == 0 ? STR("HTTP/1.0") : STR("HTTP/1.1"),
              FIELD_MAX);
    line_optional(line, STR("tls"), wharf_str_of(access->tls));
    line_optional(line, STR("referer"), access->referer);
    line_optional(line, STR("agent"), access->agent);
    line_count(line, STR("status"), access->status);
    line_count(line, STR("bytes_in"), access->bytes_in);
    line_count(line, STR("bytes_out"), access->bytes_out);
    line_times(line, access);
    line_optional(line, STR("reason"), wharf_str_of(access->reason));
    line_optional(line, STR("request"), access->request);
    if (access->error != NULL) {
        line_pair(line, STR("error"), wharf_str_of(access->error), TARGET_MAX);
        line_count(line, STR("more"), access->more);
    }
    if (access->cut) {
        line_name(line, STR("cut"));
        line_add(line, STR("true"));
    }
    line_add(line, line->json ? STR("}") : STR(""));
}

/* ---- whole lines ---- */

size_t log_line_format(char *out, wharf_log_format format, const struct log_second *texts,
                       const wharf_access *access) {
    struct line line = {.at = out, .json = format == WHARF_LOG_JSON};
    if (format == WHARF_LOG_JSON || format == WHARF_LOG_LOGFMT) {
        format_named(&line, texts, access);
    } else {
        format_common(&line, texts, access, format == WHARF_LOG_COMBINED);
    }
    *line.at++ = '\n';
    return (size_t)(line.at - out);
}

size_t log_line_format_dropped(char *out, wharf_log_format format, const struct log_second *texts,
                               uint64_t lines) {
    struct line line = {.at = out, .json = format == WHARF_LOG_JSON};
    if (format == WHARF_LOG_JSON || format == WHARF_LOG_LOGFMT) {
        line_begin(&line, texts);
        line_count(&line, STR("dropped"), (int64_t)lines);
        line_add(&line, line.json ? STR("}") : STR(""));
    } else {
        line_number(&line, lines);
        line_add(&line, STR(" log lines dropped"));
    }
    *line.at++ = '\n';
    return (size_t)(line.at - out);
}

/* "Sun, 22 Nov 2026 14:30:22 GMT" */
void log_second_set(struct log_second *texts, int64_t second) {
    static const char MONTHS[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    if (texts->second == second) {
        return;
    }
    char date[DATE_LEN];
    date_format(second, date);
    size_t month = 1;
    while (month < 12 && memcmp(MONTHS + (month - 1) * 3, date + 8, 3) != 0) {
        month++;
    }
    memcpy(texts->common, "[dd/Mon/yyyy:hh:mm:ss +0000]", sizeof(texts->common));
    memcpy(texts->common + 1, date + 5, 2);
    memcpy(texts->common + 4, date + 8, 3);
    memcpy(texts->common + 8, date + 12, 4);
    memcpy(texts->common + 13, date + 17, 8);
    memcpy(texts->iso, "yyyy-mm-ddThh:mm:ssZ", sizeof(texts->iso));
    memcpy(texts->iso, date + 12, 4);
    texts->iso[5] = (char)('0' + month / 10);
    texts->iso[6] = (char)('0' + month % 10);
    memcpy(texts->iso + 8, date + 5, 2);
    memcpy(texts->iso + 11, date + 17, 8);
    texts->second = second;
}
