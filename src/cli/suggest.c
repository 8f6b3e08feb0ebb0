/* The nearest word by Damerau's edit distance with adjacent swaps only (optimal string alignment): typing
 * errors are single letters missed, doubled, hit beside or swapped. Three rows of the table are enough. */
#include "cli/suggest.h"

#include <string.h>

enum { WORD_MAX = 31 };

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

size_t suggest_distance(const char *a, const char *b) {
    size_t a_len = strlen(a);
    size_t b_len = strlen(b);
    if (a_len > WORD_MAX || b_len > WORD_MAX) {
        return WORD_MAX + 1;
    }
    /* rows[i % 3][j]: edits from the first i characters of a to the first j of b */
    size_t rows[3][WORD_MAX + 1] = {0};
    for (size_t j = 0; j <= b_len; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3];
        const size_t *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t replace = above[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = least(replace, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = least(row[j], two_above[j - 2] + 1);
            }
        }
    }
    return rows[a_len % 3][b_len];
}

int suggest_is_nearer(const char *word, const char *candidate, size_t *best) {
    size_t distance = suggest_distance(word, candidate);
    size_t allowed = strlen(candidate) <= 4 ? 1 : 2;
    if (distance > allowed || distance >= *best) {
        return 0;
    }
    *best = distance;
    return 1;
}
