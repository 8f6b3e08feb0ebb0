/* Files beneath a directory, under a path prefix. */
#ifndef SERVER_FILES_H
#define SERVER_FILES_H

#include "server/request.h"

struct files_mount {
    struct files_mount *next;
    int root;
    bool listing, hidden;
    char *index;
    char *cache_control;
};

/* Whether a route leads to files. */
bool files_is_handler(wharf_handler handler);
void files_free(struct files_mount *mounts);
/* Whether a name may be shown and served. */
bool files_is_visible(const struct files_mount *mount, wharf_str name);

/* ---- listing.c ---- */
/* Replies with a page that lists the directory open as fd, which is `path` ("" or "a/b/") beneath the root. */
int listing_reply(struct wharf_request *request, const struct files_mount *mount, int fd, const char *path);

#endif
