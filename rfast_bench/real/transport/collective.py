"""Collectives by `torch.distributed`: gloo, or NCCL when every worker has a GPU of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

from rfast_bench.real.transport.store import PrefixStore, Store


def join(store: Store, rank: int, workers: int, timeout: float, device: str) -> None:
    """Join the group of so many processes, which form sums of tensors on `device`; blocks until all have."""
    dist.init_process_group(
        "gloo" if device == "cpu" else "nccl",
        store=PrefixStore("group", store),
        rank=rank,
        world_size=workers,
        timeout=timedelta(seconds=timeout),
        device_id=None if device == "cpu" else torch.device(device),
    )


Wait = Callable[[], object]


class Sums:
    """Sums over the group that are under way on `device`; each goes where its piece is."""

    def __init__(self, device: torch.device | str) -> None:
        self._device = torch.device(device)
        self._begun: list[tuple[torch.Tensor, torch.Tensor, Any]] = []

    def begin(self, piece: torch.Tensor) -> None:
        """Begin the sum of a piece, which must not be touched until the end. All workers begin in the same order."""
        summed = piece.to(self._device)
        self._begun.append((piece, summed, dist.all_reduce(summed, async_op=True)))

    def finish(self) -> None:
        """Wait until all that were begun are formed."""
        for piece, summed, work in self._begun:
            work.wait()
            if summed is not piece:
                piece.copy_(summed)
        self._begun.clear()
        if self._device.type == "cuda":
            torch.cuda.current_stream(self._device).synchronize()  # NCCL only queues it


def total(buffer: torch.Tensor, waits: Sequence[Wait] = ()) -> torch.Tensor:
    """The buffer, now with the sum over the group.

    With `waits` it is cut into as many pieces of about equal size, and the sum of each begins when its wait is over:
    the last piece first, as a backward pass has them.
    """
    sums, waits = Sums(buffer.device), waits or [lambda: None]
    for piece, wait in zip(reversed(buffer.view(-1).tensor_split(len(waits))), waits, strict=True):
        wait()
        sums.begin(piece)
    sums.finish()
    return buffer


class Collective:
    """The group of all workers of a run, joined when it is built; one worker alone needs none.

    `device` is where sums are formed; on the `cpu` also those of tensors that live elsewhere.
    """

    def __init__(self, store: Store, rank: int, workers: int, timeout: float, device: str) -> None:
        self._workers = workers
        self._device = device
        self._sums = Sums(device)
        if workers > 1:
            join(store, rank, workers, timeout, device)
            self.mean(np.zeros(1))  # opens the connections now, not in the first round

    def gather(self, numbers: Sequence[float]) -> np.ndarray:
        """Every worker's numbers, shape (workers, how many); each gives as many. Blocks."""
        own = torch.tensor(numbers, dtype=torch.float64, device=self._device)
        found = [torch.empty_like(own) for _ in range(self._workers)]
        dist.all_gather(found, own)
        return torch.stack(found).cpu().numpy()

    def begin(self, piece: torch.Tensor) -> None:
        """Begin the mean of a piece of a vector of floats over all workers, in place; see `Sums.begin`."""
        if self._workers > 1:
            self._sums.begin(piece.div_(self._workers))

    def finish(self, vector: Any) -> Any:
        """A vector, array or tensor, all of whose pieces were begun: now their means. Blocks."""
        self._sums.finish()
        return vector

    def mean(self, value: Any, waits: Sequence[Wait] = ()) -> Any:
        """The mean of `value` over all workers: an array, a tensor or a number. Blocks. `waits`: see `total`."""
        if self._workers == 1:
            for wait in waits:
                wait()
            return value
        if isinstance(value, torch.Tensor):
            return (total(value.to(self._device, copy=True), waits) / self._workers).to(value.device)
        buffer = torch.from_numpy(np.array(value, ndmin=1)).to(self._device)
        mean = (total(buffer, waits) / self._workers).cpu().numpy()
        return mean if np.ndim(value) else mean.item()
