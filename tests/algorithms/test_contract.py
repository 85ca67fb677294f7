"""What every algorithm must keep to in a whole run, built in or plugged in.

The rules at the head of `rfast_bench.api` are those of `rfast-bench check`: see tests/conformance/.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel

from benchmarks.mistakes import source_of
from rfast_bench.api import Algorithm, Needs
from rfast_bench.conditions.links import link_draws
from rfast_bench.conditions.randomness.seeds import Streams
from rfast_bench.errors import CannotRun
from rfast_bench.plan import registry
from rfast_bench.plan.parameters import effective_step, own_shares
from rfast_bench.scenario.sections.network import NetworkSpec
from rfast_bench.scenario.sections.topology import TopologySpec
from rfast_bench.topology.build import build
from rfast_bench.topology.topology import Topology
from tests.support.handmade import imports, make_run, simulate_run

VARIANTS: dict[str, list[dict[str, Any]]] = {
    "m-sync": [{}, {"m": 1}, {"interrupt": False}],
    "fragile": [{}, {"S": 1}, {"interrupt": False}],
    "amelie": [{}, {"interrupt": False}],
    "r-fast": [{}, {"compensated": True}, {"own_share_w": 0.7, "own_share_a": 0.6}],
    "r-fast-one-peer": [{}, {"own_share": 0.7, "compensated": True}],
    "osgp": [{}, {"tau": 0}, {"tau": 3}, {"delivery": "datagram"}],
    "rasgp": [{}, {"weighting": "none"}],
    "async-sgd": [{}, {"weighting": "elapsed"}],
    "local-sgd": [{}, {"local_steps": 1, "outer_step": 0.7, "outer_momentum": 0.5}],
}
"""Parameters beside the step size that change what an algorithm does."""
GRADIENTS_OF_A_STEP = {"fragile": 5, "amelie": 9}
"""That a worker may do while one step is made of some of them."""
BUILT_UPON = "rfast_bench.algorithms.r_fast"
"""What an algorithm may import beside the contract."""
EVERY = [(name, extra) for name in [*registry.names(), "plug-in"] for extra in VARIANTS.get(name, [{}])]
pytestmark = pytest.mark.parametrize(
    ("name", "extra"), EVERY, ids=[" ".join([name, *(f"{k}={v}" for k, v in e.items())]) for name, e in EVERY]
)


@pytest.fixture(scope="session")
def plug_in(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("plug-in") / "gossip.py"
    path.write_text(source_of("gossip"), encoding="utf-8")
    return f"{path}:Method"


class Kind:
    """An algorithm under test: its class and how to build and run it."""

    def __init__(self, name: str, extra: dict[str, Any]) -> None:
        self.name = name
        self.extra = extra
        self.algorithm: type[Algorithm] = registry.find(name)
        self.undirected = self.algorithm.needs in ("undirected", "bipartite")

    @property
    def gives_up(self) -> bool:
        """Whether a newer point may end its gradients."""
        by_default = "interrupt" in registry.parameters(self.algorithm).model_fields
        return bool(self.extra.get("interrupt", by_default))

    def topology(self, n: int) -> tuple[Topology, str | None]:
        """Its default graph of n workers, with its own shares, and that graph's name; a line where there is none."""
        needs: Needs = self.algorithm.needs
        kinds = [self.algorithm.default_topology or "none", *(["line"] if self.undirected else [])]
        for kind in kinds:
            try:
                built = build(TopologySpec(kind=kind), n, needs)
            except CannotRun:
                continue
            given = (
                registry.parameters(self.algorithm)
                .model_validate({"step_size": 1, **self.extra})
                .model_dump()
            )
            built = built.with_own_shares(**own_shares(self.algorithm, given))
            return built, None if kind == "none" else kind
        raise AssertionError(f"{self.name} runs on none of {kinds} with {n} workers")

    def run(self, n: int, **over: Any) -> Any:
        built, kind = self.topology(n)
        step = over.pop("step", 0.1) / effective_step(self.algorithm, built, 1.0)
        chosen = {} if kind is None else {"topology": kind}
        algorithm = {"name": self.name, "step_size": step, **self.extra, **chosen}
        return simulate_run(make_run(algorithm, workers=n, **over))


@pytest.fixture
def kind(name: str, extra: dict[str, Any], plug_in: str) -> Kind:
    return Kind(plug_in if name == "plug-in" else name, extra)


# --------------------------------------------------------------------------------------------- the class
def test_says_what_it_is(kind: Kind) -> None:
    assert kind.algorithm.needs in ("pair", "trees", "undirected", "bipartite", "nothing")
    assert (kind.algorithm.default_topology is None) == (kind.algorithm.needs == "nothing")
    parameters: type[BaseModel] = registry.parameters(kind.algorithm)
    assert "step_size" in parameters.model_fields
    assert parameters.model_fields["step_size"].is_required()
    with pytest.raises(ValueError, match="greater than 0"):
        parameters.model_validate({"step_size": 0})


def test_imports_nothing_but_the_contract(kind: Kind) -> None:
    """Rules 3, 5 and 6: no array library, no clock and no randomness of its own. R-FAST may be built upon."""
    allowed = sys.stdlib_module_names | {"annotated_types"}
    forbidden = {"random", "secrets", "time", "datetime", "asyncio", "threading", "os", "logging"}
    for module in imports(Path(inspect.getfile(kind.algorithm))):
        top = module.partition(".")[0]
        ours = (
            module.startswith(("rfast_bench.api", "rfast_bench.smaller"))
            or module.removesuffix(".RFast") == BUILT_UPON
        )
        assert ours or top in allowed - forbidden, module


