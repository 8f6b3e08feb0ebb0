"""The HTTP server over real sockets, as `wharf serve` runs it: files and what guards them, conditions and ranges, broken
clients, several cores, and stopping."""

import email.utils
import http.client
import os
import signal
import socket
import struct
import time

import pytest

GREETING = b"Hello, file!\n"


@pytest.fixture
def folder(tmp_path):
    """A tree with something of everything, inside a folder that has secrets."""
    (tmp_path / "secret.txt").write_bytes(b"secret")
    root = tmp_path / "root"
    for name in ("plain", "index", ".git", ".well-known", "a b&<c>"):
        (root / name).mkdir(parents=True)
    (root / "hello.txt").write_bytes(GREETING)
    (root / "empty").write_bytes(b"")
    (root / "medium.bin").write_bytes(os.urandom(30000))
    (root / "large.bin").write_bytes(os.urandom(3_000_000))
    (root / "index" / "index.html").write_bytes(b"<p>index")
    (root / ".git" / "config").write_bytes(b"hidden")
    (root / ".well-known" / "x").write_bytes(b"well known")
    (root / "plain" / "colon:name?#%41.txt").write_bytes(b"odd")
    (root / "inside").symlink_to("hello.txt")
    (root / "plain" / "up").symlink_to("../hello.txt")
    (root / "outside").symlink_to("../secret.txt")
    (root / "absolute").symlink_to("/etc/passwd")
    (root / "loop").symlink_to("loop")
    (root / "dirlink").symlink_to("..")
    os.mkfifo(root / "fifo")
    unix = socket.socket(socket.AF_UNIX)
    unix.bind(str(root / "sock"))
    unix.close()
    for path in root.rglob("*"):
        if not path.is_symlink():
            os.utime(path, (1_700_000_000, 1_700_000_000))
    return root


@pytest.fixture(params=[{}, {"WHARF_FALLBACKS": "1"}], ids=["modern", "fallbacks"])
def server(request, serve, folder):
    return serve(folder, "--threads", "1", env={**os.environ, **request.param})


