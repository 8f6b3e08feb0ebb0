/* HTTP dates (RFC 9110 section 5.6.7) from and to Unix seconds. */
#ifndef HTTP_CODEC_DATE_H
#define HTTP_CODEC_DATE_H

#include "wharf/base.h"

enum { DATE_LEN = 29 }; /* "Sun, 06 Nov 1994 08:49:37 GMT" */

/* Writes DATE_LEN bytes, no NUL. Times outside the years 0 to 9999 give the nearest that four digits can
 * hold. */
void date_format(int64_t unix_seconds, char *out);

/* Reads any of the three forms, strictly: exact case, no extra blanks, a day that exists and falls on the
 * weekday that is named. `now` (Unix seconds) decides the century of the form with a two-digit year. 0 or
 * -EINVAL. */
int date_parse(wharf_str text, int64_t now, int64_t *ret_unix_seconds);

/* A day and a time of it, counted as people do: month and day from 1. */
struct date_parts {
    unsigned year, month, day, hour, minute, second;
};

/* The Unix seconds of them; second 60 is the first of the next minute. 0, or -EINVAL: there is no such day or time. */
int date_compose(const struct date_parts *parts, int64_t *ret_unix_seconds);

#endif
