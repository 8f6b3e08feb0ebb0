/* health_checker TARGET... - are all the addresses behind a name alive? A target is HOST:PORT, or a service such as
 * _http._tcp.example.com, whose SRV records say which hosts and ports to check. Prints a line for each address; ends with 0 when
 * all of them accept connections, 1 when some do not, 2 when a target has none that does.
 *
 * Shows: a name is many addresses, and wharf_dial() is content with one of them, so a check has to ask for all; tasks that
 * start tasks in the same scope; a deadline that covers names and connecting alike.
 */
#include <stdio.h>
#include <string.h>

#include "wharf/names.h"
#include "wharf/task.h"

enum { CHECKS_MAX = 1024, LIMIT_MS = 3000 };

/* One address of a target. */
struct check {
    const char *target;
    wharf_address address;
    int error;
    int64_t took_us;
};

static struct check checks[CHECKS_MAX];
static int check_count;

struct target {
    wharf_scope *scope;
    const char *name;
};

static int probe(void *arg) {
    struct check *check = *(struct check **)arg;
    char text[WHARF_ADDRESS_SIZE];
    wharf_sock sock = {-1};
    int64_t began = wharf_now_ns();
    (void)wharf_address_text(&check->address, text, sizeof text);
    WHARF_WITHIN (LIMIT_MS) {
        sock = wharf_dial(text);
    }
    check->took_us = (wharf_now_ns() - began) / 1000;
    check->error = wharf_error(sock);
    (void)wharf_close(sock);
    return 0;
}

/* Every address of "host:port" gets a task. */
static void check_host(const struct target *target, const char *place) {
    wharf_address found[WHARF_ADDRESSES_MAX];
    int count = wharf_resolve(place, found, WHARF_ADDRESSES_MAX);
    if (count < 0) {
        fprintf(stderr, "health_checker: %s\n", wharf_why());
    }
    for (int i = 0; i < count && check_count < CHECKS_MAX; i++) {
        struct check *check = &checks[check_count++];
        *check = (struct check){.target = target->name, .address = found[i]};
        int rc = wharf_go(target->scope, probe, check);
        check->error = rc < 0 ? rc : 0;
    }
}

static void check_service(const struct target *target) {
    wharf_answer *answer = wharf_look_up(target->name, "SRV");
    if (wharf_answer_error(answer) < 0) {
        fprintf(stderr, "health_checker: %s\n", wharf_answer_why(answer));
    }
    for (int i = 0; i < wharf_answer_count(answer); i++) {
        const wharf_record *record = wharf_answer_record(answer, i);
        char place[300];
        snprintf(place, sizeof place, "%.255s:%d", record->target, record->port);
        check_host(target, place);
    }
    wharf_answer_free(answer);
}

static int check_target(void *arg) {
    const struct target *target = arg;
    WHARF_WITHIN (LIMIT_MS) {
        if (target->name[0] == '_') {
            check_service(target);
        } else {
            check_host(target, target->name);
        }
    }
    return 0;
}

/* Prints the addresses of one target. 0: all alive, 1: some, 2: none. */
static int report(const char *name) {
    int alive = 0, dead = 0;
    for (int i = 0; i < check_count; i++) {
        const struct check *check = &checks[i];
        char text[WHARF_ADDRESS_SIZE];
        if (strcmp(check->target, name) != 0) {
            continue;
        }
        (void)wharf_address_text(&check->address, text, sizeof text);
        printf("%-5s %-28s %8.1f ms  %s%s%s\n", check->error == 0 ? "alive" : "dead", text,
               (double)check->took_us / 1000, name, check->error == 0 ? "" : ": ",
               check->error == 0 ? "" : wharf_strerror(check->error));
        alive += check->error == 0;
        dead += check->error != 0;
    }
    return alive == 0 ? 2 : dead > 0;
}

int main(int argc, char **argv) {
    int worst = argc < 2 ? 2 : 0;
    WHARF_SCOPE (scope, NULL) {
        for (int i = 1; i < argc; i++) {
            struct target target = {scope, argv[i]};
            worst = wharf_go(scope, check_target, target) < 0 ? 2 : worst;
        }
    }
    for (int i = 1; i < argc; i++) {
        int each = report(argv[i]);
        worst = each > worst ? each : worst;
    }
    return worst;
}
