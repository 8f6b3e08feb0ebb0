"""The HTTP client against servers that are not ours: Python's http.server, raw sockets, nginx."""

import hashlib
import http.server
import os
import socket
import subprocess
import threading
import typing

import pytest


class Answer(typing.NamedTuple):
    status: int
    error: str
    redirects: int
    address: str
    url: str
    why: str
    body: bytes


@pytest.fixture(scope="session")
def fetch(root, tmp_path_factory):
    """fetch(method, body, *urls): the answers of programs/fetch.c, one for each URL."""
    build = os.environ.get("WHARF_BUILD") or root / "build"
    program = tmp_path_factory.mktemp("programs") / "fetch"
    words = ["pkg-config", "--static", "--libs", "wharf-uninstalled"]
    env = {**os.environ, "PKG_CONFIG_PATH": f"{build}/meson-uninstalled"}
    flags = subprocess.run(words, env=env, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    subprocess.run(
        ["cc", "-std=gnu17", "-O1", "-g", "-Wall", "-Werror", f"-I{root}/include", root / "tests/interop/programs/fetch.c",
         "-o", program, *(f"{build}/libwharf.a" if flag == "-lwharf" else flag for flag in flags)],
        check=True,
    )

    def run_fetch(method, body, *urls, seconds=60):
        words = [program, method, body, *urls]
        out = subprocess.run(words, stdout=subprocess.PIPE, timeout=seconds, check=True).stdout
        answers = []
        while out:
            line, _, out = out.partition(b"\n")
            facts, _, why = line.decode().partition("|")
            status, error, length, redirects, address, url = facts.split(" ", 5)
            answers.append(Answer(int(status), error, int(redirects), address, url, why, out[: int(length)]))
            out = out[int(length) + 1 :]
        return answers

    return run_fetch


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def setup(self):
        super().setup()
        self.server.connections += 1

    def receive(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while True:
            size = int(self.rfile.readline(), 16)
            body += self.rfile.read(size)
            self.rfile.readline()
            if size == 0:
                return body

    def reply(self, status, body, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def handle_any(self):
        body = self.receive()
        self.server.requests.append((self.command, self.path, dict(self.headers), hashlib.sha256(body).hexdigest()))
        if self.path.startswith("/redirect/"):
            self.reply(302, b"moved", Location=self.path[len("/redirect/") :])
        elif self.path == "/close":
            self.reply(200, b"bye", Connection="close")
            self.close_connection = True
        else:
            self.reply(200, b"%s %s" % (self.command.encode(), body[:100]))

    do_GET = do_HEAD = do_POST = do_PUT = do_QUERY = handle_any


@pytest.fixture
def python_server():
    """python_server(): an http.server that answers with what it got; .url, .requests, .connections."""
    servers = []

    def start_server():
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        server.connections, server.requests = 0, []
        server.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return server

    yield start_server
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def raw_server():
    """raw_server(serve): serve(connection) for each connection, on threads; gives the URL."""
    listeners = []

    def start_server(serve):
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def accept():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    try:
                        serve(connection)
                    except OSError:
                        pass

        threading.Thread(target=accept, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start_server
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def test_keeps_one_connection_for_several_requests(fetch, python_server):
    server = python_server()
    answers = fetch("GET", "-", *[f"{server.url}/{i}" for i in range(10)])
    assert [answer.body for answer in answers] == [b"GET "] * 10
    assert server.connections == 1
    assert answers[0].address == server.url[len("http://") :]


def test_opens_another_connection_after_close(fetch, python_server):
    server = python_server()
    answers = fetch("GET", "-", f"{server.url}/close", f"{server.url}/close", server.url)
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert server.connections == 3


@pytest.mark.parametrize("method", ["POST", "PUT", "QUERY"])
@pytest.mark.parametrize("length", [0, 1, 65536, 3_000_000])
@pytest.mark.parametrize("kind", ["file", "counted", "chunked"])
def test_sends_bodies(fetch, python_server, tmp_path, method, length, kind):
    server = python_server()
    path = tmp_path / "body"
    path.write_bytes(b"x" * length)
    body = f"file:{path}" if kind == "file" else f"{kind}:{length}"
    (answer, again) = fetch(method, body, server.url, f"{server.url}/again")
    assert (answer.status, answer.error, again.error) == (200, "OK", "OK")
    assert {request[3] for request in server.requests} == {hashlib.sha256(b"x" * length).hexdigest()}
    assert server.connections == 1


def test_follows_redirects_without_credentials_to_another_origin(fetch, python_server):
    first, second = python_server(), python_server()
    with_credentials = first.url.replace("http://", "http://user:secret@")
    (answer,) = fetch("GET", "-", f"{with_credentials}/redirect/{second.url}/end#part")
    assert (answer.status, answer.redirects, answer.url) == (200, 1, f"{second.url}/end#part")
    assert "Authorization" in first.requests[0][2]
    assert "Authorization" not in second.requests[0][2]


def test_follows_head_without_a_body(fetch, python_server):
    server = python_server()
    (answer, second) = fetch("HEAD", "-", f"{server.url}/redirect//end", server.url)
    assert (answer.status, answer.body, second.status) == (200, b"", 200)


def test_says_who_refused_the_connection(fetch, unused_port):
    port = unused_port()
    (answer,) = fetch("GET", "-", f"http://127.0.0.1:{port}/")
    assert answer.error == "ECONNREFUSED"
    assert f"connect 127.0.0.1:{port}" in answer.why


def test_keeps_what_arrived_of_a_short_body(fetch, raw_server):
    def serve(connection):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789")

    url = raw_server(serve)
    (answer,) = fetch("GET", "-", f"{url}/x")
    assert (answer.error, answer.body) == ("EEOF", b"0123456789")
    assert answer.why.startswith(f"read body of {url}/x ({url[7:]}): ")
    assert answer.why.endswith("(EEOF): got 10 of 100 bytes")


def test_delivers_a_refusal_that_is_followed_by_a_reset(fetch, raw_server):
    """The server reads a little, answers, and closes with megabytes unread: the kernel resets the connection."""

    def serve(connection):
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 8\r\nConnection: close\r\n\r\ntoo much")

    for body in ("counted:900000", "chunked:50000000", "counted:50000000"):
        (answer,) = fetch("POST", body, raw_server(serve))
        assert (answer.status, answer.error, answer.body) == (413, "OK", b"too much")


def test_passes_over_interim_responses(fetch, raw_server):
    def serve(connection):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        connection.recv(65536)

    (answer,) = fetch("GET", "-", raw_server(serve))
    assert (answer.status, answer.body) == (200, b"ok")


def test_refuses_what_is_not_http(fetch, raw_server):
    (answer,) = fetch("GET", "-", raw_server(lambda connection: connection.sendall(b"220 mail.example ESMTP\r\n")))
    assert answer.error == "EPROTOCOL"
    assert "h1." in answer.why


@pytest.mark.peer
def test_gets_large_files_from_nginx(fetch, nginx):
    server = nginx()
    content = os.urandom(20_000_000)
    (server.root / "large").write_bytes(content)
    answers = fetch("GET", "-", f"{server.url}/large", f"{server.url}/missing", f"{server.url}/large")
    assert [answer.status for answer in answers] == [200, 404, 200]
    assert answers[0].body == answers[2].body == content


@pytest.mark.peer
def test_gets_a_refusal_from_nginx(fetch, nginx):
    server = nginx("client_max_body_size 1k; location /put { dav_methods PUT; }")
    for body in ("counted:5000", "counted:30000000", "chunked:30000000"):
        (answer,) = fetch("PUT", body, f"{server.url}/put/x")
        assert (answer.status, answer.error) == (413, "OK"), answer.why


@pytest.mark.peer
def test_uses_connections_that_nginx_limits(fetch, nginx):
    server = nginx("keepalive_requests 3;")
    (server.root / "x").write_text("hello")
    answers = fetch("GET", "-", *[f"{server.url}/x"] * 20)
    assert {(answer.status, answer.body) for answer in answers} == {(200, b"hello")}
