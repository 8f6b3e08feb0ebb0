/* See naming.h. */
#include "cli/naming.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "cli/exitcode.h"
#include "wharf/names.h"

enum { OVERRIDES_SIZE = 4096 };

static bool is_address(const char *text) {
    unsigned char ignored[16];
    return inet_pton(AF_INET, text, ignored) == 1 || inet_pton(AF_INET6, text, ignored) == 1;
}

/* "NAME=ADDR" becomes a line of a hosts file. */
static int add_override(const char *resolve, char *overrides, const char *who) {
    size_t len = strlen(overrides);
    size_t name_len = strcspn(resolve, "=");
    const char *address = resolve + name_len + (resolve[name_len] == '=' ? 1 : 0);
    if (name_len == 0 || !is_address(address)) {
        fprintf(stderr, "wharf %s: --resolve is NAME=ADDR with an IP address, not %s\n", who, resolve);
        return EXIT_USAGE;
    }
    int added = snprintf(overrides + len, OVERRIDES_SIZE - len, "%s %.*s\n", address, (int)name_len, resolve);
    if (added < 0 || (size_t)added >= OVERRIDES_SIZE - len) {
        fprintf(stderr, "wharf %s: --resolve: too many\n", who);
        return EXIT_USAGE;
    }
    return EXIT_OK;
}

int naming_set(const struct naming_options *options, const char *who) {
    char overrides[OVERRIDES_SIZE] = "";
    if (options->ipv4 && options->ipv6) {
        fprintf(stderr, "wharf %s: --ipv4 and --ipv6 leave no address\n", who);
        return EXIT_USAGE;
    }
    for (const char **each = options->resolve; each != NULL && *each != NULL; each++) {
        int code = add_override(*each, overrides, who);
        if (code != EXIT_OK) {
            return code;
        }
    }
    int rc = wharf_names_set(WHARF_OPTIONS(wharf_names_options, .servers = options->server,
                                           .overrides = overrides,
                                           .family = options->ipv4   ? 4
                                                     : options->ipv6 ? 6
                                                                     : 0));
    if (rc < 0) {
        fprintf(stderr, "wharf %s: %s\n", who, wharf_why());
    }
    return exitcode_of_error(rc);
}
