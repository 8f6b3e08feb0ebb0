/* The limit that servers are measured against: one thread, one epoll, descriptors registered once and edge-triggered,
 * one recv and one send for what has arrived. It counts requests by the blank lines that end them and parses nothing.
 *
 *     bare_http [--reply FILE] [--body FILE] [--close] [--until-eof]
 *
 * --reply: the bytes of every answer (a short text without it). --body: a file sent after them. --close: closes after
 * answering. --until-eof: ends with its standard input. The first line of output is its URL. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arguments.h"

enum {
    EVENTS_MAX = 512,
    INPUT_SIZE = 65536,
    REPLY_SIZE_MAX = 16384,
    REPEATS = 64, /* of the reply, side by side: so many leave in one send */
    TAIL = 3      /* bytes of a blank line that may have come with the previous piece */
};

struct connection {
    uint64_t owed;    /* bytes of replies still to send, file not counted */
    off_t body_owed;  /* bytes of the file */
    uint32_t phase;   /* where in the reply the next byte is */
    uint8_t tail_len; /* the end of what has been received */
    char tail[TAIL];
};

struct server {
    int epoll, listener, body;
    off_t body_size;
    bool close_each;
    size_t reply_len;
    char *replies; /* REPEATS of them */
    struct connection *connections;
    size_t connections_max;
    char input[TAIL + INPUT_SIZE];
};

static const char DEFAULT_REPLY[] = "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
                                    "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 13\r\n\r\n"
                                    "Hello, World!";

static int complain(const char *what) {
    fprintf(stderr, "bare_http: %s: %m\n", what);
    return -1;
}

/* ---- one connection ---- */

/* Sends what is owed. False when the connection has ended. */
static bool connection_send(struct server *server, int fd) {
    struct connection *connection = &server->connections[fd];
    while (connection->owed > 0) {
        uint64_t most = server->reply_len * REPEATS - connection->phase;
        size_t len = (size_t)(connection->owed < most ? connection->owed : most);
        ssize_t n = send(fd, server->replies + connection->phase, len, MSG_NOSIGNAL);
        if (n < 0) {
            return errno == EAGAIN;
        }
        connection->owed -= (uint64_t)n;
        connection->phase = (uint32_t)((connection->phase + (uint64_t)n) % server->reply_len);
    }
    while (connection->body_owed > 0) {
        off_t offset = server->body_size - connection->body_owed;
        ssize_t n = sendfile(fd, server->body, &offset, (size_t)connection->body_owed);
        if (n <= 0) {
            return n < 0 && errno == EAGAIN;
        }
        connection->body_owed -= n;
    }
    return true;
}

/* Blank lines in what came before and in the `len` new bytes at input + TAIL. */
static uint64_t connection_count(struct server *server, struct connection *connection, size_t len) {
    char *start = server->input + TAIL - connection->tail_len;
    char *end = server->input + TAIL + len;
    memcpy(start, connection->tail, connection->tail_len);
    uint64_t count = 0;
    char *at = memmem(start, (size_t)(end - start), "\r\n\r\n", 4);
    while (at != NULL) {
        count++;
        start = at + 4;
        at = memmem(start, (size_t)(end - start), "\r\n\r\n", 4);
    }
    size_t rest = (size_t)(end - start);
    connection->tail_len = (uint8_t)(rest < TAIL ? rest : TAIL);
    memcpy(connection->tail, end - connection->tail_len, connection->tail_len);
    return count;
}

/* Receives once, or more often when that was not all. False when the connection has ended. */
static bool connection_receive(struct server *server, int fd, uint32_t events) {
    struct connection *connection = &server->connections[fd];
    ssize_t n = INPUT_SIZE;
    while (n == INPUT_SIZE || (n > 0 && (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)) {
        n = recv(fd, server->input + TAIL, INPUT_SIZE, 0);
        if (n <= 0) {
            return n < 0 && errno == EAGAIN;
        }
        uint64_t requests = connection_count(server, connection, (size_t)n);
        connection->owed += requests * server->reply_len;
        if (requests > 0 && connection->body_owed == 0) {
            connection->body_owed = server->body_size;
        }
        bool alive = requests == 0 || connection_send(server, fd);
        bool done = server->close_each && requests > 0 && connection->owed == 0 && connection->body_owed == 0;
        if (!alive || done) {
            return false;
        }
    }
    return true;
}

static void connection_event(struct server *server, int fd, uint32_t events) {
    bool alive = true;
    if ((events & EPOLLOUT) != 0) {
        alive = connection_send(server, fd);
    }
    if (alive && (events & ~(uint32_t)EPOLLOUT) != 0) {
        alive = connection_receive(server, fd, events);
    }
    if (!alive) {
        close(fd);
    }
}

/* ---- the loop ---- */

static void server_accept(struct server *server) {
    for (;;) {
        int fd = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            return;
        }
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.fd = fd};
        if ((size_t)fd >= server->connections_max ||
            epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
            close(fd);
            continue;
        }
        server->connections[fd] = (struct connection){0};
    }
}

