/* See fields.h. */
#include "client/fields.h"

#include <errno.h>

#include "base/failure.h"
#include "base/text.h"

enum { FIELDS_MAX = 1024 };

static int fields_refuse(size_t i, wharf_str name, const char *problem) {
    char subject[FAILURE_SUBJECT_SIZE];
    (void)str_copy_to(subject, sizeof(subject), name); /* never the value: it may be a secret */
    return fail(-EINVAL, "check header", subject, "header line %zu: %s", i + 1, problem);
}

/* What this client makes itself from the body; a second opinion on framing is how requests get smuggled. */
static bool is_framing(enum header_id id) {
    return id == HEADER_CONTENT_LENGTH || id == HEADER_TRANSFER_ENCODING;
}

static int fields_parse_line(size_t i, wharf_str line, struct field *ret_field) {
    size_t name_len = 0;
    while (name_len < line.len && line.ptr[name_len] != ':' && line.ptr[name_len] != ';') {
        name_len++;
    }
    wharf_str name = str_slice(line, 0, name_len);
    if (name_len == line.len) {
        return fields_refuse(i, (wharf_str){NULL, 0}, "no colon");
    }
    if (!h1_is_token(name)) {
        return fields_refuse(i, (wharf_str){NULL, 0},
                             "the name is empty or holds a byte that no name may hold");
    }
    wharf_str value = str_trim(str_slice(line, name_len + 1, line.len));
    struct field field = {.name = name, .value = value, .id = header_identify(name)};
    if (line.ptr[name_len] == ';' && value.len > 0) {
        return fields_refuse(i, name, "\"Name;\" sends an empty value, and nothing may follow it");
    }
    if (!h1_is_field_value(value)) {
        return fields_refuse(i, name, "the value holds a control character");
    }
    if (is_framing(field.id)) {
        return fields_refuse(i, name, "this header is made from the body");
    }
    if (field.id == HEADER_EXPECT && value.len > 0 && !str_equal_nocase(value, STR("100-continue"))) {
        return fields_refuse(i, name, "only 100-continue can be expected");
    }
    field.removed = line.ptr[name_len] == ':' && value.len == 0;
    *ret_field = field;
    return 0;
}

int fields_parse(struct arena *arena, const char *const *lines, struct fields *ret_fields) {
    struct fields fields = {NULL, 0};
    size_t count = 0;
    while (lines != NULL && count <= FIELDS_MAX && lines[count] != NULL) {
        count++;
    }
    if (count > FIELDS_MAX) {
        return fail(-WHARF_ELIMIT, "check header", "", "more than %d header lines", FIELDS_MAX);
    }
    if (count > 0) {
        fields.at = arena_alloc(arena, count * sizeof(*fields.at));
        if (fields.at == NULL) {
            return fail(-ENOMEM, "check header", "", NULL);
        }
    }
    for (; fields.count < count; fields.count++) {
        int rc = fields_parse_line(fields.count, wharf_str_of(lines[fields.count]), &fields.at[fields.count]);
        if (rc < 0) {
            return rc;
        }
    }
    *ret_fields = fields;
    return 0;
}

const struct field *fields_find(const struct fields *fields, wharf_str name) {
    for (size_t i = 0; i < fields->count; i++) {
        if (str_equal_nocase(fields->at[i].name, name)) {
            return &fields->at[i];
        }
    }
    return NULL;
}
