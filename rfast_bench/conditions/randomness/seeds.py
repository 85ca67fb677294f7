"""Common random numbers: a stream for each (seed, purpose, worker or link), never for an algorithm.

Every algorithm thus meets the same draws: the k-th draw of a stream is the same whoever asks for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any
from zlib import crc32

import numpy as np

from rfast_bench.conditions.randomness.seed_states import Known, States, states, words_of


def _entropy(seed: int, purpose: str, ids: tuple[int, ...]) -> list[int]:
    return [seed, crc32(purpose.encode()), *ids]


def stream(seed: int, purpose: str, *ids: int) -> np.random.Generator:
    """The generator of one purpose (`compute`, `batches`, `loss`, ...) for worker `ids` or link `ids`."""
    return np.random.Generator(np.random.PCG64(_sequence(seed, purpose, ids)))


def _sequence(seed: int, purpose: str, ids: tuple[int, ...]) -> np.random.SeedSequence:
    """Of the entropy, taken apart into words already: NumPy takes as long for each number as for all the rest."""
    words = [word for number in _entropy(seed, purpose, ids) for word in words_of(number)]
    return np.random.SeedSequence(np.array(words, np.uint32))


class Streams:
    """The streams of one seed: `Streams(seed)(purpose, *ids)` is `stream(seed, purpose, *ids)`. One that was expected
    is made in a tenth of the time, once."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._expected: dict[tuple[str | int, ...], States] = {}

    def expect(self, purpose: str, workers: Sequence[tuple[int, ...]]) -> None:
        """The streams of these workers or links, all of as many numbers, will be asked for."""
        if workers:
            found = states(_entropy(self._seed, purpose, ()), list(np.array(workers, np.uint32).T))
            self._expected.update(zip([(purpose, *ids) for ids in workers], found, strict=True))

    def __call__(self, purpose: str, *ids: int) -> np.random.Generator:
        """The generator of one purpose for worker `ids` or link `ids`, at its beginning."""
        state = self._expected.pop((purpose, *ids), None)
        if state is None:
            return stream(self._seed, purpose, *ids)
        known: Any = Known(state)  # numpy's stubs know of no seed sequence but its own
        return np.random.Generator(np.random.PCG64(known))


def later(streams: Streams, purpose: str, *ids: int) -> Any:
    """The same as `streams(purpose, *ids)`, made when it is first drawn from: most streams of a large run never are."""
    return _Later(streams, purpose, ids)


class _Later:
    """Stands in for a generator and has its attributes."""

    def __init__(self, streams: Streams, purpose: str, ids: tuple[int, ...]) -> None:
        self._key = (streams, purpose, ids)
        self._generator: np.random.Generator | None = None

    def __getattr__(self, name: str) -> Any:
        if self._generator is None:
            streams, purpose, ids = self._key
            self._generator = streams(purpose, *ids)
        return getattr(self._generator, name)


def scalar_stream(seed: int, purpose: str, *ids: int) -> Random:
    """The same for one value at a time, ten times quicker a call than NumPy's."""
    words = _sequence(seed, purpose, ids).generate_state(4, np.uint64)
    return Random(int.from_bytes(words.tobytes(), "little"))
