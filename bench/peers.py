"""The servers that take part in a measurement: how each is started, asked for its use of CPU and memory, and ended."""

import contextlib
import os
import pathlib
import re
import select
import shutil
import socket
import subprocess
import time

START_SECONDS = 20
TICKS = os.sysconf("SC_CLK_TCK")


class Peer:
    """A running server. Its process is the one that serves, and it is ended by closing its standard input."""

    name = ""
    scheme = "http"

    def __init__(self, words, path, serves_file, closes):
        self.serves_file, self.closes = serves_file, closes
        self.process = subprocess.Popen(
            [str(word) for word in words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.url = self.first_line() + path

    def first_line(self):
        ready, _, _ = select.select([self.process.stdout], [], [], START_SECONDS)
        line = self.process.stdout.readline().decode().strip() if ready else ""
        if not line.startswith(f"{self.scheme}://"):
            self.stop()
            raise SystemExit(f"bench: {self.name} did not start: {self.process.args}")
        return line

    def url_when_it_accepts(self, port):
        """Of a server that announces nothing: once it accepts connections."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return f"{self.scheme}://127.0.0.1:{port}"
            except OSError:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(0.001)
        self.stop()
        raise SystemExit(f"bench: {self.name} did not start")

    def cpu(self):
        """Seconds of CPU time so far: user, system."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) / TICKS, int(fields[12]) / TICKS

    def memory(self):
        """Bytes of memory, shared pages divided among those who share them."""
        text = pathlib.Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return int(re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE).group(1)) * 1024

    def stop(self):
        self.process.stdin.close()
        self.process.terminate()
        try:
            self.process.wait(3)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class Wharf(Peer):
    name = "wharf"

    def __init__(self, program, body, serves_file, closes):
        words = [program, "--until-eof"]
        if serves_file:
            words += ["--files", body.parent]
        super().__init__(words, f"/files/{body.name}" if serves_file else "/", serves_file, closes)


class Bare(Peer):
    name = "bare"

    def __init__(self, program, reply, body, closes):
        words = [program, "--until-eof", "--reply", reply]
        if body is not None:
            words += ["--body", body]
        if closes:
            words.append("--close")
        super().__init__(words, "/", body is not None, closes)


NGINX_CONFIGURATION = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    sendfile on;
    tcp_nopush on;
    open_file_cache max=100 inactive=60s;
    keepalive_timeout 3600s;
    keepalive_requests 1000000000;
    server {{
        listen 127.0.0.1:{port};
        location = / {{ default_type text/plain; return 200 "Hello, World!"; }}
        location /files/ {{ alias {files}/; }}
    }}
}}
"""


class Nginx(Peer):
    """nginx as one process, with a configuration and a folder of its own."""

    name = "nginx"

    def __init__(self, program, folder, body, serves_file, closes):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        folder = folder / f"nginx-{self.port}"
        folder.mkdir()
        configuration = folder / "nginx.conf"
        configuration.write_text(NGINX_CONFIGURATION.format(folder=folder, port=self.port, files=body.parent))
        words = [program, "-p", folder, "-c", configuration, "-e", "stderr"]
        if shutil.which("setpriv"):
            words = ["setpriv", "--pdeathsig", "KILL", *words]
        super().__init__(words, f"/files/{body.name}" if serves_file else "/", serves_file, closes)

    def first_line(self):
        return self.url_when_it_accepts(self.port)

    @staticmethod
    def find():
        """Its path, or None."""
        return shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")


def fetch_first(url, head_only=False):
    """The bytes of one answer, or of its head, exactly as they came."""
    match = re.fullmatch(r"http://([\d.]+):(\d+)(/.*)", url)
    host, port, path = match.group(1), int(match.group(2)), match.group(3)
    with socket.create_connection((host, port), START_SECONDS) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        got = b""
        while True:
            head, end, _ = got.partition(b"\r\n\r\n")
            if end:
                length = re.search(rb"(?i)\r\ncontent-length:\s*(\d+)", head)
                size = len(head) + 4 + (0 if head_only else int(length.group(1)) if length else 0)
                if len(got) >= size:
                    return got[:size]
            piece = connection.recv(65536)
            if not piece:
                raise SystemExit(f"bench: {url} ended early")
            got += piece
