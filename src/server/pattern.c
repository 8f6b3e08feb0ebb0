/* Route patterns: parsing and comparing them. See pattern.h. */
#include "server/pattern.h"

#include <errno.h>

#include "base/text.h"

static int pattern_bad(size_t offset, const char *problem, size_t *ret_offset, const char **ret_problem) {
    *ret_offset = offset;
    *ret_problem = problem;
    return -EINVAL;
}

static bool name_is_valid(wharf_str name) {
    for (size_t i = 0; i < name.len; i++) {
        char byte = ascii_lower(name.ptr[i]);
        if ((byte < 'a' || byte > 'z') && (byte < '0' || byte > '9') && byte != '_' && byte != '-') {
            return false;
        }
    }
    return name.len > 0;
}

static bool pattern_has_name(const struct pattern *pattern, wharf_str name) {
    for (size_t i = 0; i < pattern->count; i++) {
        if (pattern->parts[i].kind != PART_LITERAL && wharf_str_equal(pattern->parts[i].text, name)) {
            return true;
        }
    }
    return false;
}

/* One part between two slashes. NULL when it is fine, else what is wrong with it. */
static const char *part_parse(wharf_str text, const struct pattern *before, struct pattern_part *ret_part) {
    bool braces = str_find_byte(text, '{') >= 0 || str_find_byte(text, '}') >= 0;
    if (!braces) {
        if (wharf_str_is(text, ".") || wharf_str_is(text, "..")) {
            return "a dot segment never matches: paths are resolved first";
        }
        *ret_part = (struct pattern_part){PART_LITERAL, text};
        return NULL;
    }
    if (text.ptr[0] != '{' || text.ptr[text.len - 1] != '}') {
        return "braces must hold a whole segment";
    }
    wharf_str name = str_slice(text, 1, text.len - 1);
    bool rest = str_ends(name, STR("..."));
    name = rest ? str_slice(name, 0, name.len - 3) : name;
    if (!name_is_valid(name)) {
        return "a name is letters, digits, '_' and '-'";
    }
    if (pattern_has_name(before, name)) {
        return "the name stands twice";
    }
    *ret_part = (struct pattern_part){rest ? PART_REST : PART_NAME, name};
    return NULL;
}

static int pattern_parse_path(struct pattern *pattern, size_t at, size_t *ret_offset,
                              const char **ret_problem) {
    wharf_str rest = str_slice(pattern->text, at + 1, pattern->text.len);
    wharf_str text;
    while (str_split(&rest, '/', &text)) {
        size_t offset = (size_t)(text.ptr - pattern->text.ptr);
        if (pattern->count == PATTERN_PARTS_MAX) {
            return pattern_bad(offset, "too many segments", ret_offset, ret_problem);
        }
        if (pattern->count > 0 && pattern->parts[pattern->count - 1].kind == PART_REST) {
            return pattern_bad(offset, "nothing can follow the rest of the path", ret_offset, ret_problem);
        }
        if (text.len == 0 && rest.ptr != NULL) {
            return pattern_bad(offset, "an empty segment", ret_offset, ret_problem);
        }
        const char *problem = part_parse(text, pattern, &pattern->parts[pattern->count]);
        if (problem != NULL) {
            return pattern_bad(offset, problem, ret_offset, ret_problem);
        }
        pattern->count++;
    }
    return 0;
}

static size_t pattern_names(const struct pattern *pattern) {
    size_t count = 0;
    for (size_t i = 0; i < pattern->count; i++) {
        count += pattern->parts[i].kind != PART_LITERAL;
    }
    return count;
}

static bool is_of_host(char byte, bool is_literal) {
    char low = ascii_lower(byte);
    bool is_of_name = (low >= 'a' && low <= 'z') || (low >= '0' && low <= '9') ||
                      str_find_byte(STR("-._"), low) >= 0;
    return is_of_name || (is_literal && str_find_byte(STR("[:]"), low) >= 0);
}

/* What comes before the path. */
const char *pattern_host_fault(wharf_str host) {
    bool is_literal = host.len > 0 && host.ptr[0] == '[';
    wharf_str name = str_starts(host, STR("*.")) ? str_slice(host, 2, host.len) : host;
    for (size_t i = 0; i < name.len; i++) {
        if (!is_of_host(name.ptr[i], is_literal)) {
            return name.ptr[i] == ':' ? "a host has no port here" : "the host is no name";
        }
    }
    bool has_edge = str_starts(name, STR(".")) || str_ends(name, STR("."));
    return host.len > 0 && (name.len == 0 || has_edge) ? "the host is no name" : NULL;
}

bool pattern_takes_host(wharf_str host, wharf_str name) {
    if (!str_starts(host, STR("*."))) {
        return str_equal_nocase(host, name);
    }
    wharf_str end = str_slice(host, 1, host.len);
    return name.len > end.len && str_equal_nocase(str_slice(name, name.len - end.len, name.len), end);
}

