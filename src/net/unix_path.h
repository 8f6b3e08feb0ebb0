/* The file that a listening Unix socket leaves in the file system. */
#ifndef NET_UNIX_PATH_H
#define NET_UNIX_PATH_H

#include <stdbool.h>
#include <sys/types.h>

#include "net/address.h"

struct unix_path {
    bool made; /* by us, so it is ours to remove */
    dev_t device;
    ino_t inode;
    char path[108];
};

/* Binds an engine descriptor. A socket file at the path that nobody answers at is removed first. Abstract names
 * and TCP addresses are bound as they are. 0 or an error; does not suspend. */
int unix_path_bind(int fd, const struct address *address, struct unix_path *ret_path);
/* Removes the file if it is still the one that was made. */
void unix_path_remove(struct unix_path *path);

#endif
