"""Setting E, shortened: full gradients, label-sorted shards, one straggler, 30 % loss. R-FAST is exact, others not.

`scenarios/exactness.yaml` is the whole of it; here each pair runs until it should be there.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from rfast_bench.cli.commands import main

LABELS = {
    "r-fast-binary-tree": 1000,
    "r-fast-star": 1000,
    "r-fast-line": 2500,
    "r-fast-exponential": 700,
    "r-fast-complete": 800,
}


def run_one(out: Path, label: str, seconds: int) -> pd.DataFrame:
    """The curves of one algorithm of the scenario, stopped after so many simulated seconds."""
    from rfast_bench.plan.runs import load_points

    scenario = load_points(Path("scenarios/exactness.yaml"))[0].scenario
    (own,) = [a for a in scenario.algorithms if a.label == label]
    topology = {"topology": {"kind": own.topology.kind}} if own.topology else {}
    algorithm = {"name": own.name, "label": label, "step_size": own.parameters["step_size"], **topology}
    overrides = [f"algorithms=[{algorithm}]".replace("'", '"'), f"stop.time={seconds} s"]
    arguments = [word for text in overrides for word in ("--set", text)]
    result = CliRunner().invoke(
        main, ["run", "scenarios/exactness.yaml", "--out", str(out), "--jobs", "1", "--no-plots", *arguments]
    )
    assert result.exit_code == 0, result.output
    return pd.read_csv(out / "exactness" / label / "seed-0" / "curves.csv")


@pytest.mark.parametrize("label", LABELS)
def test_r_fast_reaches_the_optimum_and_its_ledger_holds(tmp_path: Path, label: str) -> None:
    """Theorem of the paper for a common root, with σ = 0: linear convergence to the optimum itself."""
    curves = run_one(tmp_path, label, LABELS[label])
    assert abs(curves["gap"].iloc[-1]) < 1e-12
    assert curves["residual"].max() < 1e-10
    assert curves["messages_lost"].iloc[-1] / curves["messages_sent"].iloc[-1] == pytest.approx(0.3, abs=0.02)


def test_r_fast_on_a_directed_ring_is_on_its_way(tmp_path: Path) -> None:
    """It needs 4700 s to 1e-12; in 1500 s the gap falls by more than four orders, and goes on falling."""
    curves = run_one(tmp_path, "r-fast-directed-ring", 1500).set_index("time")["gap"]
    assert curves.loc[1500] < 5e-5
    assert curves.loc[1500] < curves.loc[1000] / 5


@pytest.mark.parametrize("label", ["d-psgd", "osgp", "ad-psgd"])
def test_the_others_stop_at_a_bias(tmp_path: Path, label: str) -> None:
    """The known defect of gossip without tracking under unequal shards: a gap that more time does not close."""
    curves = run_one(tmp_path, label, 1500).set_index("time")["gap"]
    assert curves.loc[750:].min() > 5e-3
    assert curves.loc[1500] > 0.5 * curves.loc[750]


LEAST_SQUARES = """
name: least-squares
workers: 5
problem:
  kind: linear-regression
  dataset: {kind: synthetic-regression, samples: 203, features: 6}
  batch_size: full
compute: {kind: lognormal, mean: 1 s, sigma: 0.3}
stragglers: [{worker: 2, slowdown: 4}]
network: {latency: 100 ms, loss: 0.3}
algorithms: [{name: r-fast, topology: exponential, step_size: 0.3}]
stop: {time: 800 s}
evaluate: {every: 100 s}
"""


def test_r_fast_reaches_the_closed_form_of_least_squares(tmp_path: Path) -> None:
    """The gradient bounds the distance to it: the smallest curvature here is above 1."""
    scenario = tmp_path / "least-squares.yaml"
    scenario.write_text(LEAST_SQUARES)
    arguments = ["run", str(scenario), "--out", str(tmp_path), "--jobs", "1", "--no-plots"]
    assert CliRunner().invoke(main, arguments, catch_exceptions=False).exit_code == 0
    last = pd.read_csv(tmp_path / "least-squares" / "r-fast" / "seed-0" / "curves.csv").iloc[-1]
    assert last["gradient_norm"] < 1e-12
    assert last["consensus"] < 1e-12
    assert abs(last["gap"]) < 1e-15
    assert pd.isna(last["accuracy"])
