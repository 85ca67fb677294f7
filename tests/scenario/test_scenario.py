"""Scenario files: what is understood, and that every mistake is told with its file, key and nearest word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from rfast_bench.errors import Unsound, UserError
from rfast_bench.plan.runs import Point, load_points, plan
from rfast_bench.scenario.reading import assign
from rfast_bench.scenario.schema import load
from rfast_bench.scenario.sections.timing import Empirical
from tests.support.fashion import needs_fashion

BASE: dict[str, Any] = {
    "name": "small",
    "workers": 4,
    "problem": {"kind": "quadratic", "dim": 3},
    "compute": "100 ms",
    "algorithms": [
        {"name": "r-fast", "step_size": "1e-2", "topology": "line"},
        {"name": "d-psgd", "step_size": 0.1},
    ],
    "stop": {"time": "2 s"},
    "evaluate": {"every": "1 s"},
}


def write(folder: Path, **changes: Any) -> Path:
    path = folder / "scenario.yaml"
    path.write_text(yaml.safe_dump({**BASE, **changes}, sort_keys=False))
    return path


def points(folder: Path, *overrides: str, **changes: Any) -> list[Point]:
    return load_points(write(folder, **changes), overrides)


# ------------------------------------------------------------------------------------------ what is read
def test_units_and_exponents_are_understood(tmp_path: Path) -> None:
    network = {
        "latency": "5 ms",
        "bandwidth": "8 Gbit/s",
        "message_bytes": "100 MB",
        "retransmit_timeout": "200 ms",
    }
    scenario = points(tmp_path, network=network)[0].scenario
    assert scenario.network.latency.mean == 0.005
    assert scenario.network.bandwidth == 1e9
    assert scenario.network.message_bytes == 1e8
    assert scenario.network.retransmit_timeout == 0.2
    assert scenario.stop.time == 2.0
    assert scenario.algorithms[0].parameters["step_size"] == 0.01


@pytest.mark.parametrize(
    ("every", "key", "value"),
    [
        ("20 ms", "seconds", 0.02),
        (3, "seconds", 3.0),
        ("0.5 epochs", "epochs", 0.5),
        ("10 iterations", "iterations", 10),
    ],
)
def test_the_evaluation_grid_counts_seconds_epochs_or_iterations(
    tmp_path: Path, every: object, key: str, value: float
) -> None:
    grid = points(tmp_path, evaluate={"every": every})[0].scenario.evaluate.every
    assert grid.model_dump(exclude_none=True) == {key: value}


def test_overrides_reach_algorithms_by_name_and_by_position(tmp_path: Path) -> None:
    read = points(
        tmp_path, "algorithms.r-fast.step_size=0.5", "algorithms.1.step_size=0.25", "network.loss=0.2"
    )
    scenario = read[0].scenario
    assert [a.parameters["step_size"] for a in scenario.algorithms] == [0.5, 0.25]
    assert scenario.network.loss.model_dump() == {"kind": "independent", "probability": 0.2}


def test_a_sweep_is_the_grid_over_its_keys(tmp_path: Path) -> None:
    read = points(tmp_path, sweep={"workers": [2, 4], "network.loss": [0, 0.1, 0.2]})
    assert [p.slug for p in read] == [f"workers={n},loss={p}" for n in (2, 4) for p in ("0", "0.1", "0.2")]
    assert [p.scenario.workers for p in read] == [2, 2, 2, 4, 4, 4]
    assert len(plan(read)) == 6 * 2


def test_swept_values_may_have_names(tmp_path: Path) -> None:
    slow = [{"worker": 1, "slowdown": 4}]
    read = points(tmp_path, sweep={"stragglers": {"none": [], "one": slow}})
    assert [p.slug for p in read] == ["stragglers=none", "stragglers=one"]
    assert [p.values for p in read] == [{"stragglers": "none"}, {"stragglers": "one"}]
    assert [[s.slowdown for s in p.scenario.stragglers] for p in read] == [[], [4]]


def test_seeds_are_a_count(tmp_path: Path) -> None:
    assert [r.seed for r in plan(points(tmp_path, seeds=2, first_seed=5))] == [5, 6, 5, 6]


def test_an_algorithm_that_comes_twice_is_labelled_by_its_topology(tmp_path: Path) -> None:
    twice = [{"name": "r-fast", "step_size": 1, "topology": kind} for kind in ("line", "star")]
    assert [a.label for a in points(tmp_path, algorithms=twice)[0].scenario.algorithms] == [
        "r-fast-line",
        "r-fast-star",
    ]


def test_data_paths_start_at_the_scenario_file(tmp_path: Path) -> None:
    (tmp_path / "times.csv").write_text("t\n1\n2\n")
    compute = {"kind": "empirical", "path": "times.csv", "column": "t"}
    assert isinstance(points(tmp_path, compute=compute)[0].scenario.compute, Empirical)


def test_the_hash_of_a_run_ignores_names_and_sees_what_counts(tmp_path: Path) -> None:
    def first_hash(*overrides: str) -> str:
        return plan(points(tmp_path, *overrides))[0].hash

    assert first_hash() == first_hash("name=other", "seeds=3", "description=x")
    assert first_hash() == first_hash("algorithms.d-psgd.step_size=0.3")  # another algorithm's
    assert first_hash() != first_hash("algorithms.r-fast.step_size=0.3")
    assert first_hash() != first_hash("network.loss=0.1")
    assert first_hash() != first_hash("first_seed=1")


PLUG_IN = """
from rfast_bench.api import Algorithm, StepSize

