"""`scenarios/fashion.yaml` in small: fewer images, one epoch, two methods with a step that tuning found."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tests.support.command_line import call
from tests.support.fashion import needs_fashion

SMALL = (
    *("problem.dataset.limit=1200", "stop.epochs=2", "evaluate.every=1 epoch", "seeds=1", "tune=null"),
    "schedule={drops: {1: 0.1, 1.6: 0.1}}",
    "algorithms=[{name: r-fast, topology: exponential, step_size: {effective: 0.2}},"
    " {name: ring-allreduce, step_size: {effective: 0.2}}]",
)


def test_a_network_learns_fashion_with_momentum_and_a_schedule(tmp_path: Path) -> None:
    needs_fashion()
    overrides = [part for change in SMALL for part in ("--set", change)]
    done = call("run", "fashion", *overrides, "--out", tmp_path, "--jobs", "1", "--no-plots")
    assert done.exit_code == 0, done.output
    table = pd.read_csv(tmp_path / "fashion" / "table.csv").set_index("label")
    assert (table["final_accuracy"] > 0.4).all()
    assert (table["seeds"] == 1).all()
