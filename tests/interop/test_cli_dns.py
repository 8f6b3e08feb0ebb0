"""wharf dns, and names in the other commands, against a name server that tells the truth, lies, or says nothing."""

import json
import os

import pytest

from nameserver import NameServer

ZONE = {
    "www.example.test A": ["192.0.2.1", "192.0.2.2"],
    "www.example.test AAAA": ["2001:db8::1"],
    "www.example.test MX": ["20 backup.example.test", "10 mail.example.test"],
    "www.example.test TXT": ['one|two "quoted" \x1b[31m'],
    "www.example.test NS": ["ns.example.test"],
    "www.example.test SOA": ["ns.example.test admin.example.test 1 2 3 4 60"],
    "www.example.test CAA": ["0 issue authority.test"],
    "_x._tcp.example.test SRV": ["10 0 8080 b.example.test", "5 7 8081 a.example.test"],
    "alias.example.test CNAME": ["www.example.test"],
    "1.2.0.192.in-addr.arpa PTR": ["www.example.test"],
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa PTR": ["six.example.test"],
    "here.test A": ["127.0.0.1"],
    "xn--bcher-kva.test A": ["127.0.0.1"],
}


@pytest.fixture
def ask(wharf, run):
    """ask(server, *words): what wharf dns printed, with its exit code; short time-outs."""

    def ask_server(server, *words, options="timeout:1 attempts:1"):
        environment = dict(os.environ, RES_OPTIONS=options)
        return run(wharf, "dns", "--server", server.address, *words, env=environment)

    return ask_server


def records(done):
    """{type: [data, ...]} of --json."""
    report = json.loads(done.stdout)
    return {question["type"]: [record["data"] for record in question["records"]] for question in report["questions"]}


def test_shows_every_type_and_the_way_a_connection_would_go(ask):
    with NameServer(ZONE) as server:
        done = ask(server, "www.example.test")
    text = done.stdout.decode()
    assert (done.returncode, done.stderr) == (0, b"")
    for line in ("A         300 s  192.0.2.1\n", "AAAA      300 s  2001:db8::1\n", "MX        300 s  10 mail.example.test\n",
                 'TXT       300 s  "one" "two \\"quoted\\" \\027[31m"\n', "NS        300 s  ns.example.test\n",
                 "SOA       300 s  ns.example.test admin.example.test 1 2 3 4 60\n", 'CAA       300 s  0 issue "authority.test"\n',
                 "no CNAME, SRV\n", f"{server.address} answered"):
        assert line in text
    assert text.index("10 mail") < text.index("20 backup")
    assert [line.split()[-1] for line in text.splitlines() if line.startswith("after")] in (
        ["192.0.2.1:443", "[2001:db8::1]:443", "192.0.2.2:443"], ["[2001:db8::1]:443", "192.0.2.1:443", "192.0.2.2:443"])
    assert "\x1b" not in text


def test_json_is_one_object(ask):
    with NameServer(ZONE) as server:
        done = ask(server, "--json", "-T", "SRV", "_x._tcp.example.test")
        report = json.loads(done.stdout)
        assert report["exit"] == done.returncode == 0
        (question,) = report["questions"]
        assert (question["status"], question["server"], question["error"]) == ("NOERROR", server.address, None)
        assert question["records"][0] == {
            "name": "_x._tcp.example.test", "type": "SRV", "ttl": 300, "data": "5 7 8081 a.example.test",
            "priority": 5, "weight": 7, "port": 8081, "target": "a.example.test"}
        report = json.loads(ask(server, "--json", "nobody.test").stdout)
        assert {question["status"] for question in report["questions"]} == {"NXDOMAIN"}
        assert "(NXDOMAIN)" in report["address_error"]


def test_a_name_beyond_ascii_is_asked_for_in_the_form_of_the_dns(ask, wharf, run):
    with NameServer(ZONE) as server:
        done = ask(server, "-T", "A", "Bücher.test")
        assert (done.returncode, done.stderr) == (0, b"")
        first, record = done.stdout.decode().splitlines()[:2]
        assert first == "Bücher.test is xn--bcher-kva.test to name servers"
        assert record == "A         300 s  127.0.0.1"
        report = json.loads(ask(server, "--json", "bücher.test").stdout)
        assert (report["name"], report["asked"]) == ("bücher.test", "xn--bcher-kva.test")
        assert [each["address"] for each in report["addresses"]] == ["127.0.0.1:443"]
        done = ask(server, "-T", "MX", "☃.test")
        assert (done.returncode, done.stderr.count("look up ☃.test (xn--n3h.test) MX: ".encode())) == (3, 1)


