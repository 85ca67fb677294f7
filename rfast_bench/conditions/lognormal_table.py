"""Lognormal draws from a table: some five times as fast as NumPy's, of the same mean, for rings with millions of draws.

The law is cut into 2^16 cells of equal probability, and a draw is the mean of the cell that 16 random bits name. So the
mean is that of the law, and only the variance within a cell is lost. The last cell has no end and is drawn exactly.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from rfast_bench.scenario.sections.timing import Draws, Lognormal

CELLS = 2**16
LAST = CELLS - 1


def draw(law: Lognormal, rng: np.random.Generator, size: int) -> Draws:
    """`size` draws, shape (size,), seconds."""
    words = rng.bit_generator.random_raw((size + 3) // 4)
    cells = words.astype("<u8", copy=False).view("<u2")[:size]
    values = np.take(cell_means(law.mean, law.sigma), cells, mode="clip")  # "raise" would check every index
    last = np.flatnonzero(cells == LAST)
    if len(last):
        values[last] = tail(law, rng, len(last))
    return values


@lru_cache(maxsize=8)
def cell_means(mean: float, sigma: float) -> Draws:
    """The mean of each cell, ascending, shape (65536,), seconds; read-only."""
    from scipy.special import ndtr, ndtri  # slow to import

    edges = ndtri(np.arange(CELLS + 1) / CELLS)
    means: Draws = mean * CELLS * np.diff(ndtr(edges - sigma))  # E[X; X < exp(m + s z)] = E[X] Φ(z - s)
    means.flags.writeable = False
    return means


def tail(law: Lognormal, rng: np.random.Generator, size: int) -> Draws:
    """`size` draws of what lies above the start of the last cell, shape (size,), seconds."""
    from scipy.special import ndtri

    above = (1 - rng.random(size)) / CELLS  # the probability of more, in (0, 2^-16]
    tailed: Draws = law.mean * np.exp(-law.sigma * ndtri(above) - law.sigma**2 / 2)
    return tailed
