"""Files over HTTP: several ranges, conditions on them, and files that lie beside others in a coding."""

import email
import email.policy
import gzip
import http.client
import os
import subprocess
import time

import pytest

LETTERS = bytes(range(256)) * 400


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    put(folder / "letters.bin", LETTERS)
    return folder


def put(path, content, seconds_ago=3600):
    path.write_bytes(content)
    os.utime(path, (time.time() - seconds_ago,) * 2)


def fetch(server, target, headers=None, method="GET"):
    connection = http.client.HTTPConnection(server.host, server.port, timeout=20)
    connection.putrequest(method, target, skip_accept_encoding=True)
    for name, value in (headers or {}).items():
        connection.putheader(name, value)
    connection.endheaders()
    response = connection.getresponse()
    response.body = response.read()
    connection.close()
    return response


def parts_of(response):
    """[(content range, content)] of a multipart/byteranges body, as Python's parser of mail reads it."""
    head = f"Content-Type: {response.getheader('Content-Type')}\r\n\r\n".encode()
    message = email.message_from_bytes(head + response.body, policy=email.policy.HTTP)
    assert message.is_multipart()
    assert not message.defects
    return [(part["Content-Range"], part.get_payload(decode=True)) for part in message.get_payload()]


# ---- ranges ----


@pytest.mark.parametrize(
    "value, ranges",
    [
        ("bytes=0-1,5-6", [(0, 1), (5, 6)]),
        ("bytes=5-6,0-1", [(5, 6), (0, 1)]),
        ("bytes=0-9, 20000-90000, -1", [(0, 9), (20000, 90000), (102399, 102399)]),
        ("bytes=" + ",".join(f"{i * 10}-{i * 10 + 4}" for i in range(16)), [(i * 10, i * 10 + 4) for i in range(16)]),
    ],
)
def test_several_ranges_are_parts_of_one_body(serve, folder, value, ranges):
    response = fetch(serve(folder), "/letters.bin", {"Range": value})
    assert response.status == 206
    assert response.getheader("Content-Range") is None
    assert int(response.getheader("Content-Length")) == len(response.body)
    boundary = response.getheader("Content-Type").removeprefix("multipart/byteranges; boundary=").encode()
    pieces = response.body.split(b"--" + boundary)
    assert pieces[-1] == b"--\r\n"
    for piece, (first, last) in zip(pieces[1:-1], ranges, strict=True):
        head, content = piece.removeprefix(b"\r\n").split(b"\r\n\r\n", 1)
        assert f"Content-Range: bytes {first}-{last}/102400".encode() in head
        assert b"Content-Type: application/octet-stream" in head
        assert content.removesuffix(b"\r\n") == LETTERS[first : last + 1]


def test_parts_are_what_a_parser_of_mail_reads(serve, folder):
    put(folder / "text.txt", b"0123456789" * 10)
    response = fetch(serve(folder), "/text.txt", {"Range": "bytes=0-3,50-52"})
    assert parts_of(response) == [("bytes 0-3/100", b"0123"), ("bytes 50-52/100", b"012")]


def test_one_range_that_is_left_of_several_is_no_multipart(serve, folder):
    response = fetch(serve(folder), "/letters.bin", {"Range": "bytes=0-9,200000-"})
    assert (response.status, response.getheader("Content-Range")) == (206, "bytes 0-9/102400")
    assert response.body == LETTERS[:10]


@pytest.mark.parametrize(
    "value",
    [
        "bytes=0-10,5-20",  # overlap
        "bytes=0-,0-",
        "bytes=0-10001, 0-0",
        "bytes=" + ",".join(f"{i * 10}-{i * 10}" for i in range(17)),  # too many
        "bytes=5-1",
        "bytes=a-b",
        "bytes 0-1",
        "lines=0-1",
        "bytes=",
    ],
)
def test_what_is_no_sensible_range_is_the_whole(serve, folder, value):
    response = fetch(serve(folder), "/letters.bin", {"Range": value})
    assert (response.status, response.body) == (200, LETTERS)


def test_range_of_another_method_does_not_count(serve, folder):
    response = fetch(serve(folder), "/letters.bin", {"Range": "bytes=0-1"}, "HEAD")
    assert (response.status, response.getheader("Content-Length")) == (200, "102400")


def test_curl_takes_several_ranges(serve, folder):
    server = serve(folder)
    done = subprocess.run(["curl", "-sS", "-r", "0-1,100-101", f"{server.url}/letters.bin"], capture_output=True, timeout=60)
    assert done.stdout.count(b"Content-Range: ") == 2


def test_if_range_takes_a_strong_tag_or_the_exact_date(serve, folder):
    server = serve(folder)
    first = fetch(server, "/letters.bin")
    tag, date = first.getheader("ETag"), first.getheader("Last-Modified")
    for value, status in (
        (tag, 206),
        (date, 206),
        ("W/" + tag, 200),
        ('"another"', 200),
        ("Thu, 01 Jan 2015 00:00:00 GMT", 200),
        ("Thu, 01 Jan 2099 00:00:00 GMT", 200),
        ("nonsense", 200),
    ):
        assert fetch(server, "/letters.bin", {"Range": "bytes=0-4", "If-Range": value}).status == status, value


def test_fresh_file_has_no_range_by_its_weak_tag(serve, folder):
    put(folder / "fresh", LETTERS, seconds_ago=-60)
    server = serve(folder)
    tag = fetch(server, "/fresh").getheader("ETag")
    assert tag.startswith("W/")
    assert fetch(server, "/fresh", {"Range": "bytes=0-4", "If-Range": tag}).status == 200
    assert fetch(server, "/fresh", {"If-None-Match": tag}).status == 304


