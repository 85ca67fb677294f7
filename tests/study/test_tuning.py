"""Tuning: what may be said, what is tried, how runs are ranked, what the tables tell, what is not done twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from rfast_bench.cli.commands import main
from rfast_bench.errors import UserError
from rfast_bench.plan.runs import Point, load_points, plan
from rfast_bench.records.reading import find_runs
from rfast_bench.scenario.sections.tuning import Grid, Objective
from rfast_bench.study.tuning import tune
from rfast_bench.study.tuning.ranking import (
    ENDED,
    LOST,
    REACHED,
    Score,
    best,
    counting,
    middle,
    score,
    undecided,
)
from rfast_bench.study.tuning.search import Axis
from tests.support.synthetic_records import curves_table, save

RANGE = {"from": 0.05, "factor": 2, "count": 3}
BASE: dict[str, Any] = {
    "name": "small",
    "workers": 4,
    "problem": {"kind": "quadratic", "dim": 3, "noise": 0.1},
    "compute": {"kind": "lognormal", "mean": "100 ms", "sigma": 0.3},
    "network": {"latency": "10 ms"},
    "algorithms": [{"name": "ring-allreduce"}],
    "tune": {"objective": {"time_to": {"gap": 0.1}}, "parameters": {"step_size": RANGE}},
    "stop": {"time": "8 s"},
    "evaluate": {"every": "0.2 s", "targets": {"gap": [0.1]}},
    "seeds": 1,
}


def write(folder: Path, **changes: Any) -> Path:
    path = folder / "scenario.yaml"
    tune = {**BASE["tune"], **changes.pop("tune", {})}
    path.write_text(yaml.safe_dump({**BASE, "tune": tune, **changes}))
    return path


def run(path: Path, *more: str) -> Result:
    out = str(path.parent / "out")
    arguments = ["run", str(path), "--out", out, "--jobs", "1", "--no-plots", *more]
    done = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done


def refused(path: Path) -> str:
    with pytest.raises(UserError) as found:
        settled(path)
    return str(found.value)


def settled(path: Path) -> list[Point]:
    def nothing(runs: object) -> None:
        raise AssertionError("a run was started")

    return tune.settle(load_points(path), path, (), path.parent / "out", nothing, print)


def chosen(folder: Path) -> list[dict[str, Any]]:
    rows = pd.read_csv(folder / "out" / "small" / "tuning" / "tuning.csv").to_dict("records")
    return [{str(key): value for key, value in row.items()} for row in rows if row["chosen"]]


def winner(folder: Path, label: str = "ring-allreduce") -> dict[str, Any]:
    (row,) = (row for row in chosen(folder) if row["label"] == label)
    return row


# ------------------------------------------------------------------------------------------------ the grid
def test_a_range_is_geometric_and_goes_on_at_both_ends() -> None:
    grid = Grid.model_validate({"from": 0.02, "factor": 2, "count": 3})
    assert grid.tried() == [0.02, 0.04, 0.08]
    assert grid.tried(1, 2) == [0.01, 0.02, 0.04, 0.08, 0.16, 0.32]
    assert Grid.model_validate({"from": 0.1, "factor": 10, "count": 3}).tried() == [0.1, 1.0, 10.0]


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ({}, "needs a list of values, or from, factor and count"),
        ({"from": 0.1, "count": 3}, "a range needs all of from, factor and count"),
        ({"values": [1], "factor": 2}, "needs a list of values, or from"),
        ({"values": [1, 1]}, "a value comes twice"),
        ({"form": 0.1}, "unknown key 'form'; did you mean 'from'?"),
    ],
)
def test_a_wrong_grid_is_told(tmp_path: Path, grid: Any, message: str) -> None:
    own = [{"name": "ring-allreduce", "step_size": {"tune": grid}}]
    assert message in refused(write(tmp_path, algorithms=own))
    assert message in refused(write(tmp_path, tune={"parameters": {"step_size": grid}}))


def test_an_axis_grows_by_one_step_as_often_as_it_may() -> None:
    axis = Axis(Grid.model_validate(RANGE), 2)
    assert (axis.widen(0.2), axis.widen(0.4), axis.widen(0.8)) == (True, True, False)
    assert axis.values == [0.05, 0.1, 0.2, 0.4, 0.8]
    assert axis.widen(0.05)
    assert not axis.widen(0.1)
    listed = Axis(Grid(values=(0.1, 0.2)), 2)
    assert not listed.widen(0.2)


@pytest.mark.parametrize(
    ("values", "value", "end"),
    [
        ((0.1, 0.2, 0.4), 0.2, False),
        ((0.1, 0.2, 0.4), 0.1, True),
        ((0.4, 0.1, 0.2), 0.4, True),
        ((0.3,), 0.3, True),
        ((0, 1, 2), 2, True),
        ((0, 1, 2), 0, False),  # -1 is not allowed: nothing lies beyond
        ((True, False), True, False),
        (("reliable", "datagram"), "reliable", False),
    ],
)
def test_an_end_is_where_more_would_be_allowed(values: tuple[Any, ...], value: Any, end: bool) -> None:
    assert Axis(Grid(values=values), 0).at_end(value, lambda beyond: beyond >= 0) is end


# ----------------------------------------------------------------------------------------------- the ranking
def test_reached_before_not_reached_before_diverged(tmp_path: Path) -> None:
    objective = Objective(time_to={"gap": 0.1})
    save(tmp_path, "quick", curves=curves_table([0, 5, 9], [1, 0.09, 0.5]))
    save(tmp_path, "near", curves=curves_table([0, 9], [1, 0.11]))
    save(tmp_path, "far", curves=curves_table([0, 9], [1, 0.9]))
    save(tmp_path, "lost", curves=curves_table([0, 1, 9], [1, 0.01, 99]), status="diverged")
    scores = {found.label: score(found, objective) for found in find_runs([tmp_path])}
    assert scores["quick"] == Score(REACHED, 5)
    assert scores["near"] == Score(ENDED, 0.11)
    assert sorted(scores, key=scores.__getitem__) == ["quick", "near", "far", "lost"]
    final = {found.label: score(found, Objective(final="gap")) for found in find_runs([tmp_path])}
    assert sorted(final, key=final.__getitem__) == ["near", "quick", "far", "lost"]


def test_accuracy_is_better_when_larger(tmp_path: Path) -> None:
    for label, value in (("good", 0.9), ("bad", 0.6)):
        save(tmp_path, label, curves=curves_table([0, 9], [1, 1], accuracy=[0.1, value]))
    bad, good = (score(found, Objective(final="accuracy")) for found in find_runs([tmp_path]))
    assert good < bad
    assert good.words(Objective(final="accuracy")) == "final accuracy 0.9"


BY_MEDIAN = Objective(final="gap")


def test_the_median_by_hand() -> None:
    five, nine, missed, lost = Score(REACHED, 5), Score(REACHED, 9), Score(ENDED, 0.2), Score(LOST, 0)
    assert middle([nine, five]) == nine, "the worse of the middle two"
    assert middle([missed, five]) == missed, "one of two did not reach it"
    assert middle([lost, five, nine]) == nine
    assert middle([lost, missed, five]) == missed


def test_equals_are_told_apart_by_the_worst_seed_then_by_their_place() -> None:
    steady = [Score(REACHED, v) for v in (4, 5, 6)]
    wild = [Score(REACHED, v) for v in (1, 5, 9)]
    assert best([wild, steady], BY_MEDIAN) == 1
    assert best([steady, steady], BY_MEDIAN) == 0
    near = [[Score(REACHED, v), Score(REACHED, 9)] for v in (4, 3)]
    assert best(near, BY_MEDIAN) == 1


def test_the_worst_seed_may_decide() -> None:
    bold = [Score(REACHED, 3), Score(REACHED, 4), Score(ENDED, 0.1)]
    careful = [Score(REACHED, v) for v in (7, 8, 9)]
    by_worst = Objective(time_to={"gap": 0.03}, seed="worst")
    assert best([bold, careful], BY_MEDIAN) == 0
    assert best([bold, careful], by_worst) == 1
    assert counting(careful, by_worst) == Score(REACHED, 9)
    assert by_worst.words == "time to gap 0.03 of the worst seed"


SCORES = st.builds(Score, st.sampled_from([REACHED, ENDED, LOST]), st.floats(0, 100))


@given(st.lists(SCORES, min_size=1, max_size=7), st.lists(SCORES, min_size=1, max_size=7))
def test_a_candidate_that_is_better_on_every_seed_wins(one: list[Score], other: list[Score]) -> None:
    """And the order of the seeds does not count."""
    pairs = [sorted(pair) for pair in zip(one, other, strict=False)]
    good, bad = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    assert middle(good) <= middle(bad)
    assert middle(good[::-1]) == middle(good)
    if middle(good) < middle(bad):
        assert best([bad, good], BY_MEDIAN) == 1


# ---------------------------------------------------------------------------------------- ended early, exactly
TIES = st.builds(Score, st.sampled_from([REACHED, REACHED, ENDED, LOST]), st.integers(1, 6).map(float))


@given(
    st.integers(1, 4).flatmap(
        lambda seeds: st.lists(st.lists(TIES, min_size=seeds, max_size=seeds), min_size=1, max_size=6)
    ),
    st.sampled_from(["median", "worst"]),
    st.randoms(use_true_random=False),
)
def test_the_winner_is_that_of_the_full_search(true: list[list[Score]], seed: str, chance: Any) -> None:
    """Candidates in any order, each seen up to the best time so far; what ties is seen in full."""
    objective = Objective.model_validate({"time_to": {"gap": 0.1}, "seed": seed})
    order = list(range(len(true)))
    chance.shuffle(order)
    seen: dict[int, list[Score]] = {}
    for k in order:
        first = min((counting(scores, objective) for scores in seen.values()), default=Score(LOST, 0))
        limit = first.value if first.ending == REACHED else float("inf")
        seen[k] = [
            s if s <= Score(REACHED, limit) or limit == float("inf") else Score(REACHED, limit, beyond=True)
            for s in true[k]
        ]
    for k in undecided([seen[k] for k in range(len(true))], objective):
        seen[k] = true[k]
    known = [seen[k] for k in range(len(true))]
    assert undecided(known, objective) == []
    assert best(known, objective) == best(true, objective)


@pytest.mark.parametrize("seed", ["median", "worst"])
def test_ended_early_saves_work_and_changes_nothing_else(seed: str, tmp_path: Path) -> None:
    grid = {"step_size": {"from": 0.0125, "factor": 2, "count": 8}}
    objective = {"time_to": {"gap": 0.1}, "seed": seed}
    spent, tables, reported = [], [], []
    for early in (True, False):
        folder = tmp_path / str(early)
        folder.mkdir()
        tune = {"parameters": grid, "objective": objective, "stop_early": early, "seeds": 3}
        run(write(folder, tune=tune, algorithms=[{"name": "ring-allreduce"}, {"name": "r-fast"}]))
        tried = find_runs([folder / "out" / "small" / "tuning"])
        spent.append(sum(r.curves()["gradients"].iloc[-1] for r in tried))
        tables.append(pd.read_csv(folder / "out" / "small" / "tuning" / "tuning.csv"))
        reported.append((folder / "out" / "small" / "table.csv").read_text())
    assert reported[0] == reported[1]
    assert spent[0] < 0.7 * spent[1]
    cut, whole = tables
    assert cut["ended_early"].sum() > 0
    assert whole["ended_early"].sum() == 0
    pd.testing.assert_frame_equal(cut[cut["chosen"]][COMPARED], whole[whole["chosen"]][COMPARED])
    assert cut["result"].str.contains("beyond .* s, ended early").any()


COMPARED = ["label", "step_size", "result", "edge"]


def test_what_was_ended_early_is_not_done_again(tmp_path: Path) -> None:
    path = write(tmp_path, tune={"parameters": {"step_size": {"from": 0.0125, "factor": 2, "count": 8}}})
    run(path)
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("curves.csv")}
    run(path)
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("curves.csv")} == before
    whole = write(tmp_path, tune={**TUNE_WHOLE, "stop_early": False})
    run(whole)
    again = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("curves.csv")}
    assert any(again[p] != before[p] for p in before), "what was ended early is done in full"
    run(write(tmp_path, tune=TUNE_WHOLE))
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("curves.csv")} == again


TUNE_WHOLE = {"parameters": {"step_size": {"from": 0.0125, "factor": 2, "count": 8}}}


# --------------------------------------------------------------------------------------------- what is refused
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tune": {"first_seed": 1}, "seeds": 2}, "tune: seed 1 is also reported (seeds 0 to 1)"),
        ({"tune": {"per": ["network.loss"]}}, "tune.per: 'network.loss' is not swept"),
        ({"tune": {"anchor": {"seeds": 3}}}, "tune.anchor: 'seeds' cannot be set here"),
        ({"sweep": {"tune.seeds": [1, 2]}}, "sweep: 'tune.seeds' cannot be set here"),
        ({"tune": {"objective": {}}}, "needs exactly one of time_to, final"),
        ({"tune": {"objective": {"final": "gap", "within": "1 s"}}}, "within goes with time_to"),
        ({"tune": {"objective": {"time_to": {"gap": 1, "loss": 2}}}}, "time_to needs exactly one target"),
        ({"tune": {"objective": {"time_to": {"gap": 0}}}}, "tune.objective.time_to.gap: expected a number "),
        ({"tune": {"objective": {"time_to": {"gap": -0.5}}}}, "tune.objective.time_to.gap: expected a number "),
        ({"tune": {"objective": {"time_to": {"gap": True}}}}, "tune.objective.time_to.gap: a number is wanted"),
        ({"tune": {"objective": {"time_to": {"accuracy": 3}}}}, "tune.objective.time_to.accuracy: an accuracy is a sh"),
        ({"tune": {"objective": {"time_to": {"gaps": 1}}}}, "tune.objective.time_to: no metric 'gaps'; did you mean"),
        ({"tune": {"objective": {"time_to": {"gap": 1, "of": "worst"}}}}, "time_to: 'of' stands beside time_to"),
        ({"tune": {"objective": {"time_to": {"gap": 1}, "of": "worker 7"}}}, "tune.objective.of: names worker 7"),
        ({"tune": {"parameters": {"step_size": 3}}}, "parameters.step_size: expected a list of values, or a range"),
        ({"tune": {"parameters": {"step": RANGE}}}, "no algorithm has 'step'; did you mean 'step_size'?"),
        ({"tune": {"parameters": {"step_size": [0.1, -0.1]}}}, "algorithms.0.step_size: expected a number "),
        (
            {"algorithms": [{"name": "ring-allreduce", "step_size": 1}], "tune": {"parameters": {}}},
            "there is nothing to tune; give tune.parameters",
        ),
        (
            {"algorithms": [{"name": "ring-allreduce", "step_size": 1}]},
            "tune.parameters: there is nothing to tune: every algorithm gives its own step_size",
        ),
        (
            {"tune": {"parameters": {"step_size": RANGE, "tau": {"values": [0], "effective": True}}},
             "algorithms": [{"name": "osgp"}]},
            "algorithms.0.tau: only step_size has an effective value",
        ),
    ],
)  # fmt: skip
def test_mistakes_are_told_before_any_run(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    assert message in refused(write(tmp_path, **changes))


@pytest.mark.parametrize(
    ("problem", "objective", "message"),
    [
        ("quadratic", {"final": "accuracy"}, "final: a final accuracy needs held-out samples"),
        ("quadratic", {"time_to": {"accuracy": 0.9}}, "time_to: a target on accuracy needs held-out samples"),
        ("mlp", {"final": "gap", "of": "worst"}, "final: a final gap needs a known optimum"),
        ("mlp", {"time_to": {"gap": 0.1}}, "time_to: a target on gap needs a known optimum"),
    ],
)
def test_an_objective_that_the_problem_does_not_have_is_told_before_anything_is_said_or_written(
    problem: str, objective: dict[str, Any], message: str, tmp_path: Path
) -> None:
    tune = {"objective": objective}
    path = write(tmp_path, problem={"kind": problem}, tune=tune, evaluate={"every": "1 s"})
    result = CliRunner().invoke(main, ["run", str(path), "--out", str(tmp_path / "out"), "--jobs", "1"])
    assert result.exit_code == 2
    assert f"tune.objective.{message}" in " ".join(result.stderr.split())
    assert "Tuning by" not in result.output
    assert not (tmp_path / "out").exists()


def test_a_grid_without_tune_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, algorithms=[{"name": "ring-allreduce", "step_size": {"tune": [1]}}])
    path.write_text(
        yaml.safe_dump({k: v for k, v in yaml.safe_load(path.read_text()).items() if k != "tune"})
    )
    with pytest.raises(
        UserError, match=r"algorithms\.0\.step_size: is to be tuned, but the scenario has no tune"
    ):
        load_points(path)


def test_an_anchor_where_an_algorithm_cannot_run_is_told(tmp_path: Path) -> None:
    both = [{"name": "ring-allreduce", "step_size": 1}, {"name": "ad-psgd", "topology": "ring"}]
    path = write(tmp_path, algorithms=both, tune={"anchor": {"workers": 5}})
    assert "tune.anchor: ad-psgd cannot be tuned there" in refused(path)


# --------------------------------------------------------------------------------------------- from end to end
def test_tuned_on_other_seeds_stopped_at_the_target_and_kept(tmp_path: Path) -> None:
    algorithms = [{"name": "ring-allreduce"}, {"name": "r-fast", "topology": "line", "step_size": 0.1}]
    output = run(write(tmp_path, algorithms=algorithms)).output
    assert "Tuning by time to gap 0.1: 6 runs (seeds 1000, 1001), at most 12 more" in output
    home = tmp_path / "out" / "small"
    tried = find_runs([home / "tuning"])
    assert {r.purpose for r in tried} == {"tuning"}
    assert {r.seed for r in tried} == {1000, 1001}
    assert {r.label for r in tried} == {"ring-allreduce"}, "what is given is not tuned"
    assert {r.stopped_by for r in tried if r.step_size == 0.4} == {"target"}
    own = winner(tmp_path)
    (reported,) = find_runs([home / "ring-allreduce"])
    assert reported.step_size == own["step_size"]
    assert reported.parameters["step_size"] == own["step_size"]
    how = reported.tuned["step_size"]
    assert (how["value"], how["seeds"]) == (own["step_size"], [1000, 1001])
    assert how["tried"][:3] == [0.05, 0.1, 0.2]
    resolved = yaml.safe_load((reported.folder / "scenario.yaml").read_text())
    assert resolved["algorithms"][0]["parameters"]["step_size"] == own["step_size"]
    assert find_runs([tmp_path / "out"]) == find_runs([home / "r-fast", home / "ring-allreduce"])


def test_a_second_call_does_nothing_again_and_a_wider_range_only_what_is_new(tmp_path: Path) -> None:
    def stamps() -> dict[Path, int]:
        found = (tmp_path / "out").rglob("curves.csv")
        return {path: path.stat().st_mtime_ns for path in found}

    run(write(tmp_path, tune={"widen": 0}))
    first = stamps()
    run(write(tmp_path, tune={"widen": 0}))
    assert stamps() == first
    run(write(tmp_path, tune={"widen": 1}))
    second = stamps()
    assert {path: second[path] for path in first if "tuning" in path.parts} == {
        path: stamp for path, stamp in first.items() if "tuning" in path.parts
    }
    assert len(second) == len(first) + 2


def test_how_a_value_was_found_is_told_anew_when_only_that_changed(tmp_path: Path) -> None:
    """A value that was the best at the edge of a short list is so within a longer one: the run stands."""
    run(write(tmp_path, tune={"parameters": {"step_size": [0.05, 0.4]}}))
    manifest = tmp_path / "out" / "small" / "ring-allreduce" / "seed-0" / "manifest.json"
    curves = manifest.with_name("curves.csv").stat().st_mtime_ns
    assert json.loads(manifest.read_text())["tuned"]["step_size"]["edge"]
    run(write(tmp_path, tune={"parameters": {"step_size": [0.05, 0.4, 1.999]}}))
    how = json.loads(manifest.read_text())["tuned"]["step_size"]
    assert (how["value"], how["edge"]) == (0.4, False)
    assert manifest.with_name("curves.csv").stat().st_mtime_ns == curves


def test_a_handicapped_baseline_is_flagged_in_every_table(tmp_path: Path) -> None:
    """Its grid is cut to values that are far too small, and it may not be widened."""
    algorithms = [
        {"name": "r-fast", "topology": "line"},
        {"name": "ring-allreduce", "step_size": {"tune": {"from": 0.001, "factor": 2, "count": 3}}},
    ]
    tune = {"widen": 0, "parameters": {"step_size": {"from": 0.025, "factor": 2, "count": 7}}}
    output = run(write(tmp_path, algorithms=algorithms, tune=tune)).output
    assert winner(tmp_path)["step_size"] == 0.004
    assert {row["label"]: row["edge"] for row in chosen(tmp_path)} == {
        "r-fast": False,
        "ring-allreduce": True,
    }
    assert output.count(" ring-allreduce † ") == 3
    assert " r-fast † " not in output
    assert "tuned at the edge (step_size)" in " ".join(output.split())
    assert "†: tuned at the edge" in " ".join(output.split())
    home = tmp_path / "out" / "small"
    table = pd.read_csv(home / "table.csv", keep_default_na=False).set_index("label")
    assert table["tuned_at_edge"].to_dict() == {"r-fast": "", "ring-allreduce": "step_size"}
    assert (home / "table.md").read_text().count("ring-allreduce †") == 3


def test_widening_takes_the_flag_away(tmp_path: Path) -> None:
    output = run(write(tmp_path, tune={"widen": 8})).output
    assert "more runs, the best value being the first or last tried: ring-allreduce (step_size 0.2)" in output
    assert not winner(tmp_path)["edge"]
    assert winner(tmp_path)["step_size"] > 0.2


def test_where_all_diverge_the_search_goes_to_smaller_steps(tmp_path: Path) -> None:
    run(write(tmp_path, tune={"parameters": {"step_size": {"from": 8, "factor": 4, "count": 2}}}))
    assert winner(tmp_path)["step_size"] < 8


def test_tuned_once_at_the_anchor_or_for_each_value_of_a_key(tmp_path: Path) -> None:
    sweep: dict[str, Any] = {"problem.heterogeneity": [0.5, 2], "network.loss": [0, 0.2]}
    once = run(write(tmp_path, sweep=sweep, tune={"widen": 0, "anchor": {"problem.heterogeneity": 3}}))
    assert "gap 0.1 at problem.heterogeneity = 3: 6 runs" in once.output
    reported = find_runs([tmp_path / "out"])
    assert len({r.step_size for r in reported}) == 1
    assert {json.dumps(r.tuned["step_size"]["anchor"]) for r in reported} == {'{"problem.heterogeneity": 3}'}
    sweep["problem.heterogeneity"] = {"mild": 0.5, "strong": 2}
    each = run(write(tmp_path, sweep=sweep, tune={"widen": 0, "per": ["problem.heterogeneity"]}))
    assert "gap 0.1, for each of problem.heterogeneity: 12 runs" in each.output
    assert len(chosen(tmp_path)) == 2
    named = [
        r for r in find_runs([tmp_path / "out"]) if r.point["problem.heterogeneity"] in ("mild", "strong")
    ]
    anchors = {r.tuned["step_size"]["anchor"]["problem.heterogeneity"] for r in named}
    assert anchors == {"mild", "strong"}


def test_what_a_sweep_does_not_touch_is_tuned_once(tmp_path: Path) -> None:
    """The graph of one algorithm is swept and tuned for; the other algorithm's runs would be the same."""
    algorithms = [{"name": "ring-allreduce"}, {"name": "d-psgd", "topology": "ring"}]
    sweep = {"algorithms.d-psgd.topology": ["ring", "star"]}
    tune = {"per": list(sweep), "widen": 0}
    output = run(write(tmp_path, algorithms=algorithms, sweep=sweep, tune=tune)).output
    assert ": 18 runs" in output, "three values on two seeds: one ring-allreduce, two d-psgd"