def test_a_name_that_cannot_be_converted_is_refused_at_its_place(wharf, run):
    done = run(wharf, "dns", "a.℀.test")
    assert done.returncode == 2
    assert "a character that stands for one that no host name may contain" in done.stderr.decode()


def test_aliases_are_followed(ask):
    with NameServer(ZONE) as server:
        done = ask(server, "-T", "A", "alias.example.test")
        assert done.stdout.startswith(b"A         300 s  192.0.2.1  (www.example.test)\n")
        assert b"CNAME     300 s  www.example.test\n" in ask(server, "-T", "CNAME", "alias.example.test").stdout


def test_an_address_is_asked_for_its_name(ask):
    with NameServer(ZONE) as server:
        assert records(ask(server, "--json", "192.0.2.1")) == {"PTR": ["www.example.test"]}
        assert records(ask(server, "--json", "2001:db8::1")) == {"PTR": ["six.example.test"]}


def test_localhost_and_literals_are_known_without_a_server(ask):
    with NameServer(ZONE, {"*": "silent"}) as server:
        done = ask(server, "localhost")
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout.decode().splitlines()[:2] == ["A           0 s  127.0.0.1", "AAAA        0 s  ::1"]
        assert b"no name server was asked\n" in done.stdout
        assert records(ask(server, "--json", "127.0.0.1")) == {"PTR": ["localhost"]}
        assert records(ask(server, "--json", "[::1]")) == {"PTR": ["localhost"]}
        assert records(ask(server, "--json", "-T", "A", "192.0.2.7")) == {"A": ["192.0.2.7"]}
        assert server.questions == []
        done = ask(server, "192.0.2.7")  # known, though its name is not
        assert done.returncode == 0
        assert b"192.0.2.7:443\n" in done.stdout and b"no answer in 1 s" in done.stderr


def test_an_address_without_a_name_is_no_failure_unless_its_name_was_wanted(ask):
    with NameServer(ZONE) as server:
        done = ask(server, "192.0.2.7")
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"no PTR\n" in done.stdout
        assert ask(server, "-T", "PTR", "192.0.2.7").returncode == 3


def test_with_a_port_each_address_is_connected_to(ask, wharf, run):
    with NameServer(ZONE) as server:
        port = server.address.split(":")[1]
        done = ask(server, "-p", port, "here.test")  # the name server itself listens there
        assert done.returncode == 0
        assert f"127.0.0.1:{port}  connected in ".encode() in done.stdout
        report = json.loads(ask(server, "--json", "-p", "1", "here.test").stdout)
        (address,) = report["addresses"]
        assert (address["connected"], address["error"]) == (False, "connection refused (ECONNREFUSED)")


@pytest.mark.parametrize(
    "behaviour, code, words",
    [
        ("silent", 5, "no answer in 1 s"),
        ("servfail", 6, "SERVFAIL"),
        ("refused", 6, "REFUSED"),
        ("malformed", 6, "malformed"),
    ],
)
def test_each_cause_has_its_exit_code_and_sentence(ask, behaviour, code, words):
    with NameServer(ZONE, {"*": behaviour}) as server:
        done = ask(server, "-T", "A", "www.example.test")
    assert done.returncode == code
    assert done.stderr.startswith(b"wharf dns: look up www.example.test A: ")
    assert words in done.stderr.decode() and server.address in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


def test_no_name_no_data_and_nobody_there_differ(ask, wharf, run):
    with NameServer(ZONE) as server:
        done = ask(server, "-T", "A", "nobody.test")
        assert (done.returncode, done.stdout) == (3, f"{server.address} answered".encode() + done.stdout[len(server.address) + 9 :])
        assert b"there is no such name (NXDOMAIN)" in done.stderr
        done = ask(server, "-T", "TXT", "here.test")
        assert (done.returncode, done.stderr) == (3, b"")
        assert b"no TXT\n" in done.stdout
    done = ask(server, "-T", "A", "here.test")  # it has gone
    assert done.returncode == 4
    assert b"connection refused" in done.stderr


