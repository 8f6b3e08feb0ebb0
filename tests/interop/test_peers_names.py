"""Names against real name servers: nsd, which has a zone, and unbound, which looks names up for others and asks that nsd."""

import json
import os
import shutil

import pytest

pytestmark = pytest.mark.peer

ZONE = """$ORIGIN example.test.
$TTL 300
@      SOA   ns admin 2026112201 3600 600 86400 60
       NS    ns
       MX    20 backup
       MX    10 mail
       TXT   "v=spf1 -all" "second"
       CAA   0 issue "authority.test"
ns     A     127.0.0.1
www    A     192.0.2.1
       A     192.0.2.2
       AAAA  2001:db8::1
alias  CNAME www
away   CNAME nobody
_x._tcp SRV  10 5 8080 www
big    TXT   {big}
here   A     127.0.0.1
"""

NSD = """server:
  ip-address: 127.0.0.1@{port}
  username: ""
  chroot: ""
  zonesdir: "{folder}"
  database: ""
  pidfile: ""
  xfrdfile: "{folder}/xfrd"
  zonelistfile: "{folder}/zones.list"
  xfrdir: "{folder}"
  rrl-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: example.test
  zonefile: zone
"""

UNBOUND = """server:
  interface: 127.0.0.1@{port}
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  do-not-query-localhost: no
  module-config: "iterator"
  local-zone: "test." nodefault
  do-ip6: no
remote-control:
  control-enable: no
stub-zone:
  name: "example.test"
  stub-addr: 127.0.0.1@{upstream}
forward-zone:
  name: "."
  forward-addr: 127.0.0.1@{upstream}
"""


def program(name):
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")
    if path is None:
        pytest.fail(f"{name} is not installed: tools/need.sh peers", pytrace=False)
    return path


@pytest.fixture
def nsd(tmp_path, start, unused_port, listening):
    """The address of an nsd with the zone."""
    port, folder = unused_port(), tmp_path / "nsd"
    folder.mkdir()
    big = " ".join(f'"{number:03d}{"x" * 200}"' for number in range(20))
    (folder / "zone").write_text(ZONE.format(big=big))
    (folder / "nsd.conf").write_text(NSD.format(port=port, folder=folder))
    listening(port, start(program("nsd"), "-d", "-c", folder / "nsd.conf"))
    return f"127.0.0.1:{port}"


@pytest.fixture
def unbound(tmp_path, start, unused_port, listening, nsd):
    """The address of an unbound that asks that nsd."""
    port, folder = unused_port(), tmp_path / "unbound"
    folder.mkdir()
    (folder / "unbound.conf").write_text(UNBOUND.format(port=port, folder=folder, upstream=nsd.split(":")[1]))
    listening(port, start(program("unbound"), "-d", "-c", folder / "unbound.conf"))
    return f"127.0.0.1:{port}"


@pytest.fixture(params=["nsd", "unbound"])
def server(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def ask(wharf, run, server):
    """ask(*words): the report of wharf dns --json."""

    def ask_server(*words):
        done = run(wharf, "dns", "--json", "--server", server, *words)
        report = json.loads(done.stdout)
        assert done.returncode == report["exit"]
        return report

    return ask_server


def data(report):
    return {question["type"]: [record["data"] for record in question["records"]] for question in report["questions"]}


def test_every_type_is_as_the_zone_says(ask):
    found = data(ask("example.test"))
    assert found["MX"] == ["10 mail.example.test", "20 backup.example.test"]
    assert found["NS"] == ["ns.example.test"]
    assert found["SOA"] == ["ns.example.test admin.example.test 2026112201 3600 600 86400 60"]
    assert found["TXT"] == ['"v=spf1 -all" "second"']
    assert found["CAA"] == ['0 issue "authority.test"']
    assert found["A"] == found["AAAA"] == []
    assert data(ask("-T", "SRV", "_x._tcp.example.test")) == {"SRV": ["10 5 8080 www.example.test"]}


def test_addresses_come_behind_aliases(ask):
    report = ask("alias.example.test")
    found = data(report)
    assert (sorted(found["A"]), found["AAAA"]) == (["192.0.2.1", "192.0.2.2"], ["2001:db8::1"])
    assert found["CNAME"] == ["www.example.test"]
    assert len(report["addresses"]) == 3


def test_what_does_not_exist_is_told_apart(ask):
    report = ask("nobody.example.test")
    assert (report["exit"], {question["status"] for question in report["questions"]}) == (3, {"NXDOMAIN"})
    report = ask("-T", "A", "example.test")
    assert (report["exit"], report["questions"][0]["status"]) == (3, "NODATA")
    report = ask("-T", "A", "away.example.test")
    assert (report["exit"], report["questions"][0]["status"]) == (3, "NXDOMAIN")


def test_a_long_answer_comes_by_tcp(ask):
    (text,) = data(ask("-T", "TXT", "big.example.test"))["TXT"]
    assert [part[1:4] for part in text.split()] == [f"{number:03d}" for number in range(20)]


def test_nsd_refuses_what_is_not_its_own(wharf, run, nsd):
    done = run(wharf, "dns", "--server", nsd, "-T", "A", "elsewhere.test")
    assert done.returncode == 6
    assert b"REFUSED" in done.stderr


def test_a_name_is_connected_to(wharf, run, server):
    environment = dict(os.environ, WHARF_NAME_SERVERS=server)
    done = run(wharf, "connect", "here.example.test:" + server.split(":")[1], env=environment)
    assert (done.returncode, done.stderr) == (0, b"")
