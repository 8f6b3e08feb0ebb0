/* See options.h. The process' options stand under a lock that is held for the time of a copy; each scheduler has a copy of
 * its own and looks at a number to see that it is still good. */
#include "net/names/options.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/failure.h"
#include "base/memory.h"
#include "base/text.h"
#include "net/names/state.h"
#include "sched/sched.h"

static const int64_t NS_PER_MS = 1000000;

enum {
    TIMEOUT_MS_MAX = 30000,
    ATTEMPTS_MAX = RESOLV_ATTEMPTS_MAX,
    CACHE_ENTRIES_MAX = 65536,
    DELAY_MS_MAX = 2000,
    ATTEMPT_DELAY_MS_MIN = 10,
    RESOLUTION_DELAY_MS = 50,
    ATTEMPT_DELAY_MS = 250,
};

static const struct names_options defaults = {
    .resolv_conf = "/etc/resolv.conf",
    .hosts = "/etc/hosts",
    .nsswitch = "/etc/nsswitch.conf",
    .ndots = -1,
    .resolution_delay_ns = RESOLUTION_DELAY_MS * INT64_C(1000000),
    .attempt_delay_ns = ATTEMPT_DELAY_MS * INT64_C(1000000),
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct names_options chosen; /* valid from version 2 on */
static _Atomic uint64_t current_version = 1;
static _Atomic int current_family = AF_UNSPEC;

uint64_t names_options_get(uint64_t version, struct names_options *options) {
    if (version == atomic_load_explicit(&current_version, memory_order_acquire)) {
        return version;
    }
    pthread_mutex_lock(&lock);
    uint64_t now = atomic_load_explicit(&current_version, memory_order_relaxed);
    *options = now == 1 ? defaults : chosen;
    pthread_mutex_unlock(&lock);
    return now;
}

int names_options_family(void) {
    return atomic_load_explicit(&current_family, memory_order_relaxed);
}

void names_options_simulated(struct names_options *options) {
    *options = defaults;
    options->resolv_conf[0] = options->hosts[0] = options->nsswitch[0] = '\0';
}

/* ---- checking ---- */

static int refused(int code, const char *field, const char *problem) {
    return fail(code, "names", NULL, "%s %s", field, problem);
}

/* A text of the caller's; NULL leaves the default. */
static int take_text(char *out, size_t size, const char *text, const char *field) {
    if (text == NULL) {
        return 0;
    }
    if (strlen(text) >= size) {
        return refused(-ENAMETOOLONG, field, "is too long");
    }
    (void)str_copy_to(out, size, wharf_str_of(text));
    return 0;
}

static int take_servers(struct names_options *options, const char *servers) {
    struct resolv_conf conf;
    wharf_str rest = wharf_str_of(servers);
    wharf_str server;
    resolv_conf_init(&conf);
    while (str_next_word(&rest, &server)) {
        int rc = resolv_conf_server(&conf, server);
        if (rc == -WHARF_ELIMIT) {
            return refused(-EINVAL, "servers", "are at most 8");
        }
        if (rc < 0) {
            return fail(rc, "names", NULL, "servers: \"%.*s\" is not the address of one",
                        WHARF_STR_ARG(server));
        }
    }
    memcpy(options->servers, conf.servers, sizeof(options->servers));
    options->server_count = conf.server_count;
    return 0;
}

/* A number that the caller may have set. */
struct range {
    const char *field;
    int64_t value, min, max;
    bool may_be_off;
};

static int check_ranges(const wharf_names_options *given) {
    const struct range ranges[] = {
        {"timeout_ms", given->timeout_ms, 1, TIMEOUT_MS_MAX, false},
        {"attempts", given->attempts, 1, ATTEMPTS_MAX, false},
        {"ndots", given->ndots, 1, RESOLV_NDOTS_MAX, true},
        {"cache_entries", given->cache_entries, 1, CACHE_ENTRIES_MAX, false},
        {"resolution_delay_ms", given->resolution_delay_ms, 1, DELAY_MS_MAX, true},
        {"attempt_delay_ms", given->attempt_delay_ms, ATTEMPT_DELAY_MS_MIN, DELAY_MS_MAX, false},
    };
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        const struct range *range = &ranges[i];
        bool is_default = range->value == 0 || (range->may_be_off && range->value == WHARF_OFF);
        if (!is_default && (range->value < range->min || range->value > range->max)) {
            return fail(-EINVAL, "names", NULL, "%s is %lld to %lld%s", range->field, (long long)range->min,
                        (long long)range->max, range->may_be_off ? ", or WHARF_OFF" : "");
        }
    }
    if (given->family != 0 && given->family != 4 && given->family != 6) {
        return refused(-EINVAL, "family", "is 4 or 6");
    }
    return 0;
}

