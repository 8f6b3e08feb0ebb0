/* The disk of a simulated host. What stands on it are files of the machine that have no name there (memfd_create(2)): reading and
 * writing through a descriptor is then the kernel's business, and what a path leads to is ours.
 *
 *      path --> node --+-- fd       the file as programs see it
 *                      `-- synced   a copy as of the last wharf_fsync(): what a crash may leave of it
 */
#ifndef SIM_DISK_H
#define SIM_DISK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct file_job;
struct host;
struct disk_node;

struct disk {
    struct disk_node *nodes; /* newest first */
    uint64_t made;
    int64_t operation_ns; /* that each operation takes */
    int64_t slow_until, slow_ns, bad_until, full_until;
};

/* As the engine's file_delay and file_work. */
int64_t disk_delay(struct host *host, const struct file_job *job);
int64_t disk_work(struct host *host, struct file_job *job);
/* Of what was not synced the seed decides what is left. */
void disk_crash(struct host *host);
void disk_deinit(struct host *host);

/* Writes or reads a whole file at once, as nobody on the host can: the folders are made on the way. 0 or the file's size, or an error. */
int disk_put(struct host *host, const char *path, const void *bytes, size_t size);
ssize_t disk_get(struct host *host, const char *path, void *buffer, size_t size);

#endif
