/* A name server for simulated worlds: a host of its own that answers from a table, late, falsely or not at all. */
#ifndef TESTS_SIM_NAME_SERVER_H
#define TESTS_SIM_NAME_SERVER_H

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "scenario.h"

enum ns_mode {
    NS_TRUTH,
    NS_SILENT,   /* never answers */
    NS_SERVFAIL, /* fails */
    NS_CUT,      /* is cut short where the question came by UDP */
    NS_LIE,      /* sends forgeries before the truth, where the question came by UDP */
    NS_BROKEN,   /* says that there is a record, and ends */
};

/* What is known of one name and type, and how it is said. data: NULL for none. */
struct ns_row {
    const char *name;
    int type; /* 1: A, 5: CNAME, 28: AAAA */
    const char *data;
    int64_t delay_ms;
    enum ns_mode mode;
};

/* The table, ended by a row without a name. */
static const struct ns_row *ns_rows;
/* Questions that came, by all servers of the world. */
static int ns_questions;
/* Whether NS_START() has them come by TCP alone. */
static bool ns_by_tcp;

#define NS_ADDRESS "10.9.9.53"

struct ns_message {
    unsigned char bytes[1024];
    size_t len;
    char name[256];
    int type;
    size_t question_end;
};

/* The question of a message; false: it has none. */
static bool ns_read(struct ns_message *message) {
    size_t at = 12;
    size_t len = 0;
    if (message->len < 17) {
        return false;
    }
    while (message->bytes[at] != 0 && at + message->bytes[at] + 6 <= message->len) {
        size_t label = message->bytes[at];
        memcpy(message->name + len, message->bytes + at + 1, label);
        len += label;
        message->name[len++] = '.';
        at += label + 1;
    }
    message->name[len > 0 ? len - 1 : 0] = '\0';
    message->type = message->bytes[at + 1] << 8 | message->bytes[at + 2];
    message->question_end = at + 5;
    return true;
}

static size_t ns_wire_name(const char *name, unsigned char *out) {
    size_t at = 0;
    while (*name != '\0') {
        size_t label = strcspn(name, ".");
        out[at++] = (unsigned char)label;
        memcpy(out + at, name, label);
        at += label;
        name += label + (name[label] == '.' ? 1 : 0);
    }
    out[at++] = 0;
    return at;
}

static void ns_add(struct ns_message *answer, const struct ns_row *row) {
    unsigned char data[256];
    size_t len = 4;
    if (row->type == 5) {
        len = ns_wire_name(row->data, data);
    } else {
        len = row->type == 1 ? 4 : 16;
        WHARF_EXPECT(inet_pton(row->type == 1 ? AF_INET : AF_INET6, row->data, data) == 1);
    }
    answer->len += ns_wire_name(row->name, answer->bytes + answer->len);
    const unsigned char fixed[10] = {0, (unsigned char)row->type, 0, 1, 0, 0, 0, 60, 0, (unsigned char)len};
    memcpy(answer->bytes + answer->len, fixed, sizeof(fixed));
    memcpy(answer->bytes + answer->len + sizeof(fixed), data, len);
    answer->len += sizeof(fixed) + len;
    answer->bytes[7]++;
}

/* The first row that says how to answer a question; NULL: the name is not known. */
static const struct ns_row *ns_find(const char *name, int type) {
    const struct ns_row *known = NULL;
    for (const struct ns_row *row = ns_rows; row->name != NULL; row++) {
        if (strcasecmp(row->name, name) == 0) {
            known = row;
            if (row->type == type || row->type == 5) {
                return row;
            }
        }
    }
    return known;
}

static void ns_answer(const struct ns_message *question, const struct ns_row *found,
                      struct ns_message *answer) {
    *answer = *question;
    answer->len = question->question_end;
    answer->bytes[2] = 0x81;
    answer->bytes[3] = found == NULL ? 0x83 : found->mode == NS_SERVFAIL ? 0x82 : 0x80;
    memset(answer->bytes + 6, 0, 6);
    const char *name = question->name;
    for (const struct ns_row *row = ns_rows; row->name != NULL && found != NULL; row++) {
        bool fits = strcasecmp(row->name, name) == 0 && (row->type == question->type || row->type == 5);
        if (fits && row->data != NULL) {
            ns_add(answer, row);
        }
        if (fits && row->type == 5) {
            name = row->data; /* its target's rows come later in the table */
        }
    }
    if (found != NULL && found->mode == NS_BROKEN) {
        answer->bytes[7]++;
    }
}

/* ---- by UDP ---- */

struct ns_packet {
    wharf_sock sock;
    wharf_address from;
    struct ns_message question;
};

