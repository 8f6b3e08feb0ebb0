/* Files beneath a directory, under a path prefix. */
#ifndef SERVER_FILES_H
#define SERVER_FILES_H

#include "server/file.h"
#include "server/tree.h"

struct files_mount {
    struct files_mount *next;
    struct tree tree;
    bool listing, hidden, precompressed;
    char *index;
    char *cache_control;
};

/* Whether a route leads to files. */
bool files_is_handler(wharf_handler handler);
void files_free(struct files_mount *mounts);
/* Whether a name may be shown and served. hidden: those that begin with a dot may. */
bool files_is_visible(bool hidden, wharf_str name);

/* ---- sibling.c ---- */
/* Replaces `file`, which is open as `path` or (fd -1) does not exist, by the sibling that the client prefers. 0; -ENOENT: there
 * is neither; -EILSEQ: only in codings that the client does not take. */
int sibling_choose(struct wharf_request *request, const struct files_mount *mount, const char *path,
                   struct file *file);

/* ---- listing.c ---- */
/* Replies with a page that lists the directory open as fd, which is `path` ("" or "a/b/") beneath the root. */
int listing_reply(struct wharf_request *request, const struct files_mount *mount, int fd, const char *path);

#endif
