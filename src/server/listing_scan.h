/* What is in a directory, as far as it may be seen, gathered and sorted on a thread of the pool. */
#ifndef SERVER_LISTING_SCAN_H
#define SERVER_LISTING_SCAN_H

#include "base/arena.h"
#include "sched/sched.h"
#include "server/tree.h"

enum { LISTING_ENTRIES_MAX = 10000 };

struct listing_entry {
    wharf_str name; /* with a NUL behind it */
    int64_t size;
    int64_t seconds;
    bool is_directory;
};

enum listing_order { LISTING_BY_NAME, LISTING_BY_SIZE, LISTING_BY_TIME };

/* Goes on when its caller has been cancelled, so it owns what it uses. */
struct listing_scan {
    struct job job;
    int fd;           /* the directory; a descriptor of its own */
    struct tree tree; /* a copy: where links are looked up */
    bool hidden;
    enum listing_order order; /* directories come first in any */
    bool descending;
    int result; /* of the scan */
    struct arena arena;
    struct listing_entry *entries;
    size_t count, capacity;
    bool truncated; /* there are more than LISTING_ENTRIES_MAX */
    char path[];    /* beneath the root: "" or "a/b/" */
};

/* Scans the directory open as fd. The caller frees it. NULL and *ret_error on failure. Suspends. */
struct listing_scan *listing_scan(const struct listing_scan *wanted, int fd, const char *path,
                                  int *ret_error);
void listing_scan_free(struct listing_scan *scan);

#endif
