/* HTTP dates. Days are counted in the proleptic Gregorian calendar with years that begin in March, so that
 * the leap day is the last of its year and month lengths follow one formula. */
#include "http/codec/date.h"

#include <errno.h>

#include "base/number.h"
#include "base/text.h"

enum {
    SECONDS_PER_DAY = 86400,
    DAYS_PER_ERA = 146097 /* 400 years */,
    DAYS_TO_EPOCH = 719468 /* from 0000-03-01 */
};

static const int64_t SECONDS_MIN = -62167219200; /* 0000-01-01 00:00:00 */
static const int64_t SECONDS_MAX = 253402300799; /* 9999-12-31 23:59:59 */

static const char day_names[] = "SunMonTueWedThuFriSat";
static const char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char *const long_day_names[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                             "Thursday", "Friday", "Saturday"};

struct civil_date {
    int64_t year;
    unsigned month, day; /* from 1 */
};

static struct civil_date civil_from_days(int64_t days) {
    int64_t shifted = days + DAYS_TO_EPOCH;
    int64_t era = (shifted >= 0 ? shifted : shifted - (DAYS_PER_ERA - 1)) / DAYS_PER_ERA;
    unsigned day_of_era = (unsigned)(shifted - era * DAYS_PER_ERA);
    unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned month_from_march = (5 * day_of_year + 2) / 153;
    struct civil_date date = {
        .year = (int64_t)year_of_era + era * 400 + (month_from_march >= 10 ? 1 : 0),
        .month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9,
        .day = day_of_year - (153 * month_from_march + 2) / 5 + 1,
    };
    return date;
}

static int64_t days_from_civil(struct civil_date date) {
    int64_t year = date.month <= 2 ? date.year - 1 : date.year;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t month_from_march = date.month > 2 ? (int64_t)date.month - 3 : (int64_t)date.month + 9;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + (int64_t)date.day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_PER_ERA + day_of_era - DAYS_TO_EPOCH;
}

/* 0 is Sunday; 1970-01-01 was a Thursday. */
static unsigned weekday_of(int64_t days) {
    int64_t remainder = (days + 4) % 7;
    return (unsigned)(remainder >= 0 ? remainder : remainder + 7);
}

static void put_two_digits(char *out, unsigned value) {
    out[0] = (char)('0' + value / 10);
    out[1] = (char)('0' + value % 10);
}

static int64_t clamp_to_four_digit_years(int64_t seconds) {
    int64_t from_year_0 = seconds < SECONDS_MIN ? SECONDS_MIN : seconds;
    return from_year_0 > SECONDS_MAX ? SECONDS_MAX : from_year_0;
}

void date_format(int64_t unix_seconds, char *out) {
    int64_t seconds = clamp_to_four_digit_years(unix_seconds);
    int64_t days = (seconds >= 0 ? seconds : seconds - (SECONDS_PER_DAY - 1)) / SECONDS_PER_DAY;
    unsigned second_of_day = (unsigned)(seconds - days * SECONDS_PER_DAY);
    struct civil_date date = civil_from_days(days);
    memcpy(out, "Xxx, 00 Xxx 0000 00:00:00 GMT", DATE_LEN);
    memcpy(out, day_names + (size_t)(3 * weekday_of(days)), 3);
    put_two_digits(out + 5, date.day);
    memcpy(out + 8, month_names + (size_t)(3 * (date.month - 1)), 3);
    put_two_digits(out + 12, (unsigned)(date.year / 100));
    put_two_digits(out + 14, (unsigned)(date.year % 100));
    put_two_digits(out + 17, second_of_day / 3600);
    put_two_digits(out + 20, second_of_day / 60 % 60);
    put_two_digits(out + 23, second_of_day % 60);
}

/* ---- parsing ---- */

/* What a date says, before anybody has checked that it makes sense. */
struct date_fields {
    struct civil_date date;
    unsigned weekday, hour, minute, second;
};

/* Where in a text of fixed length each field stands. */
struct date_layout {
    const char *pattern; /* DNYhms for the bytes of a field (N: the name of the month), the rest literally */
    size_t month, day, year, year_len, time;
};

/* Offsets behind the name of the day. */
static const struct date_layout imf_fixdate = {", DD NNN YYYY hh:mm:ss GMT", 5, 2, 9, 4, 14};
static const struct date_layout rfc850_date = {", DD-NNN-YY hh:mm:ss GMT", 5, 2, 9, 2, 12};
static const struct date_layout asctime_date = {" NNN DD hh:mm:ss YYYY", 1, 5, 17, 4, 8};

static bool is_field(char pattern) {
    return pattern == 'D' || pattern == 'N' || pattern == 'Y' || pattern == 'h' || pattern == 'm' ||
           pattern == 's';
}

static bool matches_pattern(wharf_str text, const char *pattern) {
    if (text.len != strlen(pattern)) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != pattern[i] && !is_field(pattern[i])) {
            return false;
        }
    }
    return true;
}

static bool read_digits(wharf_str text, size_t at, size_t len, unsigned *ret_value) {
    uint64_t value = 0;
    if (number_parse(str_slice(text, at, at + len), 9999, &value) < 0) {
        return false;
    }
    *ret_value = (unsigned)value;
    return true;
}

