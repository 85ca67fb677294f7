"""What problems are tried with: models, batches, directions, and when numbers are the same."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from rfast_bench.problems.base import Array, Batch, Problem

DIRECTIONS = 6
"""Random ones in which the objective's gradient is tried, beside as many single coordinates."""
SLACK = 1e-6
"""Of finite differences, relative; of gradients in float64, far above rounding."""
FEW = 4
"""Workers that are looked at one by one."""


@dataclass(frozen=True)
class Finding:
    """One rule that is broken."""

    rule: str
    """A word: start, shape, read-only, derivative, weights, pooled, pass, sampler, order, together, ..."""
    seen: str
    """What was tried and what came out."""
    mend: str
    """What to change."""

    def __str__(self) -> str:
        return f"{self.rule}: {self.seen}. {self.mend}"


def point(problem: Problem, seed: int = 1) -> Array:
    x = np.random.default_rng(seed).normal(size=problem.dim) / 2
    return x.astype(problem.dtype)


def asked(problem: Problem) -> tuple[list[int], Array, list[Batch]]:
    """Three gradients each of some workers at different points, and those of their shards."""
    rng = np.random.default_rng(2)
    some = range(min(FEW, problem.workers))
    drawn = [list(islice(problem.sampler(i, np.random.default_rng(i)), 3)) for i in some]
    pairs = [(i, batch) for i, own in zip(some, drawn, strict=True) for batch in (*own, None)]
    points = rng.normal(size=(len(pairs), problem.dim)).astype(problem.dtype)
    return [i for i, _ in pairs], points, [batch for _, batch in pairs]


def ways(problem: Problem) -> list[Array]:
    """Directions of length 1: random ones and single coordinates."""
    rng = np.random.default_rng(5)
    random = rng.normal(size=(DIRECTIONS, problem.dim))
    ways = list(random / np.linalg.norm(random, axis=1, keepdims=True))
    return ways + [np.eye(1, problem.dim, k)[0] for k in rng.permutation(problem.dim)[:DIRECTIONS]]


def slack(problem: Problem) -> float:
    return max(1e-9, 2e3 * float(np.finfo(problem.dtype).eps))


def distance(ours: Any, theirs: Any) -> float:
    """Largest difference, relative to the length of the longer; infinite where one is not finite."""
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    off = float(np.abs(ours - theirs).max()) / (1 + float(np.abs(theirs).max()))
    return off if np.isfinite(off) else np.inf


def equal(ours: Any, theirs: Any) -> bool:
    return bool(np.array_equal(np.asarray(ours), np.asarray(theirs)))


def described(value: Any) -> str:
    return f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else f"{type(value).__name__}"
