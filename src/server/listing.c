/* A directory as a page, as JSON or as text, whichever the client prefers: directories first, sorted by links that need no
 * script, every name escaped, written entry by entry. */
#include <errno.h>
#include <time.h>

#include "base/text.h"
#include "http/codec/percent.h"
#include "server/escape.h"
#include "server/files.h"
#include "server/listing_scan.h"
#include "server/reply.h"

struct listing {
    struct wharf_request *request;
    const struct listing_scan *scan;
    bool upload;
};

static int write_str(const struct listing *listing, wharf_str text) {
    return wharf_reply_write(listing->request, text.ptr, text.len);
}

/* ---- entries ---- */

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

/* For people, or as RFC 3339 has it. */
static wharf_str date_text(struct arena *arena, int64_t seconds, bool for_people) {
    struct tm tm;
    time_t time = (time_t)seconds;
    char text[40] = "";
    if (gmtime_r(&time, &tm) != NULL) {
        (void)(for_people ? strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &tm)
                          : strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm));
    }
    return arena_copy(arena, text, strlen(text));
}

static wharf_str html_entry(struct arena *arena, const struct listing_entry *entry, wharf_str link) {
    const char *slash = entry->is_directory ? "/" : "";
    wharf_str name = escape(arena, entry->name, ESCAPE_HTML);
    wharf_str size = entry->is_directory ? STR("") : size_text(arena, entry->size);
    wharf_str date = date_text(arena, entry->seconds, true);
    return arena_printf(arena, "<tr><td><a href=\"%.*s%s\">%.*s%s</a><td>%.*s<td>%.*s\n", WHARF_STR_ARG(link),
                        slash, WHARF_STR_ARG(name), slash, WHARF_STR_ARG(size), WHARF_STR_ARG(date));
}

static wharf_str json_entry(struct arena *arena, const struct listing_entry *entry, wharf_str link) {
    wharf_str name = escape(arena, entry->name, ESCAPE_JSON);
    wharf_str date = date_text(arena, entry->seconds, false);
    return arena_printf(
        arena, "{\"name\":\"%.*s\",\"url\":\"%.*s%s\",\"type\":\"%s\",\"size\":%lld,\"modified\":\"%.*s\"}",
        WHARF_STR_ARG(name), WHARF_STR_ARG(link), entry->is_directory ? "/" : "",
        entry->is_directory ? "directory" : "file", (long long)entry->size, WHARF_STR_ARG(date));
}

static wharf_str text_entry(struct arena *arena, const struct listing_entry *entry, wharf_str link) {
    (void)link;
    wharf_str name = escape(arena, entry->name, ESCAPE_TEXT);
    return arena_printf(arena, "%.*s%s\n", WHARF_STR_ARG(name), entry->is_directory ? "/" : "");
}

/* ---- pages ---- */

#define STYLE                                                                                                   \
    ":root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem "        \
    "auto;padding:0 1rem}table{border-collapse:collapse;width:100%%}td,th{text-align:left;padding:.1rem .5rem}" \
    "td+td,th+th{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}"                        \
    "td:first-child{overflow-wrap:anywhere}"

#define FORM                                                                                                       \
    "<form method=\"post\" enctype=\"multipart/form-data\"><input type=\"file\" name=\"file\" multiple required> " \
    "<button>Upload</button></form>\n"

/* A column's head: a link that sorts by it, the other way round where it is sorted by already. */
static wharf_str html_column(const struct listing *listing, const char *name, const char *title,
                             enum listing_order order) {
    const struct listing_scan *scan = listing->scan;
    bool is_current = scan->order == order;
    const char *sorted = scan->descending ? " aria-sort=\"descending\"" : " aria-sort=\"ascending\"";
    return arena_printf(&listing->request->arena, "<th%s><a href=\"?sort=%s%s\">%s</a>%s",
                        is_current ? sorted : "", name,
                        is_current && !scan->descending ? "&amp;order=desc" : "", title,
                        !is_current        ? ""
                        : scan->descending ? " &#9660;"
                                           : " &#9650;");
}

static wharf_str html_head(const struct listing *listing) {
    struct arena *arena = &listing->request->arena;
    wharf_str title = escape(arena, listing->request->path.text, ESCAPE_HTML);
    wharf_str name = html_column(listing, "name", "Name", LISTING_BY_NAME);
    wharf_str size = html_column(listing, "size", "Size", LISTING_BY_SIZE);
    wharf_str time = html_column(listing, "time", "Changed (UTC)", LISTING_BY_TIME);
    return arena_printf(
        arena,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
        "<meta name=\"viewport\" content=\"width=device-width\"><link rel=\"icon\" href=\"data:,\">"
        "<title>%.*s</title>\n<style>" STYLE "</style></head>\n"
        "<body><h1>%.*s</h1>\n%s<table><thead><tr>%.*s%.*s%.*s</thead><tbody>\n%s",
        WHARF_STR_ARG(title), WHARF_STR_ARG(title), listing->upload ? FORM : "", WHARF_STR_ARG(name),
        WHARF_STR_ARG(size), WHARF_STR_ARG(time),
        listing->request->path.text.len > 1 ? "<tr><td><a href=\"../\">../</a><td><td>\n" : "");
}

