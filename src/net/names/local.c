/* See local.h. */
#include "net/names/local.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/text.h"
#include "net/address.h"
#include "net/names/message.h"

static const char LOOPBACK_4[] = "1.0.0.127.in-addr.arpa";
static const char LOOPBACK_6[] =
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa"; /* ::1, RFC 3596 */

static bool is_literal(const char *name, int family) {
    struct in6_addr ignored;
    return inet_pton(family, name, &ignored) == 1;
}

bool local_answers(const char *name, unsigned type, const char **ret_data) {
    bool is_v4 = is_literal(name, AF_INET);
    wharf_str text = wharf_str_of(name);
    const char *a = NULL;
    const char *aaaa = NULL;
    const char *ptr = NULL;
    if (is_v4 || is_literal(name, AF_INET6)) {
        a = is_v4 ? name : NULL;
        aaaa = is_v4 ? NULL : name;
    } else if (address_is_localhost(text)) {
        a = "127.0.0.1";
        aaaa = "::1";
    } else if (str_equal_nocase(text, wharf_str_of(LOOPBACK_4)) ||
               str_equal_nocase(text, wharf_str_of(LOOPBACK_6))) {
        ptr = "localhost";
    } else {
        return false;
    }
    *ret_data = type == DNS_A ? a : type == DNS_AAAA ? aaaa : type == DNS_PTR ? ptr : NULL;
    return true;
}
