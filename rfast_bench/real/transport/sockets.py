"""Mail between workers by ZeroMQ: a plain PUSH/PULL pipe an edge for what is queued, and one that conflates
for each edge and channel of posts.

Every worker binds one plain PULL when it starts and publishes its address. Where to post a channel is asked
over the plain pipes when it is first used (`OPEN`); until the answer (`ADDRESS`) is in, which takes a
millisecond, posts go over the plain pipe. Sockets that send belong to the driver's lock, those that receive to
the receiver's thread.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import zmq

from rfast_bench.errors import UserError
from rfast_bench.real.transport.keys import Keys, Porter
from rfast_bench.real.transport.limits import HANDSHAKE, SMALLEST, make_room
from rfast_bench.real.transport.message import ADDRESS, HELLO, OPEN, Message, Refused, pack, unpack

BUFFER = 128 << 10
"""Bytes of the kernel's buffers on each side: small ones keep messages young on a slow link."""
MOST_UNOPENED = 8
"""Posts that may take the plain pipe while the receiver has not said where it takes them."""


@dataclass
class Edge:
    """The posting side of one edge and channel."""

    address: str | None = None
    socket: zmq.Socket[bytes] | None = None
    early: int = 0  # posts that went by the plain pipe
    sequence: int = 0

    def forget(self) -> None:
        """The receiver is no longer where it was."""
        if self.socket is not None:
            self.socket.close()
        self.address, self.socket, self.early = None, None, 0


@dataclass
class Counts:
    """What the transport saw; goes to the manifest."""

    received: int = 0
    bytes_received: int = 0
    not_sent: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    def plain(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "received": self.received,
            "bytes_received": self.bytes_received,
            "not_sent": self.not_sent,
            "refused": dict(+self.refused),
        }