static int server_run(struct server *server) {
    struct epoll_event events[EVENTS_MAX];
    for (;;) {
        int n = epoll_wait(server->epoll, events, EVENTS_MAX, -1);
        if (n < 0 && errno != EINTR) {
            return complain("epoll_wait");
        }
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == server->listener) {
                server_accept(server);
            } else if (fd == STDIN_FILENO) {
                return 0;
            } else {
                connection_event(server, fd, events[i].events);
            }
        }
    }
}

/* ---- beginning ---- */

/* A port of the kernel's choice on the loopback interface; prints the URL. */
static int server_listen(struct server *server) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int one = 1; /* inherited by what it accepts */
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) < 0 ||
        bind(fd, (struct sockaddr *)&address, len) < 0 || listen(fd, SOMAXCONN) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) < 0) {
        return complain("listen");
    }
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.fd = fd};
    server->listener = fd;
    server->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (server->epoll < 0 || epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
        return complain("epoll");
    }
    printf("http://127.0.0.1:%u\n", (unsigned)ntohs(address.sin_port));
    return fflush(stdout);
}

/* The reply, REPEATS times. */
static int server_load_reply(struct server *server, const char *path) {
    char reply[REPLY_SIZE_MAX];
    ssize_t len = sizeof DEFAULT_REPLY - 1;
    memcpy(reply, DEFAULT_REPLY, sizeof DEFAULT_REPLY - 1);
    if (path != NULL) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        len = fd < 0 ? -1 : read(fd, reply, sizeof reply);
        if (len <= 0) {
            return complain(path);
        }
        close(fd);
    }
    server->reply_len = (size_t)len;
    server->replies = malloc(server->reply_len * REPEATS);
    if (server->replies == NULL) {
        return complain("memory");
    }
    for (size_t i = 0; i < REPEATS; i++) {
        memcpy(server->replies + i * server->reply_len, reply, server->reply_len);
    }
    return 0;
}

static int server_open_body(struct server *server, const char *path) {
    struct stat status;
    server->body = open(path, O_RDONLY | O_CLOEXEC);
    if (server->body < 0 || fstat(server->body, &status) < 0) {
        return complain(path);
    }
    server->body_size = status.st_size;
    return 0;
}

static int server_make_room(struct server *server) {
    struct rlimit limit = {1024, 1024};
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    server->connections_max = limit.rlim_cur < 1048576 ? (size_t)limit.rlim_cur : 1048576;
    server->connections = calloc(server->connections_max, sizeof *server->connections);
    return server->connections != NULL ? 0 : complain("memory");
}

int main(int argc, char **argv) {
    static struct server server;
    const char *reply = NULL, *body = NULL;
    bool until_eof = false;
    const struct argument table[] = {
        {"--reply", &reply, NULL, NULL},
        {"--body", &body, NULL, NULL},
        {"--close", NULL, NULL, &server.close_each},
        {"--until-eof", NULL, NULL, &until_eof},
        {NULL, NULL, NULL, NULL},
    };
    if (!arguments_read(table, argc, argv)) {
        return 2;
    }
    /* sendfile() raises SIGPIPE in spite of every flag. */
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGPIPE, &ignore, NULL);
    if (server_make_room(&server) < 0 || server_load_reply(&server, reply) < 0 ||
        (body != NULL && server_open_body(&server, body) < 0) || server_listen(&server) < 0) {
        return 1;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.fd = STDIN_FILENO};
    if (until_eof && epoll_ctl(server.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event) < 0) {
        return complain("standard input"), 1;
    }
    return server_run(&server) < 0;
}
