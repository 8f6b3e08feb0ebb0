/* Files beneath a directory, under a path prefix: which file a path means, and what is said when there is none. */
#include "server/files.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "base/text.h"
#include "http/codec/negotiate.h"
#include "server/reply.h"

enum { TRIES_MAX = 4 };

/* ---- what may be seen ---- */

/* A name with a backslash has no path that is served: encoded it stays encoded, and raw it is refused. */
bool files_is_visible(bool hidden, wharf_str name) {
    if (str_find_byte(name, '\\') >= 0) {
        return false;
    }
    return hidden || name.len == 0 || name.ptr[0] != '.' || wharf_str_is(name, ".well-known");
}

const char *files_path(struct wharf_request *request, const struct files_mount *mount) {
    wharf_str path = request->match.values[0];
    if (request->path.has_reserved || path.len >= PATH_MAX || str_find_byte(path, '\0') >= 0) {
        return NULL;
    }
    wharf_str rest = path;
    wharf_str part;
    while (str_split(&rest, '/', &part)) {
        if (!files_is_visible(mount->hidden, part)) {
            return NULL;
        }
    }
    return arena_cstr(&request->arena, path);
}

static int files_refuse(struct wharf_request *request, int error) {
    switch (error) {
    case -EACCES:
    case -EPERM: return refuse(request, 403, "http.file.forbidden");
    case -EMFILE:
    case -ENFILE:
    case -ENOMEM: return refuse(request, 503, "server.resources");
    case -EILSEQ: return refuse(request, 406, "http.coding.unavailable");
    default: return refuse(request, 404, "http.file.unknown");
    }
}

/* ---- opening ---- */

/* Opens what a path stands for, in the coding that suits the client. 0, or an error with nothing open. */
static int files_open(struct wharf_request *request, const struct files_mount *mount, const char *path,
                      struct file *file) {
    wharf_str name = wharf_str_of(path);
    bool is_immutable = mount->immutable && files_has_hash(name);
    *file = (struct file){
        .type = files_type(mount->types, name),
        .cache_control = is_immutable ? STR("public, max-age=31536000, immutable")
                                      : wharf_str_of(mount->cache_control),
    };
    file->fd = tree_open(&mount->tree, path, &file->stat);
    bool may_have_siblings = file->fd >= 0 ? S_ISREG(file->stat.st_mode) : file->fd == -ENOENT;
    if (!mount->precompressed || !may_have_siblings || name.len == 0 || str_ends(name, STR("/"))) {
        return file->fd < 0 ? file->fd : 0;
    }
    return sibling_choose(request, mount, path, file);
}

/* Replies with the file of this name, if it is one. -ENOENT: nothing has been done. */
static int files_try(struct wharf_request *request, const struct files_mount *mount, wharf_str name) {
    struct file file;
    if (name.ptr == NULL) {
        return -ENOMEM;
    }
    if (files_open(request, mount, name.ptr, &file) < 0) {
        return -ENOENT;
    }
    int rc = S_ISREG(file.stat.st_mode) ? file_reply(request, &file) : -ENOENT;
    close(file.fd);
    return rc;
}

/* ---- what is not there ---- */

bool files_wants_page(struct wharf_request *request) {
    const struct headers *headers = &request->head.headers;
    bool is_named = false;
    for (const struct header *line = headers_find(headers, HEADER_ACCEPT); line != NULL && !is_named;
         line = headers_next(headers, line)) {
        is_named = str_find(line->value, STR("text/html")) >= 0;
    }
    return is_named && negotiate_quality(headers, NEGOTIATE_TYPE, STR("text/html")) > 0;
}

/* A page of another name, or that of an application which knows the path itself. */
static int files_missing(struct wharf_request *request, const struct files_mount *mount, const char *path,
                         int error) {
    int rc = -ENOENT;
    wharf_str name = wharf_str_of(path);
    bool may_be_elsewhere = error == -ENOENT || error == -ENOTDIR;
    if (may_be_elsewhere && mount->clean_urls && name.len > 0 && !str_ends(name, STR("/"))) {
        rc = files_try(request, mount, arena_printf(&request->arena, "%s.html", path));
    }
    if (rc != -ENOENT || !may_be_elsewhere || mount->fallback == NULL) {
        return rc != -ENOENT ? rc : files_refuse(request, error);
    }
    rc = reply_field(request, header_name(HEADER_VARY), header_name(HEADER_ACCEPT));
    if (rc == 0) {
        rc = files_wants_page(request) ? files_try(request, mount, wharf_str_of(mount->fallback)) : -ENOENT;
    }
    return rc != -ENOENT ? rc : files_refuse(request, error);
}

