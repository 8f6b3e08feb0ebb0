"""Every example does what its first lines say, and every program of the manual compiles and runs."""

import http.server
import re
import shutil
import socket
import subprocess
import threading
import urllib.request

import pytest

from conftest import BUILD, ROOT

PAGES = sorted((ROOT / "man").glob("*.3"))
FOUR = ["tcp_server", "tcp_client", "http_server", "http_client"]


SIMULATED_END = re.compile(rb"virtual \d+\.\d+ s\ntrace [0-9a-f]{16}\n$")


def test_simulated_finds_the_order_that_is_written_twice(examples, run):
    done = run(examples("simulated"))
    assert b"written == ORDERS" in done.stdout
    plan = re.search(rb"seed (\d+) fails(?s:.*)shortest fault plan that still fails: (\d) of \d entries\n(.*)\n", done.stderr)
    assert plan.group(2) == b"1" and b"shop.example crashes" in plan.group(3)
    again = run(examples("simulated"), env={"WHARF_SEED": plan.group(1).decode()})
    assert plan.group(3) in again.stderr and SIMULATED_END.search(again.stdout)
    assert run(examples("simulated"), "careful").stdout == b"each order was written once\n"


def test_simulated_ends_alike_for_the_same_seed(examples, run):
    ends = {seed: run(examples("simulated"), env={"WHARF_SEED": seed}).stdout for seed in ("1", "2", "4711")}
    assert all(SIMULATED_END.search(end) for end in ends.values()) and len(set(ends.values())) == 3
    for seed, end in ends.items():
        assert run(examples("simulated"), env={"WHARF_SEED": seed}).stdout == end


@pytest.fixture
def http_peer():
    """A server that answers each path with itself; keeps how many requests were open at once at most."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_GET(self):
            with self.server.lock:
                self.server.open += 1
                self.server.most = max(self.server.most, self.server.open)
                self.server.filled.notify_all()
                # The first ten are answered when all ten are there, so that the number says something.
                self.server.filled.wait_for(lambda: self.server.most >= self.server.wanted, 10)
            body = self.path.encode()
            with self.server.lock:
                self.server.open -= 1
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    class Server(http.server.ThreadingHTTPServer):
        request_queue_size = 64
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        server.lock = threading.Lock()
        server.filled = threading.Condition(server.lock)
        server.open, server.most, server.wanted = 0, 0, 0
        server.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


def address_of(line):
    host, port = re.fullmatch(r"listening on (.+):(\d+)", line).groups()
    return host.strip("[]"), int(port)


@pytest.mark.parametrize("name", FOUR)
def test_the_four_programs_fit_on_a_page(name):
    assert len((ROOT / "examples" / f"{name}.c").read_text().splitlines()) <= 40


@pytest.mark.parametrize("name, default", [("tcp_server", "localhost:8888"), ("tcp_client", "localhost:8888"),
                                           ("http_server", "localhost:8000"), ("http_client", "http://localhost:8000/")])
def test_the_four_programs_have_their_defaults(name, default):
    assert f'"{default}"' in (ROOT / "examples" / f"{name}.c").read_text()


def test_tcp_server_greets_every_client_and_closes(examples, start):
    server = start(examples("tcp_server"), "localhost:0")
    where = address_of(server.line())
    for _ in range(3):
        with socket.create_connection(where, 20) as sock:
            sock.sendall(b"anything")
            assert sock.makefile("rb").read() == b"Hello, World!"


def test_tcp_server_serves_the_second_while_the_first_is_silent(examples, start):
    server = start(examples("tcp_server"), "127.0.0.1:0")
    where = address_of(server.line())
    with socket.create_connection(where, 20), socket.create_connection(where, 20) as second:
        second.sendall(b"x")
        assert second.makefile("rb").read() == b"Hello, World!"


def test_tcp_client_prints_the_answer(examples, start, run):
    server = start(examples("tcp_server"), "127.0.0.1:0")
    host, port = address_of(server.line())
    done = run(examples("tcp_client"), f"{host}:{port}")
    assert (done.returncode, done.stdout) == (0, b"Hello, World!\n")


def test_tcp_client_says_what_went_wrong(examples, run, unused_port):
    port = unused_port()
    done = run(examples("tcp_client"), f"127.0.0.1:{port}")
    assert done.returncode == 1
    assert f"127.0.0.1:{port}" in done.stderr.decode()
    assert "refused" in done.stderr.decode()


def test_http_server_and_client_agree(examples, start, run):
    server = start(examples("http_server"), "127.0.0.1:0")
    url = re.fullmatch(r"serving on (http://.+/)", server.line()).group(1)
    with urllib.request.urlopen(url) as response:
        assert response.read() == b"Hello, World!"
    done = run(examples("http_client"), url)
    assert (done.returncode, done.stdout) == (0, b"Hello, World!")
    assert server.stop() == 0


def test_http_client_says_what_went_wrong(examples, run, unused_port):
    done = run(examples("http_client"), f"http://127.0.0.1:{unused_port()}/")
    assert (done.returncode, done.stdout) == (1, b"")
    assert "refused" in done.stderr.decode()


def test_echo_server_sends_everything_back(examples, start):
    server = start(examples("echo_server"), "127.0.0.1:0")
    data = bytes(range(256)) * 4000
    with socket.create_connection(address_of(server.line()), 20) as sock:
        def send():
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        assert sock.makefile("rb").read() == data
        sender.join(20)


def test_fetch_all_has_ten_under_way_and_no_more(examples, run, http_peer):
    http_peer.wanted = 10
    urls = [f"{http_peer.url}/{i}" for i in range(100)]
    done = run(examples("fetch_all"), *urls)
    assert done.returncode == 0
    assert sorted(line.split()[2] for line in done.stdout.decode().splitlines()) == sorted(urls)
    assert http_peer.most == 10


def test_fetch_all_reads_urls_from_standard_input(examples, run, http_peer, unused_port):
    bad = f"http://127.0.0.1:{unused_port()}/"
    done = run(examples("fetch_all"), input=f"{http_peer.url}/a\n{bad}\n{http_peer.url}/bcd".encode())
    assert done.returncode == 1
    assert sorted(done.stdout.decode().splitlines()) == [f"200 2 {http_peer.url}/a", f"200 4 {http_peer.url}/bcd"]
    assert done.stderr.decode().startswith(f"fetch_all: {bad}: ")


def test_pipeline_finds_the_longest_way(examples, run):
    done = run(examples("pipeline"))
    assert (done.returncode, done.stdout) == (0, b"17647: 278 steps\n")
    assert len((ROOT / "examples" / "pipeline.c").read_text().splitlines()) <= 60


def programs_of(page):
    """The C programs of a manual page."""
    blocks = re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed$", page.read_text(), re.MULTILINE | re.DOTALL)
    sources = [block.replace("\\e", "\\").replace("\\&", "") for block in blocks]
    return [source for source in sources if "int main(" in source]


@pytest.fixture(scope="session")
def compiled(tmp_path_factory):
    """compiled(page): the manual page's program, compiled against the installed headers and the built library."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    programs = {}

    def compile_page(name):
        if name not in programs:
            (source,) = programs_of(ROOT / "man" / f"{name}.3")
            folder = tmp_path_factory.mktemp(name)
            (folder / "example.c").write_text(source)
            words = [compiler, "-std=gnu17", "-Wall", "-Wextra", "-Werror", "-g", f"-I{ROOT / 'include'}"]
            words += [str(folder / "example.c"), "-o", str(folder / "example")]
            words += [f"-L{BUILD}", f"-Wl,-rpath,{BUILD}", "-lwharf", "-pthread"]
            done = subprocess.run(words, capture_output=True, text=True, timeout=120)
            assert done.returncode == 0, done.stderr
            programs[name] = str(folder / "example")
        return programs[name]

    return compile_page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_library_page_has_a_program_that_compiles(compiled, page):
    compiled(page.stem)


