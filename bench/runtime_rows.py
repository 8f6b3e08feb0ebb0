"""The rows about the runtime itself: what tasks cost, beside Go where it is installed, what waiting costs, and what a second
core gives."""

import contextlib
import os
import re
import shutil
import statistics
import subprocess

from peers import Peer

BALANCED_CONNECTIONS = 1000
COSTS = ("switch_ns", "spawn_join_ns", "channel_ns")


def numbers_of(text):
    return {name: float(value) for name, value in re.findall(r"(\w+)=([\d.]+)", text)}


# ---- tasks ---------------------------------------------------------------------------------------------------------


def build_go(settings, source):
    """The path of a Go program, or None without Go. Nothing is written outside the run's own folder."""
    go = shutil.which("go", path=os.environ.get("PATH", "") + ":/usr/bin")
    if go is None:
        return None
    program = settings.folder / f"{source.stem}_go"
    folders = {"GOCACHE": str(settings.folder / "go-cache"), "GOPATH": str(settings.folder / "go"), "GO111MODULE": "off"}
    words = [go, "build", "-o", str(program), str(source)]
    result = subprocess.run(words, capture_output=True, text=True, timeout=300, env={**os.environ, **folders})
    if result.returncode != 0:
        print(f"Go could not build {source}: {result.stderr.strip()}")
        return None
    return program


def tasks(settings, source):
    """{name: {cost: ns}}: medians over the rounds, in which Wharf and Go take turns on one core."""
    programs = {"wharf": settings.programs / "tasks", "go": build_go(settings, source)}
    samples = {name: [] for name, program in programs.items() if program is not None}
    if "go" not in samples:
        print("(Go is not installed: not compared with)", flush=True)
    for _ in range(settings.rounds):
        for name, taken in samples.items():
            output = subprocess.run([str(programs[name])], capture_output=True, text=True, timeout=120).stdout
            taken.append(numbers_of(output))
            if not all(cost in taken[-1] for cost in COSTS):
                raise SystemExit(f"bench: {programs[name]}: {output}")
    rows = {name: {cost: statistics.median(sample[cost] for sample in taken) for cost in taken[0]}
            for name, taken in samples.items()}
    bare = rows["wharf"].pop("bare_switch_ns", None)
    if bare is not None:
        rows["bare"] = {"switch_ns": bare}
    return rows


def print_tasks(rows):
    print(f"  {'':8}{'switch ns':>12}{'spawn+join ns':>15}{'channel ns':>12}   (x the bare switch)")
    bare = rows.get("bare", {}).get("switch_ns")
    for name, row in rows.items():
        cells = [f"{row[cost]:.1f}" if cost in row else "-" for cost in COSTS]
        times = "".join(f"{row[cost] / bare:8.1f}" for cost in COSTS if bare and cost in row)
        print(f"  {name:8}{cells[0]:>12}{cells[1]:>15}{cells[2]:>12}   {times}")


# ---- time ----------------------------------------------------------------------------------------------------------


def waits(settings):
    """{"late": us, "latest": us, "cpu": {wait: us}, "wake_ups": {wait: number}}: of the rounds the best, for what else the machine
    does only adds to it."""
    rounds = []
    for _ in range(settings.rounds):
        result = subprocess.run([str(settings.programs / "waits")], capture_output=True, text=True, timeout=60)
        rounds.append(numbers_of(result.stdout))
        if result.returncode != 0:
            raise SystemExit(f"bench: waits: {result.stdout} {result.stderr}")
    least = {name: min(numbers[name] for numbers in rounds) for name in rounds[0]}
    pick = lambda end: {name[: -len(end)]: value for name, value in least.items() if name.endswith(end)}
    return {"late": least["sleep_late_us"], "latest": least["sleep_latest_us"], "cpu": pick("_cpu_us"),
            "wake_ups": pick("_wake_ups")}


def print_waits(rows):
    print(f"  a sleep of 5 ms on an idle scheduler is {rows['late']:.0f} us late, the latest of 100 {rows['latest']:.0f} us")
    print(f"  {'a second of':12}{'CPU us':>10}{'wake-ups':>10}")
    for name, cpu in rows["cpu"].items():
        print(f"  {name:12}{cpu:10.0f}{rows['wake_ups'][name]:10.0f}")


