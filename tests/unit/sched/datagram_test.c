/* Datagrams on the kernel's engine: batches, truncation, local addresses, descriptors, errors that pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* a failure is recorded by it */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "sched/datagram.h"
#include "sched/internal.h"
#include "sched/kernel.h"
#include "wharf/task.h"

/* A UDP socket of 127.0.0.1 on the scheduler. */
static struct io *udp_open(struct sockaddr_in *ret_address) {
    struct sched *sched = sched_current();
    const struct engine *engine = sched_engine();
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_storage name;
    socklen_t len = 0;
    struct io *io = NULL;
    int fd = engine->socket(sched, AF_INET, SOCK_DGRAM);
    assert_true(fd >= 0);
    assert_int_equal(engine->bind(sched, fd, (struct sockaddr *)&any, sizeof any), 0);
    assert_int_equal(engine->local_name(sched, fd, &name, &len), 0);
    memcpy(ret_address, &name, sizeof *ret_address);
    assert_int_equal(io_open(fd, IO_READ | IO_WRITE, &io), 0);
    io_is_datagrams(io);
    return io;
}

static struct datagram datagram_to(struct iovec *piece, struct sockaddr_storage *storage,
                                   const struct sockaddr_in *to) {
    memcpy(storage, to, sizeof *to);
    return (struct datagram){.pieces = piece, .piece_count = 1, .peer = storage, .peer_len = sizeof *to};
}

static void a_datagram_says_from_whom_and_where_it_came(void **state) {
    (void)state;
    struct sockaddr_in here, there;
    struct io *receiver = udp_open(&here);
    struct io *sender = udp_open(&there);
    const struct engine *engine = sched_engine();
    assert_int_equal(engine->set_option(sched_current(), receiver->fd, IPPROTO_IP, IP_PKTINFO, 1), 0);
    struct sockaddr_storage to, from;
    char text[] = "hello", buffer[16];
    struct iovec out = {text, 5}, in = {buffer, sizeof buffer};
    struct datagram sent = datagram_to(&out, &to, &here);
    assert_int_equal(io_send_datagrams(sender, &sent, 1), 1);
    assert_int_equal(sent.size, 5);
    struct datagram got = {.pieces = &in, .piece_count = 1, .peer = &from};
    assert_int_equal(io_recv_datagrams(receiver, &got, 1), 1);
    assert_int_equal(got.size, 5);
    assert_int_equal(got.whole, 5);
    assert_memory_equal(buffer, "hello", 5);
    assert_memory_equal(&from, &there, 8); /* family, port, address */
    assert_int_equal(got.local.family, AF_INET);
    assert_int_equal(got.local.v4.s_addr, htonl(INADDR_LOOPBACK));
    assert_true(got.local.interface > 0);
    io_close(receiver, false);
    io_close(sender, false);
}

static void a_short_buffer_shows_what_was_cut(void **state) {
    (void)state;
    struct sockaddr_in here, there;
    struct io *receiver = udp_open(&here);
    struct io *sender = udp_open(&there);
    struct sockaddr_storage to;
    char bytes[100] = "0123456789", buffer[4];
    struct iovec out = {bytes, sizeof bytes}, in = {buffer, sizeof buffer};
    struct datagram sent = datagram_to(&out, &to, &here);
    assert_int_equal(io_send_datagrams(sender, &sent, 1), 1);
    out.iov_len = 0; /* an empty datagram is one too */
    assert_int_equal(io_send_datagrams(sender, &sent, 1), 1);
    struct datagram got = {.pieces = &in, .piece_count = 1};
    assert_int_equal(io_recv_datagrams(receiver, &got, 1), 1);
    assert_int_equal(got.size, 4);
    assert_int_equal(got.whole, 100);
    assert_memory_equal(buffer, "0123", 4);
    assert_int_equal(io_recv_datagrams(receiver, &got, 1), 1);
    assert_int_equal(got.size, 0);
    assert_int_equal(got.whole, 0);
    io_close(receiver, false);
    io_close(sender, false);
}

