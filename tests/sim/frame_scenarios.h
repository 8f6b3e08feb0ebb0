/* Frames through the public calls: each scenario runs on the simulated network, with streams cut into pieces of any size, and on
 * sockets of the kernel. */
#ifndef TESTS_SIM_FRAME_SCENARIOS_H
#define TESTS_SIM_FRAME_SCENARIOS_H

#include <errno.h>

#include "scenario.h"

enum { FRAMES = 40, FRAME_ROOM = 20000 };

/* Every kind of framing, each with room for the longest frame that is sent. */
static const wharf_framing frame_kinds[] = {
    {.kind = WHARF_FRAME_LINE},      {.kind = WHARF_FRAME_DELIMITER, .delimiter = "END"},
    {.kind = WHARF_FRAME_LENGTH_2},  {.kind = WHARF_FRAME_LENGTH_4, .little_endian = true},
    {.kind = WHARF_FRAME_VARINT},    {.kind = WHARF_FRAME_NETSTRING},
    {.kind = WHARF_FRAME_DELIMITER},
};

enum { FRAME_KIND_ROWS = sizeof(frame_kinds) / sizeof(frame_kinds[0]) };

struct frame_pair {
    wharf_sock near, far;
    const wharf_framing *framing;
};

static struct frame_pair frame_pair(const wharf_framing *framing) {
    wharf_sock ends[2] = {{-EBADF}, {-EBADF}};
    EXPECT(wharf_socket_pair("unix", ends) == 0);
    return (struct frame_pair){ends[0], ends[1], framing};
}

static void frame_end(struct frame_pair pair) {
    (void)wharf_abort(pair.near);
    (void)wharf_abort(pair.far);
}

/* The n-th frame: lengths around the sizes of heads and blocks, bytes that end no frame. */
static size_t frame_make(int n, char out[FRAME_ROOM]) {
    static const size_t sizes[] = {0, 1, 3, 9, 10, 127, 128, 255, 256, 1000, 4095, 4096, 16384, FRAME_ROOM};
    size_t size = sizes[(size_t)n % (sizeof(sizes) / sizeof(sizes[0]))];
    for (size_t i = 0; i < size; i++) {
        out[i] = (char)('a' + (i + (size_t)n) % 7);
    }
    return size;
}

static int frame_send_all(void *arg) {
    struct frame_pair pair = *(struct frame_pair *)arg;
    static char frame[FRAME_ROOM];
    for (int i = 0; i < FRAMES; i++) {
        EXPECT(wharf_send_frame(pair.near, pair.framing, frame, frame_make(i, frame)) == 0);
    }
    return wharf_shutdown_write(pair.near);
}

static int every_frame_arrives_as_it_was_sent(void *arg) {
    static char got[FRAME_ROOM], sent[FRAME_ROOM];
    (void)arg;
    for (size_t kind = 0; kind < FRAME_KIND_ROWS; kind++) {
        struct frame_pair pair = frame_pair(&frame_kinds[kind]);
        WHARF_SCOPE (scope, NULL) {
            EXPECT(wharf_go(scope, frame_send_all, pair) == 0);
            for (int i = 0; i < FRAMES; i++) {
                size_t len = 0;
                EXPECT(wharf_recv_frame(pair.far, pair.framing, got, sizeof(got), &len) == 1);
                EXPECT(len == frame_make(i, sent) && memcmp(got, sent, len) == 0);
            }
            size_t len = 99;
            EXPECT(wharf_recv_frame(pair.far, pair.framing, got, sizeof(got), &len) == 0);
            EXPECT(len == 99);
        }
        frame_end(pair);
    }
    return 0;
}

static int framings_change_in_the_middle(void *arg) {
    (void)arg;
    struct frame_pair pair = frame_pair(NULL);
    const wharf_framing *record = WHARF_OPTIONS(wharf_framing, .kind = WHARF_FRAME_LENGTH_1);
    char got[16];
    size_t len = 0;
    EXPECT(wharf_send(pair.near, "hello\r\n\4more3:two,rest", 21) == 21);
    EXPECT(wharf_recv_frame(pair.far, NULL, got, sizeof(got), &len) == 1 && len == 5);
    EXPECT(wharf_recv_frame(pair.far, record, got, sizeof(got), &len) == 1 && len == 4);
    const wharf_framing *netstring = WHARF_OPTIONS(wharf_framing, .kind = WHARF_FRAME_NETSTRING);
    EXPECT(wharf_recv_frame(pair.far, netstring, got, sizeof(got), &len) == 1 && len == 3);
    EXPECT(wharf_recv_exact(pair.far, got, 3) == 3 && memcmp(got, "res", 3) == 0);
    frame_end(pair);
    return 0;
}