@pytest.mark.parametrize("words", [["a..b"], ["-T", "NONSENSE", "a.test"], ["-p", "0", "a.test"], ["-46", "a.test"],
                                   ["--server", "example.com", "a.test"], []])
def test_wrong_usage_is_said(wharf, run, words):
    done = run(wharf, "dns", *words)
    assert (done.returncode, done.stdout.decode().count("\nA ")) == (2, 0)
    assert done.stderr.startswith(b"wharf dns: ") or b"wharf" in done.stderr


@pytest.mark.parametrize("behaviour", ["lose-first", "cut", "lower-case", "lie", "no-edns"])
def test_the_truth_is_found_behind(ask, behaviour):
    with NameServer(ZONE, {"*": behaviour}) as server:
        done = ask(server, "--json", "-T", "A", "www.example.test", options="timeout:5 attempts:1")
        assert records(done) == {"A": ["192.0.2.1", "192.0.2.2"]}
        by_tcp = [question for question in server.questions if question[0] == "tcp"]
        assert len(by_tcp) == (1 if behaviour in ("cut", "lower-case") else 0)


def test_the_next_server_is_asked_when_one_fails(wharf, run):
    with NameServer(ZONE, {"*": "servfail"}) as first, NameServer(ZONE) as second:
        done = run(wharf, "dns", "--server", f"{first.address} {second.address}", "-T", "A", "--json", "here.test")
        assert records(done) == {"A": ["127.0.0.1"]}


def test_tcp_alone_where_resolv_conf_says_so(ask):
    with NameServer(ZONE) as server:
        done = ask(server, "-T", "A", "--json", "here.test", options="use-vc")
        assert records(done) == {"A": ["127.0.0.1"]}
        assert {question[0] for question in server.questions} == {"tcp"}


def test_a_message_that_breaks_off_is_no_answer(ask):
    with NameServer(ZONE, {"*": "hang-up"}) as server:
        done = ask(server, "-T", "A", "here.test", options="use-vc attempts:1")
        assert done.returncode == 6
        assert b"the stream ended too early" in done.stderr


def test_get_resolves_by_the_name_servers_of_the_environment(wharf, run, tmp_path):
    with NameServer(ZONE) as server:
        port = server.address.split(":")[1]
        environment = dict(os.environ, WHARF_NAME_SERVERS=server.address)
        done = run(wharf, "connect", f"here.test:{port}", env=environment)
        assert (done.returncode, done.stderr) == (0, b"")
        done = run(wharf, "get", "http://nobody.test/", env=environment)
        assert done.returncode == 3
        assert f"{server.address} says that there is no such name (NXDOMAIN)".encode() in done.stderr


def test_get_takes_an_address_from_the_command_line(wharf, run, serve, tmp_path):
    (tmp_path / "page").write_text("hello")
    server = serve(tmp_path)
    done = run(wharf, "get", "--resolve", "shop.invalid.test=127.0.0.1", f"http://shop.invalid.test:{server.port}/page")
    assert (done.returncode, done.stdout) == (0, b"hello")
    done = run(wharf, "get", "--resolve", "shop.test=::1", "-4", f"http://shop.test:{server.port}/", "--name-server", "127.0.0.1:1")
    assert done.returncode == 3
    for wrong in ("shop.test", "=127.0.0.1", "shop.test=localhost"):
        done = run(wharf, "get", "--resolve", wrong, "http://shop.test/")
        assert (done.returncode, done.stderr.count(b"NAME=ADDR")) == (2, 1)


def test_questions_have_ports_of_their_own_and_mixed_capitals(ask):
    with NameServer({"a-name-with-many-letters.test A": ["192.0.2.1"]}) as server:
        wires = []
        respond = server.respond
        server.respond = lambda question, transport: (wires.append(question.wire), respond(question, transport))[1]
        for _ in range(3):
            assert ask(server, "-T", "A", "a-name-with-many-letters.test").returncode == 0
    assert len(set(wires)) == 3
    assert all(wire != wire.lower() and wire.lower() == wires[0].lower() for wire in wires)