# ------------------------------------------------------------------------------------ in the simulated world
ROUGH: dict[str, Any] = {
    "compute": {"kind": "lognormal", "mean": 1, "sigma": 0.5},
    "network": {"latency": {"kind": "exponential", "mean": 0.3}, "loss": 0.2, "bandwidth": "1 kB/s"},
    "stragglers": [{"worker": 0, "kind": "random", "slowdown": 3, "mean_slow": 5, "mean_normal": 10}],
}


@pytest.mark.parametrize("n", [1, 2, 3, 64])
def test_makes_progress_with_any_number_of_workers(kind: Kind, n: int) -> None:
    """64 workers make a tree of seven levels: what goes down and up it is late, so the step must be small, but for a
    method whose gradients are never late: it takes few."""
    step, rounds = (0.1, 40) if n < 64 else (0.03, 120)
    if kind.name in GRADIENTS_OF_A_STEP:
        step, rounds = 0.3, 20 * GRADIENTS_OF_A_STEP[kind.name]
    problem = {"kind": "quadratic", "dim": 4, "heterogeneity": 0.2, "condition": 2}
    over = {"stop": {"iterations": rounds}, "evaluate": {"every": "10 iterations"}}
    played = kind.run(n, problem=problem, step=step, **over)
    assert played.outcome.stopped_by == "iterations"
    gaps = played.curves.loss - played.problem.least
    assert gaps.iloc[-1] < 0.1 * gaps.iloc[0]
    assert played.models[-1].shape == (n, 4)
    assert played.curves.iterations_min.iloc[-1] > 0
    assert (n == 1) == (played.curves.messages_sent.iloc[-1] == 0)


def test_same_seed_same_run(kind: Kind) -> None:
    played = [kind.run(5, **ROUGH, stop={"iterations": 20}) for _ in range(2)]
    for name, frame in played[0].outcome.frames.items():
        assert frame.to_csv() == played[1].outcome.frames[name].to_csv()
    np.testing.assert_array_equal(played[0].models, played[1].models)


WINE: dict[str, Any] = {
    "dataset": "wine",
    "batch_size": 8,
    "l2": 0.05,
    "partition": {"kind": "dirichlet", "alpha": 1},
}


@pytest.mark.parametrize("task", [{"kind": "logistic-regression"}, {"kind": "mlp", "hidden": [40]}])
def test_batched_gradients_change_nothing(kind: Kind, task: dict[str, Any]) -> None:
    """The trajectory of lazy batching is that of one-by-one evaluation, to rounding, whatever a model's size."""
    over = {**ROUGH, "problem": {**WINE, **task}, "stop": {"iterations": 20}}
    over["network"] = {"latency": 0.3, "loss": 0.2}  # a narrow link would hold a wide model up for ever
    one, many = (kind.run(6, **over, simulation={"gradient_batch": size}) for size in (1, None))
    assert len(one.curves) == len(many.curves) > 10
    np.testing.assert_allclose(one.curves, many.curves, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(one.models, many.models, rtol=1e-9, atol=1e-9)


def test_keeps_its_invariant_in_the_simulated_world(kind: Kind) -> None:
    """`residual` is near 0 at every look; nan for a method that states no invariant."""
    residual = kind.run(6, **ROUGH, stop={"iterations": 40}).curves.residual
    states_one = kind.algorithm.residual.__func__ is not Algorithm.residual.__func__  # type: ignore[attr-defined]
    assert residual.notna().all() == states_one
    assert not (residual > 1e-12).any()


def test_meets_the_same_compute_times_as_r_fast(kind: Kind) -> None:
    """Common random numbers: the k-th gradient of worker i takes the same work whatever the algorithm, up to where it
    is given up."""
    over = {**ROUGH, "stragglers": [{"worker": 1, "slowdown": 3}], "simulation": {"timeline": 1e6}}
    intervals = kind.run(4, **over, stop={"iterations": 12}).intervals()
    reference = Kind("r-fast", {}).run(4, **over, stop={"iterations": 12}).intervals()
    for i in range(4):
        known = min(len(intervals[i]), len(reference[i])) - 1  # the last one may be cut by the end of the run
        assert known >= 3
        mine, theirs = (np.diff(own[i][:known], axis=1) for own in (intervals, reference))
        whole = mine > theirs - 1e-9
        np.testing.assert_allclose(mine[whole], theirs[whole], rtol=1e-9)
        assert whole.all() or kind.gives_up


def test_meets_the_same_conditions(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    """Common random numbers: the k-th message on link i -> j meets what the seed, the link and k say."""
    met: dict[tuple[int, int], list[tuple[float, float]]] = {}

    def noted(
        network: Any, link: Any, streams: Streams, sender: int, receiver: int
    ) -> Iterator[tuple[float, float]]:
        for drawn in link_draws(network, link, streams, sender, receiver):
            met.setdefault((sender, receiver), []).append(drawn)
            yield drawn

    monkeypatch.setattr("rfast_bench.sim.network.links.link_draws", noted)
    kind.run(4, **ROUGH, stop={"iterations": 12})
    assert bool(met) != kind.algorithm.collective, "the ring draws one latency a link and step by itself"
    spec = NetworkSpec.model_validate(ROUGH["network"])
    for (i, j), draws in met.items():
        assert draws == list(islice(link_draws(spec, spec.link(i, j), Streams(0), i, j), len(draws)))
    assert len({draws[0] for draws in met.values()}) == len(met), "no two links share their draws"
