"""A user's own module trains in both worlds; what its file holds decides whether a run is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from rfast_bench.plan.runs import Run, load_points, plan
from rfast_bench.study.run import perform, problem_of
from tests.docs.test_docs import DOCS

EXAMPLE = DOCS / "examples" / "my_net.yaml"
CHANGES = "stop.time=1.5 s", "evaluate.every=0.5 s", "workers=2"


def runs(path: Path, *changes: str) -> list[Run]:
    return plan(load_points(path, changes))


def test_the_users_file_is_short() -> None:
    module = (DOCS / "examples" / "my_net.py").read_text().strip().splitlines()
    assert len(module) <= 25


@pytest.mark.timeout(120)
@pytest.mark.parametrize("world", ["simulated", "real"])
def test_the_example_trains_in_both_worlds(world: str) -> None:
    chosen = [run for run in runs(EXAMPLE, *CHANGES) if run.scenario.world == world]
    assert [run.algorithm.name for run in chosen] == ["r-fast", "ring-allreduce"]
    for run in chosen[1:] if world == "real" else chosen:
        curves = perform(run, None).frames["curves"]
        assert curves["loss"].iloc[-1] < 0.8 * curves["loss"].iloc[0]
        assert curves["accuracy"].iloc[-1] > 0.3


def test_a_run_is_another_one_when_the_module_is(tmp_path: Path) -> None:
    for name in ("my_net.py", "my_net.yaml"):
        (tmp_path / name).write_text((EXAMPLE.parent / name).read_text())
    first, moved = runs(EXAMPLE)[0], runs(tmp_path / "my_net.yaml")[0]
    assert moved.hash == first.hash
    assert moved.resolved["problem"]["model"] == f"{tmp_path / 'my_net.py'}:net"
    with (tmp_path / "my_net.py").open("a") as file:
        file.write("# another\n")
    assert runs(tmp_path / "my_net.yaml")[0].hash != first.hash


def test_all_processes_start_from_one_model() -> None:
    one, other = (problem_of(runs(EXAMPLE)[0]) for _ in range(2))
    assert one.start.tobytes() == other.start.tobytes()
    assert not one.start.flags.writeable