static wharf_str html_tail(const struct listing *listing) {
    return listing->scan->truncated
               ? STR("</tbody></table><p>Only 10,000 entries are shown; there are more.</p></body></html>\n")
               : STR("</tbody></table></body></html>\n");
}

static wharf_str json_head(const struct listing *listing) {
    struct arena *arena = &listing->request->arena;
    wharf_str path = escape(arena, listing->request->path.text, ESCAPE_JSON);
    return arena_printf(arena, "{\"path\":\"%.*s\",\"truncated\":%s,\"entries\":[\n", WHARF_STR_ARG(path),
                        listing->scan->truncated ? "true" : "false");
}

static wharf_str json_tail(const struct listing *listing) {
    (void)listing;
    return STR("\n]}\n");
}

static wharf_str text_head(const struct listing *listing) {
    (void)listing;
    return STR("");
}

static wharf_str text_tail(const struct listing *listing) {
    return listing->scan->truncated ? STR("(only 10,000 entries are shown; there are more)\n") : STR("");
}

/* One way to show a directory. */
struct look {
    const char *type; /* as clients ask for it */
    wharf_str content_type;
    wharf_str (*head)(const struct listing *listing);
    wharf_str (*entry)(struct arena *arena, const struct listing_entry *entry, wharf_str link);
    const char *between; /* entries */
    wharf_str (*tail)(const struct listing *listing);
};

static const struct look looks[] = {
    {"text/html", STR("text/html; charset=utf-8"), html_head, html_entry, "", html_tail},
    {"application/json", STR("application/json"), json_head, json_entry, ",\n", json_tail},
    {"text/plain", STR("text/plain; charset=utf-8"), text_head, text_entry, "", text_tail},
};

static const struct look *look_choose(struct wharf_request *request) {
    static const char *const types[] = {"text/html", "application/json", "text/plain", NULL};
    const char *type = wharf_request_accepts(request, types);
    size_t i = 0;
    while (type != NULL && types[i] != type) {
        i++;
    }
    return &looks[i];
}

static int write_entry(const struct listing *listing, const struct look *look, size_t i) {
    struct arena arena;
    char first[4096];
    const struct listing_entry *entry = &listing->scan->entries[i];
    arena_init(&arena, first, sizeof(first), 64 * 1024);
    wharf_str link = {NULL, 0};
    int rc = i > 0 ? write_str(listing, wharf_str_of(look->between)) : 0;
    rc = rc == 0 ? percent_encode(&arena, entry->name, PERCENT_COMPONENT, &link) : rc;
    if (rc == 0) {
        wharf_str text = look->entry(&arena, entry, link);
        rc = arena.failed ? -ENOMEM : write_str(listing, text);
    }
    arena_deinit(&arena);
    return rc;
}

static int listing_write(const struct listing *listing, const struct look *look) {
    wharf_str head = look->head(listing);
    int rc = listing->request->arena.failed ? -ENOMEM : write_str(listing, head);
    for (size_t i = 0; i < listing->scan->count && rc == 0; i++) {
        rc = write_entry(listing, look, i);
    }
    return rc == 0 ? write_str(listing, look->tail(listing)) : rc;
}

/* ---- the reply ---- */

/* "?sort=size&order=desc" */
static void read_order(struct wharf_request *request, struct listing_scan *wanted) {
    wharf_str sort = wharf_request_query_value(request, "sort");
    wanted->order = wharf_str_is(sort, "size")   ? LISTING_BY_SIZE
                    : wharf_str_is(sort, "time") ? LISTING_BY_TIME
                                                 : LISTING_BY_NAME;
    wanted->descending = wharf_str_is(wharf_request_query_value(request, "order"), "desc");
}

static int listing_fields(struct wharf_request *request) {
    int rc = reply_field(request, STR("Cache-Control"), STR("no-cache"));
    rc = rc == 0 ? reply_field(request, STR("X-Content-Type-Options"), STR("nosniff")) : rc;
    return rc == 0 ? reply_field(request, STR("Content-Security-Policy"),
                                 STR("default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
                                     "form-action 'self'"))
                   : rc;
}

int listing_reply(struct wharf_request *request, const struct files_mount *mount, int fd, const char *path) {
    struct listing_scan wanted = {.tree = mount->tree, .hidden = mount->hidden};
    read_order(request, &wanted);
    const struct look *look = look_choose(request);
    int rc = listing_fields(request);
    struct listing_scan *scan = rc == 0 ? listing_scan(&wanted, fd, path, &rc) : NULL;
    if (scan == NULL) {
        return rc;
    }
    const struct listing listing = {.request = request, .scan = scan, .upload = mount->upload};
    rc = reply_head(request, 200, look->content_type, -1);
    rc = rc == 0 ? listing_write(&listing, look) : rc;
    listing_scan_free(scan);
    return rc;
}
