"""A worker as its algorithm sees it in the hand-driven world. What breaks a rule of messages is told at the line."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from random import Random
from typing import Any

from rfast_bench.api import Channel, Receive, ReceiveAny
from rfast_bench.breaches.lines import Line, of_call
from rfast_bench.conformance.hand.letter import Letter
from rfast_bench.topology.topology import Topology

MOST_CALLS = 20_000
"""Of a node between two awaits; more is a loop that waits for what cannot come."""
ONE_WAY = (
    {"post", "newest"},
    {"send", "Receive"},
    {"send", "tell", "ReceiveAny", "drain", "unless"},
)


class HandNode:
    """Implements `rfast_bench.api.Node` over the wire of a `World`."""

    def __init__(self, world: Any, number: int, topology: Topology) -> None:
        self.id, self.n, self.rng = number, topology.n, Random(number)
        self.W, self.A = topology.W[number], topology.A[number]
        self.in_W, self.out_W = topology.in_W(number), topology.out_W(number)
        self.in_A, self.out_A = topology.in_A(number), topology.out_A(number)
        self.changes = 0
        self.side = topology.side[number]
        self.reads: Counter[tuple[int, Channel]] = Counter()
        self.latest: dict[tuple[int, Channel], Letter] = {}
        self.inbox: defaultdict[Channel, list[Letter]] = defaultdict(list)
        self.calls = 0  # since the last await
        self._world = world

    # ---------------------------------------------------------------------------------------- the contract
    def send(self, to: int, channel: Channel, payload: Any, reliable: bool = True) -> None:
        self.used(channel, "send")
        self._hand_over(to, channel, payload, "reliable" if reliable else "datagram")

    def tell(self, channel: Channel, payload: Any) -> None:
        self.used(channel, "tell")
        keeper = self._world.keeper
        keeper.payload(payload)
        self.inbox[channel].append(
            Letter(self.id, self.id, channel, keeper.handed(payload, "was told"), -1, "reliable")
        )
        self._world.told.append(self.id)

    def post(self, to: int, channel: Channel, payload: Any) -> None:
        self.used(channel, "post")
        self._hand_over(to, channel, payload, "post")

    def newest(self, sender: int, channel: Channel, default: Any) -> Any:
        self.used(channel, "newest")
        if sender == self.id:
            seen = f"worker {self.id} reads the newest of itself, which nobody posts"
            self._world.keeper.broken("neighbours", seen)
        self.reads[sender, channel] += 1
        letter = self.latest.get((sender, channel))
        return default if letter is None else letter.payload

    def drain(self, channel: Channel) -> Iterable[tuple[int, Any]]:
        self.used(channel, "drain")
        return self._drained(channel)

    def _drained(self, channel: Channel) -> Iterable[tuple[int, Any]]:
        while self.inbox[channel]:
            letter = self.inbox[channel].pop(0)
            yield letter.sender, letter.payload

    # ------------------------------------------------------------------------------------------ the world's
    def put(self, letter: Letter) -> None:
        self._world.keeper.arrived(letter)
        if letter.kind != "post":
            self.inbox[letter.channel].append(letter)
            return
        known = self.latest.get((letter.sender, letter.channel))
        if known is None or known.stamp < letter.stamp:
            self.latest[letter.sender, letter.channel] = letter

    def take(self, effect: Receive | ReceiveAny) -> Any:
        """The answer to an effect, or None when it has not come yet."""
        inbox = self.inbox[effect.channel]
        if isinstance(effect, ReceiveAny):
            letter = inbox.pop(0) if inbox else None
            return None if letter is None else (letter.sender, letter.payload)
        first = {letter.sender: letter for letter in reversed(inbox)}
        if not set(effect.senders) <= set(first):
            return None
        for sender in effect.senders:
            inbox.remove(first[sender])
        return {sender: first[sender].payload for sender in effect.senders}

    def used(self, channel: Channel, how: str, line: Line | None = None) -> None:
        """A channel is used in some way: all ways must go together."""
        self.calls += 1
        world = self._world
        if self.calls > MOST_CALLS:
            world.keeper.endless(
                f"worker {self.id} asked its letter box {MOST_CALLS} times and awaited nothing"
            )
        ways = world.channels[channel]
        if how in ways:
            return
        at = line or of_call(world.kind)
        ways[how] = at
        if not any(ways.keys() <= together for together in ONE_WAY):
            others = ", ".join(f"by {way} at {ways[way]}" for way in sorted(ways.keys() - {how}))
            world.keeper.broken(
                "channels", f"channel {channel!r} is used by {how} here, elsewhere {others}", at
            )

    def _hand_over(self, to: int, channel: Channel, payload: Any, kind: Any) -> None:
        world = self._world
        world.keeper.payload(payload)
        if wrong := self._stranger(to):
            world.keeper.broken(
                "neighbours", f"worker {self.id} {'posts' if kind == 'post' else 'sends'} to {wrong}"
            )
        if to in range(self.n):
            world.hand_over(self.id, to, channel, payload, kind)

    def _stranger(self, to: Any) -> str:
        """Why a message to that worker goes wrong, if it does."""
        if to not in range(self.n):
            return f"worker {to}, which does not exist; there are 0 to {self.n - 1}"
        if to == self.id:
            return "itself"
        needs = self._world.kind.needs
        if needs == "nothing" or to in self.out_W or to in self.out_A:
            return ""
        known = sorted({*self.out_W, *self.out_A})
        return f'worker {to}, which is no neighbour: needs is "{needs}", and its out-neighbours are {known}'
