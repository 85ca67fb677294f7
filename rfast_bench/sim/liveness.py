"""Who still lives, as each worker can tell: from what it hears, never from the simulator.

At the end of each gradient a worker looks at its mailboxes. A neighbour that was silent for longer than the
time-out is given up: the worker's view of the graphs changes (`rfast_bench.membership`). Whoever is heard again is
taken back. Along edges that carry no other traffic a worker sends a heartbeat at each iteration, to neighbours
it has given up too: two that gave each other up would never meet again otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence

from rfast_bench.membership import Membership, View
from rfast_bench.sim.node import SimNode
from rfast_bench.topology import Topology

HEARTBEAT = "heartbeat"
HEARTBEAT_BYTES = 16


class Liveness:
    """The views of all workers of a run. `timeout` in seconds."""

    def __init__(self, topology: Topology, nodes: Sequence[SimNode], timeout: float) -> None:
        self._membership = Membership(topology)
        self._nodes = nodes
        self._timeout = timeout
        self._known = [Acquaintances(self._membership.view(node.id), 0.0) for node in nodes]

    def look(self, worker: int, now: float) -> None:
        """Update one worker's view from what it has heard, and send its heartbeats."""
        node, known = self._nodes[worker], self._known[worker]
        for (sender, _), box in node.mailboxes.items():
            message = box.newest(now)
            if message is not None:
                known.heard[sender] = max(message.arrival, known.heard.get(sender, 0.0))
        if known.judge(now, self._timeout):
            view = self._membership.view(worker, frozenset(known.gone))
            known.meet(view, now)
            node.see(view)
        for to in known.original.neighbours - {*node.out_W, *node.out_A}:
            node.beat(to, HEARTBEAT, HEARTBEAT_BYTES)

    def restart(self, worker: int, now: float) -> None:
        """A worker that comes back knows nothing of who is gone."""
        view = self._membership.view(worker)
        self._known[worker] = Acquaintances(view, now)
        self._nodes[worker].see(view)


class Acquaintances:
    """When one worker last heard of whom, since when it waits for whom, and whom it has given up."""

    def __init__(self, original: View, now: float) -> None:
        self.original = original
        self.heard: dict[int, float] = {}
        self.gone: dict[int, float] = {}  # and since when
        self._since = dict.fromkeys(original.neighbours, now)

    def judge(self, now: float, timeout: float) -> bool:
        """Give up the silent, take back the heard; whether anything changed."""
        back = [j for j, since in self.gone.items() if self.heard.get(j, 0.0) > since]
        silent = [j for j, since in self._since.items() if now - max(since, self.heard.get(j, 0.0)) > timeout]
        for j in back:
            del self.gone[j]
        for j in silent:
            self.gone[j] = now
        return bool(back or silent)

    def meet(self, view: View, now: float) -> None:
        """Wait from now on for those who are neighbours in `view` and were not before."""
        self._since = {j: self._since.get(j, now) for j in view.neighbours}
