/* Route patterns, and the choice among them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* a failure is recorded by it */

#include <errno.h>
#include <stdio.h>

#include "base/failure.h"
#include "base/memory.h"
#include "server/router.h"

static int handler(wharf_request *request, void *arg) {
    (void)request;
    (void)arg;
    return 0;
}

static int add(struct router *router, const char *pattern) {
    return router_add(router, &(struct route_spec){.pattern = pattern, .handler = handler});
}

static void router_fill(struct router *router, const char *const *patterns) {
    router_init(router);
    for (size_t i = 0; patterns[i] != NULL; i++) {
        assert_int_equal(add(router, patterns[i]), 0);
    }
}

/* "pattern value value", or "-" (no such path), or "405". */
static const char *answer(const struct router *router, const char *method, const char *path, char *out,
                          size_t size) {
    struct route_match match;
    wharf_str text = wharf_str_of(method);
    const char *slash = strchr(path, '/');
    struct route_query query = {.host = {path, slash != NULL ? (size_t)(slash - path) : 0},
                                .path = wharf_str_of(slash != NULL ? slash : path),
                                .method = h1_method_of(text),
                                .method_text = text};
    router_match(router, &query, &match);
    if (match.route == NULL) {
        return match.other != NULL ? "405" : "-";
    }
    size_t len = (size_t)snprintf(out, size, "%s", match.route->text);
    for (size_t i = 0; i < match.count; i++) {
        len += (size_t)snprintf(out + len, size - len, "|%.*s", WHARF_STR_ARG(match.values[i]));
    }
    return out;
}

static void rejects_malformed_patterns(void **state) {
    (void)state;
    static const char *const BAD[] = {
        "",
        "GET",
        "GET ",
        "users",
        "GET users",
        "G(T /",
        " /",
        "GET  /",
        "/a//b",
        "/{",
        "/}",
        "/{}",
        "/a{b}",
        "/{a}b",
        "/{a}/{a}",
        "/{a...}/b",
        "/{...}",
        "/{a b}",
        "/{a....}",
        "/.",
        "/a/../b",
        "CONNECT /",
        "a.b:80/",
        "a..b*/",
        "*./",
        "*.a./",
        ".a/",
        "a.*.b/",
        "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}/{j}/{k}/{l}/{m}/{n}/{o}/{p}/{q}",
        "/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0/1/2/3",
    };
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        struct router router;
        router_init(&router);
        if (add(&router, BAD[i]) != -EINVAL) {
            print_error("accepted %s\n", BAD[i]);
            assert_true(false);
        }
        router_deinit(&router);
    }
}

static void names_the_place_of_an_error(void **state) {
    (void)state;
    struct router router;
    char text[512];
    router_init(&router);
    assert_int_equal(add(&router, "GET /users/{id"), -EINVAL);
    (void)failure_format(failure_current(), text, sizeof(text));
    assert_non_null(strstr(text, "GET /users/{id"));
    assert_non_null(strstr(text, "byte 11"));
    router_deinit(&router);
}

static void the_most_specific_route_wins(void **state) {
    (void)state;
    static const char *const PATTERNS[] = {
        "/{rest...}",       "/",          "/users/{id}", "/users/me", "/users/{id}/posts/{post}",
        "POST /users/{id}", "* /any/{x}", "GET /any/a",  "/dir/",     "/files/{rest...}",
        "/files/x",         "HEAD /head", "GET /head",   "BREW /tea", NULL,
    };
    static const char *const ROWS[][3] = {
        {"GET", "/", "/"},
        {"GET", "/x", "/{rest...}|x"},
        {"GET", "/x/y/z", "/{rest...}|x/y/z"},
        {"GET", "/users/7", "/users/{id}|7"},
        {"GET", "/users/me", "/users/me"},
        {"GET", "/users/", "/{rest...}|users/"},
        {"GET", "/users", "/{rest...}|users"},
        {"GET", "/users/me/posts/1", "/users/{id}/posts/{post}|me|1"},
        {"POST", "/users/7", "POST /users/{id}|7"},
        {"POST", "/users/me", "POST /users/{id}|me"},
        {"POST", "/x", "405"},
        {"GET", "/any/a", "GET /any/a"},
        {"DELETE", "/any/a", "* /any/{x}|a"},
        {"BREW", "/any/b", "* /any/{x}|b"},
        {"GET", "/dir/", "/dir/"},
        {"GET", "/dir", "/{rest...}|dir"},
        {"GET", "/files/", "/files/{rest...}|"},
        {"GET", "/files/x", "/files/x"},
        {"GET", "/files/x/", "/files/{rest...}|x/"},
        {"HEAD", "/users/7", "/users/{id}|7"},
        {"HEAD", "/head", "HEAD /head"},
        {"GET", "/head", "GET /head"},
        {"BREW", "/tea", "BREW /tea"},
        {"GET", "/tea", "/{rest...}|tea"},
    };
    struct router router;
    router_fill(&router, PATTERNS);
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        char out[256];
        const char *got = answer(&router, ROWS[i][0], ROWS[i][1], out, sizeof(out));
        if (strcmp(got, ROWS[i][2]) != 0) {
            print_error("%s %s: %s, not %s\n", ROWS[i][0], ROWS[i][1], got, ROWS[i][2]);
            assert_true(false);
        }
    }
    router_deinit(&router);
}

