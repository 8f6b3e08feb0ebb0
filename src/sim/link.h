/* What joins two hosts, or a host with itself: how long a packet takes, whether it arrives, and what is wrong with it. */
#ifndef SIM_LINK_H
#define SIM_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/world.h"

/* A packet that is lost is sent again after this time, then after twice as much ... (RFC 6298, Linux's least). */
#define LINK_RETRY_FIRST_NS INT64_C(200000000)
#define LINK_RETRY_LAST_NS  INT64_C(120000000000)

enum { LINK_RETRIES_MAX = 15 };

struct link {
    struct link *next;
    struct host *ends[2];
    wharf_sim_link set; /* with the defaults filled in */
    int64_t free_at[2]; /* when the last packet from that end has left */
    int64_t last_at[2]; /* when the last datagram from that end arrives that others do not overtake */
    int64_t cut_until;
    int64_t slow_until, slow_ns;
    int64_t lossy_until, lossy_ppm;
    int64_t reset_after[2]; /* bytes from that end until a stream is reset; negative: none is to be */
};

/* Of a new host, to all that there are and to itself. 0 or -ENOMEM. */
int links_new(struct world *world, struct host *host);
void links_free(struct world *world);
/* Of any two hosts. */
struct link *link_between(const struct host *a, const struct host *b);
/* 0 or -EINVAL (recorded). */
int link_set(struct link *link, const wharf_sim_link *set);

/* Which of its ends a host is: 0 or 1. */
int link_end(const struct link *link, const struct host *host);
/* Nothing passes now. */
bool link_is_cut(const struct link *link);
/* When something small that leaves now arrives. */
int64_t link_arrival(struct link *link);
/* Likewise for `size` bytes of a stream: losses are delays there. */
int64_t link_arrival_of(struct link *link, const struct host *from, size_t size);
/* A datagram of `size` bytes leaves: how many of it arrive (0 to 2), the first at *ret_at. */
int link_datagram(struct link *link, const struct host *from, size_t size, int64_t *ret_at);
/* A packet is lost, by the seed. */
bool link_loses(const struct link *link);
/* Bytes of a stream that fit into one packet. */
size_t link_segment(const struct link *link, int family);

#endif
