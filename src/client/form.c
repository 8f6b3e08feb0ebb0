/* See form.h. A multipart body is a list of pieces:
 *
 *      --boundary, head of a part | its value or file | CR LF --boundary, head ... | value | CR LF --boundary--
 *
 * Names are sent as browsers send them: UTF-8 as it is, with %22, %0D and %0A for what may not stand in quotes. */
#include "client/form.h"

#include <errno.h>

#include "base/buffer.h"
#include "base/failure.h"
#include "base/text.h"
#include "http/codec/form.h"
#include "http/codec/headers.h"
#include "http/codec/mime.h"
#include "http/codec/multipart.h"
#include "sched/sched.h"

enum { HEAD_MAX = 1 << 16, URLENCODED_MAX = 64 << 20, FIELDS_MAX = 4096, BOUNDARY_BYTES = 12 };

static const char MULTIPART_TYPE[] = "multipart/form-data; boundary=";

static wharf_str value_of(const wharf_form_field *field) {
    if (field->value == NULL) {
        return STR("");
    }
    return (wharf_str){field->value, field->value_bytes > 0 ? field->value_bytes : strlen(field->value)};
}

static int no_memory(void) {
    return fail(-ENOMEM, "make form", "", NULL);
}

/* ---- urlencoded ---- */

static int form_open_urlencoded(struct source *source, const wharf_form_field *form, struct arena *arena) {
    struct buffer text;
    int rc = 0;
    buffer_init(&text, URLENCODED_MAX);
    for (; rc == 0 && form->name != NULL; form++) {
        rc = form_append(&text, wharf_str_of(form->name), value_of(form));
    }
    wharf_str copy = {NULL, 0};
    if (rc == 0) {
        copy = arena_copy(arena, buffer_len(&text) > 0 ? text.data : "", buffer_len(&text));
    }
    buffer_deinit(&text);
    if (copy.ptr == NULL) {
        return rc == -WHARF_ELIMIT ? fail(rc, "make form", "", "more than 64 MiB, urlencoded") : no_memory();
    }
    source->kind = SOURCE_MEMORY;
    source->bytes = copy.ptr;
    source->length = (int64_t)copy.len;
    source->content_type = STR("application/x-www-form-urlencoded");
    return 0;
}

/* ---- multipart ---- */

/* The boundary that the caller's type names, else one that occurs in no body by chance. */
static wharf_str choose_boundary(const wharf_fetch_options *options, struct arena *arena) {
    struct multipart given;
    if (options->content_type != NULL &&
        multipart_init(&given, wharf_str_of(options->content_type), HEAD_MAX) == 0) {
        return arena_copy(arena, given.delimiter + 4, given.delimiter_len - 4); /* without CR LF "--" */
    }
    uint8_t bytes[BOUNDARY_BYTES];
    char text[2 * BOUNDARY_BYTES + 1];
    static const char digits[] = "0123456789abcdef";
    sched_random_bytes(bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[sizeof(text) - 1] = '\0';
    return arena_printf(arena, "wharf-%s", text);
}

static int append_name(struct buffer *out, wharf_str name) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < name.len; i++) {
        char byte = name.ptr[i];
        wharf_str coded = byte == '"'    ? STR("%22")
                          : byte == '\r' ? STR("%0D")
                          : byte == '\n' ? STR("%0A")
                                         : STR("");
        rc = coded.len > 0 ? buffer_append_str(out, coded) : buffer_append(out, &byte, 1);
    }
    return rc;
}

static wharf_str last_component(const char *path) {
    wharf_str whole = wharf_str_of(path);
    return str_slice(whole, (size_t)(str_find_last_byte(whole, '/') + 1), whole.len);
}

static int append_quoted(struct buffer *out, const char *before, wharf_str name) {
    int rc = buffer_append_str(out, wharf_str_of(before));
    rc = rc < 0 ? rc : append_name(out, name);
    return rc < 0 ? rc : buffer_append_str(out, STR("\""));
}

static wharf_str filename_of(const wharf_form_field *field) {
    if (field->filename != NULL) {
        return wharf_str_of(field->filename);
    }
    return field->file != NULL ? last_component(field->file) : (wharf_str){NULL, 0};
}

static wharf_str type_of(const wharf_form_field *field, wharf_str filename) {
    if (field->content_type != NULL) {
        return wharf_str_of(field->content_type);
    }
    return field->file != NULL ? mime_type(filename) : STR("");
}