def test_several_parameters_are_tuned_together(tmp_path: Path) -> None:
    own = [{"name": "osgp", "tau": {"tune": [0, 1]}, "delivery": {"tune": ["reliable", "datagram"]}}]
    output = run(write(tmp_path, algorithms=own, tune={"widen": 0})).output
    assert ": 24 runs" in output
    (reported,) = find_runs([tmp_path / "out" / "small" / "osgp"])
    assert set(reported.tuned) == {"step_size", "tau", "delivery"}
    assert not reported.tuned["delivery"]["edge"]
    assert "also" in output


def test_a_final_value_at_a_time(tmp_path: Path) -> None:
    run(write(tmp_path, tune={"objective": {"final": "gap", "at": "3 s"}, "widen": 0}))
    tried = find_runs([tmp_path / "out" / "small" / "tuning"])
    assert {r.curves()["time"].iloc[-1] for r in tried} == {3.0}
    finals = {
        step: [r.curves()["gap"].iloc[-1] for r in tried if r.step_size == step] for step in RANGE_VALUES
    }
    assert winner(tmp_path)["step_size"] == min(finals, key=lambda step: sum(finals[step]))


RANGE_VALUES = (0.05, 0.1, 0.2)


def test_what_cannot_run_is_skipped_as_ever(tmp_path: Path) -> None:
    algorithms = [{"name": "ring-allreduce"}, {"name": "d-psgd", "topology": "binary-tree"}]
    output = run(write(tmp_path, algorithms=algorithms)).output
    assert "6 runs" in output
    assert "skipped" in output


