"""What is left of a topology when some workers are given up, as each of the others sees it.

A worker that is given up is left out and the weights are renormalised over the neighbours left. Where that
would break the condition (the inner workers of a tree), its neighbours are joined past it: an in-neighbour takes its
place in G(W), an out-neighbour in G(A), so that on a tree a child turns to the next living ancestor; the children of
a root turn to the first of them. Every worker works this out alone, from those it has not heard of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from rfast_bench.topology.connectivity import root_set
from rfast_bench.topology.topology import Topology

Rows = dict[int, dict[int, float]]


@dataclass(frozen=True)
class View:
    """One worker's neighbours and weights, as in `rfast_bench.api.Node`."""

    W: Mapping[int, float]
    A: Mapping[int, float]
    in_W: tuple[int, ...]
    out_W: tuple[int, ...]
    in_A: tuple[int, ...]
    out_A: tuple[int, ...]

    @property
    def neighbours(self) -> frozenset[int]:
        """Everybody it sends to or hears from."""
        return frozenset({*self.in_W, *self.out_W, *self.in_A, *self.out_A})


class Membership:
    """The views of a topology's workers, by the set of workers given up. `rows` of A are its columns."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._bypassed: dict[int, bool] = {}
        self._left = lru_cache(maxsize=64)(self._without)

    def view(self, worker: int, gone: frozenset[int] = frozenset()) -> View:
        """How `worker` sees its surroundings when it has given up `gone`."""
        W, A = self._left(gone - {worker})
        return View(
            W=W[worker],
            A=A[worker],
            in_W=_others(W[worker], worker),
            out_W=_holders(W, worker),
            in_A=_holders(A, worker),
            out_A=_others(A[worker], worker),
        )

    def _without(self, gone: frozenset[int]) -> tuple[Rows, Rows]:
        W = self._rows(self._topology.W, gone)
        A = self._rows(self._topology.A, gone)
        return W, A

    def _rows(self, weights: tuple[Mapping[int, float], ...], gone: frozenset[int]) -> Rows:
        rows: Rows = {}
        for i in range(self._topology.n):
            if i in gone:
                continue
            row: dict[int, float] = {}
            for j, weight in weights[i].items():
                instead = self._instead(j, i, weights, gone)
                for k in instead:
                    row[k] = row.get(k, 0.0) + weight / len(instead)
            total = sum(row.values())
            rows[i] = {k: weight / total for k, weight in sorted(row.items())}
        return rows

    def _instead(
        self, j: int, i: int, weights: tuple[Mapping[int, float], ...], gone: frozenset[int]
    ) -> list[int]:
        """Whom worker i turns to in place of its neighbour j: j itself while it lives; else beyond it, or nobody."""
        if j not in gone:
            return [j]
        found: set[int] = set()
        seen, open_ends = {j}, [j]
        while open_ends:
            dead = open_ends.pop()
            if not self._must_be_bypassed(dead):
                continue
            beyond = [k for k in weights[dead] if k != dead]
            for k in beyond or self._heir(dead, gone):
                if k in gone and k not in seen:
                    seen.add(k)
                    open_ends.append(k)
                elif k not in gone:
                    found.add(k)
        return sorted(found - {i})

    def _heir(self, root: int, gone: frozenset[int]) -> list[int]:
        """Who takes the place of a dead root: the first living worker below it in both graphs, level by level."""
        level, seen = [root], {root}
        while level:
            living = [i for i in level if i not in gone]
            if living:
                return living[:1]
            below = {
                k for i in level for k in set(self._topology.out_W(i)) & set(self._topology.in_A(i))
            } - seen
            seen |= below
            level = sorted(below)
        return []

    def _must_be_bypassed(self, worker: int) -> bool:
        """Whether leaving this one worker out would break the condition."""
        if worker not in self._bypassed:
            W, A = (_drop(rows, worker) for rows in (self._topology.W, self._topology.A))
            self._bypassed[worker] = bool(W) and not root_set(W) & root_set(A)
        return self._bypassed[worker]


def _others(row: Mapping[int, float], worker: int) -> tuple[int, ...]:
    return tuple(j for j in row if j != worker)


def _holders(rows: Rows, worker: int) -> tuple[int, ...]:
    return tuple(i for i, row in rows.items() if worker in row and i != worker)


def _drop(rows: tuple[Mapping[int, float], ...], worker: int) -> tuple[Mapping[int, float], ...]:
    """The rows without one worker, the others renumbered."""
    number = {j: k for k, j in enumerate(j for j in range(len(rows)) if j != worker)}
    return tuple(
        {number[j]: weight for j, weight in row.items() if j != worker}
        for i, row in enumerate(rows)
        if i != worker
    )
