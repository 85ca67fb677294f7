"""Every kind of problem keeps the rules of `rfast_bench.problems.base`; wrong ones are told by the right rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from rfast_bench.problems.base import Array, Batch, Problem, read_only
from rfast_bench.problems.conformance import check
from tests.problems.test_problems import KINDS, PARTITIONS, make


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_every_built_in_problem_keeps_the_rules(kind: str, dtype: str) -> None:
    for workers in (1, 5):
        keys = {**KINDS[kind], "dtype": dtype}
        assert check(make(workers, **keys), lambda: make(workers, **keys)) == []  # noqa: B023 (called at once)


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "quadratic"])
@pytest.mark.parametrize("more", [{"batch_size": "full"}, {"sampling": "with-replacement"}])
def test_however_it_draws(kind: str, more: dict[str, Any]) -> None:
    assert check(make(3, **(KINDS[kind] | more))) == []


@pytest.mark.parametrize("partition", PARTITIONS[1:])
def test_however_it_is_dealt(partition: Any) -> None:
    assert check(make(4, **KINDS["softmax"], partition=partition)) == []


def test_a_quadratic_without_noise() -> None:
    assert check(make(4, kind="quadratic", dim=3)) == []


class Line(Problem):
    """Right: `(a x - b)²` over 60 pairs that are dealt unequally, the first worker's shard the smallest."""

    convex = True

    def __init__(self, workers: int, seed: int) -> None:
        rng = np.random.default_rng(0)
        self.workers, self.dim, self.samples = workers, 3, 60
        self.a, self.b = rng.normal(size=(60, 3)), rng.normal(size=60)
        cuts = np.cumsum(np.arange(1, workers)) * 60 // (workers * (workers + 1) // 2)
        self.shards = np.split(np.random.default_rng(seed).permutation(60), cuts)
        self.start = read_only(np.zeros(3))

    def sampler(self, worker: int, rng: np.random.Generator) -> Iterator[Batch]:
        shard = self.shards[worker]
        while True:
            order = rng.permutation(shard)
            yield from (order[k : k + 4] for k in range(0, len(order), 4))

    def size(self, worker: int, batch: Batch) -> int:
        return len(self.shards[worker] if batch is None else batch)

    def gradient(self, worker: int, x: Array, rows: Array) -> Array:
        share = self.workers * len(self.shards[worker]) / self.samples
        slope: Array = 2 * share * (self.a[rows] @ x - self.b[rows]) @ self.a[rows] / len(rows)
        return slope

    def gradients(self, workers: Sequence[int], points: Array, batches: Sequence[Batch]) -> Array:
        rows = [self.shards[i] if b is None else b for i, b in zip(workers, batches, strict=True)]
        return np.array([self.gradient(i, x, r) for i, x, r in zip(workers, points, rows, strict=True)])

    def objective(self, x: Array) -> tuple[float, Array]:
        errors = self.a @ x - self.b
        return float(errors @ errors) / 60, 2 * errors @ self.a / 60

    def reference(self) -> Array:
        best: Array = np.linalg.lstsq(self.a, self.b)[0]
        return best


def test_a_right_problem_of_ones_own_passes() -> None:
    assert check(Line(4, 0), lambda: Line(4, 0)) == []


class WrongSlope(Line):
    def objective(self, x: Array) -> tuple[float, Array]:
        loss, gradient = super().objective(x)
        return loss, gradient / 2


class NoDim(Line):
    def __init__(self, workers: int, seed: int) -> None:
        super().__init__(workers, seed)
        del self.dim


class OpenStart(Line):
    def __init__(self, workers: int, seed: int) -> None:
        super().__init__(workers, seed)
        self.start = np.zeros(3)


class LongStart(Line):
    def __init__(self, workers: int, seed: int) -> None:
        super().__init__(workers, seed)
        self.start = read_only(np.zeros(4))


class Unweighted(Line):
    def gradient(self, worker: int, x: Array, rows: Array) -> Array:
        slope: Array = 2 * (self.a[rows] @ x - self.b[rows]) @ self.a[rows] / len(rows)
        return slope


class OtherLoss(Line):
    def gradient(self, worker: int, x: Array, rows: Array) -> Array:
        return super().gradient(worker, x, rows) + 0.1 * x


class InPlace(Line):
    def gradients(self, workers: Sequence[int], points: Array, batches: Sequence[Batch]) -> Array:
        points *= 1.0 + 1e-3
        return super().gradients(workers, points, batches)


class ShufflesTheBatch(Line):
    def gradients(self, workers: Sequence[int], points: Array, batches: Sequence[Batch]) -> Array:
        for batch in batches:
            if batch is not None:
                batch.sort()
        return super().gradients(workers, points, batches)


