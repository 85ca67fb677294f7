"""A worker as its algorithm sees it, under the simulated clock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

import simpy
from numpy import ndarray

from rfast_bench.api import Channel
from rfast_bench.links import NetworkSpec
from rfast_bench.liveness import HEARTBEAT, HEARTBEAT_BYTES
from rfast_bench.membership import View
from rfast_bench.payload import size_of
from rfast_bench.seeds import scalar_stream
from rfast_bench.sim.network import Inbox, Link, Mailbox, Message, Queue, Sender
from rfast_bench.topology import Topology
from rfast_bench.weather import link_weather


class SimNode(Sender):
    """Implements `rfast_bench.api.Node`, and keeps what was read and how stale it was."""

    __slots__ = (
        "A", "W", "age_max", "age_sum", "changes", "clock", "id", "in_A", "in_W", "inboxes", "mailboxes", "n",
        "network", "out_A", "out_W", "posts", "queues", "reads", "rng", "side", "staleness",
    )  # fmt: skip

    def __init__(self, number: int, topology: Topology, network: Network, seed: int) -> None:
        super().__init__(number)
        self.id = number
        self.n = topology.n
        self.rng: Random = scalar_stream(seed, "algorithm", number)
        self.W: Mapping[int, float] = topology.W[number]
        self.A: Mapping[int, float] = topology.A[number]
        self.in_W: Sequence[int] = topology.in_W(number)
        self.out_W: Sequence[int] = topology.out_W(number)
        self.in_A: Sequence[int] = topology.in_A(number)
        self.out_A: Sequence[int] = topology.out_A(number)
        self.side = topology.side[number]
        self.changes = 0
        self.network = network
        self.clock = network.clock
        self.posts: dict[tuple[int, Channel], Mailbox] = {}
        self.mailboxes: dict[tuple[int, Channel], Mailbox] = {}
        self.queues: dict[tuple[int, Channel], Queue] = {}
        self.inboxes: defaultdict[Channel, Inbox] = defaultdict(Inbox)
        self.staleness: defaultdict[int, int] = defaultdict(int)
        self.reads = 0
        self.age_sum = self.age_max = 0.0

    def post(self, to: int, channel: Channel, payload: Any) -> None:
        box = self.posts.get((to, channel)) or self.network.open_mailbox(self, to, channel)
        network = self.network
        size = payload.nbytes if type(payload) is ndarray else size_of(payload)
        box.post(payload, size * network.scale, size / network.model_size, self.clock.now)

    def newest(self, sender: int, channel: Channel, default: Any) -> Any:
        box = self.mailboxes.get((sender, channel))
        if box is None:
            return default
        now = self.clock.now
        message = box.newest(now)
        return default if message is None else self.read(message, now)

    def send(self, to: int, channel: Channel, payload: Any, reliable: bool = True) -> None:
        queue = self.queues.get((to, channel)) or self.network.open_queue(self, to, channel)
        network = self.network
        size = size_of(payload)
        queue.send(payload, size * network.scale, size / network.model_size, self.clock.now, reliable)

    def drain(self, channel: Channel) -> Iterator[tuple[int, Any]]:
        inbox, now = self.inboxes[channel], self.clock.now
        while inbox.ready_from_any() <= now:
            message = inbox.take_first()
            yield message.sender.number, self.read(message, now)

    def see(self, view: View) -> None:
        """Take over another view of the graphs."""
        self.W, self.A = view.W, view.A
        self.in_W, self.out_W, self.in_A, self.out_A = view.in_W, view.out_W, view.in_A, view.out_A
        self.changes += 1

    def heard(self, now: float) -> Iterator[tuple[int, float]]:
        """Of each mailbox: its sender, and when its newest message came in."""
        for (sender, _), box in self.mailboxes.items():
            message = box.newest(now)
            if message is not None:
                yield sender, message.arrival

    def beat(self, to: int) -> None:
        """Post a sign of life."""
        box = self.posts.get((to, HEARTBEAT)) or self.network.open_mailbox(self, to, HEARTBEAT)
        box.post(None, HEARTBEAT_BYTES, HEARTBEAT_BYTES / self.network.model_size, self.clock.now)

    def forget(self) -> None:
        """Lose all that has come and is under way, as a process that dies."""
        for box in self.mailboxes.values():
            box.current = None
            box.flying.clear()
        for inbox in self.inboxes.values():
            inbox.clear()
        self.free_at = self.clock.now

    def read(self, message: Message, now: float) -> Any:
        """The payload; notes how stale it is, in the sender's gradients and in seconds."""
        self.staleness[message.sender.gradients - message.count] += 1
        age = now - message.asked
        self.reads += 1
        self.age_sum += age
        if age > self.age_max:
            self.age_max = age
        return message.payload


class Network:
    """All workers and the links between them, opened when first used."""

    def __init__(self, clock: simpy.Environment, spec: NetworkSpec, seed: int, model_size: int) -> None:
        self.clock = clock
        self.spec = spec
        self.seed = seed
        self.model_size = model_size  # bytes of a model as the algorithms hold it
        self.scale = (spec.message_bytes or model_size) / model_size
        self.nodes: Sequence[SimNode] = ()
        self._links: dict[tuple[int, int], Link] = {}

    def link(self, sender: int, receiver: int) -> Link:
        """The link between two workers; its weather is common to all channels and algorithms."""
        found = self._links.get((sender, receiver))
        if found is None:
            spec = self.spec.link(sender, receiver)
            weather = link_weather(self.spec, spec, self.seed, sender, receiver)
            found = Link(weather, spec.bandwidth, self.spec.retransmit_timeout)
            self._links[sender, receiver] = found
        return found

    def open_mailbox(self, node: SimNode, to: int, channel: Channel) -> Mailbox:
        box = Mailbox(node, self.link(node.id, to))
        node.posts[to, channel] = self.nodes[to].mailboxes[node.id, channel] = box
        return box

    def open_queue(self, node: SimNode, to: int, channel: Channel) -> Queue:
        queue = Queue(node, self.link(node.id, to), self.nodes[to].inboxes[channel])
        node.queues[to, channel] = queue
        return queue