/* What stands before a part's content, and behind that of the one before. */
static int append_part_head(struct buffer *out, const wharf_form_field *field, wharf_str boundary,
                            bool first) {
    wharf_str filename = filename_of(field);
    wharf_str type = type_of(field, filename);
    int rc = buffer_printf(out, "%s--%.*s\r\nContent-Disposition: form-data", first ? "" : "\r\n",
                           WHARF_STR_ARG(boundary));
    rc = rc < 0 ? rc : append_quoted(out, "; name=\"", wharf_str_of(field->name));
    if (rc == 0 && filename.ptr != NULL) {
        rc = append_quoted(out, "; filename=\"", filename);
    }
    if (rc == 0 && type.len > 0) {
        rc = buffer_printf(out, "\r\nContent-Type: %.*s", WHARF_STR_ARG(type));
    }
    return rc < 0 ? rc : buffer_append_str(out, STR("\r\n\r\n"));
}

static int add_bytes(struct source *source, wharf_str bytes) {
    source->pieces[source->piece_count++] = (struct piece){
        .bytes = bytes.ptr, .len = (int64_t)bytes.len, .file = -1};
    source->length += (int64_t)bytes.len;
    return 0;
}

static int add_file(struct source *source, const char *path) {
    struct piece *piece = &source->pieces[source->piece_count];
    *piece = (struct piece){.path = path};
    piece->file = source_open_file(path, &piece->len);
    if (piece->file < 0) {
        return piece->file;
    }
    source->piece_count++;
    return __builtin_add_overflow(source->length, piece->len, &source->length)
               ? fail(-EINVAL, "make form", path, "too large")
               : 0;
}

static int add_part(struct source *source, const wharf_form_field *field, wharf_str boundary,
                    struct arena *arena) {
    struct buffer head;
    if (field->content_type != NULL && !h1_is_field_value(wharf_str_of(field->content_type))) {
        return fail(-EINVAL, "make form", field->name,
                    "its content_type holds a byte that no header may hold");
    }
    buffer_init(&head, HEAD_MAX);
    int rc = append_part_head(&head, field, boundary, source->piece_count == 0);
    wharf_str copy = {NULL, 0};
    if (rc == 0) {
        copy = arena_copy(arena, head.data, buffer_len(&head));
    }
    buffer_deinit(&head);
    if (copy.ptr == NULL) {
        return rc == -WHARF_ELIMIT ? fail(rc, "make form", "", "a name of more than 64 KiB") : no_memory();
    }
    (void)add_bytes(source, copy);
    return field->file != NULL ? add_file(source, field->file) : add_bytes(source, value_of(field));
}

static int form_open_multipart(struct source *source, const wharf_fetch_options *options, size_t count,
                               struct arena *arena) {
    wharf_str boundary = choose_boundary(options, arena);
    source->pieces = arena_alloc(arena, (2 * count + 1) * sizeof(*source->pieces));
    if (boundary.ptr == NULL || source->pieces == NULL) {
        return no_memory();
    }
    source->kind = SOURCE_PIECES;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = add_part(source, &options->form[i], boundary, arena);
    }
    wharf_str end = arena_printf(arena, "%s--%.*s--\r\n", count > 0 ? "\r\n" : "", WHARF_STR_ARG(boundary));
    wharf_str type = arena_printf(arena, "%s%.*s", MULTIPART_TYPE, WHARF_STR_ARG(boundary));
    if (rc == 0 && (end.ptr == NULL || type.ptr == NULL)) {
        rc = no_memory();
    }
    source->content_type = type;
    return rc < 0 ? rc : add_bytes(source, end);
}

int form_open(struct source *source, const wharf_fetch_options *options, struct arena *arena) {
    bool multipart = options->multipart;
    size_t count = 0;
    for (; count <= FIELDS_MAX && options->form[count].name != NULL; count++) {
        const wharf_form_field *field = &options->form[count];
        multipart = multipart || field->file != NULL || field->filename != NULL ||
                    field->content_type != NULL;
        if (field->file != NULL && field->value != NULL) {
            return fail(-EINVAL, "make form", field->name, "both value and file are set");
        }
    }
    if (count > FIELDS_MAX) {
        return fail(-WHARF_ELIMIT, "make form", "", "a form has %d fields at most", FIELDS_MAX);
    }
    return multipart ? form_open_multipart(source, options, count, arena)
                     : form_open_urlencoded(source, options->form, arena);
}
