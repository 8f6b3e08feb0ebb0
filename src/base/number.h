/* Numbers from and to text, with a maximum and no surprises: no sign, no space, no leading '+', no locale. */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

#include "wharf/base.h"

/* 1*DIGIT (or 1*HEXDIG), the whole view, value <= max. 0, -EINVAL (empty or another byte) or -ERANGE (too
 * large); *ret_value is untouched on failure. */
int number_parse(wharf_str text, uint64_t max, uint64_t *ret_value);
int number_parse_hex(wharf_str text, uint64_t max, uint64_t *ret_value);
/* Writes decimal digits at `out` (20 bytes are enough), returns how many. No NUL. */
size_t number_format(uint64_t value, char *out);
size_t number_format_hex(uint64_t value, char *out);

#endif
