/* Target: url_parse, url_redirect and url_parse_any, on "base\nreference" (or a lone URL).
 * Asserts: what was accepted is made of visible ASCII only, its normal form parses to itself, every part lies within
 * it, and an error's offset lies within the input. */
#include <assert.h>

#include "base/text.h"
#include "http/codec/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_inside(wharf_str part, wharf_str whole) {
    return part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

static void check_accepted(struct arena *arena, const struct url *url) {
    const wharf_str parts[] = {url->scheme,    url->username, url->password, url->host,       url->path,
                               url->authority, url->query,    url->fragment, url->origin_form};
    struct url again;
    struct url_error error;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        assert(is_inside(parts[i], url->href));
    }
    for (size_t i = 0; i < url->href.len; i++) {
        assert(url->href.ptr[i] > 0x20 && url->href.ptr[i] < 0x7f);
    }
    assert(url->path.len > 0 && url->path.ptr[0] == '/' && url->host.len > 0);
    assert(url_parse(arena, url->href, &again, &error) == 0);
    assert(wharf_str_equal(again.href, url->href) && url_same_origin(&again, url));
}

static void check_any_scheme(struct arena *arena, const struct url *base, wharf_str input) {
    struct url url;
    struct url again;
    struct url_error error;
    if (url_parse_any(arena, base, input, &url, &error) == 0) {
        assert(url_parse_any(arena, NULL, url.href, &again, &error) == 0);
        assert(wharf_str_equal(again.href, url.href) && wharf_str_equal(again.path, url.path));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena arena;
    struct url base;
    struct url url;
    struct url_error error;
    wharf_str rest = {(const char *)data, size};
    wharf_str first = STR("");
    arena_init(&arena, NULL, 0, 1 << 20);
    (void)str_split(&rest, '\n', &first);
    int status = url_parse(&arena, first, &base, &error);
    assert(status == 0 || error.offset <= first.len);
    check_any_scheme(&arena, NULL, first);
    if (status == 0) {
        check_accepted(&arena, &base);
        check_any_scheme(&arena, &base, rest);
        status = url_redirect(&arena, &base, rest, &url, &error);
        assert(status == 0 || error.offset <= rest.len);
        if (status == 0) {
            check_accepted(&arena, &url);
        }
    }
    arena_deinit(&arena);
    return 0;
}
