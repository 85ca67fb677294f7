"""Spanning trees of small depth where a sender's messages queue, or where children are limited: a heuristic.

A tree is kept as `parent[i]`, with `parent[root] == root`. A worker sends one message to each of its children
over its one outgoing link; a child has it when all of them are sent and the latency is over:

    delay[i] = delay[p] + delay_of_link[i, p] + sum of sending[c, p] over p's children c,   p = parent[i]

Finding the best such tree is NP-hard (a limit of one child is a Hamiltonian path). Here: three first trees
(earliest arrival first, farthest worker first, the shortest paths), each improved by moving one subtree at a
time to where it helps most, and in small trees by exchanging two workers, until nothing helps; the best of
the three.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations

import networkx as nx
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Parents = NDArray[np.int64]
Score = Callable[[Array, Array], Array]
"""(largest, mean) of the workers' delays -> what is minimised; element by element."""

SMALLER = 1 - 1e-9
MOST_WORK = 2e8
"""Moves times workers that a search may weigh; above it stops where it is."""


@dataclass(frozen=True)
class Task:
    """What is to be spanned. Matrices in seconds by [child, parent], infinite where there is no link."""

    links: Array
    sending: Array
    root: int
    most_children: int
    offset: Array
    """Added to every worker's delay before the largest and the mean are taken."""
    score: Score

    @property
    def n(self) -> int:
        return len(self.links)

    def delays(self, parent: Parents) -> Array:
        delay = np.zeros(self.n)
        load = self.load(parent)
        for i in order(parent, self.root)[1:]:
            p = parent[i]
            delay[i] = delay[p] + self.links[i, p] + load[p]
        return delay

    def load(self, parent: Parents) -> Array:
        """Seconds that each worker's outgoing link needs for its children."""
        children = np.flatnonzero(np.arange(self.n) != self.root)
        weights = self.sending[children, parent[children]]
        return np.bincount(parent[children], weights=weights, minlength=self.n).astype(np.float64)

    def value(self, parent: Parents) -> float:
        late = self.offset + self.delays(parent)
        return float(self.score(late.max(), late.mean()))


def order(parent: Parents, root: int) -> list[int]:
    """All workers, parents before children."""
    return list(nx.dfs_preorder_nodes(_graph(parent, root), root))


def _graph(parent: Parents, root: int) -> nx.DiGraph[int]:
    tree: nx.DiGraph[int] = nx.DiGraph()
    tree.add_nodes_from(range(len(parent)))
    tree.add_edges_from((int(p), i) for i, p in enumerate(parent) if i != root)
    return tree


MOST_EXCHANGED = 12
"""Workers of a tree in which exchanges are tried: there are many, and each is weighed anew."""


def search(task: Task, shortest: Parents) -> Parents | None:
    """The best tree found; None when no first tree keeps the limit. `shortest`: the shortest-path tree."""
    first = [tree for tree in _first_trees(task, shortest) if tree is not None]
    return min((_settled(task, tree) for tree in first), key=task.value, default=None)


# ------------------------------------------------------------------------------------------- first trees
def _first_trees(task: Task, shortest: Parents) -> Iterator[Parents | None]:
    yield _grown(task, None)
    late = task.offset + task.delays(shortest)
    yield _grown(task, np.argsort(-late, kind="stable").tolist())
    children = np.bincount(np.delete(shortest, task.root), minlength=task.n)
    yield shortest if task.n == 1 or children.max() <= task.most_children else None


