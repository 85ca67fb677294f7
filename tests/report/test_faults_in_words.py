"""What a report says of a scenario's faults, and of resolved scenarios that are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from rfast_bench.errors import UserError
from rfast_bench.records.resolved import read_resolved
from rfast_bench.report.content.run_description import sentences
from rfast_bench.scenario.faults.kinds import DRAWN
from tests.support.command_line import call, write


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"kind": "crash", "worker": 1, "down": 2.0, "up": None}, "Worker 1 dies at 2 s."),
        ({"kind": "pause", "worker": 1, "down": 2.0, "up": 2.5}, "Worker 1 is stopped from 2 s to 2.5 s."),
        ({"kind": "pause", "worker": 1, "down": 2.0, "up": None}, "Worker 1 is stopped from 2 s on."),
        (
            {"kind": "link", "links": [[0, 1], [2, 1]], "both": False, "down": 1.0, "up": 2.0},
            "The links 0→1 and 2→1 are down from 1 s to 2 s.",
        ),
        (
            {"kind": "partition", "groups": [[0, 1], [2]], "down": 1.0, "up": 2.0},
            "The network is split into 0 and 1 | 2 from 1 s to 2 s.",
        ),
        (
            {"kind": "burst", "links": None, "loss": 0.5, "down": 1.0, "up": 2.0},
            "50 % of messages are lost from 1 s to 2 s.",
        ),
        (
            {"kind": "corrupt", "links": [[0, 1]], "share": 0.1, "down": 1.0, "up": 2.0},
            "10 % of messages over 1 link arrive spoilt and are dropped from 1 s to 2 s.",
        ),
        (
            {"kind": "duplicate", "share": 0.1, "delay": 0.0, "down": 1.0, "up": 2.0},
            "10 % of messages arrive twice from 1 s to 2 s.",
        ),
        (
            {"kind": "random", "rate": 0.002, "lasts": 1.5, "until": 60.0, "kinds": ["pause", "isolation"]},
            "Faults are drawn at random (pauses and isolations): one every 500 s at each worker, on average, "
            "each for 1.5 s on average, until 60 s.",
        ),
    ],
)
def test_every_kind_of_fault_is_said(fault: dict[str, Any], said: str) -> None:
    assert said in sentences({"faults": [fault]}, {}, [0])


def test_all_kinds_of_faults_are_said_of_a_run(tmp_path: Path) -> None:
    """As their records have them, not as this file thinks."""
    span = {"down": 0.5, "up": 1.0}
    faults: list[dict[str, Any]] = [
        {"worker": 0, **span},
        {"kind": "pause", "worker": 1, **span},
        {"kind": "link", "links": [[0, 1]], **span},
        {"kind": "partition", "groups": [[0, 1], [2]], **span},
        {"kind": "burst", **span},
        {"kind": "corrupt", "share": 0.1, **span},
        {"kind": "duplicate", "share": 0.1, **span},
        {"random": {"rate": "1 / 2 s", "lasts": "0.1 s"}},
    ]
    assert {fault.get("kind", "crash") for fault in faults[:-1]} == {*DRAWN} - {"isolation"}
    network = {"latency": "1 ms", "silence_timeout": "100 ms"}
    drawn = {"random": {"rate": "1 / 2 s", "lasts": "0.1 s", "kinds": [*DRAWN]}}
    for name, given in (("told", faults[:-1]), ("drawn", drawn)):
        path = write(
            tmp_path,
            name=name,
            faults=given,
            network=network,
            seeds=1,
            algorithms=[{"name": "r-fast", "step_size": 0.05}],
        )
        assert call("run", path, "--out", tmp_path, "--no-plots", "--jobs", 1).exit_code == 0
        done = call("report", tmp_path / name, "-o", tmp_path / f"{name}.html")
        assert done.exit_code == 0, done.output
    text = (tmp_path / "told.html").read_text(encoding="utf-8")
    for words in (
        "Worker 0 dies at 500 ms",
        "worker 1 is stopped",
        "0–1 is down",
        "split into 0 and 1 | 2 | the others",
    ):
        assert words in text
    assert "Faults are drawn at random (deaths, pauses" in (tmp_path / "drawn.html").read_text(
        encoding="utf-8"
    )


@pytest.mark.parametrize(
    ("content", "where"),
    [
        ({"network": {"retransmit_timeout": "soon"}}, "network.retransmit_timeout"),
        ({"network": {"latency": {"kind": "constant", "mean": [1]}}}, "network.latency.mean"),
        ({"network": {"loss": {"kind": "gilbert-elliott"}}}, "network.loss"),
        ({"network": [1]}, "network"),
        ({"stop": {"time": True}}, "stop.time"),
        ({"stragglers": [{"worker": 1, "kind": "periodic"}]}, "stragglers.0"),
        ({"faults": [{"down": "x"}]}, "faults.0.down"),
        ({"faults": {"a": 1}}, "faults"),
        ({"compute": [1, 2]}, "compute"),
        ({"problem": "x"}, "problem"),
        ({"problem": {"kind": "mlp", "dataset": 3}}, "problem.dataset"),
        ({"problem": {"kind": "mlp", "partition": "iid"}}, "problem.partition"),
        ({"problem": {"kind": "mlp", "hidden": 3}}, "problem.hidden"),
        ({"algorithms": ["r-fast"]}, "algorithms.0"),
    ],
)
def test_a_resolved_scenario_of_other_types_is_refused(
    content: dict[str, Any], where: str, tmp_path: Path
) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(UserError, match=f"this is no resolved scenario: {where}"):
        read_resolved(path)


def test_a_file_of_ones_own_is_named(tmp_path: Path) -> None:
    problem = {"kind": "linear-regression", "dataset": {"kind": "csv", "path": "/data/patients.csv"}}
    (first, *_) = sentences({"workers": 2, "problem": problem}, {}, [0])
    assert first == "2 workers fit linear regression to patients.csv."


def test_what_a_problem_of_ones_own_has_is_its_own_affair(tmp_path: Path) -> None:
    for kind in ("mine.py:Sums", "Sums"):  # of a file, of an installed package
        problem = {"kind": kind, "dataset": "rows.csv", "partition": 3, "hidden": "none"}
        path = tmp_path / "scenario.yaml"
        path.write_text(yaml.safe_dump({"workers": 2, "problem": problem}))
        (first, *_) = sentences(read_resolved(path), {}, [0])
        assert first == "2 workers minimise Sums (dataset rows.csv, hidden none, partition 3)."
