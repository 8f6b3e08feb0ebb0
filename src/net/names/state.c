/* See state.h. */
#include "net/names/state.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "net/names/cache.h"
#include "net/names/files.h"
#include "sched/sched.h"

enum { FILE_RESOLV_CONF, FILE_HOSTS, FILE_NSSWITCH };

static const int64_t LOOK_AGAIN_NS = INT64_C(1000000000);

struct names_state {
    struct names_options options;
    uint64_t version;                /* of the process' options that these are; 0: none yet */
    bool own;                        /* set for this scheduler alone */
    unsigned changes;                /* of the options */
    struct names_settings *settings; /* NULL: none yet */
    struct file_stamp stamps[NAMES_FILES];
    int64_t looked_at;
    unsigned turn;
    struct names_cache cache;
};

static const char state_key;

static void state_drop(void *value) {
    struct names_state *state = value;
    if (state->settings != NULL) {
        names_settings_put(state->settings);
    }
    names_cache_deinit(&state->cache);
    mem_free(state);
}

/* This scheduler's; made on first use. NULL without memory. */
static struct names_state *state_here(void) {
    struct names_state *state = sched_local_get(&state_key);
    if (state != NULL) {
        return state;
    }
    state = mem_zalloc(sizeof(*state));
    if (state == NULL) {
        return NULL;
    }
    names_cache_init(&state->cache);
    if (sched_local_set(&state_key, state, state_drop) < 0) {
        mem_free(state);
        return NULL;
    }
    if (sched_is_simulated()) {
        names_options_simulated(&state->options);
        state->own = true;
    }
    return state;
}

static void options_changed(struct names_state *state) {
    state->changes++;
    if (state->settings != NULL) {
        names_settings_put(state->settings);
        state->settings = NULL;
    }
    names_cache_clear(&state->cache);
}

int names_state_set_options(const struct names_options *options) {
    struct names_state *state = state_here();
    if (state == NULL) {
        return -ENOMEM;
    }
    state->options = *options;
    state->own = true;
    options_changed(state);
    return 0;
}

/* The process' options, when they have been set anew. */
static void options_refresh(struct names_state *state) {
    if (state->own) {
        return;
    }
    uint64_t version = names_options_get(state->version, &state->options);
    if (version != state->version) {
        state->version = version;
        options_changed(state);
    }
}

int64_t names_state_attempt_delay_ns(void) {
    struct names_state *state = state_here();
    if (state == NULL) {
        return INT64_C(250000000);
    }
    options_refresh(state);
    return state->options.attempt_delay_ns;
}

int names_state_family(void) {
    const struct names_state *state = sched_local_get(&state_key);
    if (state != NULL && state->own) {
        return state->options.family;
    }
    return sched_is_simulated() ? AF_UNSPEC : names_options_family();
}

unsigned names_state_turn(void) {
    struct names_state *state = state_here();
    return state != NULL ? state->turn++ : 0;
}

struct names_cache *names_state_cache(void) {
    struct names_state *state = state_here();
    return state != NULL ? &state->cache : NULL;
}

void names_state_expire(void) {
    struct names_state *state = state_here();
    if (state != NULL) {
        state->looked_at = INT64_MIN / 2;
    }
}

/* ---- settings ---- */

static void environment_apply(struct resolv_conf *conf) {
    const char *search = secure_getenv("LOCALDOMAIN");
    const char *options = secure_getenv("RES_OPTIONS");
    const char *servers = secure_getenv("WHARF_NAME_SERVERS");
    if (search != NULL) {
        resolv_conf_search(conf, wharf_str_of(search));
    }
    if (options != NULL) {
        resolv_conf_options(conf, wharf_str_of(options));
    }
    if (servers != NULL && servers[0] != '\0') {
        wharf_str rest = wharf_str_of(servers);
        wharf_str server;
        conf->server_count = 0;
        while (str_next_word(&rest, &server)) {
            (void)resolv_conf_server(conf, server);
        }
    }
}

static void options_apply(struct resolv_conf *conf, const struct names_options *options) {
    if (options->server_count > 0) {
        memcpy(conf->servers, options->servers, sizeof(conf->servers));
        conf->server_count = options->server_count;
    }
    if (options->search[0] != '\0') {
        resolv_conf_search(conf, wharf_str_of(options->search));
    }
    if (options->attempts > 0) {
        conf->attempts = options->attempts;
    }
    conf->use_tcp = conf->use_tcp || options->tcp_only;
    if (options->ndots >= 0) {
        conf->ndots = options->ndots;
    }
}

/* Takes the texts over. NULL without memory. */
static struct names_settings *settings_new(const struct names_options *options, struct names_files *files) {
    struct names_settings *settings = mem_zalloc(sizeof(*settings));
    if (settings == NULL) {
        return NULL;
    }
    settings->options = *options;
    settings->holders = 1;
    settings->hosts = files->texts[FILE_HOSTS];
    settings->nsswitch = files->texts[FILE_NSSWITCH];
    files->texts[FILE_HOSTS] = files->texts[FILE_NSSWITCH] = (wharf_str){NULL, 0};
    resolv_conf_init(&settings->conf);
    resolv_conf_parse(&settings->conf, files->texts[FILE_RESOLV_CONF]);
    if (!sched_is_simulated()) {
        environment_apply(&settings->conf);
        (void)gethostname(settings->own_name, sizeof(settings->own_name) - 1);
    }
    options_apply(&settings->conf, options);
    if (settings->conf.server_count == 0 && !sched_is_simulated()) {
        (void)resolv_conf_server(&settings->conf, STR("127.0.0.1")); /* as resolv.conf(5) has it */
    }
    return settings;
}

static bool has_files(const struct names_options *options) {
    return options->resolv_conf[0] != '\0' || options->hosts[0] != '\0' || options->nsswitch[0] != '\0';
}

/* What the files say now. Other tasks run meanwhile: one that has loaded them too, or changed the options, goes first. */
static int settings_load(struct names_state *state) {
    const struct names_options *options = &state->options;
    const char *const paths[NAMES_FILES] = {options->resolv_conf, options->hosts, options->nsswitch};
    struct names_files files = {.changed = state->settings == NULL};
    unsigned changes = state->changes;
    if (has_files(options)) {
        int rc = names_files_read(paths, state->settings != NULL ? state->stamps : NULL, &files);
        if (rc < 0) {
            return rc;
        }
    }
    state->looked_at = sched_now();
    if (!files.changed || changes != state->changes) {
        names_files_free(&files);
        return 0;
    }
    struct names_settings *settings = settings_new(options, &files);
    names_files_free(&files);
    if (settings == NULL) {
        return -ENOMEM;
    }
    options_changed(state);
    state->settings = settings;
    memcpy(state->stamps, files.stamps, sizeof(state->stamps));
    return 0;
}

int names_settings_get(struct names_settings **ret_settings) {
    struct names_state *state = state_here();
    if (state == NULL) {
        return -ENOMEM;
    }
    options_refresh(state);
    while (state->settings == NULL || sched_now() - state->looked_at > LOOK_AGAIN_NS) {
        int rc = settings_load(state);
        if (rc < 0) {
            return rc;
        }
        options_refresh(state);
    }
    state->settings->holders++;
    *ret_settings = state->settings;
    return 0;
}

void names_settings_put(struct names_settings *settings) {
    settings->holders--;
    if (settings->holders == 0) {
        mem_free((void *)(uintptr_t)settings->hosts.ptr);
        mem_free((void *)(uintptr_t)settings->nsswitch.ptr);
        mem_free(settings);
    }
}
