/* The limit that echo servers are measured against: one thread, one epoll, descriptors registered once and edge-triggered, one
 * receive and one send for what has arrived. A peer that does not read its echo is cut off.
 *
 *     bare_echo [--until-eof]
 *
 * The first line of output is its address. --until-eof: ends with its standard input. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "arguments.h"

enum { EVENTS_MAX = 512, BUFFER_SIZE = 4096 };

static int complain(const char *what) {
    fprintf(stderr, "bare_echo: %s: %m\n", what);
    return -1;
}

/* A port of the kernel's choice on the loopback interface; prints the address. */
static int listen_somewhere(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int one = 1; /* inherited by what it accepts */
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) < 0 ||
        bind(fd, (struct sockaddr *)&address, len) < 0 || listen(fd, SOMAXCONN) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) < 0) {
        return complain("listen");
    }
    printf("http://127.0.0.1:%u\n", (unsigned)ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static int watch(int epoll, int fd) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.fd = fd};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static void accept_all(int epoll, int listener) {
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            return;
        }
        if (watch(epoll, fd) < 0) {
            close(fd);
        }
    }
}

static void echo(int fd, uint32_t events) {
    char buffer[BUFFER_SIZE];
    ssize_t got = BUFFER_SIZE;
    while (got == BUFFER_SIZE || (got > 0 && (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)) {
        got = recv(fd, buffer, sizeof buffer, 0);
        if (got < 0 && errno == EAGAIN) {
            return;
        }
        if (got <= 0 || send(fd, buffer, (size_t)got, MSG_NOSIGNAL) != got) {
            close(fd);
            return;
        }
    }
}

int main(int argc, char **argv) {
    struct epoll_event events[EVENTS_MAX];
    bool until_eof = false;
    const struct argument table[] = {{"--until-eof", NULL, NULL, &until_eof}, {NULL, NULL, NULL, NULL}};
    if (!arguments_read(table, argc, argv)) {
        return 2;
    }
    int listener = listen_somewhere();
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (listener < 0 || epoll < 0 || watch(epoll, listener) < 0 ||
        (until_eof && watch(epoll, STDIN_FILENO) < 0)) {
        return 1;
    }
    for (;;) {
        int n = epoll_wait(epoll, events, EVENTS_MAX, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == STDIN_FILENO) {
                return 0;
            }
            if (fd == listener) {
                accept_all(epoll, listener);
            } else {
                echo(fd, events[i].events);
            }
        }
    }
}
