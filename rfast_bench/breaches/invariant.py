"""Whether a method's own invariant holds, at every look at a run.

What `residual` leaves is 0 but for rounding. A worker that has done k iterations has rounded k times, each time what it
holds by half a unit in the last place at most, for each of a few sums. So over n workers no more is forgiven than

    SLACK · ε · n · (1 + k) · s

with ε of the problem's number type and s the largest absolute value that any worker has held at a look: gradients,
models, running sums. In double precision that is some 1e-9 of s; in single precision, after ten thousand iterations
of ten workers, a tenth of s: there only gross breaks are seen.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Mapping
from typing import Any

from rfast_bench.api import Algorithm
from rfast_bench.breaches.broken import Broken
from rfast_bench.breaches.lines import Line

SLACK = 8.0
EPSILON = {8: 2.0**-52, 4: 2.0**-23, 2: 2.0**-7}
"""By bytes of a number; of the two kinds of two bytes, the coarser."""


class Invariant:
    """Looks at the residuals of a run of `n` workers whose numbers have so many bytes."""

    def __init__(self, n: int, itemsize: int) -> None:
        self._n, self._itemsize = n, itemsize
        self._scale = 0.0
        self.broken: Broken | None = None

    def look(self, time: float, residual: float, iterations: float, workers: Iterable[Algorithm]) -> None:
        """`residual`: its largest coordinate, at `time` (s); `iterations`: of the worker that has done most."""
        if self.broken is not None or not math.isfinite(residual):
            return
        n, itemsize = self._n, self._itemsize
        if residual <= allowed(self._scale, n, itemsize, iterations):
            return
        held = list(workers)
        self._scale = max([self._scale, *map(scale_of, held)])
        self.broken = judged(type(held[0]), time, residual, self._scale, n, itemsize, iterations)


def allowed(scale: float, n: int, itemsize: int, iterations: float) -> float:
    """The largest residual that is rounding."""
    return SLACK * EPSILON.get(itemsize, EPSILON[4]) * n * (1 + iterations) * scale


def judged(
    kind: type[Algorithm],
    time: float,
    residual: float,
    scale: float,
    n: int,
    itemsize: int,
    iterations: float,
) -> Broken | None:
    """What is said of a residual, if it is more than rounding."""
    if not math.isfinite(residual) or residual <= allowed(scale, n, itemsize, iterations):
        return None
    owner = next(base for base in kind.__mro__ if "residual" in vars(base))
    inherited = "" if owner is kind else f" (inherited from {owner.__name__})"
    seen = f"at {time:.3g} s `residual` leaves {residual:.2g}{inherited}, which is more than rounding"
    return Broken("invariant", seen, _line(kind, owner))


def scale_of(held: Algorithm) -> float:
    """The largest finite absolute value among the vectors and real numbers that an object holds. Whole numbers are
    counts, and do not count."""
    return max(map(_scale, vars(held).values()), default=0.0)


def _scale(value: Any) -> float:
    if isinstance(value, float):
        found = abs(value)
    elif isinstance(value, Mapping):
        found = max(map(_scale, value.values()), default=0.0)
    elif isinstance(value, list | tuple | set | frozenset):
        found = max(map(_scale, value), default=0.0)
    elif hasattr(value, "dtype") and hasattr(value, "shape") and math.prod(value.shape):
        found = float(abs(value).max())
    else:
        return 0.0
    return found if math.isfinite(found) else 0.0


def _line(kind: type[Algorithm], owner: type) -> Line | None:
    """Of what a subclass overrides of the class whose invariant it is; else of the class."""
    file = inspect.getsourcefile(kind)
    if file is None:
        return None
    for name, value in vars(kind).items():
        if (
            owner is not kind
            and inspect.isfunction(value)
            and not name.startswith("__")
            and hasattr(owner, name)
        ):
            return Line(file, value.__code__.co_firstlineno)
    return Line(file, inspect.getsourcelines(kind)[1])
