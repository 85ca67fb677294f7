"""A worker's inlet in the real world: what comes in is held back until it would have passed
(`rfast_bench.conditions.inlet`).

Only the receiver knows who else sends to it, so it keeps the order itself. When a message's bytes come follows from
what its sender wrote on it: it is *due*, over the injected network alone, when its last byte comes, and its first byte
has come one transmission before. Callers hold the driver's lock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field

from rfast_bench.conditions.inlet import Inlet, PostPlace, SendPlace
from rfast_bench.conditions.outgoing import weighed
from rfast_bench.conditions.payload import Size, size_of
from rfast_bench.real.transport.message import POST, Message
from rfast_bench.scenario.sections.network import NetworkSpec


@dataclass
class Posts:
    """One edge and channel of posts."""

    place: PostPlace = field(default_factory=PostPlace)
    due: float = -1.0
    """Of the last, as its sender wrote; one that took its place at the sender's link has the same."""
    last: Message | None = None


class Doorway:
    """What is on its way into `worker`. `model_size`: bytes of a model as the algorithms hold it."""

    def __init__(self, network: NetworkSpec, worker: int, model_size: float) -> None:
        assert network.receive_bandwidth is not None
        self.inlet: Inlet[Message] = Inlet(network.receive_bandwidth)
        self._network, self._worker, self._model_size = network, worker, model_size
        self._scale = (network.message_bytes or model_size) / model_size
        self._posts: defaultdict[tuple[int, Hashable], Posts] = defaultdict(Posts)
        self._sends: defaultdict[tuple[int, Hashable], SendPlace] = defaultdict(SendPlace)

    def come(self, message: Message) -> Message | None:
        """A message has come over the true network. It is given back, due at its true time, if it needs no turn: it
        has taken the place of one that waited for its sender's link, and this one has had its turn already."""
        last = message.due or message.sent
        size, transmission = self._weight(message)
        first = last - transmission
        key = message.sender, message.channel
        if message.kind != POST:
            self.inlet.announce(self._sends[key].follow(first), last, size, message)
            return None
        posts = self._posts[key]
        if posts.last is not None and posts.due == last and posts.last.incarnation == message.incarnation:
            earlier, posts.last = posts.last, message
            if self.inlet.replace(earlier, message):
                return None
            message.due = earlier.due
            return message
        posts.due, posts.last = last, message
        self.inlet.announce(first, last, size, message)
        return None

    def let_in(self, now: float) -> Iterator[Message]:
        """Whose first byte has come by `now`; each is due when it has passed."""
        for one in self.inlet.turns(now):
            message = one.what
            key = message.sender, message.channel
            if message.kind == POST:
                place = self._posts[key].place
                before = place.what
                message.due, took = place.enter(self.inlet, one, message.stamp)
                if took and before is not None:
                    before.due = message.due
            else:
                message.due = self._sends[key].enter(self.inlet, one)
            yield message

    def _weight(self, message: Message) -> tuple[float, float]:
        """Bytes on the wire, and seconds of transmission over the sender's link."""
        size = size_of(message.payload)
        beside = size.beside if isinstance(size, Size) else 0
        bandwidth = self._network.link(message.sender, self._worker).bandwidth
        wire, _, transmission = weighed(size - beside, beside, self._scale, self._model_size, bandwidth)
        return wire, transmission
