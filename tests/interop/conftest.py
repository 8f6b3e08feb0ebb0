"""Fixtures for tests of the built command, the examples and real peers.

WHARF_BUILD names the build folder (build/ when unset). Ports are chosen by the kernel. What a test starts is ended with
the test, by its own process id.
"""

import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("WHARF_BUILD") or ROOT / "build")
START_SECONDS = 20
STOP_SECONDS = 10


def built(path):
    if not path.exists():
        pytest.fail(f"{path} is not built", pytrace=False)
    return str(path)


@pytest.fixture(scope="session")
def root():
    """The top of the source tree."""
    return ROOT


@pytest.fixture(scope="session")
def wharf():
    """The path of the command."""
    return built(BUILD / "wharf")


@pytest.fixture(scope="session")
def examples():
    """examples(name): the path of an example program."""
    return lambda name: built(BUILD / "examples" / name)


@pytest.fixture(scope="session")
def run():
    """run(*words, input=b"", seconds=30): runs a program to its end; bytes in stdout and stderr."""

    def run_to_end(*words, input=b"", seconds=30, **options):
        return subprocess.run([str(word) for word in words], input=input, capture_output=True, timeout=seconds, **options)

    return run_to_end


class Server:
    """A running program: its process, what it has written, and a way to end it."""

    def __init__(self, words, errors_path, **options):
        self.errors_path = errors_path
        self._lines = []
        self._changed = threading.Condition()
        with open(errors_path, "wb") as errors:
            self.process = subprocess.Popen(
                [str(word) for word in words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                **options,
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self._changed:
                self._lines.append(line.decode(errors="replace").rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._lines.append(None)
            self._changed.notify_all()

    @property
    def pid(self):
        return self.process.pid

    def line(self, index=0, seconds=START_SECONDS):
        """The index-th line of its standard output, waited for."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._lines) > index or None in self._lines, seconds)
            if len(self._lines) <= index or self._lines[index] is None:
                pytest.fail(f"{self.process.args} wrote no line {index}; stderr: {self.errors()}", pytrace=False)
            return self._lines[index]

    def errors(self):
        """What it has written to standard error so far."""
        return pathlib.Path(self.errors_path).read_text(errors="replace")

    def wait_for_error(self, pattern, seconds=START_SECONDS):
        """Waits until standard error matches the pattern; the match."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            match = re.search(pattern, self.errors())
            if match or self.process.poll() is not None:
                break
            time.sleep(0.01)
        match = re.search(pattern, self.errors())
        assert match, f"no {pattern!r} in stderr: {self.errors()}"
        return match

    def stop(self, sign=signal.SIGTERM, seconds=STOP_SECONDS):
        """Ends it and returns its exit status; kills it when it does not end in time."""
        if self.process.poll() is None:
            self.process.send_signal(sign)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


@pytest.fixture
def start(tmp_path):
    """start(*words): starts a program and gives a Server."""
    servers = []

    def start_one(*words, **options):
        server = Server(words, tmp_path / f"stderr-{len(servers)}", **options)
        servers.append(server)
        return server

    yield start_one
    for server in servers:
        if server.process.poll() is None:
            server.process.terminate()
    for server in servers:
        try:
            server.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.process.kill()
            server.process.wait()


@pytest.fixture
def serve(wharf, start):
    """serve(folder, *more): starts `wharf serve` on a port of the kernel's choice.

    The Server has .url ("http://127.0.0.1:41234"), .host and .port.
    """

    def serve_folder(folder, *more, **options):
        server = start(wharf, "serve", folder, "--listen", "127.0.0.1:0", *more, **options)
        match = re.fullmatch(r"serving .* on (http://([\d.]+):(\d+))/", server.line())
        assert match, server.line()
        server.url, server.host, server.port = match.group(1), match.group(2), int(match.group(3))
        return server

    return serve_folder


@pytest.fixture
def unused_port():
    """unused_port(): a TCP port that was free a moment ago, for peers that cannot choose one themselves."""

    def find():
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]

    return find


def wait_until_listening(port, server, seconds=START_SECONDS):
    """Waits until something accepts on the port; fails when the server has ended or the time is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and server.process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            select.select([], [], [], 0.01)
    pytest.fail(f"{server.process.args} does not listen on {port}: {server.errors()}", pytrace=False)


@pytest.fixture
def listening():
    """listening(port, server): waits until the server accepts connections on the port."""
    return wait_until_listening


NGINX_CONFIGURATION = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    default_type application/octet-stream;
    server {{
        listen 127.0.0.1:{port};
        root {folder}/root;
        {server}
    }}
}}
"""


@pytest.fixture
def nginx(tmp_path, start, unused_port):
    """nginx(server_block=""): starts nginx in the foreground. The Server has .url, .port and .root, a folder to fill."""
    program = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if program is None:
        pytest.fail("nginx is not installed: tools/need.sh peers", pytrace=False)

    def start_nginx(server_block=""):
        port = unused_port()
        folder = tmp_path / f"nginx-{port}"
        (folder / "root").mkdir(parents=True)
        configuration = folder / "nginx.conf"
        configuration.write_text(NGINX_CONFIGURATION.format(folder=folder, port=port, server=server_block))
        server = start(program, "-p", folder, "-c", configuration, "-e", "stderr")
        server.url, server.port, server.root = f"http://127.0.0.1:{port}", port, folder / "root"
        wait_until_listening(port, server)
        return server

    return start_nginx
