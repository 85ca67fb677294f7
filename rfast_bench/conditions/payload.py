"""What a message weighs, in either world."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np


def size_of(payload: Any) -> int:
    """Bytes of a payload: arrays and tensors their own, numbers 8, collections the sum of their parts."""
    kind = type(payload)
    if kind is np.ndarray:
        return int(payload.nbytes)
    if kind is int or kind is float:
        return 8
    if kind is tuple:
        return sum(map(size_of, payload))
    if hasattr(payload, "nbytes"):
        return int(payload.nbytes)
    if isinstance(payload, Mapping):
        return sum(size_of(key) + size_of(value) for key, value in payload.items())
    if isinstance(payload, str | bytes):
        return len(payload)
    return sum(map(size_of, payload)) if isinstance(payload, Iterable) else 8
