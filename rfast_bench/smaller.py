"""Vectors made smaller for the way, for algorithms: rounded, or the largest coordinates alone. Part of the contract.

What comes out is an array or a tuple of arrays and nothing new: it weighs its own bytes in both worlds, and
`network.message_bytes` makes it heavier in proportion, as it does with whole models.

A value that stands for an array, as in a check's trials, has that `array`, and `made(array)` makes another such value.
"""

from __future__ import annotations

import math
from typing import Any

Vector = Any
NAMES = {16: "float16", 32: "float32"}


def rounded(vector: Vector, bits: int = 16) -> Vector:
    """The vector with 16 or 32 bits a coordinate, as IEEE 754 rounds; beyond 65504 sixteen bits are infinite.

    It is for the way alone: `whole` gives the receiver, and the sender, the vector that has arrived.
    """
    if bits not in NAMES:
        raise ValueError(f"bits is {bits!r}; allowed: {', '.join(map(str, NAMES))}")
    if _stands(vector):
        return vector.made(rounded(vector.array, bits))
    if isinstance(vector, int | float):
        import numpy as np

        return float(np.array(vector).astype(NAMES[bits]))
    return _cast(vector, NAMES[bits])


def top(vector: Vector, share: float) -> tuple[Vector, Vector]:
    """The coordinates of largest absolute value, this share of all and at least one: values, and places (int32).

    How many there are depends on d alone. Of equals the first count; NaN is larger than any.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share is {share!r}; expected above 0 and at most 1")
    if _stands(vector):
        values, places = top(vector.array, share)
        return vector.made(values), vector.made(places)
    if isinstance(vector, int | float):
        return vector, 0
    import numpy as np

    tensor = not isinstance(vector, np.ndarray)
    places = _largest(vector.detach().cpu().numpy() if tensor else vector, share)
    if not tensor:
        return vector[places], places
    import torch

    chosen = torch.from_numpy(places).to(vector.device)
    return vector[chosen.long()], chosen


def whole(payload: Any, like: Vector) -> Vector:
    """What `rounded` or `top` made, as a vector of the sort, shape and dtype of `like`; what was left out is 0."""
    if _stands(like):
        return like.made(whole(_stood_for(payload), like.array))
    if isinstance(like, int | float):
        return float(payload[0] if isinstance(payload, tuple) else payload)
    if not isinstance(payload, tuple):
        return _cast(payload, like.dtype)
    values, places = payload
    if hasattr(like, "astype"):
        import numpy as np

        made = np.zeros_like(like)
        made[np.asarray(places, int)] = values
        return made
    import torch

    made = torch.zeros_like(like)
    made[places.long()] = values.to(like.dtype)
    return made


def is_short(like: Vector) -> bool:
    """Whether the numbers of a vector are shorter than float64, so that running sums of them drift."""
    plain = like.array if _stands(like) else like
    return not isinstance(plain, int | float) and not str(plain.dtype).endswith("float64")


def _stands(value: Any) -> bool:
    return hasattr(type(value), "made")


def _stood_for(payload: Any) -> Any:
    """The arrays that a payload's values stand for."""
    if isinstance(payload, tuple):
        return tuple(map(_stood_for, payload))
    return payload.array if _stands(payload) else payload


def _cast(vector: Vector, dtype: Any) -> Vector:
    """The same numbers in another dtype, in an array or tensor of their own."""
    if hasattr(vector, "astype"):
        return vector.astype(dtype)
    import torch

    return vector.to(getattr(torch, dtype) if isinstance(dtype, str) else dtype, copy=True)


def _largest(vector: Any, share: float) -> Any:
    """Ascending places of the largest in an array of shape (d,), the same on every machine."""
    import numpy as np

    count = max(1, math.floor(share * len(vector) + 0.5))
    sizes = np.abs(vector)
    sizes[np.isnan(sizes)] = np.inf
    least = np.partition(sizes, len(sizes) - count)[len(sizes) - count]
    above, equal = np.flatnonzero(sizes > least), np.flatnonzero(sizes == least)
    return np.sort(np.concatenate([above, equal[: count - len(above)]])).astype(np.int32)
