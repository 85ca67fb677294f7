"""The complete methods of docs/writing-your-own.md: run, and held to what their heads say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from rfast_bench.cli.commands import main
from rfast_bench.conformance.hand.world import World
from rfast_bench.plan import registry
from rfast_bench.records.reading import Run, find_runs
from tests.support.handmade import graph, noise

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
METHODS: dict[str, dict[str, Any]] = {
    "momentum.py:MomentumRFast": {},
    "parameter_server.py:ParameterServer": {},
    "small_messages.py:SmallMessages": {},
    "gossip_sgd.py:GossipSgd": {},
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    out = tmp_path_factory.mktemp("examples")
    command = ["run", str(EXAMPLES / "three_methods.yaml"), "--out", str(out), "--jobs", "1", "--no-plots"]
    done = CliRunner().invoke(main, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return {run.label: run for run in find_runs([out])}


def test_all_of_them_come_close(runs: dict[str, Run]) -> None:
    """Momentum and R-FAST to the optimum, the others as near as one step size and unequal shards let them."""
    gaps = {label: float(run.curves()["gap"].iloc[-1]) for label, run in runs.items()}
    assert gaps["momentum"] < 1e-10
    assert max(gaps.values()) < 0.01
    assert runs["momentum"].curves()["residual"].max() < 1e-12


def test_they_say_what_they_are(runs: dict[str, Run]) -> None:
    assert runs["server"].mean_of == (0,)
    assert runs["momentum"].effective_step == pytest.approx(0.2)
    assert runs["momentum"].step_size == pytest.approx(0.2 * 0.4 / 6)


def test_small_messages_are_small(runs: dict[str, Run]) -> None:
    """Bytes of a message: 42 coordinates of 8 bytes; 4 of 12 bytes; 42 of 2 bytes."""
    ends = {label: run.curves().iloc[-1] for label, run in runs.items()}
    each = {k: end["bytes_sent"] / end["messages_sent"] for k, end in ends.items()}
    assert (each["d-psgd"], each["largest"], each["rounded"]) == (336, 48, 84)


def test_the_parameter_server_runs_on_real_processes(tmp_path: Path) -> None:
    command = ["run", str(EXAMPLES / "three_methods.yaml"), "--out", str(tmp_path), "--no-plots"]
    overrides = ["world=real", "workers=3", "stop.time=1.5 s", "network={}"]
    overrides += ["algorithms=[{name: 'parameter_server.py:ParameterServer', label: server, step_size: 0.2}]"]
    done = CliRunner().invoke(main, [*command, *(part for o in overrides for part in ("--set", o))])
    assert done.exit_code == 0, done.output
    (run,) = find_runs([tmp_path])
    assert run.curves()["loss"].iloc[-1] < 0.5 * run.curves()["loss"].iloc[0]


# ------------------------------------------------------------------------------------------- what they keep
@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("n", [1, 2, 5])
def test_they_run_on_arrays_tensors_and_floats(name: str, n: int) -> None:
    """The same iterates, on read-only arrays."""
    make: Any = registry.find(str(EXAMPLES / name))
    built = graph(make.default_topology or "none", n, make.needs)
    draw = noise(0, 1)
    worlds = [
        World(lambda x0: make(x0, step_size=0.1), built, np.zeros(1), draw),
        World(
            *(lambda x0: make(x0, step_size=0.1), built, torch.zeros(1, dtype=torch.float64)),
            lambda i, at, k: torch.tensor(draw(i, at, k)),
        ),
        World(lambda x0: make(x0, step_size=0.1), built, 0.0, lambda i, at, k: float(draw(i, at, k)[0])),
    ]
    for world in worlds:
        for _ in range(12):
            world.round()
        assert min(map(len, world.gradients)) >= 12
    arrays, tensors, floats = (
        [np.asarray(worker.model).item() for worker in world.workers] for world in worlds
    )
    np.testing.assert_allclose(tensors, arrays, atol=1e-12)
    np.testing.assert_allclose(floats, arrays, atol=1e-12)
    assert type(worlds[2].workers[0].model) is float


def test_the_sum_of_small_messages_is_what_all_know() -> None:
    """x̂_i is the same at its owner and at every neighbour; with equal shards and no gradient nothing moves."""
    make: Any = registry.find(str(EXAMPLES / "small_messages.py:SmallMessages"))
    ring = graph("ring", 5, "undirected")
    world = World(lambda x0: make(x0, step_size=0.1, share=0.3), ring, np.zeros(6), noise(3, 6))
    for _ in range(20):
        world.round()
        for i, worker in enumerate(world.workers):
            for j, known in worker.known.items():
                np.testing.assert_array_equal(known, world.workers[j].public)
            assert set(worker.known) == set(ring.in_W(i))
    still = World(lambda x0: make(x0, step_size=0.1), ring, np.ones(6), lambda i, at, k: 0 * at)
    for _ in range(5):
        still.round()
    assert all((worker.model == 1).all() for worker in still.workers)
