/* A directory as a page: directories first, by name, with size and date; plain HTML, every name escaped, streamed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "http/codec/percent.h"
#include "server/files.h"
#include "server/reply.h"
#include "server/tree.h"

enum { ENTRIES_MAX = 10000, ENTRIES_FIRST = 64 };

struct entry {
    wharf_str name;
    int64_t size;
    int64_t seconds;
    bool is_directory;
};

struct listing {
    struct wharf_request *request;
    const struct files_mount *mount;
    const char *path; /* beneath the root: "" or "a/b/" */
    struct entry *entries;
    size_t count, capacity;
    bool truncated;
};

/* ---- gathering ---- */

/* What a name stands for; links count only while they stay beneath the root. False: not to be shown. */
static bool entry_look(const struct listing *listing, int fd, const char *name, struct stat *ret_stat) {
    struct stat stat;
    if (fstatat(fd, name, &stat, AT_SYMLINK_NOFOLLOW) < 0) {
        return false;
    }
    if (S_ISLNK(stat.st_mode)) {
        wharf_str path = arena_printf(&listing->request->arena, "%s%s", listing->path, name);
        int target = path.ptr != NULL ? tree_open(listing->mount->root, path.ptr, &stat) : -ENOMEM;
        if (target < 0) {
            return false;
        }
        close(target);
    }
    *ret_stat = stat;
    return S_ISREG(stat.st_mode) || S_ISDIR(stat.st_mode);
}

static int listing_grow(struct listing *listing) {
    size_t capacity = listing->capacity > 0 ? listing->capacity * 2 : ENTRIES_FIRST;
    struct entry *grown = arena_alloc(&listing->request->arena, capacity * sizeof(*grown));
    if (grown == NULL) {
        return -ENOMEM;
    }
    if (listing->count > 0) {
        memcpy(grown, listing->entries, listing->count * sizeof(*grown));
    }
    listing->entries = grown;
    listing->capacity = capacity;
    return 0;
}

static int listing_add(struct listing *listing, int fd, const char *name) {
    struct stat stat;
    if (!files_is_visible(listing->mount, wharf_str_of(name)) || !entry_look(listing, fd, name, &stat)) {
        return 0;
    }
    if (listing->count == ENTRIES_MAX) {
        listing->truncated = true;
        return 0;
    }
    int rc = listing->count == listing->capacity ? listing_grow(listing) : 0;
    wharf_str copy = arena_copy(&listing->request->arena, name, strlen(name));
    if (rc < 0 || copy.ptr == NULL) {
        return -ENOMEM;
    }
    listing->entries[listing->count++] = (struct entry){
        .name = copy,
        .size = stat.st_size,
        .seconds = stat.st_mtim.tv_sec,
        .is_directory = S_ISDIR(stat.st_mode),
    };
    return 0;
}

static int entry_compare(const void *a, const void *b) {
    const struct entry *left = a;
    const struct entry *right = b;
    if (left->is_directory != right->is_directory) {
        return left->is_directory ? -1 : 1;
    }
    return strcmp(left->name.ptr, right->name.ptr);
}

static int listing_gather(struct listing *listing, int fd) {
    int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = copy < 0 ? -errno : 0;
    DIR *directory = rc == 0 ? fdopendir(copy) : NULL;
    if (directory == NULL) {
        if (copy >= 0) {
            close(copy);
        }
        return rc < 0 ? rc : -ENOMEM;
    }
    while (rc == 0 && !listing->truncated) {
        const struct dirent *found = readdir(directory);
        if (found == NULL) {
            break;
        }
        if (strcmp(found->d_name, ".") != 0 && strcmp(found->d_name, "..") != 0) {
            rc = listing_add(listing, fd, found->d_name);
        }
    }
    closedir(directory);
    if (rc == 0 && listing->count > 0) {
        qsort(listing->entries, listing->count, sizeof(*listing->entries), entry_compare);
    }
    return rc;
}

/* ---- writing ---- */

static int write_str(struct listing *listing, wharf_str text) {
    return wharf_reply_write(listing->request, text.ptr, text.len);
}

/* Text into HTML: markup becomes references, controls become question marks. */
static wharf_str html_escape(struct arena *arena, wharf_str text) {
    size_t size = text.len * 6;
    char *out = arena_alloc(arena, size + 1);
    size_t len = 0;
    for (size_t i = 0; out != NULL && i < text.len; i++) {
        char byte = text.ptr[i];
        wharf_str piece = {&text.ptr[i], 1};
        switch (byte) {
        case '&': piece = STR("&amp;"); break;
        case '<': piece = STR("&lt;"); break;
        case '>': piece = STR("&gt;"); break;
        case '"': piece = STR("&quot;"); break;
        case '\'': piece = STR("&#39;"); break;
        default: piece = (unsigned char)byte < 0x20 || byte == 0x7f ? STR("?") : piece; break;
        }
        memcpy(out + len, piece.ptr, piece.len);
        len += piece.len;
    }
    return (wharf_str){out, len};
}

