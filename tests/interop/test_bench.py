"""`make bench` in its quick form: that it runs and says what it should, never how fast anything was."""

import os
import pathlib
import re

import pytest


@pytest.fixture
def build(root):
    return pathlib.Path(os.environ.get("WHARF_BUILD") or root / "build")


@pytest.mark.slow
def test_quick_benchmark_prints_every_row(root, run, build):
    result = run("/usr/bin/python3", root / "bench" / "run.py", "--quick", "--build", build, seconds=110)
    output = result.stdout.decode()
    assert result.returncode == 0, output + result.stderr.decode()
    for workload in ("hello", "connections", "pipelined", "file", "idle", "start"):
        section = re.search(rf"^{workload}: .*\n((?:  .*\n)+)", output, re.MULTILINE)
        assert section, output
        assert re.search(r"^  bare +[\d.]+", section.group(1), re.MULTILINE), output
        assert re.search(r"^  wharf +[\d.]+", section.group(1), re.MULTILINE), output
    targets = output.partition("\ntargets\n")[2].splitlines()
    assert len(targets) == 6 and all(re.match(r"  (met|NOT MET|-) ", line) for line in targets), output


def test_unknown_workload_is_refused(root, run):
    result = run("/usr/bin/python3", root / "bench" / "run.py", "--only", "nonsense")
    assert result.returncode == 2 and b"nonsense" in result.stderr


WRONG_ARGUMENTS = [
    [],
    ["http://127.0.0.1"],
    ["http://localhost:80/"],
    ["http://127.0.0.1:99999/"],
    ["--connections", "0", "http://127.0.0.1:1/"],
    ["--pipeline", "2", "--close", "http://127.0.0.1:1/"],
    ["--connections", "x"],
    ["--connections"],
    ["--nonsense"],
]


@pytest.mark.parametrize("words", WRONG_ARGUMENTS, ids=" ".join)
def test_load_refuses_wrong_arguments(build, run, words):
    assert run(build / "bench" / "load", *words).returncode == 2


def test_load_counts_answers(build, run, start):
    server = start(build / "bench" / "bare_http")
    result = run(build / "bench" / "load", server.line(), "--requests", 320, "--pipeline", 16, "--connections", 4)
    numbers = dict(re.findall(rb"(\w+)=([\d.]+)", result.stdout))
    assert result.returncode == 0 and numbers[b"errors"] == b"0"
    assert int(numbers[b"requests"]) >= 320 and int(numbers[b"bytes"]) == 130 * int(numbers[b"requests"])


def test_load_fails_when_answers_are_cut(build, run, start):
    server = start(build / "bench" / "bare_http", "--close")
    assert run(build / "bench" / "load", server.line(), "--requests", 64, "--connections", 4).returncode == 1
