"""`numpy.random.SeedSequence` for many entropies at once.

One entropy at a time costs NumPy 10 µs, most of it for handling arrays of four numbers. Here each step of its hash
goes over all of them. The words that come out are the same: NumPy promises that they never change.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random.bit_generator import ISeedSequence
from numpy.typing import DTypeLike, NDArray

Words = NDArray[np.uint32]
States = NDArray[np.uint64]
WORD = 2**32
POOL = 4
"""Words that an entropy is boiled down to."""


class Hash:
    """One word after another, each with a constant of its own."""

    def __init__(self, constant: int, factor: int) -> None:
        self._constant = constant
        self._factor = factor

    def __call__(self, words: Words) -> Words:
        hashed = words ^ np.uint32(self._constant)
        self._constant = self._constant * self._factor % WORD
        hashed *= np.uint32(self._constant)
        return _folded(hashed)


def _folded(words: Words) -> Words:
    words ^= words >> np.uint32(16)
    return words


def _mixed(one: Words, other: Words) -> Words:
    mixed = one * np.uint32(0xCA01F9DD)
    mixed -= other * np.uint32(0x4973F715)
    return _folded(mixed)


def states(common: Sequence[int], own: Sequence[Words]) -> States:
    """`SeedSequence([*common, *own[:, k]]).generate_state(4, np.uint64)` for each k, row by row: shape (k, 4).

    `common`: numbers of any size, at least 0. `own`: one array (k,) for each further number.
    """
    size = len(own[0])
    entropy = [np.full(size, word, np.uint32) for number in common for word in words_of(number)] + list(own)
    return _drawn(_pool(entropy))


def words_of(number: int) -> list[int]:
    """A number as NumPy takes it apart: its 32-bit words, the lowest first."""
    if number < WORD:
        return [number]
    words = [number % WORD]
    while number := number // WORD:
        words.append(number % WORD)
    return words


def _pool(entropy: Sequence[Words]) -> list[Words]:
    absorb = Hash(0x43B0D7E5, 0x931E8875)
    nothing = np.zeros_like(entropy[0])
    pool = [absorb(entropy[i] if i < len(entropy) else nothing) for i in range(POOL)]
    for source in range(POOL):
        for target in range(POOL):
            if source != target:
                pool[target] = _mixed(pool[target], absorb(pool[source]))
    for words in entropy[POOL:]:
        pool = [_mixed(own, absorb(words)) for own in pool]
    return pool


def _drawn(pool: Sequence[Words]) -> States:
    draw = Hash(0x8B51F9DD, 0x58F38DED)
    halves = [draw(pool[k % POOL]).astype(np.uint64) for k in range(2 * POOL)]
    pairs = zip(halves[::2], halves[1::2], strict=True)
    return np.column_stack([low | high << np.uint64(32) for low, high in pairs])


class Known(ISeedSequence):
    """A seed sequence whose state has been worked out before."""

    __slots__ = ("_state",)

    def __init__(self, state: States) -> None:
        self._state = state

    def generate_state(self, n_words: int, dtype: DTypeLike = np.uint32) -> States:
        """The four words that a bit generator asks for when it is made."""
        if n_words != len(self._state) or dtype != np.uint64:
            raise ValueError(f"known are 4 words of 64 bits, asked for {n_words} of {np.dtype(dtype)}")
        return self._state
