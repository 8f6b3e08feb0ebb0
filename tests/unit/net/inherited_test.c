/* Sockets that a process is given when it starts. Each case is a process of its own, forked before there is a runtime, whose
 * descriptors 3 and up and whose environment are as a service manager makes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wharf/wharf.h"

#define CHECK(condition)                                                                             \
    do {                                                                                             \
        if (!(condition)) {                                                                          \
            fprintf(stderr, "line %d: does not hold: %s (%s)\n", __LINE__, #condition, wharf_why()); \
            _exit(1);                                                                                \
        }                                                                                            \
    } while (0)

static void in_a_process(void (*run)(void)) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        run();
        _exit(0);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* A socket of 127.0.0.1, at the number `fd`. */
static void put_socket(int fd, int type, bool listening) {
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int made = socket(AF_INET, type, 0);
    CHECK(made >= 0 && bind(made, (struct sockaddr *)&any, sizeof any) == 0);
    CHECK(!listening || listen(made, 8) == 0);
    if (made != fd) {
        CHECK(dup2(made, fd) == fd);
        close(made);
    }
}

static void put_environment(long pid, const char *count, const char *names) {
    char number[32];
    snprintf(number, sizeof number, "%ld", pid);
    CHECK(setenv("LISTEN_PID", number, 1) == 0 && setenv("LISTEN_FDS", count, 1) == 0);
    CHECK((names != NULL ? setenv("LISTEN_FDNAMES", names, 1) : unsetenv("LISTEN_FDNAMES")) == 0);
}

static void greet_on(wharf_sock listener) {
    char address[WHARF_ADDRESS_SIZE], byte = 0;
    CHECK(wharf_local_address(listener, address, sizeof address) > 0);
    wharf_sock near = wharf_dial(address);
    wharf_sock far = wharf_accept(listener);
    CHECK(!wharf_failed(near) && !wharf_failed(far));
    CHECK(wharf_send(near, "x", 1) == 1 && wharf_recv(far, &byte, 1) == 1);
    CHECK(wharf_close(near) == 0 && wharf_close(far) == 0);
}

static void run_names(void) {
    put_socket(3, SOCK_STREAM, true);
    put_socket(4, SOCK_STREAM, true);
    put_socket(5, SOCK_DGRAM, false);
    put_socket(6, SOCK_STREAM, true);
    put_environment(getpid(), "4", "http:admin:stats:http");
    wharf_sock http = wharf_serve_on("systemd:http"); /* two of this name: one listener */
    CHECK(!wharf_failed(http));
    CHECK(fcntl(3, F_GETFD) == FD_CLOEXEC);
    greet_on(http);
    wharf_sock again = wharf_serve_on("systemd:http");
    CHECK(wharf_error(again) == -EBUSY);
    wharf_sock nobody = wharf_serve_on("systemd:https");
    CHECK(wharf_error(nobody) == -ENOENT);
    CHECK(strstr(wharf_why(), "http:admin:stats:http") != NULL);
    wharf_sock admin = wharf_serve_on("systemd:admin");
    greet_on(admin);
    wharf_sock stats = wharf_serve_on("systemd:stats");
    char address[WHARF_ADDRESS_SIZE], byte = 0;
    CHECK(wharf_local_address(stats, address, sizeof address) > 0);
    CHECK(strncmp(address, "udp://127.0.0.1:", 16) == 0);
    wharf_sock client = wharf_dial(address);
    CHECK(wharf_send(client, "x", 1) == 1 && wharf_recv(stats, &byte, 1) == 1);
    CHECK(wharf_close(http) == 0 && wharf_close(admin) == 0 && wharf_close(stats) == 0);
    CHECK(fcntl(3, F_GETFD) < 0 && fcntl(6, F_GETFD) < 0);
}

static void sockets_are_found_by_name(void **state) {
    (void)state;
    in_a_process(run_names);
}

static void run_unnamed(void) {
    put_socket(3, SOCK_STREAM, true);
    put_environment(getpid(), "1", NULL);
    wharf_sock listener = wharf_serve_on("systemd:unknown");
    CHECK(!wharf_failed(listener));
    greet_on(listener);
}

static void without_names_all_are_unknown(void **state) {
    (void)state;
    in_a_process(run_unnamed);
}

static void run_other(void) {
    put_socket(3, SOCK_STREAM, true);
    put_environment(getppid(), "1", NULL);
    CHECK(wharf_serve_on("systemd:unknown").id == -ENOENT);
    put_environment(getpid(), "one", NULL);
    CHECK(wharf_serve_on("systemd:unknown").id == -ENOENT);
    CHECK(unsetenv("LISTEN_FDS") == 0);
    CHECK(wharf_serve_on("systemd:unknown").id == -ENOENT);
    CHECK(strstr(wharf_why(), "passed no sockets") != NULL);
    put_environment(getpid(), "2", "a:b");
    close(4);
    CHECK(wharf_serve_on("systemd:b").id == -EBADF); /* promised, and not there */
    CHECK(fcntl(3, F_GETFD) >= 0);                   /* nobody has touched it */
}

static void those_for_another_process_are_left_alone(void **state) {
    (void)state;
    in_a_process(run_other);
}

static void run_numbers(void) {
    put_socket(7, SOCK_STREAM, false);
    wharf_sock listener = wharf_serve_on("fd:7"); /* bound; it begins to listen here */
    CHECK(!wharf_failed(listener));
    greet_on(listener);
    CHECK(wharf_close(listener) == 0);
    CHECK(wharf_serve_on("fd:7").id == -EBADF);
    CHECK(strstr(wharf_why(), "descriptor 7") != NULL);
    int ends[2];
    char name[16], byte = 0;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    snprintf(name, sizeof name, "fd:%d", ends[0]);
    wharf_sock sock = wharf_dial(name);
    CHECK(!wharf_failed(sock) && write(ends[1], "x", 1) == 1 && wharf_recv(sock, &byte, 1) == 1);
    CHECK(wharf_close(sock) == 0);
    int null = open("/dev/null", O_RDONLY);
    snprintf(name, sizeof name, "fd:%d", null);
    CHECK(wharf_serve_on(name).id == -ENOTSOCK);
    CHECK(wharf_dial(name).id == -ENOTSOCK);
}

static void numbers_name_open_sockets(void **state) {
    (void)state;
    in_a_process(run_numbers);
}

static int serve_on_this_core(void *arg) {
    (void)arg;
    wharf_sock listener = wharf_serve_on("systemd:unknown");
    if (wharf_failed(listener)) {
        return wharf_error(listener);
    }
    return wharf_close(listener);
}

static void run_cores(void) {
    put_socket(3, SOCK_STREAM, true);
    put_environment(getpid(), "1", NULL);
    CHECK(wharf_run(1, serve_on_this_core, NULL) == 0);
}

static void a_run_takes_them(void **state) {
    (void)state;
    in_a_process(run_cores);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sockets_are_found_by_name),
        cmocka_unit_test(without_names_all_are_unknown),
        cmocka_unit_test(those_for_another_process_are_left_alone),
        cmocka_unit_test(numbers_name_open_sockets),
        cmocka_unit_test(a_run_takes_them),
    };
    return cmocka_run_group_tests_name("inherited", tests, NULL, NULL);
}