/* Index of a three-letter name in a table of such names, or -1. */
static int find_name(const char *names, wharf_str name) {
    for (size_t i = 0; names[i] != '\0'; i += 3) {
        if (memcmp(names + i, name.ptr, 3) == 0) {
            return (int)(i / 3);
        }
    }
    return -1;
}

/* Reads everything behind the name of the day. The day of asctime's form may have a blank for its first
 * digit. */
static bool read_fields(wharf_str text, const struct date_layout *layout, struct date_fields *fields) {
    unsigned year = 0;
    if (!matches_pattern(text, layout->pattern)) {
        return false;
    }
    int month = find_name(month_names, str_slice(text, layout->month, layout->month + 3));
    size_t blank = layout == &asctime_date && text.ptr[layout->day] == ' ' ? 1 : 0;
    fields->date.month = (unsigned)(month + 1);
    bool is_read = month >= 0 && read_digits(text, layout->day + blank, 2 - blank, &fields->date.day) &&
                   read_digits(text, layout->year, layout->year_len, &year) &&
                   read_digits(text, layout->time, 2, &fields->hour) &&
                   read_digits(text, layout->time + 3, 2, &fields->minute) &&
                   read_digits(text, layout->time + 6, 2, &fields->second);
    fields->date.year = year;
    return is_read;
}

static unsigned days_in_month(struct civil_date date) {
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = date.year % 4 == 0 && (date.year % 100 != 0 || date.year % 400 == 0);
    return date.month == 2 && is_leap ? 29 : days[date.month - 1];
}

/* Second 60 is a leap second; it is counted as the first second of the next minute. */
static bool is_possible(const struct date_fields *fields) {
    return fields->date.year >= 0 && fields->date.year <= 9999 && fields->date.day >= 1 &&
           fields->date.day <= days_in_month(fields->date) && fields->hour < 24 && fields->minute < 60 &&
           fields->second <= 60;
}

static int64_t seconds_of(const struct date_fields *fields) {
    int64_t days = days_from_civil(fields->date);
    return days * SECONDS_PER_DAY + (int64_t)fields->hour * 3600 + (int64_t)fields->minute * 60 +
           (int64_t)fields->second;
}

/* RFC 9110 section 5.6.7: a date with a two-digit year that seems to be more than 50 years ahead is the
 * latest one in the past with these digits. */
static void complete_year(struct date_fields *fields, int64_t now) {
    int64_t days_now = (now >= 0 ? now : now - (SECONDS_PER_DAY - 1)) / SECONDS_PER_DAY;
    struct civil_date today = civil_from_days(days_now);
    struct civil_date limit = today;
    limit.year += 50;
    int64_t latest = days_from_civil(limit) * SECONDS_PER_DAY + (now - days_now * SECONDS_PER_DAY);
    fields->date.year += limit.year - limit.year % 100;
    while (seconds_of(fields) > latest) {
        fields->date.year -= 100;
    }
}

/* The index of the name of a day in front of the text, and behind which byte it ends. */
static bool read_long_day_name(wharf_str text, unsigned *ret_weekday, size_t *ret_len) {
    for (unsigned i = 0; i < 7; i++) {
        wharf_str name = wharf_str_of(long_day_names[i]);
        if (str_starts(text, name)) {
            *ret_weekday = i;
            *ret_len = name.len;
            return true;
        }
    }
    return false;
}

static bool read_date(wharf_str text, int64_t now, struct date_fields *fields) {
    const size_t short_name_len = 3;
    size_t name_len = 0;
    if (text.len < 24) {
        return false;
    }
    if (text.ptr[short_name_len] == ',' || text.ptr[short_name_len] == ' ') {
        const struct date_layout *layout = text.ptr[short_name_len] == ',' ? &imf_fixdate : &asctime_date;
        int weekday = find_name(day_names, text);
        fields->weekday = (unsigned)weekday;
        return weekday >= 0 && read_fields(str_slice(text, short_name_len, text.len), layout, fields);
    }
    if (!read_long_day_name(text, &fields->weekday, &name_len) ||
        !read_fields(str_slice(text, name_len, text.len), &rfc850_date, fields)) {
        return false;
    }
    complete_year(fields, now);
    return true;
}

int date_parse(wharf_str text, int64_t now, int64_t *ret_unix_seconds) {
    struct date_fields fields;
    if (!read_date(text, clamp_to_four_digit_years(now), &fields) || !is_possible(&fields)) {
        return -EINVAL;
    }
    if (weekday_of(days_from_civil(fields.date)) != fields.weekday) {
        return -EINVAL;
    }
    *ret_unix_seconds = seconds_of(&fields);
    return 0;
}

int date_compose(const struct date_parts *parts, int64_t *ret_unix_seconds) {
    const struct date_fields fields = {
        .date = {.year = (int64_t)parts->year, .month = parts->month, .day = parts->day},
        .hour = parts->hour,
        .minute = parts->minute,
        .second = parts->second,
    };
    if (parts->month < 1 || parts->month > 12 || !is_possible(&fields)) {
        return -EINVAL;
    }
    *ret_unix_seconds = seconds_of(&fields);
    return 0;
}
