"""What a message weighs, in either world."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np


class Size(int):
    """Bytes of a payload that holds more than arrays. `beside`: how many of them are no part of an array, but numbers
    and words, which weigh what they weigh when `network.message_bytes` makes models heavier."""

    beside: int = 0


def size_of(payload: Any) -> int:
    """Bytes of a payload: arrays and tensors their own, numbers 8, collections the sum of their parts."""
    if type(payload) is np.ndarray and payload.ndim:
        return int(payload.nbytes)
    arrays, beside = _weights(payload)
    return sized(arrays, beside) if beside else arrays


def sized(arrays: int, beside: int) -> Size:
    """So many bytes of arrays, and so many beside them."""
    size = Size(arrays + beside)
    size.beside = beside
    return size


def _weights(payload: Any) -> tuple[int, int]:
    """Bytes of arrays, bytes of everything else."""
    kind = type(payload)
    if kind is int or kind is float:
        return 0, 8
    if kind is tuple:
        return _sum(payload)
    if hasattr(payload, "nbytes"):
        return (int(payload.nbytes), 0) if payload.ndim else (0, int(payload.nbytes))
    if isinstance(payload, Mapping):
        return _sum(part for pair in payload.items() for part in pair)
    if isinstance(payload, str | bytes):
        return 0, len(payload)
    return _sum(payload) if isinstance(payload, Iterable) else (0, 8)


def _sum(parts: Iterable[Any]) -> tuple[int, int]:
    arrays = beside = 0
    for part in parts:
        own, other = _weights(part)
        arrays += own
        beside += other
    return arrays, beside
