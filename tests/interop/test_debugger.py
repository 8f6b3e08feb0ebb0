"""What gdb, lldb, perf, objdump and valgrind see of tasks. `bench/tasks --park N` is the program: it parks
a few and, its standard input having ended, lets them go."""

import os
import pathlib
import re
import shutil

import pytest

BUILD = pathlib.Path(os.environ.get("WHARF_BUILD") or pathlib.Path(__file__).resolve().parents[2] / "build")


@pytest.fixture(scope="module")
def parked():
    program = BUILD / "bench" / "tasks"
    assert program.exists()
    return program, "--park"


@pytest.fixture
def gdb(run, parked, root):
    if shutil.which("gdb") is None:
        pytest.skip("gdb is not installed")

    def commands(*lines):
        words = ["gdb", "-nx", "-batch", "-ex", "set debuginfod enabled off", "-ex", "set breakpoint pending on"]
        for line in (f"source {root / 'tools' / 'wharf-gdb.py'}", *lines, "kill"):
            words += ["-ex", line]
        result = run(*words, "--args", *parked, "3", seconds=120)
        text = (result.stdout + result.stderr).decode()
        if "ptrace: Operation not permitted" in text:
            pytest.skip("tracing is not permitted here")
        return text

    return commands


@pytest.fixture
def lldb(run, parked, root):
    if shutil.which("lldb") is None:
        pytest.skip("lldb is not installed")
    # Debian's looks for its own module where it is not.
    modules = sorted(pathlib.Path("/usr/lib").glob("llvm-*/lib/python3*/dist-packages"))
    environment = {**os.environ, "PYTHONPATH": ":".join(str(path) for path in modules)}

    def commands(*lines):
        words = ["lldb", "--no-lldbinit", "-b", "-o", f"target create {parked[0]}"]
        words += ["-o", f"command script import {root / 'tools' / 'wharf_lldb.py'}"]
        words += ["-o", "breakpoint set -n wharf_scope_cancel", "-o", f"process launch -i /dev/null -- {parked[1]} 3"]
        for line in lines:
            words += ["-o", line]
        result = run(*words, "-o", "process kill", seconds=120, env=environment)
        text = (result.stdout + result.stderr).decode()
        if "Operation not permitted" in text:
            pytest.skip("tracing is not permitted here")
        return text

    return commands


def hold_the_parked_tasks(text):
    assert "core 0 (epoll): 4 tasks" in text
    tasks = re.split(r"^task ", text, flags=re.M)[1:]
    parked = [task for task in tasks if '"parked" (started at ' in task]
    assert len(parked) == 3
    for task in parked:
        assert " waiting in sleep" in task
        assert re.search(r"#\d+ +0x[0-9a-f]+ wharf_sleep", task)
        assert re.search(r"#\d+ +0x[0-9a-f]+ park at ", task)
        assert re.search(r"#\d+ +0x[0-9a-f]+ context_entry", task)
    assert any('"main" running' in task and " main at " in task for task in tasks)


def hold_one_task(text):
    assert '"main" running' in text
    assert '"parked"' not in text
    assert "#0" not in text.split("tasks\n")[-1]


def test_gdb_lists_tasks_with_state_and_backtrace(gdb):
    hold_the_parked_tasks(gdb("break wharf_scope_cancel", "run", "wharf tasks"))


def test_lldb_lists_tasks_with_state_and_backtrace(lldb):
    hold_the_parked_tasks(lldb("wharf tasks"))


def test_lldb_lists_tasks_by_name(lldb):
    hold_one_task(lldb("wharf tasks -q main"))


def test_lldb_says_what_the_command_is(lldb):
    assert "the command is `wharf tasks" in lldb("wharf threads")


def test_gdb_lists_tasks_by_name(gdb):
    hold_one_task(gdb("break wharf_scope_cancel", "run", "wharf tasks -q main"))


def test_gdb_backtrace_of_a_task_ends_cleanly(gdb):
    text = gdb("break park", "run", "bt")
    assert re.search(r"^#\d+ .* context_entry \(\)", text, flags=re.M)
    assert "corrupt" not in text
    last = re.findall(r"^#\d+ .*", text, flags=re.M)[-1]
    assert "context_entry" in last


def test_perf_unwinds_tasks_to_their_first_frame(run, parked, tmp_path):
    """By call frame information, from wherever a sample was taken."""
    if shutil.which("perf") is None:
        pytest.skip("perf is not installed")
    data = tmp_path / "perf.data"
    sampling = ("-e", "cpu-clock", "-F", "5000", "--call-graph", "dwarf,4096")
    recorded = run("perf", "record", *sampling, "-o", data, parked[0], seconds=120)
    if recorded.returncode != 0:
        pytest.skip("perf may not sample here: " + recorded.stderr.decode()[-200:])
    script = run("perf", "script", "-i", data, "-F", "ip,sym", seconds=240).stdout.decode()
    chains = [re.findall(r"^\s*[0-9a-f]+ (\S+)", chain, flags=re.M) for chain in script.split("\n\n")]
    in_tasks = [chain for chain in chains if "context_entry" in chain]
    assert in_tasks
    assert all(chain[-1] == "context_entry" for chain in in_tasks)
    assert any("yield_often" in chain for chain in in_tasks)


def test_no_shadow_stack_is_promised(run):
    """The switch goes from stack to stack without the processor's knowledge; who promised shadow stacks would be killed."""
    if shutil.which("readelf") is None:
        pytest.skip("readelf is not installed")
    library = next(path for path in BUILD.glob("libwharf.so.*.*.*") if path.is_file())
    assert "SHSTK" not in run("readelf", "-n", library).stdout.decode()


def test_tasks_run_where_shadow_stacks_are_asked_for(run, parked):
    asked = {**os.environ, "GLIBC_TUNABLES": "glibc.cpu.x86_shstk=on:glibc.cpu.x86_ibt=on:glibc.cpu.hwcaps=SHSTK,IBT"}
    result = run(*parked, "50", env=asked)
    assert result.returncode == 0 and b"parked 50" in result.stdout, result.stderr.decode()


def test_branch_targets_of_the_switch_are_marked(run):
    if shutil.which("objdump") is None or os.uname().machine != "x86_64":
        pytest.skip("needs objdump on x86-64")
    library = next(path for path in BUILD.glob("libwharf.so.*.*.*") if path.is_file())
    for function in ("context_switch", "context_entry"):
        code = run("objdump", "-d", "--no-show-raw-insn", f"--disassemble={function}", library).stdout.decode()
        first = re.search(rf"<{function}>:\n\s*[0-9a-f]+:\s+(\w+)", code)
        assert first is not None and first.group(1) == "endbr64"


def test_valgrind_finds_nothing(run, parked):
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed")
    result = run("valgrind", "-q", "--error-exitcode=9", "--leak-check=full", *parked, "50", seconds=120)
    assert result.returncode == 0, result.stderr.decode()
    assert b"==" not in result.stderr
