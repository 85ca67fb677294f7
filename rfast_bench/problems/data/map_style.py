"""Samples that a user's function gives, as arrays or item by item, read into NumPy arrays.

An item is `(x, y)`, `(x, y, owner)`, or a dictionary. Arrays are whatever NumPy can take: tensors, frames, lists.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rfast_bench.errors import UserError

X_KEYS = ("x", "X", "features", "inputs", "input", "input_ids", "pixel_values", "image", "img", "data")
Y_KEYS = ("y", "Y", "label", "labels", "target", "targets", "fine_label")
OWNER_KEYS = ("owner", "client", "user", "writer")
"""Keys of items that are dictionaries, tried in this order, where the scenario names none."""


class Keys(NamedTuple):
    """Which keys the scenario names; None for those in use elsewhere."""

    x: str | None = None
    y: str | None = None
    owner: str | None = None


@dataclass(frozen=True)
class Samples:
    """Features (N, ...), targets (N,), and owners (N,) where there are any."""

    x: NDArray[Any]
    y: NDArray[Any]
    owners: NDArray[Any] | None = None

    def __len__(self) -> int:
        return len(self.y)

    def same(self, other: Samples, at: NDArray[np.intp]) -> bool:
        """Whether `other` holds what this one holds in rows `at`."""
        mine, theirs = (self.x, self.y, self.owners), (other.x, other.y, other.owners)
        return all(
            (a is None and b is None) or (a is not None and b is not None and _equal(a[at], b))
            for a, b in zip(mine, theirs, strict=True)
        )


def _equal(a: NDArray[Any], b: NDArray[Any]) -> bool:
    if a.dtype == b.dtype == object:  # with what is missing, which equals itself only as an object
        return bool(a.tolist() == b.tolist())
    numbers = a.dtype.kind in "fc" and b.dtype.kind in "fc"
    return a.shape == b.shape and bool(np.array_equal(a, b, equal_nan=numbers))


class Arrays:
    """A part of the data that came as arrays."""

    def __init__(self, given: Sequence[Any], what: str, where: str) -> None:
        """Raises UserError when they are no arrays of one length."""
        names = ("X", "y", "owners")[: len(given)]
        found = [
            _column(one, f"{where}: {name} of the {what}") for name, one in zip(names, given, strict=True)
        ]
        x, y, *owners = found
        self.samples = Samples(x, y, owners[0] if owners else None)
        for name, column in zip(names, found, strict=True):
            if column.dtype == object and not (name == "owners" and column.size):
                raise UserError(
                    f"{where}: {name} of the {what} is no array: its rows differ in length or kind"
                )
            if column.ndim == 0 or len(column) != len(y):
                shapes = ", ".join(str(own.shape) for own in found)
                raise UserError(
                    f"{where}: the {what} have arrays of shapes {shapes}; expected one row a sample in each"
                )

    def __len__(self) -> int:
        return len(self.samples)

    def read(self, at: NDArray[np.intp]) -> Samples:
        """The samples of rows `at`."""
        one = self.samples
        return Samples(one.x[at], one.y[at], None if one.owners is None else one.owners[at])


class Items:
    """A part of the data that came as a map-style data set."""

    def __init__(self, given: Any, what: str, keys: Keys, where: str) -> None:
        """Raises UserError for what has no length or no items by number."""
        self.given, self.what, self.keys, self.where = given, what, keys, where
        kind = type(given).__name__
        if not hasattr(given, "__getitem__") or any(
            c.__name__ == "IterableDataset" for c in type(given).__mro__
        ):
            stream = "a stream" if hasattr(given, "__iter__") else "no data set"
            inner = "; give its .dataset" if hasattr(given, "dataset") else ""
            raise UserError(
                f"{where}: the {what} are {stream} ({kind}), whose items have no numbers to deal to workers{inner}; "
                "expected a data set with __len__ and __getitem__"
            )
        try:
            self.length = len(given)
        except (TypeError, NotImplementedError) as problem:
            raise UserError(
                f"{where}: the {what} ({kind}) have no length ({problem}); expected __len__"
            ) from problem

    def __len__(self) -> int:
        return self.length

    def read(self, at: Iterable[int]) -> Samples:
        """The samples of items `at`, one after the other. Raises UserError where they do not fit together."""
        rows = [self._item(int(k)) for k in at]
        now = len(self.given)
        if now != self.length:
            raise UserError(
                f"{self.where}: the {self.what} had {self.length} samples and {now} after they were read; expected a "
                "data set of one length"
            )
        x, y = (self._stacked([row[k] for row in rows], name) for k, name in ((0, "features"), (1, "target")))
        owners = [row[2] for row in rows]
        some = [owner is not None for owner in owners]
        if any(some) and not all(some):
            raise UserError(
                f"{self.where}: item {some.index(False)} of the {self.what} has no owner, others have"
            )
        return Samples(x, y, np.array(owners) if all(some) and rows else None)

    def _item(self, k: int) -> tuple[NDArray[Any], NDArray[Any], Any]:
        try:
            item = self.given[k]
        except IndexError as problem:
            raise UserError(
                f"{self.where}: the {self.what} say they have {self.length} samples, but there is no item {k}"
            ) from problem
        name = f"{self.where}: item {k} of the {self.what}"
        x, y, owner = parts(item, self.keys, name)
        found = array(x), array(y)
        if any(one.dtype == object for one in found):
            raise UserError(f"{name} holds {_kind(x)} and {_kind(y)}; expected numbers, arrays or images")
        return *found, owner if owner is None else array(owner).item()

    def _stacked(self, rows: list[NDArray[Any]], name: str) -> NDArray[Any]:
        for k, row in enumerate(rows):
            if row.shape != rows[0].shape:
                raise UserError(
                    f"{self.where}: the {self.what} are of mixed shapes: the {name} of item 0 has shape "
                    f"{rows[0].shape}, that of item {k} {row.shape}; cut or fill them to one shape"
                )
        return np.stack(rows) if rows else np.empty(0)


def parts(item: Any, keys: Keys, name: str) -> tuple[Any, Any, Any]:
    """Features, target and owner (or None) of an item, `name` saying which it is. Raises UserError."""
    if isinstance(item, Mapping):
        x, y = _entry(item, keys.x, X_KEYS, "x", name), _entry(item, keys.y, Y_KEYS, "y", name)
        owners = [key for key in ([keys.owner] if keys.owner else OWNER_KEYS) if key in item]
        if keys.owner and not owners:
            raise UserError(f"{name} has no key '{keys.owner}'; it has {', '.join(map(str, item))}")
        return x, y, item[owners[0]] if owners else None
    if not isinstance(item, tuple | list) or len(item) not in (2, 3):
        how = f" of {len(item)}" if isinstance(item, tuple | list) else ""
        raise UserError(f"{name} is {_kind(item)}{how}; expected (x, y), (x, y, owner) or a dictionary")
    return item[0], item[1], item[2] if len(item) == 3 else None


def _entry(item: Mapping[str, Any], given: str | None, known: Sequence[str], key: str, name: str) -> Any:
    found = [word for word in ([given] if given else known) if word in item]
    if not found:
        wanted = f"'{given}'" if given else f"any of {', '.join(known)}"
        raise UserError(
            f"{name} has the keys {', '.join(map(str, item))}, not {wanted}; say which it is: dataset.{key}: KEY"
        )
    return item[found[0]]


def _kind(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__name__}".removeprefix("builtins.")


def is_array(value: Any) -> bool:
    """Whether it is an array, a tensor or a frame. (Hugging Face's data sets have a shape too, but no dtype.)"""
    return hasattr(value, "shape") and (hasattr(value, "dtype") or hasattr(value, "dtypes"))


def _column(value: Any, name: str) -> NDArray[Any]:
    """See `array`. Raises UserError, which starts with `name`, for what NumPy has no type for."""
    try:
        return array(value)
    except (TypeError, RuntimeError) as problem:
        raise UserError(f"{name} cannot be read as an array: {problem}") from problem


def array(value: Any) -> NDArray[Any]:
    """As a NumPy array; a picture (PIL) becomes numbers from 0 to 1, channels first, as torchvision's `ToTensor`.

    Masked entries are missing: NaN among numbers, else None.
    """
    if hasattr(value, "detach"):
        return _of_tensor(value.detach().cpu())
    if isinstance(value, np.ma.MaskedArray):
        return _unmasked(value)
    if hasattr(value, "getbands"):
        pixels = np.asarray(value)
        pixels = pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)
        return pixels / np.float32(255) if pixels.dtype == np.uint8 else pixels
    if isinstance(value, list | tuple) and any(
        hasattr(one, "detach") or isinstance(one, np.ma.MaskedArray) for one in value
    ):
        value = [array(one) for one in value]
    try:
        found = np.asarray(value)
    except ValueError:  # rows of different lengths
        return np.empty(0, object)
    return (
        found.astype(str)
        if found.dtype == object and all(isinstance(one, str) for one in found.ravel())
        else found
    )


def _of_tensor(tensor: Any) -> NDArray[Any]:
    """Sparse ones become dense, and numbers of types that NumPy lacks, such as bfloat16, float32."""
    if str(tensor.layout) != "torch.strided":
        tensor = tensor.to_dense()
    try:
        found: NDArray[Any] = tensor.numpy()
    except TypeError:
        if not tensor.dtype.is_floating_point:
            raise
        found = tensor.float().numpy()
    return found


def _unmasked(value: np.ma.MaskedArray[Any, Any]) -> NDArray[Any]:
    found, mask = np.asarray(value.data), np.ma.getmaskarray(value)
    if mask.any():
        found = found.astype(np.float64 if found.dtype.kind in "biuf" else object)
        found[mask] = None  # NaN among numbers
    return found