/* ---- directories ---- */

/* Redirects to the path with its last `cut` bytes replaced by `tail`, keeping the query. */
static int files_redirect(struct wharf_request *request, size_t cut, const char *tail) {
    const struct h1_request *head = &request->head;
    wharf_str location = arena_printf(&request->arena, "%.*s%s%s%.*s", (int)(head->path.len - cut),
                                      head->path.ptr, tail, head->has_query ? "?" : "", (int)head->query.len,
                                      head->has_query ? head->query.ptr : "");
    int rc = location.ptr == NULL ? -ENOMEM : reply_field(request, STR("Location"), location);
    return rc < 0 ? rc : reply_whole(request, 308, (wharf_str){NULL, 0}, (wharf_str){NULL, 0});
}

/* fd: the directory. path: its name, "" or ending in '/'. */
static int files_directory(struct wharf_request *request, const struct files_mount *mount, int fd,
                           const char *path) {
    wharf_str names = wharf_str_of(mount->index);
    wharf_str name;
    while (str_split(&names, ' ', &name)) {
        if (name.len == 0) {
            continue;
        }
        int rc = files_try(request, mount,
                           arena_printf(&request->arena, "%s%.*s", path, WHARF_STR_ARG(name)));
        if (rc != -ENOENT) {
            return rc;
        }
    }
    if (mount->listing) {
        return listing_reply(request, mount, fd, path);
    }
    return mount->fallback != NULL && files_wants_page(request) ? files_missing(request, mount, path, -ENOENT)
                                                                : refuse(request, 403, "http.listing.off");
}

/* ---- the handler ---- */

/* How many bytes at the end of a path have no place in a clean URL: ".html", or the whole of "index.html". */
static size_t unclean_len(wharf_str path) {
    wharf_str page = STR("index.html");
    bool is_index = str_ends(path, page) &&
                    (path.len == page.len || path.ptr[path.len - page.len - 1] == '/');
    return is_index ? page.len : str_ends(path, STR(".html")) ? 5 : 0;
}

static int files_reply(struct wharf_request *request, const struct files_mount *mount, const char *path) {
    wharf_str name = wharf_str_of(path);
    struct file file;
    int rc = files_open(request, mount, path, &file);
    if (rc < 0) {
        return files_missing(request, mount, path, rc);
    }
    size_t unclean = mount->clean_urls ? unclean_len(name) : 0;
    if (S_ISREG(file.stat.st_mode)) {
        bool may_cut = unclean > 0 &&
                       str_ends(request->head.path, str_slice(name, name.len - unclean, name.len));
        rc = may_cut ? files_redirect(request, unclean, "") : file_reply(request, &file);
    } else if (name.len > 0 && !str_ends(name, STR("/"))) {
        rc = files_redirect(request, 0, "/");
    } else {
        rc = files_directory(request, mount, file.fd, path);
    }
    close(file.fd);
    return rc;
}

/* A file that is rewritten at this moment may shrink between the look at its size and the reading. As long as nothing
 * has been said the next look is as good as the first. */
int files_serve(wharf_request *request, void *arg) {
    const struct files_mount *mount = arg;
    const char *path = files_path(request, mount);
    if (path == NULL) {
        return files_refuse(request, -ENOENT);
    }
    int rc = files_reply(request, mount, path);
    for (int tries = 1; rc == -WHARF_ECHANGED && request->reply.stage == REPLY_NONE; tries++) {
        reply_reset(request);
        if (tries == TRIES_MAX) {
            return refuse(request, 503, "http.file.changing");
        }
        rc = files_reply(request, mount, path);
    }
    return rc;
}

bool files_is_handler(wharf_handler handler) {
    return handler == files_serve;
}
