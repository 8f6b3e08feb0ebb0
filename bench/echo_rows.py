"""The row about sockets alone: a message echoed, beside a bare epoll loop, Go, and Python's asyncio and Twisted where they are
installed."""

import contextlib
import os
import pathlib
import statistics
import subprocess
import sys

from peers import Peer
from runtime_rows import build_go, numbers_of

SLICE_MS = 250
WARM_MS = 100
NANO = 1e-9


class EchoServer(Peer):
    """One of the servers, on the server's core."""

    def __init__(self, name, words, core):
        self.name = name
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {core})
        try:
            super().__init__(words, "", False, False)
        finally:
            os.sched_setaffinity(0, before)

    def cpu_seconds(self):
        """So far, of all its threads: as the scheduler counts them, which is exact."""
        tasks = pathlib.Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) * NANO


class EchoRow:
    def __init__(self, messages, seconds, cpus):
        self.rate = sum(messages) / sum(seconds)
        self.cpu = statistics.median(cpu / count for cpu, count in zip(cpus, messages))


def has_twisted():
    words = ["/usr/bin/python3", "-c", "import twisted"]
    return subprocess.run(words, capture_output=True, timeout=60).returncode == 0


def programs(settings, source):
    found = {
        "bare": [settings.programs / "bare_echo", "--until-eof"],
        "wharf": [settings.programs / "echo", "--until-eof"],
        "asyncio": ["/usr/bin/python3", source / "echo_asyncio.py"],
    }
    go = build_go(settings, source / "echo.go")
    if go is not None:
        found["go"] = [go]
    if has_twisted():
        found["twisted"] = ["/usr/bin/python3", source / "echo_twisted.py"]
    return found


def load(settings, server, milliseconds):
    """{"messages": ..., "seconds": ..., "cpu": ...}"""
    before = server.cpu_seconds()
    words = [settings.programs / "echo_load", server.url, "--milliseconds", str(milliseconds)]
    result = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=60)
    if result.returncode != 0:
        sys.exit(f"bench: echo_load on {server.name}: {result.stdout} {result.stderr}")
    return {**numbers_of(result.stdout), "cpu": server.cpu_seconds() - before}


def echo(settings, source):
    """{name: EchoRow}: the servers take turns, a quarter of a second each."""
    samples = {}
    with contextlib.ExitStack() as stack:
        servers = []
        for name, words in programs(settings, source).items():
            servers.append(EchoServer(name, words, settings.server_core))
            stack.callback(servers[-1].stop)
            load(settings, servers[-1], WARM_MS)
        for turn in range(settings.rounds * settings.seconds * 1000 // SLICE_MS):
            for server in servers[turn % len(servers) :] + servers[: turn % len(servers)]:
                samples.setdefault(server.name, []).append(load(settings, server, SLICE_MS))
    return {name: EchoRow(*([sample[key] for sample in taken] for key in ("messages", "seconds", "cpu")))
            for name, taken in samples.items()}


def print_echo(rows):
    print(f"  {'':8}{'messages/s':>12}{'CPU us':>10}{'x bare':>8}")
    for name, row in rows.items():
        print(f"  {name:8}{row.rate:12.0f}{row.cpu * 1e6:10.2f}{row.cpu / rows['bare'].cpu:8.2f}")