class Mine(Algorithm):
    model = None
    def __init__(self, x0, *, step_size: StepSize):
        pass
    def activities(self, node):
        return []
"""


def test_the_hash_sees_the_source_of_the_algorithm_and_the_contents_of_data(tmp_path: Path) -> None:
    mine, times = tmp_path / "mine.py", tmp_path / "times.csv"
    algorithms = [{"name": "mine.py:Mine", "step_size": 1}]
    compute = {"kind": "empirical", "path": "times.csv", "column": "t"}

    def now() -> str:
        return plan(points(tmp_path, algorithms=algorithms, compute=compute))[0].hash

    mine.write_text(PLUG_IN)
    times.write_text("t\n1\n")
    first = now()
    assert now() == first
    mine.write_text(PLUG_IN + "# changed\n")
    second = now()
    times.write_text("t\n2\n")
    assert len({first, second, now()}) == 3


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("    def activities(self, node):\n        return []\n", "", "does not define activities"),
        ("x0, *, step_size", "x0, step_size", "'step_size' of __init__ must be annotated and keyword-only"),
        ("step_size: StepSize", "step_size", "'step_size' of __init__ must be annotated and keyword-only"),
        ("class Mine(Algorithm)", "class Other(Algorithm)", "defines no class 'Mine'"),
        ("class Mine(Algorithm)", "class Mine", "not a subclass"),
        ("import Algorithm", "import Algoritm", "cannot be imported"),
    ],
)
def test_mistakes_in_a_plug_in_are_told(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    (tmp_path / "mine.py").write_text(PLUG_IN.replace(old, new))
    with pytest.raises(UserError, match=complaint):
        points(tmp_path, algorithms=[{"name": "mine.py:Mine", "step_size": 1}])


@pytest.mark.parametrize("name", [p.stem for p in sorted(Path("scenarios").glob("*.yaml"))])
def test_shipped_scenarios_are_valid_named_for_their_file_and_say_what_to_expect(name: str) -> None:
    path = Path("scenarios", f"{name}.yaml")
    if name == "fashion":
        needs_fashion()
    assert load(path).name == name
    assert not [run.skipped for run in plan(load_points(path)) if run.skipped]
    assert "Expect:" in path.read_text().split("name:")[0]


# ---------------------------------------------------------------------------------------- what is refused
@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("network.latncy=3", ["network", "'latncy'", "did you mean 'latency'"]),
        ("network.loss=1.5", ["network.loss", "1.5", "of at most 1"]),
        ("network.latency=-1 s", ["network.latency", "of at least 0"]),
        ("network.latency=3 MB", ["network.latency", "3 MB", "seconds"]),
        ("workers=0", ["workers", "above 0", "found 0"]),
        ("workers=many", ["workers", "a whole number", "'many'"]),
        ("nowhere.key=1", ["'nowhere'", "Allowed: name"]),
        ("problem.kind=quadratc", ["problem", "'quadratc'", "did you mean 'quadratic'"]),
        ("compute={kind: log-normal, mean: 1}", ["compute", "did you mean 'lognormal'"]),
        ("algorithms.0.name=rfast", ["algorithms.0.name", "did you mean 'r-fast'"]),
        ("algorithms.rfast.step_size=1", ["algorithms.rfast", "did you mean 'r-fast'"]),
        ("algorithms.r-fast.step_size=-1", ["algorithms.0.step_size", "above 0"]),
        ("algorithms.r-fast.stepsize=1", ["algorithms.0", "did you mean 'step_size'"]),
        ("algorithms.r-fast.topology=binarytree", ["topology", "did you mean 'binary-tree'"]),
        ("algorithms=[]", ["algorithms", "at least 1"]),
        ("algorithms.0.name=nowhere.py:X", ["algorithms.0.name", "there is no file"]),
        ("stop={target: {gap: 0.1}}", ["stop", "at least one of time"]),
        ("stop.time=soon", ["stop.time", "'soon'"]),
        ("stragglers=[{worker: 7, slowdown: 2}]", ["stragglers", "worker 7", "0 to 3"]),
        ("network.links=[{from: 0, to: 9, loss: 0.1}]", ["network", "worker 9", "0 to 3"]),
        ("baseline=adam", ["baseline 'adam'", "r-fast, d-psgd"]),
        ("evaluate.targets={speed: 3}", ["evaluate.targets", "no metric 'speed'. Allowed: loss, gap, accuracy"]),
        ("name=a/b", ["name", "a/b"]),
        ("sweep={network.lss: [1]}", ["'lss'", "did you mean 'loss'", "sweep point"]),
        ("compute=1 s=2", ["compute", "1 s=2"]),
        ("compute=0", ["compute", "must take time"]),
        ("sweep={workers: []}", ["sweep.workers", "at least 1"]),
        ("evaluate.every={seconds: 1, epochs: 1}", ["evaluate.every", "exactly one"]),
        ("stop={time: 1, target: {}}", ["stop.target", "at least one of loss, gap, accuracy"]),
        ("algorithms=[{name: osgp, step_size: 1, topology: ring}]", ["algorithms.osgp", "no graph"]),
        ("schedule={points: []}", ["schedule", "points: there are none"]),
        ("schedule={drops: {}}", ["schedule", "drops: there are none"]),
        ("algorithms.r-fast.topology={kind: line, seed: 3}", ["topology.seed", "only random-trees"]),
    ],
)  # fmt: skip
def test_mistakes_name_file_key_finding_and_remedy(tmp_path: Path, override: str, words: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        plan(points(tmp_path, override))
    for word in [str(tmp_path / "scenario.yaml")] * (not override.startswith("algorithms.rfast")) + words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("override", "key"),
    [
        ("workers=true", "workers"),
        ("seeds=true", "seeds"),
        ("evaluate.every=true", "evaluate.every"),
        ("evaluate.samples=true", "evaluate.samples"),
        ("evaluate.targets={gap: [0.1, true]}", "evaluate.targets.gap.1"),
        ("stop.time=true", "stop.time"),
        ("algorithms.r-fast.step_size=true", "algorithms.0.step_size"),
        ("problem={kind: mlp, hidden: [3, true]}", "problem.hidden.1"),
        ("problem={kind: mlp, partition: {kind: sizes, sizes: [true, 1, 158]}}", "problem.partition.sizes.0"),
    ],
)
def test_true_is_no_number(tmp_path: Path, override: str, key: str) -> None:
    with pytest.raises(UserError) as caught:
        plan(points(tmp_path, override))
    assert f"{key}: a number is wanted here (found true)" in str(caught.value)


@pytest.mark.parametrize(
    ("override", "lines"),
    [
        ("evaluate.samples=0", ["evaluate.samples: expected a number above 0, or 'all' (found 0)"]),
        (
            "problem={kind: mlp, batch_size: 0}",
            ["problem.batch_size: expected a number of at least 1, or 'full' (found 0)"],
        ),
        (
            "problem={kind: mlp, partition: {kind: sizes, sizes: [160, 0, a]}}",
            [
                "problem.partition.sizes.1: expected a count of at least 1, or a share above 0 (found 0)",
                "problem.partition.sizes.2: expected a count of at least 1, or a share above 0 (found 'a')",
            ],
        ),
    ],
)
def test_a_value_of_several_types_has_one_line_for_one_mistake(
    tmp_path: Path, override: str, lines: list[str]
) -> None:
    with pytest.raises(UserError) as caught:
        points(tmp_path, override)
    said = str(caught.value).replace(", changed by --set:", ":")
    assert said.splitlines() == [f"{tmp_path / 'scenario.yaml'}: {line}" for line in lines]


@pytest.mark.parametrize("kind", ["by-owner", "by-client", "by-colum"])
def test_a_partition_by_another_name_is_told(tmp_path: Path, kind: str) -> None:
    with pytest.raises(
        UserError, match=rf"problem\.partition: unknown kind '{kind}'; did you mean 'by-column'\? Al"
    ):
        points(tmp_path, f"problem={{kind: mlp, partition: {kind}}}")


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        points(tmp_path, "workers=0", "network.loss=2")
    assert str(caught.value).count("\n") == 1


def test_all_unknown_keys_are_told_at_once_beside_other_mistakes(tmp_path: Path) -> None:
    changes = {
        "workrs": 4,
        "network": {"latncy": 1, "bandwith": 2, "loss": 2, "links": [{"from": 0, "to": 1, "los": 0.1}]},
        "compute": {"kind": "constant", "mean": 1, "sgma": 0},
        "stragglers": [{"worker": 1, "slowdwn": 4}],
        "stop": {"time": "soon"},
    }
    file = write(tmp_path, **changes)
    file.write_text(file.read_text() + "3: a number\n")
    with pytest.raises(UserError) as caught:
        load(file)
    told = str(caught.value).splitlines()
    for line in (
        f"{file}: unknown key 'workrs'; did you mean 'workers'? Allowed: name, ",
        f"{file}: unknown key '3'. Allowed: name, ",
        f"{file}: network: unknown key 'latncy'; did you mean 'latency'? Allowed: latency, ",
        f"{file}: network: unknown key 'bandwith'; did you mean 'bandwidth'? Allowed: latency, ",
        f"{file}: network.loss: expected a number of at most 1 (found 2)",
        f"{file}: network.links.0: unknown key 'los'; did you mean 'loss'? Allowed: from, to, ",
        f"{file}: compute: unknown key 'sgma'. Allowed: kind, mean",
        f"{file}: stragglers.0.slowdown: this key is missing",
        f"{file}: stragglers.0: unknown key 'slowdwn'; did you mean 'slowdown'? Allowed: worker, slowdown, kind",
        f"{file}: stop.time: 'soon' is not a quantity in seconds",
    ):
        assert sum(found.startswith(line) for found in told) == 1, line
    assert len(told) == 10


def test_unknown_keys_of_a_topology_and_of_parameters_are_told_at_once(tmp_path: Path) -> None:
    topology = {"kind": "line", "rot": 1, "sed": 2}
    algorithms = [{"name": "r-fast", "parameters": {"step_size": 1}, "tau": 1, "topology": topology}]
    with pytest.raises(UserError) as caught:
        points(tmp_path, algorithms=algorithms)
    told = [line.partition("; did")[0].partition(". Allowed")[0] for line in str(caught.value).splitlines()]
    where = f"{tmp_path / 'scenario.yaml'}: algorithms.0"
    assert told == [
        f"{where}.topology: unknown key 'rot'",
        f"{where}.topology: unknown key 'sed'",
        f"{where}: unknown key 'tau'",
    ]
    with pytest.raises(UserError) as caught:
        points(tmp_path, algorithms=[{"name": "r-fast", "stepsize": 1, "tua": 1}])
    told = [line.partition("; did")[0].partition(". Allowed")[0] for line in str(caught.value).splitlines()]
    assert told == [
        f"{where}.step_size: this key is missing",
        f"{where}: unknown key 'stepsize'",
        f"{where}: unknown key 'tua'",
    ]


def test_a_key_is_known_by_its_name_in_the_file_only(tmp_path: Path) -> None:
    grid = {"start": 0.1, "factor": 2, "count": 3}
    tune = {"objective": {"final": "loss"}, "parameters": {"step_size": grid}}
    with pytest.raises(
        UserError, match=r"parameters\.step_size: unknown key 'start'.* Allowed: values, from,"
    ):
        points(tmp_path, tune=tune)


def test_a_name_that_several_items_have_is_refused_with_their_labels() -> None:
    items = [{"name": "r-fast", "label": "tree"}, {"name": "r-fast", "label": "circle"}, {"name": "osgp"}]
    with pytest.raises(
        UserError, match=r"several items.* Allowed: tree, circle, osgp, or a position from 0 to 2"
    ):
        assign({"algorithms": items}, "algorithms.r-fast.step_size", 0.1)


@pytest.mark.parametrize("override", ["workers", "=3", "workers=[1"])
def test_an_override_must_be_a_key_and_a_value(tmp_path: Path, override: str) -> None:
    with pytest.raises(UserError, match="--set"):
        points(tmp_path, override)


def test_an_override_cannot_reach_into_a_plain_value(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a mapping"):
        points(tmp_path, "compute.kind.x=3")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("- 1\n", "expected a mapping"),
        ("a: [1\n", "not YAML"),
        ("a: 1\na: 2\n", "'a' comes twice"),
        ("[a, b]: 4\n", "a key must be a word, found a list"),
        ("{a: 1}: 4\n", "a key must be a word, found a dict"),
        ("", "a mapping"),
    ],
)
def test_files_that_are_no_scenario(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=complaint):
        load(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        load(tmp_path / "none.yaml")


def test_labels_must_differ(tmp_path: Path) -> None:
    twice = [
        {"name": "r-fast", "step_size": 1, "label": "a"},
        {"name": "d-psgd", "step_size": 1, "label": "a"},
    ]
    with pytest.raises(UserError, match="'a' comes more than once"):
        points(tmp_path, algorithms=twice)


def test_a_pair_without_a_common_root_is_refused_before_any_run(tmp_path: Path) -> None:
    (tmp_path / "w.txt").write_text("0 1\n0 2\n0 3\n")
    (tmp_path / "a.txt").write_text("0 1\n2 1\n3 1\n")
    pair = {"w": "w.txt", "a": "a.txt"}
    algorithms = [{"name": "r-fast", "step_size": 0.1, "topology": pair}]
    with pytest.raises(Unsound, match=r"roots of G\(W\): 0; roots of G\(A\): 1"):
        plan(points(tmp_path, algorithms=algorithms))
    (run,) = plan(points(tmp_path, algorithms=algorithms, allow_unsound=True))
    assert not run.build_topology().sound


def test_what_merely_cannot_run_is_skipped_with_its_reason(tmp_path: Path) -> None:
    algorithms = [
        {"name": "ad-psgd", "step_size": 0.1, "topology": "ring"},
        {"name": "d-psgd", "step_size": 0.1, "topology": "binary-tree"},
    ]
    skipped = [run.skipped for run in plan(points(tmp_path, algorithms=algorithms, workers=5))]
    assert "odd cycle" in skipped[0]
    assert "binary-tree" in skipped[1]


def test_numbers_and_words_are_different_keys(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("1: 2\ntrue: x\n")
    with pytest.raises(UserError, match="unknown key '1'"):
        load(path)


def test_a_mapping_may_be_merged_into_another(tmp_path: Path) -> None:
    """What is said beside `<<` comes before what it brings."""
    path = write(tmp_path, compute={"kind": "lognormal", "mean": "100 ms", "sigma": 0.1})
    text = path.read_text().replace("compute:", "compute: &own")
    path.write_text(text + "network:\n  latency: {<<: *own, sigma: 0.5}\n")
    scenario = load(path)
    assert getattr(scenario.network.latency, "sigma", None) == 0.5
    assert scenario.network.latency.mean == getattr(scenario.compute, "mean", None) == 0.1


def test_a_missing_kind_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="compute: 'kind' is missing"):
        load(write(tmp_path, compute={"mean": 0.01}))


def test_wrong_parameters_of_all_algorithms_are_told_at_once(tmp_path: Path) -> None:
    wrong = [{"name": "r-fast", "step_sise": 1}, {"name": "d-psgd", "step_size": 1, "stepsize": 2}]
    with pytest.raises(UserError, match=r"(?s)algorithms\.0.*step_sise.*algorithms\.1.*stepsize"):
        points(tmp_path, algorithms=wrong)


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("workers=four", "workers: expected a whole number (found 'four')"),
        ("workers=2.5", "workers: expected a whole number (found 2.5)"),
        ("workers={a: 1}", "workers: expected a whole number (found a mapping of keys)"),
        ("workers=null", "workers: expected a whole number (found nothing)"),
        ("problem=3", "problem: expected a mapping with 'kind', which says what sort this is (found 3)"),
        ("network=3", "network: expected a mapping of keys (found 3)"),
        ("network.loss=many", "network.loss: expected a number (found 'many')"),
        ("stragglers=3", "stragglers: expected a list (found 3)"),
        ("algorithms=[]", "algorithms: expected at least 1 entry (found [])"),
        ("world=rael", "world: expected 'simulated', 'real' or 'both'; did you mean 'real'? (found 'rael')"),
        ("checkpoint=perhaps", "checkpoint: expected true or false (found 'perhaps')"),
        (
            "name=a b",
            "name: expected a name of letters, digits, '.', '_' and '-' that begins with a letter or digit "
            "(found 'a b')",
        ),
        ("description=[1]", "description: expected a word or text (found [1])"),
    ],
)
def test_no_word_of_a_schema(override: str, line: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        points(tmp_path, override)
    assert str(caught.value) == f"{tmp_path / 'scenario.yaml'}, changed by --set: {line}"
