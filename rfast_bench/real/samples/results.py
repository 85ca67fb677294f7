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

from rfast_bench.files import write_text
from rfast_bench.real.samples.kept_models import SavedModels
from rfast_bench.real.samples.sampler import Sampler

Floats = NDArray[np.float64]

ARRAYS = (
    *("times", "counters", "asked", "done", "wasted_from", "wasted_to", "lateness", "planned", "work"),
    *("read_time", "read_age", "read_sender", "read_count", "position", "residual", "rows"),
)


@dataclass
class Result:
    """One worker's samples and logs; `about` are words and numbers for the manifest."""

    worker: int
    arrays: dict[str, NDArray[Any]]
    models: SavedModels
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
    models = sampler.models
    models.close()
    arrays: dict[str, Any] = {name: np.asarray(log) for name, log in logs.items()}
    arrays |= {"times": np.array(sampler.times), "counters": np.array(sampler.counters, dtype=float)}
    arrays["rows"] = np.array(models.rows)
    about = {**about, "models": [models.dtype.str, models.shape]}
    np.savez(folder / f"{worker}.npz", **arrays)
    write_text(folder / f"{worker}.json", json.dumps(about))


def has_left(folder: Path, worker: int) -> bool:
    """Whether `save` was through."""
    return (folder / f"{worker}.json").exists()


def load(folder: Path, worker: int) -> Result:
    """Read what `save` wrote; models are mapped, not read."""
    about = json.loads((folder / f"{worker}.json").read_text())
    with np.load(folder / f"{worker}.npz", allow_pickle=False) as kept:
        arrays = {name: kept[name] for name in ARRAYS}
    dtype, shape = about.pop("models")
    models = SavedModels(models_file(folder, worker), dtype, tuple(shape), arrays["rows"])
    return Result(worker, arrays, models, about)


def models_file(folder: Path, worker: int) -> Path:
    """Where a worker's models go."""
    return folder / f"{worker}.models"
