"""The rows about TLS: full and resumed handshakes, a small answer on a connection that is kept, 10 MiB, and what a connection
that waits costs in memory. TLS 1.3, a P-256 certificate, beside nginx and h2o where they are installed. What is compared
is the server's CPU time for the same work; the load is a client on OpenSSL, one connection at a time."""

import json
import os
import pwd
import re
import shutil
import socket
import statistics
import subprocess

from peers import NGINX_CONFIGURATION, Nginx, Peer

MEBI = 1 << 20
FILE_BYTES = 10 * MEBI
# name -> (mode of the load, path, units of work in a round and in a quick one, further words)
WORK = {
    "full handshake": ("handshakes", "/", 1000, 50, []),
    "resumed, with a request": ("handshakes", "/", 1000, 50, ["--resume"]),
    "hello, kept alive": ("requests", "/", 30000, 500, []),
    "10 MiB": ("requests", "/files/ten.bin", 40, 2, []),
}


class WharfTls(Peer):
    name = "wharf"
    scheme = "https"

    def __init__(self, settings, pair):
        words = [settings.programs / "hello", "--until-eof", "--certificate", pair[0], "--key", pair[1]]
        super().__init__([*words, "--files", settings.folder / "tls"], "", False, False)


class Announced(Peer):
    """A server that announces nothing: there once it accepts connections."""

    scheme = "https"

    def __init__(self, words):
        super().__init__(words, "", False, False)

    def first_line(self):
        return self.url_when_it_accepts(self.port)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class NginxTls(Announced):
    name = "nginx"

    def __init__(self, settings, pair):
        self.port = free_port()
        folder = settings.folder / f"nginx-tls-{self.port}"
        folder.mkdir()
        text = NGINX_CONFIGURATION.format(folder=folder, port=self.port, files=settings.folder / "tls")
        secure = f"{self.port} ssl; ssl_certificate {pair[0]}; ssl_certificate_key {pair[1]}; ssl_protocols TLSv1.2 TLSv1.3;"
        (folder / "nginx.conf").write_text(text.replace(f"{self.port};", secure))
        super().__init__([Nginx.find(), "-p", folder, "-c", folder / "nginx.conf", "-e", "stderr"])


class H2oTls(Announced):
    name = "h2o"

    def __init__(self, settings, pair):
        self.port = free_port()
        root = settings.folder / "h2o"
        root.mkdir(exist_ok=True)
        (root / "index.txt").write_text("Hello, World!")
        configuration = settings.folder / f"h2o-{self.port}.conf"
        ssl = {"certificate-file": str(pair[0]), "key-file": str(pair[1])}
        paths = {"/files": {"file.dir": str(settings.folder / "tls")},
                 "/": {"file.dir": str(root), "file.index": ["index.txt"]}}
        listen = {"host": "127.0.0.1", "port": self.port, "ssl": ssl}
        # JSON is YAML.
        user = pwd.getpwuid(os.getuid()).pw_name
        configuration.write_text(json.dumps({"user": user, "listen": listen, "num-threads": 1, "hosts": {"default": {"paths": paths}},
                                             "http1-request-timeout": 600}))
        super().__init__(["h2o", "-c", configuration])


def make_pair(folder):
    pair = folder / "tls.crt", folder / "tls.key"
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", pair[1], "-out", pair[0]]
    subprocess.run(list(map(str, words)), check=True, capture_output=True)
    return pair


def run_load(settings, server, mode, path, count, more):
    words = [settings.programs / "tls_load", server.url + path, mode, count, *more]
    result = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=300)
    if result.returncode != 0:
        raise SystemExit(f"bench: {server.name}: {result.stderr}")


def can(settings, server, mode, path, more):
    """Whether a server does that at all: some do not resume sessions of TLS 1.3."""
    words = [settings.programs / "tls_load", server.url + path, mode, 3, *more]
    result = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=60)
    match = re.search(r"bytes=(\d+)", result.stdout)
    whole = match is not None and (not path.endswith(".bin") or int(match.group(1)) >= 3 * FILE_BYTES)
    return result.returncode == 0 and whole


def measure(settings, server, mode, path, count, more):
    """Seconds of CPU time for one unit of work."""
    before = sum(server.cpu())
    run_load(settings, server, mode, path, count, more)
    return (sum(server.cpu()) - before) / count


def idle_bytes(settings, server, count):
    run_load(settings, server, "requests", "/", 1, [])
    before = server.memory()
    words = [settings.programs / "tls_load", server.url + "/", "idle", count]
    with subprocess.Popen(list(map(str, words)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as load:
        held = re.match(r"idle=(\d+)", load.stdout.readline())
        after = server.memory()
        load.stdin.close()
    if held is None:
        raise SystemExit(f"bench: {server.name} did not hold {count} connections")
    return (after - before) / count


def kinds():
    found = [WharfTls]
    found += [NginxTls] if Nginx.find() else []
    found += [H2oTls] if shutil.which("h2o") else []
    return found


def tls(settings, pinned):
    """{name of the work: {server: seconds}}, medians over the rounds, in which the servers take turns; and idle bytes."""
    (settings.folder / "tls").mkdir(exist_ok=True)
    (settings.folder / "tls" / "ten.bin").write_bytes(os.urandom(FILE_BYTES))
    pair = make_pair(settings.folder)
    quick = settings.rounds == 1
    rows = {}
    with pinned(settings.server_core):
        servers = [kind(settings, pair) for kind in kinds()]
    try:
        for name, (mode, path, count, quick_count, more) in WORK.items():
            count = quick_count if quick else count
            able = [server for server in servers if can(settings, server, mode, path, more)]
            taken = {server.name: [] for server in able}
            for turn in range(settings.rounds):
                for server in able[turn % len(able):] + able[: turn % len(able)]:
                    taken[server.name].append(measure(settings, server, mode, path, count, more))
            rows[name] = {server: statistics.median(values) for server, values in taken.items()}
        held = 50 if quick else 1000
        rows["idle bytes"] = {server.name: idle_bytes(settings, server, held) for server in servers}
    finally:
        for server in servers:
            server.stop()
    return rows


def print_tls(rows):
    names = list(next(iter(rows.values())))
    print(f"  {'CPU, microseconds':26}" + "".join(f"{name:>12}" for name in names))
    shown = lambda value: f"{value:12.1f}" if value is not None else f"{'-':>12}"
    for work, values in rows.items():
        scale = 1 if work == "idle bytes" else 1e6
        print(f"  {work:26}" + "".join(shown(values[name] * scale if name in values else None) for name in names))


def targets(rows):
    """(what, Wharf's number divided by the best of the others, the largest that is good)"""
    for work in WORK:
        others = [value for name, value in rows.get(work, {}).items() if name != "wharf" and value > 0]
        value = rows[work]["wharf"] / min(others) if others else None
        yield f"tls: {work}, x the best", value, 1.00
    yield "tls: idle bytes per connection", rows.get("idle bytes", {}).get("wharf"), 20480
