/* The parts of a multipart/form-data body, read one after another at the handler's pace: no more of it is in memory than
 * one buffer. */
#include <errno.h>

#include "base/text.h"
#include "server/extras.h"

enum { PARTS_BUFFER = 16384 };

static int parts_open(struct wharf_request *request, struct request_parts **ret_parts) {
    struct request_content *content = request_content(request);
    const wharf_server_limits *limits = &request->core->server->limits;
    if (content == NULL) {
        return -ENOMEM;
    }
    if (content->parts == NULL) {
        wharf_str type = headers_value(&request->head.headers, HEADER_CONTENT_TYPE);
        struct request_parts *parts = arena_alloc(&request->arena, sizeof(*parts));
        size_t size = (size_t)limits->part_head_bytes + MULTIPART_DELIMITER_MAX + PARTS_BUFFER;
        char *data = arena_alloc(&request->arena, size);
        if (parts == NULL || data == NULL) {
            return -ENOMEM;
        }
        *parts = (struct request_parts){.data = data, .size = size};
        if (multipart_init(&parts->multipart, type, (size_t)limits->part_head_bytes) < 0) {
            return content_wrong_type(request,
                                      "A form in parts is needed, multipart/form-data with a boundary.");
        }
        content->parts = parts;
    }
    *ret_parts = content->parts;
    return 0;
}

/* Takes more of the body. 0: its end has come. */
static ssize_t parts_fill(struct wharf_request *request, struct request_parts *parts) {
    if (parts->start > 0) {
        memmove(parts->data, parts->data + parts->start, parts->end - parts->start);
        parts->end -= parts->start;
        parts->start = 0;
    }
    ssize_t count = wharf_request_read(request, parts->data + parts->end, parts->size - parts->end);
    parts->end += count > 0 ? (size_t)count : 0;
    return count;
}

static int parts_malformed(struct wharf_request *request, const struct request_parts *parts,
                           const char *text) {
    const struct h1_error error = {.status = 400,
                                   .reason = "form.part.malformed",
                                   .offset = (size_t)parts->offset,
                                   .rfc = "RFC 2046 section 5.1.1",
                                   .text = text};
    return content_fail(request, -WHARF_EPROTOCOL, &error);
}

static int parts_over_limit(struct wharf_request *request, const struct request_parts *parts,
                            const char *limit, const char *text) {
    const struct h1_error error = {.status = 413,
                                   .reason = "form.part.limit",
                                   .offset = (size_t)parts->offset,
                                   .rfc = "RFC 7578",
                                   .text = text,
                                   .limit = limit};
    return content_fail(request, -WHARF_ELIMIT, &error);
}

/* The next thing that the body says; reads as much as that takes. */
static int parts_next(struct wharf_request *request, struct request_parts *parts,
                      struct multipart_event *event) {
    for (;;) {
        wharf_str shown = {parts->data + parts->start, parts->end - parts->start};
        int rc = multipart_next(&parts->multipart, shown, event);
        if (rc == -WHARF_ELIMIT) {
            return parts_over_limit(request, parts, "part_head_bytes", "The head of a part is too long.");
        }
        if (rc < 0) {
            return parts_malformed(request, parts,
                                   "Behind a boundary stands neither a line end nor its end.");
        }
        if (event->kind != MULTIPART_DATA) {
            parts->start += event->taken;
            parts->offset += event->taken;
        }
        if (event->kind != MULTIPART_MORE) {
            return 0;
        }
        if (event->taken > 0) {
            continue;
        }
        ssize_t count = parts_fill(request, parts);
        if (count < 0) {
            return (int)count;
        }
        if (count == 0) {
            return parts_malformed(request, parts, "The body ends before its last boundary.");
        }
    }
}

/* ---- heads ---- */

static wharf_str decode_name(struct wharf_request *request, wharf_str value) {
    char *out = arena_alloc(&request->arena, value.len + 1);
    return (wharf_str){out, out != NULL ? multipart_name_decode(value, out) : 0};
}

/* Without folders, which some programs send: the name must not choose where a file goes. */
static wharf_str last_name(wharf_str path) {
    size_t start = path.len;
    while (start > 0 && path.ptr[start - 1] != '/' && path.ptr[start - 1] != '\\') {
        start--;
    }
    return str_slice(path, start, path.len);
}

