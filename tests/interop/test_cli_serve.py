"""wharf serve: a directory for curl and for Python's clients, and how the command starts and ends."""

import email.utils
import hashlib
import http.client
import json
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pytest

GIBIBYTE = 1 << 30


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "served"
    (folder / "sub" / "deeper").mkdir(parents=True)
    (folder / "hello.txt").write_bytes(b"Hello, World!\n")
    (folder / "bytes.bin").write_bytes(bytes(range(256)) * 400)
    (folder / "page.html").write_text("<!doctype html><p>page")
    (folder / "sub" / "index.html").write_text("<!doctype html><p>index")
    (folder / "sub" / "deeper" / "a b&c.txt").write_text("odd name")
    (folder / ".hidden").write_text("secret")
    (tmp_path / "outside.txt").write_text("outside")
    (folder / "escape").symlink_to("../outside.txt")
    return folder


def fetch(server, method, target, headers=None):
    connection = http.client.HTTPConnection(server.host, server.port, timeout=20)
    connection.putrequest(method, target, skip_accept_encoding=True)
    for name, value in (headers or {}).items():
        connection.putheader(name, value)
    connection.endheaders()
    response = connection.getresponse()
    response.body = response.read()
    connection.close()
    return response


def wait_until(holds, seconds=20):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def curl(*words):
    done = subprocess.run(["curl", "-sS", "--max-time", "60", *words], capture_output=True, timeout=90)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_first_line_says_where(serve, folder):
    server = serve(folder)
    assert server.line() == f"serving {folder} on http://127.0.0.1:{server.port}/"


def test_file_arrives_with_type_and_validators(serve, folder):
    response = fetch(serve(folder), "GET", "/hello.txt")
    assert (response.status, response.body) == (200, b"Hello, World!\n")
    assert response.getheader("Content-Type").startswith("text/plain")
    assert response.getheader("Content-Length") == "14"
    assert response.getheader("ETag")
    modified = email.utils.parsedate_to_datetime(response.getheader("Last-Modified"))
    assert int(modified.timestamp()) == int((folder / "hello.txt").stat().st_mtime)


def test_head_is_get_without_the_body(serve, folder):
    server = serve(folder)
    whole, head = fetch(server, "GET", "/bytes.bin"), fetch(server, "HEAD", "/bytes.bin")
    assert (head.status, head.body) == (200, b"")
    for name in ("Content-Length", "Content-Type", "ETag", "Last-Modified"):
        assert head.getheader(name) == whole.getheader(name)


def test_unchanged_file_is_304(serve, folder):
    server = serve(folder)
    first = fetch(server, "GET", "/hello.txt")
    assert fetch(server, "GET", "/hello.txt", {"If-None-Match": first.getheader("ETag")}).status == 304
    assert fetch(server, "GET", "/hello.txt", {"If-Modified-Since": first.getheader("Last-Modified")}).status == 304
    assert fetch(server, "GET", "/hello.txt", {"If-None-Match": '"another"'}).status == 200


@pytest.mark.parametrize(
    "range_, first, last",
    [("bytes=0-9", 0, 9), ("bytes=100-", 100, 102399), ("bytes=-5", 102395, 102399), ("bytes=102399-200000", 102399, 102399)],
)
def test_range_is_206(serve, folder, range_, first, last):
    response = fetch(serve(folder), "GET", "/bytes.bin", {"Range": range_})
    assert response.status == 206
    assert response.getheader("Content-Range") == f"bytes {first}-{last}/102400"
    assert response.body == (folder / "bytes.bin").read_bytes()[first : last + 1]


def test_range_past_the_end_is_416(serve, folder):
    response = fetch(serve(folder), "GET", "/bytes.bin", {"Range": "bytes=200000-"})
    assert response.status == 416
    assert response.getheader("Content-Range") == "bytes */102400"


@pytest.mark.parametrize(
    "target", ["/none", "/.hidden", "/escape", "/../outside.txt", "/%2e%2e/outside.txt", "/sub/..%2f..%2foutside.txt", "/hello.txt/x"]
)
def test_what_is_not_served_is_not_found(serve, folder, target):
    response = fetch(serve(folder), "GET", target)
    assert response.status in (400, 403, 404)
    assert b"outside" not in response.body.replace(target.encode(), b"")
    assert b"secret" not in response.body


def test_hidden_names_are_served_when_asked_for(serve, folder):
    assert fetch(serve(folder, "--hidden"), "GET", "/.hidden").body == b"secret"


def test_another_method_is_405_and_says_which_are_allowed(serve, folder):
    response = fetch(serve(folder), "DELETE", "/hello.txt")
    assert response.status == 405
    assert "GET" in response.getheader("Allow")
    assert (folder / "hello.txt").exists()


