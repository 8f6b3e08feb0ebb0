/* Jars in files: JSON with everything, or the format that Netscape invented and curl and wget read:
 *
 *      # Netscape HTTP Cookie File
 *      .example.com  TRUE  /  TRUE  1767225600  name  value        tabs between; the first says "and below"
 *      #HttpOnly_www.example.com  FALSE  ...
 *
 * Saving is reading the file again, making the changes of this jar to it, and putting the result in its place, all under a
 * lock of the folder: it leaves nothing behind, and everybody who saves in that folder waits for it. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sys/file.h>

#include "base/failure.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "client/jar.h"
#include "sched/sched.h"
#include "wharf/os.h"

enum { FILE_BYTES_MAX = 16 << 20, LOCK_MS = 10000, LOCK_PAUSE_MS = 10, FORMAT_MASK = 0xff };

/* ---- texts of a JSON file: a cookie may hold bytes that are not UTF-8 ---- */

static json_t *json_of(wharf_str text) {
    json_t *plain = json_stringn(text.len > 0 ? text.ptr : "", text.len);
    if (plain != NULL) {
        return plain;
    }
    static const char digits[] = "0123456789abcdef";
    char *hex = mem_alloc(text.len * 2);
    if (hex == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < text.len; i++) {
        hex[2 * i] = digits[(unsigned char)text.ptr[i] >> 4];
        hex[2 * i + 1] = digits[(unsigned char)text.ptr[i] & 15];
    }
    json_t *coded = json_pack("{s:s#}", "hex", hex, text.len * 2);
    mem_free(hex);
    return coded;
}

/* The text of a string, or of {"hex": "..."}; ptr NULL when it is neither. Lives in the arena or in the value. */
static wharf_str text_of(struct arena *arena, const json_t *value) {
    if (json_is_string(value)) {
        return (wharf_str){json_string_value(value), json_string_length(value)};
    }
    const json_t *coded = json_object_get(value, "hex");
    wharf_str hex = {json_string_value(coded), json_string_length(coded)};
    char *text = hex.ptr != NULL && hex.len % 2 == 0 ? arena_alloc(arena, hex.len / 2 + 1) : NULL;
    for (size_t i = 0; text != NULL && i < hex.len / 2; i++) {
        uint64_t byte = 0;
        if (number_parse_hex(str_slice(hex, 2 * i, 2 * i + 2), 255, &byte) < 0) {
            return (wharf_str){NULL, 0};
        }
        text[i] = (char)byte;
    }
    return (wharf_str){text, hex.len / 2};
}

/* ---- what may stand in a file: what could have been received ---- */

static bool is_plain(wharf_str text) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if ((c < 0x20 && c != 0x09) || c == 0x7f || c == ';') {
            return false;
        }
    }
    return text.ptr != NULL;
}

static bool is_sound(const wharf_jar_cookie *cookie) {
    return is_plain(cookie->name) && is_plain(cookie->value) && is_plain(cookie->domain) &&
           is_plain(cookie->path) && cookie->name.len > 0 && str_find_byte(cookie->name, '=') < 0 &&
           cookie->domain.len > 0 && cookie->path.len > 0 && cookie->path.ptr[0] == '/' &&
           cookie->expires >= 0;
}

/* ---- JSON ---- */

static const char *const same_site_names[] = {"lax", "strict", "none", ""};

static json_t *format_cookie(const wharf_jar_cookie *cookie) {
    const char *same_site = same_site_names[cookie->same_site];
    json_t *name = json_of(cookie->name);
    json_t *value = json_of(cookie->value);
    json_t *domain = json_of(cookie->domain);
    json_t *path = json_of(cookie->path);
    return json_pack("{s:o, s:o, s:o, s:b, s:o, s:b, s:b, s:s, s:I}", "name", name, "value", value, "domain",
                     domain, "subdomains", cookie->is_domain, "path", path, "secure", cookie->secure,
                     "http_only", cookie->http_only, "same_site", same_site, "expires",
                     (json_int_t)cookie->expires);
}

static int append_bytes(const char *bytes, size_t len, void *out) {
    return buffer_append(out, bytes, len) < 0 ? -1 : 0;
}

static int format_json(const wharf_jar *jar, bool persistent, struct buffer *out) {
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < jar->count; i++) {
        const wharf_jar_cookie *about = &jar->at[i]->about;
        if (!persistent || about->expires != 0) {
            if (json_array_append_new(list, format_cookie(about)) < 0) {
                json_decref(list);
                return -ENOMEM;
            }
        }
    }
    json_t *whole = json_pack("{s:o}", "cookies", list);
    int rc = json_dump_callback(whole, append_bytes, out, JSON_INDENT(2)) == 0 ? 0 : -ENOMEM;
    json_decref(whole);
    return rc < 0 ? rc : buffer_append_str(out, STR("\n"));
}

