"""Reading C well enough to measure and search it: files, comments and strings blanked out, includes, functions.

This is no parser. It relies on clang-formatted sources and on macros that keep braces and parentheses balanced.
"""

import dataclasses
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
C_FOLDERS = ("include", "src", "tests", "examples", "bench")


def c_files(*folders, suffixes=(".c", ".h")):
    """The C files under the folders (all of the project's when none is named), sorted."""
    found = []
    for folder in folders or C_FOLDERS:
        found += (path for path in (ROOT / folder).rglob("*") if path.suffix in suffixes and path.is_file())
    return sorted(found)


def name_of(path):
    return path.relative_to(ROOT).as_posix()


_NOISE = re.compile(
    r"""/\*.*?\*/                      # a comment
      | //[^\n]*
      | "(?:\\.|[^"\\\n])*"            # a string
      | '(?:\\.|[^'\\\n])*'            # a character
    """,
    re.DOTALL | re.VERBOSE,
)
_DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)


def _spaces(match):
    return re.sub(r"[^\n]", " ", match.group())


def _emptied(match):
    text = match.group()
    if text[0] == "/":
        return _spaces(match)
    return text[0] + " " * (len(text) - 2) + text[-1]


def code_of(text):
    """The same text, every character at its place, with comments and the insides of strings blanked."""
    return _NOISE.sub(_emptied, text)


def without_directives(code):
    return _DIRECTIVE.sub(_spaces, code)


def includes_of(text):
    """(line number, name, quoted with "" and not <>) of every #include."""
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if match:
            yield number, match.group(2), match.group(1) == '"'


def closing(code, start):
    """The place of the bracket that closes the one at start; the end of the text when there is none."""
    opener = code[start]
    closer = {"(": ")", "{": "}", "[": "]"}[opener]
    depth = 0
    for place in range(start, len(code)):
        if code[place] == opener:
            depth += 1
        elif code[place] == closer:
            depth -= 1
            if depth == 0:
                return place
    return len(code) - 1


def line_at(code, place):
    return code.count("\n", 0, place) + 1


@dataclasses.dataclass
class Function:
    name: str
    line: int  # of its first word
    lines: int
    parameters: int
    complexity: int
    labels: int


_ATTRIBUTE = re.compile(r"__attribute__\s*\(|\b__asm__\s*\(|\basm\s*\(")
_BRANCH = re.compile(r"\b(?:if|for|while|case)\b|&&|\|\||\?")
_CASES = re.compile(r"(?:\bcase\b[^:{};]*:\s*)+")
_LABEL = re.compile(r"^\s*(?!default\b)[A-Za-z_]\w*:(?!:)\s*$", re.MULTILINE)


def _without_attributes(header):
    match = _ATTRIBUTE.search(header)
    while match:
        end = closing(header, match.end() - 1)
        header = header[: match.start()] + " " * (end + 1 - match.start()) + header[end + 1 :]
        match = _ATTRIBUTE.search(header)
    return header


def _count_parameters(inside):
    if inside.strip() in ("", "void"):
        return 0
    count, depth = 1, 0
    for char in inside:
        depth += (char in "([{") - (char in ")]}")
        count += char == "," and depth == 0
    return count - inside.rstrip().endswith("...")


def _complexity(body):
    body = _CASES.sub("case ", body)
    return 1 + len(_BRANCH.findall(body))


def _function(code, start, brace):
    """The function whose header is code[start:brace], or None when that is something else."""
    header = _without_attributes(code[start:brace])
    match = re.search(r"\b([A-Za-z_]\w*)\s*\(", header)
    if match is None or "=" in header[: match.start()] or not header.rstrip().endswith(")"):
        return None
    end = closing(code, brace)
    body = code[brace : end + 1]
    opening = match.end() - 1
    first = start + len(code[start:brace]) - len(code[start:brace].lstrip())
    return Function(
        name=match.group(1),
        line=line_at(code, first),
        lines=code.count("\n", first, end) + 1,
        parameters=_count_parameters(header[opening + 1 : closing(header, opening)]),
        complexity=_complexity(body),
        labels=len(_LABEL.findall(body)),
    )


def functions_of(text):
    """Every function that the text defines."""
    code = without_directives(code_of(text))
    found, start, place = [], 0, 0
    while place < len(code):
        char = code[place]
        if char == ";":
            start = place + 1
        elif char == "{":
            header = code[start:place].split()
            if header[:1] == ["extern"] and len(header) <= 4 and '"' in "".join(header):
                start = place + 1  # extern "C" {
            else:
                function = _function(code, start, place)
                place = closing(code, place)
                if function is not None:
                    found.append(function)
                    start = place + 1
        elif char == "}":
            start = place + 1
        place += 1
    return found


def report(problems):
    """For a check run as a command: says what is wrong, and ends with the right status."""
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)
