"""Calibration: fits of given numbers, what the written scenario keeps and changes, and one short measurement."""

from __future__ import annotations

import math
from array import array
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from rfast_bench.cli.commands import main
from rfast_bench.errors import UserError
from rfast_bench.plan.runs import load_points
from rfast_bench.real.calibration import calibrated_scenario, fits
from rfast_bench.real.calibration.fits import Line
from rfast_bench.real.calibration.measure import LARGE, Measured, compute_times, own_times, sizes, unhindered
from rfast_bench.real.samples.kept_models import SavedModels
from rfast_bench.real.samples.results import Result
from rfast_bench.records.reading import find_runs
from rfast_bench.scenario.schema import Scenario, load
from rfast_bench.scenario.sections.compute import times_of
from rfast_bench.scenario.sections.network import CollectiveSpec, NetworkSpec

BASE: dict[str, Any] = {
    "name": "measured",
    "world": "real",
    "workers": 3,
    "problem": {"kind": "quadratic", "dim": 4},
    "compute": "20 ms",
    "stragglers": [{"worker": 1, "slowdown": 4}],
    "network": {
        "loss": 0.2,
        "latency": "2 ms",
        "links": [{"from": 0, "to": 1, "latency": "9 ms", "loss": 0.5}],
    },
    "algorithms": [
        {"name": "r-fast", "step_size": 0.05, "topology": "line"},
        {"name": "ring-allreduce", "step_size": 0.2},
    ],
    "stop": {"time": "1 s"},
    "evaluate": {"every": "100 ms", "targets": {"gap": [0.1]}},
}
SLOW = Measured(
    compute=np.array([0.020, 0.022]),
    latencies=np.array([0.001, 0.003]),
    message=Line(0.001, 1e9),
    hop=Line(0.0015, math.inf),
    model_bytes=32,
    late=0.01,
)


def write(folder: Path, **changes: Any) -> Path:
    path = folder / "scenario.yaml"
    path.write_text(yaml.safe_dump({**BASE, **changes}))
    return path


def scenario_of(**changes: Any) -> Scenario:
    return Scenario.model_validate({**BASE, **changes})


NO_MODELS = SavedModels(Path(), "f8", (1,), np.zeros(0, np.int64))


def worker(asked: list[float], done: list[float], planned: float = 0.02, work: float = 0.005) -> Result:
    arrays = {
        "asked": array("d", asked),
        "done": array("d", done),
        "planned": [planned] * len(done),
        "work": [work] * len(done),
    }
    return Result(0, {name: np.array(values) for name, values in arrays.items()}, NO_MODELS, {})


# ------------------------------------------------------------------------------------------------- fits
def test_a_line_through_two_sizes() -> None:
    found = fits.line((1000, 0.002), (101_000, 0.003))
    assert found.bandwidth == pytest.approx(1e8)
    assert found.latency == pytest.approx(0.002 - 1000 / 1e8)
    assert fits.line((101_000, 0.003), (1000, 0.002)) == found
    assert fits.line((10, 0.002), (1000, 0.001)) == Line(0.002, math.inf)


def test_what_an_iteration_costs_beyond_its_gradient() -> None:
    results = [worker([0.0, 0.021, 0.043], [0.0205, 0.042]), worker([0.0, 0.024], [0.023, 0.045])]
    assert fits.overheads(results) == pytest.approx([0.001, 0.002, 0.004])
    assert fits.true_times(results) == pytest.approx([0.0055, 0.006, 0.006])


def test_compute_times_hold_the_scenarios_own_draws_and_the_overhead() -> None:
    results = [worker([0.0, 0.021, 0.043], [0.0205, 0.042])]
    drawn = compute_times(scenario_of(), results)
    assert set(np.round(drawn, 9)) == {0.021, 0.022}
    measured = compute_times(scenario_of(real={"compute": "measured"}), results)
    assert set(np.round(measured, 9)) == {0.0055, 0.006}


def test_workers_with_times_of_their_own_keep_them_in_the_counterpart() -> None:
    """Overheads are of all workers; what an iteration costs beside its gradient is in `fixed`."""
    laws = [{"kind": "constant", "mean": mean, "samples": 8, "fixed": 0.01} for mean in (0.02, 0.04, 0.06)]
    scenario = scenario_of(workers=3, compute=laws)
    results = [worker([0.0, 0.021, 0.043], [0.0205, 0.042])]
    own = own_times(scenario, results, 16)
    assert [set(np.round(times, 9)) for times in own] == [{0.031, 0.032}, {0.071, 0.072}, {0.111, 0.112}]
    measured = Measured(
        np.concatenate(own), *(SLOW.latencies, SLOW.message, SLOW.hop, 32, 0.0), own, 16, 0.0015
    )
    said, columns = calibrated_scenario.compute_of(scenario, measured, "x.csv")
    assert [one["column"] for one in said] == list(columns) == ["compute_0", "compute_1", "compute_2"]
    assert {(one["samples"], one["fixed"]) for one in said} == {(16, 0.0115)}
    assert own_times(scenario_of(), results, None) == ()


