/* Where a simulated endpoint is: an IP address and port, or a Unix name. IPv4 is kept as IPv4-mapped IPv6, so
 * that one comparison serves both. */
#ifndef SIM_PLACE_H
#define SIM_PLACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum { PLACE_IP_BYTES = 16, PLACE_NAME_BYTES = 108 };

enum place_kind { PLACE_NONE, PLACE_IP, PLACE_UNIX };

struct place {
    enum place_kind kind;
    uint16_t port;
    unsigned char ip[PLACE_IP_BYTES];
    unsigned char name_len;
    char name[PLACE_NAME_BYTES]; /* as in sun_path: a path without its NUL, or NUL and an abstract name */
};

/* Of a socket of `family`: an IPv6 socket takes IPv4-mapped addresses too. 0, -EINVAL, -EAFNOSUPPORT. */
int place_of_address(int family, const struct sockaddr *address, socklen_t len, struct place *ret_place);
/* As a socket of `family` sees it. */
void place_to_address(const struct place *place, int family, struct sockaddr_storage *ret_address,
                      socklen_t *ret_len);

bool place_is_v4(const struct place *place);
/* 0.0.0.0 or :: */
bool place_is_any(const struct place *place);
/* 127.0.0.0/8 or ::1 */
bool place_is_loopback(const struct place *place);
/* IP addresses with spaces between, without ports. How many, or -EINVAL: one is none, or there are more than `max`. */
int places_parse(const char *text, struct place *out, int max);
/* 0.0.0.0 or ::, port 0. */
struct place place_any(bool v4);
/* 127.0.0.1 or ::1, with `port`. */
struct place place_loopback(bool v4, uint16_t port);
bool place_is_equal(const struct place *a, const struct place *b);

/* How well a place that is bound takes a call for `wanted`: 0 not at all, 1 as "any address", 2 exactly.
 * v6_only: it is bound by an IPv6 socket that refuses IPv4. */
int place_accepts(const struct place *bound, bool v6_only, const struct place *wanted);

#endif
