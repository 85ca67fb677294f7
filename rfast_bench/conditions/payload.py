"""What a message weighs, in either world."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

import numpy as np

from rfast_bench.api import Effect
from rfast_bench.breaches.broken import Broken


class Size(int):
    """Bytes of a payload that holds more than arrays. `beside`: how many of them are no part of an array, but numbers
    and words, which weigh what they weigh when `network.message_bytes` makes models heavier."""

    beside: int = 0


def size_of(payload: Any) -> int:
    """Bytes of a payload: arrays and tensors their own, numbers 8, words a letter each, tuples the sum of their parts.

    Raises Broken, without a line, for what does not travel between processes.
    """
    if type(payload) is np.ndarray and payload.ndim:
        check_dtype(payload)
        return int(payload.nbytes)
    arrays, beside = _weights(payload)
    return sized(arrays, beside) if beside else arrays


def seal(payload: Any) -> None:
    """Make the arrays of a payload read-only: others hold them from now on."""
    if isinstance(payload, np.ndarray):
        payload.setflags(write=False)
    elif isinstance(payload, tuple):
        for part in payload:
            seal(part)


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
        check_dtype(payload)
        return (int(payload.nbytes), 0) if payload.ndim else (0, int(payload.nbytes))
    if isinstance(payload, str):
        return 0, len(payload)
    if isinstance(payload, tuple):
        return _sum(payload)
    if payload is None or isinstance(payload, int | float):
        return 0, 8
    raise refusal(payload)


def _sum(parts: Iterable[Any]) -> tuple[int, int]:
    arrays = beside = 0
    for part in parts:
        own, other = _weights(part)
        arrays += own
        beside += other
    return arrays, beside


# ----------------------------------------------------------------------------------- what does not travel
NUMBERS = "biuf"
"""Kinds of an array's elements: truth values, whole numbers, real numbers."""


def check_dtype(array: Any) -> None:
    """Raises Broken for an array of objects, words or dates; a tensor has numbers alone."""
    if isinstance(array, np.ndarray | np.generic) and array.dtype.kind not in NUMBERS:
        raise Broken("payloads", f"a payload is an array of {array.dtype}, which does not travel")


def refusal(payload: Any) -> Broken:
    """What is said of a payload, or a part of one, that no process could be sent."""
    if isinstance(payload, Effect) or inspect.iscoroutine(payload):
        return Broken("await", f"a payload is a {type(payload).__name__} that nobody awaited")
    name = type(payload).__name__
    return Broken("payloads", f"a payload is or holds a value of type {name}, which does not travel")
