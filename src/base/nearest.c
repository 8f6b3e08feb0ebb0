/* Levenshtein's distance with one row of the table: row[j] is what it takes from the letters of `a` so far to the first j of
 * `b`. A word is near when a third of its letters, and at least one, would have to change. */
#include "base/nearest.h"

#include "base/text.h"

enum { LETTERS_MAX = 40 };

static size_t smallest(size_t a, size_t b, size_t c) {
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

size_t nearest_distance(wharf_str a, wharf_str b) {
    size_t row[LETTERS_MAX + 1];
    size_t a_len = a.len < LETTERS_MAX ? a.len : LETTERS_MAX;
    size_t b_len = b.len < LETTERS_MAX ? b.len : LETTERS_MAX;
    for (size_t j = 0; j <= b_len; j++) {
        row[j] = j;
    }
    for (size_t i = 0; i < a_len; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < b_len; j++) {
            size_t changed = diagonal + (ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[j]));
            diagonal = row[j + 1];
            row[j + 1] = smallest(changed, row[j] + 1, row[j + 1] + 1);
        }
    }
    return row[b_len];
}

void nearest_offer(struct nearest *nearest, const char *candidate) {
    wharf_str word = wharf_str_of(candidate);
    size_t distance = nearest_distance(nearest->wanted, word);
    size_t allowed = 1 + word.len / 3;
    if (distance <= allowed && (nearest->best == NULL || distance < nearest->distance)) {
        nearest->best = candidate;
        nearest->distance = distance;
    }
}
