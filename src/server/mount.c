/* Mounting files: what the settings say is checked and copied, and the routes are added. */
#include <errno.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "server/files.h"
#include "server/group.h"
#include "server/server.h"

enum { UPLOAD_BYTES = 1 << 30 };

static void mount_free(struct files_mount *mount) {
    if (mount->tree.root >= 0) {
        close(mount->tree.root);
    }
    mem_free(mount->index);
    mem_free(mount->cache_control);
    mem_free(mount->fallback);
    files_types_free(mount->types);
    mem_free(mount);
}

void files_free(struct files_mount *mounts) {
    while (mounts != NULL) {
        struct files_mount *next = mounts->next;
        mount_free(mounts);
        mounts = next;
    }
}

static char *copy_text(const char *text, const char *standard) {
    const char *chosen = text != NULL ? text : standard;
    return mem_strndup(chosen, strlen(chosen));
}

/* The settings that are texts. 0, -ENOMEM or what is wrong with the types. */
static int mount_texts(struct files_mount *mount, const wharf_files_options *options) {
    mount->index = copy_text(options->index, "index.html");
    mount->cache_control = copy_text(options->cache_control, "no-cache");
    if (mount->index == NULL || mount->cache_control == NULL) {
        return -ENOMEM;
    }
    if (options->fallback != NULL) {
        mount->fallback = copy_text(options->fallback, "");
    }
    if (options->fallback != NULL && mount->fallback == NULL) {
        return -ENOMEM;
    }
    return files_types_new(options->types, options->types_file, &mount->types);
}

static int mount_new(const wharf_files_options *options, struct files_mount **ret_mount) {
    static const enum tree_links links[] = {
        [WHARF_LINKS_INSIDE] = TREE_LINKS_INSIDE,
        [WHARF_LINKS_NONE] = TREE_LINKS_NONE,
        [WHARF_LINKS_ALL] = TREE_LINKS_ALL,
    };
    struct files_mount *mount = mem_zalloc(sizeof(*mount));
    if (mount == NULL) {
        return -ENOMEM;
    }
    mount->tree = (struct tree){.root = -1, .links = links[options->links]};
    mount->listing = options->listing;
    mount->hidden = options->hidden;
    mount->precompressed = options->precompressed;
    mount->clean_urls = options->clean_urls;
    mount->immutable = options->immutable;
    mount->upload = options->upload;
    mount->overwrite = options->overwrite;
    int rc = mount_texts(mount, options);
    if (rc < 0) {
        mount_free(mount);
        return rc;
    }
    *ret_mount = mount;
    return 0;
}

static int files_check(const char *prefix, const wharf_files_options *options) {
    wharf_str text = wharf_str_of(prefix);
    if (text.len == 0 || text.ptr[0] != '/' || text.ptr[text.len - 1] != '/' ||
        str_find_byte(text, '{') >= 0) {
        return fail(-EINVAL, "files", prefix, "a prefix starts and ends with '/'");
    }
    wharf_str index = wharf_str_of(options->index);
    if (str_find_byte(index, '/') >= 0) {
        return fail(-EINVAL, "files", options->index, "an index page's name has no '/'");
    }
    if (options->links > WHARF_LINKS_ALL) {
        return fail(-EINVAL, "files", prefix, "links is %d", (int)options->links);
    }
    wharf_str fallback = wharf_str_of(options->fallback);
    if (str_starts(fallback, STR("/")) || str_find(fallback, STR("..")) >= 0) {
        return fail(-EINVAL, "files", options->fallback, "the fallback is a file beneath the directory");
    }
    if (!h1_is_field_value(wharf_str_of(options->cache_control))) {
        return fail(-EINVAL, "files", options->cache_control, "no value for Cache-Control");
    }
    return 0;
}

static int mount_route(wharf_group *group, const char *method, const char *prefix, wharf_handler handler,
                       struct files_mount *mount) {
    struct arena arena;
    char first[512];
    arena_init(&arena, first, sizeof(first), 64 * 1024);
    wharf_str pattern = arena_printf(&arena, "%s %s{file...}", method, prefix);
    int rc = pattern.ptr == NULL
                 ? fail(-ENOMEM, "files", prefix, NULL)
                 : group_add(group,
                             &(struct route_spec){.pattern = pattern.ptr, .handler = handler, .arg = mount});
    arena_deinit(&arena);
    return rc;
}

/* Uploads are a group of their own, for what limits them. */
static int mount_uploads(wharf_group *group, const char *prefix, int64_t bytes, struct files_mount *mount) {
    const wharf_route_options limits = {
        .size = sizeof(limits),
        .upload_bytes = bytes != 0 ? bytes : UPLOAD_BYTES,
    };
    wharf_group *inner = wharf_group_new(group, "", &limits);
    if (inner == NULL) {
        return -ENOMEM;
    }
    int rc = mount_route(inner, "PUT", prefix, upload_put, mount);
    return rc < 0 ? rc : mount_route(inner, "POST", prefix, upload_form, mount);
}

/* The routes to a mount whose directory is open. */
static int mount_routes(wharf_group *group, const char *prefix, const wharf_files_options *options,
                        struct files_mount *mount) {
    int rc = mount_route(group, "GET", prefix, files_serve, mount);
    return rc == 0 && mount->upload ? mount_uploads(group, prefix, options->upload_bytes, mount) : rc;
}

static int files_mount(wharf_group *group, const char *prefix, const char *directory,
                       const wharf_files_options *options) {
    int rc = files_check(prefix, options);
    if (rc < 0) {
        return rc;
    }
    struct files_mount *mount = NULL;
    rc = mount_new(options, &mount);
    if (rc < 0) {
        return rc == -ENOMEM ? fail(rc, "files", prefix, NULL) : rc;
    }
    mount->tree.root = tree_open_root(directory);
    rc = mount->tree.root < 0 ? fail(mount->tree.root, "open", directory, NULL)
                              : mount_routes(group, prefix, options, mount);
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
