/* Clients: making, freeing, and the default one, which is a constant. */
#include "client/client.h"

#include <errno.h>

#include "base/failure.h"
#include "base/memory.h"
#include "client/auth.h"
#include "client/jar.h"
#include "client/options.h"
#include "client/secrets.h"
#include "sched/sched.h"
#include "tls/settings.h"

static const size_t SETTINGS_BYTES_MAX = 16 << 20;

const struct wharf_client client_default = {.arena = {.bytes_max = 0}};

/* Copies the lines, NULL included. */
static int client_copy_lines(struct arena *arena, const char *const *lines, const char *const **ret_lines) {
    size_t count = 0;
    while (lines[count] != NULL) {
        count++;
    }
    const char **copy = arena_alloc(arena, (count + 1) * sizeof(*copy));
    if (copy == NULL) {
        return fail(-ENOMEM, "make client", "", NULL);
    }
    for (size_t i = 0; i < count; i++) {
        copy[i] = arena_cstr(arena, wharf_str_of(lines[i]));
        if (copy[i] == NULL) {
            return fail(-ENOMEM, "make client", "", NULL);
        }
    }
    copy[count] = NULL;
    *ret_lines = copy;
    return 0;
}

static int client_take_secrets(struct wharf_client *client, wharf_secret *const *secrets) {
    size_t count = 0;
    while (secrets != NULL && secrets[count] != NULL) {
        count++;
    }
    if (count == 0) {
        return 0;
    }
    client->secrets = arena_alloc(&client->arena, (count + 1) * sizeof(*client->secrets));
    if (client->secrets == NULL) {
        return fail(-ENOMEM, "make client", "", NULL);
    }
    for (size_t i = 0; i < count; i++) {
        client->secrets[i] = secret_hold(secrets[i]);
    }
    client->secrets[count] = NULL;
    return 0;
}

/* What it shares with others. */
static void client_release(struct wharf_client *client) {
    for (wharf_secret **each = client->secrets; each != NULL && *each != NULL; each++) {
        wharf_secret_free(*each);
    }
    wharf_auth_free(client->auth);
    wharf_jar_free(client->jar);
    tls_release(client->tls);
    tls_release(client->proxy_tls);
    arena_deinit(&client->arena);
    mem_free(client);
}

static int client_configure(struct wharf_client *client, const wharf_client_options *given) {
    wharf_client_options options = {0};
    wharf_client_limits resolved = {0};
    const wharf_client_limits nothing = {0};
    int rc = client_options_copy(&options, sizeof(options), given, "wharf_client_options");
    if (rc < 0) {
        return rc;
    }
    rc = client_limits_resolve(&nothing, &options.limits, &resolved);
    if (rc < 0) {
        return rc;
    }
    client->limits = options.limits;
    if (options.replay < WHARF_REPLAY_DEFAULT || options.replay > WHARF_REPLAY_REUSED) {
        return fail(-EINVAL, "read options", "", "replay is none of WHARF_REPLAY_*");
    }
    client->replay = options.replay;
    client->use_environment = options.use_environment;
    rc = route_rules_read(&client->arena, options.proxy, options.no_proxy, options.networks, &client->rules);
    if (rc < 0) {
        return rc;
    }
    if (options.proxy_tls != NULL) {
        tls_hold(options.proxy_tls);
        client->proxy_tls = options.proxy_tls;
    }
    if (options.tls != NULL) {
        tls_hold(options.tls);
        client->tls = options.tls;
    }
    client->jar = jar_hold(options.jar);
    client->auth = auth_hold(options.auth);
    rc = client_take_secrets(client, options.secrets);
    if (rc < 0) {
        return rc;
    }
    if (options.headers == NULL) {
        return 0;
    }
    const char *const *lines = NULL;
    rc = client_copy_lines(&client->arena, options.headers, &lines);
    return rc < 0 ? rc : fields_parse(&client->arena, lines, &client->headers);
}

wharf_client *wharf_client_new(const wharf_client_options *options) {
    struct wharf_client *client = mem_zalloc(sizeof(*client));
    if (client == NULL) {
        (void)fail(-ENOMEM, "make client", "", NULL);
        return NULL;
    }
    arena_init(&client->arena, NULL, 0, SETTINGS_BYTES_MAX);
    if (options != NULL && client_configure(client, options) < 0) {
        client_release(client);
        return NULL;
    }
    return client;
}

void wharf_client_free(wharf_client *client) {
    if (client == NULL) {
        return;
    }
    /* Pools of other cores stay until those end. Should another client get this address, it finds their connections, and
     * uses those that were made under the same settings. */
    sched_local_remove(client);
    client_release(client);
}
