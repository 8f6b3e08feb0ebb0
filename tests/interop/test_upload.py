"""wharf serve --upload: files put there by curl, by Python and by forms; what is refused, and what is left behind."""

import base64
import hashlib
import http.client
import os
import re
import socket
import subprocess

import pytest

MEBIBYTE = 1 << 20


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "served"
    (folder / "sub").mkdir(parents=True)
    (folder / "there.txt").write_text("there")
    return folder


@pytest.fixture
def upload(serve, folder):
    """upload(*flags): a server that takes files."""
    return lambda *flags: serve(folder, "--upload", "--threads=1", *flags)


def send(server, method, target, body=b"", headers=None):
    connection = http.client.HTTPConnection(server.host, server.port, timeout=60)
    connection.request(method, target, body, headers or {})
    response = connection.getresponse()
    response.text = response.read().decode()
    connection.close()
    return response


def left_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def form(*files, boundary="limit"):
    """(headers, body) of a form with files, as (name, content)."""
    body = b"".join(
        b'--%s\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n%s\r\n' % (boundary.encode(), name, content)
        for name, content in files
    )
    return {"Content-Type": f"multipart/form-data; boundary={boundary}"}, body + b"--%s--\r\n" % boundary.encode()


def test_put_stores_a_file_once(upload, folder):
    server = upload()
    content = os.urandom(300000)
    assert send(server, "PUT", "/sub/new%20one.bin", content).status == 201
    assert (folder / "sub" / "new one.bin").read_bytes() == content
    again = send(server, "PUT", "/sub/new%20one.bin", b"other")
    assert (again.status, "http.upload.exists" in again.text) == (409, True)
    assert (folder / "sub" / "new one.bin").read_bytes() == content
    assert send(server, "PUT", "/empty").status == 201
    assert left_in(folder) == ["empty", "sub/new one.bin", "there.txt"]


def test_put_replaces_where_that_is_allowed(upload, folder):
    server = upload("--overwrite")
    before = (folder / "there.txt").stat().st_ino
    assert send(server, "PUT", "/there.txt", b"new").status == 204
    assert (folder / "there.txt").read_text() == "new"
    assert (folder / "there.txt").stat().st_ino != before  # a new file got the name, nothing was overwritten in place
    assert send(server, "PUT", "/there.txt", b"x", {"If-None-Match": "*"}).status == 412
    assert send(server, "PUT", "/none.txt", b"x", {"If-Match": "*"}).status == 412
    os.utime(folder / "there.txt", (1000000, 1000000))
    tag = send(server, "GET", "/there.txt").getheader("ETag")
    assert send(server, "PUT", "/there.txt", b"matched", {"If-Match": tag}).status == 204
    assert send(server, "PUT", "/there.txt", b"x", {"If-Match": tag}).status == 412
    assert left_in(folder) == ["there.txt"]


def test_curl_uploads(upload, folder, tmp_path):
    server = upload()
    file = tmp_path / "local.bin"
    file.write_bytes(os.urandom(3 * MEBIBYTE))
    code = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}"]
    assert subprocess.run([*code, "-T", file, f"{server.url}/sub/"], capture_output=True).stdout == b"201"
    assert subprocess.run([*code, "-H", "Expect: 100-continue", "-T", file, f"{server.url}/sub/"], capture_output=True).stdout == b"409"
    assert subprocess.run([*code, "-H", "Transfer-Encoding: chunked", "-T", file, f"{server.url}/c"], capture_output=True).stdout == b"201"
    assert subprocess.run([*code, "-F", f"a=@{file};filename=f1", "-F", f"b=@{file};filename=f2", f"{server.url}/sub/"], capture_output=True).stdout == b"201"
    for name in ("sub/local.bin", "c", "sub/f1", "sub/f2"):
        assert (folder / name).read_bytes() == file.read_bytes()


@pytest.mark.parametrize(
    "target, status",
    [
        ("/none/x", 409),
        ("/sub", 409),
        ("/there.txt/x", 409),
        ("/sub/", 403),
        ("/", 403),
        ("/.hidden", 403),
        ("/.git/x", 403),
        ("/sub%2Fx", 403),
        ("/" + "n" * 256, 403),
    ],
)
def test_name_that_no_file_may_have_is_refused(upload, folder, target, status):
    assert send(upload(), "PUT", target, b"x").status == status
    assert left_in(folder) == ["there.txt"]


def test_nothing_leaves_the_directory(upload, folder, tmp_path):
    (folder / "out").symlink_to("..")
    (folder / "link.txt").symlink_to("../elsewhere.txt")
    server = upload("--overwrite")
    assert send(server, "PUT", "/out/x", b"x").status == 409
    assert send(server, "PUT", "/../x", b"x").status == 201  # the path is /x
    assert send(server, "PUT", "/link.txt", b"x").status == 204  # the link is replaced, not followed
    assert not (tmp_path / "x").exists()
    assert not (tmp_path / "elsewhere.txt").exists()
    headers, body = form((b"../../up.txt", b"up"))
    assert send(server, "POST", "/sub/", body, headers).status == 201
    assert left_in(folder) == ["link.txt", "sub/up.txt", "there.txt", "x"]


def test_without_the_flag_nothing_is_taken(serve, folder):
    response = send(serve(folder), "PUT", "/x", b"x")
    assert (response.status, "PUT" in response.getheader("Allow")) == (405, False)


def sha256_of(content):
    return f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"


