"""Listings of directories: as a page in Chromium, as JSON and as text; odd names, order, size."""

import html
import http.client
import json
import os
import re
import shutil
import subprocess
import urllib.parse

import pytest

ODD_NAMES = (
    "a b&c.txt",
    "colon:name.txt",
    "javascript:alert(1)",
    '<img src=x onerror="document.title=1">.txt',
    "quote'quote\"",
    "per%20cent",
    "ques?tion#mark",
    "new\nline",
    "ünïcödé ☃.txt",
    "n" * 255,
)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    return folder


def put(path, size, seconds):
    path.write_bytes(b"x" * size)
    os.utime(path, (seconds, seconds))


def get(server, target, accept=None):
    connection = http.client.HTTPConnection(server.host, server.port, timeout=60)
    connection.request("GET", target, headers={"Accept": accept} if accept else {})
    response = connection.getresponse()
    response.body = response.read()
    connection.close()
    return response


def names_in(page):
    return [urllib.parse.unquote(html.unescape(link)) for link in re.findall(r'<td><a href="([^"]+)"', page.decode())]


def test_every_odd_name_is_listed_and_its_link_leads_to_it(serve, folder):
    for number, name in enumerate(ODD_NAMES):
        (folder / name).write_bytes(b"%d" % number)
    (folder / b"not utf-8 \xff".decode("utf-8", "surrogateescape")).write_bytes(b"latin")
    server = serve(folder)
    page = get(server, "/").body
    links = [html.unescape(link) for link in re.findall(r'<td><a href="([^"]+)"', page.decode())]
    assert len(links) == len(ODD_NAMES) + 1
    for link in links:
        assert re.fullmatch(r"[A-Za-z0-9._~%-]+", link)
        name = urllib.parse.unquote_to_bytes(link)
        expected = b"latin" if b"\xff" in name else b"%d" % ODD_NAMES.index(name.decode())
        assert get(server, "/" + link).body == expected
    page.decode("utf-8")
    assert b"<img" not in page


def test_json_has_what_the_page_has(serve, folder):
    for name in ODD_NAMES:
        (folder / name).write_bytes(b"12345")
    (folder / b"\xff\xfe".decode("utf-8", "surrogateescape")).write_bytes(b"")
    (folder / "sub").mkdir()
    server = serve(folder)
    response = get(server, "/", "application/json")
    assert response.getheader("Content-Type") == "application/json"
    assert response.getheader("Vary") == "Accept"
    listing = json.loads(response.body)
    assert (listing["path"], listing["truncated"]) == ("/", False)
    assert listing["entries"][0] | {"modified": ""} == {"name": "sub", "url": "sub/", "type": "directory", "size": 0, "modified": ""}
    by_url = {urllib.parse.unquote(entry["url"], errors="surrogateescape"): entry for entry in listing["entries"]}
    for name in ODD_NAMES:
        assert by_url[name]["name"] == name.replace("\n", "?")
        assert (by_url[name]["type"], by_url[name]["size"]) == ("file", 5)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", by_url[name]["modified"])
    assert by_url["\udcff\udcfe"]["name"] == "\ufffd\ufffd"


def test_text_has_a_name_a_line(serve, folder):
    put(folder / "b.txt", 1, 1000)
    (folder / "sub").mkdir()
    response = get(serve(folder), "/", "text/plain")
    assert (response.getheader("Content-Type"), response.body) == ("text/plain; charset=utf-8", b"sub/\nb.txt\n")


@pytest.mark.parametrize(
    "query, order",
    [
        ("", ["dir/", "a", "b", "c"]),
        ("?sort=name", ["dir/", "a", "b", "c"]),
        ("?sort=name&order=desc", ["dir/", "c", "b", "a"]),
        ("?sort=size", ["dir/", "c", "a", "b"]),
        ("?sort=size&order=desc", ["dir/", "b", "a", "c"]),
        ("?sort=time", ["dir/", "b", "c", "a"]),
        ("?order=desc&sort=time", ["dir/", "a", "c", "b"]),
        ("?sort=nonsense", ["dir/", "a", "b", "c"]),
    ],
)
def test_order_is_what_the_query_says_and_directories_come_first(serve, folder, query, order):
    put(folder / "a", 2000, 3000000)
    put(folder / "b", 3000, 1000000)
    put(folder / "c", 1000, 2000000)
    (folder / "dir").mkdir()
    assert names_in(get(serve(folder), "/" + query).body) == order


def test_links_of_the_columns_sort_and_turn_round(serve, folder):
    put(folder / "a", 1, 1000000)
    server = serve(folder)
    assert b'<th aria-sort="ascending"><a href="?sort=name&amp;order=desc">Name' in get(server, "/").body
    assert b'<th aria-sort="descending"><a href="?sort=size">Size' in get(server, "/?sort=size&order=desc").body
    assert b'<a href="?sort=time">Changed' in get(server, "/").body


def test_more_than_ten_thousand_entries_are_said_to_be_more(serve, folder):
    for number in range(10005):
        (folder / f"{number:05}").touch()
    server = serve(folder)
    page = get(server, "/").body
    assert len(names_in(page)) == 10000
    assert b"Only 10,000 entries are shown; there are more." in page
    assert json.loads(get(server, "/", "application/json").body)["truncated"] is True
    assert b"only 10,000" in get(server, "/", "text/plain").body


def test_what_cannot_be_served_is_not_listed(serve, folder, tmp_path):
    (tmp_path / "outside").write_text("")
    (folder / "out").symlink_to("../outside")
    (folder / "broken").symlink_to("nowhere")
    (folder / "inside").symlink_to("file")
    (folder / ".hidden").write_text("")
    (folder / "file").write_text("")
    os.mkfifo(folder / "fifo")
    assert names_in(get(serve(folder), "/").body) == ["file", "inside"]


def chromium():
    program = shutil.which("chromium")
    if program is None:
        pytest.fail("chromium is not installed: tools/need.sh peers", pytrace=False)
    return program


@pytest.fixture
def browse(tmp_path):
    """browse(url): the document as Chromium shows it after running whatever script there is."""

    def dump(url):
        words = [chromium(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
        words += ["--disable-background-networking", "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", url]
        done = subprocess.run(words, capture_output=True, timeout=120, env={**os.environ, "HOME": str(tmp_path)})
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    return dump


def test_chromium_shows_the_listing(serve, folder, browse):
    for name in ODD_NAMES:
        (folder / name).write_bytes(b"x" * 2048)
    (folder / "sub").mkdir()
    server = serve(folder, "--log=common")
    document = browse(server.url + "/?sort=size")
    assert "<title>/</title>" in document  # no name has become markup that ran
    assert "<img" not in document
    rows = re.findall(r'<td><a href="([^"]+)">([^<]*)</a></td><td>([^<]*)</td>', document)
    assert rows[0] == ("sub/", "sub/", "")
    shown = {html.unescape(text): (urllib.parse.unquote(html.unescape(link)), size) for link, text, size in rows[1:]}
    for name in ODD_NAMES:
        assert shown[name.replace("\n", "?")] == (name, "2.0 KiB")
    assert '"GET /favicon.ico' not in server.errors()


def test_chromium_follows_a_link_with_a_colon(serve, folder, browse):
    (folder / "colon:name.txt").write_text("the text behind the colon")
    server = serve(folder)
    link = re.search(r'<td><a href="([^"]+)"', browse(server.url + "/")).group(1)
    assert "the text behind the colon" in browse(f"{server.url}/{html.unescape(link)}")