def get(server, target, method="GET", headers={}):
    connection = http.client.HTTPConnection(server.host, server.port, timeout=20)
    connection.putrequest(method, target, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    response = connection.getresponse()
    response.data = response.read()
    connection.close()
    return response


def talk(server, request, half_close=True):
    """What comes back, until the server closes."""
    with socket.create_connection((server.host, server.port), 20) as client:
        client.sendall(request)
        if half_close:
            client.shutdown(socket.SHUT_WR)
        reply = b""
        while True:
            try:
                piece = client.recv(65536)
            except ConnectionResetError:
                return reply
            if not piece:
                return reply
            reply += piece


# ---- what may be reached ----


@pytest.mark.parametrize(
    "target",
    [
        "/outside", "/absolute", "/loop", "/dirlink/secret.txt", "/dirlink/", "/fifo", "/sock", "/.git/config",
        "/.git/", "/%2egit/config", "/../secret.txt", "/plain/../../secret.txt", "/%2e%2e/secret.txt",
        "/..%2fsecret.txt", "/%2e%2e%2fsecret.txt", "/..%5csecret.txt", "/hello.txt%00", "/hello.txt%00.html",
        "/hello.txt/", "/hello.txt/x", "/plain/%2fetc/passwd", "/" + "a" * 300, "/" + "a/" * 3000,
        "/..;/secret.txt", "/%252e%252e/secret.txt",
    ],
)  # fmt: skip
def test_nothing_outside_and_nothing_special_is_reached(server, target):
    response = get(server, target)
    assert response.status == 404
    assert b"secret" not in response.data.replace(b"secret.txt", b"")


def test_links_inside_the_root_are_followed_where_the_kernel_guards_them(request, server):
    wanted = (404, 404) if "fallbacks" in request.node.name else (200, 200)
    assert (get(server, "/inside").status, get(server, "/plain/up").status) == wanted


@pytest.mark.parametrize("target", ["/hello.txt", "/plain/../hello.txt", "/./hello.txt", "/%68ello.txt", "/x/../hello.txt"])
def test_every_spelling_of_a_path_is_the_same_file(server, target):
    response = get(server, target)
    assert (response.status, response.data) == (200, GREETING)


def test_odd_names_are_served(server):
    assert get(server, "/plain/colon:name%3F%23%2541.txt").data == b"odd"
    assert get(server, "/.well-known/x").data == b"well known"


# ---- directories ----


def test_directory_without_its_slash_is_a_redirect_that_keeps_the_query(server):
    response = get(server, "/index?a=b%20c")
    assert (response.status, response.headers["Location"]) == (308, "/index/?a=b%20c")


def test_double_slash_never_leaves_the_server(server):
    response = get(server, "//evil.example/..")
    assert response.status == 308
    assert not response.headers["Location"].startswith("//")


def test_listing_escapes_names_and_has_no_script(server):
    response = get(server, "/")
    page = response.data.decode()
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert 'href="a%20b%26%3Cc%3E/"' in page and "a b&amp;&lt;c&gt;/" in page
    assert "<script" not in page and "default-src 'none'" in response.headers["Content-Security-Policy"]
    for hidden in ("fifo", "sock", ".git", "outside", "absolute", "loop", "dirlink"):
        assert f">{hidden}" not in page
    assert page.index(">plain/<") < page.index(">empty<") < page.index(">hello.txt<")


# ---- files ----


@pytest.mark.parametrize("name", ["hello.txt", "empty", "medium.bin", "large.bin"])
def test_file_arrives_whole_with_its_headers(server, folder, name):
    response = get(server, "/" + name)
    assert response.data == (folder / name).read_bytes()
    assert response.headers["Cache-Control"] == "no-cache"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Accept-Ranges"] == "bytes"
    head = get(server, "/" + name, "HEAD")
    assert head.data == b""
    for header in ("Content-Length", "Content-Type", "ETag", "Last-Modified"):
        assert head.headers[header] == response.headers[header]


def test_fresh_file_has_a_weak_tag_and_a_timeless_one_has_none(server, folder):
    (folder / "fresh").write_bytes(b"x")
    assert get(server, "/fresh").headers["ETag"].startswith('W/"')
    os.utime(folder / "fresh", (1, 1))
    response = get(server, "/fresh")
    assert response.headers["ETag"] is None and response.headers["Last-Modified"] is None


def test_change_is_seen_at_once(server, folder):
    before = get(server, "/hello.txt")
    (folder / "hello.txt").write_bytes(b"changed")
    after = get(server, "/hello.txt")
    assert after.data == b"changed" and after.headers["ETag"] != before.headers["ETag"]


DATE = email.utils.formatdate(1_700_000_000, usegmt=True)
EARLIER = email.utils.formatdate(1_600_000_000, usegmt=True)
LATER = email.utils.formatdate(1_750_000_000, usegmt=True)
FUTURE = email.utils.formatdate(4_000_000_000, usegmt=True)


@pytest.mark.parametrize(
    "headers, status",
    [
        ({"If-None-Match": "TAG"}, 304),
        ({"If-None-Match": 'W/TAG'}, 304),
        ({"If-None-Match": '"x", TAG'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"x"'}, 200),
        ({"If-None-Match": '"x"', "If-Modified-Since": DATE}, 200),
        ({"If-Modified-Since": DATE}, 304),
        ({"If-Modified-Since": LATER}, 304),
        ({"If-Modified-Since": EARLIER}, 200),
        ({"If-Modified-Since": FUTURE}, 200),
        ({"If-Modified-Since": "yesterday"}, 200),
        ({"If-Match": "TAG"}, 200),
        ({"If-Match": "*"}, 200),
        ({"If-Match": '"x"'}, 412),
        ({"If-Match": 'W/TAG'}, 412),
        ({"If-Unmodified-Since": DATE}, 200),
        ({"If-Unmodified-Since": EARLIER}, 412),
        ({"If-Match": "TAG", "If-Unmodified-Since": EARLIER}, 200),
        ({"If-Match": '"x"', "If-None-Match": "TAG"}, 412),
    ],
)
def test_conditions(server, headers, status):
    tag = get(server, "/hello.txt").headers["ETag"]
    response = get(server, "/hello.txt", headers={name: value.replace("TAG", tag) for name, value in headers.items()})
    assert response.status == status
    if status == 304:
        assert response.data == b"" and response.headers["ETag"] == tag
        assert response.headers["Content-Length"] is None and response.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "headers, status, wanted",
    [
        ({"Range": "bytes=0-4"}, 206, (0, 5)),
        ({"Range": "bytes=7-"}, 206, (7, 13)),
        ({"Range": "bytes=-3"}, 206, (10, 13)),
        ({"Range": "bytes=-100"}, 206, (0, 13)),
        ({"Range": "bytes=5-100"}, 206, (5, 13)),
        ({"Range": "bytes=13-"}, 416, None),
        ({"Range": "bytes=-0"}, 416, None),
        ({"Range": "bytes=5-4"}, 200, None),
        ({"Range": "lines=1-2"}, 200, None),
        ({"Range": "bytes=a-b"}, 200, None),
        ({"Range": "bytes=0-4", "If-Range": "TAG"}, 206, (0, 5)),
        ({"Range": "bytes=0-4", "If-Range": 'W/TAG'}, 200, None),
        ({"Range": "bytes=0-4", "If-Range": '"x"'}, 200, None),
        ({"Range": "bytes=0-4", "If-Range": DATE}, 206, (0, 5)),
        ({"Range": "bytes=0-4", "If-Range": LATER}, 200, None),
        ({"Range": "bytes=0-4", "If-None-Match": "TAG"}, 304, None),
    ],
)
def test_ranges(server, headers, status, wanted):
    tag = get(server, "/hello.txt").headers["ETag"]
    response = get(server, "/hello.txt", headers={name: value.replace("TAG", tag) for name, value in headers.items()})
    assert response.status == status
    if status == 206:
        first, end = wanted
        assert response.data == GREETING[first:end]
        assert response.headers["Content-Range"] == f"bytes {first}-{end - 1}/13"
    if status == 416:
        assert response.headers["Content-Range"] == "bytes */13"
    if status == 200:
        assert response.data == GREETING


def test_range_of_a_large_file_and_of_head(server, folder):
    response = get(server, "/large.bin", headers={"Range": "bytes=1000000-2999998"})
    assert response.data == (folder / "large.bin").read_bytes()[1_000_000:2_999_999]
    assert get(server, "/hello.txt", "HEAD", {"Range": "bytes=0-1"}).status == 200


def test_file_that_shrinks_while_it_is_sent_cuts_the_connection(server, folder):
    size = 64 << 20
    with open(folder / "shrinks", "wb") as file:
        file.truncate(size)
    with socket.create_connection((server.host, server.port), 20) as client:
        client.sendall(b"GET /shrinks HTTP/1.1\r\nHost: x\r\n\r\n")
        got = len(client.recv(4096))
        os.truncate(folder / "shrinks", size // 2)
        try:
            while piece := client.recv(1 << 20):
                got += len(piece)
        except ConnectionResetError:
            pass
    assert got < size


# ---- clients that misbehave ----


@pytest.mark.parametrize(
    "request_, status",
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: x\n\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/9.1\r\nHost: x\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: \x00\r\n\r\n", 400),
        (b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 40000 + b"\r\n\r\n", 431),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n", 400),
    ],
)
def test_malformed_request_is_refused_and_the_answer_arrives(server, request_, status):
    reply = talk(server, request_, half_close=False) if status != 501 else talk(server, request_)
    assert reply.startswith(b"HTTP/1.1 %d " % status)
    if status != 501:
        assert b"\r\nConnection: close\r\n" in reply


def test_upload_that_nobody_reads_does_not_lose_the_answer(server):
    head = b"POST /hello.txt HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n"
    with socket.create_connection((server.host, server.port), 20) as client:
        client.sendall(head + b"x" * 100_000)
        reply = client.recv(65536)
    assert reply.startswith(b"HTTP/1.1 405 ") and b"Connection: close" in reply


def descriptors(server):
    return len(os.listdir(f"/proc/{server.pid}/fd"))


def test_client_killed_at_every_step_leaves_nothing(server):
    request = b"GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n"
    get(server, "/hello.txt")
    before = descriptors(server)
    for sent in range(len(request) + 1):
        client = socket.create_connection((server.host, server.port), 20)
        client.sendall(request[:sent])
        if sent == len(request):
            client.recv(1000)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
    deadline = time.monotonic() + 10
    while descriptors(server) > before and time.monotonic() < deadline:
        get(server, "/hello.txt")
    assert descriptors(server) <= before
    assert server.stop() == 0


def test_pipelined_requests_are_all_answered_in_order(server):
    names = ["hello.txt", "empty", "none", "medium.bin"] * 8
    requests = b"".join(b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % name.encode() for name in names)
    reply = talk(server, requests)
    assert reply.count(b"HTTP/1.1 ") == len(names)
    assert reply.count(GREETING) == 8


def test_half_closed_client_gets_its_answer(server, folder):
    reply = talk(server, b"GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n")
    assert reply.endswith((folder / "large.bin").read_bytes())


def test_http_1_0_ends_the_connection_unless_asked(server):
    assert talk(server, b"GET /hello.txt HTTP/1.0\r\n\r\n", half_close=False).endswith(GREETING)
    kept = talk(server, b"GET /empty HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /hello.txt HTTP/1.0\r\n\r\n", False)
    assert kept.count(b"HTTP/1.1 200") == 2 and b"Connection: keep-alive" in kept


def test_curl_agrees(server, folder, run, tmp_path):
    out = tmp_path / "out"
    done = run("curl", "-sSf", "-o", out, "-C", "1000", f"{server.url}/large.bin")
    assert done.returncode == 0, done.stderr
    assert out.read_bytes()[-1000:] == (folder / "large.bin").read_bytes()[-1000:]
    assert run("curl", "-sS", "--path-as-is", f"{server.url}/../secret.txt").stdout.startswith(b"404")


# ---- logs ----


def test_log_escapes_what_the_client_sent(serve, folder):
    server = serve(folder, "--log=common", "--threads", "1")
    talk(server, b'GET /%22"x HTTP/1.1\r\nHost: x\r\n\r\n')
    line = server.wait_for_error(r"(?m)^.* 404 .*$").group()
    assert '"GET /%22\\x22x HTTP/1.1"' in line
    talk(server, b"GET / HTTP/1.1\r\n\r\n")
    assert "h1.host.missing" in server.wait_for_error(r"(?m)^.* 400 .*$").group()


# ---- cores and stopping ----


def test_several_cores_share_the_connections(serve, folder):
    server = serve(folder, "--threads", "4")
    clients = [http.client.HTTPConnection(server.host, server.port, timeout=20) for _ in range(40)]
    for _ in range(3):
        for client in clients:
            client.request("GET", "/hello.txt")
            assert client.getresponse().read() == GREETING
    assert server.stop() == 0
    for client in clients:
        client.close()


def takes_no_more(server):
    """Returns once connections are refused."""
    end = time.monotonic() + 30
    with pytest.raises(OSError):
        while time.monotonic() < end:
            socket.create_connection((server.host, server.port), 5).close()


def test_stop_finishes_a_running_download_and_takes_no_more(serve, folder):
    server = serve(folder, "--threads", "2")
    with open(folder / "huge", "wb") as file:
        file.truncate(64 << 20)
    with socket.create_connection((server.host, server.port), 20) as client:
        client.sendall(b"GET /huge HTTP/1.1\r\nHost: x\r\n\r\n")
        got = len(client.recv(1000))
        server.process.send_signal(signal.SIGTERM)
        takes_no_more(server)
        while piece := client.recv(1 << 20):
            got += len(piece)
    assert got > 64 << 20
    assert server.process.wait(20) == 0


def test_second_signal_ends_at_once(serve, folder):
    server = serve(folder, "--threads", "2")
    with open(folder / "huge", "wb") as file:
        file.truncate(64 << 20)
    with socket.create_connection((server.host, server.port), 20) as client:
        client.sendall(b"GET /huge HTTP/1.1\r\nHost: x\r\n\r\n")
        client.recv(1000)
        server.process.send_signal(signal.SIGINT)
        takes_no_more(server)
        start = time.monotonic()
        server.process.send_signal(signal.SIGINT)
        server.process.wait(20)
        assert time.monotonic() - start < 3


@pytest.mark.peer
@pytest.mark.parametrize("threads", ["1", "2"])
def test_wrk_meets_no_error(serve, folder, run, threads):
    server = serve(folder, "--threads", threads)
    done = run("wrk", "-t1", "-c64", "-d2", f"{server.url}/hello.txt")
    assert b"Non-2xx" not in done.stdout and b"Socket errors" not in done.stdout, done.stdout
    assert server.stop() == 0
