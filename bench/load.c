/* A load generator of its own, so that what is measured does not measure itself: one thread, one epoll, no library.
 *
 *     load URL [--connections N] [--pipeline N] [--seconds N | --milliseconds N | --requests N] [--close] [--idle]
 *
 * URL: http://IPV4:PORT/PATH. Each connection sends `pipeline` requests at once and the next batch when the last byte
 * of their answers is there. --close: a connection per request, which the server ends. --idle: one request on each
 * connection, then all are held until standard input ends.
 *
 * The first answer tells how long every answer is; after that bytes are counted and not parsed. Prints
 * "requests=N seconds=S rate=R bytes=B errors=E"; with --idle, "idle=N errors=E" once all are open. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "arguments.h"

enum {
    EVENTS_MAX = 512,
    INPUT_SIZE = 262144,
    CONNECTIONS_MAX = 1000000,
    PIPELINE_MAX = 256,
    REQUEST_SIZE_MAX = 1024,
    HEAD_SIZE_MAX = 16384,
    PROBE_SECONDS = 10,
    SECOND_MS = 1000
};

struct connection {
    int fd;
    size_t unsent;    /* bytes of the batch still to send */
    uint64_t awaited; /* bytes of answers still to come */
};

struct load {
    int64_t connection_count, pipeline, requests_max, milliseconds;
    bool close_each, idle;
    struct sockaddr_in address;
    char request[REQUEST_SIZE_MAX];
    size_t request_len;
    char *batch; /* `pipeline` requests */
    size_t batch_len;
    uint64_t reply_len;
    int epoll;
    struct connection *connections;
    int64_t sent, answered, open, errors; /* requests, requests, connections, connections */
    uint64_t bytes;
    char input[INPUT_SIZE];
};

static bool complain(const char *what) {
    fprintf(stderr, "load: %s: %m\n", what);
    return false;
}

static int64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* ---- what is asked ---- */

/* Takes http://IPV4:PORT/PATH apart into the address and the request. */
static bool load_prepare(struct load *load, const char *url) {
    static const char SCHEME[] = "http://";
    char host[INET_ADDRSTRLEN + 1] = "", port_text[6] = "";
    bool has_scheme = url != NULL && strncmp(url, SCHEME, sizeof SCHEME - 1) == 0;
    const char *rest = has_scheme ? url + sizeof SCHEME - 1 : url;
    const char *colon = rest != NULL ? strchr(rest, ':') : NULL;
    if (colon == NULL || (size_t)(colon - rest) >= sizeof host) {
        fprintf(stderr, "load: needs a URL: http://IPV4:PORT/PATH\n");
        return false;
    }
    size_t port_len = strcspn(colon + 1, "/");
    memcpy(host, rest, (size_t)(colon - rest));
    memcpy(port_text, colon + 1, port_len < sizeof port_text ? port_len : 0);
    int64_t port = 0;
    if (!argument_number(port_text, &port) || port > UINT16_MAX ||
        inet_pton(AF_INET, host, &load->address.sin_addr) != 1) {
        fprintf(stderr, "load: wrong address: %s\n", url);
        return false;
    }
    load->address.sin_family = AF_INET;
    load->address.sin_port = htons((uint16_t)port);
    const char *path = colon[1 + port_len] == '/' ? colon + 1 + port_len : "/";
    int len = snprintf(load->request, sizeof load->request, "GET %s HTTP/1.1\r\nHost: %s:%s\r\n%s\r\n", path,
                       host, port_text, load->close_each ? "Connection: close\r\n" : "");
    load->request_len = (size_t)len;
    return (size_t)len < sizeof load->request;
}

/* A blocking connection on which one request has been sent, or -1. */
static int probe_open(const struct load *load) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval patience = {.tv_sec = PROBE_SECONDS};
    if (fd < 0 || connect(fd, (const struct sockaddr *)&load->address, sizeof load->address) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0 ||
        send(fd, load->request, load->request_len, MSG_NOSIGNAL) < 0) {
        complain("connect");
        return -1;
    }
    return fd;
}

/* Receives until the empty line. Where it begins, or NULL. */
static char *probe_head(struct load *load, int fd) {
    size_t len = 0;
    char *end = NULL;
    ssize_t n = 1;
    while (end == NULL && n > 0 && len < HEAD_SIZE_MAX) {
        n = recv(fd, load->input + len, HEAD_SIZE_MAX - len, 0);
        len += n > 0 ? (size_t)n : 0;
        load->input[len] = '\0';
        end = strstr(load->input, "\r\n\r\n");
    }
    return end;
}

