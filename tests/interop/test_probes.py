"""The probes that wharf_debug(3) lists: built in as they are listed, readable where they are."""

import os
import re
import shutil

import pytest


@pytest.fixture(scope="module")
def listed(root):
    """name -> number of arguments, from the manual."""
    page = (root / "man" / "wharf_debug.3").read_text()
    section = page.split(".Sh PROBES\n")[1].split("\n.Sh ")[0]
    items = re.findall(r"^\.It (Li .*)$", section, flags=re.M)
    probes = [re.match(r"(\w+) Ar (.*)", part) for item in items for part in re.split(r"Li |, Li ", item)[1:]]
    return {probe.group(1): len(probe.group(2).rstrip(" ,").split()) for probe in probes}


@pytest.fixture
def notes(run, examples):
    """(name, [arguments as (size, place)]) of every probe in a program that holds the archive."""
    if shutil.which("readelf") is None:
        pytest.skip("readelf is not installed")
    text = run("readelf", "-n", examples("simulated")).stdout.decode()
    found = re.findall(r"Provider: wharf\n\s*Name: (\w+)\n\s*Location: .*\n\s*Arguments: (.*)", text)
    return [(name, re.findall(r"(-?\d+)@(\S+)", arguments)) for name, arguments in found]


def test_probes_are_those_of_the_manual(listed, notes):
    assert len(listed) == 14
    assert {name: len(arguments) for name, arguments in notes} == listed


def test_probes_have_arguments_of_whole_words(notes):
    assert {size for _, arguments in notes for size, _ in arguments} <= {"8", "-8", "4", "-4", "1"}


def test_the_shared_library_has_the_same_probes(run, listed, examples):
    if shutil.which("readelf") is None:
        pytest.skip("readelf is not installed")
    folder = os.path.dirname(os.path.dirname(examples("simulated")))
    text = run("readelf", "-n", os.path.join(folder, "libwharf.so")).stdout.decode()
    assert set(re.findall(r"Provider: wharf\n\s*Name: (\w+)", text)) == set(listed)


# A simulated shop and its customer: both sides of HTTP, names, tasks and their waits, in one program.
SHOWN = {
    "task__start": "%s", "task__end": "%d", "task__block": "%s", "request__start": "%.4s %.7s", "request__end": "%d",
    "resolve__start": "%.12s", "resolve__end": "%d", "fetch__start": "%s", "fetch__end": "%d",
}
ARGUMENTS = {
    "task__start": (2,), "task__end": (1,), "task__block": (1,), "request__start": (1, 3), "request__end": (1,),
    "resolve__start": (1,), "resolve__end": (2,), "fetch__start": (1,), "fetch__end": (2,),
}


def gdb_script():
    yield "set debuginfod enabled off"
    for number, (name, shown) in enumerate(SHOWN.items(), 1):
        values = ", ".join(f"$_probe_arg{place}" for place in ARGUMENTS[name])
        yield f"tbreak -probe-stap wharf:{name}"
        yield f'commands {number}\nsilent\nprintf "{name} {shown}\\n", {values}\ncontinue\nend'
    yield "run"


def test_gdb_stops_at_probes_and_reads_their_arguments(run, examples, tmp_path):
    if shutil.which("gdb") is None:
        pytest.skip("gdb is not installed")
    script = tmp_path / "script"
    script.write_text("\n".join(gdb_script()) + "\n")
    result = run("gdb", "-nx", "-batch", "-x", script, examples("simulated"), seconds=120)
    text = (result.stdout + result.stderr).decode(errors="replace")
    if "ptrace: Operation not permitted" in text:
        pytest.skip("tracing is not permitted here")
    assert re.search(r"^task__start \w+", text, flags=re.M), text
    assert re.search(r"^task__block \w+", text, flags=re.M), text
    for line in ("resolve__start shop.example", "fetch__start http://shop.example/orders", "request__start POST /orders"):
        assert line in text.splitlines(), text
    assert re.search(r"^request__end \d+$", text, flags=re.M), text
    assert re.search(r"^fetch__end \d+$", text, flags=re.M), text


def test_bpftrace_counts_what_probes_tell(run, examples):
    if shutil.which("bpftrace") is None:
        pytest.skip("bpftrace is not installed")
    program = examples("simulated")
    script = f"usdt:{program}:wharf:request__start {{ @[str(arg1, arg2), str(arg3, arg4)] = count() }}"
    result = run("bpftrace", "-e", script, "-c", program, seconds=120)
    if result.returncode != 0:
        pytest.skip("no tracing here: " + result.stderr.decode(errors="replace")[-200:])
    assert re.search(rb"@\[POST, /orders\]: \d+", result.stdout), result.stdout
