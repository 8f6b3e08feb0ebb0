"""Credentials of wharf get against a server that does its own reckoning: Basic, Digest in all its forms, bearer tokens, netrc
files, secrets."""

import base64
import hashlib
import http.server
import os
import pathlib
import re
import subprocess
import threading
import urllib.parse

import pytest

USER, PASSWORD, REALM, OPAQUE = 'Ädà "x"', "pass: wörd", "a, realm", "5ccc"
HASHES = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}


def parameters(text):
    return {name: quoted if bare is None or bare == "" else bare
            for name, quoted, bare in re.findall(r'([\w*]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))', text)}


def unescape(text):
    return re.sub(r"\\(.)", r"\1", text)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def handle_one(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        given = self.headers.get("Authorization", "").encode("latin-1").decode()
        self.server.seen.append(given)
        good = self.server.check(self, given, body)
        self.send_response(200 if good else 401)
        for challenge in () if good else self.server.challenges:
            self.send_header("WWW-Authenticate", challenge)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"ok\n" if good else b"no\n")

    do_GET = do_POST = handle_one


class Guard(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen, self.challenges = [], []
        self.check = lambda handler, given, body: True
        self.url = f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def guard():
    with Guard() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


def digest_check(algorithm, qop, userhash):
    """Checks an answer as RFC 7616 section 3.4 says, and counts the uses of each nonce."""
    counts = {}

    def hashed(text):
        data = text if isinstance(text, bytes) else text.encode()
        return hashlib.new(HASHES[algorithm.removesuffix("-sess")], data).hexdigest()

    def check(handler, given, body):
        if not given.startswith("Digest "):
            return False
        fields = parameters(given[7:])
        nonce, uri = fields["nonce"], unescape(fields["uri"])
        if userhash:
            assert (fields["username"], fields["userhash"]) == (hashed(f"{USER}:{REALM}"), "true")
        elif "username*" in fields:
            assert urllib.parse.unquote(fields["username*"].removeprefix("UTF-8''")) == USER
        else:
            assert unescape(fields["username"]) == USER
        assert (uri, unescape(fields["realm"]), fields["opaque"]) == (handler.path, REALM, OPAQUE)
        a1, a2 = hashed(f"{USER}:{REALM}:{PASSWORD}"), f"{handler.command}:{uri}"
        if algorithm.endswith("-sess"):
            a1 = hashed(f"{a1}:{nonce}:{fields['cnonce']}")
        if qop == "auth-int":
            a2 += ":" + hashed(body)
        if qop is None:
            assert "qop" not in fields
            return fields["response"] == hashed(f"{a1}:{nonce}:{hashed(a2)}")
        counts[nonce] = counts.get(nonce, 0) + 1
        assert (fields["qop"], fields["nc"], fields["algorithm"]) == (qop, f"{counts[nonce]:08x}", algorithm)
        return fields["response"] == hashed(f"{a1}:{nonce}:{fields['nc']}:{fields['cnonce']}:{qop}:{hashed(a2)}")

    return check


FORMS = [(algorithm + session, qop, False) for algorithm in HASHES for session in ("", "-sess")
         for qop in ("auth", "auth-int")] + [("MD5", None, False), ("SHA-256", "auth", True)]


@pytest.mark.parametrize("algorithm,qop,userhash", FORMS)
def test_digest_is_what_the_server_reckons(wharf, run, guard, tmp_path, algorithm, qop, userhash):
    guard.check = digest_check(algorithm, qop, userhash)
    options = "" if qop is None else f', qop="{qop}", algorithm={algorithm}, charset=UTF-8'
    guard.challenges = [f'Digest realm="{REALM}", nonce="n0/+=", opaque="{OPAQUE}"{options}'
                        + (", userhash=true" if userhash else "")]
    body = tmp_path / "body"
    body.write_bytes(bytes(range(256)) * 100)
    words = [wharf, "post", "-u", f"{USER}:{PASSWORD}", "--auth-type", "digest", "-d", f"@{body}"]
    result = run(*words, guard.url + "/a?b=c", guard.url + '/again"')
    assert (result.returncode, result.stdout) == (0, b"ok\nok\n"), result.stderr
    assert len(guard.seen) == 3 and guard.seen[0] == ""


def test_any_takes_the_strongest(wharf, run, guard):
    guard.check = digest_check("SHA-512-256", "auth", False)
    guard.challenges = [f'Basic realm="x", Digest realm="{REALM}", nonce=a, qop=auth, opaque="{OPAQUE}", algorithm={name}'
                        for name in ("MD5", "SHA-512-256", "SHA-256")]
    result = run(wharf, "get", "-u", f"{USER}:{PASSWORD}", "--auth-type=any", guard.url)
    assert result.returncode == 0, result.stderr


def test_digest_is_what_curl_agrees_with(wharf, run, guard):
    guard.check = digest_check("SHA-256", "auth", False)
    guard.challenges = [f'Digest realm="{REALM}", nonce="1", qop="auth", opaque="{OPAQUE}", algorithm=SHA-256']
    assert run("curl", "-s", "--digest", "-u", f"{USER}:{PASSWORD}", guard.url).stdout == b"ok\n"
    guard.challenges = [guard.challenges[0].replace('"1"', '"2"')]
    assert run(wharf, "get", "-u", f"{USER}:{PASSWORD}", "--auth-type", "digest", guard.url).stdout == b"ok\n"


def test_wrong_password_is_answered_once(wharf, run, guard):
    guard.check = lambda *_: False
    guard.challenges = ['Digest realm="x", nonce="y", qop="auth"']
    result = run(wharf, "get", "-u", "a:b", "--auth-type", "digest", guard.url)
    assert (result.returncode, result.stdout, len(guard.seen)) == (14, b"no\n", 2)


def test_basic_and_bearer(wharf, run, guard, tmp_path):
    token = tmp_path / "token"
    token.write_text("from-a-file\n")
    run(wharf, "get", "-u", f"ada:{PASSWORD}", guard.url)
    run(wharf, "get", "--bearer", "from-here", guard.url)
    run(wharf, "get", "--bearer", f"@{token}", guard.url)
    assert guard.seen == ["Basic " + base64.b64encode(f"ada:{PASSWORD}".encode()).decode(),
                          "Bearer from-here", "Bearer from-a-file"]
    for words in (["-u", "a:b", "--bearer", "c"], ["--auth-type", "any"], ["--bearer", f"@{tmp_path}/none"]):
        assert run(wharf, "get", *words, guard.url).returncode in (2, 8)
    assert len(guard.seen) == 3


def test_netrc_is_for_its_host(wharf, run, guard, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.2 login no password no\nmachine 127.0.0.1 login ada password 'x\n")
    netrc.chmod(0o600)
    environment = {**os.environ, "NETRC": str(netrc)}
    expected = "Basic " + base64.b64encode(b"ada:'x").decode()
    assert run(wharf, "get", "--netrc", guard.url, env=environment).stderr == b""
    assert run(wharf, "get", guard.url, env=environment).returncode == 0
    assert run(wharf, "get", "--netrc-file", netrc, "-H", "Authorization: mine", guard.url).returncode == 0
    netrc.chmod(0o644)
    assert b"others can read" in run(wharf, "get", "--netrc-file", netrc, guard.url).stderr
    assert guard.seen == [expected, "", "mine", expected]
    assert run(wharf, "get", "--netrc-file", tmp_path / "none", guard.url).returncode == 8


def test_secrets_are_shown_to_nobody_else(wharf, run, guard, tmp_path):
    key = tmp_path / "key"
    key.write_text("canary-in-file\n")
    seen = []
    guard.check = lambda handler, *_: seen.append(dict(handler.headers)) or True
    result = run(wharf, "get", "-v", "--show-secrets", "-S", "X-Api-Key: canary", "-S", f"X-Other:@{key}", guard.url)
    assert result.returncode == 0
    assert (seen[0]["X-Api-Key"], seen[0]["X-Other"]) == ("canary", "canary-in-file")
    assert b"> X-Api-Key: [hidden]" in result.stderr and b"canary" not in result.stdout + result.stderr
    assert run(wharf, "get", "-S", "no colon", guard.url).returncode == 2


def test_secrets_leave_the_command_line(wharf, guard):
    asked, go_on = threading.Event(), threading.Event()

    def check(*_):
        asked.set()
        return go_on.wait(20)

    guard.check = check
    words = [wharf, "get", "-u", "ada:hush1", "-S", "X-Key: hush2", guard.url]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as process:
        try:
            assert asked.wait(20)
            line = pathlib.Path(f"/proc/{process.pid}/cmdline").read_bytes()
        finally:
            go_on.set()
        assert b"hush" not in line and b"ada:*****" in line