/* What failed has taken nothing. */
static int a_frame_can_be_asked_for_again(void *arg) {
    (void)arg;
    struct frame_pair pair = frame_pair(NULL);
    char got[16];
    size_t len = 0;
    int rc = 0;
    EXPECT(wharf_send(pair.near, "0123456789", 10) == 10);
    WHARF_WITHIN (10) {
        rc = wharf_recv_frame(pair.far, NULL, got, sizeof(got), &len);
    }
    EXPECT(rc == -ETIMEDOUT);
    EXPECT(wharf_send(pair.near, "ab\nx", 4) == 4);
    EXPECT(wharf_recv_frame(pair.far, NULL, got, 4, &len) == -EMSGSIZE);
    EXPECT(wharf_recv_frame(pair.far, NULL, got, sizeof(got), &len) == 1 && len == 12);
    EXPECT(wharf_shutdown_write(pair.near) == 0);
    EXPECT(wharf_recv_frame(pair.far, NULL, got, sizeof(got), &len) == -WHARF_EEOF);
    EXPECT(wharf_recv(pair.far, got, sizeof(got)) == 1);
    frame_end(pair);
    return 0;
}

static int a_limit_is_kept_and_named(void *arg) {
    (void)arg;
    const wharf_framing *small = WHARF_OPTIONS(wharf_framing, .kind = WHARF_FRAME_NETSTRING, .max_bytes = 8);
    const wharf_framing *byte = WHARF_OPTIONS(wharf_framing, .kind = WHARF_FRAME_LENGTH_1);
    const wharf_framing *wrong = WHARF_OPTIONS(wharf_framing, .kind = (wharf_frame_kind)99);
    struct frame_pair pair = frame_pair(NULL);
    char got[300] = "";
    size_t len = 0;
    EXPECT(wharf_send(pair.near, "9:", 2) == 2);
    EXPECT(wharf_recv_frame(pair.far, small, got, sizeof(got), &len) == -WHARF_ELIMIT);
    EXPECT(strstr(wharf_why(), "max_bytes, 8") != NULL);
    EXPECT(wharf_send_frame(pair.near, small, "123456789", 9) == -WHARF_ELIMIT);
    EXPECT(wharf_send_frame(pair.near, byte, got, 256) == -WHARF_ELIMIT);
    EXPECT(wharf_send_frame(pair.near, NULL, "a\nb", 3) == -EINVAL);
    EXPECT(wharf_send_frame(pair.near, wrong, "a", 1) == -EINVAL);
    EXPECT(wharf_recv_frame(pair.far, wrong, got, sizeof(got), &len) == -EINVAL);
    frame_end(pair);
    EXPECT(wharf_recv_frame(pair.far, NULL, got, sizeof(got), &len) == -EBADF);
    return 0;
}

static int a_broken_frame_says_what_is_wrong(void *arg) {
    (void)arg;
    const wharf_framing *netstring = WHARF_OPTIONS(wharf_framing, .kind = WHARF_FRAME_NETSTRING);
    struct frame_pair pair = frame_pair(NULL);
    char got[16];
    size_t len = 0;
    EXPECT(wharf_send(pair.near, "1:a;", 4) == 4);
    EXPECT(wharf_recv_frame(pair.far, netstring, got, sizeof(got), &len) == -WHARF_EPROTOCOL);
    EXPECT(strstr(wharf_why(), "ends with a comma") != NULL);
    frame_end(pair);
    return 0;
}

static const struct {
    const char *name;
    wharf_fn run;
} frame_scenarios[] = {
    {"every_frame_arrives_as_it_was_sent", every_frame_arrives_as_it_was_sent},
    {"framings_change_in_the_middle", framings_change_in_the_middle},
    {"a_frame_can_be_asked_for_again", a_frame_can_be_asked_for_again},
    {"a_limit_is_kept_and_named", a_limit_is_kept_and_named},
    {"a_broken_frame_says_what_is_wrong", a_broken_frame_says_what_is_wrong},
};

enum { FRAME_SCENARIOS = sizeof(frame_scenarios) / sizeof(frame_scenarios[0]) };

#endif
