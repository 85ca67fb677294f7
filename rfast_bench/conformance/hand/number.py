"""A number that came of a value: what is decided by it is decided by values."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

Note = Callable[[str, str], None]
"""(rule, what was seen): called while the method's line is on the stack."""


class Operators:
    """Arithmetic and comparisons by `_with(how, other)` and `_compared(how, other)`."""

    __slots__ = ()
    _with: Callable[..., Any]
    _compared: Callable[..., Any]

    def __add__(self, other: Any) -> Any:
        return self._with(operator.add, other)

    def __sub__(self, other: Any) -> Any:
        return self._with(operator.sub, other)

    def __mul__(self, other: Any) -> Any:
        return self._with(operator.mul, other)

    def __truediv__(self, other: Any) -> Any:
        return self._with(divided, other)

    def __pow__(self, other: Any) -> Any:
        return self._with(operator.pow, other)

    def __lt__(self, other: Any) -> Any:
        return self._compared(operator.lt, other)

    def __le__(self, other: Any) -> Any:
        return self._compared(operator.le, other)

    def __gt__(self, other: Any) -> Any:
        return self._compared(operator.gt, other)

    def __ge__(self, other: Any) -> Any:
        return self._compared(operator.ge, other)


class Number(Operators, float):  # type: ignore[misc]
    """A number that came of a value, such as a norm: what is decided by it is decided by values."""

    note: Note

    @classmethod
    def of(cls, number: Any, note: Note) -> Number:
        made = cls(float(number))
        made.note = note
        return made

    def _with(self, how: Callable[[Any, Any], Any], other: Any) -> Any:
        result = how(float(self), float(other)) if isinstance(other, int | float) else NotImplemented
        return result if result is NotImplemented else Number.of(result, self.note)

    def _compared(self, how: Callable[[Any, Any], Any], other: Any) -> Any:
        self.note("values", "a comparison of a number that came of a value")
        return how(float(self), other)

    def __bool__(self) -> bool:
        return bool(self._compared(operator.ne, 0.0))

    __hash__ = float.__hash__


def divided(a: Any, b: Any) -> Any:
    with np.errstate(all="ignore"):
        return a / b
