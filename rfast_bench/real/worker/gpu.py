"""Models on a GPU: staging through pinned host memory on a side stream, and which GPU is whose.

The same code runs with `device: cpu` on tensors in ordinary memory; without torch tensors nothing is staged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rfast_bench.errors import CannotRun
from rfast_bench.plan.devices import gpus


class Staging:
    """NumPy arrays stay as they are: what a worker on the CPU does."""

    def to_host(self, payload: Any) -> Any:
        """The payload as arrays that a message can carry."""
        return payload

    def to_device(self, payload: Any) -> Any:
        """The payload of a message where the algorithm computes."""
        return payload

    def settle(self) -> None:
        """Wait until the device has done what it was told by this thread, so that times mean something."""


class TensorStaging(Staging):
    """Tensors on `device`; copies run on a stream of their own, beside the gradient."""

    def __init__(self, device: str) -> None:
        import torch

        self._torch = torch
        self.device = torch.device(device)
        self._cuda = self.device.type == "cuda"
        self._stream = torch.cuda.Stream(self.device) if self._cuda else None  # type: ignore[no-untyped-call]

    def to_host(self, payload: Any) -> Any:
        if isinstance(payload, tuple):
            return tuple(self.to_host(part) for part in payload)
        return self._down(payload) if isinstance(payload, self._torch.Tensor) else payload

    def to_device(self, payload: Any) -> Any:
        if isinstance(payload, tuple):
            return tuple(self.to_device(part) for part in payload)
        return self._up(payload) if isinstance(payload, np.ndarray) else payload

    def _down(self, tensor: Any) -> np.ndarray:
        pinned = self._torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=self._cuda)
        if self._stream is None:
            pinned.copy_(tensor)
        else:
            self._stream.wait_stream(self._torch.cuda.current_stream(self.device))
            with self._torch.cuda.stream(self._stream):
                pinned.copy_(tensor, non_blocking=True)
            self._stream.synchronize()
        array: np.ndarray = pinned.numpy()
        return array

    def _up(self, array: np.ndarray) -> Any:
        torch = self._torch
        pinned = torch.empty(array.shape, dtype=torch.from_numpy(np.empty(0, array.dtype)).dtype)
        pinned = pinned.pin_memory() if self._cuda else pinned
        pinned.numpy()[...] = array
        if self._stream is None:
            return pinned
        with torch.cuda.stream(self._stream):
            tensor = pinned.to(self.device, non_blocking=True)
        self._stream.synchronize()
        tensor.record_stream(torch.cuda.default_stream(self.device))  # where the algorithm will read it
        return tensor

    def settle(self) -> None:
        if self._cuda:
            self._torch.cuda.current_stream(self.device).synchronize()


def staging_for(device: str) -> Staging:
    """What a worker needs whose models live on `device`: `cpu`, or `cuda:k`."""
    return Staging() if device == "cpu" else TensorStaging(device)


def gpu_of(local: int) -> int:
    """The GPU of a machine's worker number `local`. Raises CannotRun when the machine shows none."""
    count = gpus()
    if not count:
        raise CannotRun("real.device is cuda, but this machine shows no GPU; set real.device to cpu")
    return local % count


def check_gpus(chosen: Mapping[int, str]) -> None:
    """`chosen`: each worker's GPU, by a name that is the GPU's alone. Raises CannotRun when two would share one."""
    owners: dict[str, int] = {}
    for worker, gpu in sorted(chosen.items()):
        if gpu in owners:
            raise CannotRun(
                f"workers {owners[gpu]} and {worker} would share {gpu}, which NCCL refuses: it needs one GPU a "
                "worker; run fewer workers a host, or set real.collectives to host, or real.device to cpu"
            )
        owners[gpu] = worker
