"""The modules that come with the suite: their sizes, what they take, and that they learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter

from rfast_bench.errors import UserError
from rfast_bench.problems import ProblemSpec
from rfast_bench.problems import build as build_any
from rfast_bench.problems.data.datasets import Data
from rfast_bench.problems.network import TorchProblem, build
from rfast_bench.problems.sampled import Batching

ADAPTER: TypeAdapter[Any] = TypeAdapter(ProblemSpec)


def data(shape: tuple[int, ...], classes: int = 10, samples: int = 40) -> Data:
    rng = np.random.default_rng(0)
    x, y = rng.random((samples, *shape), np.float32), rng.integers(0, classes, samples)
    return Data(x, y, x[:10], y[:10], classes)


def made(given: Data, size: int = 8, **keys: Any) -> TorchProblem:
    spec = ADAPTER.validate_python({"kind": "torch", **keys})
    return build(spec, given, np.array_split(np.arange(len(given.labels)), 2), Batching(size), 0, "problem")


@pytest.mark.parametrize(
    ("model", "shape", "dim"),
    [
        ({"model": "lenet"}, (784,), 11_322),
        ({"model": "lenet"}, (1, 28, 28), 11_322),
        (
            {"model": "lenet", "model_args": {"width": 4}},
            (8, 8),
            4 * 25 + 4 + 8 + 8 * 100 + 8 + 16 + 32 * 10 + 10,
        ),
        ({"model": "resnet20"}, (3 * 8 * 8,), 269_722),
        ({"model": "resnet20", "model_args": {"norm": "batch"}}, (3, 8, 8), 269_722),
    ],
)
def test_sizes(model: dict[str, Any], shape: tuple[int, ...], dim: int) -> None:
    assert made(data(shape), **model).dim == dim


def test_shipped_models_refuse_what_is_no_image_or_argument() -> None:
    with pytest.raises(UserError, match=r"model: lenet could not be made .* 13 features are no square image"):
        made(data((13,)), model="lenet")
    with pytest.raises(UserError, match="norm: 'layer' is unknown; allowed: group, batch"):
        made(data((3, 8, 8)), model="resnet20", model_args={"norm": "layer"})
    with pytest.raises(UserError, match=r"could not be made with model_args {'wide': 3}: TypeError"):
        made(data((3, 8, 8)), model="lenet", model_args={"wide": 3})
    with pytest.raises(UserError, match="a transformer wants samples of whole numbers"):
        made(data((8,)), model="transformer")


def letters(samples: int = 64, length: int = 12) -> tuple[Any, Any]:
    """Text that counts upwards from anywhere: the next letter is known after one."""
    first = np.random.default_rng(0).integers(0, 7, samples)
    text = (first[:, None] + np.arange(length + 1)) % 7
    return text[:, :-1], text[:, 1:]


@pytest.mark.parametrize("whole", [True, False], ids=["every position", "the last one"])
def test_the_transformer_learns_to_count(whole: bool) -> None:
    x, y = letters()
    y = y if whole else y[:, -1]
    keys = {"width": 16, "heads": 2, "layers": 1}
    problem = made(Data(x, y, x, y, 7), 16, model="transformer", model_args=keys)
    model, batches = problem.start, problem.sampler(0, np.random.default_rng(0))
    for _ in range(150):
        model = model - 0.5 * problem.gradients([0], model[None], [next(batches)])[0]
    assert problem.accuracy(model) > 0.95
    assert problem.loss(model) < 0.3 < problem.loss(problem.start)


def test_the_transformer_sees_nothing_that_comes_later() -> None:
    x, y = letters()
    module = made(Data(x, y, x, y, 7), 16, model="transformer").engine.flat.module.eval()
    one, other = torch.from_numpy(x[:1].copy()), torch.from_numpy(x[:1].copy())
    other[0, 6:] = 0
    with torch.no_grad():
        assert torch.allclose(module(one)[0, :6], module(other)[0, :6], atol=1e-6)
        assert not torch.allclose(module(one)[0, 6:], module(other)[0, 6:], atol=1e-3)


def test_digits_by_name_through_a_scenario() -> None:
    raw = {"kind": "torch", "model": "lenet", "dataset": {"kind": "digits", "limit": 300}, "batch_size": 20}
    spec = ADAPTER.validate_python(raw)
    assert (spec.l2, spec.dtype, spec.metric, spec.recalibrate) == (0.0, "float32", "accuracy", 20)
    problem = build_any(spec, 3, 0)
    model, batches = problem.start, [problem.sampler(i, np.random.default_rng(i)) for i in range(3)]
    for _ in range(60):
        points = np.tile(model, (3, 1))
        model = model - 0.2 * problem.gradients(range(3), points, [next(own) for own in batches]).mean(0)
    assert problem.accuracy(model) > 0.6


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"model": "lenett"}, "unknown name 'lenett'; did you mean 'lenet'"),
        ({"model": "lenet", "loss": "hinge"}, "unknown name 'hinge'"),
        ({"model": "lenet", "loss": "mse", "metric": "accuracy"}, "metric: accuracy is of classes"),
        ({"model": "lenet", "recalibrate": 0}, "greater than or equal to 1"),
        ({}, "Field required"),
    ],
)
def test_wrong_words(keys: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        ADAPTER.validate_python({"kind": "torch", **keys})


def test_regression_is_measured_by_r2_unless_said_otherwise() -> None:
    assert ADAPTER.validate_python({"kind": "torch", "model": "lenet", "loss": "mse"}).metric == "r2"