def test_real_scenarios_are_tuned_in_the_simulated_world(tmp_path: Path) -> None:
    path = write(tmp_path, world="both", tune={"stop_early": False})
    asked: list[Any] = []
    with pytest.raises(KeyError, match="enough"):
        tune.settle(load_points(path), path, (), tmp_path, lambda runs: _stop(asked, runs), print)
    assert {r.scenario.world for r in asked} == {"simulated"}
    assert len(asked) == 6


def _stop(asked: list[Any], runs: Any) -> None:
    asked.extend(runs)
    raise KeyError("enough")


def test_an_external_launcher_does_not_tune(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"algorithms\.0\.step_size: cannot be tuned under a launcher"):
        tune.refuse(load_points(write(tmp_path)), "under a launcher")


def test_nothing_is_calibrated_before_it_is_tuned(tmp_path: Path) -> None:
    arguments = ["calibrate", str(write(tmp_path)), "--out", str(tmp_path / "new.yaml")]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2
    assert "step_size: cannot be tuned while times are measured" in done.output
    assert not (tmp_path / "new.yaml").exists()


# ------------------------------------------------------------------------------------------------ effective
def effective(folder: Path, algorithms: list[Any], **changes: Any) -> list[Any]:
    raw = {**BASE, "algorithms": algorithms, **changes}
    path = folder / "scenario.yaml"
    path.write_text(yaml.safe_dump({k: v for k, v in raw.items() if k != "tune"}))
    return plan(load_points(path))