int pattern_parse(wharf_str text, struct pattern *ret_pattern, size_t *ret_offset, const char **ret_problem) {
    struct pattern pattern = {.text = text, .method = STR("GET")};
    ssize_t space = str_find_byte(text, ' ');
    size_t at = 0;
    if (space >= 0) {
        pattern.method = str_slice(text, 0, (size_t)space);
        at = (size_t)space + 1;
    }
    pattern.any_method = wharf_str_is(pattern.method, "*");
    if (!pattern.any_method && (!h1_is_token(pattern.method) || pattern.method.len > 32)) {
        return pattern_bad(0, "the method is no token", ret_offset, ret_problem);
    }
    pattern.known = h1_method_of(pattern.method);
    if (pattern.known == H1_METHOD_CONNECT) {
        return pattern_bad(0, "CONNECT has no path to route by", ret_offset, ret_problem);
    }
    ssize_t slash = str_find_byte(str_slice(text, at, text.len), '/');
    if (slash < 0) {
        return pattern_bad(at, "a path begins with '/'", ret_offset, ret_problem);
    }
    pattern.host = str_slice(text, at, at + (size_t)slash);
    const char *fault = pattern_host_fault(pattern.host);
    if (fault != NULL) {
        return pattern_bad(at, fault, ret_offset, ret_problem);
    }
    at += (size_t)slash;
    int rc = pattern_parse_path(&pattern, at, ret_offset, ret_problem);
    if (rc < 0) {
        return rc;
    }
    if (pattern_names(&pattern) > PATTERN_NAMES_MAX) {
        return pattern_bad(at, "too many names", ret_offset, ret_problem);
    }
    *ret_pattern = pattern;
    return 0;
}

/* ---- comparing ---- */

static enum pattern_relation relation_join(enum pattern_relation a, enum pattern_relation b) {
    if (a == PATTERN_DISJOINT || b == PATTERN_DISJOINT) {
        return PATTERN_DISJOINT;
    }
    if (a == PATTERN_EQUAL || a == b) {
        return b;
    }
    return b == PATTERN_EQUAL ? a : PATTERN_OVERLAPS;
}

static enum pattern_relation method_compare(const struct pattern *a, const struct pattern *b) {
    if (a->any_method || b->any_method) {
        return a->any_method == b->any_method ? PATTERN_EQUAL
               : a->any_method                ? PATTERN_WIDER
                                              : PATTERN_NARROWER;
    }
    if (wharf_str_equal(a->method, b->method)) {
        return PATTERN_EQUAL;
    }
    /* GET also answers HEAD. */
    if (a->known == H1_METHOD_GET && b->known == H1_METHOD_HEAD) {
        return PATTERN_WIDER;
    }
    return a->known == H1_METHOD_HEAD && b->known == H1_METHOD_GET ? PATTERN_NARROWER : PATTERN_DISJOINT;
}

/* Neither part is a rest. */
static enum pattern_relation part_compare(const struct pattern_part *a, const struct pattern_part *b) {
    if (a->kind == PART_NAME && b->kind == PART_NAME) {
        return PATTERN_EQUAL;
    }
    if (a->kind == PART_NAME) {
        return b->text.len > 0 ? PATTERN_WIDER : PATTERN_DISJOINT;
    }
    if (b->kind == PART_NAME) {
        return a->text.len > 0 ? PATTERN_NARROWER : PATTERN_DISJOINT;
    }
    return wharf_str_equal(a->text, b->text) ? PATTERN_EQUAL : PATTERN_DISJOINT;
}

static enum pattern_relation path_compare(const struct pattern *a, const struct pattern *b) {
    enum pattern_relation relation = PATTERN_EQUAL;
    for (size_t i = 0; relation != PATTERN_DISJOINT; i++) {
        if (i == a->count || i == b->count) {
            return a->count == b->count ? relation : PATTERN_DISJOINT;
        }
        bool rest_a = a->parts[i].kind == PART_REST;
        bool rest_b = b->parts[i].kind == PART_REST;
        if (rest_a || rest_b) {
            enum pattern_relation rest = rest_a && rest_b ? PATTERN_EQUAL
                                         : rest_a         ? PATTERN_WIDER
                                                          : PATTERN_NARROWER;
            return relation_join(relation, rest);
        }
        relation = relation_join(relation, part_compare(&a->parts[i], &b->parts[i]));
    }
    return PATTERN_DISJOINT;
}

enum pattern_relation pattern_compare(const struct pattern *a, const struct pattern *b) {
    enum pattern_relation methods = method_compare(a, b);
    enum pattern_relation paths = path_compare(a, b);
    if (methods == PATTERN_DISJOINT || !str_equal_nocase(a->host, b->host)) {
        return PATTERN_DISJOINT;
    }
    return paths == PATTERN_EQUAL ? methods : paths;
}
