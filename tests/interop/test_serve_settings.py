"""wharf serve: settings from a file, the check of them, and where it listens when nobody says."""

import re
import socket
import urllib.request

import pytest


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "hello.txt").write_bytes(b"Hello, World!\n")
    (folder / ".hidden").write_text("secret")
    return folder


@pytest.fixture
def settings(tmp_path):
    """settings(text): the path of a file of settings."""

    def write(text):
        path = tmp_path / "site.conf"
        path.write_text(text)
        return path

    return write


def get(url):
    with urllib.request.urlopen(url, timeout=20) as response:
        return response.read()


def test_file_says_all_there_is_to_say(start, wharf, folder, settings):
    path = settings(f'# a site\ndirectory = "{folder}"\nlisten = 127.0.0.1:0\nlisten = 127.0.0.1:0\nhidden = true\nlog = json\n')
    server = start(wharf, "serve", "--config", path)
    url = re.fullmatch(rf"serving {folder} on (http://127\.0\.0\.1:\d+/)", server.line()).group(1)
    assert get(url + ".hidden") == b"secret"
    assert server.wait_for_error(r"also on 127\.0\.0\.1:\d+")
    assert server.wait_for_error(r'"status":200')
    assert server.stop() == 0


def test_command_line_wins_over_the_file(start, wharf, folder, settings):
    path = settings("directory = /nowhere\nlisten = 127.0.0.1:1\nlog = json\n")
    server = start(wharf, "serve", "-c", path, "--listen", "127.0.0.1:0", "--log", "off", folder)
    assert get(server.line().split()[-1] + "hello.txt") == b"Hello, World!\n"
    assert server.stop() == 0
    assert server.errors() == ""


def test_check_serves_nothing_and_says_that_all_is_good(run, wharf, folder, settings):
    path = settings(f"directory = {folder}\nlisten = 127.0.0.1:0\n")
    done = run(wharf, "serve", "--check", "--config", path)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"the settings are good\n", b"")


@pytest.mark.parametrize(
    "text, code, sentence",
    [
        ("listen\n", 2, "site.conf:1: a setting is written as name = value"),
        ("\nlissten = :0\n", 2, "site.conf:2: there is no setting lissten; did you mean listen?"),
        ("threads = 0\n", 2, "site.conf:1: threads takes N, not 0"),
        ("hidden = yes\n", 2, "site.conf:1: hidden takes true or false, not yes"),
        ("config = other.conf\n", 2, "config and check are no settings of a file"),
        ("directory = /nowhere/at/all\n", 8, "/nowhere/at/all: no such file or directory"),
        ("cert = /nowhere.pem\n", 8, "/nowhere.pem"),
    ],
)
def test_check_names_what_is_wrong(run, wharf, settings, text, code, sentence):
    done = run(wharf, "serve", "--check", "--config", settings(text))
    assert (done.returncode, done.stdout) == (code, b"")
    assert sentence in done.stderr.decode()


def test_file_that_is_missing_is_named(run, wharf, tmp_path):
    done = run(wharf, "serve", "--config", tmp_path / "none.conf")
    assert done.returncode == 8
    assert "none.conf: no such file or directory" in done.stderr.decode()


def test_public_prints_the_addresses_of_all_interfaces(start, wharf, folder):
    server = start(wharf, "serve", "--public", folder)
    match = re.fullmatch(rf"serving {folder} on http://localhost:(\d+)/", server.line())
    assert get(f"http://127.0.0.1:{match.group(1)}/hello.txt") == b"Hello, World!\n"
    assert server.stop() == 0
    for url in re.findall(r"also on (\S+)", server.errors()):
        assert re.fullmatch(rf"http://(\d+\.\d+\.\d+\.\d+|\[[0-9a-f:]+\]):{match.group(1)}/", url)


def test_public_and_an_address_are_one_too_many(run, wharf, folder):
    done = run(wharf, "serve", "--public", "--listen", "127.0.0.1:0", folder)
    assert done.returncode == 2
    assert "--public chooses the address itself" in done.stderr.decode()


def test_default_port_that_is_taken_leads_to_the_next(start, wharf, folder):
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 8000))
            taken.listen()
        except OSError:
            pass  # somebody else has it, which is as good
        server = start(wharf, "serve", folder)
        port = int(re.fullmatch(rf"serving {folder} on http://127\.0\.0\.1:(\d+)/", server.line()).group(1))
        assert port > 8000
        assert "127.0.0.1:8000 is already in use; trying the next port" in server.errors()
        assert get(f"http://127.0.0.1:{port}/hello.txt") == b"Hello, World!\n"
        assert server.stop() == 0