def test_directory_shows_its_index_page_or_a_listing(serve, folder):
    server = serve(folder)
    with urllib.request.urlopen(f"{server.url}/sub") as response:
        assert response.url == f"{server.url}/sub/"
        assert b"index" in response.read()
    listing = fetch(server, "GET", "/")
    assert listing.getheader("Content-Type").startswith("text/html")
    for name in (b"hello.txt", b"sub/", b"bytes.bin"):
        assert name in listing.body
    assert b".hidden" not in listing.body
    assert b"<script" not in listing.body


def test_every_link_of_a_listing_works(serve, folder):
    server = serve(folder)
    listing = fetch(server, "GET", "/sub/deeper/").body.decode()
    links = [link for link in re.findall(r'href="([^"]+)"', listing) if "odd" not in link and "a%20b" in link]
    assert links
    with urllib.request.urlopen(f"{server.url}/sub/deeper/{links[0]}") as response:
        assert response.read() == b"odd name"


def test_listing_leaves_out_what_has_no_path(serve, folder):
    (folder / "back\\slash.txt").write_text("unreachable")
    server = serve(folder)
    assert b"slash.txt" not in fetch(server, "GET", "/").body
    assert fetch(server, "GET", "/back%5Cslash.txt").status == 404


def test_file_that_is_being_rewritten_is_no_failure(serve, folder):
    server = serve(folder)
    file = folder / "busy.txt"
    file.write_bytes(b"z")
    done = threading.Event()

    def rewrite():
        size = 0
        while not done.is_set():
            size = (size + 7919) % 30000
            file.write_bytes(b"z" * size)

    writer = threading.Thread(target=rewrite)
    writer.start()
    connection = http.client.HTTPConnection(server.host, server.port, timeout=20)
    seen = set()
    try:
        for _ in range(400):
            connection.request("GET", "/busy.txt")
            response = connection.getresponse()
            body = response.read()
            seen.add(response.status)
            assert response.status != 200 or body.strip(b"z") == b""
    finally:
        done.set()
        writer.join()
        connection.close()
    assert seen <= {200, 503}


def test_connection_is_kept_for_the_next_request(serve, folder):
    server = serve(folder)
    connection = http.client.HTTPConnection(server.host, server.port, timeout=20)
    connection.request("GET", "/hello.txt")
    connection.getresponse().read()
    first = connection.sock
    connection.request("GET", "/bytes.bin")
    assert len(connection.getresponse().read()) == 102400
    assert connection.sock is first
    connection.close()


def test_curl_fetches_lists_and_resumes(serve, folder, tmp_path):
    server = serve(folder)
    assert curl(f"{server.url}/hello.txt") == b"Hello, World!\n"
    assert curl("-L", f"{server.url}/sub") == b"<!doctype html><p>index"
    part = tmp_path / "part"
    part.write_bytes((folder / "bytes.bin").read_bytes()[:1000])
    curl("-C", "-", "-o", str(part), f"{server.url}/bytes.bin")
    assert part.read_bytes() == (folder / "bytes.bin").read_bytes()
    assert curl("-o", "/dev/null", "-w", "%{http_code}", "-z", str(folder / "hello.txt"), f"{server.url}/hello.txt") == b"304"