/* Asks once, to learn reply_len. */
static bool load_probe(struct load *load) {
    static const char FIELD[] = "\r\nContent-Length:";
    int fd = probe_open(load);
    if (fd < 0) {
        return false;
    }
    const char *end = probe_head(load, fd);
    close(fd);
    const char *field = end != NULL ? strcasestr(load->input, FIELD) : NULL;
    if (field == NULL || field > end || strncmp(load->input, "HTTP/1.1 200 ", 13) != 0) {
        fprintf(stderr, "load: the first answer is not a 200 with a length\n");
        return false;
    }
    const char *value = field + sizeof FIELD - 1;
    value += strspn(value, " ");
    uint64_t length = 0;
    for (; *value >= '0' && *value <= '9' && length < ARGUMENT_NUMBER_MAX; value++) {
        length = length * 10 + (uint64_t)(*value - '0');
    }
    load->reply_len = (size_t)(end + 4 - load->input) + length;
    return true;
}

/* ---- connections ---- */

static bool connection_open(struct load *load, struct connection *connection);

static bool load_may_send(const struct load *load) {
    return load->requests_max == 0 || load->sent < load->requests_max;
}

/* Sends what is left of the batch. */
static bool connection_send(struct load *load, struct connection *connection) {
    if (connection->unsent == 0) {
        return true;
    }
    const char *at = load->batch + load->batch_len - connection->unsent;
    ssize_t n = send(connection->fd, at, connection->unsent, MSG_NOSIGNAL);
    if (n < 0) {
        return errno == EAGAIN || errno == EINPROGRESS || errno == ENOTCONN;
    }
    connection->unsent -= (size_t)n;
    return true;
}

static bool connection_begin_batch(struct load *load, struct connection *connection) {
    load->sent += load->pipeline;
    connection->unsent = load->batch_len;
    connection->awaited = load->reply_len * (uint64_t)load->pipeline;
    return connection_send(load, connection);
}

/* Ends a connection; with --close, or after a failure, another takes its place. */
static void connection_end(struct load *load, struct connection *connection, bool failed) {
    close(connection->fd);
    connection->fd = -1;
    load->open--;
    load->errors += failed ? 1 : 0;
    bool again = load->close_each && load_may_send(load) && load->errors < load->connection_count;
    if (again && !connection_open(load, connection)) {
        load->errors++;
    }
}

static bool connection_open(struct load *load, struct connection *connection) {
    int one = 1;
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connection->fd < 0) {
        return complain("socket");
    }
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = connection};
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    int rc = connect(connection->fd, (struct sockaddr *)&load->address, sizeof load->address);
    if ((rc < 0 && errno != EINPROGRESS) ||
        epoll_ctl(load->epoll, EPOLL_CTL_ADD, connection->fd, &event) < 0) {
        complain("connect");
        close(connection->fd);
        connection->fd = -1;
        return false;
    }
    load->open++;
    return connection_begin_batch(load, connection);
}

/* All answers of the batch are there. */
static void connection_batch_done(struct load *load, struct connection *connection) {
    load->answered += load->pipeline;
    if (load->close_each || load->idle) {
        return;
    }
    if (!load_may_send(load)) {
        connection_end(load, connection, false);
    } else if (!connection_begin_batch(load, connection)) {
        connection_end(load, connection, true);
    }
}

static void connection_receive(struct load *load, struct connection *connection, bool ended) {
    ssize_t n = INPUT_SIZE;
    while (connection->fd >= 0 && (n == INPUT_SIZE || ended)) {
        /* MSG_TRUNC: of an answer only the length counts, so the kernel need not copy it. */
        n = recv(connection->fd, load->input, INPUT_SIZE, MSG_TRUNC);
        if (n < 0 && errno == EAGAIN) {
            return;
        }
        if (n <= 0 || (uint64_t)n > connection->awaited) {
            bool finished = n == 0 && load->close_each && connection->awaited == 0;
            connection_end(load, connection, !finished);
            return;
        }
        load->bytes += (uint64_t)n;
        connection->awaited -= (uint64_t)n;
        if (connection->awaited == 0) {
            connection_batch_done(load, connection);
            n = ended ? n : 0;
        }
    }
}