def test_conditions_come_in_the_order_of_the_standard(serve, folder):
    server = serve(folder)
    first = fetch(server, "/letters.bin")
    tag, date, past = first.getheader("ETag"), first.getheader("Last-Modified"), "Thu, 01 Jan 2015 00:00:00 GMT"
    for headers, status in (
        ({"If-Match": tag, "If-Unmodified-Since": past}, 200),
        ({"If-Match": '"no"', "If-None-Match": tag}, 412),
        ({"If-Match": "*"}, 200),
        ({"If-Match": "W/" + tag}, 412),
        ({"If-Unmodified-Since": past}, 412),
        ({"If-Unmodified-Since": date}, 200),
        ({"If-None-Match": '"no"', "If-Modified-Since": date}, 200),
        ({"If-None-Match": f'"a", W/{tag}'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": tag, "Range": "bytes=0-1"}, 304),
        ({"If-Modified-Since": date}, 304),
        ({"If-Modified-Since": "Thu, 01 Jan 2099 00:00:00 GMT"}, 200),
        ({"If-Modified-Since": "Sunday, 06-Nov-94 08:49:37 GMT"}, 200),
        ({"If-Match": tag, "Range": "bytes=0-1"}, 206),
    ):
        assert fetch(server, "/letters.bin", headers).status == status, headers


# ---- codings ----


@pytest.fixture
def coded(folder, serve):
    """A server over page.html with three siblings, of which .gz is the smallest."""
    put(folder / "page.html", b"plain" * 1000)
    put(folder / "page.html.br", b"b" * 300)
    put(folder / "page.html.zst", b"z" * 200)
    put(folder / "page.html.gz", b"g" * 100)
    return serve(folder, "--precompressed")


@pytest.mark.parametrize(
    "accepted, coding",
    [
        (None, None),
        ("", None),
        ("identity", None),
        ("gzip", "gzip"),
        ("br", "br"),
        ("gzip, br, zstd", "gzip"),  # the smallest
        ("gzip;q=0.5, br, zstd;q=0.9", "br"),
        ("*", "gzip"),
        ("*, gzip;q=0", "zstd"),
        ("gzip;q=0", None),
        ("gzip;q=0.5, identity", None),
        ("gzip;q=0.5", "gzip"),
        ("deflate", None),
    ],
)
def test_sibling_is_sent_by_what_the_client_likes(coded, accepted, coding):
    response = fetch(coded, "/page.html", {} if accepted is None else {"Accept-Encoding": accepted})
    assert (response.status, response.getheader("Content-Encoding")) == (200, coding)
    assert response.getheader("Content-Type") == "text/html; charset=utf-8"
    assert response.getheader("Vary") == "Accept-Encoding"
    content = {None: b"plain" * 1000, "br": b"b" * 300, "zstd": b"z" * 200, "gzip": b"g" * 100}[coding]
    assert response.body == content
    assert int(response.getheader("Content-Length")) == len(content)


def test_each_coding_has_its_own_tag_and_ranges(coded):
    tags = set()
    for coding in ("identity", "gzip", "br", "zstd"):
        accept = {"Accept-Encoding": coding}
        whole = fetch(coded, "/page.html", accept)
        tags.add(whole.getheader("ETag"))
        again = fetch(coded, "/page.html", {**accept, "If-None-Match": whole.getheader("ETag")})
        assert (again.status, again.getheader("Vary")) == (304, "Accept-Encoding")
        assert again.getheader("ETag") == whole.getheader("ETag")
        part = fetch(coded, "/page.html", {**accept, "Range": "bytes=0-4"})
        assert (part.status, part.body, part.getheader("Vary")) == (206, whole.body[:5], "Accept-Encoding")
        assert part.getheader("Content-Encoding") == whole.getheader("Content-Encoding")
    assert len(tags) == 4


def test_sibling_that_is_older_is_not_sent(folder, serve):
    put(folder / "app.js", b"new", seconds_ago=100)
    put(folder / "app.js.gz", b"old", seconds_ago=200)
    response = fetch(serve(folder, "--precompressed"), "/app.js", {"Accept-Encoding": "gzip"})
    assert (response.body, response.getheader("Content-Encoding"), response.getheader("Vary")) == (b"new", None, None)


def test_sibling_needs_no_file_that_it_lies_beside(folder, serve):
    put(folder / "only.txt.gz", gzip.compress(b"only here"))
    server = serve(folder, "--precompressed")
    done = subprocess.run(["curl", "-sS", "--compressed", f"{server.url}/only.txt"], capture_output=True, timeout=60)
    assert done.stdout == b"only here"
    assert fetch(server, "/only.txt").status == 406
    assert fetch(server, "/only.txt.gz").getheader("Content-Encoding") is None


def test_index_page_has_siblings_too(folder, serve):
    put(folder / "index.html", b"index")
    put(folder / "index.html.br", b"b")
    assert fetch(serve(folder, "--precompressed"), "/", {"Accept-Encoding": "br"}).body == b"b"


def test_sibling_is_a_file_of_its_own_unless_asked_for(folder, serve):
    put(folder / "page.html", b"plain")
    put(folder / "page.html.gz", b"g")
    response = fetch(serve(folder), "/page.html", {"Accept-Encoding": "gzip"})
    assert (response.body, response.getheader("Vary")) == (b"plain", None)