def test_an_effective_step_is_the_same_for_all(tmp_path: Path) -> None:
    step = {"step_size": {"effective": 0.2}}
    algorithms = [
        {"name": "r-fast", "label": "tree", "topology": "binary-tree", **step},
        {"name": "r-fast", "label": "circle", "topology": "directed-ring", **step},
        {"name": "ring-allreduce", **step},
        {"name": "s-ab", "label": "rounds on a tree", "topology": "binary-tree", **step},
        {"name": "s-ab", "label": "rounds on a circle", "topology": "directed-ring", **step},
    ]
    tree, circle, ring, tree_rounds, circle_rounds = effective(tmp_path, algorithms)
    assert tree.algorithm.parameters["step_size"] == pytest.approx(0.2 / 4)  # n γ on a tree
    assert circle.algorithm.parameters["step_size"] == pytest.approx(0.4)  # γ/2 on the directed ring
    assert ring.algorithm.parameters["step_size"] == 0.2
    assert tree_rounds.algorithm.parameters["step_size"] == pytest.approx(0.2 / 4)
    assert circle_rounds.algorithm.parameters["step_size"] == pytest.approx(0.2)  # γ: nothing is kept back


def test_an_effective_step_follows_the_sweep(tmp_path: Path) -> None:
    algorithms = [{"name": "r-fast", "topology": "line", "step_size": {"effective": 0.2}}]
    runs = effective(tmp_path, algorithms, sweep={"workers": [2, 5]})
    assert [r.algorithm.parameters["step_size"] for r in runs] == pytest.approx([0.1, 0.04])


