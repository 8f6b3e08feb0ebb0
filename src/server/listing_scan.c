/* Scanning a directory. Every name takes a look of its own at a disk that may be slow, so it is done on the pool. */
#include "server/listing_scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "server/files.h"

enum { ENTRIES_FIRST = 64 };

/* What a name stands for. False: not to be shown. */
static bool entry_look(struct listing_scan *scan, const char *name, struct stat *ret_stat) {
    struct stat stat;
    if (fstatat(scan->fd, name, &stat, AT_SYMLINK_NOFOLLOW) < 0) {
        return false;
    }
    if (S_ISLNK(stat.st_mode)) {
        struct arena arena;
        char first[1024];
        arena_init(&arena, first, sizeof(first), 64 * 1024);
        wharf_str path = arena_printf(&arena, "%s%s", scan->path, name);
        int target = path.ptr != NULL ? tree_open_waiting(&scan->tree, path.ptr, &stat) : -ENOMEM;
        arena_deinit(&arena);
        if (target < 0) {
            return false;
        }
        close(target);
    }
    *ret_stat = stat;
    return S_ISREG(stat.st_mode) || S_ISDIR(stat.st_mode);
}

static int scan_grow(struct listing_scan *scan) {
    size_t capacity = scan->capacity > 0 ? scan->capacity * 2 : ENTRIES_FIRST;
    struct listing_entry *grown = arena_alloc(&scan->arena, capacity * sizeof(*grown));
    if (grown == NULL) {
        return -ENOMEM;
    }
    if (scan->count > 0) {
        memcpy(grown, scan->entries, scan->count * sizeof(*grown));
    }
    scan->entries = grown;
    scan->capacity = capacity;
    return 0;
}

static int scan_add(struct listing_scan *scan, const char *name) {
    struct stat stat;
    bool is_itself = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
    if (is_itself || !files_is_visible(scan->hidden, wharf_str_of(name)) || !entry_look(scan, name, &stat)) {
        return 0;
    }
    if (scan->count == LISTING_ENTRIES_MAX) {
        scan->truncated = true;
        return 0;
    }
    int rc = scan->count == scan->capacity ? scan_grow(scan) : 0;
    wharf_str copy = arena_copy(&scan->arena, name, strlen(name));
    if (rc < 0 || copy.ptr == NULL) {
        return -ENOMEM;
    }
    scan->entries[scan->count++] = (struct listing_entry){
        .name = copy,
        .size = S_ISDIR(stat.st_mode) ? 0 : stat.st_size,
        .seconds = stat.st_mtim.tv_sec,
        .is_directory = S_ISDIR(stat.st_mode),
    };
    return 0;
}

static int compare_numbers(int64_t a, int64_t b) {
    return a < b ? -1 : a > b ? 1 : 0;
}

static int entry_compare(const void *a, const void *b, void *arg) {
    const struct listing_entry *left = a;
    const struct listing_entry *right = b;
    const struct listing_scan *scan = arg;
    if (left->is_directory != right->is_directory) {
        return left->is_directory ? -1 : 1;
    }
    int result = 0;
    if (scan->order == LISTING_BY_SIZE) {
        result = compare_numbers(left->size, right->size);
    } else if (scan->order == LISTING_BY_TIME) {
        result = compare_numbers(left->seconds, right->seconds);
    }
    result = result != 0 ? result : strcmp(left->name.ptr, right->name.ptr);
    return scan->descending ? -result : result;
}

static int scan_read(struct listing_scan *scan) {
    int copy = openat(scan->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = copy < 0 ? -errno : 0;
    DIR *directory = rc == 0 ? fdopendir(copy) : NULL;
    if (directory == NULL) {
        if (copy >= 0) {
            close(copy);
        }
        return rc < 0 ? rc : -ENOMEM;
    }
    while (rc == 0 && !scan->truncated) {
        const struct dirent *found = readdir(directory);
        if (found == NULL) {
            break;
        }
        rc = scan_add(scan, found->d_name);
    }
    closedir(directory);
    if (rc == 0 && scan->count > 0) {
        qsort_r(scan->entries, scan->count, sizeof(*scan->entries), entry_compare, scan);
    }
    return rc;
}

static void scan_work(struct job *job) {
    struct listing_scan *scan = (struct listing_scan *)(void *)job;
    scan->result = scan_read(scan);
}

static void scan_drop(struct job *job) {
    listing_scan_free((struct listing_scan *)(void *)job);
}

void listing_scan_free(struct listing_scan *scan) {
    arena_deinit(&scan->arena);
    if (scan->fd >= 0) {
        close(scan->fd);
    }
    if (scan->tree.root >= 0) {
        close(scan->tree.root);
    }
    mem_free(scan);
}

struct listing_scan *listing_scan(const struct listing_scan *wanted, int fd, const char *path,
                                  int *ret_error) {
    size_t size = strlen(path) + 1;
    struct listing_scan *scan = mem_alloc(sizeof(*scan) + size);
    if (scan == NULL) {
        *ret_error = -ENOMEM;
        return NULL;
    }
    *scan = *wanted;
    scan->job = (struct job){.run = scan_work, .drop = scan_drop};
    memcpy(scan->path, path, size);
    arena_init(&scan->arena, NULL, 0, SIZE_MAX);
    int rc = tree_copy(&wanted->tree, &scan->tree);
    scan->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    rc = rc == 0 && scan->fd < 0 ? -errno : rc;
    if (rc < 0) {
        listing_scan_free(scan);
        *ret_error = rc;
        return NULL;
    }
    rc = pool_run(POOL_GENERAL, &scan->job);
    if (rc < 0) {
        *ret_error = rc; /* the job is the pool's */
        return NULL;
    }
    if (scan->result < 0) {
        *ret_error = scan->result;
        listing_scan_free(scan);
        return NULL;
    }
    return scan;
}
