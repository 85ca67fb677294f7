"""What is left of a topology when some workers are given up, as each of the others sees it.

A worker that is given up is left out and the weights are renormalised over the neighbours left. Where that
would break the condition (the inner workers of a tree), its neighbours are joined past it: an in-neighbour takes its
place in G(W), an out-neighbour in G(A), so that on a tree a child turns to the next living ancestor. A root has a
successor, the first of its children in G(W), or of theirs while none of them lives; who hung on the root turns to it.
Where leaving out each of them alone breaks nothing but all together do, all are joined past; and where each graph keeps
roots but no common one, the fewest edges are added that mend it. So what is left has a common root whoever is given up.
Every worker works this out alone, from those it has not heard of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from rfast_bench.topology.connectivity import Walks, root_set
from rfast_bench.topology.repair import mend_pair
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
        past = frozenset(filter(self._must_be_bypassed, gone))
        left = self._joined(gone, past)
        if past != gone and not has_common_root(*left):
            left = self._joined(gone, gone)
        return left if has_common_root(*left) or not self._topology.common_roots else mended(*left)

    def _joined(self, gone: frozenset[int], past: frozenset[int]) -> tuple[Rows, Rows]:
        """What is left without `gone`, of whom the neighbours of `past` are joined past them."""
        return self._rows(self._topology.W, gone, past), self._rows(self._topology.A, gone, past)

    def _rows(
        self, weights: tuple[Mapping[int, float], ...], gone: frozenset[int], past: frozenset[int]
    ) -> Rows:
        rows: Rows = {}
        for i in range(self._topology.n):
            if i in gone:
                continue
            row: dict[int, float] = {}
            for j, weight in weights[i].items():
                instead = self._instead(j, i, weights, gone, past)
                for k in instead:
                    row[k] = row.get(k, 0.0) + weight / len(instead)
            total = sum(row.values())
            rows[i] = {k: weight / total for k, weight in sorted(row.items())}
        return rows

    def _instead(
        self,
        j: int,
        i: int,
        weights: tuple[Mapping[int, float], ...],
        gone: frozenset[int],
        past: frozenset[int],
    ) -> list[int]:
        """Whom worker i turns to in place of its neighbour j: j itself while it lives; else beyond it, or nobody."""
        if j not in past:
            return [] if j in gone else [j]
        found: set[int] = set()
        seen, open_ends = {j}, [j]
        while open_ends:
            beyond = {k for k in weights[open_ends.pop()] if k in past or k not in gone} - seen
            seen |= beyond
            found |= beyond - gone
            open_ends += sorted(beyond & gone)
        return sorted((found or self._successor(gone)) - {i})

    def _successor(self, gone: frozenset[int]) -> set[int]:
        """Who takes the place of the roots when none of them lives: of the roots of one graph alone, where such live,
        or of all, the nearest below them in G(W)."""
        topology = self._topology
        living = set(range(topology.n)) - gone
        for roots in (topology.roots_w, topology.roots_a):
            living = living & roots or living
        level, seen = sorted(topology.common_roots), set(topology.common_roots)
        while level and not living & set(level):
            level = sorted({k for i in level for k in topology.out_W(i)} - seen)
            seen |= set(level)
        return set([i for i in level if i in living][:1])

    def _must_be_bypassed(self, worker: int) -> bool:
        """Whether leaving this one worker out would break the condition."""
        if worker not in self._bypassed:
            W, A = (_drop(rows, worker) for rows in (self._topology.W, self._topology.A))
            self._bypassed[worker] = bool(W) and not root_set(W) & root_set(A)
        return self._bypassed[worker]


def has_common_root(W: Rows, A: Rows) -> bool:
    """Whether those that are left meet the condition; rows of W and columns of A by worker."""
    w, a = _numbered(W, A)
    return bool(root_set(w) & root_set(a))


def mended(W: Rows, A: Rows) -> tuple[Rows, Rows]:
    """With the fewest edges more that give them a common root, of equal weight with the others of their row."""
    workers, mend = list(W), mend_pair(*_numbered(W, A))
    for sender, receiver in mend.w:
        W = W | {workers[receiver]: _with_one_more(W[workers[receiver]], workers[sender])}
    for sender, receiver in mend.a:
        A = A | {workers[sender]: _with_one_more(A[workers[sender]], workers[receiver])}
    return W, A


def _with_one_more(row: dict[int, float], worker: int) -> dict[int, float]:
    own = 1 / (len(row) + 1)
    return dict(sorted([*((j, weight * (1 - own)) for j, weight in row.items()), (worker, own)]))


def _numbered(W: Rows, A: Rows) -> tuple[Walks, Walks]:
    """Both graphs as walks among those that are left, numbered anew."""
    number = {worker: k for k, worker in enumerate(W)}
    return tuple({number[j] for j in row} for row in W.values()), tuple(
        {number[j] for j in row} for row in A.values()
    )


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
