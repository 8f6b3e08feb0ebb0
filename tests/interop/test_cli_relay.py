"""wharf listen and wharf connect: between each other and against Python's sockets, each direction ended on its own."""

import hashlib
import os
import pty
import re
import signal
import socket
import subprocess
import threading

import pytest

DATA = os.urandom(3_000_000)


class Relay:
    """A running `wharf listen` or `wharf connect` with pipes to its three descriptors."""

    def __init__(self, *words):
        self.process = subprocess.Popen(
            [str(word) for word in words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
        )
        self.stdin, self.stdout, self.stderr = self.process.stdin, self.process.stdout, self.process.stderr

    def address(self):
        match = re.fullmatch(rb"listening on (\S+)\n", self.stderr.readline())
        return match.group(1).decode()

    def read_all(self):
        pieces = []
        piece = self.stdout.read(1 << 20)
        while piece:
            pieces.append(piece)
            piece = self.stdout.read(1 << 20)
        return b"".join(pieces)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.stdin, self.stdout, self.stderr):
            stream.close()


@pytest.fixture
def relay(wharf):
    relays = []

    def start(*words):
        relays.append(Relay(wharf, *words))
        return relays[-1]

    yield start
    for one in relays:
        one.end()


def in_background(function, *arguments):
    thread = threading.Thread(target=function, args=arguments, daemon=True)
    thread.start()
    return thread


def send_and_close(stream, data):
    left = memoryview(data)
    while left:
        left = left[stream.write(left) :]
    stream.close()


def receive_all(sock):
    pieces = []
    piece = sock.recv(1 << 20)
    while piece:
        pieces.append(piece)
        piece = sock.recv(1 << 20)
    return b"".join(pieces)


def dial(address):
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host.strip("[]"), int(port)), 20)


class Listener(socket.socket):
    """Listens on a port of the kernel's choice; .address is where."""

    def __init__(self):
        super().__init__()
        self.settimeout(20)
        self.bind(("127.0.0.1", 0))
        self.listen()
        self.address = f"127.0.0.1:{self.getsockname()[1]}"


@pytest.fixture
def listener():
    with Listener() as sock:
        yield sock


def test_bytes_go_both_ways_between_the_two(relay):
    server = relay("listen", "127.0.0.1:0")
    client = relay("connect", server.address())
    there, back = DATA, DATA[::-1]
    in_background(send_and_close, client.stdin, there)
    in_background(send_and_close, server.stdin, back)
    results = {}
    thread = in_background(lambda: results.update(server=server.read_all()))
    results["client"] = client.read_all()
    thread.join(20)
    assert hashlib.sha256(results["server"]).digest() == hashlib.sha256(there).digest()
    assert hashlib.sha256(results["client"]).digest() == hashlib.sha256(back).digest()
    assert (server.process.wait(20), client.process.wait(20)) == (0, 0)
    assert (server.stderr.read(), client.stderr.read()) == (b"", b"")


@pytest.mark.parametrize("address", ["localhost:0", "[::1]:0", ":0"])
def test_listens_where_it_is_told(relay, address):
    server = relay("listen", address)
    where = server.address()
    where = where.replace("0.0.0.0", "127.0.0.1").replace("[::]", "[::1]")
    with dial(where) as sock:
        sock.sendall(b"x")
        sock.shutdown(socket.SHUT_WR)
        server.stdin.close()
        assert receive_all(sock) == b""
    assert server.read_all() == b"x"
    assert server.process.wait(20) == 0


def test_unix_sockets(relay, tmp_path):
    path = tmp_path / "socket"
    server = relay("listen", f"unix:{path}")
    assert server.address() == f"unix:{path}"
    client = relay("connect", f"unix:{path}")
    client.stdin.write(b"over a path")
    client.stdin.close()
    assert server.read_all() == b"over a path"
    server.stdin.close()
    assert client.read_all() == b""
    assert (server.process.wait(20), client.process.wait(20)) == (0, 0)


@pytest.mark.parametrize("role", ["listen", "connect"])
def test_own_end_first_then_the_peer_answers(relay, listener, role):
    if role == "listen":
        mine = relay("listen", "127.0.0.1:0")
        sock = dial(mine.address())
    else:
        mine = relay("connect", listener.address)
        sock = listener.accept()[0]
    with sock:
        sock.settimeout(20)
        mine.stdin.write(b"question")
        mine.stdin.close()
        assert receive_all(sock) == b"question"  # the end arrives while the other direction is open
        sock.sendall(b"answer")
    assert mine.read_all() == b"answer"
    assert mine.process.wait(20) == 0


@pytest.mark.parametrize("role", ["listen", "connect"])
def test_peer_ends_first_then_standard_input_goes_on(relay, listener, role):
    if role == "listen":
        mine = relay("listen", "127.0.0.1:0")
        sock = dial(mine.address())
    else:
        mine = relay("connect", listener.address)
        sock = listener.accept()[0]
    with sock:
        sock.settimeout(20)
        sock.sendall(b"question")
        sock.shutdown(socket.SHUT_WR)
        assert mine.read_all() == b"question"  # standard output is closed while the other direction is open
        assert mine.process.poll() is None
        send_and_close(mine.stdin, DATA)
        assert receive_all(sock) == DATA
    assert mine.process.wait(20) == 0


def test_answer_is_not_lost_when_the_peer_does_not_read(relay, listener):
    mine = relay("connect", listener.address)
    sock = listener.accept()[0]
    sock.sendall(b"answer")
    sock.close()
    assert mine.read_all() == b"answer"
    mine.stdin.close()
    mine.process.wait(20)


