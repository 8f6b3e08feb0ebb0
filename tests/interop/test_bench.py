"""`make bench` in its quick form: that it runs and says what it should, never how fast anything was."""

import os
import pathlib
import re
import subprocess

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
        assert re.search(r"^  bare +-?[\d.]+", section.group(1), re.MULTILINE), output
        assert re.search(r"^  wharf +-?[\d.]+", section.group(1), re.MULTILINE), output
    assert re.search(r"^tasks: .*\n(?:.*\n){1,2}  wharf( +[\d.]+){3} ", output, re.MULTILINE), output
    assert re.search(r"^echo: .*\n.*\n  bare( +[\d.]+){3}\n  wharf( +[\d.]+){3}\n", output, re.MULTILINE), output
    assert re.search(r"^scaling: .*\n.*\n.*\n  1( +[\d.]+){3}$", output, re.MULTILINE), output
    targets = output.partition("\ntargets\n")[2].splitlines()
    assert all(re.match(r"  (met|NOT MET|-) ", line) for line in targets), output
    for workload in ("hello", "pipelined", "idle", "start", "tasks", "waits", "echo", "tls", "scaling", "simulated"):
        assert any(f" {workload}: " in line for line in targets), output


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


def test_tasks_parks_until_its_input_ends(build, run):
    result = run(build / "bench" / "tasks", "--park", 2000)
    lines = result.stdout.decode().splitlines()
    numbers = dict(re.findall(r"(\w+)=(\d+)", lines[1]))
    assert result.returncode == 0 and lines[0] == "parked 2000"
    assert int(numbers["bytes_per_task"]) <= 4.6 * 1024 + 1024 and int(numbers["mappings"]) < 200


def test_scaling_spreads_connections(build, run):
    cores = len(os.sched_getaffinity(0))
    with subprocess.Popen([build / "bench" / "scaling", "--cores", str(cores)], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as server:
        url = server.stdout.readline().decode().strip()
        assert run(build / "bench" / "load", url, "--idle", "--connections", 1000).returncode == 0
        server.stdin.close()
        requests = [int(number) for number in server.stdout.readline().decode().partition("requests=")[2].split(",")]
        assert server.wait(20) == 0
    assert len(requests) == cores and sum(requests) == 1001  # the first is load's own, which learns the length
    assert max(requests) <= 1.5 * sum(requests) / cores


@pytest.mark.parametrize("words", [["tasks", "--park"], ["tasks", "--park", "0"], ["scaling", "--cores", "0"]], ids=" ".join)
def test_runtime_programs_refuse_wrong_arguments(build, run, words):
    assert run(build / "bench" / words[0], *words[1:]).returncode == 2


@pytest.mark.parametrize("server", ["bare_echo", "echo"])
def test_echo_load_counts_messages(build, run, start, server):
    url = start(build / "bench" / server).line()
    result = run(build / "bench" / "echo_load", url, "--connections", 3, "--bytes", 1000, "--milliseconds", 50)
    assert result.returncode == 0 and int(re.search(rb"messages=(\d+)", result.stdout).group(1)) > 0


@pytest.mark.parametrize("words", [[], ["http://localhost:80"], ["http://127.0.0.1"], ["http://127.0.0.1:1", "--bytes", "0"]])
def test_echo_load_refuses_wrong_arguments(build, run, words):
    assert run(build / "bench" / "echo_load", *words).returncode == 2