static bool read_json_cookie(struct arena *arena, const json_t *json, wharf_jar_cookie *cookie) {
    const char *same_site = json_string_value(json_object_get(json, "same_site"));
    *cookie = (wharf_jar_cookie){
        .name = text_of(arena, json_object_get(json, "name")),
        .value = text_of(arena, json_object_get(json, "value")),
        .domain = text_of(arena, json_object_get(json, "domain")),
        .path = text_of(arena, json_object_get(json, "path")),
        .is_domain = json_is_true(json_object_get(json, "subdomains")),
        .secure = json_is_true(json_object_get(json, "secure")),
        .http_only = json_is_true(json_object_get(json, "http_only")),
        .same_site = WHARF_SAME_SITE_UNSAID,
        .expires = json_integer_value(json_object_get(json, "expires")),
    };
    for (int i = 0; same_site != NULL && i < WHARF_SAME_SITE_UNSAID; i++) {
        cookie->same_site = strcmp(same_site, same_site_names[i]) == 0 ? (wharf_same_site)i
                                                                       : cookie->same_site;
    }
    return is_sound(cookie);
}

static int parse_json(wharf_jar *jar, wharf_str text, const char *path) {
    json_error_t problem;
    struct arena arena;
    json_t *whole = json_loadb(text.ptr, text.len, 0, &problem);
    if (whole == NULL) {
        return fail(-WHARF_EPROTOCOL, "read jar", path, "line %d: %s", problem.line, problem.text);
    }
    json_t *list = json_object_get(whole, "cookies");
    int rc = json_is_array(list) ? 0
                                 : fail(-WHARF_EPROTOCOL, "read jar", path, "there is no list \"cookies\"");
    arena_init(&arena, NULL, 0, FILE_BYTES_MAX);
    for (size_t i = 0; rc == 0 && i < json_array_size(list); i++) {
        wharf_jar_cookie cookie;
        if (!read_json_cookie(&arena, json_array_get(list, i), &cookie)) {
            rc = fail(-WHARF_EPROTOCOL, "read jar", path, "number %zu of its list is no cookie", i + 1);
        } else {
            rc = jar_put(jar, &cookie, true);
        }
    }
    arena_deinit(&arena);
    json_decref(whole);
    return rc;
}

/* ---- Netscape's ---- */

static int format_netscape(const wharf_jar *jar, bool persistent, struct buffer *out) {
    int rc = buffer_append_str(out, STR("# Netscape HTTP Cookie File\n"));
    for (size_t i = 0; rc == 0 && i < jar->count; i++) {
        const wharf_jar_cookie *about = &jar->at[i]->about;
        if (persistent && about->expires == 0) {
            continue;
        }
        rc = buffer_printf(
            out, "%s%s%.*s\t%s\t%.*s\t%s\t%lld\t%.*s\t%.*s\n", about->http_only ? "#HttpOnly_" : "",
            about->is_domain ? "." : "", WHARF_STR_ARG(about->domain), about->is_domain ? "TRUE" : "FALSE",
            WHARF_STR_ARG(about->path), about->secure ? "TRUE" : "FALSE", (long long)about->expires,
            WHARF_STR_ARG(about->name), WHARF_STR_ARG(about->value));
    }
    return rc;
}

static bool read_netscape_line(wharf_str line, wharf_jar_cookie *cookie) {
    enum { DOMAIN, BELOW, PATH, SECURE, EXPIRES, NAME, VALUE, FIELDS };
    wharf_str field[FIELDS] = {{NULL, 0}};
    uint64_t expires = 0;
    *cookie = (wharf_jar_cookie){.same_site = WHARF_SAME_SITE_UNSAID};
    if (str_starts(line, STR("#HttpOnly_"))) {
        cookie->http_only = true;
        line = str_slice(line, 10, line.len);
    }
    size_t count = 0;
    while (count < VALUE && str_split(&line, '\t', &field[count])) {
        count++;
    }
    field[VALUE] = line.ptr != NULL ? line : STR(""); /* may hold tabs itself */
    if (count < VALUE || number_parse(field[EXPIRES], INT64_MAX, &expires) < 0) {
        return false;
    }
    bool dotted = str_starts(field[DOMAIN], STR("."));
    cookie->domain = str_slice(field[DOMAIN], dotted ? 1 : 0, field[DOMAIN].len);
    cookie->is_domain = str_equal_nocase(field[BELOW], STR("TRUE"));
    cookie->path = field[PATH];
    cookie->secure = str_equal_nocase(field[SECURE], STR("TRUE"));
    cookie->expires = (int64_t)expires;
    cookie->name = field[NAME];
    cookie->value = field[VALUE];
    return is_sound(cookie);
}

