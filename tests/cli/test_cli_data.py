"""`rfast-bench data`: what it shows of a scenario's shards, its figure, and what the report takes over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from matplotlib.figure import Figure

from rfast_bench.analysis.shards import Shards, headings, row, summary
from rfast_bench.figures import shards as figures
from rfast_bench.plan.runs import load_points, plan
from rfast_bench.problems import build
from rfast_bench.report.content.run_description import sentences
from rfast_bench.study.shards import shards_of
from tests.support.command_line import call

SCENARIO: dict[str, Any] = {
    "name": "who",
    "workers": 3,
    "problem": {"kind": "logistic-regression", "dataset": "wine", "partition": "dirichlet"},
    "compute": "1 s",
    "algorithms": [{"name": "r-fast", "step_size": 0.1}],
    "stop": {"time": "2 s"},
    "evaluate": {"every": "1 s"},
}


def write(folder: Path, **changed: Any) -> Path:
    path = folder / "who.yaml"
    path.write_text(yaml.safe_dump(SCENARIO | changed))
    return path


def only(path: Path, *overrides: str, seed: int | None = None) -> Shards:
    (found,) = shards_of(load_points(path, overrides), seed)
    return found


def test_it_shows_what_the_run_will_deal(tmp_path: Path) -> None:
    path = write(tmp_path, first_seed=4)
    shown = only(path)
    (point,) = load_points(path)
    problem: Any = build(point.scenario.problem, 3, 4)
    assert shown.seed == 4
    np.testing.assert_array_equal(shown.sizes, problem.sizes)
    assert shown.counts is not None
    for worker in range(3):
        own = problem.labels[slice(*problem.bounds[worker : worker + 2])]
        np.testing.assert_array_equal(shown.counts[worker], np.bincount(own, minlength=3))
    assert not np.array_equal(only(path, seed=5).sizes, shown.sizes)


def test_the_table_adds_up_and_nothing_is_written(tmp_path: Path) -> None:
    result = call("data", write(tmp_path))
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0] == "wine, dirichlet alpha=0.1, seed 0"
    assert lines[1] == "142 training samples of 13 features, 3 classes; 36 samples held out"
    assert lines[3].split() == ["worker", "samples", "share", "0", "1", "2"]
    workers = [
        [int(word) if word != "·" else 0 for word in line.replace("%", "").split() if "." not in word]
        for line in lines[4:7]
    ]
    assert [own[0] for own in workers] == [0, 1, 2]
    assert all(own[1] == sum(own[2:]) for own in workers)
    assert np.sum(workers, axis=0)[1:].tolist() == [int(word) for word in lines[7].split()[1:]]
    assert [path.name for path in tmp_path.iterdir()] == ["who.yaml"]


def test_a_sweep_is_shown_once_for_each_way_of_dealing(tmp_path: Path) -> None:
    swept = {
        "network.loss": [0, 0.1],
        "problem.partition": ["iid", {"kind": "sizes", "sizes": [0.5, 0.25, 0.25]}],
    }
    result = call("data", write(tmp_path, sweep=swept), "-o", tmp_path / "who.svg")
    assert result.exit_code == 0, result.output
    titles = [line for line in result.output.splitlines() if line.endswith("seed 0")]
    assert titles == ["wine, iid, seed 0", "wine, sizes 0.5, 0.25, 0.25, seed 0"]
    assert {path.name for path in tmp_path.glob("*.svg")} == {"who-1.svg", "who-2.svg"}


def test_a_function_is_named_with_its_file(tmp_path: Path) -> None:
    """In what is printed and in the report's sentences, also where a sweep takes several."""
    code = "import numpy as np\ndef {}(): return np.arange(60.0).reshape(20, 3), np.arange(20) % 2\n"
    (tmp_path / "my_data.py").write_text(code.format("load") + code.format("other"))
    dataset = {"kind": "python", "source": "my_data.py:load"}
    problem = {"kind": "logistic-regression", "dataset": dataset}
    swept = {"problem.dataset.source": ["my_data.py:load", "my_data.py:other"]}
    path = write(tmp_path, problem=problem, sweep=swept)
    result = call("data", path)
    assert result.exit_code == 0, result.output
    titles = [line for line in result.output.splitlines() if line.endswith("seed 0")]
    assert titles == ["load of my_data.py, iid, seed 0", "other of my_data.py, iid, seed 0"]
    resolved = plan(load_points(write(tmp_path, problem=problem)))[0].resolved
    assert "fit logistic regression to load of my_data.py (" in sentences(resolved, {}, [0])[0]
    several = sentences(resolved, {"problem.dataset.source": ["a.py:f", "a.py:g"]}, [0])[0]
    assert "fit logistic regression to data that vary" in several


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "problem={kind: quadratic}"], "kind quadratic has no samples"),
        (["--set", "workers=1000"], "142 training samples cannot be dealt to 1000 workers"),
        (["-o", "figure.txt"], "--out: found 'figure.txt'"),
    ],
)
def test_bad_input_is_told(tmp_path: Path, arguments: list[str], message: str) -> None:
    result = call("data", write(tmp_path), *arguments)
    assert result.exit_code == 2
    assert message in result.output


