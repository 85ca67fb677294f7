"""Simulated against real: the numbers side by side by hand, the order, and what cannot be compared."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from click.testing import CliRunner

from rfast_bench.analysis.both_worlds import find_both
from rfast_bench.analysis.tables import render as render_table
from rfast_bench.analysis.tables import summarise
from rfast_bench.analysis.worlds_compared import compare, measure, same_order
from rfast_bench.analysis.worlds_compared_text import render
from rfast_bench.cli.commands import main
from rfast_bench.errors import UserError
from rfast_bench.figures.plots import draw
from rfast_bench.plan.runs import load_points, plan
from rfast_bench.records.reading import find_runs
from rfast_bench.records.writing import amend
from rfast_bench.study.scenario import world_by_world
from tests.support.synthetic_records import N, curves_table, save, unsealed

LENGTH = 8.0


def put(out: Path, label: str, world: str, reached: float, gradients: int = 100, **more: Any) -> Path:
    """A run of 8 s whose gap falls to 0.05 at the time `reached`; worker 2 did a quarter of the gradients."""
    time = np.arange(0.0, LENGTH + 0.5, 0.5)
    gap = np.where(time >= reached, 0.05, 1.0)
    folder = save(
        *(out, label, more.pop("seed", 0), curves_table(time, gap)),
        **{"world": world, "targets": {"gap": [0.1]}, "busy": LENGTH - 1.0, "waiting": 1.0, **more},
    )
    workers = pd.read_csv(folder / "workers.csv")
    workers["gradients"] = [gradients // 4 if worker == 2 else gradients for worker in range(N)]
    workers.to_csv(folder / "workers.csv", index=False)
    (folder / "staleness.csv").write_text("worker,staleness,count\n0,0,3\n1,2,1\n")
    return unsealed(folder)


@pytest.fixture
def both(tmp_path: Path) -> tuple[Path, Path]:
    simulated, real = tmp_path / "s", tmp_path / "r"
    for label, order, (sim, true) in (("fast", 0, (1.0, 2.0)), ("slow", 1, (3.0, 4.0))):
        put(simulated, label, "simulated", sim, 100, order=order)
        put(real, label, "real", true, 80, order=order)
    return simulated, real


def row_of(frame: pd.DataFrame, label: str) -> pd.Series[Any]:
    return frame[frame["label"] == label].iloc[0]


# ---------------------------------------------------------------------------------------------- numbers
def test_one_runs_numbers_by_hand(tmp_path: Path) -> None:
    put(tmp_path, "fast", "real", 2.0, 80)
    numbers = measure(find_runs([tmp_path])[0])
    assert numbers["iteration_median"] == pytest.approx(LENGTH / 80)
    assert numbers["iteration_mean"] == pytest.approx(((N - 1) * LENGTH / 80 + LENGTH / 20) / N)
    assert numbers["time_to_gap_0.1"] == 2.0
    assert numbers["final_gap"] == 0.05
    assert numbers["staleness"] == pytest.approx(2 * 1 / 4)


def test_errors_are_relative_to_the_real_run(both: tuple[Path, Path]) -> None:
    row = row_of(compare(find_both(*both)), "fast")
    assert row["iteration_median_error_percent"] == pytest.approx(100 * (80 / 100 - 1))
    assert row["time_to_gap_0.1_error_percent"] == pytest.approx(-50)
    assert row["time_to_gap_0.1_simulated"] == 1.0
    assert row["time_to_gap_0.1_real"] == 2.0
    assert row["status"] == "ok"


def test_of_several_seeds_the_median_counts_and_never_is_the_longest_time(tmp_path: Path) -> None:
    for seed, reached in enumerate((1.0, 99.0, 2.0)):
        put(tmp_path / "s", "fast", "simulated", reached, seed=seed)
        put(tmp_path / "r", "fast", "real", (1.0, 99.0, 99.0)[seed], seed=seed)
    row = row_of(compare(find_both(tmp_path / "s", tmp_path / "r")), "fast")
    assert row["time_to_gap_0.1_simulated"] == 2.0
    assert math.isinf(row["time_to_gap_0.1_real"])


# ------------------------------------------------------------------------------------------------ order
def test_equal_times_are_no_order_and_never_comes_last() -> None:
    never = math.inf
    assert same_order([1, 2, 3], [10, 20, 30]) is True
    assert same_order([1, 2, 2], [10, 20, 20]) is True
    assert same_order([1, never], [2, never]) is True
    assert same_order([1, 2, 3], [10, 30, 20]) is False
    assert same_order([1, never], [never, 1]) is False
    assert same_order([1, 1, 3], [2, 1, 3]) is None
    assert same_order([1, never, never], [1, 5, never]) is None
    assert same_order([1, 1], [1, 1]) is None
    assert same_order([never, never], [never, never]) is None


def test_the_order_is_told_target_by_target(both: tuple[Path, Path]) -> None:
    simulated, real = both
    assert "Order by time to gap 0.1: the same in both worlds." in " ".join(
        render(find_both(*both), "md").split()
    )
    put(real, "slow", "real", 1.5)
    frame = compare(find_both(*both))
    assert not frame["same_order_gap_0.1"].any()
    told = render(find_both(simulated, real), "md")
    assert "fast < slow in the simulated world; slow < fast in the real world" in told


@pytest.mark.parametrize(
    ("simulated", "real", "said"),
    [
        ((1, 2), (3, 4), "the same in both worlds"),
        ((1, 99), (3, 99), "the same in both worlds"),
        ((1, 1, 2), (3, 3, 4), "the same in both worlds, a = b < c"),
        ((1, 99, 99), (3, 99, 99), "the same in both worlds, a, not reached by b and c"),
        ((99, 99), (99, 99), "nobody reached it in either world"),
        ((1, 1), (4, 4), "a and b are together in both worlds"),
        ((2, 1), (4, 4), "b < a in the simulated world; a and b are together in the real world"),
        ((1, 2), (99, 99), "a < b in the simulated world; nobody reached it in the real world"),
        (
            (99, 2),
            (3, 99),
            "b, not reached by a in the simulated world; a, not reached by b in the real world",
        ),
    ],
)
def test_only_an_order_can_be_the_same(
    tmp_path: Path, simulated: tuple[float, ...], real: tuple[float, ...], said: str
) -> None:
    for world, times in (("simulated", simulated), ("real", real)):
        for order, (label, time) in enumerate(zip("abc", times, strict=False)):
            put(tmp_path, label, world, time, order=order, scenario=f"in-{world}")
    told = render(find_both(tmp_path, tmp_path), "md")
    assert f"Order by time to gap 0.1: {said}." in told


# ------------------------------------------------------------------------------------- what does not match
def test_a_label_of_one_world_is_shown_and_told(both: tuple[Path, Path]) -> None:
    put(both[0], "extra", "simulated", 1.0)
    row = row_of(compare(find_both(*both)), "extra")
    assert row["status"] == "no real run"
    assert math.isnan(row["iteration_mean_error_percent"])
    assert "no real run" in render(find_both(*both), "terminal", 140)


def test_a_void_run_has_no_numbers_but_a_reason(both: tuple[Path, Path]) -> None:
    put(both[1], "slow", "real", 4.0, status="void", reason="late")
    row = row_of(compare(find_both(*both)), "slow")
    assert row["status"] == "real void: late"
    assert math.isnan(row["iteration_mean_real"])
    assert "fewer than two" in render(find_both(*both), "md")


def test_a_target_that_is_not_reached_has_no_error(both: tuple[Path, Path]) -> None:
    put(both[1], "slow", "real", 99.0)
    assert math.isnan(row_of(compare(find_both(*both)), "slow")["time_to_gap_0.1_error_percent"])
    assert "| > 8 " in render(find_both(*both), "md"), "stopped after 8 s"
    put(both[1], "slow", "real", 99.0, status="stalled", reason="worker 3 died")
    assert "| not reached " in render(find_both(*both), "md"), "never"


def test_a_counterpart_may_have_a_name_of_its_own(both: tuple[Path, Path]) -> None:
    simulated, real = both
    for manifest in simulated.rglob("manifest.json"):
        amend(manifest.parent, scenario="stragglers-calibrated")
    frame = compare(find_both(simulated, real))
    assert list(frame["scenario"].unique()) == ["stragglers"]
    assert list(frame["status"]) == ["ok", "ok"]


def test_sweep_points_are_compared_one_by_one(tmp_path: Path) -> None:
    for loss in (0.0, 0.3):
        for world in ("simulated", "real"):
            put(tmp_path / world, "fast", world, 1.0 + loss * 10, point={"network.loss": loss})
    frame = compare(find_both(tmp_path, tmp_path))
    assert list(frame["point.network.loss"]) == [0.0, 0.3]
    assert "loss = 0.3: Order" in render(find_both(tmp_path, tmp_path), "md")


def test_nothing_in_common_is_an_error(tmp_path: Path) -> None:
    put(tmp_path / "s", "one", "simulated", 1.0)
    put(tmp_path / "r", "two", "real", 1.0)
    with pytest.raises(UserError, match="nothing to compare: simulated one; real two"):
        compare(find_both(tmp_path / "s", tmp_path / "r"))
    for name in ("other", "another"):
        put(tmp_path / "q", "one", "simulated", 1.0, scenario=name)
    with pytest.raises(UserError, match="scenarios simulated another, other; real stragglers"):
        compare(find_both(tmp_path / "q", tmp_path / "r"))


def test_a_missing_world_is_an_error(tmp_path: Path) -> None:
    put(tmp_path, "one", "simulated", 1.0)
    done = CliRunner().invoke(main, ["compare", str(tmp_path), str(tmp_path)])
    assert done.exit_code == 2
    assert "no real run; 1 of another world" in done.output


def test_what_was_tuned_at_the_edge_is_marked(tmp_path: Path) -> None:
    for world in ("simulated", "real"):
        put(tmp_path / world, "fast", world, 1.0, tuned={"step_size": {"value": 1, "edge": True}})
    text = render(find_both(tmp_path, tmp_path), "md")
    assert text.count("| fast † ") == 3
    assert "tuned at the edge (step_size)" in text
    assert "†: tuned at the edge" in text


def heading_of_quality(text: str) -> str:
    return next(line for line in text.splitlines() if "final" in line)


def test_without_gaps_the_losses_and_accuracies_of_both_worlds_stand_there(tmp_path: Path) -> None:
    for world, end in (("simulated", 0.6), ("real", 0.7)):
        curves = curves_table([0, 1], [math.nan] * 2, loss=[2, 1.25], accuracy=[0.1, end])
        save(tmp_path / world, "a", curves=curves, world=world, targets={"accuracy": [0.9]})
    runs = find_both(tmp_path, tmp_path)
    told = render(runs, "md")
    assert "final gap" not in told
    assert "staleness" not in heading_of_quality(told), "nobody read a message"
    for value in ("1.25", "0.6", "0.7"):
        assert value in told.split("How well")[1]
    row = compare(runs).iloc[0]
    assert (row["final_loss_simulated"], row["final_accuracy_real"]) == (1.25, 0.7)


def test_with_gaps_losses_are_left_to_the_csv(both: tuple[Path, Path]) -> None:
    heading = heading_of_quality(render(find_both(*both), "md"))
    assert "final gap real" in heading
    assert "staleness real" in heading
    assert not {"loss", "accuracy"} & set(heading.split())
    assert compare(find_both(*both))["final_loss_real"].tolist() == pytest.approx([0.25, 0.25])


# ---------------------------------------------------------------------------------------------- the command
@pytest.mark.parametrize("style", ["terminal", "md", "csv"])
def test_the_command_prints_each_format(both: tuple[Path, Path], style: str) -> None:
    done = CliRunner().invoke(main, ["compare", *map(str, both), "--format", style], catch_exceptions=False)
    assert done.exit_code == 0
    if style == "csv":
        frame = pd.read_csv(io.StringIO(done.output))
        assert list(frame["label"]) == ["fast", "slow"]
        assert frame["iteration_mean_error_percent"].notna().all()
    else:
        assert "-50.0 %" in done.output
        assert "\\-50.0" not in done.output


# --------------------------------------------------------------------------------------------- both worlds
SCENARIO: dict[str, Any] = {
    "name": "twice",
    "world": "both",
    "workers": 2,
    "problem": {"kind": "quadratic", "dim": 3},
    "compute": "20 ms",
    "algorithms": [{"name": "r-fast", "step_size": 0.05, "topology": "line"}],
    "stop": {"time": "600 ms"},
    "evaluate": {"every": "50 ms", "targets": {"gap": [10]}},
}


def scenario_file(folder: Path, **changes: Any) -> Path:
    path = folder / "scenario.yaml"
    path.write_text(yaml.safe_dump({**SCENARIO, **changes}))
    return path


def test_both_is_planned_as_two_worlds_in_folders_of_their_own(tmp_path: Path) -> None:
    runs = plan(load_points(scenario_file(tmp_path, sweep={"network.loss": [0, 0.1]})))
    assert [run.scenario.world for run in runs] == ["simulated", "real"] * 2
    assert str(runs[3].folder) == "twice/real/loss=0.1/r-fast/seed-0"
    assert len({run.hash for run in runs}) == 4
    assert [[run.scenario.world for run in part] for part in world_by_world(runs)] == [
        ["simulated"] * 2,
        ["real"] * 2,
    ]
    single = plan(load_points(scenario_file(tmp_path, world="simulated")))
    assert str(single[0].folder) == "twice/r-fast/seed-0"


def test_tables_lead_with_the_world_and_figures_keep_worlds_apart(
    both: tuple[Path, Path], tmp_path: Path
) -> None:
    runs = find_both(*both)
    frame = summarise(runs)
    assert list(frame["world"]) == ["simulated", "simulated", "real", "real"]
    assert list(frame["time_to_gap_0.1"]) == [1.0, 3.0, 2.0, 4.0]
    assert render_table(runs, "md").splitlines()[4].split("|")[1].strip() == "world"
    assert "world" not in summarise(find_runs([both[0]]))
    figures = draw(runs, tmp_path / "plots")
    assert {figure.parent.name for figure in figures} == {"simulated", "real"}


def test_both_worlds_run_and_are_compared(tmp_path: Path) -> None:
    arguments = ["run", str(scenario_file(tmp_path)), "--out", str(tmp_path / "out"), "--no-plots"]
    done = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "time per iteration" in done.output
    home = tmp_path / "out" / "twice"
    assert pd.read_csv(home / "comparison.csv")["seeds_real"].iloc[0] == 1
    assert (home / "comparison.md").exists()
    assert sorted(path.name for path in home.iterdir() if path.is_dir()) == ["real", "simulated"]