def test_the_ring_takes_all_its_hops_after_the_last_worker_is_ready() -> None:
    assert fits.ring_finish(np.zeros(4), 0.5) == pytest.approx(np.full(4, 3.0))
    late = fits.ring_finish(np.array([0.0, 10.0, 0.0]), 1.0)
    assert late == pytest.approx(
        [12.0, 13.0, 14.0]
    )  # 4 hops; the late one waits for its own chunk to come round


@pytest.mark.parametrize("slowdown", [1, 4])
def test_the_fitted_hop_gives_back_the_measured_period(slowdown: int) -> None:
    scenario = scenario_of(stragglers=[{"worker": 1, "slowdown": slowdown}])
    compute = np.random.default_rng(0).normal(0.02, 0.001, 3 * 50)

    def period(hop: float) -> float:
        return fits.ring_period(scenario, compute, hop)

    assert fits.hop_for(period(0.0015), period) == pytest.approx(0.0015, rel=1e-4)
    assert fits.hop_for(0.5 * period(0.0), period) == 0.0


def test_rounds_are_those_that_all_have_completed() -> None:
    results = [worker([0.0, 1.0, 2.0], [0.5, 1.5]), worker([0.0, 1.2, 2.4, 3.0], [0.5, 1.5, 2.5])]
    rounds, period = fits.rounds_of(results)
    assert rounds == 2
    assert period == pytest.approx(1.1)


