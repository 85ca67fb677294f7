"""Strangers on the network: what other programs say to a port that is not theirs."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator

import psutil
import zmq

from rfast_bench.real.transport.message import SEND, Message, pack

GREETING = b"\xff\0\0\0\0\0\0\0\x01\x7f"
SAID = {
    "random bytes": os.urandom(8192),
    "HTTP": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "half a handshake": GREETING,
    "a handshake without a mechanism": GREETING + b"\x03\x00NULL".ljust(22, b"\0") + bytes(32),
    "ZeroMQ of old, in parts": b"\x01\x00\x03\x00ab\x02\x01x\x03\x00cd" * 20,
    "a large frame": GREETING + b"\x03\x00CURVE".ljust(22, b"\0") + bytes(32) + b"\x06\xff" + b"\x7f" * 7,
    "PLAIN without a word that is known": GREETING
    + b"\x03\x00PLAIN".ljust(22, b"\0")
    + bytes(32)
    + b"\x04\x0f\x05HELLO\x04name\x04word",
    "nothing": b"",
}
FRAME = bytes(pack(b"old run!", Message(SEND, 0, 0, "x", 1, 0, 0.0, 0.0, 1.0)))
"""A whole message of another run."""


def listening(pid: int) -> list[int]:
    """The ports that a process and those below it listen on."""
    ports = set()
    for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
        with contextlib.suppress(psutil.Error):
            ports |= {c.laddr.port for c in process.net_connections("tcp") if c.status == psutil.CONN_LISTEN}
    return sorted(ports)


def say(port: int, what: bytes) -> socket.socket:
    """Say it, and stay connected."""
    stranger = socket.create_connection(("127.0.0.1", port), timeout=1)
    with contextlib.suppress(OSError):
        stranger.sendall(what)
    return stranger


@contextlib.contextmanager
def speaking() -> Iterator[zmq.Context[zmq.Socket[bytes]]]:
    """A context of ZeroMQ whose sockets are closed with it."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    try:
        yield context
    finally:
        context.destroy(linger=0)


def push(context: zmq.Context[zmq.Socket[bytes]], port: int, parts: list[bytes]) -> zmq.Socket[bytes]:
    """Send it as ZeroMQ does, without a key."""
    pusher = context.socket(zmq.PUSH)
    pusher.setsockopt(zmq.LINGER, 0)
    pusher.connect(f"tcp://127.0.0.1:{port}")
    pusher.send_multipart(parts, zmq.NOBLOCK)
    return pusher


class Strangers:
    """Say everything to every port of a process, of one that is opened later too, until told to stop."""

    def __init__(self, pid: int, idle: int = 40) -> None:
        """`idle`: how many connections stay open at each port."""
        self.visited: set[int] = set()
        self._pid, self._idle, self._over = pid, idle, threading.Event()
        self._open: list[socket.socket] = []
        self._pushing: list[zmq.Socket[bytes]] = []
        self._thread = threading.Thread(target=self._visit_all, daemon=True)

    def _visit_all(self) -> None:
        with speaking() as context:
            while not self._over.wait(0.2):
                for port in set(listening(self._pid)) - self.visited:
                    with contextlib.suppress(OSError):
                        self._visit(port, context)
                        self.visited.add(port)
                        self._slowly()

    def _visit(self, port: int, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        self._open += [say(port, what) for what in SAID.values()]
        self._open += [say(port, b"") for _ in range(self._idle)]
        self._pushing += [push(context, port, parts) for parts in ([FRAME], [b"a", b"b", FRAME])]

    def _slowly(self) -> None:
        """A byte more from each."""
        for stranger in self._open:
            with contextlib.suppress(OSError):
                stranger.send(b"\x01")

    def __enter__(self) -> Strangers:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(20)
        for stranger in self._open:
            stranger.close()
