/* Media types of a mount: those that its settings name, then the built-in ones, then those of a file like /etc/mime.types. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/memory.h"
#include "base/text.h"
#include "http/codec/mime.h"
#include "server/files.h"

enum { FILE_MAX = 1 << 20, EXTENSION_MAX = 32, HASH_MIN = 8 };

struct type_entry {
    wharf_str extension; /* in lower case */
    wharf_str type;
};

/* Entries in order of extension. */
struct type_list {
    struct type_entry *at;
    size_t count, capacity;
};

struct files_types {
    struct arena arena;
    struct type_list first, last; /* than the built-in ones */
};

/* ---- gathering ---- */

static int list_grow(struct arena *arena, struct type_list *list) {
    size_t capacity = list->capacity > 0 ? list->capacity * 2 : 16;
    struct type_entry *grown = arena_alloc(arena, capacity * sizeof(*grown));
    if (grown == NULL) {
        return -ENOMEM;
    }
    if (list->count > 0) {
        memcpy(grown, list->at, list->count * sizeof(*grown));
    }
    list->at = grown;
    list->capacity = capacity;
    return 0;
}

static size_t lower_to(char *out, wharf_str extension) {
    size_t len = extension.len < EXTENSION_MAX ? extension.len : 0;
    for (size_t i = 0; i < len; i++) {
        out[i] = ascii_lower(extension.ptr[i]);
    }
    return len;
}

/* Texts are in UTF-8 unless they say otherwise. */
static wharf_str type_copy(struct arena *arena, wharf_str type) {
    bool needs_charset = str_starts_nocase(type, STR("text/")) && str_find_byte(type, ';') < 0;
    return arena_printf(arena, "%.*s%s", WHARF_STR_ARG(type), needs_charset ? "; charset=utf-8" : "");
}

static int list_add(struct arena *arena, struct type_list *list, wharf_str extension, wharf_str type) {
    char lower[EXTENSION_MAX];
    size_t len = lower_to(lower, extension);
    if (list->count == list->capacity && list_grow(arena, list) < 0) {
        return -ENOMEM;
    }
    struct type_entry *entry = &list->at[list->count];
    entry->extension = arena_copy(arena, lower, len);
    entry->type = type_copy(arena, type);
    list->count += len > 0 ? 1 : 0;
    return arena->failed ? -ENOMEM : 0;
}

static int str_compare(wharf_str a, wharf_str b) {
    int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);
    return order != 0 ? order : a.len < b.len ? -1 : a.len > b.len ? 1 : 0;
}

static int entry_compare(const void *a, const void *b) {
    const struct type_entry *left = a;
    const struct type_entry *right = b;
    return str_compare(left->extension, right->extension);
}

static void list_sort(struct type_list *list) {
    if (list->count > 0) {
        qsort(list->at, list->count, sizeof(*list->at), entry_compare);
    }
}

static int types_given(struct files_types *types, const wharf_files_type *given) {
    for (; given != NULL && given->extension != NULL; given++) {
        wharf_str type = wharf_str_of(given->type);
        wharf_str extension = wharf_str_of(given->extension);
        bool is_type = str_find_byte(type, '/') > 0 && h1_is_field_value(type);
        if (!is_type || extension.len == 0 || extension.len >= EXTENSION_MAX || extension.ptr[0] == '.') {
            return fail(-EINVAL, "files", given->extension, "an extension without its dot has a media type");
        }
        if (list_add(&types->arena, &types->first, extension, type) < 0) {
            return -ENOMEM;
        }
    }
    list_sort(&types->first);
    return 0;
}

/* ---- files of types ---- */

/* The next word of a line, cut off *line. False: there is none. */
static bool next_word(wharf_str *line, wharf_str *ret_word) {
    size_t start = 0;
    while (start < line->len && (line->ptr[start] == ' ' || line->ptr[start] == '\t')) {
        start++;
    }
    size_t end = start;
    while (end < line->len && line->ptr[end] != ' ' && line->ptr[end] != '\t' && line->ptr[end] != '\r') {
        end++;
    }
    *ret_word = str_slice(*line, start, end);
    *line = str_slice(*line, end, line->len);
    return end > start;
}

