"""`kind: python`: what a user's function gives, read into arrays and checked.

It may give `(X, y)` or `(X, y, owners)`, arrays or tensors; a map-style data set (`__len__` and `__getitem__`); or a
pair of any of these, for training and for test, also as a list or as a dictionary with `train` and `test`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rfast_bench.errors import UserError, nearest
from rfast_bench.problems.data.map_style import Arrays, Items, Keys, Samples, is_array, parts
from rfast_bench.problems.data.raw import Raw, finite
from rfast_bench.problems.data.user_code import call
from rfast_bench.scenario.problem.data import PythonSpec
from rfast_bench.scenario.user_files.modules import anew, function, telling

SPOT = 32
"""How many items of a data set are read again, to see whether they change."""
MOST_CLASSES = 1000
"""From which on labels are taken for something else where they are more than there are samples."""
HELD_OUT = ("test", "validation", "val", "valid", "dev")
"""What the test part may be called; of several the first one here is taken."""
Part = Arrays | Items


def read_python(spec: PythonSpec, where: str) -> Raw:
    """What the function gives; it is called twice, for it must give the same each time. Raises UserError."""
    path, place = Path(spec.source.rpartition(":")[0]), f"{where}.source"
    keys = Keys(spec.x, spec.y, spec.owner)
    halves = []
    for _ in range(2):
        given = call(function(spec.source, place, anew), spec.args, path, where)
        halves.append(_halves(given, keys, place))
    if len(halves[0]) != len(halves[1]):
        raise UserError(f"{place}: it gives a test part on one call and none on another")
    with telling(path, f"{place}: {path}"):
        read = [_read(once, again, place) for once, again in zip(*halves, strict=True)]
    return _raw(read, place)


# ------------------------------------------------------------------------------------ what the function gave
def _halves(given: Any, keys: Keys, where: str) -> list[Part]:
    """The training part and, where there is one, the test part."""
    if isinstance(given, Mapping) and "train" in given:
        unknown = [str(name) for name in given if name not in ("train", *HELD_OUT)]
        if unknown:
            raise UserError(
                f"{where}: it gives a dictionary with 'train' and '{unknown[0]}'; allowed beside 'train': "
                f"{', '.join(HELD_OUT)}{nearest(unknown[0], HELD_OUT)}"
            )
        held_out = [given[name] for name in HELD_OUT if name in given]
        given = (given["train"], *held_out[:1]) if held_out else given["train"]
    if _is_pair(given):
        names = ("training data", "test data")
        return [_part(one, name, keys, where) for one, name in zip(given, names, strict=True)]
    return [_part(given, "data", keys, where)]


def _is_pair(given: Any) -> bool:
    """Whether it is two parts, as a tuple or a list; a list of two tuples may be two items instead."""
    if not isinstance(given, tuple | list) or len(given) != 2 or any(map(_is_column, given)):
        return False
    return isinstance(given, tuple) or not _are_items(given) or all(map(_has_targets, given))


def _has_targets(part: Any) -> bool:
    """Whether it is `(X, y)` or `(X, y, owners)` of many samples, not of one."""
    return isinstance(part, tuple) and len(part) in (2, 3) and bool(np.shape(part[1]))


def _is_column(value: Any) -> bool:
    """Whether it is features or targets, rather than a whole part of the data."""
    return is_array(value) or (isinstance(value, list) and not _are_items(value))


def _are_items(value: list[Any]) -> bool:
    return bool(value) and isinstance(value[0], tuple | Mapping)


def _part(given: Any, what: str, keys: Keys, where: str) -> Part:
    if isinstance(given, Mapping):
        columns = parts(given, keys, f"{where}: the {what}")
        return Arrays([column for column in columns if column is not None], what, where)
    if isinstance(given, tuple | list) and not (isinstance(given, list) and _are_items(given)):
        if len(given) not in (2, 3):
            raise UserError(f"{where}: the {what} are {len(given)} things; expected (X, y) or (X, y, owners)")
        return Arrays(given, what, where)
    if is_array(given) or isinstance(given, str | bytes | int | float) or given is None:
        raise UserError(
            f"{where}: it gives {type(given).__name__}; expected (X, y) of arrays, a data set with __len__ and "
            "__getitem__, or a pair (train, test) of these"
        )
    return Items(given, what, keys, where)


# ----------------------------------------------------------------------------------------------- reading it
def _read(once: Part, again: Part, where: str) -> Samples:
    """All of a part, if it stays the same: when read a second time, and when the function is called again."""
    length = len(once)
    if length == 0:
        raise UserError(f"{where}: it gives no samples")
    found = once.read(np.arange(length))
    spot = np.unique(np.linspace(0, length - 1, SPOT).astype(np.intp))
    if not found.same(once.read(spot), spot):
        raise UserError(
            f"{where}: the data set gives other items when they are read again, as random transforms do; samples are "
            "read once, so augmentation would be frozen: leave it out"
        )
    at = np.arange(length) if isinstance(again, Arrays) else spot
    if len(again) != length or not found.same(again.read(at), at):
        how = f" ({length} samples, then {len(again)})" if len(again) != length else ""
        raise UserError(
            f"{where}: it gives other data when called again{how}; every run calls it anew, so they must not change: "
            "give its random numbers a seed"
        )
    return found


def _raw(read: list[Samples], where: str) -> Raw:
    pairs = [_checked(samples, where) for samples in read]
    if len(pairs) == 2 and pairs[0][0].shape[1:] != pairs[1][0].shape[1:]:
        shapes = " and ".join(str(x.shape[1:]) for x, _ in pairs)
        raise UserError(f"{where}: features of training and test data differ in shape: {shapes}")
    every = np.concatenate([y for _, y in pairs])
    classes = None
    if every.dtype.kind in "iu" and int(every.min()) >= 0:
        classes = int(every.max()) + 1
        if classes > max(MOST_CLASSES, len(every)):
            raise UserError(
                f"{where}: the largest label is {classes - 1}, with {len(every)} samples; expected classes 0..C-1"
            )
    return Raw(
        *pairs[0], _owners(read[0], where), pairs[1] if len(pairs) == 2 else None, classes, counted=True
    )


def _owners(samples: Samples, where: str) -> NDArray[Any] | None:
    """Whose each sample is, shape (N,). Raises UserError where that is missing, or is neither a number nor a word."""
    owners = samples.owners
    if owners is None:
        return None
    owners = owners[:, 0] if owners.ndim == 2 and owners.shape[1] == 1 else owners
    if owners.ndim != 1:
        raise UserError(
            f"{where}: owners have shape {owners.shape}; expected one a sample, shape ({len(owners)},)"
        )
    missing = [k for k, owner in enumerate(owners.tolist()) if _is_missing(owner)]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise UserError(
            f"{where}: there is no owner ({owners[missing[0]]}) of sample {missing[0]}{more}; give every sample one, "
            "or leave it out"
        )
    if owners.dtype.kind not in "biufUS":
        raise UserError(f"{where}: owners are {owners.dtype}; expected numbers or text")
    return owners


def _is_missing(owner: object) -> bool:
    """None, pandas' NA, or a NaN."""
    return owner is None or type(owner).__name__ == "NAType" or bool(owner != owner)


def _checked(samples: Samples, where: str) -> tuple[NDArray[Any], NDArray[Any]]:
    x, y = samples.x, samples.y
    if x.dtype.kind not in "biuf":
        raise UserError(f"{where}: features are {x.dtype}; expected numbers")
    if x.size == 0:
        raise UserError(f"{where}: it gives no features: shape {x.shape}")
    x = x[:, None] if x.ndim == 1 else x
    finite(x, "there is", where)
    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if y.ndim != 1:
        hot = "; of one-hot rows give the place of the 1: y.argmax(1)" if y.ndim == 2 else ""
        raise UserError(
            f"{where}: targets have shape {y.shape}; expected one a sample, shape ({len(y)},){hot}"
        )
    if y.dtype.kind not in "biufU":
        raise UserError(f"{where}: targets are {y.dtype}; expected whole numbers, numbers or text")
    return x, y.astype(np.int64) if y.dtype.kind == "b" else y
