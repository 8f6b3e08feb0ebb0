/* Sockets on the loopback interface: every scenario that the simulator runs, then what only a kernel has - descriptor
 * numbers, limits, files, threads. Ports are the kernel's choice. */
#include "../../sim/net_scenarios.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "net/stream.h"

static void run_all(const char *address) {
    net_address = address;
    for (size_t i = 0; i < NET_SCENARIOS; i++) {
        scenario_broken_line = 0;
        int result = net_scenarios[i].run(NULL);
        if (result != 0 || scenario_broken_line != 0) {
            fail_msg("%s on %s: %d (%s)", net_scenarios[i].name, address, result, wharf_why());
        }
    }
}

static void scenarios_hold_on_ipv4(void **state) {
    (void)state;
    run_all("127.0.0.1:0");
}

static void scenarios_hold_on_ipv6(void **state) {
    (void)state;
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    if (fd < 0) {
        skip();
    }
    close(fd);
    run_all("[::1]:0");
}

/* A directory that is removed again. */
static char directory[64];
static char path_text[96];

static int make_directory(void **state) {
    (void)state;
    snprintf(directory, sizeof(directory), "%s/wharf-net-XXXXXX", P_tmpdir);
    return mkdtemp(directory) != NULL ? 0 : -1;
}

static int remove_directory(void **state) {
    (void)state;
    return rmdir(directory);
}

static const char *path_address(void) {
    snprintf(path_text, sizeof(path_text), "unix:%s/s", directory);
    return path_text;
}

static void scenarios_hold_on_unix_paths(void **state) {
    (void)state;
    run_all(path_address());
}

static void scenarios_hold_on_abstract_names(void **state) {
    (void)state;
    char address[64];
    snprintf(address, sizeof(address), "unix:@wharf-net-test-%d", (int)getpid());
    run_all(address);
}

/* ---- lingering ---- */

static void wait_until_none_lingers(void) {
    WHARF_WITHIN (5000) {
        while (stream_lingering() > 0 && wharf_sleep(1) == 0) {
        }
    }
    assert_int_equal(stream_lingering(), 0);
}

static void lingering_connections_end_with_the_peer(void **state) {
    (void)state;
    net_address = "127.0.0.1:0";
    wait_until_none_lingers();
    struct pair pair = net_pair();
    assert_int_equal(wharf_close(pair.far), 0);
    assert_int_equal(stream_lingering(), 1);
    assert_int_equal(wharf_close(pair.near), 0);
    wait_until_none_lingers();
}

static void closing_after_the_peer_does_not_linger(void **state) {
    (void)state;
    wait_until_none_lingers();
    struct pair pair = net_pair();
    char byte;
    assert_int_equal(wharf_shutdown_write(pair.near), 0);
    assert_int_equal(wharf_recv(pair.far, &byte, 1), 0);
    assert_int_equal(wharf_close(pair.far), 0);
    assert_int_equal(stream_lingering(), 0);
    assert_int_equal(wharf_close(pair.near), 0);
    assert_int_equal(stream_lingering(), 0);
}

/* ---- what a listener stands for ---- */

static void localhost_is_both_families_on_one_port(void **state) {
    (void)state;
    char address[WHARF_ADDRESS_SIZE];
    char other[WHARF_ADDRESS_SIZE];
    wharf_sock listener = wharf_serve_on("tcp://localhost:0");
    assert_false(wharf_failed(listener));
    assert_true(wharf_local_address(listener, address, sizeof(address)) > 0);
    const char *port = strrchr(address, ':');
    static const char *const hosts[] = {"127.0.0.1", "[::1]", "localhost", ""};
    for (size_t i = 0; i < 4; i++) {
        snprintf(other, sizeof(other), "%s%s", hosts[i], port);
        wharf_sock client = wharf_dial(other);
        wharf_sock server = wharf_accept(listener);
        assert_false(wharf_failed(client) || wharf_failed(server));
        assert_int_equal(wharf_close(client), 0);
        assert_int_equal(wharf_close(server), 0);
    }
    wharf_sock second = wharf_serve_on(address);
    assert_int_equal(second.id, -EADDRINUSE);
    assert_int_equal(wharf_detach(listener), -EBUSY);
    assert_int_equal(wharf_close(listener), 0);
}

static void an_empty_host_is_every_interface(void **state) {
    (void)state;
    char address[WHARF_ADDRESS_SIZE];
    char other[WHARF_ADDRESS_SIZE];
    wharf_sock listener = wharf_serve_on(":0");
    assert_false(wharf_failed(listener));
    assert_true(wharf_local_address(listener, address, sizeof(address)) > 0);
    snprintf(other, sizeof(other), "127.0.0.1%s", strrchr(address, ':'));
    wharf_sock v4 = wharf_dial(other);
    wharf_sock server = wharf_accept(listener);
    assert_true(wharf_peer_address(server, other, sizeof(other)) > 0);
    assert_int_equal(strncmp(other, "127.0.0.1:", 10), 0);
    assert_false(wharf_failed(v4));
    assert_int_equal(wharf_close(v4), 0);
    assert_int_equal(wharf_close(server), 0);
    assert_int_equal(wharf_close(listener), 0);
}

