"""Where a setting misleads: each caution once, where it is true, and not on what is sound."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rfast_bench.analysis.cautions import ABOUT, ONE_SEED, Caution, misleading
from rfast_bench.analysis.tables import render, summarise
from rfast_bench.plan import registry
from rfast_bench.plan.graphs import unusual
from rfast_bench.plan.registry import names
from rfast_bench.plan.runs import load_points, plan
from rfast_bench.records.reading import find_runs
from rfast_bench.report.content.cautions import about_settings
from rfast_bench.scenario import shipped
from rfast_bench.scenario.sections.topology import TopologySpec
from rfast_bench.study.run import unusual_graph
from tests.support.command_line import call, write

SOUND: dict[str, Any] = {
    "algorithms": [
        {"name": "r-fast", "step_size": 0.05, "topology": "binary-tree"},
        {"name": "ring-allreduce", "step_size": 0.2},
    ],
    "evaluate": {"every": "0.1 s", "targets": {"gap": [0.1]}},
}
FREE = {"network": {"loss": 0.5}}


def told(folder: Path, **changes: Any) -> list[Caution]:
    """The cautions of a run; they stand once in what it prints, in the table's foot and in the report."""
    path = write(folder, **{**SOUND, **changes})
    done = call("run", path, "--out", folder / "out", "--jobs", 1, "--no-plots")
    assert done.exit_code == 0, done.output
    runs = find_runs([folder / "out"])
    rows = summarise(runs)
    found = misleading(runs, rows)
    printed = " ".join(done.stdout.split())
    for one in found:
        assert printed.count(f"Caution: {one.text}") == 1, one
        assert render(runs, "md").count(one.text) == 1
        if one.about != "one seed":
            assert one.text in [finding.text for finding in about_settings(runs, rows)]
    assert {one.about for one in found} <= set(ABOUT)
    return found


def test_a_sound_setting_has_none(tmp_path: Path) -> None:
    assert told(tmp_path) == []


@pytest.mark.parametrize(
    ("changes", "about", "text"),
    [
        (
            {
                "algorithms": [{"name": "ring-allreduce", "step_size": 0.5}],
                "problem": {"kind": "quadratic", "dim": 3, "noise": 0.8},
                "evaluate": {"every": "0.1 s", "targets": {"gap": [0.05]}},
            },
            "left again",
            "ring-allreduce reached gap ≤ 0.05 and did not stay there: the median run ends on the other side.",
        ),
        (FREE, "free losses", "methods that deliver reliably cannot feel any loss"),
        ({"seeds": 1}, "one seed", ONE_SEED),
        (
            {"evaluate": {"every": "0.1 s", "targets": {"gap": [0.1, 1e-20]}}},
            "targets",
            "Nobody reaches gap ≤ 1e-20: nothing is compared by it.",
        ),
        (
            {"evaluate": {"every": "0.1 s", "targets": {"gap": [0.1, 1e9]}}},
            "targets",
            "Everybody is at gap ≤ 1e+09 by the first look after the start",
        ),
        (
            {"evaluate": {"every": "2 s", "targets": {"gap": [0.1]}}},
            "looks",
            "reached gap ≤ 0.1 within 2 looks: the time is no finer than the looks are",
        ),
        (
            {"algorithms": [{"name": "r-fast", "step_size": 0.05, "topology": "star"}]},
            "graph",
            "r-fast runs on star; recommended for r-fast are binary-tree and exponential.",
        ),
        (
            {
                "algorithms": [
                    {"name": "r-fast", "step_size": {"tune": [0.05, 0.06]}},
                    {"name": "ring-allreduce", "step_size": 0.2},
                ],
                "tune": {"objective": {"final": "loss"}, "first_seed": 90, "seeds": 1},
            },
            "untuned",
            "The step of ring-allreduce is given, not tuned as that of r-fast: a difference may be the step's.",
        ),
    ],
    ids=["left again", "free losses", "one seed", "nobody", "everybody", "looks", "graph", "untuned"],
)
def test_what_misleads_is_told(tmp_path: Path, changes: dict[str, Any], about: str, text: str) -> None:
    (one,) = [one for one in told(tmp_path, **changes) if one.about == about]
    assert text in one.text


def test_losses_that_cost_time_are_none(tmp_path: Path) -> None:
    assert told(tmp_path, network={"loss": 0.5, "latency": "1 ms"}) == []


def test_losses_over_links_that_take_time_are_none(tmp_path: Path) -> None:
    for own in ({"latency": "50 ms"}, {"bandwidth": "20 kB/s"}):
        network = {"loss": 0.3, "links": [{"from": 0, "to": 1, **own}]}
        path = write(tmp_path, name=next(iter(own)), network=network, seeds=2, algorithms=SOUND["algorithms"])
        assert call("run", path, "--out", tmp_path, "--jobs", 1, "--no-plots").exit_code == 0
        runs = find_runs([tmp_path / next(iter(own))])
        assert "free losses" not in {one.about for one in misleading(runs, summarise(runs))}


def test_losses_over_links_that_say_they_take_no_time_are_free(tmp_path: Path) -> None:
    links = [{"from": 0, "to": 1, "latency": 0}]
    assert "free losses" in {one.about for one in told(tmp_path, network={"loss": 0.3, "links": links})}


def test_the_default_graph_of_a_class_of_ones_own_is_no_recommendation() -> None:
    kind = registry.find("r-fast")
    star = TopologySpec(kind="star")
    assert "recommended for r-fast are" in unusual("r-fast", kind, star)
    assert unusual("/home/me/mine.py:Mine", kind, star) == ""


def test_graphs_that_are_compared_are_none(tmp_path: Path) -> None:
    both = [{"name": "r-fast", "step_size": 0.05, "topology": kind} for kind in ("star", "line")]
    assert told(tmp_path, algorithms=both) == []


def test_every_method_with_a_graph_has_one_that_is_recommended() -> None:
    from rfast_bench.algorithms import GRAPHS

    assert set(GRAPHS) == {name for name in names() if registry.find(name).default_topology}
    assert all(registry.find(name).default_topology in graphs for name, graphs in GRAPHS.items())


@pytest.mark.parametrize(
    "name", ["quickstart", "real-quickstart", "claim-network-inlet", "exactness", "crash"]
)
def test_graphs_of_shipped_scenarios(name: str) -> None:
    """AD-PSGD on a line, in crash and exactness, is true."""
    runs = plan(load_points(shipped.find(name), ("seeds=1",)))
    kinds = {
        run.algorithm.name: {r.algorithm.topology for r in runs if r.algorithm.name == run.algorithm.name}
        for run in runs
    }
    found = {run.algorithm.name for run in runs if unusual_graph(run) and len(kinds[run.algorithm.name]) == 1}
    assert found == ({"ad-psgd"} if name in ("exactness", "crash") else set())
