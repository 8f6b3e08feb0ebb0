#!/usr/bin/python3
"""Every C file is as clang-format 14 leaves it. --fix formats."""

import shutil
import subprocess
import sys

import csource


def command():
    return shutil.which("clang-format-14") or "clang-format"


def problems():
    files = csource.c_files()
    result = subprocess.run([command(), "--dry-run", "-Werror", *files], capture_output=True, text=True)
    lines = [line for line in result.stderr.splitlines() if "error:" in line]
    found = {line.split(":")[0] for line in lines}
    if result.returncode != 0 and not found:
        return [result.stderr]
    return [f"{name.removeprefix(str(csource.ROOT) + '/')}: make format" for name in sorted(found)]


if __name__ == "__main__":
    if sys.argv[1:] == ["--fix"]:
        sys.exit(subprocess.run([command(), "-i", *csource.c_files()]).returncode)
    csource.report(problems())
