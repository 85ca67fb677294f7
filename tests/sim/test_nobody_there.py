"""Looks at a run of which everybody is paused or dead."""

from __future__ import annotations

from typing import Any

import pytest

from rfast_bench.study.run import perform
from tests.support.handmade import make_run


@pytest.mark.parametrize("dead", [False, True])
def test_where_everybody_is_paused_the_paused_are_looked_at(dead: bool) -> None:
    """For longer than the others' patience: nobody is there, and looks go on."""
    faults: list[dict[str, Any]] = [{"kind": "pause", "worker": k, "down": 10, "up": 60} for k in (0, 1)]
    faults += [{"worker": 2, "down": 5, "up": 60}] if dead else [{**faults[0], "worker": 2}]
    over: dict[str, Any] = {"workers": 3, "compute": 1, "evaluate": {"every": 20}, "faults": faults}
    over |= {"network": {"latency": 0.01, "silence_timeout": 5}, "stop": {"time": 100}}
    done = perform(make_run({"name": "r-fast", "step_size": 0.02}, **over), None)
    assert done.manifest["status"] == "finished"
    losses = done.frames["curves"]["loss"]
    assert losses.notna().all()
    assert losses.iloc[1] == pytest.approx(losses.iloc[2], rel=1e-12)
    assert losses.iloc[-1] < losses.iloc[1]
    stalled = perform(make_run({"name": "d-psgd", "step_size": 0.02}, **over), None)
    assert stalled.manifest["status"] == "stalled"
