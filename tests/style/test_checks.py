"""The checks find what they are there to find."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))

import check_banned  # noqa: E402
import check_headers  # noqa: E402
import check_layers  # noqa: E402
import check_tree  # noqa: E402
import csource  # noqa: E402

SOURCE = r'''/* A comment with { and ( */
#define WRAP(x) \
    do { x; } while (0)
struct shape { int a; int (*call)(int); };
static const int table[] = {1, 2, 3};
extern "C" {
/* f */
__attribute__((format(printf, 1, 2))) static int
first(const char *format, ...) {
    return format[0] == '{' ? 1 : 0;
}
}
static inline void second(void) {}
int third(int a, int (*f)(int, int), struct shape s)
{
    const char *brace = "}}}";
    for (int i = 0; i < a && f(i, i); i++) {
        if (i || s.a) { goto done; }
    }
    switch (a) {
    case 1:
    case 2: return 1;
    case 3: return 2;
    default: break;
    }
done:
    return *brace;
}
'''


def test_scanner_finds_every_function_and_nothing_else():
    found = [(f.name, f.line, f.lines, f.parameters, f.complexity, f.labels) for f in csource.functions_of(SOURCE)]
    assert found == [
        ("first", 8, 4, 1, 2, 0),
        ("second", 13, 1, 0, 1, 0),
        ("third", 14, 15, 3, 7, 1),
    ]


def test_blanking_keeps_every_line_in_its_place():
    code = csource.code_of(SOURCE)
    assert len(code) == len(SOURCE)
    assert code.count("\n") == SOURCE.count("\n")
    assert "A comment" not in code and "}}}" not in code


@pytest.mark.parametrize("folder, include, allowed", [
    ("net", "net/stream.h", True),
    ("net", "sched/task.h", True),
    ("net", "base/arena.h", True),
    ("net", "sim/world.h", False),
    ("sim", "net/stream.h", False),
    ("base", "sched/task.h", False),
    ("client", "server/server.h", False),
    ("server", "http/codec/head.h", True),
    ("sched", "wharf/task.h", True),
    ("sched", "wharf/net.h", False),
    ("cli", "wharf/server.h", True),
    ("cli", "cli/options.h", True),
    ("cli", "base/arena.h", False),
    ("base", "stdio.h", True),
])
def test_layers_are_a_total_order(folder, include, allowed):
    assert check_layers.may_include(folder, include) == allowed


@pytest.mark.parametrize("include, allowed", [
    ("base/text.h", True),
    ("http/codec/head.h", True),
    ("wharf/http.h", True),
    ("wharf/net.h", False),
    ("http/reader.h", False),
    ("sched/task.h", False),
])
def test_codecs_include_little(include, allowed):
    assert check_layers.codec_may_include(include) == allowed


@pytest.mark.parametrize("folder, code, found", [
    ("http", "int f(int s) { return listen(s, 1); }", 1),
    ("http", "int f(void) { return epoll_wait(EPOLLIN); }", 2),
    ("net", "int f(int s) { return listen(s, 1); }", 0),
    ("net", "int f(int s) { return epoll_create1(s); }", 1),
    ("cli", "static int accept(int c) { return c; }\nint f(int c) { return accept(c); }", 0),
    ("cli", "int f(struct peer *p) { return p->send(1) + wharf_send(2); }", 0),
])
def test_system_calls_belong_to_their_folders(folder, code, found):
    assert len(list(check_layers.system_problems("x.c", folder, code))) == found


@pytest.mark.parametrize("code, found", [
    ("if ((n = read(f)) > 0) {", True),
    ("while ((c = next())) {", True),
    ("if (a == b && c != d && e <= f && g >= h) {", False),
    ("if (equal(x, (struct y){.z = 1})) {", False),
    ("x = (a == b);", False),
])
def test_assignments_in_conditions_are_seen(code, found):
    assert bool(list(check_banned.assignments(code))) == found


@pytest.mark.parametrize("code, found", [
    ("n = atoi(text);", True),
    ("x->free(y);", False),
    ("mem_free(x);", False),
    ("my.send (y);", False),
    ("p = malloc (3);", True),
])
def test_calls_are_told_from_members_and_longer_names(code, found):
    names = [*check_banned.EVERYWHERE, *check_banned.MEMORY]
    assert bool(list(check_banned.uses(code, check_banned.call_pattern(names)))) == found


def test_exported_names_are_read_from_headers(tmp_path):
    header = tmp_path / "x.h"
    header.write_text("/** A. */\nWHARF_API WHARF_MUST_USE const char *wharf_a(int b,\n    wharf_b_fn c);\n"
                      "/* WHARF_API int wharf_not(void); */\nWHARF_API extern int wharf_d;\n")
    assert [name for _, name, _ in check_headers.exported_names(header)] == ["wharf_a", "wharf_d"]


@pytest.mark.parametrize("line, found", [
    ("see /ho" "me/somebody/x", True),
    ("unix:/run/x.sock", False),
    ("GET /wo" "rk/1 HTTP/1.1", True),
    ("a/tm" "p/b", False),
])
def test_machine_paths_are_seen(line, found):
    assert bool(check_tree.MACHINE_PATH.search(line)) == found
