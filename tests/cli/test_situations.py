"""Situations that people asked about in public, each run by the command line as they would: a network with BatchNorm,
regression, momentum, a step schedule, data that has owners, shards of chosen sizes, a batch that costs time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from tests.support.command_line import call

WINE = {"kind": "logistic-regression", "dataset": "wine", "batch_size": 8, "test_fraction": 0}
BASE: dict[str, Any] = {
    "name": "asked",
    "workers": 4,
    "problem": WINE,
    "compute": {"kind": "lognormal", "mean": "1 s", "sigma": 0.2},
    "algorithms": [{"name": "r-fast", "step_size": 0.2}, {"name": "ring-allreduce", "step_size": 0.2}],
    "stop": {"epochs": 12},
    "evaluate": {"every": "1 epoch"},
}
NET = """
from torch import nn


def net():
    return nn.Sequential(nn.Linear(13, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))
"""


def table(folder: Path, **changes: Any) -> pd.DataFrame:
    """The table of a run of BASE with these keys, by label."""
    path = folder / "asked.yaml"
    path.write_text(yaml.safe_dump({**BASE, **changes}))
    done = call("run", path, "--out", folder / "out", "--jobs", "1", "--no-plots")
    assert done.exit_code == 0, done.output
    return pd.read_csv(folder / "out" / "asked" / "table.csv").set_index("label")


def csv(folder: Path, text: str) -> dict[str, str]:
    (folder / "own.csv").write_text(text)
    return {"kind": "csv", "path": str(folder / "own.csv")}


def shown(folder: Path, **changes: Any) -> list[list[str]]:
    """What `rfast-bench data` prints, in words."""
    path = folder / "asked.yaml"
    path.write_text(yaml.safe_dump({**BASE, **changes}))
    done = call("data", path)
    assert done.exit_code == 0, done.output
    return [line.split() for line in done.output.splitlines()]


def test_a_network_with_batchnorm(tmp_path: Path) -> None:
    (tmp_path / "my_net.py").write_text(NET)
    problem = {"kind": "torch", "model": "my_net.py:net", "dataset": "wine", "batch_size": 8}
    done = table(tmp_path, problem=problem)
    assert (done["final_accuracy"] > 0.9).all()


def test_regression_ends_at_least_squares(tmp_path: Path) -> None:
    """price = a + b / 10, so that the closed form leaves nothing."""
    rows = "\n".join(f"{k % 7},{k % 5},{k % 7 + k % 5 / 10}" for k in range(60))
    known = csv(tmp_path, f"a,b,price\n{rows}\n") | {"target": "price"}
    problem = {
        "kind": "linear-regression",
        "dataset": known,
        "l2": 0,
        "batch_size": "full",
        "test_fraction": 0,
    }
    done = table(tmp_path, problem=problem, stop={"time": "600 s"}, evaluate={"every": "100 s"})
    assert (done["final_loss"] < 1e-24).all()
    assert (done["final_gap"] < 1e-24).all()


def test_momentum_counts_in_the_effective_step(tmp_path: Path) -> None:
    plain = table(tmp_path)["effective_step"]
    heavy = table(tmp_path, optimizer={"momentum": 0.9})["effective_step"]
    assert (heavy / plain).tolist() == pytest.approx([10, 10])


def test_a_drop_of_the_step_ends_nearer_to_the_optimum(tmp_path: Path) -> None:
    noisy = {"kind": "quadratic", "dim": 5, "noise": 1}
    drops = {"by": "time", "drops": {"100 s": 0.1, "200 s": 0.1}}
    gaps = []
    for name, schedule in (("constant", "constant"), ("drops", drops)):
        (tmp_path / name).mkdir()
        known = {"schedule": schedule, "stop": {"time": "300 s"}, "evaluate": {"every": "100 s"}, "seeds": 3}
        gaps.append(table(tmp_path / name, problem=noisy, **known)["final_gap"])
    assert (gaps[1] < 0.2 * gaps[0]).all()


def test_rows_go_to_their_owners_and_the_column_is_no_feature(tmp_path: Path) -> None:
    owners = [0] * 12 + [1] * 8 + [2] * 16 + [3] * 4
    rows = "\n".join(f"{owner},{k % 7},{k % 3},{k % 2}" for k, owner in enumerate(owners))
    known = csv(tmp_path, f"client,a,b,label\n{rows}\n") | {"target": "label"}
    partition = {"kind": "by-column", "column": "client"}
    problem = {**WINE, "dataset": known, "partition": partition}
    words = shown(tmp_path, problem=problem)
    assert "40 training samples of 2 features, 2 classes" in " ".join(words[1])
    assert [(line[0], line[1]) for line in words if len(line) == 6 and line[0].isdigit()] == [
        ("0", "12"),
        ("1", "8"),
        ("2", "16"),
        ("3", "4"),
    ]


def test_shards_of_chosen_sizes(tmp_path: Path) -> None:
    partition = {"kind": "sizes", "sizes": [100, 50, 20, 8]}
    words = shown(tmp_path, problem={**WINE, "partition": partition})
    held = [line[1] for line in words if line and line[0] in ("0", "1", "2", "3")]
    assert held == ["100", "50", "20", "8"]


def test_a_larger_batch_costs_time(tmp_path: Path) -> None:
    """A gradient of b samples takes fixed + (mean - fixed) b / samples: 2 s for 8, 3.2 s for 16, so an epoch of four
    workers' 178 samples takes 178 / (4 b) of them."""
    compute = {"kind": "constant", "mean": "2 s", "samples": 8, "fixed": "0.8 s"}
    sweep = {"problem.batch_size": [8, 16]}
    algorithms = [{"name": "ad-psgd", "step_size": 0.1, "topology": "ring"}]
    rows = table(tmp_path, compute=compute, sweep=sweep, algorithms=algorithms, stop={"time": "2000 s"})
    done = rows.set_index("point.problem.batch_size")["time_per_epoch"]
    assert done[8] == pytest.approx(178 / 4 / 8 * 2, rel=0.08)  # the last batch of an epoch is smaller
    assert done[16] == pytest.approx(178 / 4 / 16 * 3.2, rel=0.08)


# ------------------------------------------------------------------------------------------- the silent traps
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            ",a,b,label\n0,-0.2,0.3,0\n1,-0.1,-0.5,0\n2,0.4,0.1,1\n3,0.2,0.9,1\n",
            "the unnamed column ('Unnamed: 0') of {path} is the number of the row",
        ),
        ("a,b,label\n1,1,1\n2,4,0\n7,,1\n", "column 'b' of {path} has a missing value in line 4"),
        ("", "own.csv"),
    ],
    ids=["row numbers", "missing value", "empty"],
)
def test_a_table_with_a_trap_is_refused(text: str, message: str, tmp_path: Path) -> None:
    problem = {**WINE, "dataset": csv(tmp_path, text) | {"target": "label"}}
    path = tmp_path / "asked.yaml"
    path.write_text(yaml.safe_dump({**BASE, "problem": problem}))
    done = call("run", path, "--out", tmp_path / "out", "--jobs", "1")
    assert done.exit_code == 2
    told = " ".join(done.output.split())
    assert "problem.dataset.path: " in told
    assert message.format(path=tmp_path / "own.csv") in told
    assert not (tmp_path / "out").exists()
