/* See secure.h. */
#include "cli/secure.h"

#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/exitcode.h"

enum { PAIRS_MAX = 256, HOSTS_MAX = 32, HOST_SIZE = 256 };

static int fail_with(const char *who, int code) {
    fprintf(stderr, "wharf %s: %s\n", who, wharf_why());
    return code;
}

static size_t count(const char *const *list) {
    size_t length = 0;
    while (list != NULL && list[length] != NULL) {
        length++;
    }
    return length;
}

bool secure_is_set(const struct secure_options *options) {
    return options->certificates != NULL || options->keys != NULL || options->ca != NULL ||
           options->crl != NULL || options->pins != NULL || options->name != NULL || options->alpn != NULL ||
           options->insecure;
}

/* Pairs in the order given; the keys of the first certificates, the others have theirs in the same file. */
static int pair_up(const struct secure_options *options, const char *who,
                   wharf_tls_pair pairs[PAIRS_MAX + 1]) {
    size_t certificates = count((const char *const *)options->certificates);
    size_t keys = count((const char *const *)options->keys);
    if (keys > certificates || certificates > PAIRS_MAX) {
        fprintf(stderr, "wharf %s: a --key belongs to the --cert of the same place; %d at most\n", who,
                PAIRS_MAX);
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < certificates; i++) {
        pairs[i] = (wharf_tls_pair){options->certificates[i], i < keys ? options->keys[i] : NULL};
    }
    pairs[certificates] = (wharf_tls_pair){NULL, NULL};
    return EXIT_OK;
}

static int make(const wharf_tls_options *options, const char *who, wharf_tls **ret_tls) {
    *ret_tls = wharf_tls_new(options);
    return *ret_tls != NULL ? EXIT_OK : fail_with(who, EXIT_LOCAL_FILE);
}

int secure_client(const struct secure_options *options, const char *who, wharf_tls **ret_tls) {
    wharf_tls_pair pairs[PAIRS_MAX + 1];
    int code = pair_up(options, who, pairs);
    if (code != EXIT_OK) {
        return code;
    }
    if (options->insecure) {
        fprintf(
            stderr,
            "wharf %s: --insecure: the server is not verified, and anybody on the way can read and change "
            "everything\n",
            who);
    }
    return make(WHARF_OPTIONS(wharf_tls_options, .certificates = pairs, .ca = options->ca,
                              .crl = options->crl, .name = options->name,
                              .pins = (const char *const *)options->pins,
                              .alpn = (const char *const *)options->alpn,
                              .insecure_no_verify = options->insecure, .key_log = getenv("SSLKEYLOGFILE")),
                who, ret_tls);
}

int secure_server(const struct secure_options *options, const char *who, wharf_tls_reloaded_fn reloaded,
                  wharf_tls **ret_tls) {
    wharf_tls_pair pairs[PAIRS_MAX + 1];
    int code = pair_up(options, who, pairs);
    if (code != EXIT_OK) {
        return code;
    }
    return make(
        WHARF_OPTIONS(wharf_tls_options, .certificates = pairs, .ca = options->ca, .crl = options->crl,
                      .staples = (const char *const *)options->staples,
                      .clients = options->ca != NULL ? WHARF_TLS_CLIENTS_VERIFIED : WHARF_TLS_CLIENTS_ANY,
                      .alpn = (const char *const *)options->alpn, .any_host = options->any_host,
                      .reloaded = reloaded, .key_log = getenv("SSLKEYLOGFILE")),
        who, ret_tls);
}

/* ---- the development authority ---- */

struct hosts {
    const char *list[HOSTS_MAX + 1];
    char text[HOSTS_MAX][HOST_SIZE];
    size_t count;
};

static void hosts_add(struct hosts *hosts, const char *host) {
    for (size_t i = 0; i < hosts->count; i++) {
        if (strcmp(hosts->list[i], host) == 0) {
            return;
        }
    }
    if (hosts->count < HOSTS_MAX && host[0] != '\0') {
        snprintf(hosts->text[hosts->count], HOST_SIZE, "%s", host);
        hosts->list[hosts->count] = hosts->text[hosts->count];
        hosts->count++;
    }
}

/* The addresses of this machine that others may reach it by. */
static void hosts_add_interfaces(struct hosts *hosts) {
    struct ifaddrs *all = NULL;
    if (getifaddrs(&all) < 0) {
        return;
    }
    for (const struct ifaddrs *at = all; at != NULL; at = at->ifa_next) {
        char host[HOST_SIZE];
        int family = at->ifa_addr != NULL ? at->ifa_addr->sa_family : AF_UNSPEC;
        socklen_t len = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
        if ((family == AF_INET || family == AF_INET6) &&
            getnameinfo(at->ifa_addr, len, host, sizeof host, NULL, 0, NI_NUMERICHOST) == 0 &&
            strchr(host, '%') == NULL) {
            hosts_add(hosts, host);
        }
    }
    freeifaddrs(all);
}

int secure_development(const struct secure_options *options, const char *who, wharf_tls **ret_tls) {
    struct hosts hosts = {.count = 0};
    wharf_tls_made made;
    char name[HOST_SIZE] = "";
    hosts_add(&hosts, "localhost");
    hosts_add(&hosts, "127.0.0.1");
    hosts_add(&hosts, "::1");
    gethostname(name, sizeof name - 1);
    hosts_add(&hosts, name);
    hosts_add_interfaces(&hosts);
    if (wharf_tls_make(NULL, "localhost", hosts.list, &made) < 0) {
        return fail_with(who, EXIT_LOCAL_FILE);
    }
    fprintf(stderr, "certificate SHA-256 %s\nfor development only; clients trust it with --ca %s\n",
            made.fingerprint, made.ca);
    const wharf_tls_pair pairs[] = {{made.certificate, made.key}, {NULL, NULL}};
    return make(WHARF_OPTIONS(wharf_tls_options, .certificates = pairs, .any_host = true,
                              .alpn = options != NULL ? (const char *const *)options->alpn : NULL),
                who, ret_tls);
}