/* 999 B, 1.5 KiB, 20 MiB */
static wharf_str size_text(struct arena *arena, int64_t size) {
    static const char *const UNITS[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    size_t unit = 0;
    int64_t tenths = size < INT64_MAX / 10 ? size * 10 : size / 1024 * 10;
    unit = size < INT64_MAX / 10 ? 0 : 1;
    while (tenths >= 10240 && unit + 1 < sizeof(UNITS) / sizeof(UNITS[0])) {
        tenths /= 1024;
        unit++;
    }
    if (unit == 0 || tenths >= 100) {
        return arena_printf(arena, "%lld %s", (long long)(tenths / 10), UNITS[unit]);
    }
    return arena_printf(arena, "%lld.%lld %s", (long long)(tenths / 10), (long long)(tenths % 10),
                        UNITS[unit]);
}

static wharf_str date_text(struct arena *arena, int64_t seconds) {
    struct tm tm;
    time_t time = (time_t)seconds;
    char text[32] = "";
    if (gmtime_r(&time, &tm) != NULL) {
        (void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &tm);
    }
    return arena_copy(arena, text, strlen(text));
}

static int write_entry(struct listing *listing, const struct entry *entry) {
    struct arena arena;
    char first[4096];
    arena_init(&arena, first, sizeof(first), 64 * 1024);
    const char *slash = entry->is_directory ? "/" : "";
    wharf_str link = {NULL, 0};
    int rc = percent_encode(&arena, entry->name, PERCENT_COMPONENT, &link);
    wharf_str text = html_escape(&arena, entry->name);
    wharf_str size = entry->is_directory ? STR("") : size_text(&arena, entry->size);
    wharf_str date = date_text(&arena, entry->seconds);
    wharf_str row = arena_printf(&arena, "<tr><td><a href=\"%.*s%s\">%.*s%s</a><td>%.*s<td>%.*s\n",
                                 WHARF_STR_ARG(link), slash, WHARF_STR_ARG(text), slash, WHARF_STR_ARG(size),
                                 WHARF_STR_ARG(date));
    rc = rc < 0 || arena.failed ? -ENOMEM : write_str(listing, row);
    arena_deinit(&arena);
    return rc;
}

static int write_head(struct listing *listing) {
    struct arena *arena = &listing->request->arena;
    wharf_str title = html_escape(arena, listing->request->path.text);
    wharf_str page = arena_printf(
        arena,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
        "<meta name=\"viewport\" content=\"width=device-width\"><title>%.*s</title>\n"
        "<style>:root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem "
        "auto;padding:0 1rem}table{border-collapse:collapse;width:100%%}td,th{text-align:left;padding:.1rem .5rem}"
        "td+td,th+th{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}"
        "td:first-child{overflow-wrap:anywhere}</style></head>\n"
        "<body><h1>%.*s</h1>\n<table><thead><tr><th>Name<th>Size<th>Changed (UTC)</thead><tbody>\n%s",
        WHARF_STR_ARG(title), WHARF_STR_ARG(title),
        listing->request->path.text.len > 1 ? "<tr><td><a href=\"../\">../</a><td><td>\n" : "");
    return page.ptr == NULL ? -ENOMEM : write_str(listing, page);
}

static int listing_write(struct listing *listing) {
    int rc = write_head(listing);
    for (size_t i = 0; i < listing->count && rc == 0; i++) {
        rc = write_entry(listing, &listing->entries[i]);
    }
    if (rc == 0 && listing->truncated) {
        rc = write_str(listing, STR("<tr><td>Only 10,000 entries are shown.<td><td>\n"));
    }
    return rc == 0 ? write_str(listing, STR("</tbody></table></body></html>\n")) : rc;
}

int listing_reply(struct wharf_request *request, const struct files_mount *mount, int fd, const char *path) {
    struct listing listing = {.request = request, .mount = mount, .path = path};
    int rc = listing_gather(&listing, fd);
    if (rc < 0) {
        return rc;
    }
    rc = reply_field(request, STR("Cache-Control"), STR("no-cache"));
    rc = rc == 0 ? reply_field(request, STR("X-Content-Type-Options"), STR("nosniff")) : rc;
    rc = rc == 0 ? reply_field(request, STR("Content-Security-Policy"),
                               STR("default-src 'none'; style-src 'unsafe-inline'"))
                 : rc;
    rc = rc == 0 ? reply_head(request, 200, STR("text/html; charset=utf-8"), -1) : rc;
    return rc == 0 ? listing_write(&listing) : rc;
}
