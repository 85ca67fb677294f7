"""Which worker holds which training samples."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rfast_bench.errors import UserError
from rfast_bench.problems.data import owned
from rfast_bench.problems.data.datasets import Data
from rfast_bench.scenario.problem.partitions import (
    ClassesPartition,
    ColumnPartition,
    DirichletPartition,
    FilePartition,
    PartitionSpec,
    QuantityPartition,
    ShardsPartition,
    SizesPartition,
)

Rows = NDArray[np.intp]
DRAWS = 1000
"""How often a Dirichlet deal is drawn before it is refused for leaving a worker without samples."""
NEED_LABELS = ("by-label", "dirichlet", "shards", "classes")


def deal(spec: PartitionSpec, data: Data, workers: int, rng: np.random.Generator, where: str) -> list[Rows]:
    """Row numbers of each worker's shard: every row of `data` once, no shard empty (`file` may leave rows out).

    Raises UserError, naming the key path `where`, when a shard would be empty, or the data lack what it takes.
    """
    labels, count = data.labels, len(data.labels)
    if workers > count:
        raise UserError(f"{where}: {count} training samples cannot be dealt to {workers} workers")
    if spec.kind in NEED_LABELS and data.classes == 0:
        raise UserError(
            f"{where}: '{spec.kind}' deals by class, and the targets of this problem are numbers; allowed: iid, "
            "quantity, sizes, by-column, file"
        )
    match spec:
        case DirichletPartition():
            return _dirichlet(labels, workers, spec.alpha, rng, where)
        case ShardsPartition():
            return _shards(labels, workers, spec.per_worker, rng, where)
        case ClassesPartition():
            return _classes(labels, workers, spec.per_worker, rng, where)
        case QuantityPartition():
            return _quantity(count, workers, spec.alpha, rng, where)
        case SizesPartition():
            return _sizes(data, workers, spec.sizes, rng, where)
        case ColumnPartition():
            return owned.by_owner(data, workers, where)
        case FilePartition():
            return owned.by_file(spec.path, data, workers, spec.unused, where)
    order = rng.permutation(count) if spec.kind == "iid" else _by_label(labels)
    return np.array_split(order, workers)


# ------------------------------------------------------------------------------------------------- by class
def _by_label(labels: NDArray[Any]) -> Rows:
    return np.argsort(labels, kind="stable")


def _shards(
    labels: NDArray[Any], workers: int, per_worker: int, rng: np.random.Generator, where: str
) -> list[Rows]:
    """McMahan et al. 2017 (arXiv 1602.05629), section 3: the label-sorted pieces of federated averaging."""
    pieces = workers * per_worker
    if pieces > len(labels):
        raise UserError(
            f"{where}.per_worker: {len(labels)} training samples cannot be cut into "
            f"{workers} × {per_worker} = {pieces} pieces"
        )
    cuts = np.array_split(_by_label(labels), pieces)
    dealt = rng.permutation(pieces).reshape(workers, per_worker)
    return [np.concatenate([cuts[piece] for piece in hand]) for hand in dealt]


def _classes(
    labels: NDArray[Any], workers: int, per_worker: int, rng: np.random.Generator, where: str
) -> list[Rows]:
    """Li et al. 2022 (arXiv 2102.02079), section IV-A, "#C = k"; here each class has as many holders as any other.

    Worker by worker takes the `per_worker` classes that the fewest hold so far, ties broken by chance.
    """
    present = np.unique(labels)
    if per_worker > len(present):
        raise UserError(
            f"{where}.per_worker: {per_worker} classes a worker; the training samples have {len(present)}"
        )
    if workers * per_worker < len(present):
        raise UserError(
            f"{where}.per_worker: {workers} workers with {per_worker} classes each cannot hold all {len(present)} "
            "classes; allowed: more classes a worker, or more workers"
        )
    holders: list[list[int]] = [[] for _ in present]
    for worker in range(workers):
        for k in np.lexsort((rng.random(len(present)), np.array([*map(len, holders)])))[:per_worker]:
            holders[k].append(worker)
    hands: list[list[Rows]] = [[] for _ in range(workers)]
    for label, own in zip(present, holders, strict=True):
        rows = rng.permutation(np.flatnonzero(labels == label))
        if len(rows) < len(own):
            raise UserError(
                f"{where}.per_worker: class {label} has {len(rows)} training samples for the {len(own)} workers that "
                "would share it; allowed: fewer classes a worker, or fewer workers"
            )
        for worker, part in zip(own, np.array_split(rows, len(own)), strict=True):
            hands[worker].append(part)
    return [np.concatenate(hand) for hand in hands]


def _dirichlet(
    labels: NDArray[Any], workers: int, alpha: float, rng: np.random.Generator, where: str
) -> list[Rows]:
    """Hsu, Qi, Brown 2019 (arXiv 1909.06335), drawn class by class, again until nobody is left empty."""
    classes = [rng.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels)]
    for _ in range(DRAWS):
        cuts = [_split(rows, rng.dirichlet(np.full(workers, alpha))) for rows in classes]
        shards = [np.concatenate(parts) for parts in zip(*cuts, strict=True)]
        if min(map(len, shards)) > 0:
            return shards
    raise _never(len(labels), workers, alpha, where)


# -------------------------------------------------------------------------------------------------- by size
def _quantity(count: int, workers: int, alpha: float, rng: np.random.Generator, where: str) -> list[Rows]:
    """Li et al. 2022 (arXiv 2102.02079), section IV-A, quantity skew; drawn again until nobody is left empty."""
    order = rng.permutation(count)
    for _ in range(DRAWS):
        shards = _split(order, rng.dirichlet(np.full(workers, alpha)))
        if min(map(len, shards)) > 0:
            return shards
    raise _never(count, workers, alpha, where)


def _sizes(
    data: Data, workers: int, sizes: tuple[float, ...], rng: np.random.Generator, where: str
) -> list[Rows]:
    count, held_out = len(data.labels), len(data.test_labels)
    if len(sizes) != workers:
        raise UserError(f"{where}.sizes: {len(sizes)} sizes for {workers} workers; expected one each")
    order = rng.permutation(count)
    if not all(isinstance(size, int) for size in sizes):
        shards = _split(order, np.array(sizes) / sum(sizes))
        if min(map(len, shards)) == 0:
            empty = [len(shard) for shard in shards].index(0)
            raise UserError(
                f"{where}.sizes: a share of {sizes[empty]:g} of {count} training samples leaves worker {empty} none"
            )
        return shards
    if sum(sizes) != count:
        raise UserError(
            f"{where}.sizes: they add up to {sum(sizes)}, and there are {count} training samples ({held_out} more are "
            f"held out); allowed: counts that add up to {count}, or shares that add up to 1"
        )
    return np.split(order, np.cumsum(np.array(sizes, np.intp))[:-1])


def _never(count: int, workers: int, alpha: float, where: str) -> UserError:
    return UserError(
        f"{where}.alpha: in {DRAWS} draws with alpha = {alpha:g}, {count} training samples never "
        f"reached all {workers} workers; allowed: a larger alpha, fewer workers or more samples"
    )


def _split(rows: Rows, shares: NDArray[np.float64]) -> list[Rows]:
    ends = np.rint(np.cumsum(shares)[:-1] * len(rows)).astype(np.intp)
    return np.split(rows, ends)