def test_no_effective_step_where_it_is_undefined(tmp_path: Path) -> None:
    (tmp_path / "w.txt").write_text("0 1\n0 2\n0 3\n")
    algorithms = [
        {"name": "r-fast", "topology": {"w": "w.txt", "a": "w.txt"}, "step_size": {"effective": 0.2}}
    ]
    with pytest.raises(UserError, match=r"no step size has the effective step 0\.2 on .*step factor is"):
        effective(tmp_path, algorithms, allow_unsound=True)


def test_an_effective_step_must_be_a_step(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="step_size: expected a number above 0"):
        effective(tmp_path, [{"name": "ring-allreduce", "step_size": {"effective": -1}}])
    with pytest.raises(UserError, match="only step_size has an effective value"):
        effective(tmp_path, [{"name": "osgp", "step_size": 1, "tau": {"effective": 1}}])


def test_effective_steps_are_tuned_and_carried_over(tmp_path: Path) -> None:
    grid = {"from": 0.2, "factor": 2, "count": 2, "effective": True}
    algorithms = [{"name": "r-fast", "topology": "line"}]
    tune = {"parameters": {"step_size": grid}, "widen": 0}
    run(write(tmp_path, algorithms=algorithms, tune=tune, sweep={"workers": [2, 5]}))
    two, five = find_runs([tmp_path / "out"])
    assert two.effective_step == pytest.approx(five.effective_step)
    assert two.step_size == pytest.approx(2.5 * (five.step_size or 0))
    assert five.tuned["step_size"]["value"] in (0.2, 0.4)
