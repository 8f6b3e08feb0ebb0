"""examples/health_checker: every address behind a name, and the hosts behind a service."""

import os
import socket

import pytest

from nameserver import NameServer


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock.getsockname()[1]


def check(run, examples, server, *targets):
    environment = dict(os.environ, WHARF_NAME_SERVERS=server.address, RES_OPTIONS="timeout:1 attempts:1")
    return run(examples("health_checker"), *targets, env=environment)


def test_each_address_of_a_name_is_checked(run, examples, listener):
    with NameServer({"shop.test A": ["127.0.0.1", "127.0.0.2"]}) as server:
        done = check(run, examples, server, f"shop.test:{listener}")
    lines = sorted(done.stdout.decode().splitlines())
    assert done.returncode == 1
    assert [line.split()[:2] for line in lines] == [["alive", f"127.0.0.1:{listener}"], ["dead", f"127.0.0.2:{listener}"]]
    assert "connection refused" in lines[1]


def test_a_service_leads_to_its_hosts(run, examples, listener):
    zone = {
        "_shop._tcp.test SRV": [f"0 1 {listener} one.test", f"0 1 {listener} two.test"],
        "one.test A": ["127.0.0.1"],
        "two.test A": ["127.0.0.1"],
    }
    with NameServer(zone) as server:
        done = check(run, examples, server, "_shop._tcp.test")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.count(b"alive") == 2


def test_nothing_alive_is_the_worst(run, examples, listener):
    with NameServer({"shop.test A": ["127.0.0.1"]}) as server:
        done = check(run, examples, server, f"shop.test:{listener}", f"nobody.test:{listener}")
    assert done.returncode == 2
    assert b"NXDOMAIN" in done.stderr