static int parse_netscape(wharf_jar *jar, wharf_str text, const char *path) {
    wharf_str line = {NULL, 0};
    for (int number = 1; str_next_line(&text, &line); number++) {
        wharf_jar_cookie cookie;
        bool is_comment = str_starts(line, STR("#")) && !str_starts(line, STR("#HttpOnly_"));
        if (is_comment || str_trim(line).len == 0) {
            continue;
        }
        if (!read_netscape_line(line, &cookie)) {
            return fail(-WHARF_EPROTOCOL, "read jar", path, "line %d is no cookie", number);
        }
        if (jar_put(jar, &cookie, true) < 0) {
            return fail(-ENOMEM, "read jar", path, NULL);
        }
    }
    return 0;
}

/* ---- reading ---- */

static int read_file(wharf_file file, const char *path, struct buffer *out) {
    ssize_t got = 1;
    while (got > 0) {
        int rc = buffer_reserve(out, BLOCK_SIZE);
        if (rc < 0) {
            return fail(rc, "read jar", path, rc == -WHARF_ELIMIT ? "a jar has 16 MiB at most" : NULL);
        }
        got = wharf_file_read(file, out->data + out->end, BLOCK_SIZE);
        out->end += got > 0 ? (size_t)got : 0;
    }
    return got < 0 ? (int)got : 0;
}

static int parse_file(wharf_jar *jar, wharf_str text, const char *path) {
    wharf_str body = str_trim(text);
    while (body.len > 0 && (body.ptr[0] == '\n' || body.ptr[0] == '\r')) {
        body = str_trim(str_slice(body, 1, body.len));
    }
    return str_starts(body, STR("{")) ? parse_json(jar, text, path) : parse_netscape(jar, text, path);
}

/* Puts what the file has into a jar that nobody else knows yet. */
static int load_into(wharf_jar *jar, const char *path) {
    struct buffer text;
    wharf_file file = wharf_open(path, O_RDONLY, 0);
    if (wharf_failed(file)) {
        return wharf_error(file);
    }
    buffer_init(&text, FILE_BYTES_MAX + BLOCK_SIZE);
    int rc = read_file(file, path, &text);
    if (rc == 0 && buffer_len(&text) > 0) {
        rc = parse_file(jar, buffer_view(&text), path);
    }
    buffer_deinit(&text);
    (void)wharf_file_close(file);
    return rc;
}

/* Whether a path is that of the jar's file, which it becomes when the jar has none. */
static bool is_its_file(wharf_jar *jar, const char *path) {
    if (jar->file == NULL) {
        jar->file = mem_strndup(path, strlen(path));
    }
    return jar->file != NULL && strcmp(jar->file, path) == 0;
}

int wharf_jar_load(wharf_jar *jar, const char *path) {
    wharf_jar *loaded = jar_new_like(jar);
    if (loaded == NULL) {
        return -ENOMEM;
    }
    int rc = load_into(loaded, path);
    int64_t now = sched_wall_seconds();
    jar_tidy(loaded, now);
    (void)pthread_mutex_lock(&jar->lock);
    bool stored = rc == 0 && is_its_file(jar, path);
    for (size_t i = 0; rc == 0 && i < loaded->count; i++) {
        rc = loaded->at[i]->removed ? 0 : jar_put(jar, &loaded->at[i]->about, stored);
    }
    jar_tidy(jar, now);
    (void)pthread_mutex_unlock(&jar->lock);
    wharf_jar_free(loaded);
    return rc;
}

/* ---- saving ---- */

/* The folder of a path, opened and locked; a failed handle is an error, except where there are no folders to lock, in a
 * simulation. */
static int lock_folder(const char *path, wharf_file *ret_folder) {
    wharf_str whole = wharf_str_of(path);
    ssize_t slash = str_find_last_byte(whole, '/');
    char name[4096] = ".";
    if (slash >= 0) {
        (void)str_copy_to(name, sizeof(name), str_slice(whole, 0, slash > 0 ? (size_t)slash : 1));
    }
    wharf_file folder = wharf_open(name, O_RDONLY | O_DIRECTORY, 0);
    int fd = wharf_failed(folder) ? -1 : wharf_file_fd(folder);
    *ret_folder = folder;
    if (fd < 0) {
        return sched_is_simulated() ? 0 : wharf_error(folder);
    }
    for (int64_t waited = 0; waited < LOCK_MS; waited += LOCK_PAUSE_MS) {
        int error = flock(fd, LOCK_EX | LOCK_NB) < 0 ? errno : 0;
        if (error != EWOULDBLOCK && error != EINTR) {
            return 0; /* locked, or on a file system that knows no locks */
        }
        int rc = wharf_sleep(LOCK_PAUSE_MS);
        if (rc < 0) {
            return rc;
        }
    }
    return fail(-ETIMEDOUT, "save jar", path, "another program has held the folder's lock for 10 seconds");
}

