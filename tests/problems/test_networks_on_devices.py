"""Modules on a device: the same numbers, and every tensor there."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from rfast_bench.problems import build, evaluated_on
from rfast_bench.problems.evaluation import Evaluator
from rfast_bench.problems.network import TorchProblem
from rfast_bench.problems.tensors import OnDevice
from rfast_bench.scenario.problem.kinds import QuadraticSpec
from tests.problems.test_networks import DRAW, KINDS, RIGHT, asked, make

pytestmark = pytest.mark.filterwarnings("ignore:.*weight_norm.*is deprecated:FutureWarning")
MOVES = {"_to_copy", "copy_"}
UNTIED = {"Tied", "Listed"}
"""On the way to `meta`, unlike to a GPU, torch gives every layer a parameter of its own."""


class OneDevice(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Refuses an operation on tensors of two devices, as a GPU does; numbers without dimensions may be anywhere."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        places = {a.device.type for a in tree_leaves((args, kwargs)) if isinstance(a, Tensor) and a.dim()}
        if len(places) > 1 and func.overloadpacket.__name__ not in MOVES:
            raise RuntimeError(f"{func} on tensors of {places}")
        return func(*args, **(kwargs or {}))


class Pretended(OneDevice):  # type: ignore[no-untyped-call]
    """The same, and what comes from the `meta` device to the host is made up: evaluation ends there."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, given = func.overloadpacket.__name__, kwargs or {}
        if name == "_local_scalar_dense" and args[0].device.type == "meta":
            return torch.ones((), dtype=args[0].dtype).item()
        if name == "_to_copy" and args[0].device.type == "meta" and str(given.get("device")) == "cpu":
            return torch.zeros(args[0].shape, dtype=given.get("dtype") or args[0].dtype)
        return super().__torch_dispatch__(func, types, args, given)


def one_device() -> Any:
    made: Any = OneDevice
    return made()


def test_the_refusal_refuses() -> None:
    with one_device(), pytest.raises(RuntimeError, match="on tensors of"):
        torch.mul(torch.ones(2), torch.ones(2, device="meta"))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in UNTIED])
def test_every_tensor_of_a_gradient_is_on_the_device(kind: str) -> None:
    """On the `meta` device, where nothing is computed but all must be."""
    placed = OnDevice(make(f"{RIGHT}:{kind}", l2=0.1), "meta")
    workers, points, batches = asked(make(f"{RIGHT}:{kind}"), 2)
    with one_device():
        models = placed.stack([torch.empty(x.shape, dtype=torch.float64, device="meta") for x in points])
        gradients = placed.gradients(workers, models, batches)
        assert gradients.device.type == "meta"
        assert gradients.shape == points.shape


def pretended() -> Any:
    made: Any = Pretended
    return made()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in UNTIED])
def test_every_tensor_of_an_evaluation_and_of_a_checkpoint_is_on_the_device(kind: str) -> None:
    host = make(f"{RIGHT}:{kind}", l2=0.1)
    placed = evaluated_on(host, "meta")
    x = np.array(host.start)
    with pretended():
        loss, gradient = placed.objective(x)
        assert (loss >= 0, placed.loss(x) >= 0, placed.accuracy(x)) == (True, True, 1)
        found = placed.named(x)
    assert gradient.shape == x.shape
    expected = host.named(x)
    assert [*found] == [*expected]
    assert all(found[name].shape == array.shape for name, array in expected.items())
    assert all(found[name].dtype == array.dtype for name, array in expected.items())


def test_held_out_samples_on_another_device_are_noticed() -> None:
    host = make(f"{RIGHT}:plain")
    placed = host.on(torch.device("meta"))
    placed.engine.test = host.engine.test
    with pretended(), pytest.raises(RuntimeError, match="on tensors of"):
        placed.accuracy(np.array(host.start))


def test_a_metric_with_tensors_of_its_own_elsewhere_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "import torch\ndef metric(outputs, targets): return (targets == torch.zeros(len(targets))).sum()\n"
    )
    placed = make(f"{RIGHT}:plain", metric=f"{tmp_path / 'own.py'}:metric").on(torch.device("meta"))
    with pretended(), pytest.raises(RuntimeError, match="on tensors of"):
        placed.accuracy(np.array(placed.start))


def test_only_networks_are_evaluated_elsewhere_and_not_before_the_first_look() -> None:
    """A GPU is the workers' until they are gone."""
    quadratic = build(QuadraticSpec(kind="quadratic", dim=2), 3, 0)
    assert evaluated_on(quadratic, "meta") is quadratic
    network = make(f"{RIGHT}:plain")
    assert evaluated_on(network, "cpu") is network
    evaluator = Evaluator(network, None, device="meta")
    assert "problem" not in vars(evaluator)
    looks = evaluator.problem
    assert isinstance(looks, TorchProblem)
    assert looks.engine.flat.vector.device.type == "meta"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in DRAW])
def test_an_engine_of_its_own_gives_the_same(kind: str) -> None:
    """Evaluation too: on a device it is not done on the host."""
    problem = make(f"{RIGHT}:{kind}", l2=0.1)
    placed = OnDevice(problem, "cpu")
    workers, points, batches = asked(problem, 2)
    found = placed.gradients(workers, torch.from_numpy(points), batches)
    np.testing.assert_allclose(found.numpy(), problem.gradients(workers, points, batches), rtol=0, atol=1e-14)
    x = torch.from_numpy(points[0])
    assert placed.loss(x) == pytest.approx(problem.loss(points[0]), rel=1e-14)
    np.testing.assert_allclose(placed.objective(x)[1], problem.objective(points[0])[1], rtol=0, atol=1e-14)
    assert placed.accuracy(x) == problem.accuracy(points[0])


def test_draws_on_the_host_are_those_of_an_engine_of_its_own() -> None:
    problem = make(f"{RIGHT}:dropout")
    batches = list(islice(problem.sampler(2, np.random.default_rng(0)), 2))
    points = np.tile(problem.start, (2, 1))
    found = OnDevice(problem, "cpu").gradients([2, 2], torch.from_numpy(points), batches)
    np.testing.assert_array_equal(found.numpy(), problem.gradients([2, 2], points, batches))
