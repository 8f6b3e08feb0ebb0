/* Conversion and comparison of places. */
#include "sim/place.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

#include "base/text.h"

enum { ADDRESS_TEXT_SIZE = 64 };

static const unsigned char v4_mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

static int place_of_unix(const struct sockaddr *address, socklen_t len, struct place *ret_place) {
    struct sockaddr_un from;
    size_t header = offsetof(struct sockaddr_un, sun_path);
    if (len <= header || len > sizeof(from)) {
        return -EINVAL;
    }
    memcpy(&from, address, len);
    size_t name_len = len - header;
    if (from.sun_path[0] != '\0') {
        name_len = strnlen(from.sun_path, name_len);
    }
    struct place place = {.kind = PLACE_UNIX, .name_len = (unsigned char)name_len};
    memcpy(place.name, from.sun_path, name_len);
    *ret_place = place;
    return 0;
}

int place_of_address(int family, const struct sockaddr *address, socklen_t len, struct place *ret_place) {
    if (len < sizeof(sa_family_t)) {
        return -EINVAL;
    }
    if (address->sa_family != family) {
        return -EAFNOSUPPORT;
    }
    if (family == AF_UNIX) {
        return place_of_unix(address, len, ret_place);
    }
    struct place place = {.kind = PLACE_IP};
    if (family == AF_INET) {
        struct sockaddr_in from;
        if (len < sizeof(from)) {
            return -EINVAL;
        }
        memcpy(&from, address, sizeof(from));
        memcpy(place.ip, v4_mapped_prefix, sizeof(v4_mapped_prefix));
        memcpy(place.ip + sizeof(v4_mapped_prefix), &from.sin_addr, sizeof(from.sin_addr));
        place.port = ntohs(from.sin_port);
    } else {
        struct sockaddr_in6 from;
        if (len < sizeof(from)) {
            return -EINVAL;
        }
        memcpy(&from, address, sizeof(from));
        memcpy(place.ip, &from.sin6_addr, sizeof(place.ip));
        place.port = ntohs(from.sin6_port);
    }
    *ret_place = place;
    return 0;
}

void place_to_address(const struct place *place, int family, struct sockaddr_storage *ret_address,
                      socklen_t *ret_len) {
    struct sockaddr_storage out = {.ss_family = (sa_family_t)family};
    socklen_t len = sizeof(sa_family_t);
    if (family == AF_UNIX) {
        struct sockaddr_un to = {.sun_family = AF_UNIX};
        memcpy(to.sun_path, place->name, place->name_len);
        memcpy(&out, &to, sizeof(to));
        if (place->name_len > 0) {
            size_t end = place->name[0] != '\0' && place->name_len < PLACE_NAME_BYTES ? 1 : 0;
            len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + place->name_len + end);
        }
    } else if (family == AF_INET) {
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(place->port)};
        memcpy(&to.sin_addr, place->ip + sizeof(v4_mapped_prefix), sizeof(to.sin_addr));
        memcpy(&out, &to, sizeof(to));
        len = sizeof(to);
    } else {
        struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(place->port)};
        memcpy(&to.sin6_addr, place->ip, sizeof(to.sin6_addr));
        memcpy(&out, &to, sizeof(to));
        len = sizeof(to);
    }
    *ret_address = out;
    *ret_len = len;
}

bool place_is_v4(const struct place *place) {
    return memcmp(place->ip, v4_mapped_prefix, sizeof(v4_mapped_prefix)) == 0;
}

bool place_is_any(const struct place *place) {
    static const unsigned char zeros[PLACE_IP_BYTES];
    size_t skipped = place_is_v4(place) ? sizeof(v4_mapped_prefix) : 0;
    return memcmp(place->ip + skipped, zeros, sizeof(zeros) - skipped) == 0;
}

bool place_is_loopback(const struct place *place) {
    if (place_is_v4(place)) {
        return place->ip[sizeof(v4_mapped_prefix)] == 127;
    }
    static const unsigned char localhost[PLACE_IP_BYTES] = {[PLACE_IP_BYTES - 1] = 1};
    return memcmp(place->ip, localhost, sizeof(localhost)) == 0;
}

/* "192.0.2.1" or "2001:db8::1". */
static bool place_parse(wharf_str text, struct place *ret_place) {
    char copy[ADDRESS_TEXT_SIZE];
    if (text.len >= sizeof(copy)) {
        return false;
    }
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, copy, &v4.sin_addr) == 1) {
        return place_of_address(AF_INET, (struct sockaddr *)&v4, sizeof(v4), ret_place) == 0;
    }
    return inet_pton(AF_INET6, copy, &v6.sin6_addr) == 1 &&
           place_of_address(AF_INET6, (struct sockaddr *)&v6, sizeof(v6), ret_place) == 0;
}

int places_parse(const char *text, struct place *out, int max) {
    wharf_str rest = wharf_str_of(text), each;
    int count = 0;
    while (str_split(&rest, ' ', &each)) {
        struct place place;
        if (each.len == 0) {
            continue;
        }
        if (count == max || !place_parse(each, &place)) {
            return -EINVAL;
        }
        out[count] = place;
        count++;
    }
    return count;
}

struct place place_any(bool v4) {
    struct place place = {.kind = PLACE_IP};
    if (v4) {
        memcpy(place.ip, v4_mapped_prefix, sizeof(v4_mapped_prefix));
    }
    return place;
}

struct place place_loopback(bool v4, uint16_t port) {
    static const unsigned char localhost[4] = {127, 0, 0, 1};
    struct place place = place_any(v4);
    place.port = port;
    if (v4) {
        memcpy(place.ip + sizeof(v4_mapped_prefix), localhost, sizeof(localhost));
    } else {
        place.ip[PLACE_IP_BYTES - 1] = 1;
    }
    return place;
}

bool place_is_equal(const struct place *a, const struct place *b) {
    if (a->kind != b->kind) {
        return false;
    }
    if (a->kind == PLACE_UNIX) {
        return a->name_len == b->name_len && memcmp(a->name, b->name, a->name_len) == 0;
    }
    return a->port == b->port && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

int place_accepts(const struct place *bound, bool v6_only, const struct place *wanted) {
    if (place_is_equal(bound, wanted)) {
        return 2;
    }
    if (bound->kind != PLACE_IP || wanted->kind != PLACE_IP || bound->port != wanted->port ||
        !place_is_any(bound)) {
        return 0;
    }
    if (place_is_v4(bound)) {
        return place_is_v4(wanted) ? 1 : 0;
    }
    return place_is_v4(wanted) && v6_only ? 0 : 1;
}
