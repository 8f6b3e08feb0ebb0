/* A file that is being received: its work on a disk, which is done on the pool. Until it is committed it is a temporary file
 * beside the place where it will be. */
#ifndef SERVER_UPLOAD_JOB_H
#define SERVER_UPLOAD_JOB_H

#include "sched/sched.h"
#include "server/tree.h"
#include "tls/digest.h"

enum { UPLOAD_PIECE = 64 * 1024, UPLOAD_NAME_MAX = 255, UPLOAD_TEMP_SIZE = 40 };

enum upload_step {
    UPLOAD_LOOK,   /* at the directory, and at what has the name now */
    UPLOAD_CREATE, /* the temporary file */
    UPLOAD_WRITE,  /* what is in data */
    UPLOAD_COMMIT, /* to the disk and to its name: -EEXIST when there is one and it may not be replaced */
    UPLOAD_DISCARD /* what there is of it */
};

/* Goes on when its caller has been cancelled, so it owns what it uses. */
struct upload {
    struct job job;
    enum upload_step step;
    int result;       /* of the step */
    struct tree tree; /* a copy */
    int directory, fd;
    bool has_temp, may_replace, exists;
    struct stat stat;      /* of what exists */
    struct digest *digest; /* of what is written; NULL: nobody asks */
    size_t len;            /* of data */
    char data[UPLOAD_PIECE];
    char temp[UPLOAD_TEMP_SIZE];
    char name[UPLOAD_NAME_MAX + 1];
    char parent[]; /* the directory beneath the root, "" or ending in '/' */
};

/* For the file `name` (which fits) in `parent`. NULL and *ret_error on failure. */
struct upload *upload_new(const struct tree *tree, wharf_str parent, wharf_str name, int *ret_error);
/* Does a step and gives its result. When the caller is cut short *upload becomes NULL: what there is of the file goes in its
 * own time. Suspends. */
int upload_step(struct upload **upload, enum upload_step step);
/* Discards what was not committed. NULL is fine. Suspends. */
void upload_free(struct upload *upload);

#endif
