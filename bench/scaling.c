/* The server of the scaling rows: "Hello, World!" on N cores, by the public API.
 *
 *     scaling [--cores N] [--listen ADDRESS]
 *
 * The first line of output is its URL. When its standard input ends it stops and prints how many requests each core has had,
 *
 *     cores=2 requests=500,500
 *
 * which is how its connections were spread when each of them has sent one. */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include <wharf/wharf.h>

#include "arguments.h"

enum { CORES_MAX = 256, CACHE_LINE = 64 };

/* Written by its own core alone: the handler of one core never touches another's line. */
static struct { _Alignas(CACHE_LINE) _Atomic uint64_t requests; } cores[CORES_MAX];

static int hello(wharf_request *request, void *arg) {
    (void)arg;
    int core = wharf_core();
    uint64_t before = atomic_load_explicit(&cores[core].requests, memory_order_relaxed);
    atomic_store_explicit(&cores[core].requests, before + 1, memory_order_relaxed);
    return wharf_reply_text(request, 200, "Hello, World!");
}

/* Nothing is ever sent to it: what becomes readable is the end. */
static int stop_at_eof(void *arg) {
    wharf_server *server = *(wharf_server **)arg;
    int rc = wharf_wait_fd(STDIN_FILENO, WHARF_READABLE);
    return rc < 0 ? rc : wharf_server_stop(server);
}

static void print_requests(int count) {
    printf("cores=%d requests=", count);
    for (int i = 0; i < count; i++) {
        printf("%s%" PRIu64, i > 0 ? "," : "", atomic_load(&cores[i].requests));
    }
    printf("\n");
}

int main(int argc, char **argv) {
    const char *address = "127.0.0.1:0";
    int64_t count = 1;
    const struct argument table[] = {
        {"--listen", &address, NULL, NULL},
        {"--cores", NULL, &count, NULL},
        {NULL, NULL, NULL, NULL},
    };
    if (!arguments_read(table, argc, argv) || count < 1 || count > CORES_MAX) {
        return 2;
    }
    wharf_server *server = wharf_server_new(WHARF_OPTIONS(wharf_server_options, .threads = (int)count));
    wharf_route(server, "GET /", hello, NULL);
    int rc = wharf_server_listen(server, address);
    rc = rc < 0 ? rc : wharf_go(NULL, stop_at_eof, server);
    if (rc >= 0) {
        printf("http://%s\n", wharf_server_address(server, 0));
        fflush(stdout);
        rc = wharf_server_run(server);
    }
    if (rc < 0) {
        fprintf(stderr, "scaling: %s\n", wharf_why());
        return 1;
    }
    print_requests((int)count);
    wharf_server_free(server);
    return 0;
}
