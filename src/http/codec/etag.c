/* Entity tags. A tag may contain commas, so lists are read tag by tag and never split first. */
#include "http/codec/etag.h"

#include <errno.h>

#include "base/text.h"

/* etagc: every visible byte but the quote, and bytes beyond ASCII. */
static bool is_etag_byte(char byte) {
    unsigned char value = (unsigned char)byte;
    return value == 0x21 || (value >= 0x23 && value <= 0x7e) || value >= 0x80;
}

/* Takes one tag off the front of *text. */
static bool take_etag(wharf_str *text, struct etag *ret_etag) {
    bool is_weak = str_starts(*text, STR("W/"));
    wharf_str rest = str_slice(*text, is_weak ? 2 : 0, text->len);
    size_t end = 1;
    if (rest.len < 2 || rest.ptr[0] != '"') {
        return false;
    }
    while (end < rest.len && is_etag_byte(rest.ptr[end])) {
        end++;
    }
    if (end == rest.len || rest.ptr[end] != '"') {
        return false;
    }
    *ret_etag = (struct etag){.opaque = str_slice(rest, 0, end + 1), .is_weak = is_weak};
    *text = str_slice(rest, end + 1, rest.len);
    return true;
}

int etag_parse(wharf_str text, struct etag *ret_etag) {
    struct etag etag;
    if (!take_etag(&text, &etag) || text.len > 0) {
        return -EINVAL;
    }
    *ret_etag = etag;
    return 0;
}

bool etag_equal_strong(const struct etag *a, const struct etag *b) {
    return !a->is_weak && !b->is_weak && wharf_str_equal(a->opaque, b->opaque);
}

bool etag_equal_weak(const struct etag *a, const struct etag *b) {
    return wharf_str_equal(a->opaque, b->opaque);
}

/* Skips blanks and commas in front of a list member (empty members are allowed); false where there is none
 * left. */
static bool skip_to_member(wharf_str *list) {
    size_t at = 0;
    while (at < list->len && strchr(" \t,", list->ptr[at]) != NULL) {
        at++;
    }
    *list = str_slice(*list, at, list->len);
    return list->len > 0;
}

bool etag_list_names(wharf_str list, const struct etag *current, bool strong) {
    struct etag member;
    while (current != NULL && skip_to_member(&list) && take_etag(&list, &member)) {
        if (strong ? etag_equal_strong(&member, current) : etag_equal_weak(&member, current)) {
            return true;
        }
        wharf_str behind = str_trim(list);
        if (behind.len > 0 && behind.ptr[0] != ',') {
            return false;
        }
    }
    return false;
}