def test_a_small_model_is_measured_beside_a_large_message_and_a_large_one_beside_a_small() -> None:
    assert sizes(650, 8) == (650, LARGE // 8)
    assert sizes(1_000_000, 4) == (1_000_000, 125_000)


def test_only_asynchronous_algorithms_that_apply_show_what_an_iteration_costs(tmp_path: Path) -> None:
    odd = [*BASE["algorithms"], {"name": "ad-psgd", "step_size": 0.1, "topology": "ring"}]
    (point,) = load_points(write(tmp_path, algorithms=odd))
    assert [a.label for a in unhindered(point)] == ["r-fast"]


# --------------------------------------------------------------------------------------- the counterpart
def test_the_longer_of_injected_and_measured_counts() -> None:
    network, columns = calibrated_scenario.network_of(scenario_of(), SLOW, "x.csv")
    assert columns["latency"] == pytest.approx([0.002, 0.003])
    assert columns["latency_0"] == pytest.approx([0.009, 0.009])
    assert network["bandwidth"] == 1e9
    hop = network["collective"]
    assert (hop["latency"], hop["loss"]["probability"]) == (0.002, 0.2)
    (link,) = network["links"]
    assert link["loss"]["probability"] == 0.5
    assert link["latency"] == {"kind": "empirical", "path": "x.csv", "column": "latency_0"}
    narrow = scenario_of(network={"bandwidth": "1 MB/s"})
    assert calibrated_scenario.network_of(narrow, SLOW, "x.csv")[0]["bandwidth"] == 1e6
    drawn = scenario_of(network={"latency": {"kind": "lognormal", "mean": 0.01, "sigma": 0.5}})
    hops, columns = calibrated_scenario.network_of(drawn, SLOW, "x.csv")
    assert hops["collective"] == {"latency": {"kind": "empirical", "path": "x.csv", "column": "latency_hop"}}
    assert columns["latency_hop"].min() >= 0.0015
    assert columns["latency_hop"].max() > 0.003
    still = scenario_of(network={})
    assert calibrated_scenario.network_of(still, SLOW, "x.csv")[0]["collective"] == {"latency": 0.0015}
    heavy = scenario_of(network={"message_bytes": 3200})
    assert calibrated_scenario.network_of(heavy, SLOW, "x.csv")[0]["bandwidth"] == 1e11


def test_everything_else_stays(tmp_path: Path) -> None:
    new = calibrated_scenario.counterpart(BASE, "measured", {"kind": "x"}, {"latency": 1})
    assert list(new) == ["name", "world", *[key for key in BASE if key not in ("name", "world")]]
    assert new["name"] == "measured-calibrated"
    assert new["world"] == "simulated"
    assert new["network"] == {**BASE["network"], "latency": 1}
    same = ("workers", "problem", "stragglers", "algorithms", "stop", "evaluate")
    assert all(new[key] == BASE[key] for key in same)


def test_relative_paths_are_seen_from_the_new_folder(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for name in ("graph.txt", "mine.py"):
        (tmp_path / name).touch()
    raw = {"algorithms": [{"name": "mine.py:Mine", "topology": {"edges": "graph.txt"}}], "path": "gone.csv"}
    new = calibrated_scenario.rebased(raw, tmp_path, tmp_path / "there")
    assert new == {
        "algorithms": [{"name": "../mine.py:Mine", "topology": {"edges": "../graph.txt"}}],
        "path": "gone.csv",
    }


def test_a_busy_machine_is_told_in_the_file() -> None:
    busy = Measured(SLOW.compute, SLOW.latencies, SLOW.message, SLOW.hop, 32, late=0.2)
    assert "VOID: gradients were late by 20 %" in calibrated_scenario.head(scenario_of(), busy, 5)
    assert "VOID" not in calibrated_scenario.head(scenario_of(), SLOW, 5)


@pytest.mark.parametrize(
    ("changes", "name", "words"),
    [
        (
            {"sweep": {"compute.mean": ["1 s"]}},
            "new.yaml",
            "sweep.compute.mean: calibration measures one value",
        ),
        ({"sweep": {"workers": [3, 4]}}, "new.yaml", "sweep.workers"),
        ({}, "scenario.yaml", "another .yaml file"),
        ({}, "new.txt", "another .yaml file"),
        ({}, "nowhere/new.yaml", "there is no folder"),
        ({"workers": 1, "stragglers": [], "network": {}}, "new.yaml", "no link to calibrate"),
    ],
)
def test_what_is_refused(tmp_path: Path, changes: dict[str, Any], name: str, words: str) -> None:
    source = write(tmp_path, **changes)
    with pytest.raises(UserError, match=words):
        calibrated_scenario.calibrate(source, (), tmp_path / name, 1.0, lambda line: None)


# -------------------------------------------------------------------------------------- hops of their own
def test_a_collective_has_hops_of_its_own() -> None:
    own = NetworkSpec.model_validate({"latency": "1 s", "loss": 0.5, "collective": {"latency": "2 ms"}})
    assert isinstance(own.collective, CollectiveSpec)
    assert own.hop(0, 1).latency.mean == 0.002
    assert own.hop(0, 1).loss == CollectiveSpec().loss
    plain = NetworkSpec.model_validate({"latency": "1 s", "loss": 0.5})
    assert plain.hop(0, 1) == plain.link(0, 1)


def test_the_simulated_ring_goes_over_them(tmp_path: Path) -> None:
    """Two gradients of 20 ms, and 2(n - 1) = 4 hops of 5 ms each: 80 ms; loss and links touch messages only."""
    network = {"latency": "1 s", "loss": 0.9, "collective": {"latency": "5 ms"}}
    changes = {"network": network, "stragglers": [], "stop": {"iterations": 2}, "world": "simulated"}
    path = write(tmp_path, **changes, algorithms=BASE["algorithms"][1:])
    arguments = ["run", str(path), "--out", str(tmp_path / "out"), "--no-plots", "--jobs", "1"]
    assert CliRunner().invoke(main, arguments, catch_exceptions=False).exit_code == 0
    (run,) = find_runs([tmp_path / "out"])
    assert run.curves()["time"].iloc[-1] == pytest.approx(0.08)


# ------------------------------------------------------------------------------------------ for real, short
def test_a_short_calibration_writes_a_scenario_that_runs(tmp_path: Path) -> None:
    out = tmp_path / "calibrated.yaml"
    source = write(tmp_path, workers=2, network={"loss": 0.2}, stragglers=[{"worker": 1, "slowdown": 2}])
    arguments = ["calibrate", str(source), "-o", str(out), "--seconds", "5"]
    done = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert out.read_text().startswith(
        "# Simulated counterpart of 'measured': 2 workers, emulated compute times."
    )
    assert str(tmp_path) not in out.read_text()
    new = load(out)
    assert new.world == "simulated"
    assert new.network.loss == load(source).network.loss
    assert new.stragglers == load(source).stragglers
    assert times_of(new.compute, 0).draw(np.random.default_rng(0), 100).min() >= 0.02
    assert new.network.collective is not None
    arguments = ["run", str(out), "--out", str(tmp_path / "out"), "--no-plots", "--jobs", "1"]
    assert CliRunner().invoke(main, arguments, catch_exceptions=False).exit_code == 0
    assert [run.status for run in find_runs([tmp_path / "out"])] == ["finished"] * 2


def test_a_matrix_of_latencies_stays_what_it_is() -> None:
    """Beside it the scenario may not say `latency`, so the counterpart must not."""
    given = {**BASE, "network": {"latency_matrix": "sites.csv"}}
    new = calibrated_scenario.counterpart(given, "measured", {"kind": "x"}, {"latency": 1, "bandwidth": 2})
    assert new["network"] == {"latency_matrix": "sites.csv", "bandwidth": 2}