/* The file's cookies with the jar's changes; with `all` what has not changed too. */
static int merge(const wharf_jar *jar, wharf_jar *file, bool all) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < jar->count; i++) {
        const struct jar_cookie *cookie = jar->at[i];
        struct jar_cookie *there = jar_find(file, &cookie->about);
        for (size_t k = 0; cookie->removed && !all && k < file->count; k++) {
            if (file->at[k] == there) {
                jar_drop(file, k);
                break;
            }
        }
        if (!cookie->removed && (all || cookie->changed != 0)) {
            rc = jar_put(file, &cookie->about, false);
        }
    }
    return rc;
}

/* What the file has now; `until`: what changed later is not in it. */
static void note_saved(wharf_jar *jar, uint64_t until) {
    for (size_t i = jar->count; i > 0; i--) {
        struct jar_cookie *cookie = jar->at[i - 1];
        if (cookie->removed && cookie->changed <= until) {
            jar_drop(jar, i - 1);
        } else if (cookie->changed <= until) {
            cookie->changed = 0;
            cookie->stored = true;
        }
    }
}

static int write_file(const char *path, wharf_str text) {
    char temporary[4096];
    int rc = 0;
    int len = snprintf(temporary, sizeof(temporary), "%s.new", path);
    if (len < 0 || (size_t)len >= sizeof(temporary)) {
        return fail(-ENAMETOOLONG, "save jar", path, NULL);
    }
    wharf_file file = wharf_open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
    if (wharf_failed(file)) {
        return wharf_error(file);
    }
    ssize_t written = wharf_file_write(file, text.ptr, text.len);
    rc = written < 0 ? (int)written : wharf_fsync(file);
    int closed = wharf_file_close(file);
    rc = rc < 0 ? rc : closed;
    rc = rc < 0 ? rc : wharf_rename(temporary, path);
    if (rc < 0) {
        (void)wharf_unlink(temporary);
    }
    return rc;
}

static int format_and_write(wharf_jar *file, const char *path, int format) {
    struct buffer text;
    bool persistent = (format & WHARF_JAR_PERSISTENT) != 0;
    bool netscape = (format & FORMAT_MASK) == WHARF_JAR_NETSCAPE;
    buffer_init(&text, FILE_BYTES_MAX);
    jar_tidy(file, sched_wall_seconds());
    for (size_t i = file->count; i > 0; i--) {
        if (file->at[i - 1]->removed) {
            jar_drop(file, i - 1);
        }
    }
    int rc = netscape ? format_netscape(file, persistent, &text) : format_json(file, persistent, &text);
    rc = rc < 0 ? fail(rc, "save jar", path, NULL) : write_file(path, buffer_view(&text));
    buffer_deinit(&text);
    return rc;
}

/* With the folder locked. file: an empty jar for what the file has. */
static int save_locked(wharf_jar *jar, wharf_jar *file, const char *path, int format) {
    int rc = load_into(file, path);
    if (rc < 0 && rc != -ENOENT) {
        return rc;
    }
    (void)pthread_mutex_lock(&jar->lock);
    bool all = !is_its_file(jar, path);
    uint64_t until = jar->clock;
    rc = merge(jar, file, all);
    (void)pthread_mutex_unlock(&jar->lock);
    rc = rc < 0 ? fail(rc, "save jar", path, NULL) : format_and_write(file, path, format);
    if (rc == 0 && !all) {
        (void)pthread_mutex_lock(&jar->lock);
        note_saved(jar, until);
        (void)pthread_mutex_unlock(&jar->lock);
    }
    return rc;
}

int wharf_jar_save(wharf_jar *jar, const char *path, int format) {
    wharf_file folder;
    wharf_jar *file = jar_new_like(jar);
    if (file == NULL) {
        return -ENOMEM;
    }
    int rc = lock_folder(path, &folder);
    rc = rc < 0 ? rc : save_locked(jar, file, path, format);
    if (!wharf_failed(folder)) {
        (void)wharf_file_close(folder); /* and its lock */
    }
    wharf_jar_free(file);
    return rc;
}
