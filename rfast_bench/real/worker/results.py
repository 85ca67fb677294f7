"""What one worker leaves for the one that writes the records: arrays and a few words in the run's own folder."""

from __future__ import annotations

import json
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rfast_bench.real.worker.sampler import Sampler

Floats = NDArray[np.float64]

ARRAYS = (
    *("times", "counters", "asked", "done", "lateness", "planned", "work"),
    *("read_time", "read_age", "read_sender", "read_count", "position", "residual"),
)


@dataclass
class Result:
    """One worker's samples and logs; `about` are words and numbers for the manifest."""

    worker: int
    arrays: dict[str, NDArray[Any]]
    models: NDArray[Any]
    about: dict[str, Any]

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.arrays[name]


def save(
    folder: Path,
    worker: int,
    sampler: Sampler,
    logs: Mapping[str, array[Any] | Floats],
    about: dict[str, Any],
) -> None:
    """Write a worker's files; the words last, since they say that the rest is whole."""
    first = sampler.models[0]
    shape = (len(sampler.models), *first.shape)
    models = np.lib.format.open_memmap(_models(folder, worker), mode="w+", dtype=first.dtype, shape=shape)
    for row, model in zip(models, sampler.models, strict=True):
        row[...] = model
    models.flush()
    arrays: dict[str, Any] = {name: np.asarray(log) for name, log in logs.items()}
    arrays |= {"times": np.array(sampler.times), "counters": np.array(sampler.counters, dtype=float)}
    np.savez(folder / f"{worker}.npz", **arrays)
    (folder / f"{worker}.json").write_text(json.dumps(about))


def has_left(folder: Path, worker: int) -> bool:
    """Whether `save` was through."""
    return (folder / f"{worker}.json").exists()


def load(folder: Path, worker: int) -> Result:
    """Read what `save` wrote; models are mapped, not read."""
    about = json.loads((folder / f"{worker}.json").read_text())
    with np.load(folder / f"{worker}.npz", allow_pickle=False) as kept:
        arrays = {name: kept[name] for name in ARRAYS}
    return Result(worker, arrays, np.load(_models(folder, worker), mmap_mode="r"), about)


def _models(folder: Path, worker: int) -> Path:
    return folder / f"{worker}.models.npy"
