/* See hosts.h. */
#include "net/names/hosts.h"

#include "base/idna.h"
#include "base/text.h"

/* Whether a word of the file is the name, which is in ASCII. */
static bool is_same(wharf_str word, wharf_str name) {
    char ascii[IDNA_HOST_SIZE];
    struct idna_error error;
    if (!idna_is_needed(word)) {
        return str_equal_nocase(word, name);
    }
    return idna_host(word, ascii, &error) == 0 && str_equal_nocase(wharf_str_of(ascii), name);
}

/* Whether the rest of a line, behind the address, has the name. */
static bool line_names(wharf_str names, wharf_str name) {
    wharf_str field;
    while (str_next_word(&names, &field)) {
        if (is_same(field, name)) {
            return true;
        }
    }
    return false;
}

static bool is_known(const struct address *out, int count, const struct address *address) {
    for (int i = 0; i < count; i++) {
        if (out[i].len == address->len && memcmp(&out[i].storage, &address->storage, address->len) == 0) {
            return true;
        }
    }
    return false;
}

int hosts_find(wharf_str text, wharf_str name, int family, struct address *out, int max) {
    wharf_str line;
    wharf_str literal;
    int count = 0;
    if (name.len > 0 && name.ptr[name.len - 1] == '.') {
        name.len--;
    }
    if (name.len == 0) {
        return 0;
    }
    while (count < max && str_next_line(&text, &line)) {
        ssize_t comment = str_find_byte(line, '#');
        line = comment >= 0 ? str_slice(line, 0, (size_t)comment) : line;
        if (!str_next_word(&line, &literal) || !line_names(line, name)) {
            continue;
        }
        struct address address;
        struct address_text parts = {.kind = ADDRESS_TCP, .host = literal, .is_literal = true};
        if (address_of_text(&parts, family, &address, 1) == 1 && !is_known(out, count, &address)) {
            out[count++] = address;
        }
    }
    return count;
}