def test_large_file_is_complete(serve, folder):
    large = folder / "large"
    marks = {0: b"begin", GIBIBYTE // 2: b"middle", GIBIBYTE - 3: b"end"}
    with large.open("wb") as file:
        file.truncate(GIBIBYTE)
        for offset, mark in marks.items():
            file.seek(offset)
            file.write(mark)
    server = serve(folder)
    size = curl("-o", "/dev/null", "-w", "%{size_download}", f"{server.url}/large")
    assert int(size) == GIBIBYTE
    for offset, mark in marks.items():
        response = fetch(server, "GET", "/large", {"Range": f"bytes={offset}-{offset + len(mark) - 1}"})
        assert response.body == mark


def test_changed_file_is_seen(serve, folder):
    server = serve(folder)
    before = fetch(server, "GET", "/hello.txt")
    replacement = folder / "replacement"
    replacement.write_bytes(b"changed and longer\n")
    replacement.rename(folder / "hello.txt")
    connection = http.client.HTTPConnection(server.host, server.port, timeout=20)
    deadline = time.monotonic() + 5
    seen = False
    while not seen and time.monotonic() < deadline:
        connection.request("GET", "/hello.txt")
        response = connection.getresponse()
        seen = response.read() == b"changed and longer\n"
    connection.close()
    assert seen
    assert response.getheader("ETag") != before.getheader("ETag")


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_it_gracefully(serve, folder, sign):
    server = serve(folder)
    connection = http.client.HTTPConnection(server.host, server.port, timeout=20)
    connection.request("GET", "/hello.txt")
    assert connection.getresponse().read() == b"Hello, World!\n"
    assert server.stop(sign) == 0
    assert connection.sock.recv(1) == b""  # the idle connection was closed, not reset
    connection.close()
    assert server.errors() == ""


def test_signal_lets_a_running_request_finish(serve, folder):
    large = folder / "large"
    with large.open("wb") as file:
        file.truncate(64 << 20)
    server = serve(folder)
    with socket.create_connection((server.host, server.port), 20) as sock:
        sock.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        received = len(sock.recv(1000))
        server.process.send_signal(signal.SIGTERM)
        piece = sock.recv(1 << 20)
        while piece:
            received += len(piece)
            piece = sock.recv(1 << 20)
    assert received > 64 << 20
    assert server.process.wait(20) == 0


def test_port_that_is_taken_is_named(wharf, run, serve, folder):
    server = serve(folder)
    done = run(wharf, "serve", folder, "--listen", f"127.0.0.1:{server.port}")
    assert (done.returncode, done.stdout) == (4, b"")
    assert f"127.0.0.1:{server.port} is already in use" in done.stderr.decode()


def test_directory_that_is_missing_is_named(wharf, run, tmp_path):
    done = run(wharf, "serve", tmp_path / "none", "--listen", "127.0.0.1:0")
    assert (done.returncode, done.stdout) == (8, b"")
    assert "none: " in done.stderr.decode()


def test_several_addresses_and_a_unix_socket(start, wharf, folder, tmp_path):
    path = tmp_path / "socket"
    server = start(wharf, "serve", folder, "--listen", "127.0.0.1:0", "--listen", f"unix:{path}")
    assert server.line().startswith(f"serving {folder} on http://127.0.0.1:")
    assert curl("--unix-socket", str(path), "http://localhost/hello.txt") == b"Hello, World!\n"
    assert server.stop() == 0
    assert server.errors() == f"also on unix:{path}\n"
    assert not path.exists()


def test_log_has_a_line_for_each_request(serve, folder):
    server = serve(folder, "--log=common", "--threads=1")
    fetch(server, "GET", "/hello.txt")
    fetch(server, "GET", "/none")
    server.wait_for_error(r"GET /none")
    assert server.stop() == 0
    lines = server.errors().splitlines()
    assert len(lines) == 2
    assert re.match(r'127\.0\.0\.1 - - \[.+\] "GET /hello.txt HTTP/1.1" 200 14', lines[0])
    assert '"GET /none HTTP/1.1" 404' in lines[1]


def test_log_can_be_json(serve, folder):
    server = serve(folder, "--log", "json", "--threads", "1")
    fetch(server, "GET", '/hello.txt?q="x"')
    server.wait_for_error(r"hello")
    assert server.stop() == 0
    record = json.loads(server.errors())
    assert record["status"] == 200


@pytest.mark.parametrize("format", ["common", "combined", "json", "logfmt"])
def test_log_goes_to_a_file_that_is_opened_anew(serve, folder, tmp_path, format):
    log = tmp_path / "requests"
    server = serve(folder, f"--log={format}:{log}", "--threads=2")
    fetch(server, "GET", "/hello.txt?token=abc")
    wait_until(lambda: "hello.txt" in log.read_text())
    log.rename(tmp_path / "requests.1")
    server.process.send_signal(signal.SIGUSR1)
    wait_until(log.exists)
    wait_until(lambda: fetch(server, "GET", "/none") and "none" in log.read_text())
    assert server.stop() == 0
    assert server.errors() == ""
    old, new = (tmp_path / "requests.1").read_text(), log.read_text()
    assert "token=***" in old and "abc" not in old
    assert "404" in new
    assert all(line for line in (old + new).splitlines())


@pytest.mark.parametrize("words", ["yaml", "json:", "off:file", ""])
def test_log_formats_are_checked(run, wharf, folder, words):
    done = run(wharf, "serve", str(folder), "--log", words)
    assert done.returncode == 2
    assert b"--log takes" in done.stderr


def test_log_file_that_cannot_be_opened_is_named(run, wharf, folder, tmp_path):
    done = run(wharf, "serve", str(folder), "--listen", "127.0.0.1:0", f"--log=json:{tmp_path}/none/log")
    assert done.returncode != 0
    assert b"none/log" in done.stderr


ANN = {"Authorization": "Basic YW5uOnNlY3JldA=="}  # ann:secret


def test_auth_lets_one_user_in(serve, folder):
    server = serve(folder, "--auth", "ann:secret", "--log=common")
    assert fetch(server, "GET", "/hello.txt").status == 401
    assert "Basic realm=" in fetch(server, "GET", "/hello.txt").headers["WWW-Authenticate"]
    assert fetch(server, "GET", "/hello.txt", ANN).body == b"Hello, World!\n"
    server.wait_for_error(r'127\.0\.0\.1 - ann \[.*"GET /hello\.txt HTTP/1\.1" 200')


def test_auth_takes_a_file_of_hashes(serve, folder, tmp_path, run, wharf):
    hashed = subprocess.run(["openssl", "passwd", "-6", "secret"], capture_output=True, check=True).stdout.decode()
    (tmp_path / "users").write_text(f"# staff\nann:{hashed}")
    server = serve(folder, "--auth", tmp_path / "users")
    assert fetch(server, "GET", "/hello.txt", ANN).status == 200
    assert fetch(server, "GET", "/hello.txt", {"Authorization": "Basic YW5uOndyb25n"}).status == 401
    (tmp_path / "users").write_text("ann:secret\n")
    done = run(wharf, "serve", str(folder), "--auth", tmp_path / "users", "--check")
    assert done.returncode != 0 and b"line 1" in done.stderr


def test_one_core_is_enough(serve, folder):
    server = serve(folder, "--threads", "1")
    sums = {hashlib.sha256(fetch(server, "GET", "/bytes.bin").body).hexdigest() for _ in range(20)}
    assert sums == {hashlib.sha256((folder / "bytes.bin").read_bytes()).hexdigest()}


def test_welcome_page_is_plain_html(start, wharf):
    server = start(wharf, "serve", "--welcome", "--listen", "127.0.0.1:0")
    url = re.fullmatch(r"serving welcome page on (http://127\.0\.0\.1:\d+/)", server.line()).group(1)
    with urllib.request.urlopen(url) as response:
        page = response.read().decode()
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "<title>Wharf</title>" in page
    assert "<script" not in page
    assert "prefers-color-scheme: dark" in page
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(url + "none")
    assert error.value.code == 404
    assert server.stop() == 0


def test_welcome_page_moves_to_a_free_port(start, wharf):
    first = start(wharf, "serve", "--welcome")
    second = start(wharf, "serve", "--welcome")
    ports = []
    for server in (first, second):
        match = re.fullmatch(r"serving welcome page on http://localhost:(\d+)/", server.line())
        assert match, server.line()
        ports.append(int(match.group(1)))
        with urllib.request.urlopen(f"http://127.0.0.1:{ports[-1]}/") as response:
            assert b"Wharf" in response.read()
    assert ports[0] != ports[1]
    for server, port in ((second, ports[1]), (first, ports[0])):
        for taken in range(8000, port):
            assert f"localhost:{taken} is already in use" in server.errors()


def test_nothing_but_the_first_line_goes_to_standard_output(wharf, folder):
    words = [wharf, "serve", str(folder), "--listen", "127.0.0.1:0", "--log=common"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    line = process.stdout.readline()
    with urllib.request.urlopen(line.split()[-1] + "hello.txt") as response:
        assert response.read() == b"Hello, World!\n"
    process.terminate()
    assert process.stdout.read() == ""
    assert process.wait(20) == 0
    process.stdout.close()


def test_compress_is_for_those_who_take_it(serve, folder):
    text = b"the quick brown fox\n" * 5000
    (folder / "text.txt").write_bytes(text)
    server = serve(folder, "--compress")
    plain = fetch(server, "GET", "/text.txt")
    assert plain.body == text and plain.getheader("Content-Encoding") is None
    assert plain.getheader("Vary") == "Accept-Encoding"
    for coding, flag in (("gzip", "gzip"), ("br", "br")):
        coded = fetch(server, "GET", "/text.txt", {"Accept-Encoding": coding})
        assert coded.getheader("Content-Encoding") == flag and len(coded.body) < len(text) // 10
        assert coded.getheader("ETag") == "W/" + plain.getheader("ETag").removeprefix("W/")
        again = fetch(server, "GET", "/text.txt", {"Accept-Encoding": coding, "If-None-Match": coded.getheader("ETag")})
        assert (again.status, again.body) == (304, b"")
        assert again.getheader("ETag") == coded.getheader("ETag")
    assert curl("--compressed", f"http://{server.host}:{server.port}/text.txt") == text
    assert fetch(server, "GET", "/bytes.bin", {"Accept-Encoding": "gzip"}).getheader("Content-Encoding") is None
