#!/usr/bin/python3
"""The echo server on Twisted. The first line of output is its address; it ends with its standard input."""

from twisted.internet import epollreactor

epollreactor.install()

from twisted.internet import protocol, reactor, stdio  # noqa: E402 (the reactor is chosen first)


class Echo(protocol.Protocol):
    def connectionMade(self):
        self.transport.setTcpNoDelay(True)

    def dataReceived(self, data):
        self.transport.write(data)


class Input(protocol.Protocol):
    def connectionLost(self, reason):
        if reactor.running:
            reactor.stop()


port = reactor.listenTCP(0, protocol.Factory.forProtocol(Echo), interface="127.0.0.1")
print(f"http://127.0.0.1:{port.getHost().port}", flush=True)
stdio.StandardIO(Input())
reactor.run()
