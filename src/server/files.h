/* Files beneath a directory, under a path prefix. */
#ifndef SERVER_FILES_H
#define SERVER_FILES_H

#include "server/file.h"
#include "server/tree.h"
#include "wharf/files.h"

struct files_types;

struct files_mount {
    struct files_mount *next;
    struct tree tree;
    bool listing, hidden, precompressed, clean_urls, immutable, upload, overwrite;
    char *index; /* names with blanks between */
    char *cache_control;
    char *fallback; /* NULL: none */
    struct files_types *types;
};

/* Whether a route leads to files. */
bool files_is_handler(wharf_handler handler);
/* The handler of a mount's routes; arg: the mount. */
int files_serve(wharf_request *request, void *arg);

/* ---- mount.c ---- */
void files_free(struct files_mount *mounts);
/* Whether a name may be shown and served. hidden: those that begin with a dot may. */
bool files_is_visible(bool hidden, wharf_str name);

/* The path beneath the root: nothing hidden, nothing encoded left, no NUL. NULL: no such file. */
const char *files_path(struct wharf_request *request, const struct files_mount *mount);
/* Whether the client asks for a page, not for whatever there is: pictures and scripts that are missing are missing. */
bool files_wants_page(struct wharf_request *request);

/* ---- upload.c ---- */
/* The handlers of PUT and POST; arg: the mount. */
int upload_put(wharf_request *request, void *arg);
int upload_form(wharf_request *request, void *arg);

/* ---- types.c ---- */
/* Types before and after the built-in ones. types: ended by {NULL, NULL}, or NULL. path: as /etc/mime.types, or NULL. 0;
 * -EINVAL (recorded), -ENOMEM or the error of reading the file. */
int files_types_new(const wharf_files_type *types, const char *path, struct files_types **ret_types);
void files_types_free(struct files_types *types); /* NULL is fine */
/* The type of a file of this name; lives as long as the types. */
wharf_str files_type(const struct files_types *types, wharf_str name);
/* Whether a name holds a hash of its content: 8 hexadecimal digits or more, of both kinds, between '.', '-' and '_'. */
bool files_has_hash(wharf_str path);

/* ---- sibling.c ---- */
/* Replaces `file`, which is open as `path` or (fd -1) does not exist, by the sibling that the client prefers. 0; -ENOENT: there
 * is neither; -EILSEQ: only in codings that the client does not take. */
int sibling_choose(struct wharf_request *request, const struct files_mount *mount, const char *path,
                   struct file *file);

/* ---- listing.c ---- */
/* Replies with a page that lists the directory open as fd, which is `path` ("" or "a/b/") beneath the root. */
int listing_reply(struct wharf_request *request, const struct files_mount *mount, int fd, const char *path);

#endif
