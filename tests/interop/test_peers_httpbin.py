"""The httpbin example in front of other people's clients: requests, httpx, Go."""

import re
import shutil
import subprocess

import pytest

from conftest import ROOT

pytestmark = pytest.mark.peer
CLIENTS = ["requests", "httpx"]


@pytest.fixture(scope="module")
def httpbin(examples):
    process = subprocess.Popen([examples("httpbin"), "127.0.0.1:0"], stdout=subprocess.PIPE)
    yield re.fullmatch(r"(http://127\.0\.0\.1:\d+)\n", process.stdout.readline().decode()).group(1)
    process.terminate()
    assert process.wait(10) == 0


@pytest.fixture(params=CLIENTS)
def client(request):
    """One connection pool of each library, both with requests' names; they differ in what follows redirects."""
    library = __import__(request.param)
    if request.param == "requests":
        session = library.Session()
        session.trust_env = False
    else:
        session = library.Client(follow_redirects=True, trust_env=False, timeout=30)
    yield session
    session.close()


def digest_of(client):
    if type(client).__module__.startswith("requests"):
        return __import__("requests").auth.HTTPDigestAuth("user", "pass")
    return __import__("httpx").DigestAuth("user", "pass")


def test_methods(client, httpbin):
    for _ in range(3):
        assert client.get(f"{httpbin}/get", params={"a": ["1", "2"], "ü": "é"}).json()["args"] == {"a": ["1", "2"], "ü": "é"}
    for method in ("post", "put", "patch"):
        call = getattr(client, method)
        assert call(f"{httpbin}/{method}", data={"k": "v"}).json()["form"] == {"k": "v"}
        assert call(f"{httpbin}/{method}", json={"k": [1]}).json()["json"] == {"k": [1]}
        assert call(f"{httpbin}/{method}", files={"f": b"text"}).json()["files"] == {"f": "text"}
    assert client.delete(f"{httpbin}/delete").json()["args"] == {}
    assert client.head(f"{httpbin}/get").text == ""
    assert "GET" in client.options(f"{httpbin}/get").headers["Allow"]


def test_streams(client, httpbin):
    def pieces():
        for _ in range(100):
            yield b"x" * 1000

    body = {"data": pieces()} if type(client).__module__.startswith("requests") else {"content": pieces()}
    assert client.put(f"{httpbin}/sink", **body).json()["length"] == 100000
    assert len(client.get(f"{httpbin}/stream/20").text.splitlines()) == 20
    assert len(client.get(f"{httpbin}/stream-bytes/70000").content) == 70000
    assert client.get(f"{httpbin}/drip", params={"numbytes": 4, "duration": 0, "delay": 0}).content == b"****"


def test_redirects_cookies_logins(client, httpbin):
    assert client.get(f"{httpbin}/redirect/6").json()["url"] == f"{httpbin}/get"
    assert client.get(f"{httpbin}/cookies/set", params={"a": "b"}).json() == {"cookies": {"a": "b"}}
    assert client.get(f"{httpbin}/basic-auth/user/pass", auth=("user", "pass")).json()["authenticated"] is True
    assert client.get(f"{httpbin}/basic-auth/user/pass", auth=("user", "no")).status_code == 401
    for path in ("auth/user/pass", "auth/user/pass/SHA-256", "auth/user/pass/SHA-512"):
        assert client.get(f"{httpbin}/digest-auth/{path}", auth=digest_of(client)).status_code == 200


def test_codings_and_ranges(client, httpbin):
    assert client.get(f"{httpbin}/gzip").json()["gzipped"] is True
    assert client.get(f"{httpbin}/deflate").json()["deflated"] is True
    assert client.get(f"{httpbin}/range/100", headers={"Range": "bytes=1-3"}).text == "bcd"
    assert client.get(f"{httpbin}/encoding/utf8").text.count("∮") == 1
    for status in (200, 204, 404, 418, 503):
        assert client.get(f"{httpbin}/status/{status}").status_code == status


def test_go(httpbin, tmp_path):
    go = shutil.which("go")
    assert go is not None, "Go is not installed: tools/need.sh peers"
    environment = {"HOME": str(tmp_path), "GOCACHE": str(tmp_path / "cache"), "GOFLAGS": "-mod=mod", "PATH": "/usr/bin:/bin"}
    program = tmp_path / "walk"
    source = ROOT / "tests/interop/programs/httpbin.go"
    subprocess.run([go, "build", "-o", program, source], env=environment, check=True, timeout=300)
    done = subprocess.run([program, httpbin], capture_output=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, b"ok\n")
