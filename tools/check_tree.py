#!/usr/bin/python3
"""What holds for the tree as a whole: every C file opens with what it is, tests are named in a meson.build, no file is
a drawer for odds and ends, no notes to self, no paths of somebody's machine."""

import os
import re

import csource

SKIPPED = {".git", "build", "__pycache__", ".pytest_cache", "corpus"}
ODDS_AND_ENDS = re.compile(r"^(utils?|common|misc|helpers?)\.[ch]$")
NOTE_TO_SELF = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|TB" r"D)\b")
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:wo" r"rk|ho" r"me|ro" r"ot|tm" r"p)/")
TEXT_SUFFIXES = {".c", ".h", ".S", ".py", ".sh", ".md", ".build", ".txt", ".map", ".ini", ".yml", ".css", ".html",
                 ".1", ".3", ".7", ""}


def text_files():
    for folder, folders, files in os.walk(csource.ROOT):
        folders[:] = [name for name in folders if name not in SKIPPED]
        for name in sorted(set(files) - SKIPPED):
            path = csource.ROOT.__class__(folder) / name
            if path.suffix in TEXT_SUFFIXES and path.is_file():
                yield path


def line_problems(path):
    name = csource.name_of(path)
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        if NOTE_TO_SELF.search(line):
            yield f"{name}:{number}: a note to self: {line.strip()}"
        match = MACHINE_PATH.search(line)
        if match:
            yield f"{name}:{number}: a path of one machine: {line.strip()}"


def c_file_problems(path):
    name, text = csource.name_of(path), path.read_text()
    if not text.startswith("/*"):
        yield f"{name}: does not open with what it is"
    if ODDS_AND_ENDS.match(path.name):
        yield f"{name}: is named after no concept"


def unlisted(pattern, root):
    """Files that no meson.build between them and the root names, as 'x.c' or, made into a name there, 'x'."""
    for path in sorted((csource.ROOT / root).rglob(pattern)):
        folder, listed = path.parent, False
        short = path.stem.removesuffix("_test").removesuffix("_fuzz")
        named = re.compile(rf"['/](?:{path.stem}|{short})(?:\.\w+)?'")
        while folder != csource.ROOT and not listed:
            build_file = folder / "meson.build"
            listed = build_file.exists() and named.search(build_file.read_text()) is not None
            folder = folder.parent
        if not listed:
            yield f"{csource.name_of(path)}: no meson.build names it"


def problems():
    found = []
    for path in text_files():
        found += line_problems(path)
    for path in csource.c_files():
        found += c_file_problems(path)
    for pattern, root in (("*.c", "src"), ("*.S", "src"), ("*_test.c", "tests"), ("*_fuzz.c", "tests/fuzz"),
                          ("*.c", "examples"), ("*.c", "bench"), ("*.[137]", "man")):
        found += unlisted(pattern, root)
    return found


if __name__ == "__main__":
    csource.report(problems())
