"""A small part of `python -m benchmarks.damage`: what is damaged is told, and mended by the next run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.damage import trial as trials
from benchmarks.damage.kinds import DAMAGES
from benchmarks.damage.trial import Broken, Trial
from rfast_bench.records import integrity


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    return Trial(tmp_path_factory.mktemp("damage"))


@pytest.mark.parametrize("kind", dict.fromkeys(DAMAGES), ids=lambda kind: str(kind.__name__))
def test_what_is_damaged_is_told_and_mended(
    trial: Trial, kind: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "DAMAGES", (kind,))
    trial.once(np.random.default_rng(1), False)


def test_a_damage_that_nobody_tells_is_seen(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    def a_number(path: Path, other: Path, rng: object) -> None:
        curves = path.with_name("curves.csv")
        curves.write_text(curves.read_text().replace("1", "2"))

    monkeypatch.setattr(trials, "DAMAGES", (a_number,))
    monkeypatch.setattr(integrity, "flaw", lambda *given: "")
    with pytest.raises(Broken, match="is not what it was"):
        trial.once(np.random.default_rng(1), False)


def test_a_killed_sweep_is_taken_up(trial: Trial) -> None:
    trial.kill(np.random.default_rng(3), 3.0)
