"""Data sets, ready to learn from: scaled features, labels 0..C-1, and a held-out part that never changes.

Everything here follows from the scenario's `dataset` and `test_fraction` alone, never from a run's seed, so
that the optimum is the same in every repetition.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rfast_bench.errors import UserError
from rfast_bench.problems.data import femnist, files, images, text
from rfast_bench.problems.data.raw import Raw
from rfast_bench.problems.data.targets import Targets, Task, targets
from rfast_bench.scenario.problem.data import (
    BundledSpec,
    Cifar100Spec,
    CsvSpec,
    DatasetSpec,
    FashionSpec,
    FemnistSpec,
    ImagesSpec,
    NpzSpec,
    PythonSpec,
    TextSpec,
)
from rfast_bench.scenario.problem.synthetic import SyntheticRegressionSpec, SyntheticSpec

SPLIT_SEED = 0
"""The held-out samples are the same in every run of every scenario."""

Features = NDArray[Any]
Labels = NDArray[np.intp]


@dataclass(frozen=True)
class Data:
    """What there is to train on, and the held-out samples, without rows when there are none.

    `features` are of shape (M, ...), `labels` of shape (M,): classes 0..C-1, or numbers where `classes` is 0.
    """

    features: Features
    labels: NDArray[Any]
    test_features: Features
    test_labels: NDArray[Any]
    classes: int
    """C; 0 for regression."""
    owners: NDArray[Any] | None = None
    """Whose each training sample is, shape (M,), where the data say so."""
    rows: Labels | None = None
    """Which sample of the data as read each training sample is, shape (M,)."""
    test_rows: Labels | None = None
    """The same of the held-out samples; None where the data bring their own test set."""
    names: tuple[str, ...] | None = None
    """What the classes are called, where it is not 0..C-1."""


def load(
    spec: DatasetSpec,
    test_fraction: float,
    dtype: str,
    where: str,
    *,
    task: Task | None = None,
    owner: str | None = None,
    shaped: bool = False,
) -> Data:
    """Read, split and scale a data set. Raises UserError, naming the key path, when it cannot be used.

    Digits and image sets are scaled to [0, 1]; text is tokens; what a function gives is left as it is unless it says
    `standardise`; all others are standardised with the mean and standard deviation of the training part.
    `task`: see `targets`. `owner`: the column or array that says whose a sample is.
    `shaped`: features keep their shape, and whole numbers stay such; else they become a table (M, p) in `dtype`.
    """
    place = f"{where}.dataset"
    raw = _read(spec, test_fraction, owner, place)
    known = targets(raw, task, place)
    held_out: Labels | None = None
    if raw.test is None:
        train, held_out = _split(known, test_fraction, where)
        parts = raw.x[train], known.train[train], raw.x[held_out], known.train[held_out]
    else:
        assert known.test is not None
        train, last = np.arange(len(raw.y)), None if test_fraction > 0 else 0
        parts = raw.x, known.train, raw.test[0][:last], known.test[:last]
    x, test_x = _scaled(spec, parts[0], parts[2], dtype, shaped, place)
    owners = None if raw.owners is None else raw.owners[train]
    return Data(x, parts[1], test_x, parts[3], known.classes, owners, train, held_out, known.names)


# --------------------------------------------------------------------------------------------------- reading
def _read(spec: DatasetSpec, test_fraction: float, owner: str | None, where: str) -> Raw:
    if isinstance(spec, SyntheticSpec):
        return _synthetic(spec, where)
    if isinstance(spec, SyntheticRegressionSpec):
        return _synthetic_regression(spec)
    return _samples(spec, test_fraction, owner, where).limited(spec.limit)


def _samples(spec: Any, test_fraction: float, owner: str | None, where: str) -> Raw:
    match spec:
        case BundledSpec():
            return _bundled(spec.kind)
        case CsvSpec():
            from rfast_bench.problems.data import (
                tables,  # pandas is slow to import, and few scenarios need it
            )

            return tables.read_csv(spec.path, spec.target, owner, where, drop=spec.drop, keep=spec.keep)
        case NpzSpec():
            return files.read_npz(spec.path, spec.x, spec.y, owner, where)
        case FemnistSpec():
            return femnist.read_femnist(spec.path, spec.users, where)
        case TextSpec():
            return text.read_text(spec.path, spec.length, spec.stride, test_fraction, where)
        case PythonSpec():
            from rfast_bench.problems.data import python_source

            return python_source.read_python(spec, where)
        case _:
            coarse = isinstance(spec, Cifar100Spec) and spec.labels == "coarse"
            return images.read_images(spec.kind, spec.path, coarse, where)


def _bundled(name: str) -> Raw:
    from sklearn import datasets  # slow to import

    features, labels = getattr(datasets, f"load_{name}")(return_X_y=True)
    return Raw(features, labels)


def _synthetic(spec: SyntheticSpec, where: str) -> Raw:
    rng = np.random.default_rng(spec.seed)
    features = rng.standard_normal((spec.samples, spec.features))
    weights = rng.standard_normal((spec.features, spec.classes))
    scores = features @ (weights / np.linalg.norm(weights, axis=0))
    labels = np.argmax(scores + spec.noise * rng.standard_normal(scores.shape), axis=1)
    if len(np.unique(labels)) < spec.classes:
        raise UserError(f"{where}.samples: {spec.samples} samples leave some of {spec.classes} classes empty")
    return Raw(features, labels)


def _synthetic_regression(spec: SyntheticRegressionSpec) -> Raw:
    rng = np.random.default_rng(spec.seed)
    features = rng.standard_normal((spec.samples, spec.features))
    weights = rng.standard_normal(spec.features)
    noise = spec.noise * rng.standard_normal(spec.samples)
    return Raw(features, features @ (weights / np.linalg.norm(weights)) + noise)


# ---------------------------------------------------------------------------------------- splitting, scaling
def _split(known: Targets, fraction: float, where: str) -> tuple[Labels, Labels]:
    """Rows for training and rows held out, every class in both."""
    labels = known.train
    if fraction == 0:
        return np.arange(len(labels)), np.arange(0)
    from sklearn.model_selection import train_test_split  # slow to import

    every, classes = np.arange(len(labels)), labels if known.classes else None
    try:
        train, test = train_test_split(every, test_size=fraction, stratify=classes, random_state=SPLIT_SEED)
    except ValueError as problem:
        smallest = f" (the smallest class has {np.bincount(labels).min()})" if known.classes else ""
        with_all = f" with every class in both parts{smallest}" if known.classes else ""
        raise UserError(
            f"{where}.test_fraction: {fraction:g} of {len(labels)} samples cannot be held out{with_all}: {problem}; "
            "allowed: more samples, another fraction, or 0 for no held-out set"
        ) from problem
    return train, test


def _scaled(
    spec: Any, x: Features, test_x: Features, dtype: str, shaped: bool, where: str
) -> tuple[Features, Features]:
    """Training and held-out features, scaled and shaped as `load` says."""
    if isinstance(spec, TextSpec) and not shaped:
        raise UserError(
            f"{where}: the numbers of characters are no features that could be weighed; a model that looks them up "
            "(an embedding) can learn from them"
        )
    if not shaped:
        width = int(np.prod(x.shape[1:]))
        x, test_x = (part.reshape(len(part), width) for part in (x, test_x))
    if isinstance(spec, ImagesSpec | FashionSpec | Cifar100Spec):
        return _unit(x, dtype), _unit(test_x, dtype)
    if spec.kind == "digits":
        x, test_x = x / 16.0, test_x / 16.0
    elif _standardises(spec, x, shaped):
        x, test_x = _standardised(x.astype(np.float64), test_x.astype(np.float64))
    kept = shaped and x.dtype.kind in "iu"
    return (x, test_x) if kept else (x.astype(dtype), test_x.astype(dtype))


def _standardises(spec: Any, x: Features, shaped: bool) -> bool:
    if isinstance(spec, FemnistSpec | TextSpec) or (isinstance(spec, PythonSpec) and not spec.standardise):
        return False
    return not shaped or x.dtype.kind == "f"  # whole numbers that stay such stand for something else: tokens


def _standardised(x: NDArray[np.float64], test_x: NDArray[np.float64]) -> tuple[Features, Features]:
    mean, spread = x.mean(axis=0), x.std(axis=0)
    constant = spread <= 1e-12 * np.abs(mean)  # rounding leaves a constant column a spread just above 0
    scale = np.where(constant, 1.0, spread)
    return (x - mean) / scale, (test_x - mean) / scale


def _unit(pixels: NDArray[np.uint8], dtype: str) -> Features:
    scaled: Features = pixels.astype(dtype)
    scaled /= 255
    return scaled