def test_manual_wharf(compiled, run):
    done = run(compiled("wharf"))
    assert (done.returncode, done.stdout) == (0, b"Hello, World!\n")


def test_manual_wharf_task(compiled, run):
    done = run(compiled("wharf_task"))
    assert done.returncode == 0
    lines = done.stdout.decode().splitlines()
    assert lines[:2] == ["10: success", "20: success"]
    assert lines[2].startswith("60000: ") and "success" not in lines[2]


def test_manual_wharf_sync(compiled, run):
    done = run(compiled("wharf_sync"))
    assert (done.returncode, done.stdout) == (0, b"385\n")


def test_manual_wharf_net(compiled, run):
    done = run(compiled("wharf_net"))
    assert (done.returncode, done.stdout) == (0, b"ONE\nTWO\n")


def test_manual_wharf_sim(compiled, run):
    done = run(compiled("wharf_sim"))
    assert done.stdout == b"cancelled anywhere: all is well\nshort calls: ECHECK\n"
    assert b"got < 0 || got == 9" in done.stderr


def test_manual_wharf_server_and_client(compiled, start, run):
    server = start(compiled("wharf_server"), "127.0.0.1:0")
    url = server.line()
    with urllib.request.urlopen(url) as response:
        assert response.read() == b"Hello, you, visitor 1!\n"
    done = run(compiled("wharf_client"), url, "text")
    assert b"405" in done.stdout or done.returncode == 0  # the route takes GET only
    for visitor in (2, 3):
        with urllib.request.urlopen(url) as response:
            assert response.read() == b"Hello, you, visitor %d!\n" % visitor
    assert server.process.wait(20) == 0


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
@pytest.mark.parametrize("page", sorted((ROOT / "man").glob("*.[13]")), ids=lambda page: page.name)
def test_manual_page_is_well_formed(page):
    words = ["groff", "-mdoc", "-Tutf8", "-ww", "-z", page.name]
    if page.read_text().startswith(".so man1/"):
        assert (ROOT / "man" / page.read_text().strip().removeprefix(".so man1/")).is_file()
        return
    done = subprocess.run(words, cwd=ROOT / "man", capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