static void the_narrowest_host_wins(void **state) {
    (void)state;
    static const char *const PATTERNS[] = {
        "/",
        "/all",
        "a.example/",
        "*.example/{rest...}",
        "*.b.example/",
        "POST c.example/all",
        "[::1]/",
        "a.example/{name}",
        NULL,
    };
    static const char *const ROWS[][3] = {
        {"GET", "other/", "/"},
        {"GET", "a.example/", "a.example/"},
        {"GET", "A.EXAMPLE:8000/", "a.example/"},
        {"GET", "a.example./", "a.example/"},
        {"GET", "a.example/all", "a.example/{name}|all"},
        {"GET", "a.example/x/y", "*.example/{rest...}|x/y"},
        {"GET", "b.example/all", "*.example/{rest...}|all"},
        {"GET", "x.b.example/", "*.b.example/"},
        {"GET", "x.y.b.example:80/", "*.b.example/"},
        {"GET", "x.b.example/q", "*.example/{rest...}|q"},
        {"GET", "example/", "/"},
        {"GET", "example/none", "-"},
        {"GET", ".example/all", "/all"},
        {"POST", "c.example/all", "POST c.example/all"},
        {"GET", "[::1]:80/", "[::1]/"},
        {"GET", "/all", "/all"},
        {"POST", "/all", "405"},
    };
    struct router router;
    router_fill(&router, PATTERNS);
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        char out[128];
        assert_string_equal(answer(&router, ROWS[i][0], ROWS[i][1], out, sizeof(out)), ROWS[i][2]);
    }
    router_deinit(&router);
}

static void a_conflict_names_both_places(void **state) {
    (void)state;
    char text[512];
    struct router router;
    router_init(&router);
    struct route_spec spec = {.pattern = "/a/{b}", .handler = handler, .place = "one.c:1"};
    assert_int_equal(router_add(&router, &spec), 0);
    spec = (struct route_spec){.pattern = "/a/{c}", .handler = handler, .place = "two.c:22"};
    assert_int_equal(router_add(&router, &spec), -EEXIST);
    (void)failure_format(failure_current(), text, sizeof(text));
    assert_non_null(strstr(text, "at two.c:22: \"/a/{b}\" at one.c:1"));
    router_deinit(&router);
}

static void the_order_of_adding_does_not_matter(void **state) {
    (void)state;
    static const char *const FORWARD[] = {"/a/{x}", "/a/b", "/{rest...}", NULL};
    static const char *const BACKWARD[] = {"/{rest...}", "/a/b", "/a/{x}", NULL};
    static const char *const PATHS[] = {"/a/b", "/a/c", "/q"};
    struct router one;
    struct router two;
    router_fill(&one, FORWARD);
    router_fill(&two, BACKWARD);
    for (size_t i = 0; i < sizeof(PATHS) / sizeof(PATHS[0]); i++) {
        char a[64];
        char b[64];
        assert_string_equal(answer(&one, "GET", PATHS[i], a, sizeof(a)),
                            answer(&two, "GET", PATHS[i], b, sizeof(b)));
    }
    router_deinit(&one);
    router_deinit(&two);
}

static void refuses_what_neither_wins_and_names_both(void **state) {
    (void)state;
    static const char *const PAIRS[][2] = {
        {"/a/b", "/a/b"},           {"/a/{x}", "/a/{y}"},
        {"/{x}/b", "/a/{y}"},       {"/a/{x}/c", "/a/b/{y...}"},
        {"/{x...}", "/{y...}"},     {"/a/{x...}", "/{y}/b"},
        {"* /{x...}", "* /{y...}"}, {"GET /{a}/x", "* /y/{b}"},
    };
    for (size_t i = 0; i < sizeof(PAIRS) / sizeof(PAIRS[0]); i++) {
        for (size_t first = 0; first < 2; first++) {
            struct router router;
            char text[512];
            router_init(&router);
            assert_int_equal(add(&router, PAIRS[i][first]), 0);
            if (add(&router, PAIRS[i][1 - first]) != -EEXIST) {
                print_error("%s and %s\n", PAIRS[i][first], PAIRS[i][1 - first]);
                assert_true(false);
            }
            (void)failure_format(failure_current(), text, sizeof(text));
            assert_non_null(strstr(text, PAIRS[i][0]));
            assert_non_null(strstr(text, PAIRS[i][1]));
            router_deinit(&router);
        }
    }
}