class OwnRandomness(Line):
    def __init__(self, workers: int, seed: int) -> None:
        super().__init__(workers, seed)
        self.rng = np.random.default_rng(seed)

    def gradient(self, worker: int, x: Array, rows: Array) -> Array:
        return super().gradient(worker, x, rows) + 0.1 * self.rng.normal(size=3)


class OwnBatches(Line):
    def __init__(self, workers: int, seed: int) -> None:
        super().__init__(workers, seed)
        self.rng = np.random.default_rng(seed)

    def sampler(self, worker: int, rng: np.random.Generator) -> Iterator[Batch]:
        return super().sampler(worker, self.rng)


class Eager(Line):
    def sampler(self, worker: int, rng: np.random.Generator) -> Iterator[Batch]:
        first = rng.permutation(self.shards[worker])
        return (first[:4] for _ in iter(int, 1))


class Ends(Line):
    def sampler(self, worker: int, rng: np.random.Generator) -> Iterator[Batch]:
        yield from super().sampler(worker, rng).__next__().reshape(1, -1)


class DropsTheRest(Line):
    def sampler(self, worker: int, rng: np.random.Generator) -> Iterator[Batch]:
        shard = self.shards[worker]
        while True:
            order = rng.permutation(shard)
            yield from (order[k : k + 4] for k in range(0, len(order) - 3, 4))


class FirstWins(Line):
    """The factor of the first row's worker, for all rows."""

    def gradients(self, workers: Sequence[int], points: Array, batches: Sequence[Batch]) -> Array:
        rows = [self.shards[i] if b is None else b for i, b in zip(workers, batches, strict=True)]
        return np.array([self.gradient(workers[0], x, r) for x, r in zip(points, rows, strict=True)])


class TooSoon(Line):
    """Tells of its only part before it is computed."""

    def parts(self, full: float) -> list[slice]:
        return [slice(0, self.dim)]

    def in_parts(self, worker: int, x: Any, batch: Any, parts: Any, there: Any) -> Any:
        there(np.zeros(self.dim))
        return self.gradients([worker], x[None], [batch])[0]


class Flat(Line):
    def gradients(self, workers: Sequence[int], points: Array, batches: Sequence[Batch]) -> Array:
        flat: Array = super().gradients(workers, points, batches).sum(axis=0)
        return flat


class NotConvex(Line):
    def objective(self, x: Array) -> tuple[float, Array]:
        return float(np.cos(x).sum()), -np.sin(x)

    def gradient(self, worker: int, x: Array, rows: Array) -> Array:
        return -np.sin(x) * self.workers * len(self.shards[worker]) / self.samples


class NoOptimum(Line):
    def reference(self) -> Array:
        return super().reference() + 0.1


class Miscounts(Line):
    def __init__(self, workers: int, seed: int) -> None:
        super().__init__(workers, seed)
        self.samples = 61


class Stacks(Line):
    def stack(self, points: Sequence[Any]) -> Array:
        return np.array(points[::-1])


class Breaks(Line):
    def objective(self, x: Array) -> tuple[float, Array]:
        raise IndexError("no such row")


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        (WrongSlope, "derivative"),
        (NoDim, "start"),
        (OpenStart, "start"),
        (LongStart, "start"),
        (Unweighted, "weights"),
        (OtherLoss, "pooled"),
        (InPlace, "read-only"),
        (ShufflesTheBatch, "read-only"),
        (OwnRandomness, "order"),
        (OwnBatches, "sampler"),
        (Eager, "sampler"),
        (Ends, "sampler"),
        (DropsTheRest, "pass"),
        (FirstWins, "together"),
        (TooSoon, "parts"),
        (Flat, "shape"),
        (NotConvex, "convex"),
        (NoOptimum, "reference"),
        (Miscounts, "size"),
        (Stacks, "stack"),
        (Breaks, "shape"),
    ],
)
def test_a_wrong_problem_is_told_by_the_right_rule(wrong: type[Line], rule: str) -> None:
    found = check(wrong(4, 0))
    assert found
    assert found[0].rule == rule, "\n".join(map(str, found))
    assert found[0].seen
    assert found[0].mend.endswith(".")


def test_what_changes_from_one_to_the_next_is_told() -> None:
    seeds = iter([0, 1])
    found = check(Line(4, next(seeds)), lambda: Line(4, next(seeds)))
    assert [finding.rule for finding in found] == ["same"]


def test_where_an_error_was_raised_is_told() -> None:
    (finding, *_) = check(Breaks(4, 0))
    assert "IndexError: no such row (test_conformance.py, line" in str(finding)
