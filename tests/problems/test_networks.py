"""Modules as problems: gradients against plain autograd, nothing kept between them, and what is refused."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pydantic import TypeAdapter
from torch import nn

from rfast_bench.errors import UserError
from rfast_bench.problems import ProblemSpec
from rfast_bench.problems.data.datasets import Data
from rfast_bench.problems.network import TorchProblem, build
from rfast_bench.problems.networks.engine import plain
from rfast_bench.problems.networks.randomness import Drawn
from rfast_bench.problems.sampled import Batching
from tests.problems.modules import right, wrong

ADAPTER: TypeAdapter[Any] = TypeAdapter(ProblemSpec)
RIGHT, WRONG = Path(str(right.__file__)), Path(str(wrong.__file__))
KINDS = [
    "plain",
    "instance_norm",
    "weight_norm",
    "old_weight_norm",
    "spectral_norm",
    "old_spectral_norm",
    "Recurrent",
    "gru",
    "Attention",
    "in_place",
    "Frozen",
    "FrozenNorm",
    "Tied",
    "lazy",
    "dropout",
    "Skipping",
    "OwnNorm",
    "Listed",
    "Listening",
    "Rebound",
    "batch_norm",
]
DRAW = {"dropout", "Skipping"}
SHAPED = {"words": np.int64, "images": np.float64}
SIZES = 33, 20, 47
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*weight_norm.*is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*torch.jit.* is deprecated:DeprecationWarning"),
]


def data(kind: str = "", classes: int = 3) -> Data:
    rng = np.random.default_rng(0)
    x: NDArray[Any] = rng.normal(size=(130, 6))
    if kind == "words":
        x = rng.integers(0, 10, (130, 6))
    if kind == "images":
        x = x.reshape(130, 2, 3)
    score = rng.normal(size=130) if kind == "words" else x.reshape(130, -1)[:, 0]
    y: NDArray[Any] = score if classes == 0 else np.digitize(score, [-0.5, 0.5])
    return Data(x[:100], y[:100], x[100:], y[100:], classes)


def make(
    model: str, seed: int = 0, given: Data | None = None, size: int | None = 16, **keys: Any
) -> TorchProblem:
    spec = ADAPTER.validate_python({"kind": "torch", "model": model, "dtype": "float64", **keys})
    cuts = np.cumsum(SIZES)[:-1]
    shards = np.split(np.random.default_rng(seed).permutation(100), cuts)
    return build(spec, given or data(), shards, Batching(size), seed, "problem")


def asked(problem: TorchProblem, each: int = 3) -> tuple[list[int], NDArray[Any], list[Any]]:
    rng = np.random.default_rng(2)
    workers = [i for i in range(problem.workers) for _ in range(each)]
    batches = [b for i in range(problem.workers) for b in islice(problem.sampler(i, rng), each)]
    noise = 0.1 * rng.normal(size=(len(workers), problem.dim))
    return workers, (problem.start + noise).astype(problem.dtype), batches


def plainly(module: nn.Module, x: NDArray[Any], inputs: Any, targets: Any) -> NDArray[Any]:
    """The gradient of the mean cross-entropy as everybody takes it: parameters filled, loss.backward()."""
    trained = [p for p in module.parameters() if p.requires_grad]
    nn.utils.vector_to_parameters(torch.from_numpy(x.copy()), trained)
    module.zero_grad()
    torch.autograd.backward(nn.functional.cross_entropy(module(inputs), targets))
    return np.concatenate([np.asarray(p.grad).reshape(-1) for p in trained])


# ----------------------------------------------------------------------------------------------- gradients
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in DRAW and "spectral" not in kind])
def test_gradients_are_those_of_plain_autograd(kind: str) -> None:
    problem, given = make(f"{RIGHT}:{kind}"), data()
    workers, points, batches = asked(problem)
    rows = problem.gradients(workers, points, batches)
    reference = problem.engine.task.make().train()
    for worker, x, batch, gradient in zip(workers, points, batches, rows, strict=True):
        own = problem.samples_of(worker, batch)
        inputs, targets = torch.from_numpy(given.features[own]), torch.from_numpy(given.labels[own])
        share = 3 * SIZES[worker] / 100
        np.testing.assert_allclose(gradient, share * plainly(reference, x, inputs, targets), atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_kept_from_one_gradient_to_the_next(kind: str) -> None:
    """In any order, one by one or together, with looks in between: the same to rounding."""
    problem = make(f"{RIGHT}:{kind}")
    workers, points, batches = asked(problem)
    rows = problem.gradients(workers, points, batches)
    before = problem.loss(points[0]), problem.accuracy(points[0])
    for k in reversed(range(len(workers))):
        alone = problem.gradients(workers[k : k + 1], points[k : k + 1], batches[k : k + 1])
        np.testing.assert_allclose(alone[0], rows[k], rtol=0, atol=1e-14)
        problem.loss(points[k])
    assert (problem.loss(points[0]), problem.accuracy(points[0])) == before
    other = make(f"{RIGHT}:{kind}")
    np.testing.assert_array_equal(other.start, problem.start)
    np.testing.assert_allclose(other.gradients(workers, points, batches), rows, rtol=0, atol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_of_the_objective_is_its_derivative(kind: str) -> None:
    problem = make(f"{RIGHT}:{kind}", l2=0.05)
    x = asked(problem)[1][0]
    loss, gradient = problem.objective(x)
    assert loss == problem.loss(x)
    if kind in ("batch_norm", "Rebound", "lazy", "instance_norm", "spectral_norm", "old_spectral_norm"):
        return  # statistics move with the model, and the gradient is taken with them fixed
    for i in np.random.default_rng(0).choice(problem.dim, 5):
        unit = 1e-6 * np.eye(problem.dim)[i]
        slope = (problem.loss(x + unit) - problem.loss(x - unit)) / 2e-6
        assert slope == pytest.approx(gradient[i], abs=1e-7)


@pytest.mark.parametrize("kind", ["plain", "Recurrent", "Tied", "weight_norm", "Frozen"])
def test_mean_of_the_workers_full_gradients_is_the_pooled_one(kind: str) -> None:
    problem = make(f"{RIGHT}:{kind}", size=None, l2=0.01)
    x = asked(problem)[1][0]
    rows = problem.gradients(range(3), np.tile(x, (3, 1)), [None] * 3)
    np.testing.assert_allclose(rows.mean(0), problem.objective(x)[1], rtol=0, atol=1e-14)


@pytest.mark.parametrize("kind", SHAPED)
def test_samples_of_any_shape_and_whole_numbers(kind: str) -> None:
    problem = make(f"{RIGHT}:{kind}", given=data(kind))
    workers, points, batches = asked(problem)
    assert np.isfinite(problem.gradients(workers, points, batches)).all()
    assert 0 <= problem.accuracy(problem.start) <= 1


def test_one_is_the_flat_vector_of_tied_weights_and_frozen_ones_are_not_in_it() -> None:
    assert make(f"{RIGHT}:Tied").dim == 36 + 6 + 6 + 21
    assert make(f"{RIGHT}:Frozen").dim == 27


def test_small_networks_of_linear_layers_are_computed_together() -> None:
    assert make(f"{RIGHT}:plain").together
    assert not make(f"{RIGHT}:dropout").together
    assert not make(f"{RIGHT}:images", given=data("images")).together


# --------------------------------------------------------------------------------------------------- draws
@pytest.mark.parametrize("kind", sorted(DRAW))
def test_draws_are_keyed_by_seed_worker_and_number(kind: str) -> None:
    problem = make(f"{RIGHT}:{kind}")
    batch = next(problem.sampler(0, np.random.default_rng(0)))
    assert isinstance(batch, Drawn)
    points = problem.start[None]
    given = [
        problem.gradients([worker], points, [Drawn(batch.rows, number)])[0]
        for worker in (0, 1)
        for number in range(8)
    ]
    assert len({gradient.tobytes() for gradient in given}) > 2
    state = torch.get_rng_state()
    again = problem.gradients([1], points, [Drawn(batch.rows, 3)])[0]
    np.testing.assert_array_equal(again, given[8 + 3])
    assert torch.equal(state, torch.get_rng_state())
    other = make(f"{RIGHT}:{kind}", seed=0)
    np.testing.assert_array_equal(other.gradients([1], points, [Drawn(batch.rows, 3)])[0], again)


# ------------------------------------------------------------------------------------------------ BatchNorm
def test_a_last_batch_of_one_joins_the_batch_before_it() -> None:
    problem = make(f"{RIGHT}:batch_norm")
    batches = list(islice(problem.sampler(0, np.random.default_rng(0)), 4))
    assert [len(batch) for batch in batches] == [16, 17, 16, 17]
    assert sorted(np.concatenate(batches[:2])) == list(range(33))
    assert [len(b) for b in islice(make(f"{RIGHT}:plain").sampler(0, np.random.default_rng(0)), 3)] == [
        16,
        16,
        1,
    ]


def test_evaluation_has_the_statistics_of_the_model_that_is_evaluated() -> None:
    problem, given = make(f"{RIGHT}:batch_norm", recalibrate=7), data()
    x = asked(problem)[1][0]
    share = problem.accuracy(x)
    module = problem.engine.task.make()
    nn.utils.vector_to_parameters(torch.from_numpy(x.copy()), list(module.parameters()))
    hidden = module.get_submodule("0")(torch.from_numpy(given.features)).detach().numpy()
    means = [hidden[rows].mean(0) for rows in problem.engine.task.calibration]
    spreads = [hidden[rows].var(0, ddof=1) for rows in problem.engine.task.calibration]
    norm: Any = problem.engine.flat.module.get_submodule("1")
    assert len(means) == 7
    np.testing.assert_allclose(norm.running_mean, np.mean(means, 0), atol=1e-12)
    np.testing.assert_allclose(norm.running_var, np.mean(spreads, 0), atol=1e-12)
    assert problem.accuracy(x) == share


def test_a_norm_that_its_owner_froze_keeps_its_statistics() -> None:
    problem = make(f"{RIGHT}:FrozenNorm")
    problem.accuracy(problem.start)
    norm: Any = problem.engine.flat.module.get_submodule("norm")
    np.testing.assert_array_equal(norm.running_mean, np.full(6, 0.5))


# --------------------------------------------------------------------------------------- losses and metrics
def test_regression_by_squared_error() -> None:
    problem = make(f"{RIGHT}:one_number", given=data(classes=0), loss="mse")
    x, y = data(classes=0).features, data(classes=0).labels
    module = problem.engine.task.make()
    guess = module(torch.from_numpy(x)).detach().numpy()[:, 0]
    assert problem.loss(problem.start) == pytest.approx(np.mean((guess - y) ** 2), rel=1e-12)
    assert problem.accuracy(problem.start) < 1
    with pytest.raises(UserError, match="cross-entropy is of class labels"):
        make(f"{RIGHT}:one_number", given=data(classes=0))


def test_two_classes_by_logits() -> None:
    given = data(classes=3)
    two = Data(given.features, given.labels // 2, given.test_features, given.test_labels // 2, 2)
    problem = make(f"{RIGHT}:one_number", given=two, loss="bce-with-logits")
    assert 0 <= problem.accuracy(problem.start) <= 1
    with pytest.raises(UserError, match="bce-with-logits wants targets from 0 to 1"):
        make(f"{RIGHT}:one_number", loss="bce-with-logits")


def test_loss_and_metric_of_ones_own() -> None:
    own: dict[str, Any] = {"loss": f"{RIGHT}:pair_loss", "metric": f"{RIGHT}:pair_metric"}
    problem = make(f"{RIGHT}:Pair", **own)
    assert 0 <= problem.accuracy(problem.start) <= 1
    assert np.isfinite(problem.objective(problem.start)[1]).all()
    assert np.isnan(make(f"{RIGHT}:plain", metric="none").accuracy(make(f"{RIGHT}:plain").start))


@pytest.mark.parametrize(
    "given",
    [
        {"model": f"{RIGHT}:NoisyEvaluation"},
        {"model": f"{RIGHT}:Rebound"},
        {"model": f"{RIGHT}:plain", "loss": f"{RIGHT}:noisy_loss"},
        {"model": f"{RIGHT}:plain", "metric": f"{RIGHT}:noisy_metric"},
        {"model": f"{RIGHT}:scripted"},
    ],
    ids=str,
)
def test_what_is_found_of_a_model_does_not_depend_on_what_was_done_before(given: dict[str, Any]) -> None:
    one, other = make(**given), make(**given)
    x = one.start + 0.1
    workers, points, batches = asked(other)
    for k in range(3):
        other.gradients(workers, points + k, batches)
        other.objective(other.start)
        other.accuracy(other.start - k)
    assert (one.loss(x), one.accuracy(x)) == (other.loss(x), other.accuracy(x))
    np.testing.assert_array_equal(one.objective(x)[1], other.objective(x)[1])
    np.testing.assert_array_equal(
        one.gradients(workers, points, batches), other.gradients(workers, points, batches)
    )


@pytest.mark.parametrize("loss", ["one_hot_loss", "branching_loss"])
def test_what_vmap_cannot_follow_is_computed_one_by_one(loss: str) -> None:
    problem = make(f"{RIGHT}:plain", loss=f"{RIGHT}:{loss}")
    assert make(f"{RIGHT}:plain").together
    assert not problem.together
    workers, points, batches = asked(problem)
    assert np.isfinite(problem.gradients(workers, points, batches)).all()


# ------------------------------------------------------------------------------------------- what is refused
REFUSED = [
    name
    for name, value in vars(wrong).items()
    if getattr(value, "__module__", "") == wrong.__name__
    and not name.endswith(("_loss", "_metric"))
    and name not in ("Hidden", "OwnMistake", "_Temperature")
]


@pytest.mark.parametrize("name", REFUSED)
def test_refused_before_any_run(name: str) -> None:
    with pytest.raises(UserError) as told:
        make(f"{WRONG}:{name}", dtype="float32")
    assert str(told.value).startswith(("problem.model: ", "problem.loss: "))
    assert str(vars(wrong)[name].__doc__) in str(told.value)


def test_refused_losses_metrics_and_files(tmp_path: Path) -> None:
    for key, name in (("loss", "mean_loss"), ("metric", "no_metric")):
        given: dict[str, Any] = {key: f"{WRONG}:{name}", "dtype": "float32"}
        with pytest.raises(UserError) as told:
            make(f"{RIGHT}:plain", **given)
        assert str(told.value).startswith(f"problem.{key}: ")
        assert str(vars(wrong)[name].__doc__) in str(told.value)
    for name in ("learned_loss", "counting_loss"):
        with pytest.raises(UserError) as told:
            make(f"{RIGHT}:plain", loss=f"{WRONG}:{name}")
        assert str(vars(wrong)[name].__doc__) in str(told.value)
    with pytest.raises(
        UserError, match=r"problem.model: .*right.py defines no 'plane'; did you mean 'plain'"
    ):
        make(f"{RIGHT}:plane")
    with pytest.raises(UserError, match=r"problem\.model: there is no file"):
        make(f"{tmp_path}/none.py:Net")
    (tmp_path / "bad.py").write_text("import nothing_of_that_name")
    with pytest.raises(UserError, match=r"bad.py cannot be imported: ModuleNotFoundError"):
        make(f"{tmp_path}/bad.py:Net")


def test_a_norm_over_batches_of_one_is_refused() -> None:
    with pytest.raises(UserError, match=r"layer '1': ValueError with a batch of 1"):
        make(f"{RIGHT}:batch_norm", size=1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_a_metric_in_single_precision_is_the_number_that_it_stands_for(dtype: torch.dtype) -> None:
    """A share of 0.75 or 0.9 as `.float().mean()` gives it, so that a target of 0.9 is met by it."""
    assert plain(torch.tensor(0.75, dtype=dtype)) == 0.75
    near = plain(torch.tensor(0.9, dtype=dtype))
    assert near == (0.9 if dtype is not torch.bfloat16 else pytest.approx(0.9, abs=4e-3))
    assert plain(np.float32(0.9)) == plain(0.9) == 0.9
    assert plain(torch.tensor(1)) == 1.0
