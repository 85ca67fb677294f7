"""Swept keys in words."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from rfast_bench.records.key_words import key_words
from rfast_bench.records.reading import Run, find_runs
from tests.support.synthetic_records import curves_table, save, unsealed

SCENARIOS = sorted((Path(__file__).parents[2] / "scenarios").glob("*.yaml"))


@pytest.fixture
def runs(tmp_path: Path) -> list[Run]:
    """Their resolved scenario says which workers are slow; the digest does not matter here."""
    folder = save(tmp_path, "a", curves=curves_table([0, 1], [1, 0.5]))
    unsealed(folder)
    slow = {"stragglers": [{"worker": 3, "slowdown": 4}, {"worker": [6, 7], "slowdown": 2}]}
    named = {"algorithms": [{"name": "x", "label": "fast"}, {"name": "y"}]}
    (folder / "scenario.yaml").write_text(yaml.safe_dump({**slow, **named}))
    return find_runs([tmp_path])


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("stragglers.0.slowdown", "slowdown of worker 3"),
        ("stragglers.1.mean_slow", "mean slow of workers 6, 7"),
        ("stragglers.5.slowdown", "slowdown of straggler 5"),
        ("algorithms.0.step_size", "step size of fast"),
        ("algorithms.1.step_size", "step size of y"),
        ("algorithms.r-fast 0.4.step_size", "step size of r-fast 0.4"),
        ("network.loss", "share of messages lost"),
        ("problem.something_new", "something new (problem)"),
        ("workers", "number of workers"),
        ("new_key", "new key"),
    ],
)
def test_a_key_speaks_words(runs: list[Run], key: str, words: str) -> None:
    assert key_words(runs, [key]) == {key: words}


def test_two_keys_are_never_called_alike(runs: list[Run]) -> None:
    said = key_words(runs, ["network.loss", "network.loss.probability"])
    assert len(set(said.values())) == 2


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_every_key_that_a_shipped_scenario_sweeps_has_words(path: Path) -> None:
    keys = list(yaml.safe_load(path.read_text()).get("sweep", {}))
    for words in key_words([], keys).values():
        assert "_" not in words
        assert "." not in words
