"""The httpbin example: its JSON by Python's own client and curl, and its first line."""

import hashlib
import json
import re
import subprocess

import pytest


@pytest.fixture(scope="module")
def httpbin(examples, tmp_path_factory):
    """The URL of a running httpbin."""
    process = subprocess.Popen([examples("httpbin"), "127.0.0.1:0"], stdout=subprocess.PIPE)
    line = process.stdout.readline().decode()
    yield re.fullmatch(r"(http://127\.0\.0\.1:\d+)\n", line).group(1)
    process.terminate()
    assert process.wait(10) == 0


def curl(*words):
    done = subprocess.run(["curl", "-sS", "--max-time", "30", *words], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def head(*words):
    return curl("-o", "/dev/null", "-D", "-", *words).decode()


def test_requests_are_echoed(httpbin):
    echo = json.loads(curl(f"{httpbin}/get?a=1&a=2&b=%C3%A9"))
    assert echo["args"] == {"a": ["1", "2"], "b": "é"}
    assert echo["url"] == f"{httpbin}/get?a=1&a=2&b=%C3%A9" and echo["origin"] == "127.0.0.1"
    assert echo["headers"]["Host"] == httpbin.removeprefix("http://")
    for method in ("post", "put", "patch", "delete"):
        echo = json.loads(curl("-X", method.upper(), "-d", "x=1&y=two", f"{httpbin}/{method}"))
        assert echo["form"] == {"x": "1", "y": "two"} and echo["data"] == "" and echo["json"] is None
    echo = json.loads(curl("-d", '{"n":1}', "-H", "Content-Type: application/json", f"{httpbin}/anything/else"))
    assert (echo["method"], echo["json"], echo["data"]) == ("POST", {"n": 1}, '{"n":1}')


def test_files_of_a_form_are_shown(httpbin, tmp_path):
    (tmp_path / "binary").write_bytes(b"\xff\x00\xfe")
    echo = json.loads(curl("-F", "name=value", "-F", f"file=@{tmp_path}/binary", f"{httpbin}/post"))
    assert echo["form"] == {"name": "value"}
    assert echo["files"] == {"file": "data:application/octet-stream;base64,/wD+"}


@pytest.mark.parametrize("status", [200, 204, 304, 404, 418, 429, 500, 503])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_any_status(httpbin, method, status):
    assert head("-X", method, f"{httpbin}/status/{status}").startswith(f"HTTP/1.1 {status}")


def test_weighted_status_and_none(httpbin):
    assert curl("-o", "/dev/null", "-w", "%{http_code}", f"{httpbin}/status/201:0.5,202") in (b"201", b"202")
    assert head(f"{httpbin}/status/none").startswith("HTTP/1.1 400")


@pytest.mark.parametrize("path", ["redirect/4", "relative-redirect/4", "absolute-redirect/4", "redirect/3?absolute=true"])
def test_redirects_lead_to_get(httpbin, path):
    answer = curl("-L", "-w", "\n%{num_redirects}", f"{httpbin}/{path}").decode()
    body, count = answer.rsplit("\n", 1)
    assert json.loads(body)["url"] == f"{httpbin}/get" and int(count) in (3, 4)


def test_redirect_to_anywhere(httpbin):
    assert "location: http://a.example/?b=c" in head(f"{httpbin}/redirect-to?url=http%3A%2F%2Fa.example%2F%3Fb%3Dc").lower()
    assert head(f"{httpbin}/redirect-to?url=/get&status_code=308").startswith("HTTP/1.1 308")


def test_cookies(httpbin, tmp_path):
    jar = tmp_path / "jar"
    both = ["-b", str(jar), "-c", str(jar), "-L"]
    assert json.loads(curl(*both, f"{httpbin}/cookies/set?a=1&b=2")) == {"cookies": {"a": "1", "b": "2"}}
    assert json.loads(curl(*both, f"{httpbin}/cookies/set/c/3"))["cookies"]["c"] == "3"
    assert json.loads(curl(*both, f"{httpbin}/cookies/delete?a&c")) == {"cookies": {"b": "2"}}


def test_logins(httpbin):
    good = {"authenticated": True, "user": "user"}
    assert json.loads(curl("-u", "user:pass word", f"{httpbin}/basic-auth/user/pass%20word")) == good
    assert "WWW-Authenticate: Basic" in head("-u", "user:wrong", f"{httpbin}/basic-auth/user/pass")
    assert head(f"{httpbin}/hidden-basic-auth/user/pass").startswith("HTTP/1.1 404")
    assert json.loads(curl("-H", "Authorization: Bearer abc.def", f"{httpbin}/bearer"))["token"] == "abc.def"
    assert head(f"{httpbin}/bearer").startswith("HTTP/1.1 401")
    for path in ("auth/user/pass", "auth/user/pass/MD5", "auth/user/pass/SHA-256", "auth-int/user/pass"):
        assert json.loads(curl("--digest", "-u", "user:pass", f"{httpbin}/digest-auth/{path}")) == good
    assert head("--digest", "-u", "user:wrong", f"{httpbin}/digest-auth/auth/user/pass").count("HTTP/1.1 401") == 2


@pytest.mark.parametrize("path, flag", [("gzip", "gzipped"), ("deflate", "deflated"), ("brotli", "brotli"), ("zstd", "zstd")])
def test_codings(httpbin, path, flag, wharf, run):
    assert json.loads(run(wharf, "get", f"{httpbin}/{path}").stdout)[flag] is True


def test_bytes_and_streams(httpbin):
    assert len(curl(f"{httpbin}/bytes/1000")) == 1000 and len(curl(f"{httpbin}/bytes/1000000")) == 102400
    assert curl(f"{httpbin}/bytes/100?seed=7") == curl(f"{httpbin}/stream-bytes/100?seed=7&chunk_size=100")
    assert [json.loads(line)["id"] for line in curl(f"{httpbin}/stream/3").splitlines()] == [0, 1, 2]
    assert curl(f"{httpbin}/drip?numbytes=5&duration=0&delay=0") == b"*****"
    assert json.loads(curl(f"{httpbin}/delay/0"))["url"] == f"{httpbin}/delay/0"


@pytest.mark.parametrize(
    "header, status, body",
    [
        ("bytes=0-4", 206, b"abcde"),
        ("bytes=24-", 206, b"yzabcd"),
        ("bytes=-2", 206, b"cd"),
        ("bytes=30-", 416, b""),
        ("bytes=4-2", 200, None),
        ("lines=1-2", 200, None),
    ],
)
def test_ranges(httpbin, header, status, body):
    whole = b"abcdefghijklmnopqrstuvwxyzabcd"
    answer = curl("-H", f"Range: {header}", "-w", "%{http_code}", f"{httpbin}/range/30")
    assert answer == (whole if body is None else body) + str(status).encode()


def test_validators(httpbin):
    assert head("-H", 'If-None-Match: "x"', f"{httpbin}/etag/x").startswith("HTTP/1.1 304")
    assert head("-H", 'If-Match: "y"', f"{httpbin}/etag/x").startswith("HTTP/1.1 412")
    assert head("-H", "If-None-Match: any", f"{httpbin}/cache").startswith("HTTP/1.1 304")
    assert "Cache-Control: public, max-age=60" in head(f"{httpbin}/cache/60")


def test_pages(httpbin):
    assert json.loads(curl(f"{httpbin}/json"))["slideshow"]["title"] == "Sample Slide Show"
    assert b"<h1>" in curl(f"{httpbin}/html") and curl(f"{httpbin}/xml").startswith(b"<?xml")
    assert re.fullmatch(r"[0-9a-f-]{36}", json.loads(curl(f"{httpbin}/uuid"))["uuid"])
    assert curl(f"{httpbin}/base64/V2hhcmY=") == b"Wharf"
    assert curl("-L", f"{httpbin}/links/3").count(b"<a href") == 2
    assert b"custname" in curl(f"{httpbin}/forms/post")
    assert curl(f"{httpbin}/response-headers?X-A=b").startswith(b"{")
    assert "X-A: b" in head(f"{httpbin}/response-headers?X-A=b")
    assert b"/anything" in curl(f"{httpbin}/")


@pytest.mark.parametrize("framing", [[], ["-H", "Transfer-Encoding: chunked"]])
def test_the_sink_swallows_and_counts(httpbin, tmp_path, framing):
    body = bytes(range(256)) * 40000
    (tmp_path / "body").write_bytes(body)
    answer = json.loads(curl("-T", str(tmp_path / "body"), *framing, f"{httpbin}/sink"))
    assert answer == {"length": len(body), "sha256": hashlib.sha256(body).hexdigest()}
