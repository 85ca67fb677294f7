"""Files that users bring, NumPy archives first. Whatever is wrong with one ends in a UserError."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rfast_bench.errors import UserError
from rfast_bench.problems.data.raw import Raw, allowed, finite
from rfast_bench.scenario.user_files.arrays import Archive


def column_key(where: str) -> str:
    """The key that names owners, by that of the data set."""
    return f"{where.removesuffix('dataset')}partition.column"


@contextmanager
def readable(path: Path, where: str, expected: str, *malformed: type[Exception]) -> Iterator[None]:
    """Turn what goes wrong while reading `path` into a UserError; `malformed`: the format's own errors."""
    try:
        yield
    except FileNotFoundError as problem:
        raise UserError(f"{where}: there is no file {path}; expected {expected}") from problem
    except OSError as problem:
        raise UserError(f"{where}: cannot read {path} ({problem}); expected {expected}") from problem
    except malformed as problem:
        raise UserError(f"{where}: {path} is malformed ({problem}); expected {expected}") from problem


def read_npz(path: Path, x: str, y: str, owner: str | None, where: str) -> Raw:
    """Features `x`, targets `y` and owners of a NumPy archive; pickled objects are refused. Raises UserError."""
    expected = "a NumPy archive (.npz) of plain arrays"
    with readable(path, f"{where}.path", expected, ValueError), Archive(path) as archive:
        for key, name in ((f"{where}.x", x), (f"{where}.y", y), (column_key(where), owner)):
            if name is not None:
                allowed(name, archive.files, key, f"{path} has no array")
        features, targets = archive[x], archive[y]
        owners = None if owner is None else archive[owner]
    if features.ndim < 2 or features.dtype.kind not in "biuf":
        raise UserError(f"{where}.x: array '{x}' of {path} must be numeric with one row a sample")
    if targets.ndim != 1 or targets.dtype.kind not in "biufUS":
        raise UserError(f"{where}.y: array '{y}' of {path} must be one-dimensional numbers or text")
    if owners is not None and (owners.shape != targets.shape or owners.dtype.kind not in "biuUS"):
        raise UserError(
            f"{column_key(where)}: array '{owner}' of {path} is {owners.dtype} of shape {owners.shape}; expected one "
            f"whole number or word a sample, shape {targets.shape}"
        )
    if len(features) != len(targets):
        raise UserError(f"{where}.path: {path} has {len(features)} samples but {len(targets)} labels")
    if features.size == 0:
        raise UserError(f"{where}.path: {path} holds no samples or no features")
    finite(features, f"array '{x}' of {path} has a missing or infinite number:", f"{where}.path")
    return Raw(features, targets, owners)
