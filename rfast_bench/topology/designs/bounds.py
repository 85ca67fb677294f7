"""Below what no pair of spanning trees on a network can get, root by root.

Two bounds on each tree, of which the larger counts. *By distance*: nobody is reached before its shortest way
is gone, a sender serving no other. *By number*: were every link as good as the best one, a worker with d
children serves them all after d messages and a hop, and one of the d subtrees holds at least (n - 1) / d
workers, for which the same is true again.
"""

from __future__ import annotations

from functools import cache
from math import inf
from typing import NamedTuple

import numpy as np

from rfast_bench.topology.designs.objective import Array, Network, Objective, distances


class Bound(NamedTuple):
    root: int
    value: float
    """Seconds."""


def bounds(network: Network, objective: Objective, limit: int) -> list[Bound]:
    """One for every root; `limit` is the most children a worker may have."""
    n = network.n
    if n == 1:
        return [Bound(0, 0.0)]
    aside = np.where(np.eye(n, dtype=bool), inf, 0.0)
    sending = network.sending + aside
    hop = network.latency + network.compute + aside
    cheapest_mass = np.where(np.isfinite(hop), sending, inf).min(axis=0)  # each worker's own, but the root's
    mass = hop + sending
    ways_out, ways_back = distances(mass + cheapest_mass), distances(mass)
    up = spread(n, mass.min(), mass.min(), 0.0, limit)
    later, each = float((hop + cheapest_mass).min()), float(sending.min())
    found = []
    for root in range(n):
        out = np.delete(ways_out[:, root] - cheapest_mass[root], root)
        back = np.delete(ways_back[root], root)
        down = spread(n, float(hop[:, root].min()), later, each, limit)
        found.append(Bound(root, _value(objective, out, back, down, up)))
    return found


def _value(objective: Objective, out: Array, back: Array, down: float, up: float) -> float:
    """`out` and `back` without the root's zeros; `down` and `up` are the bounds by number."""
    if objective == "step":
        return float((out + back).sum() / (len(out) + 1))
    if objective == "depth":
        return max(float(out.max()), float(back.max()), down, up)
    return max(float((out + back).max()), down + float(back.min()), up + float(out.min()))


def spread(n: int, first: float, later: float, each: float, limit: int) -> float:
    """Seconds in which no tree of n workers is through: `first` and `later` a hop, `each` a child's message."""

    @cache
    def below(size: int, hop: float) -> float:
        if size == 1:
            return 0.0
        best = inf
        for d in range(1, min(limit, size - 1) + 1):
            if d * each + hop >= best:
                break
            best = min(best, d * each + hop + below(-(-(size - 1) // d), later))
        return best

    return below(n, first)