@pytest.mark.parametrize("name", ["Content-Digest", "Repr-Digest"])
def test_digest_is_checked_before_the_file_gets_its_name(upload, folder, name):
    server = upload()
    content = os.urandom(200000)
    for value, status in (
        (sha256_of(b"another"), 400),
        ("sha-256=:nonsense:", 400),
        ("sha-256=:" + "A" * 44 + ":", 400),
        ("sha-512=:unread:", 201),
    ):
        assert send(server, "PUT", "/file", content, {name: value}).status == status, value
        assert (folder / "file").exists() == (status == 201)
    (folder / "file").unlink()
    assert send(server, "PUT", "/file", content, {name: "sha-512=:AA==:, " + sha256_of(content)}).status == 201
    assert (folder / "file").read_bytes() == content


def test_parts_and_codings_are_not_stored(upload, folder):
    server = upload()
    assert send(server, "PUT", "/x", b"x", {"Content-Range": "bytes 0-0/2"}).status == 400
    assert send(server, "PUT", "/x", b"x", {"Content-Encoding": "gzip"}).status == 415
    assert left_in(folder) == ["there.txt"]


def test_size_has_a_limit(upload, folder):
    server = upload("--upload-max", "100K")
    assert send(server, "PUT", "/fits", b"x" * 102400).status == 201
    with socket.create_connection((server.host, server.port), 20) as sock:
        sock.sendall(b"PUT /long HTTP/1.1\r\nHost: x\r\nContent-Length: 102401\r\nExpect: 100-continue\r\n\r\n")
        assert sock.recv(1000).startswith(b"HTTP/1.1 413 ")
    with socket.create_connection((server.host, server.port), 20) as sock:
        sock.sendall(b"PUT /long HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + (b"4000\r\n" + b"x" * 16384 + b"\r\n") * 7)
        assert sock.recv(1000).startswith(b"HTTP/1.1 413 ")
    assert left_in(folder) == ["fits", "there.txt"]


def test_form_sends_people_back_to_the_directory(upload, folder):
    server = upload()
    headers, body = form((b"one.txt", b"1"), (b"", b""), ("zwei ü.txt".encode(), b"22"))
    response = send(server, "POST", "/sub/", body, {**headers, "Accept": "text/html,*/*;q=0.1", "Origin": server.url})
    assert (response.status, response.getheader("Location")) == (303, "/sub/")
    assert (folder / "sub" / "zwei ü.txt").read_bytes() == b"22"
    again = send(server, "POST", "/sub/", body, headers)
    assert again.status == 409
    page = send(server, "GET", "/sub/", headers={"Accept": "text/html"}).text
    assert re.search(r'<form method="post" enctype="multipart/form-data"><input type="file" name="file" multiple', page)
    assert "form-action 'self'" in send(server, "GET", "/sub/").getheader("Content-Security-Policy")


@pytest.mark.parametrize("name", [b".hidden", b"..", b".", b"a\x01b", b"back\\", b"n" * 256])
def test_form_cannot_choose_any_name(upload, folder, name):
    headers, body = form((name, b"x"))
    assert send(upload(), "POST", "/sub/", body, headers).status in (201, 403)
    assert [entry for entry in left_in(folder) if entry != "there.txt"] == []


def test_pages_of_other_sites_cannot_send_anything(upload, folder):
    server = upload()
    headers, body = form((b"evil.txt", b"x"))
    for extra in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
    ):
        assert send(server, "POST", "/", body, {**headers, **extra}).status == 403
        assert send(server, "PUT", "/evil.txt", b"x", extra).status == 403
    assert left_in(folder) == ["there.txt"]
    assert send(server, "POST", "/", body, {**headers, "Sec-Fetch-Site": "same-origin"}).status == 201


def test_upload_that_is_cut_leaves_nothing(upload, folder):
    server = upload()
    for head in (b"Content-Length: 1000000\r\n\r\n" + b"x" * 200000, b"Transfer-Encoding: chunked\r\n\r\n30000\r\n" + b"x" * 0x30000):
        with socket.create_connection((server.host, server.port), 20) as sock:
            sock.sendall(b"PUT /cut HTTP/1.1\r\nHost: x\r\n" + head)
            sock.shutdown(socket.SHUT_WR)
            try:
                while sock.recv(1000):
                    pass
            except ConnectionResetError:
                pass
        assert left_in(folder) == ["there.txt"]


def test_two_at_once_for_one_name_make_one_file(upload, folder):
    server = upload()
    socks = [socket.create_connection((server.host, server.port), 20) for _ in range(2)]
    for letter, sock in zip(b"ab", socks, strict=True):
        sock.sendall(b"PUT /race HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 200000\r\n\r\n" + bytes([letter]) * 199999)
    for letter, sock in zip(b"ab", socks, strict=True):
        sock.sendall(bytes([letter]))
    statuses = sorted(sock.recv(1000).split()[1] for sock in socks)
    for sock in socks:
        sock.close()
    assert statuses == [b"201", b"409"]
    assert set((folder / "race").read_bytes()) in ({ord("a")}, {ord("b")})
    assert left_in(folder) == ["race", "there.txt"]


def test_large_upload_needs_little_memory(upload, folder):
    server = upload()
    piece = os.urandom(MEBIBYTE)
    digest = hashlib.sha256()
    connection = http.client.HTTPConnection(server.host, server.port, timeout=120)
    connection.putrequest("PUT", "/large")
    connection.putheader("Content-Length", str(512 * MEBIBYTE))
    connection.endheaders()
    for _ in range(512):
        connection.send(piece)
        digest.update(piece)
    assert connection.getresponse().status == 201
    connection.close()
    with open(f"/proc/{server.pid}/status") as status:
        peak = int(re.search(r"VmHWM:\s+(\d+) kB", status.read()).group(1))
    assert peak < 32 * 1024
    with open(folder / "large", "rb") as file:
        assert hashlib.file_digest(file, "sha256").digest() == digest.digest()
    (folder / "large").unlink()
