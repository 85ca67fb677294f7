"""Pieces in which a vector is summed over all workers while it is still computed; the same in either world."""

from __future__ import annotations

import math
from collections.abc import Iterator

from rfast_bench.api import Buckets
from rfast_bench.scenario.values.units import bytes_


def count(buckets: Buckets, size: float, coordinates: int) -> int:
    """How many buckets there are for a vector of `size` bytes on the wire: at most one for each coordinate."""
    if isinstance(buckets, int):
        return min(buckets, coordinates)
    own = bytes_(buckets)
    assert isinstance(own, float)
    return min(max(1, math.ceil(size / own)), coordinates)


def left(pieces: int, forward_share: float) -> Iterator[float]:
    """Of each bucket, the share of the compute time that is left when it is ready, the last one's being 0.

    The k-th of K is ready after f + (1 - f) k / K.
    """
    return ((1 - forward_share) * (1 - k / pieces) for k in range(1, pieces + 1))
