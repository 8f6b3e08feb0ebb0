#!/usr/bin/python3
"""Public headers: each compiles alone as C17 and as C++17 without a warning, each exported function stands under its
comment, and a string literal can be passed wherever a string goes in."""

import re
import subprocess

import csource

WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Wsign-conversion", "-Wshadow", "-Wundef", "-pedantic", "-Werror"]
COMPILERS = {
    "gcc": ["gcc", "-std=c17", "-xc", "-Wstrict-prototypes"],
    "clang": ["clang", "-std=c17", "-xc", "-Wstrict-prototypes"],
    "g++": ["g++", "-std=c++17", "-xc++"],
    "clang++": ["clang++", "-std=c++17", "-xc++"],
}
DECLARATION = re.compile(r"\bWHARF_API\b([^;{]*)[;{]")
# A plain char * that goes in; one that is filled is called out or buffer.
WRITABLE_STRING = re.compile(r"(?<!const )\bchar \*(?!out\b|buffer\b)\w")


def public_headers():
    return csource.c_files("include")


def compile_problems(header, compiler):
    """What the compiler says about a file that includes this header and nothing else (twice: it has a guard)."""
    include = f'#include "wharf/{header.name}"\n'
    command = [*COMPILERS[compiler], *WARNINGS, "-Iinclude", "-fsyntax-only", "-"]
    result = subprocess.run(command, cwd=csource.ROOT, input=include * 2, capture_output=True, text=True)
    return result.stderr.splitlines() if result.returncode != 0 else []


def exported_names(header):
    """(line, name, declaration) of every WHARF_API function or object."""
    text = header.read_text()
    code = csource.without_directives(csource.code_of(text))
    for match in DECLARATION.finditer(code):
        name = re.search(r"\b(wharf_\w+)\s*(?:\(|\[|$|;)", match.group(1).strip() + ";")
        yield csource.line_at(code, match.start()), name.group(1) if name else "", match.group(1)


def document_problems():
    found = []
    for header in public_headers():
        lines = header.read_text().splitlines()
        for line, name, declaration in exported_names(header):
            above = lines[line - 2].rstrip() if line >= 2 else ""
            same_group = above.startswith("WHARF_API") and above.endswith(";")
            if not above.endswith("*/") and not same_group:
                found.append(f"include/wharf/{header.name}:{line}: {name} has no comment above it")
            if WRITABLE_STRING.search(declaration.partition("(")[2]):
                found.append(f"include/wharf/{header.name}:{line}: {name} takes a char * that is not const")
    return found


if __name__ == "__main__":
    csource.report(
        document_problems() + [line for header in public_headers() for name in COMPILERS
                               for line in compile_problems(header, name)]
    )
