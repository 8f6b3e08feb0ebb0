/* See items.h. In JSON a name may lead into objects and lists: a[b][0]=x, a[]=y. */
#include "cli/items.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/exitcode.h"

enum { FILE_MAX = 64 << 20, DEPTH_MAX = 32 };

static const struct {
    const char *text;
    enum item_kind kind;
    bool from_file;
} separators[] = {
    /* the longer ones first */
    {":=@", ITEM_JSON, true}, {":=", ITEM_JSON, false}, {"==", ITEM_QUERY, false}, {"=@", ITEM_TEXT, true},
    {"=", ITEM_TEXT, false},  {"@", ITEM_FILE, false},  {":", ITEM_HEADER, false}, {";", ITEM_HEADER, false},
};

enum { SEPARATORS = sizeof separators / sizeof separators[0], SEMICOLON = SEPARATORS - 1 };

/* An item taken apart. */
struct item {
    size_t separator;  /* its number */
    const char *value; /* behind it */
    char *name;        /* without backslashes; heap */
};

static int complain(const char *who, const char *about, const char *what) {
    fprintf(stderr, "wharf %s: %s: %s\n", who, about, what);
    return EXIT_USAGE;
}

/* The number of the separator at the start of the text, or SEPARATORS. */
static size_t separator_at(const char *text) {
    size_t i = 0;
    while (i < SEPARATORS && strncmp(text, separators[i].text, strlen(separators[i].text)) != 0) {
        i++;
    }
    /* "Name;" ends there; elsewhere a semicolon means nothing. */
    return i == SEMICOLON && text[1] != '\0' ? SEPARATORS : i;
}

static const char *find_separator(const char *text, size_t *ret_number) {
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '\\' && at[1] != '\0') {
            at++;
            continue;
        }
        size_t number = separator_at(at);
        if (number < SEPARATORS) {
            *ret_number = number;
            return at;
        }
    }
    return NULL;
}

bool items_is_one(const char *text) {
    size_t number = 0;
    const char *at = find_separator(text, &number);
    return at != NULL && at > text;
}

/* False without memory. */
static bool take_apart(const char *text, struct item *item) {
    const char *end = find_separator(text, &item->separator);
    item->value = end + strlen(separators[item->separator].text);
    item->name = calloc(1, (size_t)(end - text) + 1);
    size_t len = 0;
    for (const char *at = text; item->name != NULL && at < end; at++) {
        at += *at == '\\' && at + 1 < end ? 1 : 0;
        item->name[len++] = *at;
    }
    return item->name != NULL;
}

/* All of a file, with a NUL behind it; NULL: said why not. */
static char *load(const char *path, const char *who, size_t *ret_len) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *text = NULL;
    size_t len = 0;
    ssize_t got = fd < 0 ? -1 : 1;
    while (got > 0 && len < FILE_MAX) {
        char *larger = realloc(text, len + 65536 + 1);
        if (larger == NULL) {
            got = -1;
            errno = ENOMEM;
            break;
        }
        text = larger;
        got = read(fd, text + len, 65536);
        len += got > 0 ? (size_t)got : 0;
    }
    int error = got < 0 ? errno : got > 0 ? EFBIG : 0;
    if (fd >= 0) {
        close(fd);
    }
    if (error != 0) {
        complain(who, path, wharf_strerror(-error));
        free(text);
        return NULL;
    }
    text[len] = '\0';
    *ret_len = len;
    return text;
}

static int add_header(struct items *items, const struct item *item, bool empty) {
    const char *value = item->value + strspn(item->value, " ");
    char *line = NULL;
    int len = empty ? asprintf(&line, "%s;", item->name)
                    : asprintf(&line, "%s:%s%s", item->name, value[0] != '\0' ? " " : "", value);
    if (len < 0) {
        return EXIT_OTHER;
    }
    items->headers[items->header_count++] = line;
    return EXIT_OK;
}

static int add_query(struct items *items, const struct item *item) {
    char *line = NULL;
    if (asprintf(&line, "%s=%s", item->name, item->value) < 0) {
        return EXIT_OTHER;
    }
    items->queries[items->query_count++] = line;
    return EXIT_OK;
}

static int add_field(struct items *items, struct item *item, const char *who) {
    wharf_form_field *field = &items->fields[items->field_count];
    enum item_kind kind = separators[item->separator].kind;
    size_t len = strlen(item->value);
    char *value = NULL;
    if (kind == ITEM_FILE) {
        *field = (wharf_form_field){.file = strdup(item->value)};
        items->has_files = true;
        value = (char *)(uintptr_t)field->file;
    } else {
        value = separators[item->separator].from_file ? load(item->value, who, &len) : strdup(item->value);
        *field = (wharf_form_field){.value = value, .value_bytes = len};
    }
    if (value == NULL) {
        return EXIT_LOCAL_FILE;
    }
    field->name = item->name;
    item->name = NULL;
    items->kinds[items->field_count++] = kind;
    return EXIT_OK;
}

static int add_one(struct items *items, const char *text, const char *who) {
    struct item item = {.name = NULL};
    if (!take_apart(text, &item)) {
        return EXIT_OTHER;
    }
    int code = EXIT_OK;
    switch (separators[item.separator].kind) {
    case ITEM_HEADER: code = add_header(items, &item, item.separator == SEMICOLON); break;
    case ITEM_QUERY: code = add_query(items, &item); break;
    default: code = add_field(items, &item, who); break;
    }
    free(item.name);
    return code;
}

