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
from rfast_bench.problems.data import files, images
from rfast_bench.scenario.sections.problem import (
    BundledSpec,
    CsvSpec,
    DatasetSpec,
    ImagesSpec,
    NpzSpec,
    SyntheticRegressionSpec,
    SyntheticSpec,
)

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


def load(spec: DatasetSpec, test_fraction: float, dtype: str, where: str) -> Data:
    """Read, split and scale a data set. Raises UserError, naming the key path, when it cannot be used.

    Digits and image sets are scaled to [0, 1]; all others are standardised with the mean and standard
    deviation of the training part.
    """
    if isinstance(spec, ImagesSpec):
        return _images(spec, test_fraction > 0, dtype, f"{where}.dataset")
    if isinstance(spec, SyntheticRegressionSpec) or spec.kind == "diabetes":
        return _numbers(spec, test_fraction, dtype, where)
    features, raw_labels = _samples(spec, f"{where}.dataset")
    names, labels = np.unique(raw_labels, return_inverse=True)
    if len(names) < 2:
        raise UserError(f"{where}.dataset: its labels name {len(names)} class; expected at least 2")
    train, test = _split(labels, test_fraction, where)
    scaled = features / 16.0 if spec.kind == "digits" else _standardised(features, train)
    scaled = scaled.astype(dtype)
    return Data(scaled[train], labels[train], scaled[test], labels[test], len(names))


def _numbers(
    spec: SyntheticRegressionSpec | BundledSpec, test_fraction: float, dtype: str, where: str
) -> Data:
    """A data set whose targets are numbers, which stay as they are."""
    if isinstance(spec, SyntheticRegressionSpec):
        features, targets = _synthetic_regression(spec)
    else:
        features, targets = (part[: spec.limit] for part in _bundled(spec.kind))
    order = np.random.default_rng(SPLIT_SEED).permutation(len(targets))
    held = round(test_fraction * len(targets))
    if held == len(targets):
        raise UserError(
            f"{where}.test_fraction: {test_fraction:g} of {len(targets)} samples leaves none to learn from"
        )
    train, test = np.sort(order[held:]), np.sort(order[:held])
    scaled, targets = _standardised(features, train).astype(dtype), targets.astype(dtype)
    return Data(scaled[train], targets[train], scaled[test], targets[test], classes=0)


def _synthetic_regression(spec: SyntheticRegressionSpec) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rng = np.random.default_rng(spec.seed)
    features = rng.standard_normal((spec.samples, spec.features))
    weights = rng.standard_normal(spec.features)
    noise = spec.noise * rng.standard_normal(spec.samples)
    return features, features @ (weights / np.linalg.norm(weights)) + noise


def _samples(
    spec: BundledSpec | SyntheticSpec | CsvSpec | NpzSpec, where: str
) -> tuple[NDArray[np.float64], NDArray[Any]]:
    if isinstance(spec, SyntheticSpec):
        return _synthetic(spec, where)
    if isinstance(spec, BundledSpec):
        features, labels = _bundled(spec.kind)
    elif isinstance(spec, CsvSpec):
        features, labels = files.read_csv(spec.path, spec.target, where)
    else:
        features, labels = files.read_npz(spec.path, spec.x, spec.y, where)
    return features[: spec.limit], labels[: spec.limit]


def _bundled(name: str) -> tuple[NDArray[np.float64], NDArray[Any]]:
    from sklearn import datasets  # slow to import

    features, labels = getattr(datasets, f"load_{name}")(return_X_y=True)
    return features, labels


def _synthetic(spec: SyntheticSpec, where: str) -> tuple[NDArray[np.float64], Labels]:
    rng = np.random.default_rng(spec.seed)
    features = rng.standard_normal((spec.samples, spec.features))
    weights = rng.standard_normal((spec.features, spec.classes))
    scores = features @ (weights / np.linalg.norm(weights, axis=0))
    labels = np.argmax(scores + spec.noise * rng.standard_normal(scores.shape), axis=1)
    if len(np.unique(labels)) < spec.classes:
        raise UserError(f"{where}.samples: {spec.samples} samples leave some of {spec.classes} classes empty")
    return features, labels


def _split(labels: Labels, fraction: float, where: str) -> tuple[Labels, Labels]:
    if fraction == 0:
        return np.arange(len(labels)), np.arange(0)
    from sklearn.model_selection import train_test_split  # slow to import

    try:
        train, test = train_test_split(
            np.arange(len(labels)), test_size=fraction, stratify=labels, random_state=SPLIT_SEED
        )
    except ValueError as problem:
        raise UserError(
            f"{where}.test_fraction: {fraction:g} of {len(labels)} samples cannot be held out with every "
            f"class in both parts (the smallest class has {np.bincount(labels).min()}): {problem}; "
            "allowed: more samples, another fraction, or 0 for no held-out set"
        ) from problem
    return train, test


def _standardised(features: NDArray[np.float64], train: Labels) -> NDArray[np.float64]:
    mean, spread = features[train].mean(axis=0), features[train].std(axis=0)
    constant = spread <= 1e-12 * np.abs(mean)  # rounding leaves a constant column a spread just above 0
    scaled: NDArray[np.float64] = (features - mean) / np.where(constant, 1.0, spread)
    return scaled


def _images(spec: ImagesSpec, with_test: bool, dtype: str, where: str) -> Data:
    (x, y), (test_x, test_y) = images.read_images(spec.kind, spec.path, where)
    last = spec.limit if with_test else 0
    x, y, test_x, test_y = x[: spec.limit], y[: spec.limit], test_x[:last], test_y[:last]
    return Data(
        _unit(x, dtype), y.astype(np.intp), _unit(test_x, dtype), test_y.astype(np.intp), images.CLASSES
    )


def _unit(pixels: NDArray[np.uint8], dtype: str) -> Features:
    scaled: Features = pixels.astype(dtype)
    scaled /= 255
    return scaled