# --------------------------------------------------------------------------------------------- words and figures
def made(workers: int = 4, kinds: int = 3, **changed: Any) -> Shards:
    counts = np.random.default_rng(0).integers(0, 9, (workers, kinds)) + 1
    names = tuple(f"class {k}" for k in range(kinds))
    given = {
        "sizes": counts.sum(axis=1),
        "counts": counts,
        "classes": names,
        "quantiles": None,
        "owners": None,
    }
    return Shards("made", 0, **(given | changed), features=(2, 3), held_out=5, unused=0)


def test_owners_unused_samples_and_many_classes_are_told() -> None:
    assert headings(made(owners=("a", "b", "c", "d")))[1] == "owner"
    assert row(made(owners=("a", "b", "c", "d")), 2)[:2] == ["2", "c"]
    many = made(kinds=40)
    assert headings(many)[3:] == ["classes", "most of"]
    assert row(many, 0)[3] == "40"
    told = " ".join(summary(Shards(**{**vars(made()), "unused": 7})))
    assert "7 more training samples train nobody" in told


@pytest.mark.parametrize(("counts", "distance"), [([[5, 5], [10, 10]], 0.0), ([[4, 0], [0, 4]], 0.5)])
def test_the_distance_of_mixes(counts: Any, distance: float) -> None:
    shards = made(2, 2, counts=np.array(counts), sizes=np.sum(counts, axis=1))
    assert shards.distance == pytest.approx(distance)


REGRESSION: dict[str, Any] = {
    "counts": None,
    "classes": (),
    "quantiles": np.sort(np.random.default_rng(0).normal(size=(4, 5)), 1),
}


@pytest.mark.parametrize("shards", [made(), made(40, 100), made(1, 2), made(**REGRESSION)])
def test_a_figure_of_any_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shards: Shards) -> None:
    kept: list[Figure] = []
    monkeypatch.setattr(figures, "save_as", lambda drawn, path: kept.append(drawn))
    figures.draw_shards(shards, tmp_path / "f.png")
    bars, rest = kept[0].axes[:2]
    assert [bar.get_width() for bar in bars.patches] == shards.sizes.tolist()  # type: ignore[attr-defined]
    if shards.counts is not None and shards.counts.size < 100:
        words = [text.get_text() for text in rest.texts]
        assert words == [str(count) for count in shards.counts.ravel()]


# ----------------------------------------------------------------------------------------------------- the report
def test_the_report_deals_again(tmp_path: Path) -> None:
    path, out = write(tmp_path, seeds=2), tmp_path / "out"
    assert call("run", path, "--out", out, "--jobs", 1, "--no-plots").exit_code == 0
    assert call("report", out, "-o", tmp_path / "r.html").exit_code == 0
    text = (tmp_path / "r.html").read_text()
    assert text.count("<h4>wine, dirichlet alpha=0.1, seed 0</h4>") == 1
    assert "seed 1</h4>" not in text
    counts = only(path).counts
    assert counts is not None
    assert f">{counts.max()}</td>" in text
    recorded = out / "who" / "r-fast"
    for seed in (0, 1):
        scenario = recorded / f"seed-{seed}" / "scenario.yaml"
        scenario.write_text(scenario.read_text().replace("alpha: 0.1", "alpha: 0.2"))
    assert call("report", out, "-o", tmp_path / "r.html").exit_code == 0
    assert "Who holds what" not in (tmp_path / "r.html").read_text()