static void many_travel_at_once(void **state) {
    (void)state;
    enum { COUNT = DATAGRAMS_AT_ONCE + 8 };
    struct sockaddr_in here, there;
    struct io *receiver = udp_open(&here);
    struct io *sender = udp_open(&there);
    struct sockaddr_storage to[COUNT];
    char bytes[COUNT], buffers[COUNT][8];
    struct iovec out[COUNT], in[COUNT];
    struct datagram sent[COUNT], got[COUNT];
    for (int i = 0; i < COUNT; i++) {
        bytes[i] = (char)i;
        out[i] = (struct iovec){&bytes[i], 1};
        in[i] = (struct iovec){buffers[i], sizeof buffers[i]};
        sent[i] = datagram_to(&out[i], &to[i], &here);
        got[i] = (struct datagram){.pieces = &in[i], .piece_count = 1};
    }
    int done = io_send_datagrams(sender, sent, COUNT);
    assert_int_equal(done, DATAGRAMS_AT_ONCE);
    assert_int_equal(io_send_datagrams(sender, sent + done, COUNT - done), 8);
    int received = 0;
    while (received < COUNT) {
        int n = io_recv_datagrams(receiver, got + received, COUNT - received);
        assert_true(n > 0);
        received += n;
    }
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(got[i].size, 1);
        assert_int_equal(buffers[i][0], i);
    }
    assert_int_equal(io_try_recv_datagrams(receiver, got, 1), -EAGAIN);
    io_close(receiver, false);
    io_close(sender, false);
}

static int receive_one(void *arg) {
    struct io *io = *(struct io **)arg;
    char buffer[8];
    struct iovec in = {buffer, sizeof buffer};
    struct datagram got = {.pieces = &in, .piece_count = 1};
    int rc = io_recv_datagrams(io, &got, 1);
    return rc == 1 ? (int)got.size : rc;
}

static void a_datagram_wakes_the_reader_and_closing_does(void **state) {
    (void)state;
    struct sockaddr_in here, there;
    struct io *receiver = udp_open(&here);
    struct io *sender = udp_open(&there);
    wharf_task task = wharf_spawn(NULL, receive_one, &receiver, sizeof receiver, NULL);
    int result = 0;
    wharf_yield();
    struct sockaddr_storage to;
    char text[] = "hi";
    struct iovec out = {text, 2};
    struct datagram sent = datagram_to(&out, &to, &here);
    assert_int_equal(io_send_datagrams(sender, &sent, 1), 1);
    assert_int_equal(wharf_join(task, &result), 0);
    assert_int_equal(result, 2);
    task = wharf_spawn(NULL, receive_one, &receiver, sizeof receiver, NULL);
    wharf_yield();
    io_close(receiver, false);
    assert_int_equal(wharf_join(task, &result), 0);
    assert_int_equal(result, -ECANCELED);
    io_close(sender, false);
}

static void a_refusal_is_one_error_and_not_the_end(void **state) {
    (void)state;
    struct sockaddr_in here, gone;
    const struct engine *engine = sched_engine();
    struct io *other = udp_open(&gone);
    struct io *io = udp_open(&here);
    io_close(other, false); /* its port is nobody's now */
    assert_int_equal(engine->connect(sched_current(), io->fd, (struct sockaddr *)&gone, sizeof gone), 0);
    wharf_task task = wharf_spawn(NULL, receive_one, &io, sizeof io, NULL);
    int result = 0;
    wharf_yield();
    char text[] = "anyone?";
    struct iovec out = {text, 7};
    struct datagram sent = {.pieces = &out, .piece_count = 1};
    assert_int_equal(io_send_datagrams(io, &sent, 1), 1);
    assert_int_equal(wharf_join(task, &result), 0);
    assert_int_equal(result, -ECONNREFUSED);
    assert_int_equal(io->ready & (IO_BROKEN | IO_HANGUP), 0);
    char buffer[8];
    struct iovec in = {buffer, sizeof buffer};
    struct datagram got = {.pieces = &in, .piece_count = 1};
    assert_int_equal(io_try_recv_datagrams(io, &got, 1), -EAGAIN);
    io_close(io, false);
}

