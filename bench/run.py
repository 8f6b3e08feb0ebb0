#!/usr/bin/python3
"""Measures Wharf against nginx and against a bare epoll loop that does not parse, and says which targets are met.

    run.py [--build FOLDER] [--rounds N] [--seconds N] [--only NAME[,NAME...]] [--quick]

Within every round the servers take turns, half a second each, so that whatever else the machine does meets all of them
alike. Each has one core, the load has another, both are pinned. Numbers are medians over the rounds; user CPU time, which
the kernel counts in steps of 10 ms, is summed over the rounds instead. What is compared is the server's CPU time for
the same work: throughput depends on what else the machine is doing.
"""

import argparse
import contextlib
import functools
import operator
import os
import pathlib
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import echo_rows
import runtime_rows
import tls_rows
from peers import Bare, Nginx, Wharf, fetch_first

ROOT = pathlib.Path(__file__).resolve().parent.parent
MICRO, MEBI, GIBI = 1e6, 1 << 20, 1 << 30
SLICE_MS = 500
BUSY_LOAD = 0.7
SETTLING_ANSWERS = 20


class Settings:
    """What a run is asked for, and where it works."""

    def __init__(self, arguments, folder):
        quick = arguments.quick
        self.programs = pathlib.Path(arguments.build) / "bench"
        self.folder = pathlib.Path(folder)
        self.rounds = arguments.rounds or (1 if quick else 5)
        self.seconds = arguments.seconds or (1 if quick else 3)
        self.idle_connections = 500 if quick else 9000
        self.file_bytes = 64 * MEBI if quick else GIBI
        self.starts = 2 if quick else 15
        cores = sorted(os.sched_getaffinity(0))
        self.server_core, self.load_core = cores[0], cores[-1]


class Sample:
    """One server, one round: what was done and what it took."""

    def __init__(self, work, seconds, user, system):
        self.work, self.seconds, self.user, self.cpu = work, seconds, user, user + system

    def __add__(self, other):
        system = self.cpu - self.user + other.cpu - other.user
        return Sample(self.work + other.work, self.seconds + other.seconds, self.user + other.user, system)


class Row:
    """One server in one workload, over all rounds. Units of work are requests, or GiB."""

    def __init__(self, samples):
        self.rate = statistics.median(sample.work / sample.seconds for sample in samples)
        self.cpu = statistics.median(sample.cpu / sample.work for sample in samples)
        self.user = sum(sample.user for sample in samples) / sum(sample.work for sample in samples)


# ---- measuring -----------------------------------------------------------------------------------------------------


def run_load(settings, *words):
    """Runs the load generator to its end and gives its numbers: {"requests": 1000.0, ...}."""
    command = [settings.programs / "load", *words]
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120)
    numbers = {name: float(value) for name, value in re.findall(r"(\w+)=([\d.]+)", result.stdout)}
    if not numbers or result.returncode != 0:
        raise SystemExit(f"bench: load {' '.join(map(str, words))}: {result.stdout} {result.stderr}")
    return numbers


def run_wrk(url):
    command = ["wrk", "-t1", "-c64", "-d1s", url]
    output = subprocess.run(command, capture_output=True, text=True, timeout=120).stdout
    match = re.search(r"(\d+) requests in ([\d.]+)(ms|s|m),", output)
    if match is None:
        raise SystemExit(f"bench: wrk: {output}")
    unit = {"ms": 0.001, "s": 1.0, "m": 60.0}[match.group(3)]
    return {"requests": float(match.group(1)), "seconds": float(match.group(2)) * unit}


def measure(server, work_of, load):
    user, system = server.cpu()
    numbers = load(server)
    user_after, system_after = server.cpu()
    return Sample(work_of(numbers), numbers["seconds"], user_after - user, system_after - system)


def compare(settings, kinds, work_of, load, slices=1):
    """{name: Row}: all rounds of one workload. kinds: functions that start a server. load: puts it to work, for a slice
    of a round."""
    samples = {}
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(kind()) for kind in kinds]
        for server in servers:
            warm(settings, server)
        for turn in range(settings.rounds):
            order = servers[turn % len(servers) :] + servers[: turn % len(servers)]
            taken = [[measure(server, work_of, load) for server in order] for _ in range(slices)]
            for i, server in enumerate(order):
                total = functools.reduce(operator.add, (row[i] for row in taken))
                samples.setdefault(server.name, []).append(total)
    return {name: Row(rows) for name, rows in samples.items()}


