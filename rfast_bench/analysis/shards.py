"""Who holds which samples: plain numbers, and the table of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.table import Table
from rich.text import Text

MOST_COLUMNS = 12
"""Of classes, that a table shows one by one; of more, those that a worker holds most of."""
MOST_NAMED = 3


@dataclass(frozen=True)
class Shards:
    """The shards of one problem dealt with one seed."""

    title: str
    """Data set and partition, and the sweep point, if any."""
    seed: int
    sizes: NDArray[np.intp]
    """Samples of each worker, shape (n,)."""
    counts: NDArray[np.intp] | None
    """Of each worker and class, shape (n, C); None for regression."""
    classes: tuple[str, ...]
    quantiles: NDArray[np.float64] | None
    """Of each worker's targets, for regression: smallest, 25 %, median, 75 %, largest; shape (n, 5)."""
    owners: tuple[str, ...] | None
    """Whose samples each worker holds, where the data say so; of several the first and how many."""
    features: tuple[int, ...]
    """Shape of one sample."""
    held_out: int
    unused: int
    """Training samples that nobody holds."""

    @property
    def workers(self) -> int:
        """n."""
        return len(self.sizes)

    @property
    def shares(self) -> NDArray[np.float64]:
        """Of all samples that are held, shape (n,)."""
        shares: NDArray[np.float64] = self.sizes / self.sizes.sum()
        return shares

    @property
    def distance(self) -> float:
        """How far the mix of classes in a shard is from that of all, weighted by size: total variation, 0 to 1."""
        if self.counts is None:
            return float("nan")
        whole = self.counts.sum(axis=0) / self.counts.sum()
        own = self.counts / self.counts.sum(axis=1, keepdims=True)
        return float(self.shares @ (np.abs(own - whole).sum(axis=1) / 2))


def summary(shards: Shards) -> list[str]:
    """What is dealt, and how unequally: a few lines."""
    shape = " × ".join(map(str, shards.features))
    what = f"{len(shards.classes)} classes" if shards.counts is not None else "numbers as targets"
    lines = [
        f"{shards.sizes.sum()} training samples of {shape} features, {what}; {shards.held_out} samples held out"
    ]
    if shards.unused:
        lines.append(
            f"{shards.unused} more training samples train nobody: they are on no list of the partition"
        )
    low, high = shards.sizes.min(), shards.sizes.max()
    even = f"{low} samples each" if low == high else f"{low} to {high} samples"
    even += f", {_times(high / low)} as many" if high >= 1.1 * low else ""
    mix = f"; {100 * shards.distance:.0f} % of labels would have to change for equal mixes of classes"
    workers = f"{shards.workers} worker{'s' if shards.workers > 1 else ''}"
    lines.append(f"{workers}: {even}{mix if shards.counts is not None else ''}")
    return lines


def _times(ratio: float) -> str:
    return f"{ratio:.1f}×" if ratio < 10 else f"{ratio:.0f}×"


def table(shards: Shards) -> Table:
    """One row a worker, and one for all."""
    made = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    for name in headings(shards):
        made.add_column(Text(name), justify="left" if name in ("owner", "most of") else "right", no_wrap=True)
    for worker in range(shards.workers):
        made.add_row(*map(Text, row(shards, worker)))
    made.add_row(*map(Text, all_row(shards)), style="bold")
    return made


def headings(shards: Shards) -> list[str]:
    """Of the columns of `row`."""
    names = ["worker", *(["owner"] if shards.owners else []), "samples", "share"]
    if shards.counts is None:
        return [*names, "smallest", "25 %", "median", "75 %", "largest"]
    if len(shards.classes) > MOST_COLUMNS:
        return [*names, "classes", "most of"]
    return [*names, *(name if len(name) < 13 else f"{name[:11]}…" for name in shards.classes)]


def row(shards: Shards, worker: int) -> list[str]:
    """The cells of one worker."""
    owner = [] if shards.owners is None else [shards.owners[worker]]
    cells = [str(worker), *owner, str(shards.sizes[worker]), f"{100 * shards.shares[worker]:.1f} %"]
    if shards.counts is None:
        assert shards.quantiles is not None
        return [*cells, *(f"{value:.4g}" for value in shards.quantiles[worker])]
    return cells + _mix(shards.counts[worker], shards.classes)


def all_row(shards: Shards) -> list[str]:
    """The cells of all workers together."""
    cells = ["all", *([""] if shards.owners else []), str(shards.sizes.sum()), ""]
    if shards.counts is None:
        return cells + [""] * 5
    return cells + _mix(shards.counts.sum(axis=0), shards.classes)


def _mix(counts: NDArray[np.intp], classes: tuple[str, ...]) -> list[str]:
    """A number a class, with a dot for none; or how many classes there are and the largest."""
    if len(classes) <= MOST_COLUMNS:
        return [str(count) if count else "·" for count in counts]
    most = [k for k in np.argsort(-counts, kind="stable")[:MOST_NAMED] if counts[k]]
    return [str(int((counts > 0).sum())), ", ".join(f"{classes[k]} ({counts[k]})" for k in most)]
