/* The server that is measured: Wharf's public API with its defaults, one core, no access log.
 *
 *     hello [--listen ADDRESS] [--files DIRECTORY] [--certificate FILE --key FILE] [--until-eof]
 *
 * "GET /" is answered "Hello, World!"; --files serves a directory under /files/. --certificate: over TLS.
 * --until-eof: stops with its standard input. The first line of output is its URL. */
#include <stdio.h>
#include <unistd.h>

#include <wharf/wharf.h>

#include "arguments.h"

static int hello(wharf_request *request, void *arg) {
    (void)arg;
    return wharf_reply_text(request, 200, "Hello, World!");
}

/* Nothing is ever sent to it: what becomes readable is the end. */
static int stop_at_eof(void *arg) {
    wharf_server *server = *(wharf_server **)arg;
    int rc = wharf_wait_fd(STDIN_FILENO, WHARF_READABLE);
    return rc < 0 ? rc : wharf_server_stop(server);
}

static int listen_on(wharf_server *server, const char *address, const char *certificate, const char *key) {
    if (certificate == NULL) {
        return wharf_server_listen(server, address);
    }
    const wharf_tls_pair pairs[] = {{certificate, key}, {0}};
    wharf_tls *tls = wharf_tls_new(WHARF_OPTIONS(wharf_tls_options, .certificates = pairs));
    int rc = tls != NULL ? wharf_server_listen_tls(server, address, tls) : -WHARF_ETLS;
    wharf_tls_free(tls); /* the server keeps it */
    return rc;
}

static int complain(void) {
    fprintf(stderr, "hello: %s\n", wharf_why());
    return 1;
}

int main(int argc, char **argv) {
    const char *address = "127.0.0.1:0", *directory = NULL, *certificate = NULL, *key = NULL;
    bool until_eof = false;
    const struct argument table[] = {
        {"--listen", &address, NULL, NULL},          {"--files", &directory, NULL, NULL},
        {"--certificate", &certificate, NULL, NULL}, {"--key", &key, NULL, NULL},
        {"--until-eof", NULL, NULL, &until_eof},     {NULL, NULL, NULL, NULL},
    };
    if (!arguments_read(table, argc, argv)) {
        return 2;
    }
    wharf_server *server = wharf_server_new(NULL);
    wharf_route(server, "GET /", hello, NULL);
    if (directory != NULL && wharf_files(server, "/files/", directory, NULL) < 0) {
        return complain();
    }
    if (listen_on(server, address, certificate, key) < 0) {
        return complain();
    }
    if (until_eof && wharf_go(NULL, stop_at_eof, server) < 0) {
        return complain();
    }
    printf("%s://%s\n", certificate != NULL ? "https" : "http", wharf_server_address(server, 0));
    fflush(stdout);
    int result = wharf_server_run(server);
    if (result < 0) {
        return complain();
    }
    wharf_server_free(server);
    return 0;
}