def compare_requests(settings, kinds, *words):
    """As compare(), with these arguments for the load generator."""
    load = lambda server: run_load(settings, server.url, "--connections", 64, "--milliseconds", SLICE_MS, *words)
    return compare(settings, kinds, requests_of, load, slices=settings.seconds * 1000 // SLICE_MS)


def warm(settings, server):
    """Brings code, pools and the file into memory before anything counts."""
    if server.serves_file:
        run_load(settings, server.url, "--connections", 1, "--requests", 1)
    else:
        more = ["--close"] if server.closes else []
        run_load(settings, server.url, "--connections", 64, "--milliseconds", 100, *more)


# ---- workloads: each returns {name: Row} or {name: number} ---------------------------------------------------------


def requests_of(numbers):
    return numbers["requests"]


def gibibytes_of(numbers):
    return numbers["bytes"] / GIBI


def hello(settings, peers):
    return compare_requests(settings, peers.kinds())


def hello_wrk(settings, peers):
    return compare(settings, peers.kinds(), requests_of, lambda server: run_wrk(server.url), slices=settings.seconds)


def pipelined(settings, peers):
    return compare_requests(settings, peers.kinds(), "--pipeline", 16)


def connections(settings, peers):
    return compare_requests(settings, peers.kinds(closes=True), "--close")


def file(settings, peers):
    load = lambda server: run_load(settings, server.url, "--connections", 1, "--requests", 1)
    return compare(settings, peers.kinds(serves_file=True), gibibytes_of, load)


def idle(settings, peers):
    """Bytes of the server's memory for each connection that has had an answer and is kept."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = settings.idle_connections
    if hard != resource.RLIM_INFINITY and hard < count + 100:
        count = hard - 100
        print(f"(only {count} connections: the limit of open files is {hard})", flush=True)
    return {server.name: server.result for server in map(lambda kind: idle_one(settings, kind, count), peers.kinds())}


def settled_memory(server):
    """Once what the last answers used has been given back: it falls no more while the server answers others."""
    before, after = server.memory() + 1, server.memory()
    while after < before:
        for _ in range(SETTLING_ANSWERS):
            fetch_first(server.url)
        before, after = after, server.memory()
    return after


def idle_one(settings, kind, count):
    with kind() as server:
        fetch_first(server.url)
        before = server.memory()
        command = [str(settings.programs / "load"), server.url, "--idle", "--connections", str(count)]
        load = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        with load:
            match = re.match(r"idle=(\d+) errors=0$", load.stdout.readline())
            after = settled_memory(server)
            load.stdin.close()
        if match is None:
            raise SystemExit(f"bench: {server.name} did not hold {count} connections")
        server.result = (after - before) / count
    return server


def start(settings, peers):
    """Milliseconds from the start of the process to the first answer."""
    return {kind.name: statistics.median(start_once(kind) for _ in range(settings.starts)) for kind in peers.kinds()}


def start_once(kind):
    begin = time.monotonic()
    with kind() as server:
        fetch_first(server.url)
        return (time.monotonic() - begin) * 1000


def tasks(settings, peers):
    return runtime_rows.tasks(settings, ROOT / "bench" / "tasks.go")


def waits(settings, peers):
    return runtime_rows.waits(settings)


def echo(settings, peers):
    return echo_rows.echo(settings, ROOT / "bench")


def scaling(settings, peers):
    return runtime_rows.scaling(settings)


def simulated(settings, peers):
    return runtime_rows.simulated(settings)


def tls(settings, peers):
    return tls_rows.tls(settings, pinned)


WORKLOADS = {
    "hello": (hello, "keep-alive hello, 64 connections"),
    "wrk": (hello_wrk, "keep-alive hello, 64 connections, load by wrk"),
    "connections": (connections, "a connection for each request, 64 at once"),
    "pipelined": (pipelined, "pipelined 16 deep, 64 connections"),
    "file": (file, "one large file"),
    "idle": (idle, "an idle keep-alive connection"),
    "start": (start, "from start to first answer"),
    "tasks": (tasks, "a task switch, a spawn and join, a channel hand-off, on one core"),
    "waits": (waits, "a sleep's lateness, and a second of waiting"),
    "echo": (echo, "TCP echo of 64 bytes, 64 connections"),
    "tls": (tls, "TLS 1.3 with a P-256 certificate"),
    "scaling": (scaling, "hello on one and two cores, 64 connections"),
    "simulated": (simulated, "what a simulation costs in real time"),
}

# ---- telling -------------------------------------------------------------------------------------------------------


def ratio(value, rows, name, pick):
    return f"{value / pick(rows[name]):8.2f}" if name in rows and pick(rows[name]) > 0 else "       -"


def print_requests(rows):
    print(f"  {'':8}{'requests/s':>12}{'CPU us':>10}{'x bare':>8}{'x nginx':>8}{'user us':>10}{'x nginx':>8}")
    for name, row in rows.items():
        cpu, user = (lambda r: r.cpu), (lambda r: r.user)
        print(f"  {name:8}{row.rate:12.0f}{row.cpu * MICRO:10.2f}{ratio(row.cpu, rows, 'bare', cpu)}"
              f"{ratio(row.cpu, rows, 'nginx', cpu)}{row.user * MICRO:10.2f}{ratio(row.user, rows, 'nginx', user)}")


def print_file(rows):
    print(f"  {'':8}{'GiB/s':>12}{'CPU ms/GiB':>12}{'x bare':>8}{'x nginx':>8}")
    for name, row in rows.items():
        cpu = lambda r: r.cpu
        print(f"  {name:8}{row.rate:12.2f}{row.cpu * 1000:12.1f}{ratio(row.cpu, rows, 'bare', cpu)}"
              f"{ratio(row.cpu, rows, 'nginx', cpu)}")


def print_numbers(rows, unit, digits):
    print(f"  {'':8}{unit:>16}{'x nginx':>8}")
    for name, value in rows.items():
        print(f"  {name:8}{value:16.{digits}f}{ratio(value, rows, 'nginx', lambda number: number)}")


PRINTERS = {
    "file": print_file,
    "idle": lambda rows: print_numbers(rows, "bytes", 0),
    "start": lambda rows: print_numbers(rows, "ms", 1),
    "tasks": runtime_rows.print_tasks,
    "waits": runtime_rows.print_waits,
    "echo": echo_rows.print_echo,
    "tls": tls_rows.print_tls,
    "scaling": runtime_rows.print_scaling,
    "simulated": runtime_rows.print_simulated,
}


def against(results, workload, other, pick):
    """Wharf's number divided by another's, or None when that was not measured."""
    rows = results.get(workload, {})
    if "wharf" not in rows or other not in rows or pick(rows[other]) <= 0:
        return None
    return pick(rows["wharf"]) / pick(rows[other])


def targets(results):
    """(what, the number or None, the largest that is good)"""
    cpu, user = (lambda row: row.cpu), (lambda row: row.user)
    yield "hello: CPU per request, x bare", against(results, "hello", "bare", cpu), 1.10
    yield "hello: CPU per request, x nginx", against(results, "hello", "nginx", cpu), 1.00
    yield "hello: user CPU per request, x nginx", against(results, "hello", "nginx", user), 0.60
    yield "pipelined: CPU per request, x bare", against(results, "pipelined", "bare", cpu), 2.00
    yield "idle: bytes per connection", results.get("idle", {}).get("wharf"), 400
    yield "start: ms to the first answer", results.get("start", {}).get("wharf"), 10
    for cost, limit in (("switch_ns", 3), ("spawn_join_ns", 25), ("channel_ns", 12)):
        bare = results.get("tasks", {}).get("bare")
        value = results["tasks"]["wharf"][cost] / bare["switch_ns"] if bare else None
        yield f"tasks: {cost}, x bare switch", value, limit
    waiting = results.get("waits")
    yield "waits: us that a sleep is late", waiting and waiting["late"], 1000
    yield "waits: CPU us of a second's wait", waiting and max(waiting["cpu"].values()), 2000
    yield "waits: wake-ups in a second's wait", waiting and max(waiting["wake_ups"].values()), 2
    yield "echo: CPU per message, x bare", against(results, "echo", "bare", cpu), 1.05
    if "tls" in results:
        yield from tls_rows.targets(results["tls"])
    yield "scaling: busiest core, x mean", results.get("scaling", {}).get("balance"), 1.5
    for name, limit in (("timeout_ms", 10), ("request_us", 20)):
        yield f"simulated: {name}", results.get("simulated", {}).get(name), limit


def print_targets(results):
    print("\ntargets")
    for what, value, limit in targets(results):
        if value is None:
            print(f"  {'-':8}{what:40}{'not measured':>14}   at most {limit:g}")
        else:
            verdict = "met" if value <= limit else "NOT MET"
            print(f"  {verdict:8}{what:40}{value:14.2f}   at most {limit:g}")


# ---- what takes part -----------------------------------------------------------------------------------------------


class Kind:
    """A way to start one of the servers on its core: kind() is a context with the running server."""

    def __init__(self, make, name, core):
        self.make, self.name, self.core = make, name, core

    @contextlib.contextmanager
    def __call__(self):
        with pinned(self.core):
            server = self.make()
        try:
            yield server
        finally:
            server.stop()


@contextlib.contextmanager
def pinned(core):
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Peers:
    """The servers of this run: Wharf, the bare loop with Wharf's own reply, and nginx where it is installed."""

    def __init__(self, settings):
        self.settings = settings
        self.nginx = Nginx.find()
        self.body = settings.folder / "file.bin"
        with open(self.body, "wb") as body:
            body.truncate(settings.file_bytes)
        self.hello_reply = self.copy_reply("hello.reply", False)
        self.file_reply = self.copy_reply("file.reply", True)

    def wharf(self, serves_file, closes):
        return Wharf(self.settings.programs / "hello", self.body, serves_file, closes)

    def copy_reply(self, name, serves_file):
        """What Wharf answers, for the bare loop to repeat."""
        path = self.settings.folder / name
        server = self.wharf(serves_file, False)
        path.write_bytes(fetch_first(server.url, head_only=serves_file))
        server.stop()
        return path

    def kinds(self, serves_file=False, closes=False):
        settings = self.settings
        reply = self.file_reply if serves_file else self.hello_reply
        body = self.body if serves_file else None
        bare = lambda: Bare(settings.programs / "bare_http", reply, body, closes)
        found = [Kind(bare, "bare", settings.server_core),
                 Kind(lambda: self.wharf(serves_file, closes), "wharf", settings.server_core)]
        if self.nginx is not None:
            found.append(Kind(lambda: Nginx(self.nginx, settings.folder, self.body, serves_file, closes), "nginx",
                              settings.server_core))
        return found


def machine():
    with open("/proc/cpuinfo") as lines:
        models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    model = models[0] if models else os.uname().machine
    return f"{model}, {len(os.sched_getaffinity(0))} cores, Linux {os.uname().release}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--build", default=str(ROOT / "build"), help="the build folder")
    parser.add_argument("--rounds", type=int, help="how often each server is measured (5)")
    parser.add_argument("--seconds", type=int, help="how long each time (3)")
    parser.add_argument("--only", help="some of: " + ", ".join(WORKLOADS))
    parser.add_argument("--quick", action="store_true", help="one round of one second: to see that it works")
    arguments = parser.parse_args()
    chosen = arguments.only.split(",") if arguments.only else list(WORKLOADS)
    unknown = [name for name in chosen if name not in WORKLOADS]
    if unknown:
        parser.error(f"no such workload: {', '.join(unknown)}")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory(prefix="wharf-bench-") as folder:
        run(Settings(arguments, folder), chosen)


def run(settings, chosen):
    peers = Peers(settings)
    print(f"{machine()}\n{settings.rounds} rounds of {settings.seconds} s; server on core {settings.server_core}, "
          f"load on core {settings.load_core}; load average {os.getloadavg()[0]:.2f}")
    if settings.server_core == settings.load_core:
        print("only one core: server and load share it, and the numbers say little")
    if os.getloadavg()[0] > BUSY_LOAD:
        print("the machine is busy with other things, which costs the larger program more: ratios come out too high")
    if peers.nginx is None:
        print("nginx is not installed: not compared with")
    os.sched_setaffinity(0, {settings.load_core})
    results = {}
    for name in chosen:
        measure_workload, title = WORKLOADS[name]
        if name == "wrk" and shutil.which("wrk") is None:
            continue
        print(f"\n{name}: {title}", flush=True)
        results[name] = measure_workload(settings, peers)
        PRINTERS.get(name, print_requests)(results[name])
        sys.stdout.flush()
    print_targets(results)


if __name__ == "__main__":
    main()
