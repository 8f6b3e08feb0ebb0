/* "Did you mean ...?": the candidate nearest to a mistyped word. */
#ifndef CLI_SUGGEST_H
#define CLI_SUGGEST_H

#include <stddef.h>

/* How many single-character edits (insert, delete, replace, swap of neighbours) lie between two words. Words
 * longer than 31 characters count as far apart. */
size_t suggest_distance(const char *a, const char *b);

/* Whether `candidate` is near enough to `word` to be offered, and nearer than *best, which is then lowered.
 * Begin with *best = SIZE_MAX. */
int suggest_is_nearer(const char *word, const char *candidate, size_t *best);

#endif
