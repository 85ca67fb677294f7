"""Pauses, partitions and bad spells on real processes: the same schedule, by signals and by the transport."""

from __future__ import annotations

from typing import Any

import pytest

from tests.real.test_real_faults import play

pytestmark = [pytest.mark.timeout(150)]

SCHEDULE: list[dict[str, Any]] = [
    {"kind": "pause", "worker": 3, "down": "1 s", "up": "2500 ms"},
    {"kind": "partition", "groups": [[0, 1]], "down": "3500 ms", "up": "6 s"},
    {"kind": "duplicate", "share": 0.3, "delay": "5 ms", "down": "6 s", "up": "8 s"},
    {"kind": "corrupt", "share": 0.3, "down": "6 s", "up": "8 s"},
]


def test_r_fast_lives_through_them() -> None:
    outcome, _, models = play(SCHEDULE, 20)
    assert outcome.stopped_by == "time"
    curves = outcome.frames["curves"].set_index("time")
    assert len(models) == 6
    assert abs(curves["gap"].iloc[-1]) < 1e-8
    assert curves["gap"].loc[6.0] > 1e-4  # two sides, each with its own optimum
    assert curves["residual"].iloc[-1] < 1e-12
    transport = outcome.notes["real"]["transport"]
    assert sum(one["refused"].get("checksum", 0) for one in transport) > 10
    assert outcome.notes["real"]["deaths"] == []
    assert [fault["kind"] for fault in outcome.notes["faults"]] == [
        "pause",
        "partition",
        "duplicate",
        "corrupt",
    ]


@pytest.mark.parametrize("name", ["ring-allreduce", "d-psgd"])
def test_a_synchronous_method_is_ended_as_stalled(name: str) -> None:
    topology = {"topology": "line"} if name == "d-psgd" else {}
    pause = {"kind": "pause", "worker": 3, "down": "1 s"}
    outcome, *_ = play([pause], 60, {"name": name, "step_size": 0.05, **topology})
    assert outcome.stopped_by == "stalled"
    assert "worker 3 paused at 1 s" in outcome.reason
    assert outcome.frames["curves"]["time"].iloc[-1] < 15


def test_where_everybody_is_paused_looks_go_on() -> None:
    """For longer than the others' patience: nobody is there, and the paused are looked at."""
    pauses = [{"kind": "pause", "worker": k, "down": "1 s", "up": "4 s"} for k in range(6)]
    outcome, *_ = play(pauses, 8)
    assert outcome.stopped_by == "time"
    curves = outcome.frames["curves"]
    assert curves["loss"].notna().all()
    assert curves["gap"].iloc[-1] < curves["gap"].iloc[1]
