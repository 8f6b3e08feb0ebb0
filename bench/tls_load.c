/* tls_load URL MODE COUNT [--resume] - a client of TLS that counts; on OpenSSL alone, so that it is the same for every server.
 *
 *     handshakes COUNT    connects, shakes hands, closes; with --resume each but the first takes up the session before
 *     requests COUNT      one connection, one request after another for the URL's path
 *     idle COUNT          connects, asks once on each, and holds the connections until its standard input ends
 *
 * Prints "requests=N seconds=S bytes=N", for idle "idle=N". One thread, one connection at a time: what is measured is the
 * server's CPU time. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PIECE = 65536, COUNT_MAX = 1000000, NUMBER_MAX = 100000000 };

struct load {
    struct sockaddr_in address;
    char request[512];
    SSL_CTX *context;
    SSL_SESSION *session; /* NULL: none yet */
    long count;
    bool resume;
    unsigned long long bytes;
};

static void fail(const char *what) {
    fprintf(stderr, "tls_load: %s\n", what);
    exit(1);
}

/* The digits at the start of a text. */
static long number_at(const char *text) {
    long number = 0;
    while (*text >= '0' && *text <= '9' && number < NUMBER_MAX) {
        number = number * 10 + (*text++ - '0');
    }
    return number;
}

/* "https://127.0.0.1:8443/path" */
static void read_url(const char *url, struct load *load) {
    char host[64] = "";
    if (strncmp(url, "https://", 8) != 0) {
        fail("the URL is https://ADDRESS:PORT/PATH");
    }
    url += 8;
    size_t len = strcspn(url, ":");
    if (len >= sizeof host || url[len] != ':') {
        fail("no port in the URL");
    }
    memcpy(host, url, len);
    const char *at = url + len + 1;
    long port = number_at(at);
    at += strspn(at, "0123456789");
    load->address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    if (port < 1 || port > 65535 || inet_pton(AF_INET, host, &load->address.sin_addr) != 1) {
        fail("the URL's host is an IPv4 address");
    }
    snprintf(load->request, sizeof load->request, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n",
             *at != '\0' ? at : "/", host);
}

static SSL *open_connection(struct load *load) {
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&load->address, sizeof load->address) < 0) {
        fail("cannot connect");
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    SSL *ssl = SSL_new(load->context);
    SSL_set_fd(ssl, fd);
    if (load->session != NULL) {
        SSL_set_session(ssl, load->session);
    }
    if (SSL_connect(ssl) != 1) {
        fail("the handshake has failed");
    }
    return ssl;
}

static void close_connection(SSL *ssl) {
    int fd = SSL_get_fd(ssl);
    SSL_shutdown(ssl);
    SSL_free(ssl);
    close(fd);
}

/* Sends the request and reads the answer by its Content-Length. */
static void ask(struct load *load, SSL *ssl) {
    static char piece[PIECE];
    if (SSL_write(ssl, load->request, (int)strlen(load->request)) <= 0) {
        fail("cannot send");
    }
    int got = SSL_read(ssl, piece, PIECE - 1);
    if (got <= 0) {
        fail("no answer");
    }
    piece[got] = '\0';
    const char *end = strstr(piece, "\r\n\r\n");
    const char *length = strcasestr(piece, "\r\nContent-Length: ");
    if (end == NULL || length == NULL) {
        fail("an answer without a length");
    }
    long long left = number_at(length + 18) - (got - (end + 4 - piece));
    load->bytes += (unsigned long long)got;
    while (left > 0) {
        got = SSL_read(ssl, piece, PIECE);
        if (got <= 0) {
            fail("an answer that is too short");
        }
        left -= got;
        load->bytes += (unsigned long long)got;
    }
}

static int keep_session(SSL *ssl, SSL_SESSION *session) {
    struct load *load = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    SSL_SESSION_free(load->session);
    load->session = session;
    return 1;
}

static void run_handshakes(struct load *load) {
    for (long i = 0; i < load->count; i++) {
        SSL *ssl = open_connection(load);
        if (load->resume) {
            if (i > 0 && SSL_session_reused(ssl) != 1) {
                fail("the session was not resumed");
            }
            ask(load, ssl); /* the ticket comes with the answer */
        }
        close_connection(ssl);
    }
}

static void run_requests(struct load *load) {
    SSL *ssl = open_connection(load);
    for (long i = 0; i < load->count; i++) {
        ask(load, ssl);
    }
    close_connection(ssl);
}

static void run_idle(struct load *load) {
    struct rlimit files;
    char byte;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    for (long i = 0; i < load->count; i++) {
        ask(load, open_connection(load));
    }
    printf("idle=%ld errors=0\n", load->count);
    fflush(stdout);
    (void)!read(STDIN_FILENO, &byte, 1);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    struct load load = {.count = argc > 3 ? number_at(argv[3]) : 0, .resume = argc > 4};
    if (argc < 4 || load.count < 1 || load.count > COUNT_MAX) {
        fail("tls_load URL handshakes|requests|idle COUNT [--resume]");
    }
    read_url(argv[1], &load);
    load.context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_app_data(load.context, &load);
    if (load.resume) {
        SSL_CTX_set_session_cache_mode(load.context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(load.context, keep_session);
    }
    double start = now();
    if (strcmp(argv[2], "handshakes") == 0) {
        run_handshakes(&load);
    } else if (strcmp(argv[2], "requests") == 0) {
        run_requests(&load);
    } else {
        run_idle(&load);
    }
    printf("requests=%ld seconds=%.6f bytes=%llu\n", load.count, now() - start, load.bytes);
    return 0;
}
