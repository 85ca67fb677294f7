"""A worker as its algorithm sees it, under the simulated clock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from heapq import heappop
from random import Random
from typing import Any

from numpy import ndarray

from rfast_bench.api import Channel
from rfast_bench.breaches.talk import ANY, EARLY, NEWEST, POSTED, SENT, TOLD, Channels, check_receiver
from rfast_bench.conditions.faults.ring import RingFaults
from rfast_bench.conditions.liveness import HEARTBEAT, HEARTBEAT_BYTES
from rfast_bench.conditions.payload import seal, size_of
from rfast_bench.conditions.randomness.seeds import Streams, scalar_stream
from rfast_bench.scenario.sections.network import NetworkSpec
from rfast_bench.sim.network.inlets import Doorway, LateMailbox, LateQueue, Plan
from rfast_bench.sim.network.links import Links
from rfast_bench.sim.network.mailboxes import (
    ARRIVAL,
    ORDER,
    PAYLOAD,
    SENDER,
    Inbox,
    Mailbox,
    Message,
    Queue,
    Sender,
)
from rfast_bench.sim.network.now import Moment
from rfast_bench.topology.membership import View
from rfast_bench.topology.topology import Topology


class SimNode(Sender):
    """Implements `rfast_bench.api.Node`, and keeps what was read and how stale it was."""

    __slots__ = (
        "A", "W", "_rng", "_seed", "age_max", "age_sum", "changes", "id", "in_A", "in_W", "inboxes", "inlet",
        "mailboxes", "moment", "n", "network", "out_A", "out_W", "posts", "queues", "reachable", "side",
        "staleness",
    )  # fmt: skip

    def __init__(self, number: int, topology: Topology, network: Network, seed: int) -> None:
        super().__init__(network.model_size, network.scale)
        self.id = self.number = number = network.the(number)
        self.gradients = 0
        self.n = topology.n
        self._seed = seed
        self._rng: Random | None = None
        self.W: Mapping[int, float] = network.numbers(topology.W[number])
        self.A: Mapping[int, float] = network.numbers(topology.A[number])
        self.in_W: Sequence[int] = network.names(topology.in_W(number))
        self.out_W: Sequence[int] = network.names(topology.out_W(number))
        self.in_A: Sequence[int] = network.names(topology.in_A(number))
        self.out_A: Sequence[int] = network.names(topology.out_A(number))
        self.side = topology.side[number]
        self.changes = 0
        self.reachable: frozenset[int] | None = (
            None  # whom it has been shown as out-neighbours; None: anybody
        )
        self.network = network
        self.moment = network.moment
        self.inlet = network.open_inlet()
        self.posts: dict[tuple[int, Channel], Mailbox] = {}
        self.mailboxes: dict[tuple[int, Channel], Mailbox] = {}
        self.queues: dict[tuple[int, Channel], Queue] = {}
        self.inboxes: defaultdict[Channel, Inbox] = defaultdict(Inbox)
        self.staleness: defaultdict[int, int] = defaultdict(int)
        self.age_sum = self.age_max = 0.0

    @property
    def reads(self) -> int:
        """How often it has read a message."""
        return sum(self.staleness.values())

    @property
    def rng(self) -> Random:
        """See `rfast_bench.api.Node`; few algorithms ask, so it is made when it is asked for."""
        if self._rng is None:
            self._rng = scalar_stream(self._seed, "algorithm", self.id)
        return self._rng

    def post(self, to: int, channel: Channel, payload: Any) -> None:
        box = self.posts.get((to, channel)) or self._first_post(to, channel, payload)
        if type(payload) is ndarray:
            if self.gradients < EARLY:
                seal(payload)
            box.post(payload, payload.nbytes, self.moment.now)
        else:
            box.post(payload, size_of(payload), self.moment.now)
            if self.gradients < EARLY:
                seal(payload)

    def _first_post(self, to: int, channel: Channel, payload: Any) -> Mailbox:
        """The letter box of an edge and channel that is posted to for the first time. Raises Broken."""
        self._check(to, channel, POSTED, payload)
        return self.network.open_mailbox(self, to, channel)

    def _check(self, to: int, channel: Channel, how: str, payload: Any) -> None:
        check_receiver(self.id, to, self.n, self.reachable)
        self.network.channels.use(channel, how, self.id)
        size_of(payload)

    def newest(self, sender: int, channel: Channel, default: Any) -> Any:
        box = self.mailboxes.get((sender, channel))
        if box is None:
            self.network.channels.use(channel, NEWEST, self.id)
            return default
        now = self.moment.now
        flying = box.flying
        message = box.newest(now) if flying and flying[0][0] <= now else box.current
        return default if message is None else self.read(message, now)

    def send(self, to: int, channel: Channel, payload: Any, reliable: bool = True) -> None:
        queue = self.queues.get((to, channel)) or self._first_send(to, channel, payload)
        if type(payload) is ndarray:
            if self.gradients < EARLY:
                seal(payload)
            queue.send(payload, payload.nbytes, self.moment.now, reliable)
        else:
            queue.send(payload, size_of(payload), self.moment.now, reliable)
            if self.gradients < EARLY:
                seal(payload)

    def _first_send(self, to: int, channel: Channel, payload: Any) -> Queue:
        """The same for sends."""
        self._check(to, channel, SENT, payload)
        return self.network.open_queue(self, to, channel)

    def tell(self, channel: Channel, payload: Any) -> None:
        now = self.moment.now
        if channel not in self.inboxes:
            self.network.channels.use(channel, TOLD, self.id)
        self.inboxes[channel].tell((now, next(ORDER), self, payload, now, self.gradients))

    def drain(self, channel: Channel) -> Iterator[tuple[int, Any]]:
        inbox, now = self.inboxes[channel], self.moment.now
        if inbox.heap is None:
            self.network.channels.use(channel, ANY, self.id)
        heap = inbox.in_order()
        while heap and heap[0][ARRIVAL] <= now:
            message = heappop(heap)
            sender = message[SENDER]
            yield sender.number, message[PAYLOAD] if sender is self else self.read(message, now)

    def see(self, view: View) -> None:
        """Take over another view of the graphs."""
        self.W, self.A = self.network.numbers(view.W), self.network.numbers(view.A)
        self.in_W, self.out_W, self.in_A, self.out_A = view.in_W, view.out_W, view.in_A, view.out_A
        if self.reachable is not None:
            self.reachable = self.reachable | {*view.out_W, *view.out_A}
        self.changes += 1

    def heard(self, now: float) -> Iterator[tuple[int, float]]:
        """Of each mailbox: its sender, and when its newest message came in."""
        for (sender, _), box in self.mailboxes.items():
            message = box.newest(now)
            if message is not None:
                yield sender, message[ARRIVAL]

    def beat(self, to: int) -> None:
        """Post a sign of life."""
        box = self.posts.get((to, HEARTBEAT)) or self.network.open_mailbox(self, to, HEARTBEAT)
        box.post(None, HEARTBEAT_BYTES, self.moment.now)

    def forget(self, now: float) -> None:
        """Lose all that has come and is under way, as a process that dies."""
        for box in self.mailboxes.values():
            box.clear()
        for inbox in self.inboxes.values():
            inbox.clear()
        if self.inlet is not None:
            self.inlet.clear()
        self.free_at = now

    def read(self, message: Message, now: float) -> Any:
        """The payload; notes how stale it is, in the sender's gradients and in seconds."""
        _, _, sender, payload, asked, count = message
        self.staleness[sender.gradients - count] += 1
        age = now - asked
        self.age_sum += age
        if age > self.age_max:
            self.age_max = age
        return payload