static int read_disposition(struct wharf_request *request, wharf_str value, wharf_part *part) {
    ssize_t semicolon = str_find_byte(value, ';');
    wharf_str rest = str_slice(value, semicolon < 0 ? value.len : (size_t)semicolon, value.len);
    wharf_str name = {NULL, 0};
    wharf_str text = {NULL, 0};
    while (parameter_next(&rest, &name, &text)) {
        bool is_name = str_equal_nocase(name, STR("name"));
        if (is_name || str_equal_nocase(name, STR("filename"))) {
            wharf_str decoded = decode_name(request, text);
            if (decoded.ptr == NULL) {
                return -ENOMEM;
            }
            *(is_name ? &part->name : &part->filename) = is_name ? decoded : last_name(decoded);
        }
    }
    return 0;
}

static int read_head(struct wharf_request *request, wharf_str head, wharf_part *part) {
    while (head.len > 0) {
        ssize_t end = str_find(head, STR("\r\n"));
        wharf_str line = str_slice(head, 0, (size_t)end);
        ssize_t colon = str_find_byte(line, ':');
        head = str_slice(head, (size_t)end + 2, head.len);
        if (colon <= 0) {
            return -WHARF_EPROTOCOL;
        }
        wharf_str name = str_slice(line, 0, (size_t)colon);
        wharf_str value = str_trim(str_slice(line, (size_t)colon + 1, line.len));
        int rc = 0;
        if (str_equal_nocase(name, STR("Content-Disposition"))) {
            rc = read_disposition(request, value, part);
        } else if (str_equal_nocase(name, STR("Content-Type"))) {
            part->content_type = arena_copy(&request->arena, value.ptr, value.len);
            rc = part->content_type.ptr == NULL ? -ENOMEM : 0;
        }
        if (rc < 0) {
            return rc;
        }
    }
    return part->name.ptr != NULL ? 0 : -WHARF_EPROTOCOL;
}

/* ---- the public calls ---- */

int wharf_request_part(wharf_request *request, wharf_part *ret_part) {
    struct request_parts *parts = NULL;
    struct multipart_event event = {.kind = MULTIPART_MORE};
    int rc = parts_open(request, &parts);
    while (rc == 0 && event.kind != MULTIPART_PART && event.kind != MULTIPART_END) {
        rc = parts_next(request, parts, &event);
        if (rc == 0 && event.kind == MULTIPART_DATA) {
            parts->start += event.taken; /* what the handler did not read of the part before */
            parts->offset += event.taken;
        }
    }
    if (rc < 0 || event.kind == MULTIPART_END) {
        return rc;
    }
    wharf_part part = {.filename = {NULL, 0}};
    parts->is_open = true;
    parts->count++;
    if (parts->count > (size_t)request->core->server->limits.parts) {
        return parts_over_limit(request, parts, "parts", "The form has too many parts.");
    }
    rc = read_head(request, event.bytes, &part);
    if (rc == -WHARF_EPROTOCOL) {
        return parts_malformed(request, parts, "A part has a broken head, or no name.");
    }
    if (rc < 0) {
        return rc;
    }
    *ret_part = part;
    return 1;
}

ssize_t wharf_request_part_read(wharf_request *request, void *buffer, size_t size) {
    struct request_parts *parts = request->extras != NULL ? request->extras->content.parts : NULL;
    struct multipart_event event = {.kind = MULTIPART_MORE};
    if (parts == NULL || size == 0) {
        return fail(-EINVAL, "read part", NULL, size == 0 ? "size is 0" : "wharf_request_part() comes first");
    }
    if (!parts->is_open) {
        return 0;
    }
    int rc = parts_next(request, parts, &event);
    if (rc < 0) {
        return rc;
    }
    if (event.kind != MULTIPART_DATA) {
        parts->is_open = false;
        return 0;
    }
    size_t len = event.bytes.len < size ? event.bytes.len : size;
    memcpy(buffer, event.bytes.ptr, len);
    parts->start += len;
    parts->offset += len;
    return (ssize_t)len;
}
