"""What each method does while a worker is paused, its pivot or root is, the network is split, or a worker is dead for
good: the table of docs/simulated-world.md, method by method."""

from __future__ import annotations

from typing import Any

import pytest

from rfast_bench.plan import registry
from tests.support.handmade import make_run, simulate_run

FAULTS: dict[str, dict[str, Any]] = {
    "a worker paused": {"kind": "pause", "worker": 3, "down": 50},
    "worker 0 paused": {"kind": "pause", "worker": 0, "down": 50},
    "split": {"kind": "partition", "groups": [[0, 1]], "down": 50},
    "a worker dead": {"worker": 3, "down": 50},
}
ON, OVER, LOST = "time", "stalled", "diverged"
WHAT = {  # in the order of FAULTS; worker 0 is the pivot, and the root of a tree
    "r-fast": (ON, ON, ON, ON),
    "r-fast-one-peer": (ON, ON, ON, ON),
    "adsgd": (ON, ON, ON, ON),
    "ring-allreduce": (OVER, OVER, OVER, OVER),
    "local-sgd": (OVER, OVER, OVER, OVER),
    "d-psgd": (OVER, OVER, OVER, OVER),
    "s-ab": (OVER, OVER, OVER, OVER),
    "osgp": (OVER, OVER, OVER, OVER),
    "ad-psgd": (ON, ON, ON, OVER),
    "async-sgd": (ON, OVER, ON, OVER),
    "m-sync": (ON, OVER, OVER, OVER),
    "fragile": (ON, ON, ON, OVER),
    "amelie": (ON, ON, ON, OVER),
    "rasgp": (LOST, LOST, LOST, OVER),
}
MORE: dict[str, dict[str, Any]] = {"ad-psgd": {"topology": "line"}, "m-sync": {"m": 4}}


def test_every_method_is_in_the_table() -> None:
    assert set(WHAT) == set(registry.names())


@pytest.mark.parametrize("name", WHAT)
def test_what_it_does(name: str) -> None:
    found = []
    for fault in FAULTS.values():
        run = make_run(
            {"name": name, "step_size": 0.01, **MORE.get(name, {})},
            workers=5,
            problem={"kind": "quadratic", "dim": 3, "noise": 0},
            network={"latency": 0.2, "silence_timeout": 20},
            faults=[fault],
            stop={"time": 200},
            evaluate={"every": 10},
        )
        outcome = simulate_run(run).outcome
        found.append(outcome.stopped_by)
        assert outcome.stopped_by != OVER or outcome.reason.endswith("at 50 s"), outcome.reason
    assert tuple(found) == WHAT[name]
