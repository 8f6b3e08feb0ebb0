/* Running a server on real sockets: several cores, stopping from another thread, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/number.h"
#include "wharf/wharf.h"

enum { CLIENTS = 16 };

static int handle(wharf_request *request, void *arg) {
    int rc = wharf_route(arg, "/late", handle, arg);
    return rc == -EBUSY ? wharf_reply_text(request, 200, wharf_request_peer(request)) : -EIO;
}

/* A blocking client: one request on an own connection, left open. */
static int client_open(const char *address, char *reply, size_t size) {
    static const char REQUEST[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    uint64_t port = 0;
    assert_int_equal(number_parse(wharf_str_of(strrchr(address, ':') + 1), UINT16_MAX, &port), 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    to.sin_port = htons((uint16_t)port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)(void *)&to, sizeof(to)), 0);
    assert_int_equal(send(fd, REQUEST, sizeof(REQUEST) - 1, 0), sizeof(REQUEST) - 1);
    ssize_t len = recv(fd, reply, size - 1, 0);
    assert_true(len > 0);
    reply[len] = '\0';
    return fd;
}

static void *ask_and_stop(void *arg) {
    wharf_server *server = arg;
    int fds[CLIENTS];
    char reply[1024];
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = client_open(wharf_server_address(server, 0), reply, sizeof(reply));
        assert_non_null(strstr(reply, "200 OK"));
        assert_non_null(strstr(reply, "127.0.0.1:"));
    }
    assert_int_equal(wharf_server_stop(server), 0);
    for (int i = 0; i < CLIENTS; i++) {
        assert_int_equal(recv(fds[i], reply, sizeof(reply), 0), 0); /* idle ones are closed */
        close(fds[i]);
    }
    return NULL;
}

static void run_and_stop(int threads) {
    wharf_server *server = wharf_server_new(WHARF_OPTIONS(wharf_server_options, .threads = threads));
    pthread_t thread;
    assert_non_null(server);
    assert_int_equal(wharf_route(server, "/", handle, server), 0);
    assert_int_equal(wharf_server_listen(server, "127.0.0.1:0"), 0);
    assert_int_equal(pthread_create(&thread, NULL, ask_and_stop, server), 0);
    assert_int_equal(wharf_server_run(server), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    wharf_server_free(server);
}

static void stops_from_another_thread_on_one_core(void **state) {
    (void)state;
    run_and_stop(1);
}

static void stops_from_another_thread_on_several_cores(void **state) {
    (void)state;
    for (int i = 0; i < 5; i++) {
        run_and_stop(3);
    }
}

static void a_stop_before_the_run_counts(void **state) {
    (void)state;
    wharf_server *server = wharf_server_new(NULL);
    assert_int_equal(wharf_server_listen(server, "127.0.0.1:0"), 0);
    assert_int_equal(wharf_server_stop(server), 0);
    assert_int_equal(wharf_server_run(server), 0);
    /* Its address stays known, but it listens no more. */
    assert_true(strlen(wharf_server_address(server, 0)) > 0);
    assert_int_equal(wharf_server_run(server), -EINVAL);
    wharf_server_free(server);
}

static void the_first_error_is_repeated(void **state) {
    (void)state;
    wharf_server *server = wharf_server_new(NULL);
    assert_int_equal(wharf_route(server, "nonsense", handle, server), -EINVAL);
    assert_int_equal(wharf_files(server, "/f/", "/no/such/folder", NULL), -ENOENT);
    assert_int_equal(wharf_serve(server, "127.0.0.1:0"), -EINVAL);
    assert_non_null(strstr(wharf_why(), "nonsense"));
    wharf_server_free(server);
}

static void refuses_what_makes_no_sense(void **state) {
    (void)state;
    assert_null(wharf_server_new(WHARF_OPTIONS(wharf_server_options, .threads = 1000)));
    assert_null(wharf_server_new(WHARF_OPTIONS(wharf_server_options, .limits.head_bytes = 1)));
    assert_non_null(strstr(wharf_why(), "head_bytes"));
    wharf_server *server = wharf_server_new(NULL);
    assert_int_equal(wharf_files(server, "f/", "/", NULL), -EINVAL);
    assert_int_equal(wharf_files(server, "/f", "/", NULL), -EINVAL);
    assert_int_equal(wharf_files(server, "/{f}/", "/", NULL), -EINVAL);
    assert_int_equal(wharf_files(server, "/f/", "/dev/null", NULL), -ENOTDIR);
    assert_int_equal(wharf_server_listen(server, "nonsense"), -WHARF_EADDRESS);
    assert_string_equal(wharf_server_address(server, 0), "");
    wharf_server_free(server);
    wharf_server_free(NULL);
    assert_int_equal(wharf_server_stop(NULL), -EINVAL);
    assert_int_equal(wharf_route(NULL, "/", handle, NULL), -EINVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stops_from_another_thread_on_one_core),
        cmocka_unit_test(stops_from_another_thread_on_several_cores),
        cmocka_unit_test(a_stop_before_the_run_counts),
        cmocka_unit_test(the_first_error_is_repeated),
        cmocka_unit_test(refuses_what_makes_no_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
