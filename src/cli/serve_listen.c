/* Where wharf serve listens, and how it says so. */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/exitcode.h"
#include "cli/serve.h"

enum { DEFAULT_PORT = 8000, PORTS_TRIED = 100 };

static int listen_at(wharf_server *server, const char *address, wharf_tls *tls) {
    return tls != NULL ? wharf_server_listen_tls(server, address, tls) : wharf_server_listen(server, address);
}

/* Listens on what was asked for; a port that is taken is named. */
static int listen_on(wharf_server *server, const char *address, wharf_tls *tls) {
    int result = listen_at(server, address, tls);
    if (result == -EADDRINUSE) {
        fprintf(stderr,
                "wharf serve: %s is already in use (--listen ADDR takes another; port 0 picks a free one)\n",
                address);
        return EXIT_CONNECT;
    }
    return result < 0 ? serve_fail(result) : EXIT_OK;
}

/* Nobody has named a port: one that is taken leads to the next. */
static int listen_on_next_free(wharf_server *server, const char *host, wharf_tls *tls) {
    int result = -EADDRINUSE;
    for (int port = DEFAULT_PORT; port < DEFAULT_PORT + PORTS_TRIED && result == -EADDRINUSE; port++) {
        char address[32];
        snprintf(address, sizeof address, "%s:%d", host, port);
        result = listen_at(server, address, tls);
        if (result == -EADDRINUSE) {
            fprintf(stderr, "wharf serve: %s is already in use; trying the next port\n", address);
        }
    }
    return result < 0 ? serve_fail(result) : EXIT_OK;
}

int serve_listen(wharf_server *server, const struct serve_options *options, wharf_tls *tls) {
    if (options->listen == NULL) {
        const char *host = options->everywhere ? "" : options->welcome ? "localhost" : "127.0.0.1";
        return listen_on_next_free(server, host, tls);
    }
    int code = EXIT_OK;
    for (const char **address = options->listen; *address != NULL && code == EXIT_OK; address++) {
        code = listen_on(server, *address, tls);
    }
    return code;
}

/* ---- saying so ---- */

/* An address as a browser takes it, with the host replaced by another unless that is NULL. */
static void print_url(FILE *out, const char *address, const char *host, const struct serve_shown *shown) {
    const char *port = strrchr(address, ':');
    const char *scheme = shown->tls ? "https" : "http";
    if (strncmp(address, "unix:", 5) == 0 || port == NULL) {
        fprintf(out, "%s\n", address);
    } else if (host != NULL) {
        fprintf(out, "%s://%s%s/\n", scheme, host, port);
    } else {
        fprintf(out, "%s://%s/\n", scheme, address);
    }
}

/* An interface's address in a URL; false for those that lead nowhere from another machine. */
static bool format_interface(const struct ifaddrs *interface, bool ipv6, char *out, size_t size) {
    const struct sockaddr *address = interface->ifa_addr;
    if (address == NULL || (interface->ifa_flags & IFF_UP) == 0 ||
        (interface->ifa_flags & IFF_LOOPBACK) != 0) {
        return false;
    }
    char text[INET6_ADDRSTRLEN] = "";
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *ipv4 = (const void *)address;
        (void)inet_ntop(AF_INET, &ipv4->sin_addr, text, sizeof text);
        snprintf(out, size, "%s", text);
        return true;
    }
    if (address->sa_family != AF_INET6 || !ipv6) {
        return false;
    }
    const struct sockaddr_in6 *long_one = (const void *)address;
    if (IN6_IS_ADDR_LINKLOCAL(&long_one->sin6_addr)) {
        return false;
    }
    (void)inet_ntop(AF_INET6, &long_one->sin6_addr, text, sizeof text);
    snprintf(out, size, "[%s]", text);
    return true;
}

/* All interfaces: by which addresses other machines get here. */
static void announce_interfaces(const char *address, const struct serve_shown *shown) {
    struct ifaddrs *interfaces = NULL;
    bool ipv6 = strncmp(address, "[::]", 4) == 0;
    if ((!ipv6 && strncmp(address, "0.0.0.0:", 8) != 0) || getifaddrs(&interfaces) < 0) {
        return;
    }
    for (const struct ifaddrs *each = interfaces; each != NULL; each = each->ifa_next) {
        char host[INET6_ADDRSTRLEN + 2];
        if (format_interface(each, ipv6, host, sizeof host)) {
            fputs("also on ", stderr);
            print_url(stderr, address, host, shown);
        }
    }
    freeifaddrs(interfaces);
}

bool serve_announce(wharf_server *server, const struct serve_shown *shown) {
    printf("serving %s on ", shown->what);
    print_url(stdout, wharf_server_address(server, 0), shown->as_localhost ? "localhost" : NULL, shown);
    if (fflush(stdout) != 0) {
        return false;
    }
    for (int i = 0; wharf_server_address(server, i)[0] != '\0'; i++) {
        const char *address = wharf_server_address(server, i);
        if (i > 0 && !shown->as_localhost) {
            fprintf(stderr, "also on %s\n", address);
        }
        announce_interfaces(address, shown);
    }
    return true;
}
