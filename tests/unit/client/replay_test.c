/* Stale connections on real sockets, where the kernel's account of what was acknowledged decides. The server is a plain
 * thread, so that it can close while the client's scheduler sleeps and has not heard of it yet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wharf/wharf.h"

enum way {
    CLOSES_BEFORE, /* the second request is sent */
    CLOSES_AFTER,  /* having read the second request */
    RESETS_AFTER   /* likewise, by a reset */
};

struct server {
    int listener;
    enum way way;
    sem_t closed; /* posted when the first connection has been closed */
    int requests;
};

static bool read_request(int fd) {
    char bytes[4096];
    size_t len = 0;
    while (len < sizeof(bytes)) {
        ssize_t got = recv(fd, bytes + len, sizeof(bytes) - len, 0);
        if (got <= 0) {
            return false;
        }
        len += (size_t)got;
        if (memmem(bytes, len, "\r\n\r\n", 4) != NULL) {
            return true;
        }
    }
    return false;
}

static void reply(int fd) {
    static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    assert_int_equal(send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL), (ssize_t)sizeof(text) - 1);
}

static void *serve(void *arg) {
    struct server *server = arg;
    int fd = accept(server->listener, NULL, NULL);
    server->requests += read_request(fd);
    reply(fd);
    if (server->way != CLOSES_BEFORE) {
        server->requests += read_request(fd);
    }
    if (server->way == RESETS_AFTER) {
        struct linger linger = {.l_onoff = 1, .l_linger = 0};
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    }
    (void)close(fd);
    (void)sem_post(&server->closed);
    fd = accept(server->listener, NULL, NULL); /* ends when the listener is shut down */
    if (fd >= 0) {
        server->requests += read_request(fd);
        reply(fd);
        (void)close(fd);
    }
    return NULL;
}

static struct {
    enum way way;
    const char *method;
    bool repeated;
    int requests; /* that the server has read in all */
} table[] = {
    {CLOSES_BEFORE, "GET", true, 2},  {CLOSES_AFTER, "GET", true, 3},   {RESETS_AFTER, "GET", true, 3},
    {CLOSES_BEFORE, "POST", true, 2}, {CLOSES_AFTER, "POST", false, 2}, {RESETS_AFTER, "POST", false, 2},
};

static int listen_somewhere(struct sockaddr_in *ret_address) {
    socklen_t len = sizeof(*ret_address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    *ret_address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(bind(listener, (struct sockaddr *)ret_address, sizeof(*ret_address)), 0);
    assert_int_equal(listen(listener, 8), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)ret_address, &len), 0);
    return listener;
}

static void repeats_only_what_the_server_has_not_had(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct server server = {.way = table[i].way};
        struct sockaddr_in address;
        pthread_t thread;
        char url[64];
        server.listener = listen_somewhere(&address);
        (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/", ntohs(address.sin_port));
        assert_int_equal(sem_init(&server.closed, 0, 0), 0);
        assert_int_equal(pthread_create(&thread, NULL, serve, &server), 0);
        wharf_client *client = wharf_client_new(NULL);
        wharf_response *response = wharf_fetch(client, WHARF_OPTIONS(wharf_fetch_options, .url = url));
        assert_int_equal(wharf_response_status(response), 200);
        wharf_response_free(response);
        if (table[i].way == CLOSES_BEFORE) {
            assert_int_equal(sem_wait(&server.closed), 0); /* the whole thread waits: nothing is noticed */
        }
        response = wharf_fetch(client,
                               WHARF_OPTIONS(wharf_fetch_options, .url = url, .method = table[i].method));
        assert_int_equal(wharf_response_error(response) == 0, table[i].repeated);
        wharf_response_free(response);
        wharf_client_free(client);
        (void)shutdown(server.listener, SHUT_RDWR);
        assert_int_equal(pthread_join(thread, NULL), 0);
        (void)close(server.listener);
        assert_int_equal(server.requests, table[i].requests);
        (void)sem_destroy(&server.closed);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(repeats_only_what_the_server_has_not_had)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