def _grown(task: Task, turns: list[int] | None) -> Parents | None:
    """Hang worker after worker where its message arrives first: in the order given, or whoever is first."""
    n, root = task.n, task.root
    parent = np.full(n, root)
    delay, load, room = np.full(n, np.inf), np.zeros(n), np.full(n, task.most_children)
    delay[root] = 0.0
    outside = np.ones(n, dtype=bool)
    outside[root] = False
    waiting = [i for i in turns or () if i != root]
    while outside.any():
        start = np.where(room > 0, delay + load, np.inf)
        arrival = start + task.links + task.sending
        nearest = arrival.argmin(axis=1)
        soonest = np.where(outside, arrival.min(axis=1), np.inf)
        reachable = [i for i in waiting if np.isfinite(soonest[i])][:1]
        i = reachable[0] if reachable else int(soonest.argmin())
        if np.isinf(soonest[i]):
            return None
        p = nearest[i]
        parent[i], delay[i], outside[i] = p, soonest[i], False
        load[p] += task.sending[i, p]
        room[p] -= 1
        waiting = [j for j in waiting if j != i]
    return parent


# ----------------------------------------------------------------------------------------- improving
def _settled(task: Task, parent: Parents) -> Parents:
    """Moves, and exchanges when they no longer help, in turns."""
    while True:
        parent = _improved(task, parent)
        exchanged = _exchanged(task, parent) if task.n <= MOST_EXCHANGED else None
        if exchanged is None:
            return parent
        parent = exchanged


def _exchanged(task: Task, parent: Parents) -> Parents | None:
    """The tree after the best exchange of two workers; None when none helps."""
    others = [i for i in range(task.n) if i != task.root]
    trees = [_exchange(parent, i, j) for i, j in combinations(others, 2)]
    best = min(trees, key=task.value, default=parent)
    return best if task.value(best) < task.value(parent) * SMALLER else None


def _exchange(parent: Parents, i: int, j: int) -> Parents:
    names = np.arange(len(parent))
    names[[i, j]] = j, i
    exchanged = np.empty_like(parent)
    exchanged[names] = names[parent]
    return exchanged


def _improved(task: Task, parent: Parents) -> Parents:
    weighed, still = 0.0, 0
    value, i = task.value(parent), 0
    state = _State(task, parent)
    while still < task.n and weighed < MOST_WORK:
        if i != task.root:
            scores = state.scores(i)
            weighed += task.n**2
            best = int(scores.argmin())
            if scores[best] < value * SMALLER:
                parent = parent.copy()
                parent[i] = best
                value, still, state = float(scores[best]), 0, _State(task, parent)
        i, still = (i + 1) % task.n, still + 1
    return parent


class _State:
    """A tree with what is needed to weigh all moves of one subtree at once."""

    def __init__(self, task: Task, parent: Parents) -> None:
        self.task, self.parent = task, parent
        self.delay, self.load = task.delays(parent), task.load(parent)
        self.children = np.bincount(np.delete(parent, task.root), minlength=task.n)
        self.below = np.zeros((task.n, task.n), dtype=bool)
        """[p, i]: i is a descendant of p."""
        for i in reversed(order(parent, task.root)[1:]):
            self.below[parent[i]] |= self.below[i]
            self.below[parent[i], i] = True

    def scores(self, i: int) -> Array:
        """What the tree would be worth with i and all below it hung under each worker; inf where it cannot."""
        task, p = self.task, self.parent[i]
        moved = self.below[i].copy()
        moved[i] = True
        rest = np.flatnonzero(~moved)
        relief = task.sending[i, p]
        delay = self.delay - relief * self.below[p]
        load = self.load.copy()
        load[p] -= relief
        cost = task.sending[i]
        arrival = delay + load + task.links[i] + cost
        burdened = self.below[:, rest]
        late = (task.offset + delay)[rest] + cost[:, None] * burdened
        inside = (task.offset + self.delay - self.delay[i])[moved]
        largest = np.maximum(late.max(axis=1), arrival + inside.max())
        total = late.sum(axis=1) + arrival * len(inside) + inside.sum()
        full = self.children - (np.arange(task.n) == p) >= task.most_children
        forbidden = moved | full | np.isinf(arrival)
        return np.where(forbidden, np.inf, task.score(largest, total / task.n))
