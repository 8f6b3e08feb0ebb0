/* See route.h. */
#include "client/route.h"

#include <errno.h>
#include <stdlib.h>

#include "base/failure.h"
#include "base/text.h"
#include "client/client.h"
#include "client/fetch.h"

static int copy_text(struct arena *arena, const char *text, wharf_str *ret_text) {
    if (text == NULL) {
        return 0;
    }
    *ret_text = arena_copy(arena, text, strlen(text));
    return ret_text->ptr != NULL ? 0 : fail(-ENOMEM, "read options", "", NULL);
}

static int read_proxies(struct arena *arena, wharf_str text, struct proxy_list *list, const char *origin) {
    const char *wrong = "";
    int rc = proxies_parse(arena, text, list, &wrong);
    if (rc < 0) {
        /* The text may hold a password. */
        return fail(rc, "read options", "", rc == -EINVAL ? "%s: %s" : NULL, origin, wrong);
    }
    return 0;
}

static int read_networks(struct arena *arena, struct route_rules *rules) {
    wharf_str wrong = {NULL, 0};
    rules->networks = arena_alloc(arena, sizeof(*rules->networks));
    if (rules->networks == NULL) {
        return fail(-ENOMEM, "read options", "", NULL);
    }
    int rc = networks_parse(rules->networks_text, rules->networks, &wrong);
    if (rc < 0) {
        return fail(-EINVAL, "read options", "", "networks: \"%.*s\" is no rule, or one too many",
                    WHARF_STR_ARG(wrong));
    }
    return 0;
}

int route_rules_read(struct arena *arena, const char *proxy, const char *no_proxy, const char *networks,
                     struct route_rules *ret_rules) {
    struct route_rules rules = {.networks = NULL};
    int rc = copy_text(arena, proxy, &rules.proxy_text);
    rc = rc < 0 ? rc : copy_text(arena, no_proxy, &rules.no_proxy);
    rc = rc < 0 ? rc : copy_text(arena, networks, &rules.networks_text);
    if (rc == 0 && rules.proxy_text.len > 0) {
        rc = read_proxies(arena, rules.proxy_text, &rules.proxies, "proxy");
    }
    if (rc == 0 && networks != NULL) {
        rc = read_networks(arena, &rules);
    }
    if (rc == 0) {
        *ret_rules = rules;
    }
    return rc;
}

/* ---- the environment ---- */

/* The first of these variables that is set and not empty. */
static const char *environment(const char *lower, const char *upper) {
    const char *value = getenv(lower);
    if ((value == NULL || value[0] == '\0') && upper != NULL) {
        value = getenv(upper);
    }
    return value != NULL ? value : "";
}

/* Under CGI a request's header "Proxy:" becomes HTTP_PROXY: whoever sends it must not choose ours. */
static const char *environment_proxy(const struct url *url) {
    const char *value = "";
    if (url->is_secure) {
        value = environment("https_proxy", "HTTPS_PROXY");
    } else {
        value = environment("http_proxy", getenv("REQUEST_METHOD") == NULL ? "HTTP_PROXY" : NULL);
    }
    return value[0] != '\0' ? value : environment("all_proxy", "ALL_PROXY");
}

/* ---- finding ---- */

static wharf_str first_said(wharf_str a, wharf_str b) {
    return a.ptr != NULL ? a : b;
}

static bool is_excepted(const struct fetch *fetch, bool from_environment) {
    const struct url *url = &fetch->url;
    wharf_str host = url->host;
    if (url->host_kind == URL_HOST_IPV6) {
        host = str_slice(host, 1, host.len - 1);
    }
    wharf_str list = first_said(fetch->rules.no_proxy, fetch->client->rules.no_proxy);
    if (list.ptr == NULL && (from_environment || fetch->client->use_environment)) {
        list = wharf_str_of(environment("no_proxy", "NO_PROXY"));
    }
    return no_proxy_has(list, host, url->port);
}

/* The proxies and their text. */
static int find_proxies(struct fetch *fetch, const struct proxy_list **ret_list, wharf_str *ret_text) {
    const struct route_rules *rules = &fetch->rules;
    bool from_environment = false;
    if (rules->proxy_text.ptr == NULL) {
        rules = &fetch->client->rules;
    }
    if (rules->proxy_text.ptr == NULL) {
        const char *text = fetch->client->use_environment ? environment_proxy(&fetch->url) : "";
        if (text[0] == '\0') {
            return 0;
        }
        struct route_rules *found = arena_alloc(&fetch->arena, sizeof(*found));
        if (found == NULL) {
            return fail(-ENOMEM, "read options", "", NULL);
        }
        int rc = route_rules_read(&fetch->arena, text, NULL, NULL, found);
        if (rc < 0) {
            return rc;
        }
        rules = found;
        from_environment = true;
    }
    if (rules->proxies.count > 0 && !is_excepted(fetch, from_environment)) {
        *ret_list = &rules->proxies;
        *ret_text = rules->proxy_text;
    }
    return 0;
}

int route_find(struct fetch *fetch, struct route *ret_route) {
    struct route route = {.proxies = NULL, .key = {"", 0}};
    const struct route_rules *rules = &fetch->rules;
    wharf_str text = {"", 0};
    if (rules->networks == NULL) {
        rules = &fetch->client->rules;
    }
    route.networks = rules->networks;
    int rc = find_proxies(fetch, &route.proxies, &text);
    if (rc < 0) {
        return rc;
    }
    if (text.len > 0 || rules->networks_text.len > 0) {
        route.key = arena_printf(&fetch->arena, "%.*s %.*s", WHARF_STR_ARG(text),
                                 WHARF_STR_ARG(rules->networks_text));
        if (route.key.ptr == NULL) {
            return fail(-ENOMEM, "read options", "", NULL);
        }
    }
    *ret_route = route;
    return 0;
}
