"""Who still lives, as one worker can tell: from what it hears, in either world.

At the end of each gradient a worker looks at when it last heard of whom. A neighbour that was silent for longer than
the time-out is given up: the worker's view of the graphs changes (`membership.py`). Whoever is heard again is taken
back. Along edges that carry no other traffic a worker sends a heartbeat at each iteration, to neighbours it has
given up too: two that gave each other up would never meet again otherwise. Who was given up in place of a neighbour
that is back is no longer missed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from rfast_bench.conditions.payload import sized
from rfast_bench.topology.membership import Membership, View

HEARTBEAT = "heartbeat"
HEARTBEAT_BYTES = sized(0, 16)


class Watchful(Protocol):
    """What a node offers beyond `rfast_bench.api.Node`. Times in seconds of the run's clock."""

    @property
    def id(self) -> int: ...

    @property
    def out_W(self) -> Sequence[int]: ...

    @property
    def out_A(self) -> Sequence[int]: ...

    def heard(self, now: float) -> Iterable[tuple[int, float]]:
        """(sender, when a message of it last came in); a sender may come more than once."""

    def see(self, view: View) -> None:
        """Take over another view of the graphs, and count it as a change."""

    def beat(self, to: int) -> None:
        """Post a heartbeat."""


class Liveness:
    """When one worker last heard of whom, since when it waits for whom, and whom it has given up."""

    def __init__(self, membership: Membership, node: Watchful, timeout: float, now: float = 0.0) -> None:
        self._membership = membership
        self._node = node
        self._timeout = timeout
        self._original = membership.view(node.id)
        self._since = dict.fromkeys(self._original.neighbours, now)
        self.gone: dict[int, float] = {}  # whom, and since when

    def look(self, now: float) -> None:
        """Update the node's view from what it has heard, and send its heartbeats."""
        node = self._node
        heard: dict[int, float] = {}
        for sender, time in node.heard(now):
            heard[sender] = max(time, heard.get(sender, 0.0))
        if self._judge(heard, now):
            view = self._view()
            self._since = {j: self._since.get(j, now) for j in view.neighbours}
            node.see(view)
        for to in {*self._original.neighbours, *self._since} - {*node.out_W, *node.out_A}:
            node.beat(to)

    def _view(self) -> View:
        """Without those given up; of these are forgotten who would be no neighbours without the others."""
        missed: dict[int, float] = {}
        while True:
            view = self._membership.view(self._node.id, frozenset(missed))
            more = {j: since for j, since in self.gone.items() if j in view.neighbours and j not in missed}
            if not more:
                self.gone = missed
                return view
            missed |= more

    def _judge(self, heard: dict[int, float], now: float) -> bool:
        """Give up the silent, take back the heard; whether anything changed."""
        back = [j for j, since in self.gone.items() if heard.get(j, 0.0) > since]
        silent = [
            j for j, since in self._since.items() if now - max(since, heard.get(j, 0.0)) > self._timeout
        ]
        for j in back:
            del self.gone[j]
        for j in silent:
            self.gone[j] = now
        return bool(back or silent)
