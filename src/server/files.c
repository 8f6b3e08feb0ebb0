/* Files beneath a directory, under a path prefix: which file a path means, and what is said when there is none. */
#include "server/files.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "http/codec/mime.h"
#include "server/group.h"
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

/* The path beneath the root as a C string: nothing hidden, nothing encoded left, no NUL. NULL: no such file. */
static const char *files_path(struct wharf_request *request, const struct files_mount *mount) {
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

/* ---- directories ---- */

static int files_redirect(struct wharf_request *request) {
    const struct h1_request *head = &request->head;
    wharf_str location = arena_printf(&request->arena, "%.*s/%s%.*s", WHARF_STR_ARG(head->path),
                                      head->has_query ? "?" : "", (int)head->query.len,
                                      head->has_query ? head->query.ptr : "");
    int rc = location.ptr == NULL ? -ENOMEM : reply_field(request, STR("Location"), location);
    return rc < 0 ? rc : reply_whole(request, 308, (wharf_str){NULL, 0}, (wharf_str){NULL, 0});
}

/* Opens what a path stands for, in the coding that suits the client. 0, or an error with nothing open. */
static int files_open(struct wharf_request *request, const struct files_mount *mount, const char *path,
                      struct file *file) {
    *file = (struct file){
        .type = mime_type(wharf_str_of(path)),
        .cache_control = wharf_str_of(mount->cache_control),
    };
    file->fd = tree_open(&mount->tree, path, &file->stat);
    bool may_have_siblings = file->fd >= 0 ? S_ISREG(file->stat.st_mode) : file->fd == -ENOENT;
    size_t len = strlen(path);
    if (!mount->precompressed || !may_have_siblings || len == 0 || path[len - 1] == '/') {
        return file->fd < 0 ? file->fd : 0;
    }
    return sibling_choose(request, mount, path, file);
}

/* fd: the directory. path: its name, "" or ending in '/'. */
static int files_directory(struct wharf_request *request, const struct files_mount *mount, int fd,
                           const char *path) {
    wharf_str index = arena_printf(&request->arena, "%s%s", path, mount->index);
    if (index.ptr == NULL) {
        return -ENOMEM;
    }
    struct file file;
    if (files_open(request, mount, index.ptr, &file) == 0) {
        int rc = S_ISREG(file.stat.st_mode) ? file_reply(request, &file) : -EISDIR;
        close(file.fd);
        if (rc != -EISDIR) {
            return rc;
        }
    }
    if (mount->listing) {
        return listing_reply(request, mount, fd, path);
    }
    return refuse(request, 403, "http.listing.off");
}

/* ---- the handler ---- */

static int files_reply(struct wharf_request *request, const struct files_mount *mount, const char *path) {
    wharf_str name = wharf_str_of(path);
    struct file file;
    int rc = files_open(request, mount, path, &file);
    if (rc < 0) {
        return files_refuse(request, rc);
    }
    if (S_ISREG(file.stat.st_mode)) {
        rc = file_reply(request, &file);
    } else if (name.len > 0 && name.ptr[name.len - 1] != '/') {
        rc = files_redirect(request);
    } else {
        rc = files_directory(request, mount, file.fd, path);
    }
    close(file.fd);
    return rc;
}

/* A file that is rewritten at this moment may shrink between the look at its size and the reading. As long as nothing
 * has been said the next look is as good as the first. */
static int files_serve(wharf_request *request, void *arg) {
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

/* ---- mounting ---- */

static void mount_free(struct files_mount *mount) {
    if (mount->tree.root >= 0) {
        close(mount->tree.root);
    }
    mem_free(mount->index);
    mem_free(mount->cache_control);
    mem_free(mount);
}

void files_free(struct files_mount *mounts) {
    while (mounts != NULL) {
        struct files_mount *next = mounts->next;
        mount_free(mounts);
        mounts = next;
    }
}

static struct files_mount *mount_new(const wharf_files_options *options) {
    const char *index = options->index != NULL ? options->index : "index.html";
    const char *cache_control = options->cache_control != NULL ? options->cache_control : "no-cache";
    struct files_mount *mount = mem_zalloc(sizeof(*mount));
    if (mount == NULL) {
        return NULL;
    }
    mount->tree.root = -1;
    mount->listing = options->listing;
    mount->hidden = options->hidden;
    mount->precompressed = options->precompressed;
    mount->index = mem_strndup(index, strlen(index));
    mount->cache_control = mem_strndup(cache_control, strlen(cache_control));
    if (mount->index == NULL || mount->cache_control == NULL) {
        mount_free(mount);
        return NULL;
    }
    return mount;
}

static int files_check(const char *prefix, const wharf_files_options *options) {
    wharf_str text = wharf_str_of(prefix);
    if (text.len == 0 || text.ptr[0] != '/' || text.ptr[text.len - 1] != '/' ||
        str_find_byte(text, '{') >= 0) {
        return fail(-EINVAL, "files", prefix, "a prefix starts and ends with '/'");
    }
    wharf_str index = wharf_str_of(options->index);
    if (str_find_byte(index, '/') >= 0) {
        return fail(-EINVAL, "files", options->index, "the index page's name has no '/'");
    }
    if (!h1_is_field_value(wharf_str_of(options->cache_control))) {
        return fail(-EINVAL, "files", options->cache_control, "no value for Cache-Control");
    }
    return 0;
}

/* Adds the route "GET prefix{file...}" to a mount whose directory is open. */
static int mount_route(wharf_group *group, struct files_mount *mount, const char *prefix) {
    struct arena arena;
    char first[512];
    arena_init(&arena, first, sizeof(first), 64 * 1024);
    wharf_str pattern = arena_printf(&arena, "GET %s{file...}", prefix);
    int rc = pattern.ptr == NULL ? fail(-ENOMEM, "files", prefix, NULL)
                                 : group_add(group, pattern.ptr, files_serve, mount);
    arena_deinit(&arena);
    return rc;
}

static int files_mount(wharf_group *group, const char *prefix, const char *directory,
                       const wharf_files_options *options) {
    int rc = files_check(prefix, options);
    if (rc < 0) {
        return rc;
    }
    struct files_mount *mount = mount_new(options);
    if (mount == NULL) {
        return fail(-ENOMEM, "files", prefix, NULL);
    }
    mount->tree.root = tree_open_root(directory);
    rc = mount->tree.root < 0 ? fail(mount->tree.root, "open", directory, NULL)
                              : mount_route(group, mount, prefix);
    if (rc < 0) {
        mount_free(mount);
        return rc;
    }
    mount->next = group->server->mounts;
    group->server->mounts = mount;
    return 0;
}

int wharf_group_files(wharf_group *group, const char *prefix, const char *directory,
                      const wharf_files_options *options) {
    wharf_files_options given = {.size = sizeof(given)};
    if (options != NULL) {
        memcpy(&given, options, options->size < sizeof(given) ? options->size : sizeof(given));
    }
    int rc = group == NULL ? fail(-EINVAL, "files", prefix, "there is no group")
                           : server_check(group->server, "files", prefix);
    if (rc < 0) {
        return rc;
    }
    rc = files_mount(group, prefix, directory, &given);
    return rc < 0 ? server_failed(group->server, rc) : 0;
}

int wharf_files(wharf_server *server, const char *prefix, const char *directory,
                const wharf_files_options *options) {
    return wharf_group_files(wharf_server_group(server), prefix, directory, options);
}
