"""Times that know the work: batches, workers, devices; and spans of absence from a file."""

from __future__ import annotations

from itertools import islice, repeat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from rfast_bench.cli.commands import main
from rfast_bench.conditions.compute_times import sized, timeline_of, work_of
from rfast_bench.conditions.randomness.seeds import Streams
from rfast_bench.errors import UserError
from rfast_bench.plan.runs import Run, load_points, plan
from rfast_bench.records.reading import find_runs
from rfast_bench.report.content.run_description import sentences
from rfast_bench.scenario.faults.kinds import Crash
from rfast_bench.scenario.schema import Scenario, load
from rfast_bench.scenario.sections.compute import times_of
from rfast_bench.study.replay import replay
from rfast_bench.study.sweep import expected_work

BASE: dict[str, Any] = {
    "name": "timed",
    "workers": 4,
    "problem": {"kind": "logistic-regression", "dataset": "wine", "batch_size": 8},
    "compute": "100 ms",
    "algorithms": [{"name": "r-fast", "step_size": 0.02}],
    "stop": {"time": 4},
    "evaluate": {"every": 1},
}
# devices 1, 2, 3, 0 in this order: numbers are taken in theirs
TRACE = "device,ms\n1,147\n2,214\n3,281\n0,85\n1,152\n0,90\n"
DEVICES = {"kind": "empirical", "path": "trace.csv", "column": "ms", "unit": "1 ms", "by": "device"}


def write(folder: Path, **changes: Any) -> Path:
    path = folder / "timed.yaml"
    path.write_text(yaml.safe_dump({**BASE, **changes}))
    (folder / "trace.csv").write_text(TRACE)
    return path


def scenario(folder: Path, **changes: Any) -> Scenario:
    return load(write(folder, **changes))


def times(found: Scenario, worker: int, *sizes: int) -> list[float]:
    """What gradients of these sizes take a worker."""
    batches, work = sized(found, worker, iter(sizes), work_of(found, worker, Streams(0)), lambda size: size)
    return [next(work) for _ in batches]


def run(path: Path, out: Path, *more: str) -> str:
    done = CliRunner().invoke(
        main,
        ["run", str(path), "--out", str(out), "--no-plots", "--jobs", "1", *more],
        catch_exceptions=False,
    )
    assert done.exit_code == 0, done.output
    return done.output


# ------------------------------------------------------------------------------------------------- by batch
def test_a_gradient_takes_as_long_as_its_samples_say(tmp_path: Path) -> None:
    found = scenario(tmp_path, compute={"kind": "constant", "mean": 0.1, "samples": 32, "fixed": 0.02})
    assert times(found, 0, 32, 64, 8, 1) == pytest.approx([0.1, 0.18, 0.04, 0.0225])


def test_what_is_drawn_below_the_fixed_part_is_all_fixed(tmp_path: Path) -> None:
    """So that twice the batch never takes less than nothing, and the stated batch takes what was drawn."""
    law = {"kind": "lognormal", "mean": 0.1, "sigma": 1.0, "samples": 4, "fixed": 0.09}
    found = scenario(tmp_path, compute=law)
    drawn = list(islice(work_of(found, 0, Streams(0)), 500))
    assert min(drawn) < 0.09 < max(drawn)
    assert times(found, 0, *repeat(4, 500)) == pytest.approx(drawn)
    long = np.array(times(found, 0, *repeat(400, 500)))
    assert (long[np.array(drawn) <= 0.09] == np.array(drawn)[np.array(drawn) <= 0.09]).all()
    assert (long >= drawn).all()


def test_nothing_is_put_between_where_samples_are_not_said(tmp_path: Path) -> None:
    batches, work = iter([1]), iter([0.1])
    assert sized(scenario(tmp_path), 0, batches, work, int) == (batches, work)


