/* Writers through the public calls: each scenario runs on the simulated network and on sockets of the kernel. */
#ifndef TESTS_SIM_WRITER_SCENARIOS_H
#define TESTS_SIM_WRITER_SCENARIOS_H

#include <errno.h>

#include "scenario.h"

enum { WRITER_LINES = 500, WRITER_LARGE = 1 << 20 };

struct writer_ends {
    wharf_sock near, far;
};

static struct writer_ends writer_ends(void) {
    wharf_sock ends[2] = {{-EBADF}, {-EBADF}};
    EXPECT(wharf_socket_pair("unix", ends) == 0);
    return (struct writer_ends){ends[0], ends[1]};
}

static int write_lines(void *arg) {
    struct writer_ends ends = *(struct writer_ends *)arg;
    char room[100];
    wharf_writer out;
    wharf_writer_init(&out, ends.near, room, sizeof(room));
    for (int i = 0; i < WRITER_LINES; i++) {
        int len = snprintf(NULL, 0, "line %d\n", i * i);
        EXPECT(wharf_writer_printf(&out, "line %d\n", i * i) == len);
        EXPECT(out.used <= sizeof(room) && out.taken == (size_t)len);
    }
    EXPECT(wharf_writer_flush(&out) == 0 && out.used == 0);
    EXPECT(wharf_writer_flush(&out) == 0);
    return wharf_shutdown_write(ends.near);
}

static int lines_arrive_in_order(void *arg) {
    (void)arg;
    struct writer_ends ends = writer_ends();
    char line[64], wanted[64];
    WHARF_SCOPE (scope, NULL) {
        EXPECT(wharf_go(scope, write_lines, ends) == 0);
        for (int i = 0; i < WRITER_LINES; i++) {
            ssize_t len = wharf_recv_until(ends.far, line, sizeof(line), "\n");
            EXPECT(len == snprintf(wanted, sizeof(wanted), "line %d\n", i * i));
            EXPECT(len > 0 && memcmp(line, wanted, (size_t)len) == 0);
        }
        EXPECT(wharf_recv(ends.far, line, sizeof(line)) == 0);
    }
    EXPECT(wharf_close(ends.near) == 0 && wharf_close(ends.far) == 0);
    return 0;
}

/* What has not been flushed has not been sent; then it is one send. */
static int nothing_leaves_before_it_must(void *arg) {
    (void)arg;
    struct writer_ends ends = writer_ends();
    char room[16], got[64];
    wharf_writer out;
    wharf_writer_init(&out, ends.near, room, sizeof(room));
    EXPECT(wharf_writer_write(&out, "0123456789", 10) == 10);
    EXPECT(wharf_writer_write(&out, "abcdef", 6) == 6 && out.used == 16);
    WHARF_WITHIN (1) {
        EXPECT(wharf_recv(ends.far, got, sizeof(got)) == -ETIMEDOUT);
    }
    EXPECT(wharf_writer_write(&out, "!", 1) == 1 && out.used == 0 && out.taken == 1);
    EXPECT(wharf_recv_exact(ends.far, got, 17) == 17 && memcmp(got, "0123456789abcdef!", 17) == 0);
    EXPECT(wharf_writer_write(&out, "", 0) == 0 && out.used == 0);
    EXPECT(wharf_writer_write(&out, "more than there is room for", 27) == 27 && out.used == 0);
    EXPECT(wharf_recv_exact(ends.far, got, 27) == 27);
    EXPECT(wharf_writer_printf(&out, "%s", "0123456789abcdef") == -EMSGSIZE && out.used == 0 &&
           out.taken == 0);
    EXPECT(wharf_writer_printf(&out, "%s", "0123456789abcde") == 15 && out.used == 15);
    EXPECT(wharf_close(ends.near) == 0);
    EXPECT(wharf_recv(ends.far, got, sizeof(got)) == 0);
    EXPECT(wharf_writer_flush(&out) == -EBADF && out.used == 15);
    EXPECT(wharf_close(ends.far) == 0);
    return 0;
}

/* A deadline in the middle of a large piece loses nothing: what was taken is known, and the rest can be written. */
static int a_deadline_loses_nothing(void *arg) {
    (void)arg;
    static char sent[WRITER_LARGE], got[WRITER_LARGE + 5];
    struct writer_ends ends = writer_ends();
    char room[8];
    wharf_writer out;
    memset(sent, 's', sizeof(sent));
    wharf_writer_init(&out, ends.near, room, sizeof(room));
    EXPECT(wharf_writer_write(&out, "head:", 5) == 5);
    WHARF_WITHIN (1) {
        EXPECT(wharf_writer_write(&out, sent, sizeof(sent)) == -ETIMEDOUT);
    }
    size_t taken = out.taken;
    EXPECT(taken < sizeof(sent) && out.used + (taken > 0 ? 5 : 0) <= 5);
    size_t len = 0;
    while (len < taken + 5 - out.used) {
        ssize_t more = wharf_recv(ends.far, got + len, taken + 5 - out.used - len);
        EXPECT(more > 0);
        len += more > 0 ? (size_t)more : sizeof(got);
    }
    EXPECT(wharf_writer_flush(&out) == 0);
    EXPECT(wharf_writer_write(&out, "tail", 4) == 4 && wharf_writer_flush(&out) == 0);
    EXPECT(wharf_shutdown_write(ends.near) == 0);
    ssize_t rest = wharf_recv_exact(ends.far, got + len, 4 + (taken + 5 - len));
    EXPECT(rest == (ssize_t)(4 + (taken + 5 - len)));
    EXPECT(memcmp(got, "head:", 5) == 0 && memcmp(got + 5 + taken, "tail", 4) == 0);
    EXPECT(taken == 0 || (got[5] == 's' && got[4 + taken] == 's'));
    EXPECT(wharf_close(ends.near) == 0 && wharf_close(ends.far) == 0);
    return 0;
}

static const struct writer_scenario {
    const char *name;
    wharf_fn run;
} writer_scenarios[] = {
    {"lines_arrive_in_order", lines_arrive_in_order},
    {"nothing_leaves_before_it_must", nothing_leaves_before_it_must},
    {"a_deadline_loses_nothing", a_deadline_loses_nothing},
};

enum { WRITER_SCENARIOS = sizeof(writer_scenarios) / sizeof(writer_scenarios[0]) };

#endif
