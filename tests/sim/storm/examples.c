/* The programs of examples/, unchanged, on hosts of their own: servers that are killed, clients that are cut off. What a client
 * says it got is what the server had; what it could not get, it says so and ends with 1. */
#include "storm.h"

#include <stdlib.h>

int example_tcp_server(int argc, char **argv);
int example_tcp_client(int argc, char **argv);
int example_http_server(int argc, char **argv);
int example_http_client(int argc, char **argv);
int example_echo_server(int argc, char **argv);
int example_chat_server(int argc, char **argv);
int example_fetch_all(int argc, char **argv);
int example_port_scanner(int argc, char **argv);

FILE *example_output;

static char *output; /* what has been printed in this run */
static size_t output_len;

/* Programs still print when the scenario has returned, so it stays until the next run. */
static void output_begin(void) {
    if (example_output != NULL) {
        fclose(example_output);
        free(output);
    }
    example_output = open_memstream(&output, &output_len);
}

/* The program of a host: an example with one argument, begun again as a service is. */
struct service {
    int (*main_of)(int argc, char **argv);
    const char *name, *address;
};

static int serve(void *arg) {
    const struct service *service = arg;
    char name[32], address[32];
    char *words[] = {name, address, NULL};
    (void)snprintf(name, sizeof name, "%s", service->name);
    (void)snprintf(address, sizeof address, "%s", service->address);
    int rc = 0;
    while (rc == 0) {
        (void)service->main_of(2, words);
        rc = wharf_sleep(100);
    }
    return 0;
}

/* Runs an example here: its exit status. *ret_printed: what it has printed, with what others printed meanwhile. */
static int run(int (*main_of)(int argc, char **argv), const char *argument, const char **ret_printed) {
    char name[] = "example", word[64];
    char *words[] = {name, word, NULL};
    (void)snprintf(word, sizeof word, "%s", argument);
    fflush(example_output);
    size_t before = output_len;
    int status = main_of(2, words);
    fflush(example_output);
    *ret_printed = output + before;
    return status;
}

/* ---- what the clients do ---- */

static void greet_and_fetch(void) {
    const char *printed;
    int status = 1;
    WHARF_WITHIN (10000) { /* a host that is gone says nothing, and the example has no deadline of its own */
        status = run(example_tcp_client, "10.0.0.2:8888", &printed);
    }
    WHARF_EXPECT(status == 0 || status == 1);
    WHARF_EXPECT(status != 0 || strstr(printed, "tcp_client: ") == NULL);
    status = run(example_http_client, "http://10.0.0.3:8000/", &printed);
    /* A request whose packets get lost may be answered by a 408. */
    WHARF_EXPECT(status == 0 ? strstr(printed, "Hello, World!") != NULL || strstr(printed, "408") != NULL
                             : strstr(printed, "http_client: ") != NULL);
    status = run(example_fetch_all, "http://10.0.0.3:8000/", &printed);
    WHARF_EXPECT(status != 0 || strstr(printed, " http://10.0.0.3:8000/") != NULL);
}

static void echo_lines(void) {
    char line[64], got[64];
    wharf_sock sock = wharf_dial("10.0.0.4:7777");
    WHARF_WITHIN (3000) {
        for (int i = 0; i < 20; i++) {
            int len = snprintf(line, sizeof line, "line %d\n", i);
            if (wharf_send(sock, line, (size_t)len) < 0 || wharf_recv_exact(sock, got, (size_t)len) <= 0) {
                break;
            }
            WHARF_EXPECT(memcmp(line, got, (size_t)len) == 0);
        }
    }
    (void)wharf_close(sock);
}

struct chatter {
    int self;
    int64_t room;
};

/* A member of a room of three: what it hears is whole lines, each sender's in the order of sending. */
static int chatter(void *arg) {
    struct chatter chatter = *(struct chatter *)arg;
    int self = chatter.self, last[3] = {-1, -1, -1};
    char line[512];
    wharf_sock sock = wharf_dial("10.0.0.5:7000");
    ssize_t rc = wharf_send(sock, line,
                            (size_t)snprintf(line, sizeof line, "room %lld\n", (long long)chatter.room));
    for (int i = 0; i < 10 && rc >= 0; i++) {
        int len = snprintf(line, sizeof line, "%d says %d\n", self, i);
        rc = wharf_send(sock, line, (size_t)len);
        WHARF_WITHIN (50) {
            while (rc > 0) {
                rc = wharf_recv_until(sock, line, sizeof line, "\n");
                int who = rc > 0 ? line[0] - '0' : -1;
                if (who >= 0 && who < 3) {
                    int what = line[7] - '0';
                    WHARF_EXPECT(rc == 9 && who != self && what > last[who]);
                    last[who] = what;
                } else {
                    WHARF_EXPECT(rc <= 0 || line[0] == '*');
                }
            }
        }
        rc = rc == -ETIMEDOUT ? wharf_check() : rc;
    }
    (void)wharf_close(sock);
    return 0;
}

static void chat(void) {
    WHARF_SCOPE (scope, NULL) {
        for (int i = 0; i < 3; i++) {
            struct chatter chatter_of = {i, wharf_sim_elapsed_ns()};
            (void)wharf_go(scope, chatter, chatter_of);
        }
    }
}

static void scan(void) {
    const char *printed;
    char name[] = "port_scanner", host[] = "10.0.0.4", range[] = "7770-7780", at_once[] = "--at-once",
         three[] = "3";
    char *words[] = {name, host, range, at_once, three, NULL};
    fflush(example_output);
    size_t before = output_len;
    int status = example_port_scanner(5, words);
    fflush(example_output);
    printed = output + before;
    WHARF_EXPECT(status >= 0 && status <= 2 && (status != 0 || strstr(printed, "7777\n") != NULL));
}

static int visit(void *arg) {
    (void)arg;
    for (int round = 0; round < 3; round++) {
        switch (dice(4)) {
        case 0: greet_and_fetch(); break;
        case 1: echo_lines(); break;
        case 2: chat(); break;
        default: scan(); break;
        }
        (void)wharf_sleep((int64_t)dice(3000));
    }
    return 0;
}

static int examples(void *arg) {
    static struct service services[] = {
        {example_tcp_server, "tcp_server", ":8888"},
        {example_http_server, "http_server", ":8000"},
        {example_echo_server, "echo_server", ":7777"},
        {example_chat_server, "chat_server", ":7000"},
    };
    (void)arg;
    output_begin();
    for (size_t i = 0; i < sizeof services / sizeof *services; i++) {
        WHARF_EXPECT(wharf_sim_start(WHARF_OPTIONS(wharf_sim_host, .name = services[i].name, .program = serve,
                                                   .arg = &services[i])) == 0);
    }
    (void)wharf_sleep(10);
    int rc = visit(NULL);
    WHARF_WITHIN (60000) {
        (void)wharf_sleep(40000 - wharf_sim_elapsed_ns() / 1000000);
        (void)visit(NULL);
    }
    return rc;
}

const struct storm example_storm = {
    "examples", examples, 250, {.size = sizeof(wharf_sim_options), .piece_bytes_max = 500, .chaos = 6}};
