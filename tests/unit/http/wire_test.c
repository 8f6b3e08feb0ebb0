/* A connection's bytes, over a stream that is a script. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "http/wire.h"
#include "sched/sched.h"

/* What the peer sends, in pieces of `step` bytes, and what it was sent. */
static struct {
    const char *input;
    size_t len, at, step;
    char output[200000];
    size_t output_len, output_step;
    int send_error;
} script;

static ssize_t script_recv(struct stream *stream, void *buffer, size_t size) {
    (void)stream;
    size_t count = script.len - script.at;
    count = count < script.step ? count : script.step;
    count = count < size ? count : size;
    memcpy(buffer, script.input + script.at, count);
    script.at += count;
    return (ssize_t)count;
}

static ssize_t script_send(struct stream *stream, const struct iovec *pieces, int count, bool more) {
    (void)stream;
    (void)count;
    (void)more;
    if (script.send_error < 0 && script.output_len > 0) {
        return script.send_error;
    }
    size_t len = pieces[0].iov_len < script.output_step ? pieces[0].iov_len : script.output_step;
    memcpy(script.output + script.output_len, pieces[0].iov_base, len);
    script.output_len += len;
    return (ssize_t)len;
}

static const struct stream_type SCRIPT = {.name = "script",
                                          .recv = script_recv,
                                          .try_recv = script_recv,
                                          .send = script_send,
                                          .try_send = script_send};

static struct stream stream = {.type = &SCRIPT};

static void wire_open(struct wire *wire, const char *input, size_t step) {
    memset(&script, 0, sizeof(script));
    script.input = input;
    script.len = strlen(input);
    script.step = step;
    script.output_step = SIZE_MAX;
    wire_init(wire, &stream, 2 * BLOCK_SIZE);
}

static void a_held_head_stays_while_the_rest_is_refilled(void **state) {
    (void)state;
    static char input[100000];
    memset(input, 'x', sizeof(input) - 1);
    memcpy(input, "head", 4);
    struct wire wire;
    wire_open(&wire, input, 5000);
    assert_true(wire_fill(&wire) > 0);
    wharf_str head = wire_view(&wire);
    head.len = 4;
    wire_hold(&wire, 4);
    for (int i = 0; i < 10; i++) {
        wire_consume(&wire, wire_unread(&wire) - 1); /* never empty, so it has to be moved */
        ssize_t count = wire_fill(&wire);
        assert_true(count > 0);
        assert_memory_equal(head.ptr, "head", 4);
    }
    for (int i = 0; i < 4; i++) {
        assert_true(wire_fill(&wire) > 0); /* and now it grows, into other memory */
        assert_memory_equal(head.ptr, "head", 4);
    }
    assert_int_equal(wire.received, (int64_t)script.at);
    wire_release(&wire);
    wire_deinit(&wire);
}

static void unread_bytes_have_a_maximum(void **state) {
    (void)state;
    static char input[100000];
    memset(input, 'x', sizeof(input) - 1);
    struct wire wire;
    wire_open(&wire, input, SIZE_MAX);
    ssize_t count = 1;
    while (count > 0) {
        count = wire_fill(&wire);
    }
    assert_int_equal(count, -WHARF_ELIMIT);
    assert_true(wire_unread(&wire) <= 4 * BLOCK_SIZE);
    wire_deinit(&wire);
}

static const struct {
    const char *input;
    enum h1_framing framing;
    uint64_t length;
    int result;
    const char *body, *rest;
} BODIES[] = {
    {"hello next", H1_BODY_LENGTH, 5, 0, "hello", " next"},
    {"hel", H1_BODY_LENGTH, 5, -WHARF_EEOF, "hel", ""},
    {"next", H1_BODY_NONE, 0, 0, "", "next"},
    {"all of it", H1_BODY_UNTIL_CLOSE, 0, 0, "all of it", ""},
    {"5\r\nhello\r\n1;a=b\r\n!\r\n0\r\nT: x\r\n\r\nnext", H1_BODY_CHUNKED, 0, 0, "hello!", "next"},
    {"5\r\nhello\r\n", H1_BODY_CHUNKED, 0, -WHARF_EEOF, "hello", ""},
    {"5\r\nhello!\r\n", H1_BODY_CHUNKED, 0, -WHARF_EPROTOCOL, "hello", NULL},
};

