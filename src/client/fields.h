/* Header lines as programs write them - "Name: value", "Name:" (leave the default out), "Name;" (send it empty) -
 * checked before any byte is sent. */
#ifndef CLIENT_FIELDS_H
#define CLIENT_FIELDS_H

#include "base/arena.h"
#include "http/codec/headers.h"

struct field {
    wharf_str name; /* as it was spelled */
    wharf_str value;
    enum header_id id;
    bool removed; /* "Name:" */
};

struct fields {
    struct field *at;
    size_t count;
};

/* Reads lines that end with NULL (lines itself may be NULL). The fields are views into the lines, which must live as
 * long. 0, -EINVAL (recorded, naming the line), -WHARF_ELIMIT or -ENOMEM. */
int fields_parse(struct arena *arena, const char *const *lines, struct fields *ret_fields);
/* The first field of a name, removed or not; NULL: not mentioned. */
const struct field *fields_find(const struct fields *fields, wharf_str name);

#endif