/* Descriptors in use below 64. */
static int count_open(void) {
    int count = 0;
    for (int fd = 0; fd < 64; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    return count;
}

static void descriptors_without_room_are_closed(void **state) {
    (void)state;
    static const int rooms[] = {0, 1, 2, 3};
    for (size_t i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
        int ends[2], fds[3] = {-1, -1, -1}, passed[3] = {0, 1, 2};
        struct io *io = NULL;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
        assert_int_equal(io_open(ends[0], IO_READ | IO_WRITE, &io), 0);
        char text[] = "3 fds", buffer[8];
        struct iovec out = {text, 5}, in = {buffer, sizeof buffer};
        struct datagram sent = {.pieces = &out, .piece_count = 1, .fds = passed, .fd_count = 3};
        assert_int_equal(kernel_send_datagrams(NULL, ends[1], &sent, 1), 1);
        int before = count_open();
        struct datagram got = {.pieces = &in, .piece_count = 1, .fds = fds, .fd_max = rooms[i]};
        assert_int_equal(io_recv_datagrams(io, &got, 1), 1);
        assert_int_equal(got.size, 5);
        assert_int_equal(got.fd_count, rooms[i]);
        assert_int_equal(got.fds_cut, rooms[i] < 3);
        assert_int_equal(count_open(), before + rooms[i]);
        for (int each = 0; each < got.fd_count; each++) {
            assert_int_equal(fcntl(fds[each], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
            close(fds[each]);
        }
        close(ends[1]);
        io_close(io, false);
    }
}

static void a_stream_ends_with_no_bytes(void **state) {
    (void)state;
    int ends[2];
    struct io *io = NULL;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(io_open(ends[0], IO_READ | IO_WRITE, &io), 0);
    close(ends[1]);
    assert_int_equal(receive_one(&io), 0);
    io_close(io, false);
}

/* A read of a Unix stream stops where descriptors were sent, with more behind. */
static void a_short_read_of_a_unix_stream_is_not_the_last(void **state) {
    (void)state;
    int ends[2], passed = 0;
    struct io *io = NULL;
    char buffer[16];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(io_open(ends[0], IO_READ | IO_WRITE, &io), 0);
    char text[] = "ab";
    struct iovec out = {text, 1};
    struct datagram sent = {.pieces = &out, .piece_count = 1, .fds = &passed, .fd_count = 1};
    assert_int_equal(kernel_send_datagrams(NULL, ends[1], &sent, 1), 1);
    assert_int_equal(write(ends[1], "b", 1), 1);
    assert_int_equal(io_recv(io, buffer, sizeof buffer), 1);
    assert_int_equal(io_try_recv(io, buffer, sizeof buffer), 1);
    close(ends[1]);
    io_close(io, false);
}

/* Nobody tells a sender by name that the other's queue has room again: it asks. */
static int send_until_full_and_once_more(void *arg) {
    struct io *io = *(struct io **)arg;
    struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = "\0wharf-datagram-test"};
    struct sockaddr_storage storage;
    memcpy(&storage, &to, sizeof to);
    char text[] = "x";
    struct iovec out = {text, 1};
    struct datagram sent = {.pieces = &out, .piece_count = 1, .peer = &storage, .peer_len = sizeof to};
    int count = 0;
    while (io_try_send_datagrams(io, &sent, 1) == 1) {
        count++;
    }
    int rc = io_send_datagrams(io, &sent, 1);
    return rc == 1 ? count : rc;
}

static void a_full_unix_queue_is_asked_again(void **state) {
    (void)state;
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "\0wharf-datagram-test"};
    int receiver = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct io *io = NULL;
    assert_int_equal(bind(receiver, (struct sockaddr *)&name, sizeof name), 0);
    assert_int_equal(io_open(sender, IO_READ | IO_WRITE, &io), 0);
    io_is_datagrams(io);
    wharf_task task = wharf_spawn(NULL, send_until_full_and_once_more, &io, sizeof io, NULL);
    wharf_yield(); /* it waits for room */
    char byte = 0;
    while (recv(receiver, &byte, 1, 0) == 1) {
    }
    int result = 0;
    assert_int_equal(wharf_join(task, &result), 0);
    assert_true(result > 0);
    assert_int_equal(recv(receiver, &byte, 1, 0), 1);
    io_close(io, false);
    close(receiver);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_datagram_says_from_whom_and_where_it_came),
        cmocka_unit_test(a_short_buffer_shows_what_was_cut),
        cmocka_unit_test(many_travel_at_once),
        cmocka_unit_test(a_datagram_wakes_the_reader_and_closing_does),
        cmocka_unit_test(a_refusal_is_one_error_and_not_the_end),
        cmocka_unit_test(descriptors_without_room_are_closed),
        cmocka_unit_test(a_stream_ends_with_no_bytes),
        cmocka_unit_test(a_short_read_of_a_unix_stream_is_not_the_last),
        cmocka_unit_test(a_full_unix_queue_is_asked_again),
    };
    return cmocka_run_group_tests_name("datagram", tests, NULL, NULL);
}
