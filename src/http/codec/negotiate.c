/* For each offer the most specific thing that a header says of it decides. */
#include "http/codec/negotiate.h"

#include "base/text.h"

/* One element: what it is about, and how much it is wanted. */
struct preference {
    wharf_str range;
    int quality;
};

/* "0.5" as 500; -1: no quality. At most three digits behind the point (RFC 9110 section 12.4.2). */
static int parse_quality(wharf_str text) {
    if (text.len == 0 || text.len > 5 || (text.ptr[0] != '0' && text.ptr[0] != '1') ||
        (text.len > 1 && text.ptr[1] != '.')) {
        return -1;
    }
    int quality = 0;
    int weight = QUALITY_MAX;
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.ptr[i];
        if (i == 1) {
            continue;
        }
        if (byte < '0' || byte > '9') {
            return -1;
        }
        quality += (byte - '0') * weight;
        weight /= 10;
    }
    return quality <= QUALITY_MAX ? quality : -1;
}

/* Parameters of a media range other than its weight are not looked at: nobody sends them but "charset", which means
 * nothing there. */
static bool read_preference(wharf_str element, struct preference *ret_preference) {
    wharf_str rest = element;
    wharf_str part = {NULL, 0};
    struct preference preference = {.quality = QUALITY_MAX};
    (void)str_split(&rest, ';', &part);
    preference.range = str_trim(part);
    while (str_split(&rest, ';', &part)) {
        wharf_str parameter = str_trim(part);
        if (str_starts_nocase(parameter, STR("q="))) {
            preference.quality = parse_quality(str_slice(parameter, 2, parameter.len));
        }
    }
    *ret_preference = preference;
    return preference.quality >= 0 && preference.range.len > 0;
}

/* How closely a range describes an offer; 0: not at all. */
static size_t match_type(wharf_str range, wharf_str offer) {
    ssize_t semicolon = str_find_byte(offer, ';');
    wharf_str type = str_trim(str_slice(offer, 0, semicolon < 0 ? offer.len : (size_t)semicolon));
    ssize_t slash = str_find_byte(type, '/');
    if (wharf_str_is(range, "*/*")) {
        return 1;
    }
    if (slash > 0 && str_ends(range, STR("/*"))) {
        wharf_str family = str_slice(range, 0, range.len - 2);
        return str_equal_nocase(family, str_slice(type, 0, (size_t)slash)) ? 2 : 0;
    }
    return str_equal_nocase(range, type) ? 3 : 0;
}

static size_t match_coding(wharf_str range, wharf_str offer) {
    bool is_old_name = str_equal_nocase(range, STR("x-gzip")) && wharf_str_is(offer, "gzip");
    return wharf_str_is(range, "*") ? 1 : str_equal_nocase(range, offer) || is_old_name ? 2 : 0;
}

/* RFC 4647 section 3.3.1: a range matches all that it is a beginning of, subtag by subtag. */
static size_t match_language(wharf_str range, wharf_str offer) {
    if (wharf_str_is(range, "*")) {
        return 1;
    }
    bool begins = str_starts_nocase(offer, range) && (offer.len == range.len || offer.ptr[range.len] == '-');
    return begins ? 1 + range.len : 0;
}

struct negotiable {
    enum header_id id;
    size_t (*match)(wharf_str range, wharf_str offer);
};

static const struct negotiable negotiables[] = {
    [NEGOTIATE_TYPE] = {HEADER_ACCEPT, match_type},
    [NEGOTIATE_CODING] = {HEADER_ACCEPT_ENCODING, match_coding},
    [NEGOTIATE_LANGUAGE] = {HEADER_ACCEPT_LANGUAGE, match_language},
};

int negotiate_quality(const struct headers *headers, enum negotiation what, wharf_str offer) {
    const struct negotiable *negotiable = &negotiables[what];
    const struct header *line = headers_find(headers, negotiable->id);
    bool is_default = what == NEGOTIATE_CODING && wharf_str_is(offer, "identity");
    int quality = line == NULL ? QUALITY_MAX : is_default ? 1 : 0;
    size_t closest = 0;
    bool says_something = what == NEGOTIATE_CODING; /* where an empty header means no coding at all */
    while (line != NULL) {
        wharf_str rest = line->value;
        wharf_str element = {NULL, 0};
        struct preference preference;
        while (header_list_next(&rest, &element)) {
            bool is_sound = read_preference(element, &preference);
            says_something = says_something || is_sound;
            size_t close = is_sound ? negotiable->match(preference.range, offer) : 0;
            if (close > closest) {
                closest = close;
                quality = preference.quality;
            }
        }
        line = headers_next(headers, line);
    }
    return says_something ? quality : QUALITY_MAX;
}

ssize_t negotiate(const struct headers *headers, enum negotiation what, const wharf_str *offers,
                  size_t count) {
    ssize_t best = -1;
    int most = 0;
    for (size_t i = 0; i < count; i++) {
        int quality = negotiate_quality(headers, what, offers[i]);
        if (quality > most) {
            most = quality;
            best = (ssize_t)i;
        }
    }
    return best;
}