/* ---- Unix paths ---- */

static void a_stale_unix_path_is_taken_over_and_a_live_one_is_not(void **state) {
    (void)state;
    const char *address = path_address();
    const char *path = address + strlen("unix:");
    struct stat status;
    wharf_sock listener = wharf_serve_on(address);
    assert_false(wharf_failed(listener));
    assert_int_equal(wharf_serve_on(address).id, -EADDRINUSE);
    int fd = wharf_detach(listener);
    assert_true(fd >= 0);
    close(fd); /* as a program that was killed leaves it */
    assert_int_equal(lstat(path, &status), 0);
    listener = wharf_serve_on(address);
    assert_false(wharf_failed(listener));
    wharf_sock client = wharf_dial(address);
    assert_false(wharf_failed(client));
    assert_int_equal(wharf_close(client), 0);
    assert_int_equal(wharf_close(listener), 0);
    assert_int_equal(lstat(path, &status), -1);
}

static void a_file_that_is_no_socket_is_left_alone(void **state) {
    (void)state;
    const char *address = path_address();
    const char *path = address + strlen("unix:");
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(wharf_serve_on(address).id, -EADDRINUSE);
    assert_int_equal(unlink(path), 0);
}

/* ---- descriptors ---- */

static void a_reused_descriptor_number_is_not_the_old_socket(void **state) {
    (void)state;
    net_address = "127.0.0.1:0";
    struct pair pair = net_pair();
    char byte;
    wharf_sock stale = pair.far;
    int number = wharf_detach(pair.far);
    assert_true(number >= 0);
    pair.far = wharf_adopt(number); /* the same number again */
    assert_false(wharf_failed(pair.far));
    assert_int_equal(wharf_send(pair.near, "x", 1), 1);
    assert_int_equal(wharf_recv(stale, &byte, 1), -EBADF);
    assert_int_equal(wharf_recv(pair.far, &byte, 1), 1);
    net_end(pair);
}

static void adopting_refuses_what_is_no_socket(void **state) {
    (void)state;
    int file = open("/dev/null", O_RDONLY);
    assert_int_equal(wharf_adopt(file).id, -ENOTSOCK);
    assert_int_equal(fcntl(file, F_GETFD), -1); /* owned, so closed */
    int netlink = socket(AF_NETLINK, SOCK_DGRAM, 0);
    assert_int_equal(wharf_adopt(netlink).id, -EPROTONOSUPPORT);
    assert_int_equal(wharf_adopt(12345).id, -EBADF);
    assert_int_equal(wharf_socket("carrier pigeon").id, -EPROTONOSUPPORT);
}

/* In a process of its own, since the limit is the process's. */
static int accept_with_few_descriptors(void) {
    enum { CLIENTS = 8 };
    wharf_sock listener = wharf_serve_on("127.0.0.1:0");
    char address[WHARF_ADDRESS_SIZE];
    wharf_sock clients[CLIENTS];
    if (wharf_local_address(listener, address, sizeof(address)) < 0) {
        return 1;
    }
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = wharf_dial(address);
    }
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    int next = dup(0);
    close(next);
    limit.rlim_cur = (rlim_t)next;
    setrlimit(RLIMIT_NOFILE, &limit);
    wharf_sock server = {0};
    struct timespec begin, end;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
    WHARF_WITHIN (200) {
        server = wharf_accept(listener);
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    int64_t used = (end.tv_sec - begin.tv_sec) * 1000000000 + end.tv_nsec - begin.tv_nsec;
    if (server.id != -ETIMEDOUT || used > 50 * 1000 * 1000) {
        return 2; /* it failed, or it was busy waiting */
    }
    (void)wharf_close(clients[0]);
    (void)wharf_close(clients[1]);
    WHARF_WITHIN (5000) {
        server = wharf_accept(listener);
    }
    return wharf_failed(server) ? 3 : 0;
}

