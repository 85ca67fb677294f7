"""Pieces in which a vector is summed over all workers while it is still computed; the same in either world."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from functools import cache

from rfast_bench.api import Buckets
from rfast_bench.scenario.values.units import bytes_


def count(buckets: Buckets, size: float, coordinates: int) -> int:
    """How many buckets there are for a vector of `size` bytes on the wire: at most one for each coordinate."""
    if isinstance(buckets, int):
        return min(buckets, coordinates)
    return min(max(1, math.ceil(size / bytes_of(buckets))), coordinates)


def full(buckets: Buckets, size: float, coordinates: int) -> float:
    """Coordinates from which on a bucket is full that is filled by whole parameters, of a vector of `size` bytes."""
    share = 1 / buckets if isinstance(buckets, int) else min(1.0, bytes_of(buckets) / size)
    return share * coordinates


def read(all_buckets: Iterable[Buckets]) -> None:
    """Read what may stand in words, so that nobody has to load what reads units while a clock runs."""
    for buckets in all_buckets:
        if isinstance(buckets, str):
            bytes_of(buckets)


@cache
def bytes_of(size: str) -> float:
    """Of a bucket given by its size."""
    own = bytes_(size)
    assert isinstance(own, float)
    return own


def left(pieces: int, forward_share: float) -> Iterator[float]:
    """Of each bucket, the share of the compute time that is left when it is ready, the last one's being 0.

    The k-th of K is ready after f + (1 - f) k / K.
    """
    return ((1 - forward_share) * (1 - k / pieces) for k in range(1, pieces + 1))
