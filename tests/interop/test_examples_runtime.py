"""The examples of what tasks, channels, scopes and processes are for, as their users run them."""

import os
import re
import signal
import socket
import subprocess
import threading

import pytest

from conftest import ROOT

NAMES = ["chat_server", "job_runner", "supervisor", "port_scanner"]


@pytest.mark.parametrize("name", NAMES)
def test_each_is_short(name):
    assert len((ROOT / "examples" / f"{name}.c").read_text().splitlines()) < 120


# ---- chat_server ----


class Guest:
    """A client of the chat server, in its room once it has been told that somebody comes."""

    def __init__(self, address, room, receive_buffer=None):
        self.sock = socket.socket()
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(20)
        self.sock.connect(address)
        self.lines = self.sock.makefile("rb")
        self.say(room)
        assert self.hear() == "* somebody comes"

    def say(self, text):
        self.sock.sendall(text.encode() + b"\n")

    def hear(self):
        return self.lines.readline().decode().rstrip("\n")

    def rest(self):
        """All that comes before the connection ends, in whatever way."""
        got = b""
        while True:
            try:
                piece = self.lines.read1(65536)
            except ConnectionResetError:
                return got
            if not piece:
                return got
            got += piece

    def leave(self):
        self.lines.close()
        self.sock.close()


@pytest.fixture
def chat(examples, start):
    """chat(room, ...): a client that has entered the room."""
    server = start(examples("chat_server"), "127.0.0.1:0")
    host, port = re.fullmatch(r"listening on (.+):(\d+)", server.line()).groups()
    guests = []

    def enter(room, **options):
        guests.append(Guest((host, int(port)), room, **options))
        return guests[-1]

    enter.address, enter.server = (host, int(port)), server
    yield enter
    for guest in guests:
        guest.leave()


def test_chat_lines_go_to_all_others_in_the_room(chat):
    ada, grace, joan = chat("den"), chat("den"), chat("den")
    other = chat("attic")
    assert [ada.hear(), ada.hear(), grace.hear()] == ["* somebody comes"] * 3
    ada.say("good morning")
    grace.say("hello")
    assert {joan.hear(), joan.hear()} == {"good morning", "hello"}
    assert ada.hear() == "hello"
    assert grace.hear() == "good morning"
    other.say("nobody else is here")
    late = chat("attic")
    assert other.hear() == "* somebody comes"
    late.say("now there is")
    assert other.hear() == "now there is"


def test_chat_says_who_goes_and_opens_the_room_anew(chat):
    ada, grace = chat("den"), chat("den")
    assert ada.hear() == "* somebody comes"
    grace.leave()
    assert ada.hear() == "* somebody goes"
    ada.leave()
    for _ in range(3):
        chat("den").leave()
    assert chat.server.process.poll() is None


def test_chat_room_is_closed_for_all_its_members_and_no_others(chat):
    ada, grace, other = chat("den"), chat("den"), chat("attic")
    assert ada.hear() == "* somebody comes"
    grace.say("/close")
    assert (ada.rest(), grace.rest()) == (b"", b"")
    chat("den")
    chat("attic").say("still here")
    assert [other.hear(), other.hear()] == ["* somebody comes", "still here"]


def test_chat_drops_a_slow_member_and_holds_up_nobody(chat):
    ada, grace = chat("den"), chat("den")
    slow = chat("den", receive_buffer=4096)
    assert [ada.hear(), ada.hear(), grace.hear()] == ["* somebody comes"] * 3
    said, heard = "x" * 500, ""
    for count in range(200_000):
        ada.say(said)
        heard = grace.hear()
        if heard != said:
            break
    assert heard == "* somebody goes"
    assert ada.hear() == "* somebody goes"
    assert len(slow.rest()) < count * len(said)


def test_chat_lets_nobody_in_without_a_name(chat):
    with socket.create_connection(chat.address, 20) as sock:
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(100) == b""
    with socket.create_connection(chat.address, 20) as sock:
        sock.sendall(b"y" * 600)
        try:
            assert sock.recv(100) == b""
        except ConnectionResetError:
            pass


# ---- job_runner ----


def outcome(done):
    """(exit status, sorted lines about jobs, the last line)"""
    lines = done.stderr.decode().splitlines()
    return done.returncode, sorted(lines[:-1]), lines[-1]


def test_jobs_all_go_well(examples, run):
    done = run(examples("job_runner"), input=b"echo one\n\ntrue\necho two")
    assert outcome(done) == (0, ["echo one: exit 0", "echo two: exit 0", "true: exit 0"], "3 jobs: 3 well, 0 not")
    assert sorted(done.stdout.split()) == [b"one", b"two"]


def test_no_jobs_is_well(examples, run):
    assert outcome(run(examples("job_runner"))) == (0, [], "0 jobs: 0 well, 0 not")


def test_one_failure_leaves_the_others_alone(examples, run):
    done = run(examples("job_runner"), "-j", "1", input=b"exit 3\nkill -9 $$\necho last\n")
    expected = ["echo last: exit 0", "exit 3: exit 3", "kill -9 $$: exit 137"]
    assert outcome(done) == (1, expected, "3 jobs: 1 well, 2 not")


