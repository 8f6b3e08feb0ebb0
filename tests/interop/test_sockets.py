"""Datagrams, programs for connections and socket activation: wharf listen and wharf connect against netcat, socat, Python's
sockets and systemd-socket-activate."""

import os
import re
import shutil
import signal
import socket
import subprocess

import pytest

from conftest import BUILD

SECONDS = 20


def has(program):
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


@pytest.fixture
def start():
    """Starts a program with pipes; what still runs at the end is ended."""
    processes = []

    def run(*words, **options):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "bufsize": 0}
        processes.append(subprocess.Popen([str(word) for word in words], **{**pipes, **options}))
        return processes[-1]

    yield run
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def address_of(process):
    return re.fullmatch(rb"listening on (\S+)\n", process.stderr.readline()).group(1).decode()


def port_of(address):
    return int(address.rpartition(":")[2])


def read_exactly(stream, count):
    data = b""
    while len(data) < count:
        piece = stream.read(count - len(data))
        assert piece, data
        data += piece
    return data


def udp_socket():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.settimeout(SECONDS)
    return sock


# ---- datagrams -----------------------------------------------------------------------------------------------------


def test_datagrams_go_both_ways_between_two_commands(wharf, start):
    listener = start(wharf, "listen", "-u", "127.0.0.1:0")
    address = address_of(listener)
    assert address.startswith("udp://127.0.0.1:")
    caller = start(wharf, "connect", "-u", address.removeprefix("udp://"))
    caller.stdin.write(b"question")
    assert read_exactly(listener.stdout, 8) == b"question"
    listener.stdin.write(b"answer")
    assert read_exactly(caller.stdout, 6) == b"answer"


def test_after_the_end_of_input_it_waits_for_answers_and_no_longer(wharf, start):
    with udp_socket() as peer:
        caller = start(wharf, "connect", "-u", "-w", "0.3", f"127.0.0.1:{peer.getsockname()[1]}")
        caller.stdin.write(b"only this")
        caller.stdin.close()
        data, caller_address = peer.recvfrom(100)
        assert data == b"only this"
        peer.sendto(b"late", caller_address)
        assert caller.stdout.read() == b"late"
        assert caller.wait(SECONDS) == 0


def test_nobody_at_the_other_address_is_an_error_that_names_it(wharf, start):
    with udp_socket() as peer:
        port = peer.getsockname()[1]
    caller = start(wharf, "connect", "-u", f"127.0.0.1:{port}")
    caller.stdin.write(b"anyone?")
    assert caller.wait(SECONDS) == 4
    assert f"127.0.0.1:{port}".encode() in caller.stderr.read()


def test_a_listener_hears_the_first_sender_and_with_keep_everybody(wharf, start):
    for flags, heard in (["-u"], b"onethree"), (["-u", "-k"], b"onetwothree"):
        listener = start(wharf, "listen", *flags, "127.0.0.1:0")
        to = ("127.0.0.1", port_of(address_of(listener)))
        with udp_socket() as first, udp_socket() as second:
            first.sendto(b"one", to)
            second.sendto(b"two", to)
            first.sendto(b"three", to)
            assert read_exactly(listener.stdout, len(heard)) == heard
            listener.stdin.write(b"reply")
            assert first.recv(100) == b"reply"


@has("nc")
def test_netcat_sends_and_receives_datagrams(wharf, start):
    listener = start(wharf, "listen", "-u", "127.0.0.1:0")
    port = port_of(address_of(listener))
    netcat = start("nc", "-u", "127.0.0.1", port)
    netcat.stdin.write(b"from netcat")
    assert read_exactly(listener.stdout, 11) == b"from netcat"
    listener.stdin.write(b"to netcat")
    assert read_exactly(netcat.stdout, 9) == b"to netcat"


@has("socat")
@pytest.mark.parametrize("kind", ["TCP4-LISTEN:0,bind=127.0.0.1", "UNIX-LISTEN:{path}", "UNIX-LISTEN:{path},socktype=5"])
def test_socat_echoes_what_is_sent_to_it(wharf, start, tmp_path, kind):
    path = tmp_path / "s"
    socat = start("socat", "-dd", kind.format(path=path), "PIPE")
    line = socat.stderr.readline()
    while b"listening on" not in line:
        assert line
        line = socat.stderr.readline()
    address = line.split()[-1].decode() if "TCP" in kind else f"unix:{path}"
    caller = start(wharf, "connect", f"unix-seqpacket:{path}" if "socktype" in kind else address)
    caller.stdin.write(b"echo me")
    assert read_exactly(caller.stdout, 7) == b"echo me"
    caller.stdin.close()
    assert caller.stdout.read() == b""
    assert caller.wait(SECONDS) == 0


