/* Route patterns: what they say, and which of two is the more specific. Pure.
 *
 *      pattern = [ method SP ] [ host ] path   no method: GET;  "*": any;  no host: every host
 *      host    = name / "*." name              the latter: all names that end so, however many labels are before
 *      path    = 1*( "/" part ),  part = literal / "{" name "}" / "{" name "...}"
 *
 * A name matches one segment that is not empty; a name with dots, which can only come last, matches the rest of the
 * path, which may be empty. Literals are compared with the decoded path. */
#ifndef SERVER_PATTERN_H
#define SERVER_PATTERN_H

#include "http/codec/head.h"
#include "wharf/base.h"

enum { PATTERN_PARTS_MAX = 32, PATTERN_NAMES_MAX = 16 };

enum part_kind { PART_LITERAL, PART_NAME, PART_REST };

struct pattern_part {
    enum part_kind kind;
    wharf_str text; /* the literal (may be empty), or the name */
};

struct pattern {
    wharf_str text;       /* all of it, as it was given */
    wharf_str method;     /* "*": any */
    enum h1_method known; /* H1_METHOD_OTHER: compare the text */
    bool any_method;
    wharf_str host; /* "*." included; len 0: every host */
    size_t count;
    struct pattern_part parts[PATTERN_PARTS_MAX];
};

/* The result refers to `text`. 0, or -EINVAL with *ret_offset and *ret_problem (static text). */
int pattern_parse(wharf_str text, struct pattern *ret_pattern, size_t *ret_offset, const char **ret_problem);

/* What is wrong with a host before a path: static text, or NULL. */
const char *pattern_host_fault(wharf_str host);
/* Whether a pattern's host takes a name without port. */
bool pattern_takes_host(wharf_str host, wharf_str name);

/* Which of two patterns wins a request that both match, of one host: between hosts the narrower one always wins, so those
 * of different hosts are disjoint. The path decides; between equal paths the method does ("GET"
 * over "*", "HEAD" over "GET"). So files at "/" and "* /api/{rest...}" live together. */
enum pattern_relation {
    PATTERN_DISJOINT, /* no request matches both */
    PATTERN_EQUAL,
    PATTERN_NARROWER, /* the first: its path is part of the second's */
    PATTERN_WIDER,
    PATTERN_OVERLAPS /* neither: their paths cross */
};
enum pattern_relation pattern_compare(const struct pattern *a, const struct pattern *b);

#endif
