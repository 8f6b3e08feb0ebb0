"""A name server on loopback that does what a test wants: answers from a zone, and lies, stays silent, cuts short.

    with NameServer({"www.example.test A": ["192.0.2.1"]}) as server:
        run(wharf, "dns", "--server", server.address, "www.example.test")

A behaviour is a word, for one name or one "name TYPE" or as the default: see NameServer.respond. Every question that came is in
server.questions as (transport, name in lower case, type).
"""

import ipaddress
import socket
import socketserver
import struct
import threading

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33, "CAA": 257}
NAMES = {number: name for name, number in TYPES.items()}
SERVFAIL, NXDOMAIN, REFUSED, FORMERR = 2, 3, 5, 1


def wire_name(name):
    labels = [label.encode() for label in name.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def wire_data(kind, text):
    words = text.split()
    if kind in ("A", "AAAA"):
        return ipaddress.ip_address(text).packed
    if kind in ("NS", "CNAME", "PTR"):
        return wire_name(text)
    if kind == "MX":
        return struct.pack(">H", int(words[0])) + wire_name(words[1])
    if kind == "SRV":
        return struct.pack(">3H", *map(int, words[:3])) + wire_name(words[3])
    if kind == "SOA":
        return wire_name(words[0]) + wire_name(words[1]) + struct.pack(">5I", *map(int, words[2:]))
    if kind == "TXT":
        return b"".join(bytes([len(part)]) + part.encode() for part in text.split("|"))
    if kind == "CAA":
        return bytes([int(words[0]), len(words[1])]) + words[1].encode() + words[2].encode()
    raise ValueError(kind)


class Question:
    def __init__(self, message):
        self.id, self.flags = struct.unpack(">HH", message[:4])
        at, labels = 12, []
        while message[at]:
            labels.append(message[at + 1 : at + 1 + message[at]].decode())
            at += 1 + message[at]
        self.wire = message[12 : at + 5]
        self.name = ".".join(labels).lower()
        self.type = NAMES.get(struct.unpack(">H", message[at + 1 : at + 3])[0], "?")
        self.has_edns = message[11] > 0


class NameServer:
    def __init__(self, zone, behaviours=None, ttl=300):
        self.zone = {key.lower(): list(data) for key, data in zone.items()}
        self.behaviours = behaviours or {}
        self.ttl = ttl
        self.questions = []
        self.servers = []

    def __enter__(self):
        # One port for both: the kernel chooses UDP's, and TCP's must be free, too.
        for _ in range(50):
            datagrams = socketserver.ThreadingUDPServer(("127.0.0.1", 0), self.handler(datagram=True))
            try:
                socketserver.ThreadingTCPServer.allow_reuse_address = True
                streams = socketserver.ThreadingTCPServer(datagrams.server_address, self.handler(datagram=False))
                break
            except OSError:
                datagrams.server_close()
        self.servers = [datagrams, streams]
        for server in self.servers:
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.address = "127.0.0.1:%d" % datagrams.server_address[1]
        return self

    def __exit__(self, *_):
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def handler(self, datagram):
        outer = self

        class Datagram(socketserver.BaseRequestHandler):
            def handle(self):
                message, sock = self.request
                for reply in outer.respond(Question(message), "udp"):
                    sock.sendto(reply, self.client_address)

        class Stream(socketserver.StreamRequestHandler):
            def handle(self):
                size = self.rfile.read(2)
                if len(size) < 2:
                    return
                question = Question(self.rfile.read(struct.unpack(">H", size)[0]))
                for reply in outer.respond(question, "tcp"):
                    self.wfile.write(struct.pack(">H", len(reply)) + reply)

        return Datagram if datagram else Stream

    def behaviour(self, question):
        for key in (f"{question.name} {question.type}", question.name, "*"):
            if key in self.behaviours:
                return self.behaviours[key]
        return ""

    def answer(self, question, rcode=0):
        """The truth: aliases followed, then the records."""
        name, records = question.name, b""
        count, known = 0, False
        while f"{name} cname" in self.zone and question.type != "CNAME":
            (target,) = self.zone[f"{name} cname"]
            data = wire_data("CNAME", target)
            records += wire_name(name) + struct.pack(">HHIH", TYPES["CNAME"], 1, self.ttl, len(data)) + data
            name, count, known = target.rstrip(".").lower(), count + 1, True
        for text in self.zone.get(f"{name} {question.type.lower()}", []):
            data = wire_data(question.type, text)
            records += wire_name(name) + struct.pack(">HHIH", TYPES[question.type], 1, self.ttl, len(data)) + data
            count += 1
        known = known or any(key.split()[0] == name for key in self.zone)
        rcode = rcode or (0 if known else NXDOMAIN)
        return self.message(question, rcode, count, records)

    @staticmethod
    def message(question, rcode, count=0, records=b"", flags=0x8180, wire=None, number=None):
        header = struct.pack(">6H", question.id if number is None else number, flags | rcode, 1, count, 0, 0)
        return header + (question.wire if wire is None else wire) + records

    def respond(self, question, transport):
        """The messages that go back."""
        self.questions.append((transport, question.name, question.type))
        word = self.behaviour(question)
        seen = self.questions.count((transport, question.name, question.type))
        truth = self.answer(question)
        if word == "silent" or (word == "lose-first" and transport == "udp" and seen == 1):
            return []
        if word == "servfail":
            return [self.message(question, SERVFAIL)]
        if word == "refused":
            return [self.message(question, REFUSED)]
        if word == "no-edns" and question.has_edns:
            return [self.message(question, FORMERR)]
        if word == "cut" and transport == "udp":
            return [self.message(question, 0, flags=0x8380)]
        if word == "lower-case" and transport == "udp":
            return [self.message(question, 0, wire=question.wire.lower())]
        if word == "lie":
            # Forgeries first: another id, another name, nonsense, a question; then the truth.
            data = ipaddress.ip_address("192.0.2.66").packed
            false = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 300, 4) + data
            other = wire_name("other.test") + question.wire[-4:]
            return [
                self.message(question, 0, 1, false, number=question.id ^ 1),
                self.message(question, 0, 1, false, wire=other),
                b"",
                b"nonsense",
                self.message(question, 0, 1, false, flags=0x0100),
                truth,
            ]
        if word == "malformed":
            return [self.message(question, 0, 1, b"\xc0\xff\xff")]
        if word == "hang-up" and transport == "tcp":
            return []
        return [truth]