int items_open(char *const *texts, size_t count, const char *who, struct items *ret_items) {
    struct items items = {
        .headers = calloc(count + 1, sizeof *items.headers),
        .queries = calloc(count + 1, sizeof *items.queries),
        .fields = calloc(count + 1, sizeof *items.fields),
        .kinds = calloc(count + 1, sizeof *items.kinds),
    };
    bool good = items.headers != NULL && items.queries != NULL && items.fields != NULL && items.kinds != NULL;
    int code = good ? EXIT_OK : EXIT_OTHER;
    for (size_t i = 0; i < count && code == EXIT_OK; i++) {
        code = add_one(&items, texts[i], who);
    }
    *ret_items = items;
    return code;
}

void items_close(struct items *items) {
    for (size_t i = 0; i < items->header_count; i++) {
        free(items->headers[i]);
    }
    for (size_t i = 0; i < items->query_count; i++) {
        free(items->queries[i]);
    }
    for (size_t i = 0; i < items->field_count; i++) {
        free((char *)(uintptr_t)items->fields[i].name);
        free((char *)(uintptr_t)items->fields[i].value);
        free((char *)(uintptr_t)items->fields[i].file);
    }
    free(items->headers);
    free(items->queries);
    free(items->fields);
    free(items->kinds);
    free(items->json);
    *items = (struct items){.headers = NULL};
}

/* ---- JSON ---- */

/* Where a name leads: its first word, then what stands in each pair of brackets. */
struct path {
    char *words[DEPTH_MAX];
    size_t count;
};

/* Cuts a name into words, in place. False: brackets that do not match. */
static bool path_parse(char *name, struct path *path) {
    path->count = 0;
    path->words[path->count++] = name;
    char *open = strchr(name, '[');
    while (open != NULL) {
        char *close = strchr(open, ']');
        if (close == NULL || path->count == DEPTH_MAX || (close[1] != '[' && close[1] != '\0')) {
            return false;
        }
        char *next = close[1] == '[' ? close + 1 : NULL;
        *open = *close = '\0';
        path->words[path->count++] = open + 1;
        open = next;
    }
    return true;
}

static bool is_index(const char *word) {
    return strspn(word, "0123456789") == strlen(word) && strlen(word) < 6;
}

/* The index that a word means in a list: its end for "". */
static size_t index_of(const json_t *list, const char *word) {
    size_t index = 0;
    for (const char *digit = word; *digit != '\0'; digit++) {
        index = index * 10 + (size_t)(*digit - '0');
    }
    return word[0] == '\0' ? json_array_size(list) : index;
}

/* Puts a value under a word of an object or a list, whose place it takes. Steals the value. False: it does not fit there. */
static bool put(json_t *into, const char *word, json_t *value) {
    if (json_is_object(into)) {
        return json_object_set_new(into, word, value) == 0;
    }
    size_t index = is_index(word) ? index_of(into, word) : SIZE_MAX;
    if (!json_is_array(into) || index > json_array_size(into)) {
        json_decref(value);
        return false;
    }
    return index == json_array_size(into) ? json_array_append_new(into, value) == 0
                                          : json_array_set_new(into, index, value) == 0;
}

static json_t *find(const json_t *in, const char *word) {
    if (json_is_object(in)) {
        return json_object_get(in, word);
    }
    return is_index(word) ? json_array_get(in, index_of(in, word)) : NULL;
}

/* Steals the value. */
static bool put_at(json_t *root, const struct path *path, json_t *value) {
    json_t *at = root;
    for (size_t i = 0; i + 1 < path->count; i++) {
        json_t *next = find(at, path->words[i]);
        if (next == NULL) {
            next = is_index(path->words[i + 1]) ? json_array() : json_object();
            if (!put(at, path->words[i], next)) {
                json_decref(value);
                return false;
            }
        }
        at = next;
    }
    return put(at, path->words[path->count - 1], value);
}

static int put_field(json_t *root, wharf_form_field *field, enum item_kind kind, const char *who) {
    json_error_t problem;
    struct path path;
    char *name = strdup(field->name);
    if (name == NULL) {
        return EXIT_OTHER;
    }
    json_t *value = kind == ITEM_JSON
                        ? json_loadb(field->value, field->value_bytes, JSON_DECODE_ANY, &problem)
                        : json_stringn(field->value, field->value_bytes);
    bool known = value != NULL;
    bool done = known && path_parse(name, &path) && put_at(root, &path, value);
    free(name);
    if (!known) {
        return complain(who, field->name, kind == ITEM_JSON ? problem.text : "the value is not UTF-8");
    }
    return done ? EXIT_OK : complain(who, field->name, "there is no such place in the JSON");
}

int items_make_json(struct items *items, const char *who) {
    json_t *root = json_object();
    int code = root != NULL ? EXIT_OK : EXIT_OTHER;
    for (size_t i = 0; i < items->field_count && code == EXIT_OK; i++) {
        code = put_field(root, &items->fields[i], items->kinds[i], who);
    }
    if (code == EXIT_OK) {
        items->json = json_dumps(root, 0);
        code = items->json != NULL ? EXIT_OK : EXIT_OTHER;
    }
    json_decref(root);
    return code;
}
