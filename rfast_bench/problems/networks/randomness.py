"""Dropout and its like: what a module draws depends on the seed, the worker and the number of the gradient alone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray


class Drawn(NamedTuple):
    """A mini-batch for a module that draws: row numbers (None: the whole shard), and the gradient's number."""

    rows: NDArray[np.intp] | None
    number: int


def key(*numbers: int) -> int:
    """A 64-bit seed for the numbers, each 0 or more, such as (seed, worker, index of the gradient)."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])


@contextmanager
def seeded(number: int, device: torch.device) -> Iterator[None]:
    """Whatever torch, `random` and `numpy.random` draw inside comes from the seed; outside nothing is changed."""
    before, numpy_before = random.getstate(), np.random.get_state()
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(number)
        random.seed(number)
        np.random.seed(number % 2**32)
        try:
            yield
        finally:
            random.setstate(before)
            np.random.set_state(numpy_before)


def drawn_so_far() -> tuple[object, ...]:
    """Changes whenever something draws on the host: equal before and after means that nothing did."""
    drawn = np.random.get_state(legacy=False)["state"]
    return torch.get_rng_state().numpy().tobytes(), random.getstate(), drawn["pos"], drawn["key"].tobytes()