def test_reset_ends_it_although_standard_input_is_open(relay, listener):
    mine = relay("connect", listener.address)
    sock = listener.accept()[0]
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    sock.close()
    assert mine.process.wait(20) == 7
    assert b"reset" in mine.stderr.read()


def test_standard_output_that_breaks_ends_it_quietly(relay, listener):
    mine = relay("connect", listener.address)
    sock = listener.accept()[0]
    mine.stdout.close()
    with sock, pytest.raises(OSError):
        while True:
            sock.sendall(b"x" * 65536)
    assert mine.process.wait(20) == 8
    assert mine.stderr.read() == b""


def test_without_standard_input_it_only_receives(wharf, listener):
    process = subprocess.Popen(["sh", "-c", '"$0" connect "$1" <&-', wharf, listener.address], stdout=subprocess.PIPE)
    with listener.accept()[0] as sock:
        assert receive_all(sock) == b""
        sock.sendall(b"news")
    assert process.stdout.read() == b"news"
    process.stdout.close()
    assert process.wait(20) == 0


def test_standard_input_is_never_made_non_blocking(wharf, listener):
    reader, writer = os.pipe()
    process = subprocess.Popen([wharf, "connect", listener.address], stdin=reader)
    with listener.accept()[0] as sock:
        os.write(writer, b"x")
        assert sock.recv(1) == b"x"
        assert os.get_blocking(reader)
        os.close(writer)
        assert receive_all(sock) == b""
    assert process.wait(20) == 0
    assert os.get_blocking(reader)
    os.close(reader)


def test_second_client_is_refused_without_keep(relay):
    server = relay("listen", "127.0.0.1:0")
    address = server.address()
    with dial(address) as first:
        first.sendall(b"x")
        assert server.stdout.read(1) == b"x"
        with pytest.raises(ConnectionError):
            dial(address).close()


def test_keep_serves_one_after_another(relay):
    server = relay("listen", "-k", "127.0.0.1:0")
    address = server.address()
    server.stdin.write(b"for the first")
    server.stdin.close()
    for index, expected in enumerate([b"for the first", b"", b""]):
        with dial(address) as sock:
            sock.sendall(b"client %d;" % index)
            sock.shutdown(socket.SHUT_WR)
            assert receive_all(sock) == expected
    assert server.stdout.read(27) == b"client 0;client 1;client 2;"
    assert server.process.poll() is None
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(20) == -signal.SIGTERM


def test_keep_goes_on_after_a_reset(relay):
    server = relay("listen", "--keep", "127.0.0.1:0")
    address = server.address()
    sock = dial(address)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    sock.close()
    with dial(address) as second:
        second.sendall(b"still here")
        second.shutdown(socket.SHUT_WR)
        assert server.stdout.read(10) == b"still here"


def test_keep_on_a_terminal_moves_to_the_next_when_the_peer_has_ended(wharf):
    controller, terminal = pty.openpty()
    process = subprocess.Popen([wharf, "listen", "-k", "127.0.0.1:0"], stdin=terminal, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    os.close(terminal)
    address = process.stderr.readline().split()[-1].decode()
    for index in range(3):
        with dial(address) as sock:
            os.write(controller, b"typed %d\n" % index)
            assert sock.recv(100) == b"typed %d\n" % index
            sock.shutdown(socket.SHUT_WR)
            assert receive_all(sock) == b""
    process.kill()
    process.wait()
    for stream in (process.stdout, process.stderr):
        stream.close()
    os.close(controller)


def test_refused_connection_is_4(wharf, run, unused_port):
    port = unused_port()
    done = run(wharf, "connect", f"127.0.0.1:{port}")
    assert done.returncode == 4
    assert f"127.0.0.1:{port}" in done.stderr.decode()


def test_address_in_use_is_4(wharf, run, listener):
    done = run(wharf, "listen", listener.address)
    assert done.returncode == 4
    assert listener.address in done.stderr.decode()


def test_unknown_name_is_3(wharf, run):
    assert run(wharf, "connect", "no-such-host.invalid:80").returncode == 3


@pytest.mark.parametrize("flag, here, elsewhere", [("-4", "127.0.0.1", "::1"), ("-6", "::1", "127.0.0.1")])
def test_one_kind_of_address_alone(relay, wharf, run, flag, here, elsewhere):
    listener = relay("listen", flag, ":0")
    port = listener.address().rsplit(":", 1)[1]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((elsewhere, port))
    client = relay("connect", flag, f"localhost:{port}")
    client.stdin.write(b"hello")
    client.stdin.close()
    assert listener.stdout.read(5) == b"hello"
    bracketed = f"[{elsewhere}]" if ":" in elsewhere else elsewhere
    done = run(wharf, "connect", flag, f"{bracketed}:{port}")
    assert done.returncode == 2
    assert b"the setting `family` excludes this address" in done.stderr
    assert here != elsewhere


def test_names_lead_where_the_flags_say(relay, wharf, run):
    listener = relay("listen", "-k", "127.0.0.1:0")
    listener.stdin.close()
    port = listener.address().rsplit(":", 1)[1]
    for name in ("a.test", "bücher.test"):
        client = relay("connect", "--resolve", f"{name}=127.0.0.1", f"{name}:{port}")
        client.stdin.write(name.encode())
        client.stdin.close()
        assert listener.stdout.read(len(name.encode())) == name.encode()
    done = run(wharf, "connect", "--name-server", "127.0.0.1:1", f"a.test:{port}")
    assert done.returncode == 3
    assert b"127.0.0.1:1 connection refused" in done.stderr
    done = run(wharf, "connect", "--resolve", "a.test", f"a.test:{port}")
    assert done.returncode == 2
