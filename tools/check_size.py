#!/usr/bin/python3
"""Files of at most 1000 lines (public headers 400), functions of at most 70 lines, 5 parameters, complexity 15 and one
label. What must be larger stands in tools/waivers.txt with its reason."""

import csource

FILE_LINES = 1000
PUBLIC_HEADER_LINES = 400
FUNCTION_LINES = 70
PARAMETERS = 5
COMPLEXITY = 15
LABELS = 1
WAIVERS = csource.ROOT / "tools" / "waivers.txt"


def read_waivers():
    """{"path" or "path:function"} from lines of "path[:function] reason"; and what is wrong with them."""
    waived, problems = set(), []
    for number, line in enumerate(WAIVERS.read_text().splitlines(), 1):
        words = line.split(None, 1)
        if not words or words[0].startswith("#"):
            continue
        if len(words) < 2:
            problems.append(f"tools/waivers.txt:{number}: {words[0]} has no reason")
        waived.add(words[0])
    return waived, problems


def file_problems(path):
    """(what may be waived, the sentence)"""
    name, text = csource.name_of(path), path.read_text()
    lines = text.count("\n")
    limit = PUBLIC_HEADER_LINES if name.startswith("include/") else FILE_LINES
    if lines > limit:
        yield name, f"{name}: {lines} lines, {limit} at most"
    for function in csource.functions_of(text):
        measures = (
            (function.lines, FUNCTION_LINES, "lines"),
            (function.parameters, PARAMETERS, "parameters"),
            (function.complexity, COMPLEXITY, "branches"),
            (function.labels, LABELS, "labels"),
        )
        for value, limit, what in measures:
            if value > limit:
                key = f"{name}:{function.name}"
                yield key, f"{name}:{function.line}: {function.name} has {value} {what}, {limit} at most"


def problems():
    waived, found = read_waivers()
    used = set()
    for path in csource.c_files():
        for key, sentence in file_problems(path):
            if key in waived:
                used.add(key)
            else:
                found.append(sentence)
    found += [f"tools/waivers.txt: {key} needs no waiver" for key in sorted(waived - used)]
    return found


if __name__ == "__main__":
    csource.report(problems())
