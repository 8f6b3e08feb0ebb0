/* See ends.h: addresses and kinds. */
#include "cli/ends.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

const char *ends_address(const char *given, bool datagrams, char *out) {
    static const char unix_prefix[] = "unix:";
    if (!datagrams || strstr(given, "://") != NULL || strncasecmp(given, "unix-", 5) == 0 ||
        strncasecmp(given, "fd:", 3) == 0 || strncasecmp(given, "systemd:", 8) == 0) {
        return given;
    }
    bool local = strncasecmp(given, unix_prefix, sizeof unix_prefix - 1) == 0;
    int len = local ? snprintf(out, ENDS_ADDRESS_SIZE, "unix-datagram:%s", given + sizeof unix_prefix - 1)
                    : snprintf(out, ENDS_ADDRESS_SIZE, "udp://%s", given);
    return len < ENDS_ADDRESS_SIZE ? out : given;
}

bool ends_is_datagrams(wharf_sock sock) {
    int64_t type = SOCK_STREAM;
    return wharf_get_option(sock, "type", &type) == 0 && type == SOCK_DGRAM;
}