def test_the_simulated_world_takes_the_time_of_the_batch(tmp_path: Path) -> None:
    """35 or 36 samples a worker in batches of 8: four of 8 and one of 3 or 4 a pass."""
    path = write(tmp_path, compute={"kind": "constant", "mean": 0.1, "samples": 8, "fixed": 0.05})
    run(path, tmp_path / "out")
    (done,) = find_runs([tmp_path / "out"])
    timeline = done.timeline()
    lengths = (timeline["end"] - timeline["start"])[timeline["worker"] == 0][:10].to_numpy()
    short = 0.05 + 0.05 * (4 if np.isclose(lengths[4], 0.075) else 3) / 8
    np.testing.assert_allclose(lengths, 2 * [*[0.1] * 4, short], rtol=1e-9)


def test_expectations_follow_the_batch(tmp_path: Path) -> None:
    law = {"kind": "constant", "mean": 0.1, "samples": 32, "fixed": 0.02}
    path = write(tmp_path, compute=law, sweep={"problem.batch_size": [8, 64]})
    small, large = plan(load_points(path))
    assert small.scenario.gradient_seconds == pytest.approx(0.04)
    assert large.scenario.gradient_seconds == pytest.approx(0.18)
    assert timeline_of(large.scenario) == pytest.approx(3.6)
    assert expected_work(small) == pytest.approx(4.5 * expected_work(large))


@pytest.mark.parametrize("said", [False, True])
def test_a_swept_batch_without_its_time_is_told_in_one_line(tmp_path: Path, said: bool) -> None:
    compute = {"kind": "constant", "mean": 0.1} | ({"samples": 8} if said else {})
    path = write(tmp_path, compute=compute, sweep={"problem.batch_size": [8, 16]}, stop={"time": 1})
    told = [line for line in run(path, tmp_path / "out").splitlines() if "compute.samples" in line]
    assert len(told) == (0 if said else 1)


def test_real_workers_take_the_times_of_their_batches_and_their_own(tmp_path: Path) -> None:
    """Worker 1 takes twice as long as worker 0; of batches of 16, what is said for 8 counts twice."""
    law = {"kind": "constant", "mean": 0.02, "samples": 8}
    changes = {"world": "real", "workers": 2, "compute": [law, {**law, "mean": 0.04}], "stop": {"time": 2}}
    problem = {**BASE["problem"], "batch_size": 16, "sampling": "with-replacement"}
    run(write(tmp_path, **changes, problem=problem), tmp_path / "out")
    (done,) = find_runs([tmp_path / "out"])
    first, second = done.workers()["gradients"]
    assert 40 <= first <= 50
    assert 19 <= second <= 25


# ------------------------------------------------------------------------------------------------ by worker
def test_each_worker_has_its_own_distribution(tmp_path: Path) -> None:
    compute = [0.1, "200 ms", {"kind": "constant", "mean": 0.3, "samples": 4}, 0.4]
    found = scenario(tmp_path, compute=compute)
    assert [times(found, i, 8)[0] for i in range(4)] == pytest.approx([0.1, 0.2, 0.6, 0.4])
    assert found.gradient_seconds == pytest.approx((0.1 + 0.2 + 0.6 + 0.4) / 4)


def test_devices_that_are_numbers_go_to_the_workers_in_numeric_order(tmp_path: Path) -> None:
    found = scenario(tmp_path, compute=DEVICES)
    own = [set(times_of(found.compute, i).draw(np.random.default_rng(0), 50).round(6)) for i in range(4)]
    assert own == [{0.085, 0.090}, {0.147, 0.152}, {0.214}, {0.281}]
    assert found.gradient_seconds == pytest.approx((0.0875 + 0.1495 + 0.214 + 0.281) / 4)


def test_devices_with_names_go_in_the_order_of_the_file_round_and_round(tmp_path: Path) -> None:
    path = write(tmp_path, compute=DEVICES)
    (tmp_path / "trace.csv").write_text("device,ms\nphone,300\nlaptop,100\nphone,300\n")
    found = load(path)
    assert [times(found, i, 8)[0] for i in range(4)] == pytest.approx([0.3, 0.1, 0.3, 0.1])