def test_jobs_in_order_when_one_at_a_time(examples, run):
    done = run(examples("job_runner"), "-j", "1", input="".join(f"echo {i}\n" for i in range(30)).encode())
    assert done.stdout.decode().split() == [str(i) for i in range(30)]


def test_as_many_jobs_at_once_as_asked(examples, run, tmp_path):
    """Each waits until three have come."""
    job = f"touch {tmp_path}/$$; while [ $(ls {tmp_path} | wc -l) -lt 3 ]; do :; done\n"
    assert run(examples("job_runner"), "-j", "3", input=job.encode() * 3).returncode == 0


def test_no_more_jobs_at_once_than_asked(examples, run, tmp_path):
    """Three places, a folder each, which can be made once: a fourth job would find none free."""
    job = f"for i in 0 1 2; do mkdir {tmp_path}/$i 2>&- && {{ ls > /dev/null; rmdir {tmp_path}/$i; exit; }}; done; exit 1\n"
    assert run(examples("job_runner"), "-j", "3", input=job.encode() * 30).returncode == 0


def test_jobs_beyond_the_deadline_are_ended(examples, run, tmp_path):
    pids = tmp_path / "pids"
    done = run(examples("job_runner"), "-j", "2", "-t", "0.5", input=f"echo $$ >> {pids}; exec sleep 1000\n".encode() * 3)
    status, _, last = outcome(done)
    assert (status, last) == (124, "3 jobs: 0 well, 3 not")
    for pid in pids.read_text().split():
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)


def test_the_deadline_holds_for_the_reading_too(examples):
    with subprocess.Popen([examples("job_runner"), "-t", "0.1"], stdin=subprocess.PIPE, stderr=subprocess.PIPE) as program:
        assert program.wait(20) == 124
        assert program.stderr.read() == b"0 jobs: 0 well, 0 not\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_children(examples, number):
    with subprocess.Popen([examples("job_runner"), "-j", "5"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as program:
        program.stdin.write(b"echo $$; exec sleep 1000\n" * 2)
        program.stdin.flush()
        children = [int(program.stdout.readline()) for _ in range(2)]
        program.send_signal(number)
        assert program.wait(20) == 130
        assert program.stderr.read().endswith(b"2 jobs: 0 well, 2 not\n")
    for child in children:
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)


@pytest.mark.parametrize("words", [["-j", "0"], ["-t", "0"], ["-x"], ["-j", "many"]], ids=" ".join)
def test_job_runner_refuses_wrong_arguments(examples, run, words):
    assert run(examples("job_runner"), *words).returncode == 2


# ---- supervisor ----


def test_supervisor_starts_again_until_it_is_done(examples, run):
    done = run(examples("supervisor"), "2")
    lines = done.stdout.decode().splitlines()
    assert done.returncode == 0
    assert [line for line in lines if line.startswith("worker: ")][-1] == "worker: done"
    assert len([line for line in lines if "again in" in line]) == 2
    assert "pulse: stopped" in lines


def test_supervisor_gives_up_and_ends_everything_with_the_error(examples, run):
    done = run(examples("supervisor"), "100")
    lines = done.stdout.decode().splitlines()
    assert done.returncode == 1
    assert len([line for line in lines if "again in" in line]) == 4
    assert lines[-3:] == ["worker: input/output error, given up", "pulse: stopped", "all: input/output error"]


# ---- port_scanner ----


def test_port_scanner_finds_the_open_ports_in_order(examples, run):
    with socket.socket() as one, socket.socket() as two, socket.socket() as bound_only:
        for sock in (one, two, bound_only):
            sock.bind(("127.0.0.1", 0))
        one.listen()
        two.listen()
        ports = sorted(sock.getsockname()[1] for sock in (one, two))
        silent = bound_only.getsockname()[1]
        first, last = min(*ports, silent), max(*ports, silent)
        done = run(examples("port_scanner"), "127.0.0.1", f"{first}-{last}", seconds=60)
        found = [int(line) for line in done.stdout.split()]
        assert done.returncode == 0
        assert found == sorted(found) and set(ports) <= set(found) and silent not in found


def test_port_scanner_looks_at_ten_thousand_ports(examples, run):
    """They are those of a listener that never accepts and its neighbours: more connections than places in its queue."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        first = min(max(port - 5000, 1), 65535 - 9999)
        done = run(examples("port_scanner"), "127.0.0.1", f"{first}-{first + 9999}", "--at-once", "1000", seconds=60)
        assert done.returncode == 0
        assert port in [int(line) for line in done.stdout.split()]


def test_port_scanner_finds_nothing(examples, run, unused_port):
    port = unused_port()
    done = run(examples("port_scanner"), "127.0.0.1", f"{port}-{port}")
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")


def test_port_scanner_says_why_it_cannot(examples, run):
    done = run(examples("port_scanner"), "host.invalid", "1-100", "--at-once", "10")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"host.invalid" in done.stderr


WRONG = [[], ["127.0.0.1", "0-5"], ["127.0.0.1", "9-5"], ["127.0.0.1", "1-65536"], ["127.0.0.1", "x"],
         ["127.0.0.1", "--at-once", "0"], ["127.0.0.1", "--at-once", "99999"]]


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_port_scanner_refuses_wrong_arguments(examples, run, words):
    assert run(examples("port_scanner"), *words).returncode == 2
