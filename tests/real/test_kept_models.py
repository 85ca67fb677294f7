"""Models that are kept for evaluation: the same back, within the budget, and told where the disk takes no more."""

from __future__ import annotations

import threading
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rfast_bench.errors import UserError
from rfast_bench.real.samples.kept_models import KeptModels, SavedModels

SIZE = 2**18
MEGABYTE = 2.0**20


def saved(models: KeptModels, path: Path) -> SavedModels:
    models.close()
    return SavedModels(path, models.dtype.str, models.shape, np.array(models.rows))


@pytest.mark.parametrize("budget", [0, 3 * MEGABYTE, np.inf])
@pytest.mark.parametrize("kind", ["array", "tensor"])
def test_every_model_comes_back_as_it_was(budget: float, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "0.models"
    models = KeptModels(path, budget)
    for k in range(9):
        model: Any = np.full(SIZE, k, np.float32)
        models.keep(torch.from_numpy(model) if kind == "tensor" else model)
    back = saved(models, path)
    assert len(back) == 9
    assert all((back[k] == k).all() and back[k].dtype == np.float32 for k in range(9))
    assert back[0].shape == (SIZE,)


def test_a_model_that_has_not_changed_is_kept_once(tmp_path: Path) -> None:
    path = tmp_path / "0.models"
    models = KeptModels(path, np.inf)
    first, second = np.zeros(5), np.ones(5)
    for model in (first, first, second, second, first):
        models.keep(model)
    back = saved(models, path)
    assert [float(back[k][0]) for k in range(5)] == [0, 0, 1, 1, 0]
    assert path.stat().st_size == 3 * first.nbytes


def test_nothing_is_written_before_the_budget_is_used_up(tmp_path: Path) -> None:
    """A run that fits is not disturbed."""
    path = tmp_path / "0.models"
    models = KeptModels(path, 3 * MEGABYTE)
    for k in range(3):
        models.keep(np.full(SIZE, k, np.float32))
    assert not path.exists()
    assert models.waited < 0.1
    models.keep(np.zeros(SIZE, np.float32))
    models.close()
    assert path.stat().st_size == 4 * MEGABYTE


def test_memory_stays_within_the_budget_and_one_model(tmp_path: Path) -> None:
    budget, each = 8 * MEGABYTE, 4 * SIZE
    models = KeptModels(tmp_path / "0.models", budget)
    tracemalloc.start()
    try:
        for k in range(100):
            models.keep(np.full(SIZE, k, np.float32))
        models.close()
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most <= budget + 2 * each


def test_the_run_waits_for_a_slow_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models, go = KeptModels(tmp_path / "0.models", 2 * MEGABYTE), threading.Event()
    write = models._write

    def slowly() -> None:
        go.wait(10)
        write()

    monkeypatch.setattr(models, "_write", slowly)
    threading.Timer(0.3, go.set).start()
    for k in range(3):
        models.keep(np.full(SIZE, k, np.float32))
    models.close()
    assert models.waited > 0.1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no disk that is full")
@pytest.mark.parametrize("budget", [0, np.inf])
def test_a_full_disk_is_told(budget: float) -> None:
    models = KeptModels(Path("/dev/full"), budget)

    def fill() -> None:
        try:
            for k in range(4):
                models.keep(np.full(SIZE, k, np.float32))
        finally:
            models.close()

    with pytest.raises(UserError, match=r"cannot be written to /dev/full: No space left .*evaluate\.every"):
        fill()
