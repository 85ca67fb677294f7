"""Gradients, samplers and optima: each claim of `rfast_bench.problems.base` for every kind of problem."""

from __future__ import annotations

import subprocess
import sys
from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pydantic import TypeAdapter
from sklearn.linear_model import LogisticRegression, Ridge

from rfast_bench.errors import UserError
from rfast_bench.problems import Problem, ProblemSpec, build, placed, reference
from rfast_bench.problems.linear import LinearRegression
from rfast_bench.problems.logistic import Logistic
from rfast_bench.problems.quadratic import Quadratic
from rfast_bench.problems.sampled import AHEAD
from rfast_bench.problems.sharded import ShardedProblem

ADAPTER: TypeAdapter[Any] = TypeAdapter(ProblemSpec)
SMALL = {"kind": "synthetic", "samples": 83, "features": 5, "classes": 3}
NUMBERS = {"kind": "synthetic-regression", "samples": 83, "features": 5}
KINDS: dict[str, dict[str, Any]] = {
    "quadratic": {"kind": "quadratic", "dim": 6, "noise": 0.3},
    "binary": {"kind": "logistic-regression", "dataset": SMALL | {"classes": 2}, "batch_size": 7},
    "softmax": {"kind": "logistic-regression", "dataset": SMALL, "batch_size": 7, "l2": 0.05},
    "linear": {"kind": "linear-regression", "dataset": NUMBERS, "batch_size": 7, "l2": 0.05},
    "mlp-tanh": {"kind": "mlp", "dataset": SMALL, "batch_size": 7, "hidden": [4, 3], "l2": 0.05},
    "mlp-relu": {"kind": "mlp", "dataset": SMALL, "batch_size": 7, "hidden": [4], "activation": "relu"},
}
PARTITIONS: list[Any] = [
    "iid",
    "by-label",
    {"kind": "dirichlet", "alpha": 0.5},
    {"kind": "shards", "per_worker": 2},
]


def make(workers: int, seed: int = 0, **keys: Any) -> Problem:
    return build(ADAPTER.validate_python(keys), workers, seed)


def point(problem: Problem, seed: int = 1) -> NDArray[Any]:
    x = np.random.default_rng(seed).normal(size=problem.dim) / 2
    return x.astype(problem.dtype)


def asked(problem: Problem, seed: int = 2) -> tuple[list[int], NDArray[Any], list[Any]]:
    """Three gradients of every worker at different points, the third short batch included."""
    rng = np.random.default_rng(seed)
    workers = [i for i in range(problem.workers) for _ in range(3)]
    batches = [b for i in range(problem.workers) for b in islice(problem.sampler(i, rng), 3)]
    return workers, rng.normal(size=(len(workers), problem.dim)).astype(problem.dtype), batches


# ----------------------------------------------------------------------------------------------- gradients
@pytest.mark.parametrize("kind", KINDS)
def test_gradient_is_the_derivative_of_the_objective(kind: str) -> None:
    problem = make(3, **KINDS[kind])
    x, h = point(problem), 1e-6
    gradient = problem.objective(x)[1]
    for i, unit in enumerate(np.eye(problem.dim)):
        slope = (problem.objective(x + h * unit)[0] - problem.objective(x - h * unit)[0]) / (2 * h)
        assert slope == pytest.approx(gradient[i], abs=1e-8)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("workers", [1, 2, 5, 13])