class Network:
    """All workers and the links between them, opened when first used."""

    def __init__(
        self, spec: NetworkSpec, seed: int, model_size: int, number: Callable[[float], Any] = float
    ) -> None:
        """`number`: the form in which algorithms are given numbers that they multiply vectors by."""
        self.moment = Moment()
        self.number = number
        self.spec = spec
        self.seed = seed
        self.streams = Streams(seed)
        self.model_size = model_size  # bytes of a model as the algorithms hold it
        self.scale = (spec.message_bytes or model_size) / model_size
        self.nodes: Sequence[SimNode] = ()
        self.links = Links(spec, self.streams)
        self.ring_faults: RingFaults | None = None
        self._known: dict[Any, Any] = {}
        self.channels = Channels()

    def expect(self) -> None:
        """The nodes are there; their neighbours will send to each other."""
        links = {(node.id, to) for node in self.nodes for to in (*node.out_W, *node.out_A)}
        self.links.expect(len(self.nodes), links)

    def numbers(self, weights: Mapping[int, float]) -> dict[int, Any]:
        """Weights in the form of `number`."""
        return {self.the(worker): self.number(weight) for worker, weight in weights.items()}

    def names(self, workers: tuple[int, ...]) -> tuple[int, ...]:
        """Neighbours, as the one object for them."""
        found: tuple[int, ...] = self.the(tuple(map(self.the, workers)))
        return found

    def the(self, name: Any) -> Any:
        """The one object for all that are equal: the fewer objects, the more of them stay in cache."""
        return self._known.setdefault(name, name)

    def open_node(self, number: int, topology: Topology) -> SimNode:
        return SimNode(number, topology, self, self.seed)

    def open_inlet(self) -> Doorway | None:
        """A worker's; None where receiving costs nothing."""
        bandwidth = self.spec.receive_bandwidth
        return None if bandwidth is None else Doorway(bandwidth, self.moment)

    def connect(self, plan: Plan) -> None:
        """There is a clock now; inlets need it."""
        for node in self.nodes:
            if node.inlet is not None:
                node.inlet.plan = plan

    def open_mailbox(self, node: SimNode, to: int, channel: Channel) -> Mailbox:
        link, inlet = self.links.between(node.id, to), self.nodes[to].inlet
        box = Mailbox(node, link) if inlet is None else LateMailbox(node, link, inlet)
        node.posts[to, channel] = self.nodes[to].mailboxes[node.id, channel] = box
        return box

    def open_queue(self, node: SimNode, to: int, channel: Channel) -> Queue:
        link, inbox, inlet = (
            self.links.between(node.id, to),
            self.nodes[to].inboxes[channel],
            self.nodes[to].inlet,
        )
        queue = Queue(node, link, inbox) if inlet is None else LateQueue(node, link, inbox, inlet)
        node.queues[to, channel] = queue
        return queue
