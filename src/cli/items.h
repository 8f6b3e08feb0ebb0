/* The items of a request on the command line, as HTTPie writes them:
 *
 *      name=value  name:=json  name=@file  name:=@file      a field of the body: JSON, or with --form a form
 *      name@file                                            a file of a form
 *      name==value                                          of the query
 *      Name:value  Name:  Name;                             a header: sent, left out, sent empty
 *
 * The separator that comes first counts, the longest of those that begin there; a backslash before one of their characters
 * makes it a plain one. */
#ifndef CLI_ITEMS_H
#define CLI_ITEMS_H

#include <stdbool.h>
#include <stddef.h>

#include "wharf/client.h"

enum item_kind { ITEM_HEADER, ITEM_QUERY, ITEM_TEXT, ITEM_JSON, ITEM_FILE };

struct items {
    char **headers; /* "Name: value", ended by NULL */
    char **queries; /* "name=value", ended by NULL */
    size_t header_count, query_count;
    wharf_form_field *fields; /* ended by one without a name; of a form */
    enum item_kind *kinds;    /* of the fields */
    size_t field_count;
    bool has_files;
    char *json; /* items_make_json() */
};

/* Whether a text is an item: has a separator. */
bool items_is_one(const char *text);
/* Takes in `count` texts, all of them items. An exit code; what was wrong has been said in the name of `who`. */
int items_open(char *const *texts, size_t count, const char *who, struct items *ret_items);
/* Makes the fields a JSON text, items->json. An exit code, likewise. */
int items_make_json(struct items *items, const char *who);
void items_close(struct items *items);

#endif
