/* Asks an echo server: on each connection a message, and the next one when its echo is there.
 *
 *     echo_load ADDRESS [--connections N] [--bytes N] [--milliseconds N]
 *
 * ADDRESS: http://IPV4:PORT. Prints "messages=N seconds=S rate=R"; a wrong echo, or an end, is a failure. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "arguments.h"

enum { EVENTS_MAX = 512, CONNECTIONS_MAX = 10000, MESSAGE_MAX = 65536, SECOND_MS = 1000 };

struct load {
    int64_t connection_count, bytes, milliseconds;
    int epoll;
    size_t *awaited; /* by descriptor: bytes of the echo still to come */
    int64_t messages;
    char message[MESSAGE_MAX], echo[MESSAGE_MAX];
};

static bool complain(const char *what) {
    fprintf(stderr, "echo_load: %s: %m\n", what);
    return false;
}

static int64_t now_ms(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * SECOND_MS + time.tv_nsec / 1000000;
}

static bool ask(struct load *load, int fd) {
    load->awaited[fd] = (size_t)load->bytes;
    return send(fd, load->message, (size_t)load->bytes, MSG_NOSIGNAL) == load->bytes || complain("send");
}

static bool hear(struct load *load, int fd) {
    ssize_t got = recv(fd, load->echo, load->awaited[fd], 0);
    if (got < 0 && errno == EAGAIN) {
        return true;
    }
    size_t begin = (size_t)load->bytes - load->awaited[fd];
    if (got <= 0 || memcmp(load->echo, load->message + begin, (size_t)got) != 0) {
        return complain("a wrong echo");
    }
    load->awaited[fd] -= (size_t)got;
    if (load->awaited[fd] > 0) {
        return true;
    }
    load->messages++;
    return ask(load, fd);
}

static bool open_one(struct load *load, const struct sockaddr_in *address) {
    int one = 1;
    struct epoll_event event = {.events = EPOLLIN};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || fd >= 2 * CONNECTIONS_MAX ||
        connect(fd, (const struct sockaddr *)address, sizeof *address) < 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) < 0) {
        return complain("connect");
    }
    event.data.fd = fd;
    return epoll_ctl(load->epoll, EPOLL_CTL_ADD, fd, &event) == 0 && ask(load, fd);
}

static bool parse_address(const char *text, struct sockaddr_in *ret_address) {
    char host[64];
    int64_t port = 0;
    const char *begin = strncmp(text, "http://", 7) == 0 ? text + 7 : text;
    const char *colon = strrchr(begin, ':');
    if (colon == NULL || (size_t)(colon - begin) >= sizeof host || !argument_number(colon + 1, &port)) {
        return complain("no address");
    }
    memcpy(host, begin, (size_t)(colon - begin));
    host[colon - begin] = '\0';
    *ret_address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    return inet_pton(AF_INET, host, &ret_address->sin_addr) == 1 || complain("no address");
}

static bool run(struct load *load) {
    struct epoll_event events[EVENTS_MAX];
    int64_t begin = now_ms();
    int64_t end = begin + load->milliseconds;
    while (now_ms() < end) {
        int n = epoll_wait(load->epoll, events, EVENTS_MAX, (int)load->milliseconds);
        for (int i = 0; i < n; i++) {
            if (!hear(load, events[i].data.fd)) {
                return false;
            }
        }
    }
    double seconds = (double)(now_ms() - begin) / SECOND_MS;
    printf("messages=%lld seconds=%.3f rate=%.0f\n", (long long)load->messages, seconds,
           (double)load->messages / seconds);
    return true;
}

int main(int argc, char **argv) {
    static struct load load = {.connection_count = 64, .bytes = 64, .milliseconds = 1000};
    const char *text = NULL;
    struct sockaddr_in address;
    const struct argument table[] = {
        {"", &text, NULL, NULL},
        {"--connections", NULL, &load.connection_count, NULL},
        {"--bytes", NULL, &load.bytes, NULL},
        {"--milliseconds", NULL, &load.milliseconds, NULL},
        {NULL, NULL, NULL, NULL},
    };
    if (!arguments_read(table, argc, argv) || text == NULL || load.connection_count > CONNECTIONS_MAX ||
        load.bytes < 1 || load.bytes > MESSAGE_MAX || !parse_address(text, &address)) {
        return 2;
    }
    for (size_t i = 0; i < MESSAGE_MAX; i++) {
        load.message[i] = (char)('a' + i % 26);
    }
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    load.awaited = calloc(2 * CONNECTIONS_MAX, sizeof *load.awaited);
    bool good = load.epoll >= 0 && load.awaited != NULL;
    for (int64_t i = 0; i < load.connection_count && good; i++) {
        good = open_one(&load, &address);
    }
    return good && run(&load) ? 0 : 1;
}