@has("socat")
@pytest.mark.parametrize("flags, own, its", [
    ([], "127.0.0.1:0", "TCP4:{address}"),
    (["-u"], "127.0.0.1:0", "UDP4:{address}"),
    ([], "unix:{path}", "UNIX-CONNECT:{path}"),
    (["-u"], "unix:{path}", "UNIX-SENDTO:{path},bind={path}-socat"),
    ([], "unix-seqpacket:{path}", "UNIX-CONNECT:{path},socktype=5"),
])  # fmt: skip
def test_socat_talks_to_a_listener(wharf, start, tmp_path, flags, own, its):
    path = tmp_path / "s"
    listener = start(wharf, "listen", *flags, own.format(path=path))
    address = address_of(listener).removeprefix("udp://")
    socat = start("socat", "-", its.format(path=path, address=address))
    socat.stdin.write(b"from socat")
    assert read_exactly(listener.stdout, 10) == b"from socat"
    listener.stdin.write(b"to socat")
    assert read_exactly(socat.stdout, 8) == b"to socat"


def test_unix_datagrams_reach_python_and_come_back(wharf, start, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as peer:
        peer.bind(str(tmp_path / "s"))
        peer.settimeout(SECONDS)
        caller = start(wharf, "connect", "-u", f"unix:{tmp_path}/s")
        caller.stdin.write(b"named by the kernel")
        data, name = peer.recvfrom(100)
        assert data == b"named by the kernel"
        peer.sendto(b"back", name)
        assert read_exactly(caller.stdout, 4) == b"back"


@pytest.fixture(scope="session")
def passing(root, tmp_path_factory):
    """The path of programs/pass.c, compiled."""
    program = tmp_path_factory.mktemp("programs") / "pass"
    source = root / "tests" / "interop" / "programs" / "pass.c"
    subprocess.run(
        ["cc", "-std=gnu17", "-Wall", "-Werror", f"-I{root}/include", source, "-o", program, f"-L{BUILD}", "-lwharf",
         f"-Wl,-rpath,{BUILD}"],
        check=True,
    )  # fmt: skip
    return program


def test_descriptors_go_to_python_and_come_from_it(passing, start, tmp_path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        listener.settimeout(SECONDS)
        program = start(passing, f"unix:{tmp_path}/s")
        peer, _ = listener.accept()
        with peer:
            data, fds, _, _ = socket.recv_fds(peer, 100, 4)
            assert data == b"take this" and len(fds) == 1
            program.stdin.write(b"through its standard input")
            assert os.read(fds[0], 100) == b"through its standard input"
            os.close(fds[0])
            reading, writing = os.pipe()
            os.write(writing, b"a pipe's content")
            socket.send_fds(peer, [b"this one"], [reading])
            os.close(reading)
            os.close(writing)
        assert program.stdout.read() == b"this one from %d\na pipe's content" % os.getpid()
        assert program.wait(SECONDS) == 0


# ---- a program for each connection ---------------------------------------------------------------------------------


def test_a_program_has_the_connection_and_its_status_is_ours(wharf, start):
    listener = start(wharf, "listen", "127.0.0.1:0", "--", "sh", "-c", "read line; echo got $line; exit 42")
    with socket.create_connection(("127.0.0.1", port_of(address_of(listener))), SECONDS) as sock:
        sock.sendall(b"hello\n")
        assert sock.makefile("rb").read() == b"got hello\n"
    assert listener.wait(SECONDS) == 42


def test_programs_run_at_the_same_time_and_know_who_is_there(wharf, start):
    listener = start(wharf, "listen", "-k", "127.0.0.1:0", "--", "sh", "-c", "echo $WHARF_PEER_ADDRESS; cat")
    port = port_of(address_of(listener))
    socks = [socket.create_connection(("127.0.0.1", port), SECONDS) for _ in range(5)]
    files = [sock.makefile("rb") for sock in socks]
    for sock, file in zip(socks, files):
        assert file.readline().decode() == "127.0.0.1:%d\n" % sock.getsockname()[1]
    for sock, file in reversed(list(zip(socks, files))):
        sock.sendall(b"echo\n")
        assert file.readline() == b"echo\n"
        sock.shutdown(socket.SHUT_WR)
        assert file.read() == b""
        file.close()
        sock.close()
    listener.send_signal(signal.SIGINT)
    assert listener.wait(SECONDS) == -signal.SIGINT


def test_no_more_programs_than_allowed(wharf, start):
    listener = start(wharf, "listen", "-k", "-m", "1", "127.0.0.1:0", "--", "sh", "-c", "echo in; cat")
    port = port_of(address_of(listener))
    with socket.create_connection(("127.0.0.1", port), SECONDS) as first:
        assert first.recv(10) == b"in\n"
        with socket.create_connection(("127.0.0.1", port), SECONDS) as second:
            second.setblocking(False)
            with pytest.raises(BlockingIOError):
                second.recv(10)
            first.close()
            second.setblocking(True)
            second.settimeout(SECONDS)
            assert second.recv(10) == b"in\n"


def test_a_program_that_is_not_there_is_said(wharf, start):
    listener = start(wharf, "listen", "127.0.0.1:0", "--", "no-such-program")
    with socket.create_connection(("127.0.0.1", port_of(address_of(listener))), SECONDS) as sock:
        assert sock.recv(1) == b""
    assert listener.wait(SECONDS) == 1
    assert b"no-such-program" in listener.stderr.read()


def test_connect_gives_its_connection_to_a_program(wharf, start):
    with socket.create_server(("127.0.0.1", 0)) as server:
        caller = start(wharf, "connect", "127.0.0.1:%d" % server.getsockname()[1], "--", "sh", "-c", "echo hi; cat >&2")
        peer, _ = server.accept()
        with peer:
            assert peer.recv(3, socket.MSG_WAITALL) == b"hi\n"
            peer.sendall(b"to its standard error")
        assert caller.stderr.read() == b"to its standard error"
        assert caller.wait(SECONDS) == 0


def test_a_program_serves_tls_without_knowing(wharf, start):
    listener = start(wharf, "listen", "--tls", "localhost:0", "--", "sh", "-c", "read line; echo got $line; exit 7")
    line = listener.stderr.readline()
    while not line.startswith(b"listening on "):
        assert line
        line = listener.stderr.readline()
    address = line.split()[-1].decode().removeprefix("tls://")
    caller = start(wharf, "connect", "--tls", "--insecure", address)
    caller.stdin.write(b"hello\n")
    assert caller.stdout.read() == b"got hello\n"
    assert listener.wait(SECONDS) == 7


def test_usage_of_programs(wharf):
    run = lambda *words: subprocess.run([wharf, *words], capture_output=True, timeout=SECONDS, stdin=subprocess.DEVNULL)
    assert run("listen", "127.0.0.1:0", "--").returncode == 2
    assert run("listen", "-u", "127.0.0.1:0", "--", "cat").returncode == 2
    assert run("listen", "127.0.0.1:0", "cat").returncode == 2
    assert b"-- CMD ..." in run("help", "listen").stdout


# ---- activation ----------------------------------------------------------------------------------------------------


@has("systemd-socket-activate")
def test_a_service_manager_passes_a_listener_by_name(wharf, start, tmp_path):
    path = tmp_path / "s"
    manager = start("systemd-socket-activate", f"--listen={path}", "--fdname=echo", wharf, "listen", "systemd:echo", "--", "cat")
    line = manager.stderr.readline()
    while b"Listening on" not in line:
        assert line
        line = manager.stderr.readline()
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(SECONDS)
        sock.connect(str(path))
        sock.sendall(b"activated")
        sock.shutdown(socket.SHUT_WR)
        assert sock.makefile("rb").read() == b"activated"
    assert manager.wait(SECONDS) == 0


@has("systemd-socket-activate")
def test_an_http_server_is_activated(wharf, start, tmp_path):
    (tmp_path / "file").write_text("content")
    manager = start("systemd-socket-activate", f"--listen={tmp_path}/s", "--fdname=http", wharf, "serve", tmp_path,
                    "--listen", "systemd:http")
    line = manager.stderr.readline()
    while b"Listening on" not in line:
        assert line
        line = manager.stderr.readline()
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(SECONDS)
        sock.connect(f"{tmp_path}/s")
        sock.sendall(b"GET /file HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        assert sock.makefile("rb").read().endswith(b"\r\n\r\ncontent")


def test_a_descriptor_that_was_passed_is_listened_on(wharf, start):
    with socket.create_server(("127.0.0.1", 0)) as server:
        fd = server.fileno()
        listener = start(wharf, "listen", f"fd:{fd}", pass_fds=[fd])
        assert port_of(address_of(listener)) == server.getsockname()[1]
        with socket.create_connection(server.getsockname(), SECONDS) as sock:
            sock.sendall(b"x")
            assert read_exactly(listener.stdout, 1) == b"x"


# ---- the example ---------------------------------------------------------------------------------------------------


def test_the_statistics_daemon_counts(start):
    daemon = start(BUILD / "examples" / "udp_stats", "udp://127.0.0.1:0", "0.05")
    to = ("127.0.0.1", port_of(daemon.stderr.readline().decode().strip()))
    with udp_socket() as sock:
        for text in (b"pages:1|c\npages:2|c", b"queue:42|g", b"reply:10|ms\nreply:15|ms\n", b"nonsense", b"x:1|c" * 1000):
            sock.sendto(text, to)
        line = daemon.stdout.readline()
        while line != b"5 datagrams, 2 bad\n" and line != b"4 datagrams, 2 bad\n":
            assert line
            line = daemon.stdout.readline()
        rest = [daemon.stdout.readline() for _ in range(3)]
        assert sorted(rest) == [b"  pages: 3\n", b"  queue: is 42\n", b"  reply: 2 times, mean 12.5 ms\n"]
    daemon.send_signal(signal.SIGINT)
    assert daemon.wait(SECONDS) == 0