static int types_lines(struct files_types *types, wharf_str text) {
    wharf_str line;
    wharf_str type;
    wharf_str extension;
    int rc = 0;
    while (rc == 0 && str_split(&text, '\n', &line)) {
        bool is_entry = next_word(&line, &type) && type.ptr[0] != '#' && str_find_byte(type, '/') > 0 &&
                        h1_is_field_value(type);
        while (rc == 0 && is_entry && next_word(&line, &extension)) {
            rc = list_add(&types->arena, &types->last, extension, type);
        }
    }
    list_sort(&types->last);
    return rc;
}

static int read_whole(int fd, char *out, size_t size, size_t *ret_len) {
    size_t len = 0;
    while (len < size) {
        ssize_t count = read(fd, out + len, size - len);
        int rc = count < 0 ? -errno : 0;
        if (rc < 0) {
            return rc;
        }
        if (count == 0) {
            break;
        }
        len += (size_t)count;
    }
    *ret_len = len;
    return 0;
}

static int types_file(struct files_types *types, const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    int rc = fd < 0 ? -errno : 0;
    if (rc < 0) {
        return fail(rc, "open", path, NULL);
    }
    char *text = mem_alloc(FILE_MAX);
    size_t len = 0;
    rc = text == NULL ? -ENOMEM : read_whole(fd, text, FILE_MAX, &len);
    rc = rc < 0 ? fail(rc, "read", path, NULL) : types_lines(types, (wharf_str){text, len});
    mem_free(text);
    close(fd);
    return rc;
}

int files_types_new(const wharf_files_type *given, const char *path, struct files_types **ret_types) {
    struct files_types *types = mem_zalloc(sizeof(*types));
    if (types == NULL) {
        return -ENOMEM;
    }
    arena_init(&types->arena, NULL, 0, SIZE_MAX);
    int rc = types_given(types, given);
    rc = rc == 0 && path != NULL ? types_file(types, path) : rc;
    if (rc < 0) {
        files_types_free(types);
        return rc;
    }
    *ret_types = types;
    return 0;
}

void files_types_free(struct files_types *types) {
    if (types != NULL) {
        arena_deinit(&types->arena);
        mem_free(types);
    }
}

/* ---- looking up ---- */

static const struct type_entry *list_find(const struct type_list *list, wharf_str extension) {
    const struct type_entry wanted = {.extension = extension};
    if (list->count == 0) {
        return NULL;
    }
    return bsearch(&wanted, list->at, list->count, sizeof(*list->at), entry_compare);
}

static wharf_str name_extension(wharf_str path) {
    size_t start = path.len;
    while (start > 0 && path.ptr[start - 1] != '.' && path.ptr[start - 1] != '/') {
        start--;
    }
    bool has_dot = start > 0 && path.ptr[start - 1] == '.';
    return str_slice(path, has_dot ? start : path.len, path.len);
}

wharf_str files_type(const struct files_types *types, wharf_str name) {
    if (types->first.count == 0 && types->last.count == 0) {
        return mime_type(name);
    }
    char lower[EXTENSION_MAX];
    wharf_str extension = {lower, lower_to(lower, name_extension(name))};
    const struct type_entry *entry = list_find(&types->first, extension);
    if (entry != NULL) {
        return entry->type;
    }
    wharf_str type = mime_type(name);
    entry = wharf_str_is(type, "application/octet-stream") ? list_find(&types->last, extension) : NULL;
    return entry != NULL ? entry->type : type;
}

/* ---- hashes ---- */

/* Whether a part of a name is hexadecimal with letters and figures. */
static bool is_hash(wharf_str part) {
    bool has_letter = false;
    bool has_figure = false;
    for (size_t i = 0; i < part.len; i++) {
        char byte = ascii_lower(part.ptr[i]);
        bool is_figure = byte >= '0' && byte <= '9';
        bool is_letter = byte >= 'a' && byte <= 'f';
        if (!is_figure && !is_letter) {
            return false;
        }
        has_figure |= is_figure;
        has_letter |= is_letter;
    }
    return part.len >= HASH_MIN && has_letter && has_figure;
}

bool files_has_hash(wharf_str path) {
    size_t end = path.len;
    for (size_t i = path.len; i > 0 && path.ptr[i - 1] != '/'; i--) {
        char byte = path.ptr[i - 1];
        if (byte != '.' && byte != '-' && byte != '_') {
            continue;
        }
        if (end < path.len && is_hash(str_slice(path, i, end))) {
            return true; /* with more behind it: what ends a name is its extension */
        }
        end = i - 1;
    }
    return false;
}