def test_a_mean_keeps_devices_apart(tmp_path: Path) -> None:
    found = scenario(tmp_path, compute={**DEVICES, "mean": "1 s"})
    slow, fast = (times_of(found.compute, i).draw(np.random.default_rng(0), 9).mean() for i in (3, 0))
    assert slow / fast == pytest.approx(281 / 87.5, rel=0.05)


MIXED = [{"kind": "constant", "mean": 0.1, "samples": 4, "fixed": 0.02}, 0.2, 0.2, 0.1]


@pytest.mark.parametrize(
    ("compute", "told"),
    [
        (DEVICES, "A gradient takes measured times, each worker's of a device of its own"),
        (
            MIXED,
            "A gradient takes times of each worker's own: 100 ms, always for 4 samples, 20 ms of it whatever the "
            "batch, 200 ms, always and 100 ms, always",
        ),
    ],
)
def test_a_run_with_times_of_their_own_repeats_from_its_folder(
    tmp_path: Path, compute: Any, told: str
) -> None:
    run(write(tmp_path, compute=compute), tmp_path / "out")
    (done,) = find_runs([tmp_path / "out"])
    outcome, _ = replay(done, 4.0)
    assert outcome.status == "finished"
    said = sentences(yaml.safe_load((done.folder / "scenario.yaml").read_text()), {}, [0])
    assert any(sentence.startswith(told) for sentence in said), said


def test_new_keys_at_rest_are_neither_written_nor_counted(tmp_path: Path) -> None:
    one = plan(load_points(write(tmp_path)))[0]
    assert one.resolved["compute"] == {"kind": "constant", "mean": 0.1}
    assert list(one.resolved["compute"]) == ["kind", "mean"]
    other = plan(load_points(write(tmp_path, compute={"kind": "constant", "mean": 0.1, "samples": 8})))[0]
    assert one.hash != other.hash


# ---------------------------------------------------------------------------------------------------- spans
SPANS = "worker,down,up\n2, 500 ms, 1.5\n1,1,2\n2,2,\n\n"


def spans(folder: Path, text: str, **more: Any) -> Run:
    (folder / "spans.csv").write_text(text)
    changes = {"faults": {"path": "spans.csv", **more}, "network": {"silence_timeout": 1}}
    return plan(load_points(write(folder, **changes)))[0]


def test_spans_become_deaths_and_returns(tmp_path: Path) -> None:
    found = spans(tmp_path, SPANS, state="snapshot", snapshot_age="100 ms").scenario.faults
    assert [(*f.named, f.down, f.up) for f in found if isinstance(f, Crash)] == [
        (2, 0.5, 1.5),
        (1, 1, 2),
        (2, 2, None),
    ]
    assert {(f.state, f.snapshot_age) for f in found if isinstance(f, Crash)} == {("snapshot", 0.1)}


