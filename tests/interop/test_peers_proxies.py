"""Requests through real proxies: squid, tinyproxy and dante."""

import http.server
import os
import pwd
import shutil
import socket
import ssl
import subprocess
import threading

import pytest

pytestmark = pytest.mark.peer

SQUID = """
http_port 127.0.0.1:{port}
{more}
acl all_hosts src 127.0.0.1
{access}
cache deny all
cache_log stdio:/dev/stderr
access_log none
pid_filename none
coredump_dir {folder}
shutdown_lifetime 0 seconds
netdb_filename none
visible_hostname proxy.test
{user}
"""

TINYPROXY = """
Port {port}
Listen 127.0.0.1
Timeout 60
MaxClients 50
Allow 127.0.0.1
ConnectPort {secure_port}
LogLevel Warning
{more}
"""

DANTE = """
logoutput: stderr
internal: 127.0.0.1 port = {port}
external: 127.0.0.1
clientmethod: none
socksmethod: none
user.privileged: {user}
user.unprivileged: {user}
client pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}
socks block {{ from: 127.0.0.0/8 to: 127.0.0.1/32 port = {closed} }}
socks pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}
"""


def program(name):
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")
    if path is None:
        pytest.fail(f"{name} is not installed: tools/need.sh peers", pytrace=False)
    return path


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.seen.append((self.path, dict(self.headers)))
        body = b"from the origin\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def serving(context=None):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.seen = []
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture
def authority(tmp_path):
    """The path of a certificate for 127.0.0.1 and localhost, which is its own authority, and that of its key."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", key, "-out", certificate],
        check=True, capture_output=True)
    return certificate, key


@pytest.fixture
def origin():
    server = serving()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def secure_origin(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority)
    server = serving(context)
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def get(wharf, run, authority, tmp_path):
    """get(url, *flags): what wharf get does, without the environment's proxies; the proxies' certificates are trusted."""

    def fetch(url, *flags, environment=None):
        clean = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        clean["SSL_CERT_FILE"] = str(authority[0])
        return run(wharf, "get", "--ca", authority[0], *flags, url, env={**clean, **(environment or {})})

    return fetch


def url_of(server, scheme="http"):
    return f"{scheme}://127.0.0.1:{server.server_port}/page?a=b"


def own_user():
    return pwd.getpwuid(os.getuid()).pw_name


@pytest.fixture
def squid(tmp_path, start, unused_port, listening):
    """squid(access, more): the port of a squid."""

    def start_squid(access="http_access allow all_hosts", more=""):
        port, folder = unused_port(), tmp_path / "squid"
        folder.mkdir()
        folder.chmod(0o777)
        user = "cache_effective_user proxy" if os.getuid() == 0 else ""
        configuration = folder / "squid.conf"
        configuration.write_text(SQUID.format(port=port, folder=folder, access=access, more=more.format(port=unused_port()), user=user))
        listening(port, start(program("squid"), "-N", "-d", "1", "-f", configuration, cwd=folder))
        return port

    return start_squid


@pytest.fixture
def tinyproxy(tmp_path, start, unused_port, listening, secure_origin):
    """tinyproxy(more): the port of a tinyproxy."""

    def start_tinyproxy(more=""):
        port, configuration = unused_port(), tmp_path / "tinyproxy.conf"
        configuration.write_text(TINYPROXY.format(port=port, secure_port=secure_origin.server_port, more=more))
        listening(port, start(program("tinyproxy"), "-d", "-c", configuration))
        return port

    return start_tinyproxy


@pytest.fixture
def dante(tmp_path, start, unused_port, listening, origin):
    """The port of a dante, and a port that it lets nobody connect to."""
    port, closed, configuration = unused_port(), unused_port(), tmp_path / "danted.conf"
    configuration.write_text(DANTE.format(port=port, closed=closed, user=own_user()))
    listening(port, start(program("danted"), "-f", configuration, "-p", tmp_path / "danted.pid"))
    return port, closed


@pytest.mark.parametrize("name", ["squid", "tinyproxy"])
def test_http_goes_through(request, get, origin, name):
    port = request.getfixturevalue(name)()
    done = get(url_of(origin), "-x", f"http://127.0.0.1:{port}")
    assert (done.returncode, done.stdout) == (0, b"from the origin\n"), done.stderr
    path, headers = origin.seen[0]
    assert path == "/page?a=b"
    assert "Via" in headers


@pytest.mark.parametrize("name", ["squid", "tinyproxy"])
def test_https_goes_through_a_tunnel(request, get, secure_origin, name):
    port = request.getfixturevalue(name)(*(["acl CONNECT method CONNECT\nhttp_access allow CONNECT all_hosts"] if name == "squid" else []))
    done = get(url_of(secure_origin, "https"), "-x", f"127.0.0.1:{port}")
    assert (done.returncode, done.stdout) == (0, b"from the origin\n"), done.stderr
    assert "Via" not in secure_origin.seen[0][1]


def test_a_refusal_says_why(get, squid, secure_origin):
    port = squid("http_access deny all")
    done = get(url_of(secure_origin, "https"), "-x", f"127.0.0.1:{port}")
    assert done.returncode == 4
    assert b"it answered 403 Forbidden" in done.stderr
    assert f"through http://127.0.0.1:{port}".encode() in done.stderr


def test_an_unreachable_server_is_told_from_a_proxy(get, tinyproxy, squid, secure_origin, unused_port):
    port = squid()
    done = get(f"https://127.0.0.1:{unused_port()}/", "-x", f"127.0.0.1:{port}")
    assert done.returncode == 4
    assert b"it answered 503 Service Unavailable" in done.stderr
    done = get("http://127.0.0.1:1/", "-x", f"127.0.0.1:{unused_port()}")
    assert done.returncode == 4
    assert b"connection refused (ECONNREFUSED)" in done.stderr


def test_credentials_are_for_the_proxy_alone(get, tinyproxy, origin, secure_origin):
    port = tinyproxy("BasicAuth ada secret")
    for url in url_of(origin), url_of(secure_origin, "https"):
        done = get(url, "-x", f"http://ada:secret@127.0.0.1:{port}")
        assert (done.returncode, done.stdout) == (0, b"from the origin\n"), done.stderr
    for server in origin, secure_origin:
        assert not [name for name in server.seen[0][1] if name.lower() == "proxy-authorization"]
    done = get(url_of(secure_origin, "https"), "-x", f"127.0.0.1:{port}")
    assert done.returncode == 4
    assert b"it answered 407" in done.stderr and b"it wants credentials" in done.stderr


def test_the_environment_counts_unless_flags_do(get, tinyproxy, origin):
    proxy = f"http://127.0.0.1:{tinyproxy()}"
    dead = "http://127.0.0.1:1"
    for flags, environment, via in [
        ([], {"http_proxy": proxy}, True),
        ([], {"HTTP_PROXY": proxy}, True),
        ([], {"HTTP_PROXY": dead, "REQUEST_METHOD": "GET"}, False),
        ([], {"all_proxy": proxy}, True),
        ([], {"https_proxy": dead}, False),
        ([], {"http_proxy": dead, "no_proxy": "127.0.0.0/8"}, False),
        ([], {"http_proxy": dead, "NO_PROXY": "*"}, False),
        (["-x", ""], {"http_proxy": dead}, False),
        (["-x", proxy], {"http_proxy": dead}, True),
        (["--no-proxy", "127.0.0.1"], {"http_proxy": dead}, False),
        (["-x", f"{dead},{proxy}"], {}, True),
        (["-x", f"{dead} direct"], {}, False),
    ]:
        done = get(url_of(origin), *flags, environment=environment)
        assert (done.returncode, done.stdout) == (0, b"from the origin\n"), (flags, environment, done.stderr)
        assert ("Via" in origin.seen[-1][1]) == via, (flags, environment)


def test_tls_goes_through_tls(get, squid, secure_origin, origin, authority, unused_port):
    secure_port = unused_port()
    more = f"https_port 127.0.0.1:{secure_port} tls-cert={authority[0]} tls-key={authority[1]}"
    authority[1].chmod(0o644)
    for folder in authority[0].parents:
        if folder.owner() == own_user() and len(folder.parts) > 2:
            folder.chmod(0o755)
    squid(more=more)
    for server, scheme in (secure_origin, "https"), (origin, "http"):
        done = get(url_of(server, scheme), "-x", f"https://localhost:{secure_port}")
        assert (done.returncode, done.stdout) == (0, b"from the origin\n"), done.stderr


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_socks_carries_both(get, dante, origin, secure_origin, scheme):
    port, _ = dante
    for url in url_of(origin), url_of(secure_origin, "https"), url_of(origin).replace("127.0.0.1", "localhost"):
        done = get(url, "-x", f"{scheme}://127.0.0.1:{port}", "-4")
        assert (done.returncode, done.stdout) == (0, b"from the origin\n"), done.stderr


def test_socks_says_why_not(get, dante, unused_port):
    port, closed = dante
    done = get(f"http://127.0.0.1:{closed}/", "-x", f"socks5://127.0.0.1:{port}")
    assert done.returncode == 4
    assert b"its rules do not allow the connection" in done.stderr
    done = get(f"http://127.0.0.1:{unused_port()}/", "-x", f"socks5://127.0.0.1:{port}")
    assert done.returncode == 4
    assert b"the connection was refused" in done.stderr


def test_what_is_no_proxy_is_said_before_anything_is_sent(get, origin):
    done = get(url_of(origin), "-x", "ftp://proxy")
    assert done.returncode == 2
    assert b"none of http, https, socks5, socks5h" in done.stderr
    assert origin.seen == []