class Mail:
    """One worker's sockets. `deliver` is called in the receiver's thread for each whole message of this run."""

    def __init__(
        self,
        worker: int,
        run: bytes,
        host: str,
        deliver: Callable[[Message], None],
        lock: contextlib.AbstractContextManager[Any],
        incarnation: int = 0,
        keys: Keys | None = None,
        largest: int = SMALLEST,
    ) -> None:
        """`keys`: of those who may send; None: anybody may. `largest`: bytes of a frame."""
        self.worker, self.run, self.incarnation = worker, run, incarnation
        self.counts = Counts()
        self._host = host
        self._deliver = deliver
        self._lock = lock
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._inlets: dict[tuple[int, Hashable], tuple[zmq.Socket[bytes], str]] = {}
        self._pipes: dict[int, zmq.Socket[bytes]] = {}
        self._sequences: Counter[tuple[int, Hashable]] = Counter()
        self._edges: dict[tuple[int, Hashable], Edge] = {}
        self._addresses: dict[int, str] = {}
        make_room()
        self._keys, self._largest = keys, largest
        self._poller = zmq.Poller()
        self._porter = None if keys is None else Porter(self._context, keys)
        if self._porter is not None:
            self._poller.register(self._porter.socket, zmq.POLLIN)
        self.address = self._bind(conflate=False)[1]
        self._bell, self._bell_rope = os.pipe()
        self._poller.register(self._bell, zmq.POLLIN)

    # ------------------------------------------------------------------------------------------ sending
    def connect(self, addresses: Mapping[int, str]) -> None:
        """Where the plain pipes of the others are."""
        self._addresses.update(addresses)

    def send(self, to: int, message: Message, again: bool = False) -> int:
        """Queue a message, in order; numbers it, as the last one where it comes `again`. Returns its frame's bytes."""
        self._sequences[to, message.channel] += not again
        message.sequence = self._sequences[to, message.channel]
        return self._push(to, message)

    def post(self, to: int, message: Message, again: bool = False) -> int:
        """The same for a message whose place a newer one may take."""
        edge = self._edges.get((to, message.channel)) or self._open(to, message.channel)
        edge.sequence += not again
        message.sequence = edge.sequence
        if again:  # over the pipe that loses nothing: the first one is to come too
            return self._push(to, message)
        if edge.socket is None and edge.address is not None:
            edge.socket = self._socket(zmq.PUSH, conflate=True)
            edge.socket.connect(edge.address)
        if edge.socket is not None:
            return self._hand_over(edge.socket, message)
        edge.early += 1
        if edge.early > MOST_UNOPENED:
            self.counts.not_sent += 1
            return 0
        return self._push(to, message)

    def spoilt(self, to: int, message: Message) -> None:
        """Hand over a message with a wrong bit, which its receiver must drop."""
        frame = pack(self.run, message)
        frame[-1] ^= 1
        self._pipe(to).send(frame, zmq.NOBLOCK, copy=False)

    def hello(self) -> None:
        """Tell all others that this worker has been started again, and where it is now."""
        for to in self._addresses:
            if to != self.worker:
                self._push(to, self._note(HELLO, None, self.address))

    def _meet_again(self, peer: int, address: str) -> None:
        """A worker that was started again listens elsewhere: nothing that led to it leads anywhere now."""
        self._addresses[peer] = address
        stale = self._pipes.pop(peer, None)
        if stale is not None:
            stale.close()
        for (to, channel), edge in self._edges.items():
            if to == peer:
                edge.forget()
                self._push(peer, self._note(OPEN, channel, None))

    def _open(self, to: int, channel: Hashable) -> Edge:
        edge = self._edges[to, channel] = Edge()
        self._push(to, self._note(OPEN, channel, None))
        return edge

    def _note(self, kind: int, channel: Hashable, payload: Any) -> Message:
        return Message(kind, self.incarnation, self.worker, channel, 0, 0, 0.0, 0.0, payload)

    def _push(self, to: int, message: Message) -> int:
        return self._hand_over(self._pipe(to), message)

    def _pipe(self, to: int) -> zmq.Socket[bytes]:
        pipe = self._pipes.get(to)
        if pipe is None:
            pipe = self._pipes[to] = self._socket(zmq.PUSH, conflate=False)
            pipe.connect(self._addresses[to])
        return pipe

    def _hand_over(self, socket: zmq.Socket[bytes], message: Message) -> int:
        frame = pack(self.run, message)
        if len(frame) > self._largest:
            raise UserError(
                f"a message of worker {self.worker} on channel {message.channel!r} has {len(frame)} bytes; "
                f"one may have {self._largest} at most"
            )
        try:
            socket.send(frame, zmq.NOBLOCK, copy=False)
        except zmq.Again:
            self.counts.not_sent += 1
        return len(frame)

    # ---------------------------------------------------------------------------------------- receiving
    def receive(self, timeout: float | None) -> None:
        """Wait for mail for so many seconds (None: until some comes, or `ring`) and deliver it."""
        ready = self._poller.poll(None if timeout is None else max(0, math.ceil(1000 * timeout)))
        for socket, _ in ready:
            if isinstance(socket, int):
                os.read(socket, 4096)
            elif self._porter is not None and socket is self._porter.socket:
                self.counts.refused["key"] += self._porter.answer()
            else:
                self._drain(socket)

    def ring(self) -> None:
        """Make `receive` return, from another thread."""
        os.write(self._bell_rope, b".")

    def _drain(self, socket: zmq.Socket[bytes]) -> None:
        while True:
            try:
                frame = socket.recv(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            self.accept(frame.buffer)

    def accept(self, frame: Any) -> None:
        """One frame as it came from the network."""
        try:
            message = unpack(self.run, frame)
        except Refused as why:
            self.counts.refused[str(why)] += 1
            return
        if message.sender not in self._addresses:
            self.counts.refused["sender"] += 1
            return
        if message.kind in (HELLO, ADDRESS) and not isinstance(message.payload, str):
            self.counts.refused["form"] += 1
            return
        self.counts.received += 1
        self.counts.bytes_received += len(frame)
        if message.kind == OPEN:
            self._answer(message)
        elif message.kind == HELLO:
            with self._lock:
                self._meet_again(message.sender, message.payload)
        elif message.kind == ADDRESS:
            with self._lock:
                self._edges.setdefault((message.sender, message.channel), Edge()).address = message.payload
        else:
            self._deliver(message)

    def _answer(self, asked: Message) -> None:
        """Bind a socket for a sender's channel and tell the sender where it is."""
        key = (asked.sender, asked.channel)
        if key not in self._inlets:
            self._inlets[key] = self._bind(conflate=True)
        with self._lock:
            self._push(asked.sender, self._note(ADDRESS, asked.channel, self._inlets[key][1]))

    # ------------------------------------------------------------------------------------------ sockets
    def _socket(self, kind: int, conflate: bool) -> zmq.Socket[bytes]:
        socket = self._context.socket(kind)
        socket.setsockopt(zmq.LINGER, 0)
        for option in (zmq.SNDBUF, zmq.RCVBUF):
            socket.setsockopt(option, BUFFER)
        socket.setsockopt(zmq.RECONNECT_IVL, 50)
        socket.setsockopt(zmq.RECONNECT_IVL_MAX, 1000)
        if kind == zmq.PULL:
            socket.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE)
            socket.setsockopt(zmq.MAXMSGSIZE, self._largest)
        if self._keys is not None:
            (self._keys.receives if kind == zmq.PULL else self._keys.sends)(socket)
        if conflate:
            socket.setsockopt(zmq.CONFLATE, 1)
        else:
            socket.setsockopt(zmq.SNDHWM, 0)
            socket.setsockopt(zmq.RCVHWM, 0)
        return socket

    def _bind(self, conflate: bool) -> tuple[zmq.Socket[bytes], str]:
        socket = self._socket(zmq.PULL, conflate)
        socket.bind(f"tcp://{self._host}:0")
        self._poller.register(socket, zmq.POLLIN)
        return socket, socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def close(self) -> None:
        """Close all sockets; to be called when no other thread uses them."""
        self._context.destroy(linger=0)
        os.close(self._bell)
        os.close(self._bell_rope)