static void connection_event(struct load *load, struct connection *connection, uint32_t events) {
    if ((events & EPOLLOUT) != 0 && !connection_send(load, connection)) {
        connection_end(load, connection, true);
        return;
    }
    if ((events & ~(uint32_t)EPOLLOUT) != 0) {
        connection_receive(load, connection, (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);
    }
}

/* ---- running ---- */

/* Waits for events at most `ms` and deals with them. */
static void load_turn(struct load *load, int ms) {
    static struct epoll_event events[EVENTS_MAX];
    int n = epoll_wait(load->epoll, events, EVENTS_MAX, ms);
    for (int i = 0; i < n; i++) {
        struct connection *connection = events[i].data.ptr;
        if (connection->fd >= 0) {
            connection_event(load, connection, events[i].events);
        }
    }
}

/* A few at a time, so that the server's queue of new connections does not overflow. */
static bool load_open_all(struct load *load) {
    for (int64_t i = 0; i < load->connection_count; i++) {
        if (load_may_send(load) && !connection_open(load, &load->connections[i])) {
            return false;
        }
        if (load->idle && i % 64 == 63) {
            int64_t limit = now_ns() + INT64_C(10) * 1000000000;
            while (load->answered + load->errors <= i && now_ns() < limit) {
                load_turn(load, 100);
            }
        }
    }
    return true;
}

static void load_hold(struct load *load) {
    while (load->answered + load->errors < load->connection_count) {
        load_turn(load, SECOND_MS);
    }
    printf("idle=%lld errors=%lld\n", (long long)load->open, (long long)load->errors);
    fflush(stdout);
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char byte = 0;
    ssize_t n = 1;
    while (n > 0) {
        (void)poll(&input, 1, -1);
        n = read(STDIN_FILENO, &byte, 1);
    }
}

static void load_measure(struct load *load, int64_t start) {
    int64_t end = start + load->milliseconds * 1000000;
    int64_t now = start;
    while (load->open > 0 && (load->milliseconds == 0 || now < end)) {
        load_turn(load, 100);
        now = now_ns();
    }
    double seconds = (double)(now_ns() - start) / 1e9;
    printf("requests=%lld seconds=%.6f rate=%.0f bytes=%llu errors=%lld\n", (long long)load->answered,
           seconds, (double)load->answered / seconds, (unsigned long long)load->bytes,
           (long long)load->errors);
}

static bool load_make_room(struct load *load) {
    struct rlimit limit = {1024, 1024};
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    load->batch_len = load->request_len * (size_t)load->pipeline;
    load->batch = malloc(load->batch_len);
    load->connections = calloc((size_t)load->connection_count, sizeof *load->connections);
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (load->batch == NULL || load->connections == NULL || load->epoll < 0) {
        return complain("memory");
    }
    for (int64_t i = 0; i < load->pipeline; i++) {
        memcpy(load->batch + (size_t)i * load->request_len, load->request, load->request_len);
    }
    return true;
}

static bool load_check(const struct load *load) {
    bool ok = load->connection_count >= 1 && load->connection_count <= CONNECTIONS_MAX &&
              load->pipeline >= 1 && load->pipeline <= PIPELINE_MAX &&
              (load->pipeline == 1 || !load->close_each);
    if (!ok) {
        fprintf(stderr, "load: too few or too many connections or requests in a batch\n");
    }
    return ok;
}

int main(int argc, char **argv) {
    static struct load load = {.connection_count = 64, .pipeline = 1};
    const char *url = NULL;
    int64_t seconds = 0;
    const struct argument table[] = {
        {"", &url, NULL, NULL},
        {"--connections", NULL, &load.connection_count, NULL},
        {"--pipeline", NULL, &load.pipeline, NULL},
        {"--seconds", NULL, &seconds, NULL},
        {"--milliseconds", NULL, &load.milliseconds, NULL},
        {"--requests", NULL, &load.requests_max, NULL},
        {"--close", NULL, NULL, &load.close_each},
        {"--idle", NULL, NULL, &load.idle},
        {NULL, NULL, NULL, NULL},
    };
    if (!arguments_read(table, argc, argv) || !load_check(&load) || !load_prepare(&load, url)) {
        return 2;
    }
    load.milliseconds += seconds * SECOND_MS;
    if (load.milliseconds == 0 && load.requests_max == 0) {
        load.milliseconds = SECOND_MS;
    }
    if (!load_make_room(&load) || !load_probe(&load)) {
        return 1;
    }
    int64_t start = now_ns();
    if (!load_open_all(&load)) {
        return 1;
    }
    if (load.idle) {
        load_hold(&load);
    } else {
        load_measure(&load, start);
    }
    return load.errors > 0 || load.answered == 0;
}
