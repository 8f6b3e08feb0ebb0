"""The command line itself: help, version, wrong flags, and descriptors that the parent left closed."""

import re
import subprocess

import pytest

COMMANDS = ["serve", "get", "head", "post", "put", "delete", "listen", "connect", "dns"]


def test_version_is_one_line(wharf, run):
    done = run(wharf, "--version")
    assert done.returncode == 0
    assert re.fullmatch(rb"wharf \d+\.\d+\.\d+\n", done.stdout)


def test_help_names_every_command(wharf, run):
    done = run(wharf, "help")
    assert done.returncode == 0
    for command in COMMANDS:
        assert f"wharf {command}" in done.stdout.decode()
    assert done.stdout == run(wharf, "--help").stdout


def test_nothing_at_all_is_wrong_usage(wharf, run):
    done = run(wharf)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"wharf serve" in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(wharf, run, command):
    done = run(wharf, "help", command)
    assert done.returncode == 0
    assert done.stdout.startswith(f"wharf {command} ".encode())
    assert run(wharf, command, "--help").stdout == done.stdout
    assert run(wharf, command, "-h").stdout == done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_a_manual_page(root, command):
    assert (root / "man" / f"wharf-{command}.1").is_file()


@pytest.mark.parametrize("command", ["serve", "get", "listen", "connect"])
def test_manual_names_every_flag(wharf, run, root, command):
    flags = re.findall(r"--([a-z-]+)", run(wharf, "help", command).stdout.decode().split("\n\n", 1)[1])
    page = (root / "man" / f"wharf-{command}.1").read_text()
    for flag in set(flags) - {"help"}:
        assert f"-{flag}" in page, f"wharf-{command}.1 does not mention --{flag}"


WRONG = [
    (["srve"], "there is no command srve; did you mean serve?"),
    (["frobnicate"], "there is no command frobnicate (try: wharf help)"),
    (["help", "lisen"], "there is no command lisen; did you mean listen?"),
    (["serve", "--lisetn", ":0"], "there is no flag --lisetn; did you mean --listen?"),
    (["serve", "--log=loud"], "--log takes common|combined|json|logfmt|off, or one with :FILE, not loud"),
    (["serve", "--threads", "0"], "--threads takes N, not 0"),
    (["serve", "one", "two"], "one argument too many: two"),
    (["serve", "--welcome", "."], "--welcome serves no directory"),
    (["--versoin"], "there is no command --versoin; did you mean --version?"),
    (["get"], "something is missing; usage: wharf get [flags] URL..."),
    (["get", "ftp://127.0.0.1/"], "ftp://127.0.0.1/: only http:// and https:// are fetched"),
    (["get", "--ouput=x", "http://127.0.0.1/"], "there is no flag --ouput; did you mean --output?"),
    (["get", "example"], "not a URL; did you mean http://example ?"),
    (["get", "-d", "a", "--json", "1", "http://127.0.0.1/"], "exclude each other"),
    (["get", "-o", "x", "http://127.0.0.1/", "http://127.0.0.1/"], "-o is for one URL"),
    (["post", "-d", "@-", "http://127.0.0.1/", "http://127.0.0.1/"], "standard input can be sent to one URL only"),
    (["get", "-H", "nothing", "http://127.0.0.1/"], "-H needs 'Name: value'"),
    (["post", "--json", "{'a': 1}", "http://127.0.0.1/"], "a string is missing at byte 1"),
    (["get", "-t", "soon", "http://127.0.0.1/"], "--timeout takes SECONDS, not soon"),
    (["listen"], "something is missing"),
    (["connect", "-x", ":1"], "there is no flag -x"),
    (["connect", "127.0.0.1:99999"], "127.0.0.1:99999"),
]


@pytest.mark.parametrize("words, sentence", WRONG, ids=[" ".join(words) for words, _ in WRONG])
def test_wrong_usage_is_one_sentence_and_exit_code_2(wharf, run, words, sentence):
    done = run(wharf, *words)
    assert (done.returncode, done.stdout) == (2, b"")
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 1
    assert sentence in lines[0]


def test_help_into_a_full_device_is_a_failure(wharf):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([wharf, "help"], stdout=full, stderr=subprocess.PIPE, timeout=30)
    assert done.returncode == 8
    assert b"standard output" in done.stderr


def test_help_with_standard_output_closed_is_a_failure(wharf):
    done = subprocess.run(["sh", "-c", '"$0" help >&-', wharf], stderr=subprocess.PIPE, timeout=30)
    assert done.returncode == 8
