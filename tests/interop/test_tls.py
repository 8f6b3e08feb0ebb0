"""TLS with real peers: OpenSSL, GnuTLS, curl, Python's ssl, nginx. The certificates are minted by the test."""

import datetime
import http.client
import ipaddress
import json
import os
import re
import shutil
import signal
import socket
import ssl

import pytest

cryptography = pytest.importorskip("cryptography")
from cryptography import x509  # noqa: E402
from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec, rsa  # noqa: E402
from cryptography.x509 import ocsp  # noqa: E402
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID  # noqa: E402

DAY = datetime.timedelta(days=1)


class Mint:
    """Certificates as files of a folder."""

    def __init__(self, folder):
        self.folder = folder
        self.ca_key = ec.generate_private_key(ec.SECP256R1())
        self.ca = self._sign("Test Root", self.ca_key, None, authority=True)
        self.ca_path = self._write("ca.crt", [self.ca])

    def _sign(self, name, key, names, authority=False, days=(-1, 90)):
        now = datetime.datetime.utcnow()
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if authority else self.ca.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + days[0] * DAY)
            .not_valid_after(now + days[1] * DAY)
            .add_extension(x509.BasicConstraints(authority, None), True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
        if not authority:
            usage = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
            builder = builder.add_extension(x509.ExtendedKeyUsage(usage), False)
        return builder.sign(self.ca_key, hashes.SHA256())

    def _write(self, name, certificates):
        path = self.folder / name
        path.write_bytes(b"".join(c.public_bytes(serialization.Encoding.PEM) for c in certificates))
        return path

    def make(self, name, key=None, days=(-1, 90)):
        """(certificate, key): paths."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        certificate = self._write(f"{name}.crt", [self._sign(name, key, names, days=days)])
        key_path = self.folder / f"{name}.key"
        form = serialization.PrivateFormat.PKCS8
        key_path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
        return certificate, key_path


    def revoke(self, path):
        """A revocation list that names the certificate of a file: its path."""
        now = datetime.datetime.utcnow()
        named = x509.load_pem_x509_certificate(path.read_bytes())
        entry = x509.RevokedCertificateBuilder().serial_number(named.serial_number).revocation_date(now - DAY).build()
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.ca.subject)
        builder = builder.last_update(now - DAY).next_update(now + DAY).add_revoked_certificate(entry)
        lists = self.folder / f"{path.stem}.crl"
        lists.write_bytes(builder.sign(self.ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        return lists

    def staple(self, path, hours=24):
        """An OCSP response that calls the certificate of a file good for so many hours: its path."""
        now = datetime.datetime.utcnow()
        named = x509.load_pem_x509_certificate(path.read_bytes())
        builder = ocsp.OCSPResponseBuilder().add_response(
            cert=named, issuer=self.ca, algorithm=hashes.SHA1(), cert_status=ocsp.OCSPCertStatus.GOOD,
            this_update=now - DAY, next_update=now + datetime.timedelta(hours=hours),
            revocation_time=None, revocation_reason=None)
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, self.ca)
        response = self.folder / f"{path.stem}{hours}.der"
        response.write_bytes(builder.sign(self.ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.DER))
        return response


@pytest.fixture
def mint(tmp_path):
    folder = tmp_path / "certificates"
    folder.mkdir()
    return Mint(folder)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "hello.txt").write_bytes(b"Hello, World!\n")
    (folder / "big.bin").write_bytes(os.urandom(3_000_000))
    return folder


@pytest.fixture
def serve_tls(wharf, start):
    """serve_tls(folder, *more): wharf serve over TLS; the Server has .port."""

    def serve(folder, *more, **options):
        server = start(wharf, "serve", folder, "--listen", "127.0.0.1:0", *more, **options)
        match = re.fullmatch(r"serving .* on https://127\.0\.0\.1:(\d+)/", server.line())
        assert match, server.line()
        server.port = int(match.group(1))
        return server

    return serve


@pytest.fixture
def served(serve_tls, mint, folder):
    certificate, key = mint.make("server")
    return serve_tls(folder, "--cert", certificate, "--key", key)


def context(mint, **options):
    made = ssl.create_default_context(cafile=str(mint.ca_path))
    for name, value in options.items():
        setattr(made, name, value)
    return made


def get(port, settings, path="/hello.txt"):
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=settings, timeout=20)
    connection.request("GET", path)
    body = connection.getresponse().read()
    connection.close()
    return body


# ---- our server ----


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_python_fetches_from_our_server(served, mint, folder, version):
    settings = context(mint, minimum_version=version, maximum_version=version)
    assert get(served.port, settings) == b"Hello, World!\n"
    assert get(served.port, settings, "/big.bin") == (folder / "big.bin").read_bytes()


def test_curl_fetches_from_our_server(served, mint, folder, run):
    url = f"https://127.0.0.1:{served.port}/big.bin"
    result = run("curl", "-sS", "--cacert", mint.ca_path, url)
    assert (result.returncode, result.stdout) == (0, (folder / "big.bin").read_bytes())


def test_old_versions_are_refused(served, mint, run):
    result = run("openssl", "s_client", "-connect", f"127.0.0.1:{served.port}", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
    assert result.returncode != 0


def test_plain_http_is_answered_with_a_400(served, run):
    result = run("curl", "-sSi", f"http://127.0.0.1:{served.port}/")
    assert result.stdout.startswith(b"HTTP/1.1 400 ") and b"https://" in result.stdout


def knock_untrusting(port, run):
    """A client that does not trust the server's certificate, and says so."""
    assert run("curl", "-sS", f"https://127.0.0.1:{port}/").returncode == 60


def test_failed_handshakes_are_reported(serve_tls, mint, folder, run):
    certificate, key = mint.make("server")
    server = serve_tls(folder, "--cert", certificate, "--key", key, "--log=off")
    knock_untrusting(server.port, run)
    server.wait_for_error(r"wharf: tls\.alert\.unknown_ca: TLS handshake with 127\.0\.0\.1:\d+: .*does not know the authority")


def test_failed_handshakes_are_logged(serve_tls, mint, folder, run):
    certificate, key = mint.make("server")
    server = serve_tls(folder, "--cert", certificate, "--key", key, "--log=common")
    run("openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
    server.wait_for_error(r'127\.0\.0\.1 - - \[.*\] "-" - - "tls\.version" "TLS handshake with 127\.0\.0\.1:\d+: .*version in common')
    server = serve_tls(folder, "--cert", certificate, "--key", key, "--client-ca", mint.ca_path, "--log=json")
    assert run("curl", "-sS", "--cacert", mint.ca_path, f"https://127.0.0.1:{server.port}/").returncode != 0
    line = json.loads(server.wait_for_error(r"\{.*tls\.certificate\.missing.*\}").group(0))
    assert line["peer"] == "127.0.0.1" and line["more"] == 0
    assert "the client showed no certificate" in line["error"]


def test_hosts_without_a_certificate_are_sent_away(serve_tls, mint, folder, run):
    certificate, key = mint.make("server")

    def status(server, host):
        words = ["curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", "--resolve", f"{host}:{server.port}:127.0.0.1"]
        return int(run(*words, f"https://{host}:{server.port}/hello.txt").stdout)

    server = serve_tls(folder, "--cert", certificate, "--key", key)
    hosts = ["localhost", "127.0.0.1", "other.example"]
    assert [status(server, host) for host in hosts] == [200, 200, 421]
    server = serve_tls(folder, "--cert", certificate, "--key", key, "--any-host")
    assert [status(server, host) for host in hosts] == [200, 200, 200]


def test_protocols_must_match(served, mint):
    settings = context(mint)
    settings.set_alpn_protocols(["http/1.1"])
    with socket.create_connection(("127.0.0.1", served.port)) as raw:
        with settings.wrap_socket(raw, server_hostname="localhost") as tls:
            assert tls.selected_alpn_protocol() == "http/1.1"
    settings.set_alpn_protocols(["smtp"])
    with socket.create_connection(("127.0.0.1", served.port)) as raw:
        with pytest.raises(ssl.SSLError, match="no application protocol"):
            settings.wrap_socket(raw, server_hostname="localhost")


def test_sessions_are_resumed(served, mint):
    settings = context(mint)
    with socket.create_connection(("127.0.0.1", served.port)) as raw:
        with settings.wrap_socket(raw, server_hostname="localhost") as first:
            first.sendall(b"GET /hello.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            while first.recv(65536):
                pass
            session = first.session
    with socket.create_connection(("127.0.0.1", served.port)) as raw:
        with settings.wrap_socket(raw, server_hostname="localhost", session=session) as second:
            assert second.session_reused


@pytest.mark.peer
def test_gnutls_speaks_with_our_server(served, mint, run):
    if shutil.which("gnutls-cli") is None:
        pytest.fail("gnutls-cli is not installed: tools/need.sh peers", pytrace=False)
    request = b"GET /hello.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    result = run("gnutls-cli", "--x509cafile", mint.ca_path, "-p", served.port, "localhost", input=request)
    assert b"Hello, World!" in result.stdout, result.stderr


def test_client_certificates_are_required(serve_tls, mint, folder, wharf, run):
    certificate, key = mint.make("server")
    server = serve_tls(folder, "--cert", certificate, "--key", key, "--client-ca", mint.ca_path)
    own, own_key = mint.make("client")
    url = f"https://127.0.0.1:{server.port}/hello.txt"
    assert run("curl", "-sS", "--cacert", mint.ca_path, url).returncode != 0
    assert run("curl", "-sS", "--cacert", mint.ca_path, "--cert", own, "--key", own_key, url).stdout == b"Hello, World!\n"
    refused = run(wharf, "get", "--ca", mint.ca_path, url)
    assert refused.returncode == 10 and b"requires a client certificate" in refused.stderr
    assert run(wharf, "get", "--ca", mint.ca_path, "--cert", own, "--key", own_key, url).stdout == b"Hello, World!\n"


def test_revoked_clients_are_refused(serve_tls, mint, folder, run):
    certificate, key = mint.make("server")
    own, own_key = mint.make("client")
    lists = mint.revoke(own)
    words = ["--cert", certificate, "--key", key, "--client-ca", mint.ca_path, "--client-crl", lists, "--log=off"]
    server = serve_tls(folder, *words)
    url = f"https://127.0.0.1:{server.port}/hello.txt"
    refused = run("curl", "-sS", "--cacert", mint.ca_path, "--cert", own, "--key", own_key, url)
    assert refused.returncode != 0
    server.wait_for_error(r"tls\.certificate\.revoked: .*client's certificate client, was revoked by its issuer Test Root")
    other, other_key = mint.make("other")
    assert run("curl", "-sS", "--cacert", mint.ca_path, "--cert", other, "--key", other_key, url).stdout == b"Hello, World!\n"


def test_revoked_servers_are_refused(openssl_server, mint, wharf, run):
    certificate, key = mint.make("server")
    server = openssl_server(certificate, key)
    lists = mint.revoke(certificate)
    result = run(wharf, "get", "--ca", mint.ca_path, "--crl", lists, f"https://127.0.0.1:{server.port}/")
    assert result.returncode == 10
    assert b"certificate server, was revoked by its issuer Test Root" in result.stderr


def test_responses_of_the_authority_are_shown(serve_tls, mint, folder, run):
    certificate, key = mint.make("server")
    response = mint.staple(certificate)
    server = serve_tls(folder, "--cert", certificate, "--key", key, "--staple", response)

    def status():
        words = ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-CAfile", mint.ca_path, "-status"]
        return run(*words).stdout

    shown = status()
    assert b"OCSP Response Status: successful" in shown and b"Cert Status: good" in shown
    response.write_bytes(mint.staple(certificate, hours=-1).read_bytes())
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_error("the new certificates are in use")
    assert b"OCSP response: no response sent" in status()


def test_responses_about_others_are_refused(mint, folder, wharf, run):
    certificate, key = mint.make("server")
    other, _ = mint.make("other")
    words = [wharf, "serve", folder, "--listen", "127.0.0.1:0", "--cert", certificate, "--key", key, "--staple"]
    result = run(*words, mint.staple(other))
    assert result.returncode == 8 and b"it is about none of the certificates; setting staples" in result.stderr
    result = run(*words, certificate)
    assert result.returncode == 8 and b"it is no successful OCSP response in DER" in result.stderr


def test_sessions_stay_with_their_host(serve_tls, mint, folder):
    certificate, key = mint.make("server")
    server = serve_tls(folder, "--cert", certificate, "--key", key)
    settings = context(mint, check_hostname=False, maximum_version=ssl.TLSVersion.TLSv1_2)

    def connect(name, session=None):
        with socket.create_connection(("127.0.0.1", server.port)) as raw:
            with settings.wrap_socket(raw, server_hostname=name, session=session) as tls:
                return tls.session, tls.session_reused

    session, _ = connect("localhost")
    assert connect("localhost", session)[1]
    assert not connect("other.example", session)[1]
    assert not connect(None, session)[1]


def test_certificates_are_renewed_while_serving(served, mint, wharf, run):
    def subject():
        result = run(wharf, "tls", "--json", "--ca", mint.ca_path, f"127.0.0.1:{served.port}")
        return json.loads(result.stdout)["chain"][0]["subject"]

    assert subject() == "CN=server"
    renewed, key = mint.make("renewed")
    os.replace(key, mint.folder / "server.key")
    os.replace(renewed, mint.folder / "server.crt")
    served.wait_for_error("the new certificates are in use")
    assert subject() == "CN=renewed"


def test_sighup_reads_the_certificates_again(served, mint):
    served.process.send_signal(signal.SIGHUP)
    served.wait_for_error("the new certificates are in use")
    (mint.folder / "server.crt").write_text("nothing")
    served.process.send_signal(signal.SIGHUP)
    served.wait_for_error(r"the new certificates are not used: read .*server\.crt")
    assert get(served.port, context(mint)) == b"Hello, World!\n"
    assert served.stop() == 0


def test_certificates_that_end_soon_are_warned_of(serve_tls, mint, folder):
    certificate, key = mint.make("soon", days=(-80, 5.5))
    server = serve_tls(folder, "--cert", certificate, "--key", key)
    server.wait_for_error(r"wharf: tls\.expiry: the certificate \S*soon\.crt \(CN=soon\) expires on \d{4}-\d\d-\d\d \d\d:\d\d UTC, 5 days from now")


def test_development_certificate_is_made_once(serve_tls, folder, tmp_path, run, wharf):
    env = {**os.environ, "XDG_DATA_HOME": str(tmp_path)}
    server = serve_tls(folder, "--tls", env=env)
    first = server.wait_for_error(r"certificate SHA-256 ([0-9a-f]{64})").group(1)
    authority = tmp_path / "wharf" / "ca.crt"
    assert run("curl", "-sS", "--cacert", authority, f"https://127.0.0.1:{server.port}/hello.txt").stdout == b"Hello, World!\n"
    assert (tmp_path / "wharf" / "ca.key").stat().st_mode & 0o077 == 0
    again = serve_tls(folder, "--tls", env=env)
    assert again.wait_for_error(r"certificate SHA-256 ([0-9a-f]{64})").group(1) == first
    assert run(wharf, "get", "--ca", authority, f"https://localhost:{again.port}/hello.txt").returncode in (0, 4)


# ---- our client ----


@pytest.fixture
def openssl_server(start, unused_port, listening):
    """openssl_server(certificate, key, *more): openssl s_server; the Server has .port."""

    def serve(certificate, key, *more):
        port = unused_port()
        words = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", certificate, "-key", key, "-www"]
        server = start(*words, *more)
        server.port = port
        listening(port, server)
        return server

    return serve


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_our_client_fetches_from_openssl(openssl_server, mint, wharf, run, version):
    server = openssl_server(*mint.make("server"), version)
    result = run(wharf, "get", "--ca", mint.ca_path, f"https://127.0.0.1:{server.port}/")
    assert result.returncode == 0, result.stderr
    assert b"Ciphers supported in s_server" in result.stdout or b"s_server" in result.stdout


def test_verbose_shows_what_tls_agreed_on(openssl_server, mint, wharf, run):
    server = openssl_server(*mint.make("server"), "-tls1_2")
    url = f"https://127.0.0.1:{server.port}/"
    lines = run(wharf, "get", "-v", "--ca", mint.ca_path, url).stderr.decode().splitlines()
    assert re.fullmatch(r"\* TLSv1\.2, ECDHE-ECDSA-\S+, session new", lines[0])
    assert lines[1] == "* certificate of CN=server, issued by CN=Test Root, verified"
    assert re.fullmatch(r"\* expires \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ, SHA-256 [0-9a-f]{64}", lines[2])
    lines = run(wharf, "get", "-v", "--insecure", url).stderr.decode().splitlines()
    assert "* certificate of CN=server, issued by CN=Test Root, not verified" in lines


def test_no_common_version_is_said(openssl_server, mint, wharf, run):
    server = openssl_server(*mint.make("server"), "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
    result = run(wharf, "get", "--ca", mint.ca_path, f"https://127.0.0.1:{server.port}/")
    assert result.returncode == 10
    assert b"no TLS version in common" in result.stderr


def test_weak_keys_are_said(openssl_server, mint, wharf, run):
    weak = rsa.generate_private_key(65537, 1024)
    server = openssl_server(*mint.make("weak", weak), "-cipher", "ALL:@SECLEVEL=0")
    result = run(wharf, "get", "--ca", mint.ca_path, f"https://127.0.0.1:{server.port}/")
    assert result.returncode == 10
    assert b"certificate weak, has a weak key of 1024 bits" in result.stderr


def test_expired_certificates_are_said_with_their_date(openssl_server, mint, wharf, run):
    server = openssl_server(*mint.make("old", days=(-60, -3)))
    result = run(wharf, "get", "--ca", mint.ca_path, f"https://127.0.0.1:{server.port}/")
    assert result.returncode == 10
    assert re.search(rb"certificate old, expired on \d{4}-\d\d-\d\d \d\d:\d\d UTC \(issuer Test Root\)", result.stderr)


@pytest.mark.peer
def test_our_client_fetches_from_nginx(nginx, mint, wharf, run, unused_port):
    certificate, key = mint.make("server")
    port = unused_port()
    server = nginx(f"listen 127.0.0.1:{port} ssl; ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate {certificate}; ssl_certificate_key {key};")
    body = os.urandom(2_000_000)
    (server.root / "big.bin").write_bytes(body)
    url = f"https://127.0.0.1:{port}/big.bin"
    result = run(wharf, "get", "--ca", mint.ca_path, url, url)
    assert (result.returncode, result.stdout) == (0, body + body), result.stderr
    facts = json.loads(run(wharf, "tls", "--json", "--ca", mint.ca_path, f"127.0.0.1:{port}").stdout)
    assert facts["verified"] and facts["resumption"] and facts["versions"] == ["TLSv1.2", "TLSv1.3"]
    plain = run(wharf, "get", "--ca", mint.ca_path, f"https://127.0.0.1:{server.port}/big.bin")
    assert plain.returncode == 10 and b"the peer speaks plain HTTP and not TLS here" in plain.stderr


def test_relay_works_over_tls(wharf, start, run, mint):
    certificate, key = mint.make("server")
    server = start(wharf, "listen", "127.0.0.1:0", "--cert", certificate, "--key", key)
    port = server.wait_for_error(r"listening on 127\.0\.0\.1:(\d+)").group(1)
    result = run(wharf, "connect", "--tls", "--ca", mint.ca_path, f"127.0.0.1:{port}", input=b"over TLS\n")
    assert result.returncode == 0, result.stderr
    assert server.line() == "over TLS"


def test_echo_pair_shows_certificates(examples, start, run, tmp_path):
    folder = tmp_path / "certificates"
    server = start(examples("tls_echo_server"), "127.0.0.1:0", folder)
    address = server.line().removeprefix("listening on ")
    result = run(examples("tls_echo_client"), address, folder)
    assert (result.returncode, result.stdout) == (0, b"Hello?\n"), result.stderr
    assert server.line(1) == "CN=client is here, with TLSv1.3"
    stranger = run(examples("tls_echo_client"), address, tmp_path / "others")
    assert stranger.returncode == 1 and b"certificate" in stranger.stderr


def test_keys_can_be_logged(served, mint, wharf, run, tmp_path):
    log = tmp_path / "keys"
    env = {**os.environ, "SSLKEYLOGFILE": str(log)}
    assert run(wharf, "get", "--ca", mint.ca_path, f"https://127.0.0.1:{served.port}/hello.txt", env=env).returncode == 0
    assert "CLIENT_TRAFFIC_SECRET_0" in log.read_text()
    assert log.stat().st_mode & 0o077 == 0
