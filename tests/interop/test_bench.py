"""`make bench` in its quick form: that it runs and says what it should, never how fast anything was."""

import re

import pytest


@pytest.mark.slow
def test_quick_benchmark_prints_every_row(root, run, examples):
    build = examples("http_server").rpartition("/examples/")[0]
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


@pytest.mark.parametrize(
    "words",
    [[], ["http://127.0.0.1"], ["http://localhost:80/"], ["http://127.0.0.1:99999/"], ["--connections", "0", "http://127.0.0.1:1/"],
     ["--pipeline", "2", "--close", "http://127.0.0.1:1/"], ["--connections", "x"], ["--nonsense"]],
    ids=" ".join,
)
def test_load_refuses_wrong_arguments(examples, run, words):
    load = examples("../bench/load")
    assert run(load, *words).returncode == 2