static void bodies_are_the_same_in_any_pieces(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(BODIES) / sizeof(BODIES[0]) * 40; i++) {
        const size_t row = i / 40;
        struct wire wire;
        struct h1_body body;
        struct h1_error error;
        char got[64];
        size_t len = 0;
        ssize_t count = 1;
        wire_open(&wire, BODIES[row].input, 1 + i % 40);
        h1_body_init(&body, BODIES[row].framing, BODIES[row].length, &h1_limits_server, NULL);
        while (count > 0) {
            count = wire_read_body(&wire, &body, got + len, 1 + i % 3, &error);
            len += count > 0 ? (size_t)count : 0;
        }
        assert_int_equal(count, BODIES[row].result);
        assert_int_equal(len, strlen(BODIES[row].body));
        assert_memory_equal(got, BODIES[row].body, len);
        while (count == 0 && wire_fill(&wire) > 0) {
        }
        if (BODIES[row].rest != NULL) {
            assert_true(wharf_str_is(wire_view(&wire), BODIES[row].rest));
        }
        wire_deinit(&wire);
    }
}

static void skipping_stops_at_its_maximum(void **state) {
    (void)state;
    static char input[20000];
    memset(input, 'x', sizeof(input) - 1);
    for (uint64_t most = 9000; most <= 12000; most += 3000) {
        struct wire wire;
        struct h1_body body;
        struct h1_error error;
        wire_open(&wire, input, 100);
        h1_body_init(&body, H1_BODY_LENGTH, 10000, &h1_limits_server, NULL);
        assert_int_equal(wire_skip_body(&wire, &body, most, &error), most < 10000 ? -EMSGSIZE : 0);
        wire_deinit(&wire);
    }
}

static void output_leaves_in_order_whatever_the_stream_takes(void **state) {
    (void)state;
    static char large[40000];
    memset(large, 'L', sizeof(large));
    for (size_t step = 1; step < 3000; step = step * 3 + 1) {
        struct wire wire;
        wire_open(&wire, "", 1);
        script.output_step = step;
        assert_int_equal(wire_write(&wire, "first ", 6), 0);
        assert_int_equal(script.output_len, 0);
        assert_int_equal(wire_write(&wire, large, sizeof(large)), 0);
        assert_int_equal(wire_write(&wire, " last", 5), 0);
        assert_int_equal(wire_flush(&wire), 0);
        assert_int_equal(script.output_len, 6 + sizeof(large) + 5);
        assert_int_equal(wire.sent, (int64_t)script.output_len);
        assert_memory_equal(script.output, "first L", 7);
        assert_memory_equal(script.output + 6 + sizeof(large) - 1, "L last", 6);
        wire_deinit(&wire);
    }
}

static void a_torn_send_is_final(void **state) {
    (void)state;
    static char large[40000];
    struct wire wire;
    wire_open(&wire, "", 1);
    script.output_step = 100;
    script.send_error = -EPIPE;
    assert_int_equal(wire_write(&wire, large, sizeof(large)), -EPIPE);
    assert_int_equal(wire_write(&wire, "x", 1), -EPIPE);
    assert_int_equal(wire_flush(&wire), -EPIPE);
    wire_deinit(&wire);
}

static void nothing_is_borrowed_in_the_end(void **state) {
    (void)state;
    int64_t live = mem_live();
    struct wire wire;
    wire_open(&wire, "x", 1);
    block_put(block_get());
    live = mem_live();
    assert_true(wire_fill(&wire) == 1);
    assert_int_equal(wire_write(&wire, "y", 1), 0);
    wire_deinit(&wire);
    assert_true(mem_live() <= live + 1); /* the pool keeps blocks, at most the second one is new */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_held_head_stays_while_the_rest_is_refilled),
        cmocka_unit_test(unread_bytes_have_a_maximum),
        cmocka_unit_test(bodies_are_the_same_in_any_pieces),
        cmocka_unit_test(skipping_stops_at_its_maximum),
        cmocka_unit_test(output_leaves_in_order_whatever_the_stream_takes),
        cmocka_unit_test(a_torn_send_is_final),
        cmocka_unit_test(nothing_is_borrowed_in_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