static int take_numbers(struct names_options *options, const wharf_names_options *given) {
    int rc = check_ranges(given);
    if (rc < 0) {
        return rc;
    }
    options->timeout_ms = given->timeout_ms;
    options->attempts = given->attempts;
    options->cache_entries = given->cache_entries;
    options->tcp_only = given->tcp_only;
    if (given->ndots != 0) {
        options->ndots = given->ndots > 0 ? given->ndots : 0;
    }
    if (given->family != 0) {
        options->family = given->family == 4 ? AF_INET : AF_INET6;
    }
    if (given->resolution_delay_ms != 0) {
        options->resolution_delay_ns = given->resolution_delay_ms > 0 ? given->resolution_delay_ms * NS_PER_MS
                                                                      : 0;
    }
    if (given->attempt_delay_ms != 0) {
        options->attempt_delay_ns = given->attempt_delay_ms * NS_PER_MS;
    }
    return 0;
}

static int take(struct names_options *options, const wharf_names_options *given) {
    int rc = take_text(options->search, sizeof(options->search), given->search, "search");
    if (rc == 0) {
        rc = take_text(options->overrides, sizeof(options->overrides), given->overrides, "overrides");
    }
    if (rc == 0) {
        rc = take_text(options->resolv_conf, NAMES_PATH_SIZE, given->resolv_conf, "resolv_conf");
    }
    if (rc == 0) {
        rc = take_text(options->hosts, NAMES_PATH_SIZE, given->hosts, "hosts");
    }
    if (rc == 0) {
        rc = take_text(options->nsswitch, NAMES_PATH_SIZE, given->nsswitch, "nsswitch");
    }
    if (rc == 0 && given->servers != NULL) {
        rc = take_servers(options, given->servers);
    }
    return rc == 0 ? take_numbers(options, given) : rc;
}

static void publish(const struct names_options *options) {
    pthread_mutex_lock(&lock);
    chosen = *options;
    atomic_store_explicit(&current_family, options->family, memory_order_relaxed);
    atomic_fetch_add_explicit(&current_version, 1, memory_order_release);
    pthread_mutex_unlock(&lock);
}

int wharf_names_set(const wharf_names_options *options) {
    wharf_names_options given = {.size = sizeof(given)};
    if (options != NULL && options->size < sizeof(options->size)) {
        return refused(-EINVAL, "options", "without their size");
    }
    if (options != NULL) {
        memcpy(&given, options, options->size < sizeof(given) ? options->size : sizeof(given));
    }
    struct names_options *taken = mem_alloc(sizeof(*taken));
    if (taken == NULL) {
        return fail(-ENOMEM, "names", NULL, NULL);
    }
    bool simulated = sched_current() != NULL && sched_is_simulated();
    *taken = defaults;
    if (simulated) {
        names_options_simulated(taken);
    }
    int rc = take(taken, &given);
    if (rc == 0 && simulated) {
        rc = names_state_set_options(taken);
    } else if (rc == 0) {
        publish(taken);
    }
    mem_free(taken);
    return rc;
}