static void accepts_what_is_disjoint_or_nested(void **state) {
    (void)state;
    static const char *const PAIRS[][2] = {
        {"GET /a", "POST /a"},        {"* /a", "GET /{x}"},   {"* /a/b", "GET /a/{x}"},
        {"GET /{x}", "HEAD /{y...}"}, {"GET /{x}", "* /{x}"}, {"HEAD /a", "GET /a"},
        {"/a/{x}", "/a/b"},           {"/a/{x...}", "/a/"},   {"/a", "/a/"},
        {"GET /a", "* /{x...}"},      {"/{x}", "/"},          {"GET /{x}/b", "POST /a/{y}"},
    };
    for (size_t i = 0; i < sizeof(PAIRS) / sizeof(PAIRS[0]); i++) {
        struct router router;
        router_init(&router);
        assert_int_equal(add(&router, PAIRS[i][0]), 0);
        int rc = add(&router, PAIRS[i][1]);
        if (rc != 0) {
            print_error("%s and %s: %d\n", PAIRS[i][0], PAIRS[i][1], rc);
            assert_true(false);
        }
        router_deinit(&router);
    }
}

static void allow_lists_each_method_once(void **state) {
    (void)state;
    static const char *const PATTERNS[] = {"GET /a", "POST /a", "PUT /{x}", "BREW /a", "* /b", NULL};
    struct router router;
    char out[ROUTER_ALLOW_SIZE];
    router_fill(&router, PATTERNS);
    struct route_query query = {.path = wharf_str_of("/a")};
    size_t len = router_allow(&router, &query, out);
    wharf_str allow = {out, len};
    assert_true(wharf_str_is(allow, "BREW, POST, GET, HEAD, PUT, OPTIONS"));
    query.path = wharf_str_of("/b");
    allow = (wharf_str){out, router_allow(&router, &query, out)};
    assert_true(wharf_str_is(allow, "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS"));
    router_deinit(&router);
}

static void only_registered_extension_methods_are_known(void **state) {
    (void)state;
    static const char *const PATTERNS[] = {"GET /a", "BREW /a", NULL};
    struct router router;
    router_fill(&router, PATTERNS);
    assert_true(router_knows_method(&router, H1_METHOD_POST, wharf_str_of("POST")));
    assert_true(router_knows_method(&router, H1_METHOD_OTHER, wharf_str_of("BREW")));
    assert_false(router_knows_method(&router, H1_METHOD_OTHER, wharf_str_of("brew")));
    assert_false(router_knows_method(&router, H1_METHOD_OTHER, wharf_str_of("LINK")));
    router_deinit(&router);
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    int64_t live = mem_live();
    for (uint64_t n = 1;; n++) {
        struct router router;
        router_init(&router);
        (void)mem_fail_at(n);
        int rc = add(&router, "/a/{b}/c");
        rc = rc == 0 ? add(&router, "a.b/c") : rc;
        rc = rc == 0 ? add(&router, "/a/{b}/{rest...}") : rc;
        bool failed = mem_did_fail();
        (void)mem_fail_at(0);
        assert_int_equal(rc, failed ? -ENOMEM : 0);
        struct route_match match;
        struct route_query query = {.path = wharf_str_of("/a/x/c"), .method = H1_METHOD_GET};
        router_match(&router, &query, &match);
        router_deinit(&router);
        assert_int_equal(mem_live(), live);
        if (!failed) {
            break;
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rejects_malformed_patterns),
        cmocka_unit_test(names_the_place_of_an_error),
        cmocka_unit_test(the_most_specific_route_wins),
        cmocka_unit_test(the_narrowest_host_wins),
        cmocka_unit_test(a_conflict_names_both_places),
        cmocka_unit_test(the_order_of_adding_does_not_matter),
        cmocka_unit_test(refuses_what_neither_wins_and_names_both),
        cmocka_unit_test(accepts_what_is_disjoint_or_nested),
        cmocka_unit_test(allow_lists_each_method_once),
        cmocka_unit_test(only_registered_extension_methods_are_known),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
