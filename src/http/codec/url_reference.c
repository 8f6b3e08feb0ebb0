/* The cuts depend on the scheme: whether a backslash is a slash, and how many slashes begin an authority. */
#include "http/codec/url_reference.h"

#include "base/text.h"

static const struct url_scheme special_schemes[] = {
    {.name = "http", .port = 80, .is_web = true},
    {.name = "https", .port = 443, .is_web = true, .is_secure = true},
    {.name = "ws", .port = 80, .is_web = true},
    {.name = "wss", .port = 443, .is_web = true, .is_secure = true},
    {.name = "ftp", .port = 21},
    {.name = "file", .is_file = true},
};

const struct url_scheme *url_scheme_find(wharf_str name) {
    for (size_t i = 0; i < sizeof(special_schemes) / sizeof(special_schemes[0]); i++) {
        if (str_equal_nocase(name, wharf_str_of(special_schemes[i].name))) {
            return &special_schemes[i];
        }
    }
    return NULL;
}

bool url_is_slash(const struct url_reference *reference, char byte) {
    return byte == '/' || (byte == '\\' && reference->special != NULL);
}

static bool is_alpha(char byte) {
    char lower = ascii_lower(byte);
    return lower >= 'a' && lower <= 'z';
}

bool url_starts_with_drive(wharf_str text) {
    bool has_letter = text.len >= 2 && is_alpha(text.ptr[0]) && (text.ptr[1] == ':' || text.ptr[1] == '|');
    return has_letter && (text.len == 2 || text.ptr[2] == '/' || text.ptr[2] == '\\');
}

/* Cuts *text at the first `separator`; what was behind it goes to *ret_tail. */
static bool cut_tail(wharf_str *text, char separator, wharf_str *ret_tail) {
    ssize_t at = str_find_byte(*text, separator);
    if (at < 0) {
        return false;
    }
    *ret_tail = str_slice(*text, (size_t)at + 1, text->len);
    *text = str_slice(*text, 0, (size_t)at);
    return true;
}

/* The length of a scheme name in front of a ':', or 0. */
static size_t scheme_len(wharf_str text) {
    size_t len = 0;
    while (len < text.len && text.ptr[len] != ':') {
        char byte = text.ptr[len];
        bool may_follow = (byte >= '0' && byte <= '9') || byte == '+' || byte == '-' || byte == '.';
        if (!is_alpha(byte) && !(may_follow && len > 0)) {
            return 0;
        }
        len++;
    }
    return len < text.len ? len : 0;
}

static size_t leading_slashes(const struct url_reference *reference, wharf_str text) {
    size_t len = 0;
    while (len < text.len && url_is_slash(reference, text.ptr[len])) {
        len++;
    }
    return len;
}

/* Cuts the authority, which begins `skipped` bytes into `rest`, from the path. */
static void cut_authority(struct url_reference *reference, wharf_str rest, size_t skipped) {
    size_t end = skipped;
    while (end < rest.len && !url_is_slash(reference, rest.ptr[end])) {
        end++;
    }
    reference->has_authority = true;
    reference->authority = str_slice(rest, skipped, end);
    reference->path = str_slice(rest, end, rest.len);
}

/* A host stands behind exactly two slashes; a drive there is the path's. */
static void cut_file(struct url_reference *reference, wharf_str rest, const struct url *base) {
    size_t slashes = leading_slashes(reference, rest);
    reference->path = rest;
    if (slashes < 2) {
        reference->is_relative = base != NULL && wharf_str_is(base->scheme, "file");
        return;
    }
    if (!url_starts_with_drive(str_slice(rest, 2, rest.len))) {
        cut_authority(reference, rest, 2);
        return;
    }
    reference->has_authority = true;
    reference->authority = str_slice(rest, 2, 2);
    reference->path = str_slice(rest, 2, rest.len);
}

/* With the scheme of the base (or none) one slash is a path and two are an authority; with another scheme an
 * authority follows however many slashes there are. */
static void cut_special(struct url_reference *reference, wharf_str rest, const struct url *base) {
    bool scheme_of_base = base != NULL && wharf_str_is(base->scheme, reference->special->name);
    size_t slashes = leading_slashes(reference, rest);
    reference->path = rest;
    reference->is_relative = scheme_of_base && slashes < 2;
    if (!reference->is_relative) {
        cut_authority(reference, rest, slashes);
    }
}

static void cut_other(struct url_reference *reference, wharf_str rest) {
    reference->path = rest;
    if (str_starts(rest, STR("//"))) {
        cut_authority(reference, rest, 2);
        return;
    }
    reference->is_relative = !reference->has_scheme;
    reference->is_opaque = reference->has_scheme && !str_starts(rest, STR("/"));
}

static bool fail(struct url_error *ret_error, const char *reason) {
    *ret_error = (struct url_error){.code = URL_NO_SCHEME, .reason = reason};
    return false;
}

bool url_reference_cut(wharf_str text, const struct url *base, struct url_reference *ret_reference,
                       struct url_error *ret_error) {
    struct url_reference reference = {.scheme = {NULL, 0}};
    wharf_str rest = text;
    reference.has_fragment = cut_tail(&rest, '#', &reference.fragment);
    reference.has_query = cut_tail(&rest, '?', &reference.query);
    size_t len = scheme_len(rest);
    if (len == 0 && base == NULL) {
        return fail(ret_error, "no scheme such as http://");
    }
    reference.has_scheme = len > 0;
    reference.scheme = str_slice(rest, 0, len);
    rest = len > 0 ? str_slice(rest, len + 1, rest.len) : rest;
    reference.special = url_scheme_find(len > 0 ? reference.scheme : base->scheme);
    if (len == 0 && base->has_opaque_path) {
        reference.is_relative = true;
        reference.is_opaque = true;
        *ret_reference = reference;
        bool has_more = rest.len > 0 || reference.has_query || !reference.has_fragment;
        return !has_more || fail(ret_error, "a relative reference, and a base that has no hierarchy");
    }
    if (reference.special == NULL) {
        cut_other(&reference, rest);
    } else if (reference.special->is_file) {
        cut_file(&reference, rest, base);
    } else {
        cut_special(&reference, rest, base);
    }
    *ret_reference = reference;
    return true;
}