def test_mean_of_the_workers_gradients_is_the_pooled_one(kind: str, workers: int) -> None:
    for partition in PARTITIONS:
        extra = {} if kind == "quadratic" else {"partition": partition}
        if kind == "linear" and partition != "iid":
            continue  # it has no classes to deal by
        problem = make(workers, **(KINDS[kind] | extra))
        x = point(problem)
        rows = problem.gradients(range(workers), np.tile(x, (workers, 1)), [None] * workers)
        np.testing.assert_allclose(rows.mean(axis=0), problem.objective(x)[1], rtol=0, atol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("batch_size", [7, "full"])
@pytest.mark.parametrize("workers", [1, 4, 5])
def test_a_batched_call_gives_what_single_calls_give(kind: str, batch_size: Any, workers: int) -> None:
    for partition in ("iid", {"kind": "dirichlet", "alpha": 0.3})[: 1 if kind == "linear" else 2]:
        extra = {} if kind == "quadratic" else {"partition": partition, "batch_size": batch_size}
        problem = make(workers, **(KINDS[kind] | extra))
        ids, points, batches = asked(problem)
        alone = [
            problem.gradients([i], x[None], [b])[0] for i, x, b in zip(ids, points, batches, strict=True)
        ]
        np.testing.assert_allclose(problem.gradients(ids, points, batches), alone, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_points_are_only_read(kind: str) -> None:
    problem = make(3, **KINDS[kind])
    ids, points, batches = asked(problem)
    before = points.copy()
    points.flags.writeable = False
    problem.gradients(ids, points, batches)
    problem.objective(points[0])
    problem.accuracy(points[0])
    np.testing.assert_array_equal(points, before)


@pytest.mark.parametrize("kind", ["binary", "softmax", "mlp-tanh"])
def test_batches_of_one_pass_average_to_the_full_gradient(kind: str) -> None:
    problem = make(2, **KINDS[kind])
    assert isinstance(problem, ShardedProblem)
    x = point(problem)
    batches = list(islice(problem.sampler(1, np.random.default_rng(0)), -(-int(problem.sizes[1]) // 7)))
    sizes = [problem.size(1, batch) for batch in batches]
    rows = problem.gradients([1] * len(batches), np.tile(x, (len(batches), 1)), batches)
    full = problem.gradients([1], x[None], [None])[0]
    np.testing.assert_allclose(np.average(rows, axis=0, weights=sizes), full, rtol=0, atol=1e-14)


@pytest.mark.parametrize("kind", ["binary", "softmax", "mlp-tanh"])
def test_l2_acts_on_every_coordinate(kind: str) -> None:
    plain, heavy = (make(3, **(KINDS[kind] | {"l2": l2})) for l2 in (0.0, 0.7))
    x = point(plain)
    (f0, g0), (f1, g1) = plain.objective(x), heavy.objective(x)
    assert f1 - f0 == pytest.approx(0.35 * x @ x, abs=1e-14)
    np.testing.assert_allclose(g1 - g0, 0.7 * x, atol=1e-14)
    rows = [p.gradients([2], x[None], [None])[0] for p in (plain, heavy)]
    np.testing.assert_allclose(rows[1] - rows[0], 0.7 * x, atol=1e-14)


@pytest.mark.parametrize("kind", ["binary", "softmax"])
def test_huge_margins_overflow_nowhere(kind: str) -> None:
    problem = make(3, **KINDS[kind])
    x = 1e6 * point(problem)
    loss, gradient = problem.objective(x)
    rows = problem.gradients([0, 1, 2], np.stack([x, -x, x]), [None] * 3)
    assert np.isfinite(loss)
    assert np.isfinite(gradient).all()
    assert np.isfinite(rows).all()


@pytest.mark.parametrize("kind", KINDS)
def test_float32_stays_float32_and_near_float64(kind: str) -> None:
    exact, single = (make(3, **KINDS[kind], dtype=dtype) for dtype in ("float64", "float32"))
    ids, points, batches = asked(single)
    rows = single.gradients(ids, points, batches)
    assert rows.dtype == single.start.dtype == single.objective(points[0])[1].dtype == np.float32
    assert single.gradient_bytes * 2 == exact.gradient_bytes
    np.testing.assert_allclose(rows, exact.gradients(ids, points, batches), atol=2e-5)
    x = point(exact)
    assert single.objective(x)[0] == pytest.approx(exact.objective(x)[0], abs=1e-5)


@pytest.mark.parametrize("kind", ["binary", "softmax", "mlp-tanh"])
def test_passes_over_data_in_pieces_change_nothing(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = make(3, **KINDS[kind])
    x = point(problem)
    loss, gradient = problem.objective(x)
    accuracy = problem.accuracy(x)
    assert isinstance(problem, ShardedProblem)
    monkeypatch.setattr(problem, "chunk_bytes", 8 * 7 * 6)
    assert len(list(problem.chunks())) > 5
    assert problem.objective(x)[0] == pytest.approx(loss, abs=1e-14)
    np.testing.assert_allclose(problem.objective(x)[1], gradient, atol=1e-14)
    assert problem.accuracy(x) == accuracy


@pytest.mark.parametrize("kind", ["binary", "softmax", "mlp-tanh"])
def test_large_shards_are_not_copied_into_one_block(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = make(3, **(KINDS[kind] | {"batch_size": "full"}))
    ids, points, batches = asked(problem)
    together = problem.gradients(ids, points, batches)
    monkeypatch.setattr("rfast_bench.problems.sharded.LARGE", 1)
    apart = make(3, **(KINDS[kind] | {"batch_size": "full"}))
    np.testing.assert_allclose(apart.gradients(ids, points, batches), together, atol=1e-14)


# ------------------------------------------------------------------------------------------------ sampling
def test_each_local_pass_is_a_fresh_permutation_of_the_shard() -> None:
    problem = make(4, **KINDS["softmax"], test_fraction=0.0)
    assert isinstance(problem, ShardedProblem)
    assert problem.sizes.tolist() == [21, 21, 21, 20]
    seen = []
    for worker in range(4):
        draws = problem.sampler(worker, np.random.default_rng(worker))
        shard = np.arange(*problem.bounds[worker : worker + 2])
        passes = [list(islice(draws, 3)) for _ in range(3)]
        for batches in passes:
            assert [problem.size(worker, b) for b in batches] == [7, 7, len(shard) - 14]
            np.testing.assert_array_equal(np.sort(np.concatenate(batches)), shard)
        assert not np.array_equal(np.concatenate(passes[0]), np.concatenate(passes[1]))
        seen.append(shard)
    np.testing.assert_array_equal(np.concatenate(seen), np.arange(83))


def test_passes_drawn_ahead_are_those_drawn_one_by_one() -> None:
    """Several passes over a small shard, one over a large one, from the same stream either way."""
    for samples, ahead in ((83, AHEAD // 21), (4 * AHEAD + 4, 1)):
        dataset = SMALL | {"samples": samples}
        problem = make(4, **(KINDS["softmax"] | {"dataset": dataset}), test_fraction=0.0)
        assert isinstance(problem, ShardedProblem)
        first, last = problem.bounds[:2]
        rng, one_by_one = np.random.default_rng(3), np.random.default_rng(3)
        draws = problem.sampler(0, rng)
        batches = -(-(last - first) // 7)
        for _ in range(2 * ahead):
            rows = np.concatenate(list(islice(draws, batches)))
            np.testing.assert_array_equal(rows, first + one_by_one.permutation(last - first))
        assert rng.bit_generator.state == one_by_one.bit_generator.state


def test_with_replacement_repeats_and_stays_in_the_shard() -> None:
    problem = make(4, **KINDS["softmax"], sampling="with-replacement")
    assert isinstance(problem, ShardedProblem)
    rows = np.concatenate(list(islice(problem.sampler(2, np.random.default_rng(0)), 200)))
    assert len(rows) == 1400
    assert set(rows) == set(range(problem.bounds[2], problem.bounds[3]))
    first_pass = rows[: problem.sizes[2]]
    assert len(set(first_pass)) < len(first_pass)


def test_a_batch_larger_than_the_shard_is_the_shard() -> None:
    problem = make(4, **(KINDS["softmax"] | {"batch_size": 500}))
    draws = problem.sampler(0, np.random.default_rng(0))
    assert [problem.size(0, next(draws)) for _ in range(3)] == [problem.size(0, None)] * 3


def test_full_batches_are_none_forever() -> None:
    problem = make(4, **(KINDS["softmax"] | {"batch_size": "full"}))
    assert list(islice(problem.sampler(1, np.random.default_rng(0)), 5)) == [None] * 5
    assert problem.size(1, None) == 17
    assert sum(problem.size(i, None) for i in range(4)) == problem.samples


def test_batches_are_drawn_from_the_given_generator_only_when_asked() -> None:
    problem = make(2, **KINDS["softmax"])
    rng, untouched = np.random.default_rng(5), np.random.default_rng(5)
    draws = problem.sampler(0, rng)
    assert rng.bit_generator.state == untouched.bit_generator.state
    again = problem.sampler(0, untouched)
    for _ in range(10):
        np.testing.assert_array_equal(next(draws), next(again))


# --------------------------------------------------------------------------------------- seeds, start, build
@pytest.mark.parametrize("kind", ["binary", "mlp-tanh"])
def test_the_same_seed_gives_the_same_problem(kind: str) -> None:
    first, same, other = (make(4, seed, **KINDS[kind]) for seed in (3, 3, 4))
    ids, points, batches = asked(first)
    np.testing.assert_array_equal(first.gradients(ids, points, batches), same.gradients(ids, points, batches))
    np.testing.assert_array_equal(first.start, same.start)
    assert not np.allclose(first.gradients(ids, points, batches), other.gradients(ids, points, batches))


@pytest.mark.parametrize("kind", KINDS)
def test_the_pooled_objective_does_not_depend_on_the_seed(kind: str) -> None:
    first, second = (make(5, seed, **KINDS[kind]) for seed in (0, 1))
    x = point(first)
    assert first.objective(x)[0] == pytest.approx(second.objective(x)[0], abs=1e-14)
    assert first.accuracy(x) == pytest.approx(second.accuracy(x), abs=0, nan_ok=True)


def test_starts() -> None:
    for kind, keys in KINDS.items():
        problem = make(3, **keys)
        assert problem.start.shape == (problem.dim,)
        assert not problem.start.flags.writeable
        assert problem.start.any() == (not problem.convex) == kind.startswith("mlp")
    assert not np.array_equal(make(3, 0, **KINDS["mlp-tanh"]).start, make(3, 1, **KINDS["mlp-tanh"]).start)


@pytest.mark.parametrize(
    ("keys", "dim"),
    [
        ({"kind": "logistic-regression"}, 650),
        ({"kind": "logistic-regression", "dataset": "breast_cancer"}, 31),
        ({"kind": "logistic-regression", "dataset": "wine"}, 42),
        ({"kind": "mlp", "hidden": [8, 4]}, 64 * 8 + 8 + 8 * 4 + 4 + 4 * 10 + 10),
    ],
)
def test_dimensions(keys: dict[str, Any], dim: int) -> None:
    assert make(3, **keys).dim == dim


def test_convex_problems_do_not_import_torch() -> None:
    code = """
import sys
from rfast_bench.problems import build
from rfast_bench.scenario.problem.kinds import LogisticSpec
build(LogisticSpec(kind="logistic-regression", dataset="wine"), 2, 0)
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


# ------------------------------------------------------------------------------------------------- accuracy
def test_accuracy_counts_the_held_out_samples() -> None:
    for dataset in (SMALL | {"classes": 2, "noise": 0.0}, SMALL | {"noise": 0.0}):
        problem = make(2, kind="logistic-regression", dataset=dataset, l2=1e-4)
        best = reference(problem)
        assert best is not None
        assert problem.accuracy(best.x) >= 0.8
        assert problem.accuracy(-best.x) <= 0.2
    assert np.isnan(make(2, **KINDS["binary"], test_fraction=0).accuracy(np.zeros(6)))
    assert np.isnan(make(2, **KINDS["quadratic"]).accuracy(np.zeros(6)))


def test_the_network_learns() -> None:
    problem = make(1, kind="mlp", dataset="wine", batch_size="full", hidden=[8])
    x = problem.start
    for _ in range(200):
        x = x - 0.5 * problem.gradients([0], x[None], [None])[0]
    assert problem.objective(x)[0] < 0.2 * problem.objective(problem.start)[0]
    assert problem.accuracy(x) > 0.9


# ------------------------------------------------------------------------------------------------- quadratic
def test_quadratic_noise_has_the_stated_spread() -> None:
    problem = make(2, kind="quadratic", dim=500, noise=0.3)
    x, noise = point(problem), next(problem.sampler(1, np.random.default_rng(0)))
    noisy, exact = problem.gradients([1, 1], np.stack([x, x]), [noise, None])
    np.testing.assert_allclose(noisy - exact, noise, atol=1e-12)
    assert np.std(noise) == pytest.approx(0.3, rel=0.1)
    assert next(make(2, kind="quadratic").sampler(0, np.random.default_rng(0))) is None
    assert problem.size(1, noise) == 1


@pytest.mark.parametrize("heterogeneity", [0.0, 2.0])
def test_quadratic_has_the_stated_condition_and_heterogeneity(heterogeneity: float) -> None:
    problem = make(4, kind="quadratic", condition=50, heterogeneity=heterogeneity)
    assert isinstance(problem, Quadratic)
    values = np.linalg.eigvalsh(problem.hessians.mean(axis=0))
    assert values[[0, -1]] == pytest.approx([1 / 50, 1], rel=1e-10)
    assert np.linalg.eigvalsh(problem.hessians).min() > 0
    same = np.allclose(problem.hessians[0], problem.hessians[1]) and np.allclose(*problem.minima[:2])
    assert same == (heterogeneity == 0)


def test_quadratic_objective_is_the_mean_of_the_workers() -> None:
    problem = make(4, kind="quadratic")
    assert isinstance(problem, Quadratic)
    x = point(problem)
    own = [(x - b) @ h @ (x - b) / 2 for h, b in zip(problem.hessians, problem.minima, strict=True)]
    assert problem.objective(x)[0] == pytest.approx(np.mean(own), rel=1e-12)


# ------------------------------------------------------------------------------------------------- reference
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "keys",
    [
        {"kind": "logistic-regression", "dataset": "digits", "l2": 1e-3},
        {"kind": "logistic-regression", "dataset": "digits", "l2": 0.1},
        {"kind": "logistic-regression", "dataset": "breast_cancer", "l2": 1e-3},
        {"kind": "logistic-regression", "dataset": "wine", "l2": 1e-3},
        {"kind": "quadratic", "dim": 30, "condition": 1000},
    ],
)
def test_reference_is_an_optimum(keys: dict[str, Any], dtype: str) -> None:
    problem = make(5, **keys, dtype=dtype)
    best = reference(problem)
    assert best is not None
    assert best.gradient_norm <= 1e-12
    assert best.gradient_norm == np.linalg.norm(problem.objective(best.x)[1])
    if dtype == "float64":  # the workers' own gradients agree
        rows = problem.gradients(range(5), np.tile(best.x, (5, 1)), [None] * 5)
        assert np.linalg.norm(rows.mean(axis=0)) <= 1e-12
    nudge = 1e-3 * np.random.default_rng(0).normal(size=problem.dim)
    assert problem.objective(best.x + nudge)[0] > best.loss == problem.objective(best.x)[0]


def test_no_reference_where_there_need_be_no_optimum() -> None:
    assert reference(make(2, **KINDS["mlp-tanh"])) is None
    assert reference(make(2, **(KINDS["binary"] | {"l2": 0.0}))) is None


def test_hessian_is_the_derivative_of_the_gradient() -> None:
    for kind in ("binary", "softmax"):
        problem = make(2, **KINDS[kind])
        assert isinstance(problem, Logistic)
        x, v, h = point(problem), point(problem, 7), 1e-6
        change = (problem.objective(x + h * v)[1] - problem.objective(x - h * v)[1]) / (2 * h)
        np.testing.assert_allclose(problem.hessian(x)(v), change, atol=1e-8)


@pytest.mark.parametrize("solver", ["lbfgs", "newton-cg"])
@pytest.mark.parametrize(("dataset", "l2"), [("breast_cancer", 1e-2), ("wine", 1e-2)])
def test_reference_agrees_with_scikit_learn(solver: str, dataset: str, l2: float) -> None:
    problem = make(1, kind="logistic-regression", dataset=dataset, l2=l2)
    best = reference(problem)
    assert isinstance(problem, Logistic)
    assert best is not None
    features, labels = problem.features[:-1], problem.labels[:-1]
    if problem.classes == 2:  # kept as ±a/2, see BinaryLogistic
        features = features / (0.5 - labels)[:, None]
    model = LogisticRegression(
        C=1 / (problem.samples * l2), fit_intercept=False, solver=solver, tol=1e-10, max_iter=10_000
    ).fit(features, labels)
    theirs = model.coef_.T.ravel()
    assert problem.objective(theirs)[0] == pytest.approx(best.loss, abs=1e-6)
    np.testing.assert_allclose(theirs, best.x, atol=1e-4)


# ------------------------------------------------------------------------------------------- least squares
LEAST: dict[str, Any] = {"kind": "linear-regression", "dataset": "diabetes"}


@pytest.mark.parametrize("l2", [0.0, 0.3])
def test_the_closed_form_is_that_of_scikit_learn(l2: float) -> None:
    """Its ridge does not penalise the intercept, so the constant column is given as a feature."""
    problem = make(4, **LEAST, l2=l2)
    assert isinstance(problem, LinearRegression)
    features, targets = problem.features[:-1], problem.labels[:-1]
    ridge = Ridge(alpha=l2 * problem.samples / 2, fit_intercept=False, solver="svd").fit(features, targets)
    found = reference(problem)
    assert found is not None
    np.testing.assert_allclose(found.x, ridge.coef_, rtol=1e-10)
    assert found.gradient_norm < 1e-11


def test_of_several_optima_the_shortest_is_taken() -> None:
    """More columns than samples, no l2: every residual is 0."""
    data = {"kind": "synthetic-regression", "samples": 12, "features": 30}
    problem = make(2, kind="linear-regression", dataset=data, l2=0)
    found = reference(problem)
    assert found is not None
    assert found.loss < 1e-20
    assert isinstance(problem, LinearRegression)
    whole = np.linalg.lstsq(problem.features[:-1], problem.labels[:-1])[0]
    np.testing.assert_allclose(found.x, whole, atol=1e-10)


def test_regression_has_no_accuracy_and_predicts_targets() -> None:
    problem = make(2, **LEAST)
    found = reference(problem)
    assert found is not None
    assert np.isnan(problem.accuracy(found.x))
    assert isinstance(problem, LinearRegression)
    errors = problem.predict(problem.test_features, found.x) - problem.test_labels
    spread = problem.test_labels - problem.test_labels.mean()
    assert len(problem.test_labels) == 89
    assert 0.2 < 1 - (errors @ errors) / (spread @ spread) < 0.8  # r² on held-out samples


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        (
            {"kind": "linear-regression", "dataset": "wine"},
            "problem.dataset: wine has classes, and linear-regression learns numbers",
        ),
        (
            {"kind": "logistic-regression", "dataset": "diabetes"},
            "problem.dataset: diabetes has numbers as targets",
        ),
        (
            {"kind": "mlp", "dataset": "diabetes"},
            "problem.dataset: diabetes has numbers as targets, and mlp learns",
        ),
        (
            {**LEAST, "partition": "by-label"},
            "problem.partition: 'by-label' deals by class, and the targets of this",
        ),
        ({**LEAST, "partition": "dirichlet"}, "problem.partition: 'dirichlet' deals by class"),
        (
            {**LEAST, "test_fraction": 0.9999},
            "problem.test_fraction: 0.9999 of 442 samples cannot be held out",
        ),
    ],
)
def test_numbers_and_classes_are_not_mistaken_for_one_another(keys: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError) as error:
        make(3, **keys)
    assert str(error.value).startswith(told)


@pytest.mark.parametrize("kind", ["linear", "softmax"])
def test_the_form_on_a_device_is_that_on_the_host(kind: str) -> None:
    problem = make(3, **KINDS[kind])
    device: Any = placed(problem, "cpu:0")
    ids, points, batches = asked(problem)
    rows = device.gradients(ids, device.stack([torch.from_numpy(x) for x in points]), batches)
    np.testing.assert_allclose(rows.numpy(), problem.gradients(ids, points, batches), atol=1e-12)
