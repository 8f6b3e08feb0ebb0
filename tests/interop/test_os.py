"""The examples that live with others - commands, a foreign loop, libcurl - and the manual's page about it."""

import http.server
import os
import signal
import subprocess
import threading
import time

import pytest

from conftest import BUILD


def test_run_command_shows_output_and_status(examples, run):
    done = run(examples("run_command"), "20", "sh", "-c", "echo one; echo two >&2; exit 3")
    assert done.returncode == 3
    assert [line.split()[1] for line in done.stdout.decode().splitlines()] == ["one", "two"]


def test_run_command_ends_what_takes_too_long(examples, run):
    begun = time.monotonic()
    done = run(examples("run_command"), "0.2", "sleep", "1000")
    assert done.returncode == 124
    assert time.monotonic() - begun < 5


def test_run_command_ends_its_child_on_an_interrupt(examples, start):
    program = start(examples("run_command"), "1000", "sh", "-c", "echo $$; exec sleep 1000")
    child = int(program.line().split()[1])
    assert program.stop(signal.SIGINT) == 130
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_run_command_says_what_it_cannot_start(examples, run):
    done = run(examples("run_command"), "1", "/nonexistent/program")
    assert done.returncode == 127
    assert "/nonexistent/program" in done.stderr.decode()


def test_embedded_answers_the_shorter_question_first(examples):
    with subprocess.Popen([examples("embedded")], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        out, _ = program.communicate(b"a" * 200 + b"\nb\n", timeout=20)
        assert program.returncode == 0
    assert out.decode().splitlines() == ["answer to b", "answer to " + "a" * 200]


@pytest.fixture
def plain_peer():
    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            body = self.path.encode() * 1000
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_libcurl_fetches_on_tasks(run, plain_peer, unused_port):
    program = BUILD / "examples" / "libcurl_inside"
    if not program.exists():
        pytest.skip("built without libcurl")
    urls = [f"{plain_peer}/{i}" for i in range(20)]
    bad = f"http://127.0.0.1:{unused_port()}/"
    done = run(program, *urls, bad)
    assert done.returncode == 1
    assert bad in done.stderr.decode()
    expected = [f"200 {(len(str(i)) + 1) * 1000} {plain_peer}/{i}" for i in range(20)]
    assert sorted(done.stdout.decode().splitlines()) == sorted(expected)
