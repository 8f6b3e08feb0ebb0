/* Sockets that this process was given when it started: "fd:N", and "systemd:NAME" by the protocol of sd_listen_fds(3) - the
 * environment says in LISTEN_PID for whom, in LISTEN_FDS how many from descriptor 3 on, in LISTEN_FDNAMES their names. */
#ifndef NET_INHERITED_H
#define NET_INHERITED_H

#include "net/address.h"

/* Whether the text names such sockets. */
bool inherited_is_named(const struct address_text *text);
/* The descriptors that it names, now the caller's: close-on-exec and non-blocking. How many, at most `max`, or an error (recorded):
 * -ENOENT (nothing has this name), -EBUSY (it was taken before), -ENOTSOCK, -EBADF. `phase` is for the error. */
int inherited_take(const struct address_text *text, const char *phase, int *ret_fds, int max);
/* SOCK_*, of the first of them, which stays where it is; or an error (recorded). */
int inherited_type(const struct address_text *text, const char *phase);

/* What a descriptor is, as the kernel has it. */
struct descriptor {
    int64_t type, family, listening;
};

/* 0, or -EBADF, -ENOTSOCK, -EPROTONOSUPPORT. Does not suspend. */
int descriptor_inspect(int fd, struct descriptor *ret_descriptor);
int descriptor_unblock(int fd);

#endif