# ---- scaling -------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def on_cores(cores):
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Scaling(Peer):
    """Wharf on some cores. Its last line says how many requests each of them has had."""

    name = "wharf"

    def __init__(self, program, cores):
        super().__init__([program, "--cores", cores], "/", False, False)

    def finish(self):
        """Ends it; the requests of each core."""
        self.process.stdin.close()
        line = self.process.stdout.readline().decode()
        self.process.wait(20)
        self.process.stdout.close()
        return [int(number) for number in re.search(r"requests=([\d,]+)", line).group(1).split(",")]


def load_twice(settings, url):
    """Two load generators at once, for one is less than what two cores serve. (requests, seconds)"""
    words = [str(settings.programs / "load"), url, "--connections", "32", "--seconds", str(settings.seconds)]
    loads = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    results = [numbers_of(load.communicate(timeout=120)[0]) for load in loads]
    if not all(result.get("errors") == 0 for result in results):
        raise SystemExit(f"bench: load failed: {results}")
    return sum(result["requests"] for result in results), max(result["seconds"] for result in results)


def serve_on(settings, cores):
    """(requests/s, CPU seconds per request): medians over the rounds."""
    samples = []
    server = Scaling(settings.programs / "scaling", cores)
    try:
        for _ in range(settings.rounds):
            before = sum(server.cpu())
            requests, seconds = load_twice(settings, server.url)
            samples.append((requests / seconds, (sum(server.cpu()) - before) / requests))
    finally:
        server.stop()
    return tuple(statistics.median(sample[i] for sample in samples) for i in range(2))


def balance(settings, cores):
    """The busiest core's connections, divided by the mean, when each connection has sent one request."""
    server = Scaling(settings.programs / "scaling", cores)
    words = [str(settings.programs / "load"), server.url, "--idle", "--connections", str(BALANCED_CONNECTIONS)]
    result = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    requests = server.finish()
    if result.returncode != 0 or sum(requests) < BALANCED_CONNECTIONS:
        raise SystemExit(f"bench: {BALANCED_CONNECTIONS} connections: {result.stdout} {result.stderr} {requests}")
    return max(requests) * len(requests) / sum(requests)


def scaling(settings):
    """{"1": (rate, CPU), "2": ..., "balance": ratio}; without the latter two where there is one core only."""
    cores = {settings.server_core, settings.load_core}
    rows = {}
    with on_cores(cores):
        for count in range(1, len(cores) + 1):
            rows[str(count)] = serve_on(settings, count)
        if len(cores) > 1:
            rows["balance"] = balance(settings, len(cores))
    return rows


def print_scaling(rows):
    print(f"  {'cores':8}{'requests/s':>12}{'CPU us':>10}{'x 1 core':>10}   (two load generators share the same cores: what a")
    print(f"  {'':40}   second core gives is what they leave of it)")
    for name, row in rows.items():
        if name != "balance":
            print(f"  {name:8}{row[0]:12.0f}{row[1] * 1e6:10.2f}{row[0] / rows['1'][0]:10.2f}")
    if "balance" in rows:
        print(f"  {BALANCED_CONNECTIONS} connections: the busiest core has {rows['balance']:.2f} x the mean")


# ---- simulation ----------------------------------------------------------------------------------------------------


def simulated(settings):
    """{name: number}: medians over the rounds of what the program prints."""
    samples = []
    for _ in range(settings.rounds):
        result = subprocess.run([str(settings.programs / "simulated")], capture_output=True, text=True, timeout=300)
        if result.returncode != 0:
            raise SystemExit(f"bench: simulated: {result.stderr}")
        samples.append(numbers_of(result.stdout))
    return {name: statistics.median(sample[name] for sample in samples) for name in samples[0]}


def print_simulated(row):
    print(f"  {row['timeout_ms']:10.4f} ms   a run in which 60 simulated seconds run out")
    print(f"  {row['request_us']:10.2f} us   a request and its answer between two hosts")
    print(f"  {row['run_us']:10.1f} us   a run with two hosts and one request")
