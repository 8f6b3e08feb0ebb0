#!/usr/bin/python3
"""Functions that have no place here, memory that does not come from base, and assignments inside conditions."""

import re

import csource

# name -> what to use instead
EVERYWHERE = {
    "strtol": "number_parse",
    "strtoul": "number_parse",
    "strtoll": "number_parse",
    "strtoull": "number_parse",
    "atoi": "number_parse",
    "atol": "number_parse",
    "atoll": "number_parse",
    "sscanf": "a parser with a maximum",
    "sprintf": "snprintf",
    "vsprintf": "vsnprintf",
    "strcpy": "lengths",
    "strcat": "lengths",
    "strncat": "lengths",
    "strtok": "str_split",
    "strtok_r": "str_split",
    "gets": "fgets",
    "alloca": "an arena",
    "setjmp": "a task",
    "longjmp": "a task",
    "signal": "sigaction",
    "rand": "the engine's random numbers",
    "srand": "the engine's random numbers",
    "tmpnam": "a file without a name",
    "mktemp": "a file without a name",
    "inet_addr": "inet_pton",
    "inet_ntoa": "inet_ntop",
    "gethostbyname": "getaddrinfo",
    "strerror": "wharf_strerror",
}
# In the library and the command alone: they stop a whole thread.
BLOCKING = {"sleep": "wharf_sleep", "usleep": "wharf_sleep", "nanosleep": "wharf_sleep", "system": "no shell"}
# In the library, outside base/memory.c. The command is a user of the library, which has no door of its own to offer.
MEMORY = ("malloc", "calloc", "realloc", "reallocarray", "free", "strdup", "strndup", "asprintf", "vasprintf",
          "aligned_alloc", "posix_memalign")

# A stand-in for cmocka, whose assertions leave a test by longjmp; a library that ends the process when its allocator
# returns without memory; and what stands in the way of those who call the rest.
EXCUSED = {
    "tests/cross/cmocka.h": {"setjmp", "longjmp"},
    "src/http/coding/brotli.c": {"setjmp", "longjmp"},
    "tests/sim/guard.c": {"sleep", "usleep", "nanosleep", "rand"},
    "tests/sim/guard_probe.c": {"usleep"},
}

CONDITION = re.compile(r"\b(?:if|while)\s*\(")
ASSIGNMENT = re.compile(r"(?<![=!<>])=(?!=)")


def call_pattern(names):
    return re.compile(r"(?<![\w.>])(" + "|".join(names) + r")\s*\(")


def uses(code, pattern):
    for match in pattern.finditer(code):
        yield csource.line_at(code, match.start()), match.group(1)


def assignments(code):
    """Lines of conditions that assign. A statement expression or an initialiser in braces is not looked into."""
    for match in CONDITION.finditer(code):
        start = match.end() - 1
        condition = re.sub(r"\{[^{}]*\}", "", code[start : csource.closing(code, start)])
        if ASSIGNMENT.search(condition):
            yield csource.line_at(code, match.start())


def file_problems(path):
    name = csource.name_of(path)
    code = csource.code_of(path.read_text())
    product = name.startswith(("src/", "include/"))
    for line, function in uses(code, call_pattern(EVERYWHERE.keys() - EXCUSED.get(name, set()))):
        yield f"{name}:{line}: {function} is banned: {EVERYWHERE[function]}"
    if product or name.startswith("tests/"):
        for line, function in uses(code, call_pattern(BLOCKING.keys() - EXCUSED.get(name, set()))):
            yield f"{name}:{line}: {function} is banned: {BLOCKING[function]}"
    if product and name != "src/base/memory.c" and not name.startswith("src/cli/"):
        for line, function in uses(code, call_pattern(MEMORY)):
            yield f"{name}:{line}: {function} outside src/base/memory.c"
    for line in assignments(code):
        yield f"{name}:{line}: an assignment inside a condition"


def problems():
    found = []
    for path in csource.c_files():
        found += file_problems(path)
    return found


if __name__ == "__main__":
    csource.report(problems())