def test_a_run_with_spans_is_the_run_with_the_faults_in_the_scenario(tmp_path: Path) -> None:
    one = spans(tmp_path, SPANS)
    said = [
        {"worker": 2, "down": 0.5, "up": 1.5},
        {"worker": 1, "down": 1, "up": 2},
        {"worker": 2, "down": 2},
    ]
    path = write(tmp_path, faults=said, network={"silence_timeout": 1})
    assert plan(load_points(path))[0].hash == one.hash
    run(path, tmp_path / "out")
    (done,) = find_runs([tmp_path / "out"])
    assert done.manifest["status"] == "finished"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("worker,down\n1,2\n", "spans.csv has no column 'up'; it has worker, down"),
        ("worker,down,up,why\n1,2,3,x\n", "unknown column 'why'"),
        (
            "worker,down,up\n1,2,3\n1,2.5,4\n",
            "line 3: worker 1 goes down at 2.5 s, but it is down from 2 s until 3 s",
        ),
        (
            "worker,down,up\n1,2,\n1,3,4\n",
            "line 3: worker 1 goes down at 3 s, but it is down from 2 s for good",
        ),
        (
            "worker,down,up\n1,5,6\n1,2,3\n",
            "line 3: worker 1 goes down at 2 s, after a line with 5 s: time goes back",
        ),
        ("worker,down,up\n1,5,4\n", "line 2: up (4.0 s) must come after down (5.0 s)"),
        ("worker,down,up\n1,soon,4\n", "line 2: column 'down': found 'soon'"),
        ("worker,down,up\nx,1,4\n", "line 2: column 'worker' (found 'x')"),
        ("worker,down,up\n1,0,4\n", "line 2: column 'down' (found '0'): expected a number above 0"),
        ("worker,down,up\n1,2\n", "line 2: found 2 values; the head has 3"),
        ("worker,down,up\n9,2,3\n", "fault 0 names worker 9; workers are 0 to 3"),
    ],
)
def test_wrong_spans_are_told_with_their_line(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(UserError) as error:
        spans(tmp_path, text)
    assert str(error.value).startswith(f"{tmp_path / 'timed.yaml'}: faults: ")
    assert told in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_wrong_spans_in_the_scenario_itself(tmp_path: Path) -> None:
    faults = [{"worker": 1, "down": 5, "up": 6}, {"worker": 1, "down": 2, "up": 5.5}]
    with pytest.raises(
        UserError, match=r"faults: worker 1 goes down at 5 s, but it is down from 2 s until 5\.5 s"
    ):
        scenario(tmp_path, faults=faults, network={"silence_timeout": 1})


# ------------------------------------------------------------------------------------------------ bad input
@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"compute": [0.1, 0.2]}, "compute: 2 distributions for 4 workers"),
        ({"compute": [0.1, 0, 0.1, 0.1]}, "compute: a gradient must take time"),
        (
            {"compute": [0.1, {"kind": "gama"}, 0.1, 0.1]},
            "compute.1: unknown kind 'gama'; did you mean 'gamma'",
        ),
        (
            {"compute": {"kind": "constant", "mean": 1, "samples": 4, "fixed": 2}},
            "compute: fixed (2 s) is above the mean",
        ),
        (
            {"compute": {"kind": "constant", "mean": 1, "samples": 0}},
            "compute.samples: expected a number ",
        ),
        ({"compute": {"kind": "constant", "mean": 1, "fixed": "1 ms"}}, "compute: fixed needs samples"),
        (
            {"compute": {**DEVICES, "by": "devise"}},
            "trace.csv has no column 'devise'; did you mean 'device'?",
        ),
        ({"compute": {**DEVICES, "fixed": 1, "samples": 3}}, "compute: fixed (1 s) is above the mean"),
        (
            {"network": {"latency": {"kind": "constant", "mean": 1, "samples": 3}}},
            "network.latency: 'samples' is for compute",
        ),
        ({"network": {"latency": DEVICES}}, "network.latency: 'by' is for compute"),
        ({"faults": {"state": "empty"}}, "faults.path: this key is missing"),
        ({"faults": {"path": "nowhere.csv"}}, "faults: cannot read"),
    ],
)
def test_mistakes_are_told_with_their_key(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError) as error:
        scenario(tmp_path, **changes)
    assert str(error.value).startswith(f"{tmp_path / 'timed.yaml'}: {told.split(':')[0]}") or told in str(
        error.value
    )
    assert told in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_a_device_without_a_name_is_told_with_its_line(tmp_path: Path) -> None:
    path = write(tmp_path, compute=DEVICES)
    (tmp_path / "trace.csv").write_text("device,ms\n1,2\n,3\n")
    with pytest.raises(UserError, match=r"column 'device' of .* is empty in line 3"):
        load(path)
