"""wharf get when the connection breaks in the middle of a body: --retry goes on where it was, --explain says what happened."""

import hashlib
import http.server
import random
import re
import threading

import pytest

BODY = random.Random(7).randbytes(3_000_000)


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers a part of what is asked for and closes, so often as server.cuts says."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        server = self.server
        server.seen.append({name.lower(): value for name, value in self.headers.items()})
        body, tag = server.versions[min(len(server.seen), len(server.versions)) - 1]
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = 0
        if asked and server.has_ranges and self.headers.get("If-Range", tag) == tag:
            start = int(asked.group(1))
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        else:
            self.send_response(200)
        rest = body[start:]
        self.send_header("Content-Length", str(len(rest)))
        if tag:
            self.send_header("ETag", tag)
        self.end_headers()
        if server.cuts:
            rest = rest[: server.cuts.pop()]
            self.close_connection = True
        self.wfile.write(rest)
        self.wfile.flush()


@pytest.fixture
def cutting():
    """cutting(cuts, versions, has_ranges): the URL of a server that breaks off after so many bytes each; the server."""
    servers = []

    def start(cuts, versions=((BODY, '"one"'),), has_ranges=True):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        server.handle_error = lambda *_: None
        server.cuts, server.versions, server.has_ranges, server.seen = list(cuts), versions, has_ranges, []
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/", server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def same(done, body=BODY):
    return done.returncode == 0 and hashlib.sha256(done.stdout).digest() == hashlib.sha256(body).digest()


def test_every_byte_comes_once_into_a_pipe(wharf, run, cutting):
    numbers = random.Random(1)
    url, server = cutting([numbers.randrange(1, 400_000) for _ in range(6)])
    done = run(wharf, "get", "--retry", "3", url)
    assert same(done), done.stderr
    assert [request.get("if-range") for request in server.seen[1:]] == ['"one"'] * 6
    assert all("accept-encoding" not in request for request in server.seen)


def test_a_file_is_whole(wharf, run, cutting, tmp_path):
    url, _ = cutting([1_000_000, 17])
    done = run(wharf, "get", "--retry", "1", "-o", tmp_path / "file", url)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "file").read_bytes() == BODY


def test_without_ranges_what_was_given_is_passed_over(wharf, run, cutting):
    url, server = cutting([900_000, 500_000], has_ranges=False)
    done = run(wharf, "get", "--retry", "4", url)
    assert same(done), done.stderr
    assert len(server.seen) == 3


@pytest.mark.parametrize("has_ranges", [True, False])
def test_two_versions_are_never_mixed(wharf, run, cutting, has_ranges):
    other = bytes(reversed(BODY))
    url, _ = cutting([1_000_000], versions=((BODY, '"one"'), (other, '"two"')), has_ranges=has_ranges)
    done = run(wharf, "get", "--retry", "3", url)
    assert done.returncode == 8
    assert done.stdout == BODY[:1_000_000]
    assert b"another version was answered after 1000000 bytes" in done.stderr


@pytest.mark.parametrize("tag", [None, 'W/"weak"'])
def test_what_cannot_be_told_apart_is_not_resumed(wharf, run, cutting, tag):
    url, server = cutting([1_000_000], versions=((BODY, tag),))
    done = run(wharf, "get", "--retry", "3", url)
    assert done.returncode == 7
    assert len(server.seen) == 1
    assert b"got 1000000 of 3000000 bytes" in done.stderr


def test_without_retry_it_ends_where_it_was_cut(wharf, run, cutting):
    url, server = cutting([1_000_000])
    done = run(wharf, "get", url)
    assert (done.returncode, len(server.seen)) == (7, 1)
    assert done.stdout == BODY[:1_000_000]


def test_explain_tells_each_attempt(wharf, run, cutting, unused_port):
    url, _ = cutting([])
    done = run(wharf, "get", "--explain", url)
    assert same(done)
    text = done.stderr.decode()
    assert re.search(r"^  1  \+\d+\.\d ms  first: " + re.escape(url) + "$", text, re.M), text
    assert re.search(r"  connect \d+\.\d ms  send \d+\.\d ms  wait \d+\.\d ms  body \d+\.\d ms$", text, re.M), text
    assert re.search(r"^      127\.0\.0\.1:\d+; sent \d+, received \d+ bytes; status 200$", text, re.M), text


def test_explain_knows_that_a_cut_body_can_be_asked_for_again(wharf, run, cutting):
    url, _ = cutting([1_000_000])
    done = run(wharf, "get", "--explain", url)
    assert b"EEOF: another try may end otherwise and does no harm" in done.stderr


def test_explain_says_whether_another_try_would_help(wharf, run, unused_port):
    port = unused_port()
    done = run(wharf, "get", "--explain", "--retry", "1", f"http://127.0.0.1:{port}/")
    text = done.stderr.decode()
    assert done.returncode == 4
    assert "  1  " in text and "  2  " in text and "retry: http://" in text
    assert text.count(f"connect 127.0.0.1:{port}") >= 2
    assert "ECONNREFUSED: another try may end otherwise and does no harm" in text
    done = run(wharf, "get", "--explain", "--networks", "public", f"http://127.0.0.1:{port}/")
    assert b"EDENIED: to try it again would not help" in done.stderr