static void accepting_rests_while_descriptors_are_short(void **state) {
    (void)state;
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        /* A program of its own, because a forked scheduler is dead. */
        execl("/proc/self/exe", "socket_test", "few-descriptors", (char *)NULL);
        _exit(9);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* The other program: sends and returns from main at once, with unread input. */
static int send_and_exit(const char *address) {
    char byte;
    net_fill();
    wharf_sock sock = wharf_dial(address);
    bool done = wharf_recv(sock, &byte, 1) == 1 && wharf_send(sock, net_bulk, REPLY) == REPLY;
    return done && wharf_close(sock) == 0 ? 0 : 1;
}

static void what_was_sent_arrives_though_the_program_has_ended(void **state) {
    (void)state;
    int status = 0;
    char address[WHARF_ADDRESS_SIZE];
    net_fill();
    wharf_sock listener = wharf_serve_on("127.0.0.1:0");
    assert_true(wharf_local_address(listener, address, sizeof(address)) > 0);
    pid_t child = fork();
    if (child == 0) {
        execl("/proc/self/exe", "socket_test", "send-and-exit", address, (char *)NULL);
        _exit(9);
    }
    wharf_sock sock = wharf_accept(listener);
    assert_int_equal(wharf_send(sock, net_bulk, BULK / 10), BULK / 10);
    assert_int_equal(net_drain(sock, net_got, BULK), REPLY);
    assert_memory_equal(net_got, net_bulk, REPLY);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(wharf_close(sock), 0);
    assert_int_equal(wharf_close(listener), 0);
}

/* ---- threads ---- */

struct passed {
    int fd;
    int result;
};

static void *answer_on_another_thread(void *arg) {
    struct passed *passed = arg;
    char line[16];
    wharf_sock sock = wharf_adopt(passed->fd);
    ssize_t got = wharf_recv_until(sock, line, sizeof(line), "\n");
    passed->result = got > 0 && wharf_send(sock, line, (size_t)got) == got ? wharf_close(sock) : -1;
    return NULL;
}

static void a_connection_moves_to_another_thread(void **state) {
    (void)state;
    net_address = "127.0.0.1:0";
    struct pair pair = net_pair();
    struct passed passed = {.fd = wharf_detach(pair.far), .result = -1};
    char line[16];
    pthread_t thread;
    assert_true(passed.fd >= 0);
    assert_int_equal(pthread_create(&thread, NULL, answer_on_another_thread, &passed), 0);
    assert_int_equal(wharf_send(pair.near, "hello\n", 6), 6);
    assert_int_equal(wharf_recv_exact(pair.near, line, 6), 6);
    assert_int_equal(wharf_close(pair.near), 0);
    pthread_join(thread, NULL);
    assert_int_equal(passed.result, 0);
}

static void *use_a_foreign_handle(void *arg) {
    const wharf_sock *sock = arg;
    char byte;
    return wharf_recv(*sock, &byte, 1) == -EXDEV ? arg : NULL;
}

static void another_threads_handle_is_refused(void **state) {
    (void)state;
    struct pair pair = net_pair();
    pthread_t thread;
    void *result = NULL;
    assert_int_equal(pthread_create(&thread, NULL, use_a_foreign_handle, &pair.near), 0);
    pthread_join(thread, &result);
    assert_ptr_equal(result, &pair.near);
    net_end(pair);
}

static void a_forbidden_network_is_not_touched(void **state) {
    (void)state;
    char address[WHARF_ADDRESS_SIZE];
    wharf_sock listener = wharf_serve_on("127.0.0.1:0");
    assert_true(wharf_local_address(listener, address, sizeof(address)) > 0);
    assert_false(wharf_forbid_network(true));
    assert_int_equal(wharf_error(wharf_dial(address)), -EPERM);
    wharf_sock local = wharf_serve_on("unix:@wharf-forbidden");
    wharf_sock near = wharf_dial("unix:@wharf-forbidden");
    assert_false(wharf_failed(near));
    assert_true(wharf_forbid_network(false));
    wharf_sock far = wharf_dial(address);
    assert_false(wharf_failed(far));
    (void)wharf_close(far);
    (void)wharf_close(near);
    (void)wharf_close(local);
    (void)wharf_close(listener);
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "few-descriptors") == 0) {
        return accept_with_few_descriptors();
    }
    if (argc > 2 && strcmp(argv[1], "send-and-exit") == 0) {
        return send_and_exit(argv[2]);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_forbidden_network_is_not_touched),
        cmocka_unit_test(scenarios_hold_on_ipv4),
        cmocka_unit_test(scenarios_hold_on_ipv6),
        cmocka_unit_test(scenarios_hold_on_unix_paths),
        cmocka_unit_test(scenarios_hold_on_abstract_names),
        cmocka_unit_test(lingering_connections_end_with_the_peer),
        cmocka_unit_test(closing_after_the_peer_does_not_linger),
        cmocka_unit_test(localhost_is_both_families_on_one_port),
        cmocka_unit_test(an_empty_host_is_every_interface),
        cmocka_unit_test(a_stale_unix_path_is_taken_over_and_a_live_one_is_not),
        cmocka_unit_test(a_file_that_is_no_socket_is_left_alone),
        cmocka_unit_test(a_reused_descriptor_number_is_not_the_old_socket),
        cmocka_unit_test(adopting_refuses_what_is_no_socket),
        cmocka_unit_test(accepting_rests_while_descriptors_are_short),
        cmocka_unit_test(what_was_sent_arrives_though_the_program_has_ended),
        cmocka_unit_test(a_connection_moves_to_another_thread),
        cmocka_unit_test(another_threads_handle_is_refused),
    };
    return cmocka_run_group_tests_name("socket", tests, make_directory, remove_directory);
}
