/* String views: comparing, searching, trimming; ASCII only, never the locale. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "wharf/base.h"

#define STR(literal) ((wharf_str){(literal), sizeof(literal) - 1})

bool str_equal_nocase(wharf_str a, wharf_str b);
bool str_starts(wharf_str text, wharf_str prefix);
bool str_starts_nocase(wharf_str text, wharf_str prefix);
bool str_ends(wharf_str text, wharf_str suffix);
/* Offset of the first occurrence, or -1. */
ssize_t str_find(wharf_str text, wharf_str needle);
/* Offset behind the first occurrence, or 0, of a text that grows: its first `searched` bytes were searched before. */
size_t str_find_end(wharf_str text, size_t searched, wharf_str needle);
ssize_t str_find_byte(wharf_str text, char byte);
ssize_t str_find_last_byte(wharf_str text, char byte);
/* The part [from, to), clamped to the view. */
wharf_str str_slice(wharf_str text, size_t from, size_t to);
wharf_str str_trim(wharf_str text); /* SP and HTAB at both ends */
/* Cuts the next part before `separator` off *rest into *ret_part; false when *rest was exhausted (ptr NULL).
 */
bool str_split(wharf_str *rest, char separator, wharf_str *ret_part);
/* The next line of *rest, without its LF or CRLF; false at the end. */
bool str_next_line(wharf_str *rest, wharf_str *ret_line);
/* The next word of *rest, SP and HTAB between; false at the end. */
bool str_next_word(wharf_str *rest, wharf_str *ret_word);
/* The next entry of *rest, SP, HTAB and commas between; false at the end. */
bool str_next_entry(wharf_str *rest, wharf_str *ret_entry);
/* Levenshtein distance, for "did you mean"; texts over 64 bytes count as far away. */
unsigned str_distance(wharf_str a, wharf_str b);
static inline char ascii_lower(char byte) {
    return byte >= 'A' && byte <= 'Z' ? (char)(byte | 0x20) : byte;
}
/* NUL-terminated copy into a fixed array, cut to fit, not within a character of UTF-8; returns the bytes copied. */
size_t str_copy_to(char *out, size_t size, wharf_str text);

#endif
