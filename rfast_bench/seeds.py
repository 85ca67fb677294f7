"""Common random numbers: a stream for each (seed, purpose, worker or link), never for an algorithm.

Every algorithm thus meets the same weather: the k-th draw of a stream is the same whoever asks for it.
"""

from __future__ import annotations

from random import Random
from typing import Any
from zlib import crc32

import numpy as np


def _entropy(seed: int, purpose: str, ids: tuple[int, ...]) -> list[int]:
    return [seed, crc32(purpose.encode()), *ids]


def stream(seed: int, purpose: str, *ids: int) -> np.random.Generator:
    """The generator of one purpose (`compute`, `batches`, `loss`, ...) for worker `ids` or link `ids`."""
    return np.random.default_rng(np.random.SeedSequence(_entropy(seed, purpose, ids)))


def later(seed: int, purpose: str, *ids: int) -> Any:
    """The same as `stream`, made when it is first drawn from: most streams of a large run never are."""
    return _Later(seed, purpose, ids)


class _Later:
    """Stands in for a generator and has its attributes."""

    def __init__(self, seed: int, purpose: str, ids: tuple[int, ...]) -> None:
        self._key = (seed, purpose, ids)
        self._generator: np.random.Generator | None = None

    def __getattr__(self, name: str) -> Any:
        if self._generator is None:
            seed, purpose, ids = self._key
            self._generator = stream(seed, purpose, *ids)
        return getattr(self._generator, name)


def scalar_stream(seed: int, purpose: str, *ids: int) -> Random:
    """The same for one value at a time, ten times quicker a call than NumPy's."""
    words = np.random.SeedSequence(_entropy(seed, purpose, ids)).generate_state(4, np.uint64)
    return Random(int.from_bytes(words.tobytes(), "little"))
