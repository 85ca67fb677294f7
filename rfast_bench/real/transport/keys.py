"""Who may send mail to the workers of a run: whoever holds its secret.

ZeroMQ's CURVE: what receives is a server with one key pair, what sends is a client with another, and both pairs are
made of the secret. A peer that does not know the server's key gets no further than its first words, and one that does
not show the client's is turned away by the porter. What passes is encrypted too.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import zmq
from zmq.utils import z85

ZAP = "inproc://zeromq.zap.01"
"""Where ZeroMQ asks whether a client may come in (its RFC 27)."""


@dataclass(frozen=True)
class Pair:
    """A key pair, as ZeroMQ writes it."""

    public: bytes
    secret: bytes

    @classmethod
    def of(cls, secret: bytes, name: bytes) -> Pair:
        """The pair of this name that belongs to a secret."""
        own = z85.encode(blake2b(secret, digest_size=32, person=name).digest())
        return cls(zmq.curve_public(own), own)


class Keys:
    """The key pairs of one run."""

    def __init__(self, secret: bytes) -> None:
        self._server, self._client = Pair.of(secret, b"receives"), Pair.of(secret, b"sends")

    def receives(self, socket: zmq.Socket[bytes]) -> None:
        """Have a socket take mail of those only that hold the secret. To be called before it is bound."""
        socket.curve_server = True
        socket.curve_secretkey, socket.curve_publickey = self._server.secret, self._server.public

    def sends(self, socket: zmq.Socket[bytes]) -> None:
        """Have a socket show that it holds the secret. To be called before it is connected."""
        socket.curve_serverkey = self._server.public
        socket.curve_secretkey, socket.curve_publickey = self._client.secret, self._client.public

    def admits(self, key: bytes) -> bool:
        """Whether this is what those show that hold the secret."""
        return len(key) == 32 and z85.encode(key) == self._client.public


class Porter:
    """Answers ZeroMQ's question whether a client may come in, for all sockets of a context."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], keys: Keys) -> None:
        self._keys = keys
        self.socket: zmq.Socket[bytes] = context.socket(zmq.REP)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.bind(ZAP)

    def answer(self) -> int:
        """Answer all who wait; how many were turned away."""
        refused = 0
        while self.socket.poll(0):
            asked: list[Any] = self.socket.recv_multipart()
            version, request, key = asked[0], asked[1], asked[-1]
            admitted = self._keys.admits(key)
            refused += not admitted
            said = (b"200", b"") if admitted else (b"400", b"another key")
            self.socket.send_multipart([version, request, *said, b"", b""])
        return refused
