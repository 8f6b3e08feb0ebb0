"""slowhttptest's four modes: clients that are as slow as they can be hold their connections no longer than the limits say,
and keep nobody else from being served."""

import csv
import http.client
import re
import shutil
import subprocess
import time

import pytest

pytestmark = pytest.mark.peer
ATTACKERS = 200


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "large").write_bytes(bytes(4 << 20))
    (folder / "small").write_bytes(b"small")
    return folder


def honest(server):
    """How long a client that is not slow waits for its answer."""
    start = time.monotonic()
    connection = http.client.HTTPConnection(server.host, server.port, timeout=20)
    connection.request("GET", "/small")
    assert connection.getresponse().read() == b"small"
    connection.close()
    return time.monotonic() - start


# Seconds until the last of them is gone: for heads and bodies what the limits allow, for readers what a window and the
# socket's buffers let them stretch it to.
@pytest.mark.parametrize(
    "mode, more, seconds",
    [
        ("-H", ["-i", "3", "-x", "8"], 30),
        ("-B", ["-i", "3", "-s", "8192", "-x", "8", "-t", "POST"], 30),
        ("-R", ["-a", "10", "-b", "3000", "-t", "HEAD"], 30),
        ("-X", ["-k", "1", "-n", "5", "-z", "32", "-w", "512", "-y", "1024"], 80),
    ],
    ids=["heads", "bodies", "ranges", "readers"],
)
def test_slow_clients_hurt_nobody(serve, folder, tmp_path, mode, more, seconds):
    program = shutil.which("slowhttptest")
    assert program is not None, "slowhttptest is not installed: tools/need.sh peers"
    server = serve(folder, "--threads=1", "--log=logfmt")
    words = [program, mode, "-c", str(ATTACKERS), "-r", "200", "-l", str(seconds), "-p", "5", "-g", "-o", str(tmp_path / "slow"),
             "-u", f"{server.url}/{'large' if mode == '-X' else 'small'}", *more]
    attack = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    waits = []
    while attack.poll() is None:
        waits.append(honest(server))
        time.sleep(0.2)
    output = attack.stdout.read().decode(errors="replace")
    rows = list(csv.reader((tmp_path / "slow.csv").read_text().splitlines()))
    available = rows[0].index("Service Available")
    # The figure is 0 in a second in which the probe had no answer.
    assert all(int(row[available]) > 0 for row in rows[2:]), output
    if mode == "-X":  # which does not notice that its connections were reset
        waited = [int(us) for us in re.findall(r"target=/large .* write_us=(\d+) .*cut=true", server.errors())]
        assert sum(us > 1000000 for us in waited) == ATTACKERS, output
    else:
        assert "No open connections left" in output, output
    assert len(waits) > 5 and max(waits) < 5
