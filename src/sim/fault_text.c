/* One entry of a plan of faults as a line of text, for whoever has to understand a failed run. */
#include <stdio.h>
#include <string.h>

#include "wharf/sim.h"

enum { TIME_SIZE = 32, AMOUNT_SIZE = 64 };

/* "%s" is the host; "%a" the amount; "%p" the peer, with what joins them. */
static const struct fault_words {
    const char *text;
    enum { AMOUNT_NONE, AMOUNT_TIME, AMOUNT_NUMBER, AMOUNT_SHARE } amount;
} fault_words[WHARF_SIM_FAULT_KINDS] = {
    [WHARF_SIM_PARTITION] = {"%s is cut off%p", AMOUNT_NONE},
    [WHARF_SIM_DELAY] = {"%s is %a slower%p", AMOUNT_TIME},
    [WHARF_SIM_LOSS] = {"%s loses %a of the packets%p", AMOUNT_SHARE},
    [WHARF_SIM_RESET] = {"%s has a stream reset after %a more bytes%p", AMOUNT_NUMBER},
    [WHARF_SIM_STALL] = {"%s stalls", AMOUNT_NONE},
    [WHARF_SIM_KILL] = {"%s is killed", AMOUNT_NONE},
    [WHARF_SIM_CRASH] = {"%s crashes", AMOUNT_NONE},
    [WHARF_SIM_SIGNAL] = {"%s gets signal %a", AMOUNT_NUMBER},
    [WHARF_SIM_NO_SOCKETS] = {"%s has no sockets left", AMOUNT_NONE},
    [WHARF_SIM_NO_MEMORY] = {"allocation %a from then fails", AMOUNT_NUMBER},
    [WHARF_SIM_SLOW_DISK] = {"%s has a disk that is %a slower", AMOUNT_TIME},
    [WHARF_SIM_BAD_DISK] = {"%s has a disk that fails", AMOUNT_NONE},
    [WHARF_SIM_FULL_DISK] = {"%s has a full disk", AMOUNT_NONE},
    [WHARF_SIM_SLOW_NAMES] = {"%s gets names %a later", AMOUNT_TIME},
    [WHARF_SIM_BAD_NAMES] = {"%s gets no names", AMOUNT_NONE},
    [WHARF_SIM_CLOCK] = {"%s has its wall clock moved by %a", AMOUNT_TIME},
};

/* "1.25 s", exact to the nanosecond, without zeros at the end. */
static void time_format(int64_t ns, char out[static TIME_SIZE]) {
    uint64_t size = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    char digits[10];
    (void)snprintf(digits, sizeof(digits), "%09u", (unsigned)(size % 1000000000));
    size_t len = strlen(digits);
    while (len > 0 && digits[len - 1] == '0') {
        len--;
    }
    (void)snprintf(out, TIME_SIZE, "%s%llu%s%.*s s", ns < 0 ? "-" : "",
                   (unsigned long long)(size / 1000000000), len > 0 ? "." : "", (int)len, digits);
}

static void amount_format(const wharf_sim_fault *fault, char out[static AMOUNT_SIZE]) {
    switch (fault_words[fault->kind].amount) {
    case AMOUNT_NONE: out[0] = '\0'; break;
    case AMOUNT_TIME: time_format(fault->amount, out); break;
    case AMOUNT_NUMBER: (void)snprintf(out, AMOUNT_SIZE, "%lld", (long long)fault->amount); break;
    case AMOUNT_SHARE:
        (void)snprintf(out, AMOUNT_SIZE, "%lld.%04lld %%", (long long)(fault->amount / 10000),
                       (long long)(fault->amount % 10000));
        break;
    }
}

struct line {
    char *out;
    size_t size, len;
};

static void line_add(struct line *line, const char *text, size_t len) {
    if (line->len < line->size) {
        size_t room = line->size - line->len - 1;
        size_t part = len < room ? len : room;
        memcpy(line->out + line->len, text, part);
        line->out[line->len + part] = '\0';
    }
    line->len += len;
}

static void line_add_text(struct line *line, const char *text) {
    line_add(line, text, strlen(text));
}

static void line_add_peer(struct line *line, const wharf_sim_fault *fault) {
    line_add_text(line, fault->kind == WHARF_SIM_PARTITION ? " from " : " to ");
    line_add_text(line, fault->peer[0] != '\0' ? fault->peer : "all others");
}

static void line_add_words(struct line *line, const wharf_sim_fault *fault) {
    char amount[AMOUNT_SIZE];
    amount_format(fault, amount);
    for (const char *at = fault_words[fault->kind].text; *at != '\0'; at++) {
        if (*at != '%') {
            line_add(line, at, 1);
            continue;
        }
        at++;
        if (*at == 'p') {
            line_add_peer(line, fault);
        } else {
            const char *host = fault->host[0] != '\0' ? fault->host : "local";
            line_add_text(line, *at == 'a' ? amount : host);
        }
    }
}

size_t wharf_sim_fault_format(const wharf_sim_fault *fault, char *out, size_t size) {
    struct line line = {out, size, 0};
    char time[TIME_SIZE];
    if (size > 0) {
        out[0] = '\0';
    }
    if (fault->kind < 1 || fault->kind >= WHARF_SIM_FAULT_KINDS) {
        line_add_text(&line, "no fault");
        return line.len;
    }
    time_format(fault->at_ns, time);
    line_add_text(&line, "at ");
    line_add_text(&line, time);
    line_add_text(&line, ": ");
    line_add_words(&line, fault);
    if (fault->for_ns > 0) {
        time_format(fault->for_ns, time);
        line_add_text(&line, ", for ");
        line_add_text(&line, time);
    }
    return line.len;
}
