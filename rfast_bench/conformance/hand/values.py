"""Values that know what may be done with them: + - * /, and nothing in place once somebody else has them.

A trial hands these to a method in place of arrays. What breaks a rule is noted with the line, and done all the same,
so that one trial finds all of it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from rfast_bench.conformance.hand.number import Note, Number, Operators, divided

BASIC = (np.add, np.subtract, np.multiply, np.true_divide)


class Value(Operators):
    """A vector of a trial. `owners`: how others came to have it, such as *was posted*; empty while nobody has."""

    __slots__ = ("array", "note", "owners")

    def __init__(self, array: Any, note: Note, owners: str = "") -> None:
        self.array, self.note, self.owners = np.asarray(array, float), note, owners

    def made(self, array: Any) -> Any:
        """A new value of the worker's own; what is no array stays as it is."""
        return Value(array, self.note) if isinstance(array, np.ndarray) else array

    # ------------------------------------------------------------------------------------- what is allowed
    def _with(self, how: Callable[[Any, Any], Any], other: Any) -> Any:
        if isinstance(other, Value):
            return self.made(how(self.array, other.array))
        if isinstance(other, np.ndarray) and other.ndim:
            self.note("arithmetic", "a NumPy array of the method's own meets a value")
            return self.made(how(self.array, other))
        if isinstance(other, int | float | np.number | np.ndarray):
            return self.made(how(self.array, float(other)))
        return NotImplemented

    def __radd__(self, other: Any) -> Any:
        return self._with(lambda a, b: b + a, other)

    def __rsub__(self, other: Any) -> Any:
        return self._with(lambda a, b: b - a, other)

    def __rmul__(self, other: Any) -> Any:
        return self._with(lambda a, b: b * a, other)

    def __rtruediv__(self, other: Any) -> Any:
        return self._with(lambda a, b: divided(b, a), other)

    def __neg__(self) -> Any:
        return self.made(-self.array)

    def __pos__(self) -> Any:
        return self.made(+self.array)

    def __abs__(self) -> Any:
        return self.made(abs(self.array))

    def __copy__(self) -> Any:
        return self.made(self.array.copy())

    def __deepcopy__(self, memo: Any) -> Any:
        return self.made(self.array.copy())

    def __repr__(self) -> str:
        return f"value {self.array}"

    # --------------------------------------------------------------------------------------------- in place
    def _in_place(self, how: Callable[[Any, Any], Any], other: Any) -> Any:
        result = self._with(how, other)
        if result is NotImplemented:
            return result
        if self.owners:
            self.note("in-place", f"an array is changed in place that {self.owners}")
            return result
        self.array = result.array
        return self

    def __iadd__(self, other: Any) -> Any:
        return self._in_place(operator.add, other)

    def __isub__(self, other: Any) -> Any:
        return self._in_place(operator.sub, other)

    def __imul__(self, other: Any) -> Any:
        return self._in_place(operator.mul, other)

    def __itruediv__(self, other: Any) -> Any:
        return self._in_place(divided, other)

    def __setitem__(self, key: Any, what: Any) -> None:
        if self.owners:
            self.note("in-place", f"an array is changed in place that {self.owners}")
        self.note("arithmetic", "an entry of a value is set")
        if not self.owners:
            self.array = self.array.copy()
            self.array[key] = plain(what)

    # ----------------------------------------------------------------------------------- what is not allowed
    def _beyond(self, what: str, result: Any) -> Any:
        self.note("arithmetic", f"{what} of a value")
        if isinstance(result, np.ndarray) and result.ndim:
            return self.made(result)
        return (
            Number.of(result, self.note) if isinstance(result, float | np.floating | np.ndarray) else result
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = self._beyond(f".{name}", getattr(self.array, name))
        if not callable(found):
            return found
        return lambda *args, **kwargs: self._plainly(found(*map(plain, args), **kwargs))

    def _plainly(self, result: Any) -> Any:
        """What a method of an array gave, as it goes on."""
        return Number.of(result, self.note) if isinstance(result, float | np.floating) else self.made(result)

    def __getitem__(self, key: Any) -> Any:
        return self._beyond("an entry", self.array[key])

    def __len__(self) -> int:
        return int(self._beyond("len()", len(self.array)))

    def __iter__(self) -> Any:
        return iter(self._beyond("the entries", list(self.array)))

    def __matmul__(self, other: Any) -> Any:
        return self._beyond("a product @", self.array @ plain(other))

    def __rmatmul__(self, other: Any) -> Any:
        return self._beyond("a product @", plain(other) @ self.array)

    def __floordiv__(self, other: Any) -> Any:
        return self._beyond("//", self.array // plain(other))

    def __mod__(self, other: Any) -> Any:
        return self._beyond("%", self.array % plain(other))

    def __array_ufunc__(self, ufunc: Any, way: str, *inputs: Any, **kwargs: Any) -> Any:
        """What NumPy does to a value: as if it had been written with + - * / where a plain number stands first."""
        if "out" in kwargs:
            self.note("in-place", f"numpy.{ufunc.__name__} writes into an array that it is given")
            kwargs.pop("out")
        result = getattr(ufunc, way)(*map(plain, inputs), **kwargs)
        if (
            ufunc in BASIC
            and way == "__call__"
            and not isinstance(inputs[0], Value)
            and not np.ndim(inputs[0])
        ):
            return self.made(result)
        return self._beyond(f"numpy.{ufunc.__name__}", result)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        result = function(*map(plain, args), **{k: plain(v) for k, v in kwargs.items()})
        return self._beyond(f"numpy.{function.__name__}", result)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        self.note("arithmetic", "NumPy is given a value")
        return np.array(self.array, dtype)

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        first = next(a for a in args if isinstance(a, Value))
        first.note("arithmetic", f"torch's {function.__name__} of a value")
        import torch

        tensors = [torch.from_numpy(a.array.copy()) if isinstance(a, Value) else a for a in args]
        result = function(*tensors, **(kwargs or {}))
        return first.made(result.numpy()) if isinstance(result, torch.Tensor) and result.ndim else result

    # ------------------------------------------------------------------------------------------- decisions
    def _decides(self, what: str, result: Any) -> Any:
        self.note("values", f"{what} of a value")
        return result

    def __bool__(self) -> bool:
        return bool(self._decides("a truth value", bool(self.array.any())))

    def __float__(self) -> float:
        return float(self._decides("a number", float(self.array.ravel()[0])))

    def __int__(self) -> int:
        return int(self._decides("a number", int(self.array.ravel()[0])))

    def _compared(self, how: Callable[[Any, Any], Any], other: Any) -> Any:
        return self._decides("a comparison", bool(np.all(how(self.array, plain(other)))))

    def __eq__(self, other: Any) -> Any:
        return False if other is None else self._compared(operator.eq, other)

    def __ne__(self, other: Any) -> Any:
        return True if other is None else self._compared(operator.ne, other)

    __hash__ = object.__hash__


def plain(value: Any) -> Any:
    """The array of a value; of a list or a tuple of values their arrays; anything else as it is."""
    if isinstance(value, Value):
        return value.array
    if isinstance(value, list | tuple):
        return type(value)(map(plain, value))
    return value


def owned(value: Any, how: str) -> Any:
    """The same payload, whose values others have from now on: `how` they came by them."""
    if isinstance(value, Value) and not value.owners:
        value.owners = how
    elif isinstance(value, tuple | list):
        for part in value:
            owned(part, how)
    elif isinstance(value, dict):
        for part in value.values():
            owned(part, how)
    return value
