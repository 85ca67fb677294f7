"""What every reader gives: samples as they stand in the user's files, not yet split, scaled or numbered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rfast_bench.errors import UserError, nearest

Pair = tuple[NDArray[Any], NDArray[Any]]
"""Features (N, ...) and targets (N,)."""


@dataclass(frozen=True)
class Raw:
    """Features `x` (M, ...) and targets `y` (M,): classes (whole numbers or text) or numbers."""

    x: NDArray[Any]
    y: NDArray[Any]
    owners: NDArray[Any] | None = None
    """Whose each sample is, shape (M,), whole numbers or text."""
    test: Pair | None = None
    """The data's own held-out samples; None where some are to be split off."""
    classes: int | None = None
    """C, where `y` is 0..C-1 already; None where they are to be numbered."""
    names: tuple[str, ...] | None = None
    """Of the classes."""
    counted: bool = False
    """Whether classes are counted from 0, or are -1 and 1, so that any other negative one is a mistake."""

    def limited(self, limit: int | None) -> Self:
        """The first `limit` samples, and at most as many held-out ones."""
        test = None if self.test is None else (self.test[0][:limit], self.test[1][:limit])
        owners = None if self.owners is None else self.owners[:limit]
        return replace(self, x=self.x[:limit], y=self.y[:limit], owners=owners, test=test)


def finite(x: NDArray[Any], what: str, where: str) -> None:
    """Raises UserError, naming the first sample, when a feature is missing or infinite."""
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        sample, *place = np.argwhere(~np.isfinite(x))[0].tolist()
        feature = ", ".join(map(str, place))
        raise UserError(f"{where}: {what} {x[sample, *place]} in sample {sample}, feature {feature or 0}")


def allowed(word: str, words: Sequence[str], where: str, problem: str) -> None:
    """Raises UserError for a word that is not among those there are."""
    if word not in words:
        raise UserError(f"{where}: {problem} '{word}'; allowed: {', '.join(words)}{nearest(word, words)}")
