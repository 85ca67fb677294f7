"""Which worker holds which training samples."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rfast_bench.errors import UserError
from rfast_bench.scenario.sections.problem import DirichletPartition, PartitionSpec, ShardsPartition

Rows = NDArray[np.intp]
DRAWS = 1000
"""How often a Dirichlet deal is drawn before it is refused for leaving a worker without samples."""


def deal(
    spec: PartitionSpec, labels: NDArray[Any], workers: int, rng: np.random.Generator, where: str
) -> list[Rows]:
    """Row numbers of each worker's shard: every row of `labels` (shape (M,)) once, no shard empty.

    Raises UserError, naming the key path `where`, when a shard would be empty.
    """
    if workers > len(labels):
        raise UserError(f"{where}: {len(labels)} training samples cannot be dealt to {workers} workers")
    if spec.kind != "iid" and labels.dtype.kind == "f":
        raise UserError(
            f"{where}: '{spec.kind}' deals by class, and the targets of this problem are numbers; allowed: iid"
        )
    if isinstance(spec, DirichletPartition):
        return _dirichlet(labels, workers, spec.alpha, rng, where)
    if isinstance(spec, ShardsPartition):
        return _shards(labels, workers, spec.per_worker, rng, where)
    order = rng.permutation(len(labels)) if spec.kind == "iid" else _by_label(labels)
    return np.array_split(order, workers)


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
    raise UserError(
        f"{where}.alpha: in {DRAWS} draws with alpha = {alpha:g}, {len(labels)} training samples never "
        f"reached all {workers} workers; allowed: a larger alpha, fewer workers or more samples"
    )


def _split(rows: Rows, shares: NDArray[np.float64]) -> list[Rows]:
    ends = np.rint(np.cumsum(shares)[:-1] * len(rows)).astype(np.intp)
    return np.split(rows, ends)
