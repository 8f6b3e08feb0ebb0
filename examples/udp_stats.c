/* udp_stats [ADDRESS [SECONDS]]: a statistics daemon. Programs send it lines by UDP, as many to a datagram as they like,
 *
 *     pages:1|c          a counter: add 1
 *     queue:42|g         a gauge: it is 42 now
 *     reply:12.5|ms      a timing
 *
 * and it prints what came of them: every 10 seconds, or as often as the second argument says, and at Ctrl-C.
 *
 *     $ udp_stats udp://localhost:8125 &
 *     $ printf 'pages:1|c\nreply:12.5|ms' | wharf connect -u localhost:8125
 *
 * A datagram that is cut, or a line that is none of these, is counted as bad and otherwise ignored.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <wharf/wharf.h>

enum { NAMES_MAX = 1000, NAME_SIZE = 64, BATCH = 16, PACKET_BYTES = 1500 };

struct statistic {
    char name[NAME_SIZE];
    char kind; /* 'c', 'g' or 'm' */
    int64_t count;
    double sum, last;
};

struct statistics {
    wharf_sock sock;
    struct statistic entries[NAMES_MAX];
    int entry_count;
    int64_t datagrams, bad;
};

static struct statistic *entry_of(struct statistics *all, const char *name, char kind) {
    for (int i = 0; i < all->entry_count; i++) {
        if (all->entries[i].kind == kind && strcmp(all->entries[i].name, name) == 0) {
            return &all->entries[i];
        }
    }
    if (all->entry_count == NAMES_MAX) {
        return NULL;
    }
    struct statistic *fresh = &all->entries[all->entry_count++];
    *fresh = (struct statistic){.kind = kind};
    memcpy(fresh->name, name, strlen(name) + 1);
    return fresh;
}

/* A number like 12.5 or -3 at the start of a text; its end, or NULL when there is none. */
static const char *read_number(const char *text, double *ret_value) {
    double value = 0, unit = 1;
    const char *at = text + (*text == '-');
    const char *first = at;
    bool fraction = false;
    for (; (*at >= '0' && *at <= '9') || (*at == '.' && !fraction); at++) {
        fraction = fraction || *at == '.';
        unit = fraction && *at != '.' ? unit / 10 : unit;
        value = *at == '.' ? value : fraction ? value + unit * (*at - '0') : value * 10 + (*at - '0');
    }
    *ret_value = *text == '-' ? -value : value;
    return at > first ? at : NULL;
}

/* "name:value|kind" */
static void count_line(struct statistics *all, char *line) {
    double value = 0;
    size_t name_len = strcspn(line, ":");
    const char *end = line[name_len] == ':' ? read_number(line + name_len + 1, &value) : NULL;
    bool known = end != NULL && (strcmp(end, "|c") == 0 || strcmp(end, "|g") == 0 || strcmp(end, "|ms") == 0);
    line[name_len] = '\0';
    struct statistic *entry = known && name_len > 0 && name_len < NAME_SIZE ? entry_of(all, line, end[1])
                                                                            : NULL;
    if (entry == NULL) {
        all->bad++;
        return;
    }
    entry->count++;
    entry->sum += value;
    entry->last = value;
}

static void count_datagram(struct statistics *all, char *text) {
    all->datagrams++;
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");
        bool last = text[len] == '\0';
        text[len] = '\0';
        if (len > 0) {
            count_line(all, text);
        }
        text += last ? len : len + 1;
    }
}

/* The report, on standard output. What was counted stays. */
static void print_report(const struct statistics *all) {
    printf("%" PRId64 " datagrams, %" PRId64 " bad\n", all->datagrams, all->bad);
    for (int i = 0; i < all->entry_count; i++) {
        const struct statistic *entry = &all->entries[i];
        if (entry->kind == 'c') {
            printf("  %s: %g\n", entry->name, entry->sum);
        } else if (entry->kind == 'g') {
            printf("  %s: is %g\n", entry->name, entry->last);
        } else {
            printf("  %s: %" PRId64 " times, mean %g ms\n", entry->name, entry->count,
                   entry->sum / (double)entry->count);
        }
    }
    fflush(stdout);
}

/* Receives as many datagrams at once as have come. */
static int receive(void *arg) {
    struct statistics *all = *(struct statistics **)arg;
    char packets[BATCH][PACKET_BYTES + 1];
    wharf_datagram batch[BATCH] = {0};
    for (int i = 0; i < BATCH; i++) {
        batch[i].data = packets[i];
        batch[i].size = PACKET_BYTES;
    }
    for (;;) {
        int got = wharf_recv_datagrams(all->sock, batch, BATCH);
        if (got < 0) {
            return got;
        }
        for (int i = 0; i < got; i++) {
            if (batch[i].whole > batch[i].len) {
                all->bad++;
                continue;
            }
            packets[i][batch[i].len] = '\0';
            count_datagram(all, packets[i]);
        }
    }
}

struct plan {
    struct statistics *all;
    int64_t period_ms;
};

static int report_regularly(void *arg) {
    const struct plan *plan = arg;
    int rc = wharf_sleep(plan->period_ms);
    while (rc == 0) {
        print_report(plan->all);
        rc = wharf_sleep(plan->period_ms);
    }
    return rc;
}

int main(int argc, char **argv) {
    static struct statistics all;
    char address[WHARF_ADDRESS_SIZE];
    double seconds = 10;
    if (argc > 2 && read_number(argv[2], &seconds) == NULL) {
        fprintf(stderr, "udp_stats: %s is no number of seconds\n", argv[2]);
        return 2;
    }
    struct plan plan = {&all, (int64_t)(seconds * 1000)};
    all.sock = wharf_serve_on(argc > 1 ? argv[1] : "udp://localhost:8125");
    if (wharf_local_address(all.sock, address, sizeof address) < 0) {
        fprintf(stderr, "udp_stats: %s\n", wharf_why());
        return 1;
    }
    fprintf(stderr, "counting on %s\n", address);
    struct statistics *statistics = &all;
    WHARF_SCOPE (tasks, NULL) {
        wharf_go(tasks, receive, statistics);
        wharf_go(tasks, report_regularly, plan);
        wharf_signal_wait(WHARF_SIGNAL(SIGINT) | WHARF_SIGNAL(SIGTERM));
        wharf_scope_cancel(tasks);
    }
    print_report(&all);
    return wharf_close(all.sock) < 0;
}
