#!/usr/bin/python3
"""What libwharf.so exports is what the public headers declare with WHARF_API: nothing more, nothing less.

The library is the one in the build folder that WHARF_BUILD names (build/ when unset).
"""

import os
import pathlib
import subprocess

import check_headers
import csource


def library():
    return pathlib.Path(os.environ.get("WHARF_BUILD") or csource.ROOT / "build") / "libwharf.so"


def exported():
    result = subprocess.run(["nm", "-D", "--defined-only", library()], capture_output=True, text=True, check=True)
    words = [line.split() for line in result.stdout.splitlines()]
    # Type A is the version's own name.
    return {name.partition("@")[0] for _, kind, name in words if kind != "A"}


def problems():
    if not library().exists():
        return [f"{library()} is not built"]
    declared = {name for header in check_headers.public_headers() for _, name, _ in check_headers.exported_names(header)}
    symbols = exported()
    found = [f"{name} is exported and declared in no public header" for name in sorted(symbols - declared)]
    found += [f"{name} is declared with WHARF_API and not exported" for name in sorted(declared - symbols)]
    found += [f"{name} does not start with wharf_" for name in sorted(symbols) if not name.startswith("wharf_")]
    return found


if __name__ == "__main__":
    csource.report(problems())
