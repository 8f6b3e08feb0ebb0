"""wharf get, head, post, put, patch, delete, options against Python's http.server and against servers that misbehave on purpose."""

import email
import gzip
import http.server
import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import threading
import urllib.parse
import zlib

import pytest

LARGE = bytes(range(256)) * 20000


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers by path, and keeps what it was asked in server.seen."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, body, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and status != 304:
            self.wfile.write(body)

    def read_body(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body, size = b"", int(self.rfile.readline(), 16)
            while size > 0:
                body += self.rfile.read(size)
                self.rfile.readline()
                size = int(self.rfile.readline(), 16)
            self.rfile.readline()
            return body
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self):
        body = self.read_body()
        self.server.seen.append((self.command, self.path, self.headers, body, self.client_address))
        if self.path.startswith("/status/"):
            status = int(self.path.split("/")[2])
            self.reply(status, f"this is {status}\n".encode())
        elif self.path == "/large":
            self.reply(200, LARGE)
        elif self.path == "/moved":
            self.reply(302, b"elsewhere\n", [("Location", "/here")])
        elif self.path.startswith("/chain/"):
            self.reply(302, b"", [("Location", f"/chain/{int(self.path[7:]) + 1}")])
        elif self.path == "/secret":
            self.reply(200, b"ok\n", [("Set-Cookie", "session=hush"), ("X-Plain", "seen")])
        elif self.path == "/login":
            self.reply(200, b"ok\n", [("Set-Cookie", "id=7; Max-Age=60"), ("Set-Cookie", "theme=dark; Path=/x")])
        elif self.path.startswith("/set/"):
            self.reply(200, b"ok\n", [("Set-Cookie", f"c{self.path[5:]}=1")])
        elif self.path == "/logout":
            self.reply(200, b"ok\n", [("Set-Cookie", "id=; Max-Age=0")])
        elif self.path == "/gzip":
            coded = gzip.compress(LARGE)
            self.reply(200, coded if "gzip" in self.headers.get("Accept-Encoding", "") else LARGE,
                       [("Content-Encoding", "gzip")] if "gzip" in self.headers.get("Accept-Encoding", "") else [])
        elif self.path == "/deflate":
            self.reply(200, zlib.compress(LARGE), [("Content-Encoding", "deflate")])
        elif self.path == "/gzip-cut":
            self.reply(200, gzip.compress(LARGE)[:-9], [("Content-Encoding", "gzip")])
        elif self.path == "/controls":
            self.reply(200, b"\x1b[31mred\x1b[0m\r\n")
        elif self.path == "/binary":
            self.reply(200, b"\x00\x01\x02")
        elif self.path == "/echo-json":
            self.reply(200, body, [("Content-Type", "application/json")])
        elif self.command in ("POST", "PUT"):
            self.reply(200, body)
        else:
            self.reply(200, f"{self.command} {self.path}\n".encode())

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = answer


