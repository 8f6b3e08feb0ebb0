/* Files that lie beside another in a content coding: "app.js.br" for "app.js". The client gets the one it prefers, of equals
 * the smallest; one that is older than the file itself was forgotten when that was changed, and does not count. */
#include "server/files.h"

#include <errno.h>
#include <unistd.h>

#include "base/text.h"
#include "http/codec/negotiate.h"
#include "server/tree.h"

static const struct sibling {
    wharf_str extension;
    wharf_str coding;
} siblings[] = {
    {STR(".br"), STR("br")},
    {STR(".zst"), STR("zstd")},
    {STR(".gz"), STR("gzip")},
};

static bool is_older(const struct stat *a, const struct stat *b) {
    if (a->st_mtim.tv_sec != b->st_mtim.tv_sec) {
        return a->st_mtim.tv_sec < b->st_mtim.tv_sec;
    }
    return a->st_mtim.tv_nsec < b->st_mtim.tv_nsec;
}

/* How much the client wants the bytes as they are. Without being named they are as good as any, so any coding is better. */
static int plain_quality(const struct headers *headers) {
    int quality = negotiate_quality(headers, NEGOTIATE_CODING, STR("identity"));
    bool is_named = false;
    for (const struct header *line = headers_find(headers, HEADER_ACCEPT_ENCODING); line != NULL && !is_named;
         line = headers_next(headers, line)) {
        is_named = str_find(line->value, STR("identity")) >= 0;
    }
    return is_named || quality == 0 ? quality : 1;
}

/* How much it wants them in a coding. Who does not say what it understands is not sent what it may not. */
static int coded_quality(const struct headers *headers, wharf_str coding) {
    return headers_has(headers, HEADER_ACCEPT_ENCODING) ? negotiate_quality(headers, NEGOTIATE_CODING, coding)
                                                        : 0;
}

static void take(struct file *file, int fd, const struct stat *stat, wharf_str coding) {
    if (file->fd >= 0) {
        close(file->fd);
    }
    file->fd = fd;
    file->stat = *stat;
    file->coding = coding;
}

int sibling_choose(struct wharf_request *request, const struct files_mount *mount, const char *path,
                   struct file *file) {
    const struct headers *headers = &request->head.headers;
    bool has_base = file->fd >= 0;
    const struct stat base = file->stat;
    int best = has_base ? plain_quality(headers) : 0;
    for (size_t i = 0; i < sizeof(siblings) / sizeof(siblings[0]); i++) {
        const struct sibling *sibling = &siblings[i];
        wharf_str name = arena_printf(&request->arena, "%s%.*s", path, WHARF_STR_ARG(sibling->extension));
        struct stat stat;
        int fd = name.ptr != NULL ? tree_open(&mount->tree, name.ptr, &stat) : -ENOMEM;
        if (fd < 0) {
            continue;
        }
        if (!S_ISREG(stat.st_mode) || (has_base && is_older(&stat, &base))) {
            close(fd);
            continue;
        }
        file->has_codings = true;
        int quality = coded_quality(headers, sibling->coding);
        bool is_better = quality > best ||
                         (quality == best && quality > 0 && stat.st_size < file->stat.st_size);
        if (!is_better) {
            close(fd);
            continue;
        }
        best = quality;
        take(file, fd, &stat, sibling->coding);
    }
    return file->fd >= 0 ? 0 : file->has_codings ? -EILSEQ : -ENOENT;
}