/* An answer that is none: another id, another name, or a question. */
static void ns_forge(const struct ns_packet *packet, const struct ns_row *row, int how) {
    struct ns_message forged;
    ns_answer(&packet->question, row, &forged);
    if (how == 0) {
        forged.bytes[0] ^= 1;
    } else if (how == 1) {
        forged.bytes[13] ^= 1;
    } else {
        forged.bytes[2] = 0x01;
    }
    forged.bytes[forged.len - 1] ^= 0x40;
    (void)wharf_send_to(packet->sock, forged.bytes, forged.len, &packet->from);
}

static int ns_serve_packet(void *arg) {
    const struct ns_packet *packet = arg;
    struct ns_message answer;
    const struct ns_row *row = ns_find(packet->question.name, packet->question.type);
    ns_questions++;
    wharf_sleep(row != NULL ? row->delay_ms : 0);
    if (row != NULL && row->mode == NS_SILENT) {
        return 0;
    }
    for (int how = 0; row != NULL && row->mode == NS_LIE && how < 3; how++) {
        ns_forge(packet, row, how);
    }
    ns_answer(&packet->question, row, &answer);
    if (row != NULL && row->mode == NS_CUT) {
        answer.bytes[2] |= 0x02;
        answer.bytes[7] = 0;
        answer.len = packet->question.question_end;
    }
    (void)wharf_send_to(packet->sock, answer.bytes, answer.len, &packet->from);
    return 0;
}

static int ns_serve_packets(void *arg) {
    (void)arg;
    struct ns_packet packet = {.sock = wharf_serve_on("udp://" NS_ADDRESS ":53")};
    WHARF_SCOPE (scope, NULL) {
        for (;;) {
            ssize_t got = wharf_recv_from(packet.sock, packet.question.bytes, sizeof(packet.question.bytes),
                                          &packet.from);
            if (got < 0 && got != -ECONNREFUSED) {
                break;
            }
            packet.question.len = got > 0 ? (size_t)got : 0;
            if (ns_read(&packet.question)) {
                (void)wharf_go(scope, ns_serve_packet, packet);
            }
        }
        wharf_scope_cancel(scope);
    }
    (void)wharf_close(packet.sock);
    return 0;
}

/* ---- by TCP ---- */

static int ns_serve_call(void *arg) {
    wharf_sock sock = *(wharf_sock *)arg;
    struct ns_message question = {.len = 0};
    struct ns_message answer;
    unsigned char prefix[2];
    if (wharf_recv_exact(sock, prefix, 2) == 2) {
        question.len = (size_t)prefix[0] << 8 | prefix[1];
        question.len = question.len <= sizeof(question.bytes) ? question.len : sizeof(question.bytes);
        if (wharf_recv_exact(sock, question.bytes, question.len) > 0 && ns_read(&question)) {
            const struct ns_row *row = ns_find(question.name, question.type);
            ns_questions++;
            wharf_sleep(row != NULL ? row->delay_ms : 0);
            ns_answer(&question, row, &answer);
            prefix[0] = (unsigned char)(answer.len >> 8);
            prefix[1] = (unsigned char)answer.len;
            if (row == NULL || row->mode != NS_SILENT) {
                (void)wharf_send(sock, prefix, 2);
                (void)wharf_send(sock, answer.bytes, answer.len);
            } else {
                wharf_sleep(WHARF_OFF);
            }
        }
    }
    (void)wharf_close(sock);
    return 0;
}

static int ns_program(void *arg) {
    (void)arg;
    wharf_sock listener = wharf_serve_on(NS_ADDRESS ":53");
    WHARF_SCOPE (scope, NULL) {
        (void)wharf_go(scope, ns_serve_packets, 0);
        wharf_sock sock = wharf_accept(listener);
        while (!wharf_failed(sock)) {
            if (wharf_go(scope, ns_serve_call, sock) < 0) {
                (void)wharf_close(sock);
            }
            sock = wharf_accept(listener);
        }
        wharf_scope_cancel(scope);
    }
    (void)wharf_close(listener);
    return 0;
}

/* Starts the server and has this host ask it. */
static int ns_start(const struct ns_row *rows, const wharf_names_options *options) {
    ns_rows = rows;
    ns_questions = 0;
    int rc = wharf_sim_start(
        WHARF_OPTIONS(wharf_sim_host, .name = "dns", .addresses = NS_ADDRESS, .program = ns_program));
    rc = rc < 0 ? rc : wharf_names_set(options);
    return rc < 0 ? rc : wharf_sleep(10); /* it listens by now */
}

#define NS_START(rows, ...) \
    ns_start(rows,          \
             WHARF_OPTIONS(wharf_names_options, .servers = NS_ADDRESS, .tcp_only = ns_by_tcp, __VA_ARGS__))

#endif
