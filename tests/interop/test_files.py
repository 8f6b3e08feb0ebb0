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


# ---- which file a path means, and how long it may be kept ----


def site(folder, **files):
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(exist_ok=True)
        put(path, content.encode())


def test_first_index_page_that_is_there_is_shown(folder, serve):
    site(folder, a__index_htm="htm", b__index_html="html", b__index_htm="not this", c__main_html="main")
    server = serve(folder, "--index", "index.html index.htm")
    assert [fetch(server, f"/{name}/").body for name in "ab"] == [b"htm", b"html"]
    assert b"main.html" in fetch(server, "/c/").body  # a listing


PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def test_application_of_one_page_answers_unknown_paths_for_those_who_want_a_page(folder, serve):
    site(folder, index_html="app", assets__app_js="script")
    server = serve(folder, "--spa")
    for path in ("/", "/users/7", "/users/7/?tab=1", "/a.b", "/index.html/x"):
        response = fetch(server, path, PAGE)
        assert (response.status, response.body) == (200, b"app"), path
    assert fetch(server, "/users/7", PAGE).getheader("Vary") == "Accept"
    assert fetch(server, "/assets/app.js", PAGE).body == b"script"
    for headers in ({}, {"Accept": "*/*"}, {"Accept": "image/avif,image/*,*/*;q=0.8"}, {"Accept": "text/html;q=0"}):
        assert fetch(server, "/assets/missing.png", headers).status == 404
    assert fetch(server, "/.git/config", PAGE).status == 404
    assert fetch(server, "/users/7", PAGE, "POST").status == 405


def test_clean_urls_lead_to_pages_and_pages_to_clean_urls(folder, serve):
    site(folder, about_html="about", index_html="home", sub__index_html="sub", both_html="page", both__index_html="directory")
    server = serve(folder, "--clean-urls")
    assert fetch(server, "/about").body == b"about"
    for path, location in (("/about.html?q=1", "/about?q=1"), ("/index.html", "/"), ("/sub/index.html", "/sub/")):
        response = fetch(server, path)
        assert (response.status, response.getheader("Location")) == (308, location)
    assert fetch(server, "/").body == b"home"
    assert fetch(server, "/sub/").body == b"sub"
    assert fetch(server, "/both").getheader("Location") == "/both/"
    assert fetch(server, "/none").status == 404


@pytest.mark.parametrize("policy, inside, outside", [(None, 200, 404), ("inside", 200, 404), ("none", 404, 404), ("all", 200, 200)])
def test_links_are_followed_as_the_policy_says(folder, serve, tmp_path, policy, inside, outside):
    (tmp_path / "secret").write_text("secret")
    (folder / "in").symlink_to("letters.bin")
    (folder / "out").symlink_to("../secret")
    (folder / "dir").symlink_to("..")
    server = serve(folder, *(["--symlinks", policy] if policy else []))
    assert fetch(server, "/in").status == inside
    assert fetch(server, "/out").status == outside
    assert fetch(server, "/dir/secret").status == outside
    assert fetch(server, "/letters.bin").status == 200
    listed = fetch(server, "/", {"Accept": "text/plain"}).body.decode().splitlines()
    assert ("in" in listed, "out" in listed) == (inside == 200, outside == 200)


@pytest.mark.parametrize("value, control", [("1h", "max-age=3600"), ("90", "max-age=90"), ("7d", "max-age=604800"), ("no-store", "no-store")])
def test_cache_policy_is_what_was_asked_for(folder, serve, value, control):
    server = serve(folder, "--cache", value)
    first = fetch(server, "/letters.bin")
    assert first.getheader("Cache-Control") == control
    again = fetch(server, "/letters.bin", {"If-None-Match": first.getheader("ETag")})
    assert (again.status, again.getheader("Cache-Control")) == (304, control)


def test_names_with_a_hash_are_kept_for_a_year_where_that_is_asked_for(folder, serve):
    names = {"app.3f2a9c1b.js": True, "main-0123456789abcdef.css": True, "section-20261122.html": False, "deadbeef.js": False, "a.beadfeed.js": False}
    for name in names:
        put(folder / name, b"x")
    server = serve(folder, "--immutable", "--cache=60")
    for name, kept in names.items():
        control = fetch(server, f"/{name}").getheader("Cache-Control")
        assert control == ("public, max-age=31536000, immutable" if kept else "max-age=60"), name


def test_types_are_the_given_then_the_built_in_then_those_of_the_system(folder, serve):
    for name in ("a.md", "a.glb", "a.TXT", "a.unheard-of", "a.nb"):
        put(folder / name, b"x")
    server = serve(folder, "--type", "glb=model/x-own", "--type=txt=text/x-own")
    types = {name: fetch(server, f"/a.{name}").getheader("Content-Type") for name in ("md", "glb", "TXT", "unheard-of", "nb")}
    assert types["md"] == "text/markdown; charset=utf-8"
    assert types["glb"] == "model/x-own"
    assert types["TXT"] == "text/x-own; charset=utf-8"
    assert types["unheard-of"] == "application/octet-stream"
    if os.path.exists("/etc/mime.types"):
        assert types["nb"] != "application/octet-stream"
    assert fetch(server, "/a.md").getheader("X-Content-Type-Options") == "nosniff"


@pytest.mark.parametrize(
    "words, sentence",
    [
        (["--cache", "soon"], "--cache takes no-cache, no-store or a time such as 90, 30m, 1h or 7d, not soon"),
        (["--cache", "400d"], "--cache takes"),
        (["--type", "md"], "--type takes EXT=TYPE, not md"),
        (["--type", ".md=text/plain"], "an extension without its dot has a media type"),
        (["--type", "md=text\n"], "an extension without its dot has a media type"),
        (["--index", "a/b"], "an index page's name has no '/'"),
        (["--symlinks", "some"], "--symlinks takes inside|none|all, not some"),
    ],
)
def test_settings_that_make_no_sense_are_named(folder, run, wharf, words, sentence):
    done = run(wharf, "serve", "--check", *words, folder)
    assert done.returncode == 2
    assert sentence in done.stderr.decode()