class Peer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A client that goes in the middle is part of some tests."""


@pytest.fixture
def peer():
    with Peer(("127.0.0.1", 0), Handler) as server:
        server.seen = []
        server.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield server
        server.shutdown()


@pytest.fixture
def scripted():
    """scripted(answer, hold=False): a server that reads one head, sends these bytes, and closes or waits for the end."""
    listeners = []

    def start(answer, hold=False):
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def serve():
            with listener.accept()[0] as client:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += client.recv(65536)
                client.sendall(answer)
                try:
                    while hold and client.recv(65536):
                        pass
                except ConnectionResetError:
                    pass

        threading.Thread(target=serve, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/"

    yield start
    for listener in listeners:
        listener.close()


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_body_goes_to_standard_output_byte_for_byte(wharf, run, peer):
    done = run(wharf, "get", f"{peer.url}/large")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == LARGE


def test_several_urls_in_order_over_one_connection(wharf, run, peer):
    done = run(wharf, "get", *(f"{peer.url}/{i}" for i in range(5)))
    assert done.returncode == 0
    assert done.stdout == b"".join(b"GET /%d\n" % i for i in range(5))
    assert len({client for *_, client in peer.seen}) == 1


@pytest.mark.parametrize("command, method", [("get", "GET"), ("post", "POST"), ("put", "PUT"), ("delete", "DELETE"), ("head", "HEAD")])
def test_method_is_the_one_that_was_named(wharf, run, peer, command, method):
    assert run(wharf, command, "-d", "x=1", f"{peer.url}/x").returncode == 0
    assert peer.seen[0][0] == method
    assert peer.seen[0][3] == b"x=1"


def test_head_writes_status_line_and_headers(wharf, run, peer):
    done = run(wharf, "head", f"{peer.url}/large")
    lines = done.stdout.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 200 OK"
    assert f"Content-Length: {len(LARGE)}".encode() in lines
    assert lines[-2:] == [b"", b""]


def test_include_puts_the_head_before_the_body(wharf, run, peer):
    done = run(wharf, "get", "-i", f"{peer.url}/x")
    head, body = done.stdout.split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert body == b"GET /x\n"


def test_headers_are_sent_in_order_replaced_and_left_out(wharf, run, peer):
    run(wharf, "get", "-H", "X-One: 1", "-HX-Two: 2", "--header=Accept: text/plain", "-H", "User-Agent:", f"{peer.url}/x")
    headers = peer.seen[0][2]
    names = [name for name in headers.keys() if name.startswith("X-")]
    assert names == ["X-One", "X-Two"]
    assert headers.get_all("Accept") == ["text/plain"]
    assert "User-Agent" not in headers


def test_data_from_text_file_and_standard_input(wharf, run, peer, tmp_path):
    file = tmp_path / "data"
    file.write_bytes(LARGE)
    assert run(wharf, "post", "-d", "a=1", f"{peer.url}/x").stdout == b"a=1"
    assert run(wharf, "post", "-d", f"@{file}", f"{peer.url}/x").stdout == LARGE
    assert run(wharf, "put", "--data=@-", f"{peer.url}/x", input=LARGE).stdout == LARGE
    types = [headers["Content-Type"] for _, _, headers, _, _ in peer.seen]
    assert types == ["application/x-www-form-urlencoded", "application/octet-stream", "application/octet-stream"]
    lengths = [headers["Content-Length"] for _, _, headers, _, _ in peer.seen]
    assert lengths == ["3", str(len(LARGE)), None]


def test_standard_input_from_a_file_has_a_length(wharf, peer, tmp_path):
    file = tmp_path / "data"
    file.write_bytes(b"skipped" + LARGE)
    with file.open("rb") as stdin:
        os.lseek(stdin.fileno(), 7, os.SEEK_SET)
        done = subprocess.run([wharf, "put", "-d", "@-", f"{peer.url}/x"], stdin=stdin, capture_output=True, timeout=30)
    assert done.stdout == LARGE
    assert peer.seen[0][2]["Content-Length"] == str(len(LARGE))


def test_content_type_can_be_chosen(wharf, run, peer):
    run(wharf, "post", "-d", "a=1", "-H", "Content-Type: text/csv", f"{peer.url}/x")
    assert peer.seen[0][2].get_all("Content-Type") == ["text/csv"]


def test_standard_input_is_not_touched_without_being_asked_for(wharf, peer):
    reader, writer = os.pipe()  # never written to: reading it would hang
    done = subprocess.run([wharf, "post", f"{peer.url}/x"], stdin=reader, capture_output=True, timeout=30)
    os.close(reader)
    os.close(writer)
    assert done.returncode == 0


def test_json_is_sent_and_asked_for_as_such(wharf, run, peer, tmp_path):
    file = tmp_path / "data.json"
    file.write_text('{"b": [1, 2]}')
    assert run(wharf, "post", "--json", '{"a": "\u00e9"}', f"{peer.url}/x").stdout == '{"a": "\u00e9"}'.encode()
    assert run(wharf, "post", "--json", f"@{file}", f"{peer.url}/x").stdout == b'{"b": [1, 2]}'
    assert run(wharf, "post", "--json", "@-", f"{peer.url}/x", input=b"[]").stdout == b"[]"
    assert run(wharf, "post", "--raw", "--json", "@-", f"{peer.url}/x", input=b"[").stdout == b"["
    for _, _, headers, _, _ in peer.seen:
        assert headers["Content-Type"] == "application/json"
        assert headers["Accept"] == "application/json"


def test_json_that_is_none_is_not_sent(wharf, run, peer):
    done = run(wharf, "post", "--json", "@-", f"{peer.url}/x", input=b'{"a": NaN}')
    assert (done.returncode, peer.seen) == (2, [])
    assert b"a value is missing at byte 6" in done.stderr


def test_missing_data_file_is_named_before_anything_is_sent(wharf, run, peer, tmp_path):
    done = run(wharf, "post", "-d", f"@{tmp_path}/none", f"{peer.url}/x")
    assert (done.returncode, peer.seen) == (8, [])
    assert f"{tmp_path}/none: " in done.stderr.decode()


def test_verbose_shows_both_heads_and_hides_secrets(wharf, run, peer):
    words = ["get", "-v", "-H", "Authorization: Basic hush", "-H", "X-Given: yes", f"{peer.url}/secret"]
    done = run(wharf, *words)
    assert done.stdout == b"ok\n"
    text = done.stderr.decode()
    for expected in ("> GET /secret HTTP/1.1", "> Host: 127.0.0.1:", "> X-Given: yes", "< HTTP/1.1 200 OK", "< X-Plain: seen"):
        assert expected in text
    assert "hush" not in text
    assert "> Authorization: [hidden]" in text
    assert "< Set-Cookie: [hidden]" in text
    text = run(wharf, *words, "--show-secrets").stderr.decode()
    assert "> Authorization: Basic hush" in text
    assert "< Set-Cookie: session=hush" in text


def test_redirect_is_followed_for_get_with_a_note(wharf, run, peer):
    done = run(wharf, "get", f"{peer.url}/moved")
    assert (done.returncode, done.stdout) == (0, b"GET /here\n")
    assert done.stderr.decode() == f"wharf get: redirected to {peer.url}/here\n"


def test_redirect_is_not_followed_for_post_or_on_request(wharf, run, peer):
    for words in (["post"], ["get", "--follow=no"]):
        done = run(wharf, *words, f"{peer.url}/moved")
        assert (done.returncode, done.stdout) == (13, b"elsewhere\n")
    done = run(wharf, "post", "--follow=yes", f"{peer.url}/moved")
    assert (done.returncode, done.stdout) == (0, b"GET /here\n")


@pytest.mark.parametrize("status, code", [(404, 14), (410, 14), (500, 15), (503, 15)])
def test_bad_status_is_an_exit_code_and_the_body_is_printed(wharf, run, peer, status, code):
    done = run(wharf, "get", f"{peer.url}/status/{status}")
    assert (done.returncode, done.stdout) == (code, f"this is {status}\n".encode())


def test_first_failure_decides_and_the_rest_is_fetched(wharf, run, peer):
    done = run(wharf, "get", f"{peer.url}/1", f"{peer.url}/status/404", f"{peer.url}/status/500", f"{peer.url}/2")
    assert done.returncode == 14
    assert done.stdout == b"GET /1\nthis is 404\nthis is 500\nGET /2\n"


def test_unknown_name_is_3(wharf, run):
    done = run(wharf, "get", "http://no-such-host.invalid/")
    assert done.returncode == 3
    assert "no-such-host.invalid" in done.stderr.decode()


def test_refused_connection_is_4(wharf, run, unused_port):
    port = unused_port()
    done = run(wharf, "get", f"http://127.0.0.1:{port}/")
    assert done.returncode == 4
    assert f"127.0.0.1:{port}" in done.stderr.decode()
    assert "refused" in done.stderr.decode()


def test_time_limit_is_5(wharf, run, scripted):
    url = scripted(b"", hold=True)
    assert run(wharf, "get", "--timeout", "0.2", url).returncode == 5
    url = scripted(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npart", hold=True)
    done = run(wharf, "get", "-t0.2", url)
    assert (done.returncode, done.stdout) == (5, b"part")


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
                                    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"])
def test_broken_protocol_is_6(wharf, run, scripted, answer):
    assert run(wharf, "get", scripted(answer)).returncode == 6


@pytest.mark.parametrize(
    "answer, body",
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npart", b"part"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n", b"part"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", b""),
    ],
)
def test_incomplete_answer_is_7_and_what_came_is_printed(wharf, run, scripted, answer, body):
    done = run(wharf, "get", scripted(answer))
    assert (done.returncode, done.stdout) == (7, body)
    assert len(done.stderr.splitlines()) == 1


def test_full_device_is_8(wharf, run, peer):
    done = run(wharf, "get", "-o", "/dev/full", f"{peer.url}/large")
    assert done.returncode == 8
    assert b"/dev/full" in done.stderr


def test_endless_redirect_is_9(wharf, run, peer):
    done = run(wharf, "get", f"{peer.url}/chain/0")
    assert done.returncode == 9
    assert len(peer.seen) == 21


def test_https_to_nobody_is_a_failure_to_connect(wharf, run, unused_port):
    assert run(wharf, "get", f"https://127.0.0.1:{unused_port()}/").returncode == 4


def test_output_file_appears_complete(wharf, run, peer, tmp_path):
    file = tmp_path / "file"
    done = run(wharf, "get", "-o", file, f"{peer.url}/large")
    assert (done.returncode, done.stdout) == (0, b"")
    assert file.read_bytes() == LARGE
    assert names_in(tmp_path) == ["file"]


def test_output_file_survives_an_incomplete_answer(wharf, run, scripted, tmp_path):
    file = tmp_path / "file"
    file.write_text("old")
    done = run(wharf, "get", "-o", file, scripted(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npart"))
    assert done.returncode == 7
    assert file.read_text() == "old"
    assert names_in(tmp_path) == ["file"]


def test_output_file_survives_a_bad_status(wharf, run, peer, tmp_path):
    file = tmp_path / "file"
    file.write_text("old")
    done = run(wharf, "get", "-o", file, f"{peer.url}/status/404")
    assert (done.returncode, done.stdout) == (14, b"this is 404\n")
    assert file.read_text() == "old"


def test_output_file_that_is_up_to_date_is_left_alone(wharf, run, peer, tmp_path):
    file = tmp_path / "file"
    file.write_text("old")
    done = run(wharf, "get", "-o", file, "-H", "If-None-Match: *", f"{peer.url}/status/304")
    assert (done.returncode, done.stdout) == (0, b"")
    assert file.read_text() == "old"


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_output_file_leaves_no_trace_when_killed(wharf, scripted, tmp_path, sign):
    file = tmp_path / "file"
    url = scripted(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nX: y\r\n\r\npart", hold=True)
    # -v shows the response's head once the body is on its way.
    process = subprocess.Popen([wharf, "get", "-v", "-o", file, url], stderr=subprocess.PIPE)
    while process.stderr.readline() not in (b"<\n", b""):
        pass
    process.send_signal(sign)
    assert process.wait(20) == -sign
    process.stderr.close()
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("name", ["none/file", "none/", "", "n" * 300])
def test_output_that_cannot_be_made_sends_nothing(wharf, run, peer, tmp_path, name):
    done = run(wharf, "post", "-d", "x", "-o", f"{tmp_path}/{name}" if name else "", f"{peer.url}/x")
    assert (done.returncode, peer.seen) == (8, [])


def test_output_file_keeps_its_permissions_but_no_special_powers(wharf, run, peer, tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"old")
    file.chmod(0o6750)
    done = run(wharf, "get", "-o", file, f"{peer.url}/large")
    assert (done.returncode, file.stat().st_mode & 0o7777) == (0, 0o750)


def test_output_can_be_a_named_pipe(wharf, peer, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    process = subprocess.Popen([wharf, "get", "-o", pipe, f"{peer.url}/large"])
    with pipe.open("rb") as reader:
        assert reader.read() == LARGE
    assert process.wait(20) == 0
    assert pipe.is_fifo()


def test_reader_that_leaves_ends_it_quietly(wharf, peer):
    process = subprocess.Popen([wharf, "get", f"{peer.url}/large", f"{peer.url}/large"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.read(1)
    process.stdout.close()
    assert process.wait(20) == 8
    assert process.stderr.read() == b""
    process.stderr.close()


def read_terminal(words, terminal_fd, **options):
    """Runs a command with a pseudo-terminal as one of its descriptors; what it wrote there, and its exit code."""
    controller, terminal = pty.openpty()
    streams = {fd: subprocess.DEVNULL for fd in (1, 2)}
    streams[terminal_fd] = terminal
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=streams[1], stderr=streams[2], **options)
    os.close(terminal)
    shown = b""
    while select.select([controller], [], [], 20)[0]:
        try:
            piece = os.read(controller, 65536)
        except OSError:  # the other end was closed
            break
        shown += piece
    os.close(controller)
    return shown, process.wait(20)


def test_terminal_is_not_steered_by_a_page(wharf, peer):
    assert read_terminal([wharf, "get", f"{peer.url}/controls"], 1) == (b"^[[31mred^[[0m\r\n", 0)


def test_binary_data_is_not_shown_on_a_terminal(wharf, peer):
    shown, code = read_terminal([wharf, "get", f"{peer.url}/binary"], 1)
    assert code == 0
    assert shown.startswith(b"(binary data is not shown")


def test_long_transfer_shows_progress_on_a_terminal(wharf, peer):
    shown, code = read_terminal([wharf, "get", f"{peer.url}/large"], 2)
    assert code == 0
    assert b" % [" in shown
    assert shown.endswith(b"\r\x1b[K")


def test_what_serve_gives_is_what_get_takes(wharf, run, serve, tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "file").write_bytes(LARGE)
    server = serve(folder)
    assert run(wharf, "get", f"{server.url}/file").stdout == LARGE
    head = run(wharf, "head", f"{server.url}/file").stdout.decode()
    tag = next(line.split(": ", 1)[1] for line in head.split("\r\n") if line.lower().startswith("etag: "))
    done = run(wharf, "get", "-i", "-H", f"If-None-Match: {tag}", f"{server.url}/file")
    assert done.stdout.startswith(b"HTTP/1.1 304 ")
    assert done.returncode == 0
    done = run(wharf, "get", f"{server.url}/none")
    assert done.returncode == 14
    assert done.stdout


@pytest.mark.peer
def test_files_come_from_nginx_as_they_are(wharf, run, nginx, tmp_path):
    server = nginx()
    (server.root / "large").write_bytes(LARGE)
    (server.root / "hello.txt").write_text("Hello, World!\n")
    done = run(wharf, "get", f"{server.url}/hello.txt", f"{server.url}/large", f"{server.url}/none")
    assert done.returncode == 14
    assert done.stdout.startswith(b"Hello, World!\n" + LARGE + b"<html>")
    file = tmp_path / "file"
    assert run(wharf, "get", "-o", file, f"{server.url}/large").returncode == 0
    assert file.read_bytes() == LARGE
    head = run(wharf, "head", f"{server.url}/large")
    assert f"Content-Length: {len(LARGE)}\r\n".encode() in head.stdout
    part = run(wharf, "get", "-i", "-H", "Range: bytes=1-3", f"{server.url}/hello.txt")
    assert part.stdout.startswith(b"HTTP/1.1 206 ") and part.stdout.endswith(b"\r\n\r\nell")


@pytest.mark.peer
def test_redirect_of_nginx_is_followed(wharf, run, nginx):
    server = nginx("location /old { return 301 /hello.txt; }")
    (server.root / "hello.txt").write_text("Hello, World!\n")
    done = run(wharf, "get", f"{server.url}/old")
    assert (done.returncode, done.stdout) == (0, b"Hello, World!\n")
    assert b"redirected to" in done.stderr


def test_coded_bodies_are_decoded(wharf, run, peer):
    assert run(wharf, "get", f"{peer.url}/gzip").stdout == LARGE
    assert peer.seen[-1][2]["Accept-Encoding"] == "gzip, deflate, br, zstd"
    assert run(wharf, "get", f"{peer.url}/deflate").stdout == LARGE


def test_raw_leaves_bodies_as_they_are(wharf, run, peer):
    assert run(wharf, "get", "--raw", f"{peer.url}/deflate").stdout == zlib.compress(LARGE)
    assert "Accept-Encoding" not in peer.seen[-1][2]


def test_cut_coding_is_an_error_and_leaves_no_file(wharf, run, peer, tmp_path):
    done = run(wharf, "get", "-o", tmp_path / "file", f"{peer.url}/gzip-cut")
    assert done.returncode == 7
    assert b"incomplete coding, gzip" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.peer
def test_coding_of_nginx_is_undone(wharf, run, nginx):
    server = nginx("gzip on; gzip_types *; gzip_min_length 1;")
    (server.root / "large").write_bytes(LARGE)
    done = run(wharf, "get", "-i", f"{server.url}/large")
    assert b"Content-Encoding: gzip\r\n" in done.stdout and done.stdout.endswith(b"\r\n\r\n" + LARGE)


def cookie_of(request):
    return request[2].get("Cookie")


def test_cookies_are_sent_from_the_command_line(wharf, run, peer):
    run(wharf, "get", "-b", "a=1; b=2", "-b", "c=3", peer.url + "/x")
    assert cookie_of(peer.seen[0]) == "a=1; b=2; c=3"


@pytest.mark.parametrize("name", ["jar", "jar.json"])
def test_cookie_jar_is_kept_from_one_call_to_the_next(wharf, run, peer, tmp_path, name):
    jar = tmp_path / name
    for path in ("/login", "/a", "/x/y"):
        assert run(wharf, "get", "-c", jar, peer.url + path).returncode == 0
    assert [cookie_of(request) for request in peer.seen] == [None, "id=7", "theme=dark; id=7"]
    assert jar.stat().st_mode & 0o777 == 0o600
    assert run(wharf, "get", "-b", jar, "-b", "id=8", peer.url + "/logout").returncode == 0
    assert cookie_of(peer.seen[3]) == "id=8"
    assert run(wharf, "get", "-c", jar, peer.url + "/logout", peer.url + "/x/y").returncode == 0
    assert [cookie_of(request) for request in peer.seen[4:]] == ["id=7", "theme=dark"]


def test_cookie_jar_goes_to_curl_and_back(wharf, run, peer, tmp_path):
    jar = tmp_path / "jar"
    assert run("curl", "-s", "-c", jar, peer.url + "/login").returncode == 0
    assert run(wharf, "get", "-c", jar, peer.url + "/x/y").returncode == 0
    assert run("curl", "-s", "-b", jar, peer.url + "/x/y").returncode == 0
    assert [cookie_of(request) for request in peer.seen] == [None, "theme=dark; id=7", "theme=dark; id=7"]


def test_session_has_a_name(wharf, run, peer, tmp_path):
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}
    for path in ("/login", "/a"):
        assert run(wharf, "get", "--session", "shop", peer.url + path, env=environment).returncode == 0
    assert run(wharf, "get", "--session", "other", peer.url + "/a", env=environment).returncode == 0
    assert [cookie_of(request) for request in peer.seen] == [None, "id=7", None]
    assert (tmp_path / "state/wharf/sessions/shop.json").exists()
    assert run(wharf, "get", "--session", ".", peer.url + "/a", env=environment).returncode == 2


def test_programs_share_a_jar(wharf, peer, tmp_path):
    jar = tmp_path / "jar.json"
    calls = [subprocess.Popen([wharf, "get", "-c", jar, f"{peer.url}/set/{i}"], stdout=subprocess.DEVNULL)
             for i in range(12)]
    assert [call.wait(30) for call in calls] == [0] * 12
    assert {cookie["name"] for cookie in json.loads(jar.read_text())["cookies"]} == {f"c{i}" for i in range(12)}


def test_file_that_is_no_jar_is_left_alone(wharf, run, peer, tmp_path):
    notes = tmp_path / "notes"
    notes.write_text("things to buy\n")
    result = run(wharf, "get", "-c", notes, peer.url + "/login")
    assert (result.returncode, notes.read_text(), peer.seen) == (8, "things to buy\n", [])
    assert b"line 1 is no cookie" in result.stderr
    assert run(wharf, "get", "-b", tmp_path / "none", peer.url + "/").returncode == 8


def sent_by(run, peer, *words):
    result = run(*words)
    assert result.returncode == 0, result.stderr
    return peer.seen[-1]


def test_items_make_json(wharf, run, peer, tmp_path):
    text = tmp_path / "text"
    text.write_text("from a file")
    raw = tmp_path / "raw"
    raw.write_text('{"z": [null]}')
    method, path, headers, body, _ = sent_by(
        run, peer, wharf, "post", peer.url + "/json?a=1", "name=Ada L", "age:=36", r"a\=b=c=d", f"note=@{text}",
        f"more:=@{raw}", "list[]=one", "list[]=two", "deep[er][0][x]:=true", "q==a b&c", "q==2", "X-Given: yes", "Accept:", "X-Empty;")
    assert (method, path) == ("POST", "/json?a=1&q=a%20b%26c&q=2")
    assert json.loads(body) == {"name": "Ada L", "age": 36, "a=b": "c=d", "note": "from a file", "more": {"z": [None]},
                                "list": ["one", "two"], "deep": {"er": [{"x": True}]}}
    assert headers["Content-Type"] == "application/json"
    assert (headers["X-Given"], headers["X-Empty"], headers["Accept"]) == ("yes", "", None)


def test_items_make_a_form(wharf, run, peer):
    _, _, headers, body, _ = sent_by(run, peer, wharf, "post", "--form", peer.url + "/form", "a b=1&2", "c=ü", "c=")
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert urllib.parse.parse_qsl(body.decode(), keep_blank_values=True) == [("a b", "1&2"), ("c", "ü"), ("c", "")]


def test_files_of_a_form_are_streamed_with_a_length(wharf, run, peer, tmp_path):
    large = tmp_path / 'a"ü.png'
    large.write_bytes(LARGE)
    _, _, headers, body, _ = sent_by(run, peer, wharf, "put", "-f", peer.url + "/", "title=T", f"file@{large}")
    assert int(headers["Content-Length"]) == len(body)
    message = email.message_from_bytes(b"Content-Type: " + headers["Content-Type"].encode() + b"\r\n\r\n" + body)
    title, file = message.get_payload()
    assert title.get_payload() == "T" and title.get_param("name", header="Content-Disposition") == "title"
    assert file.get_payload(decode=True) == LARGE and file.get_content_type() == "image/png"
    assert b'filename="a%22\xc3\xbc.png"' in body


@pytest.mark.parametrize("words", [
    ["get", "URL", "a=1"], ["post", "URL", "a@file"], ["post", "-d", "x", "URL", "a=1"], ["post", "URL", "a:=nonsense"],
    ["post", "URL", "a[b=1"], ["post", "URL", "a=1", "a[b]=2"], ["post", "a=1"], ["post", "URL", "plain"], ["get", "-o", "x", "-O", "URL"],
])
def test_items_that_make_no_sense_are_refused(wharf, run, peer, words):
    result = run(wharf, *[peer.url + "/" if word == "URL" else word for word in words])
    assert (result.returncode, peer.seen) == (2, []), result.stderr


def test_offline_writes_what_would_be_sent(wharf, run):
    result = run(wharf, "post", "--offline", "-S", "X-Key: hush", "http://nowhere.example/p", "a=1", "b==2")
    head, _, body = result.stdout.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /p?b=2 HTTP/1.1\r\nHost: nowhere.example\r\n") and body == b'{"a": "1"}'
    assert b"Content-Length: 10" in head and b"X-Key: [hidden]" in head


@pytest.mark.parametrize("command,method", [("patch", "PATCH"), ("options", "OPTIONS")])
def test_more_methods(wharf, run, peer, command, method):
    assert sent_by(run, peer, wharf, command, peer.url + "/x")[0] == method


def test_remote_name_is_taken_from_the_url_and_replaces_nothing(wharf, run, peer, tmp_path):
    words = [wharf, "get", "-O", peer.url + "/a/page.html?x=/y"]
    assert run(*words, cwd=tmp_path).returncode == 0
    assert (tmp_path / "page.html").read_bytes() == b"GET /a/page.html?x=/y\n"
    assert run(*words, cwd=tmp_path).returncode == 8
    for path in ("/", "", "/a/..", "/.hidden"):
        assert run(wharf, "get", "-O", peer.url + path, cwd=tmp_path).returncode == 8
    assert names_in(tmp_path) == ["page.html"] and len(peer.seen) == 1


def test_body_is_compressed_on_request(wharf, run, peer):
    _, _, headers, body, _ = sent_by(run, peer, wharf, "post", "--compress", "gzip", "-d", "x" * 5000, peer.url + "/")
    assert headers["Content-Encoding"] == "gzip" and gzip.decompress(body) == b"x" * 5000


def test_everyday_flags_of_curl(wharf, run, peer):
    assert sent_by(run, peer, wharf, "get", "-A", "me/1", peer.url + "/")[2]["User-Agent"] == "me/1"
    assert sent_by(run, peer, wharf, "post", "-L", peer.url + "/moved")[:2] == ("GET", "/here")


def test_report_is_one_object_for_each_url(wharf, run, peer, unused_port):
    result = run(wharf, "get", "--report", "json", f"http://u:hush@127.0.0.1:{peer.server_port}/moved",
                 f"http://127.0.0.1:{unused_port()}/")
    lines = [json.loads(line) for line in result.stderr.splitlines() if line.startswith(b"{")]
    assert [(line["status"], line["exit_code"], line["error"]) for line in lines] == [(200, 0, None), (0, 4, "ECONNREFUSED")]
    assert [attempt["status"] for attempt in lines[0]["attempts"]] == [302, 200]
    assert lines[0]["url"] == peer.url + "/here" and b"hush" not in result.stderr


def test_json_is_laid_out_on_a_terminal_alone(wharf, run, peer):
    text = b'{"a":[1,"x\\u001b[2J",{}],"b":null}'
    words = [wharf, "post", "--json", text.decode(), peer.url + "/echo-json"]
    assert run(*words).stdout == text
    shown, _ = read_terminal(words, 1, env={**os.environ, "NO_COLOR": "1"})
    assert shown.replace(b"\r\n", b"\n").decode() == json.dumps(json.loads(text), indent=4) + "\n"
    coloured, _ = read_terminal(words, 1, env={**os.environ, "NO_COLOR": "", "TERM": "xterm"})
    assert re.sub(rb"\x1b\[[0-9;]*m", b"", coloured) == shown and b"\x1b[1;34m" in coloured
