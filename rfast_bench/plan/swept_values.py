"""How the value of a swept key is named, in tables, figures and folders, and a data set where it is told of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

LONGEST = 255
"""Bytes of a folder's name, on the file systems in use."""


def named(point: Mapping[str, Any]) -> dict[str, Any]:
    """A sweep point whose values are numbers and words.

    >>> named({"problem.partition": {"kind": "dirichlet", "alpha": 0.1}, "workers": 8})
    {'problem.partition': 'dirichlet alpha=0.1', 'workers': 8}
    >>> named({"optimizer": {"momentum": 0.9, "nesterov": True}, "schedule": {}})
    {'optimizer': 'momentum=0.9 nesterov=true', 'schedule': '{}'}
    """
    return {key: _name(value) for key, value in point.items()}


def _name(value: Any) -> Any:
    if isinstance(value, Mapping):
        kind = [str(value["kind"])] if "kind" in value else []
        parts = [f"{key}={_inner(part)}" for key, part in value.items() if key != "kind"]
        return " ".join(kind + parts) or "{}"
    return json.dumps(value) if isinstance(value, list) else value


def _inner(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(_in_order(value))


def _in_order(value: Any) -> Any:
    """The same with the keys of every mapping in order; numbers and words may be mixed, as in `{10: 1, 20 s: 2}`."""
    if isinstance(value, Mapping):
        keys = sorted(value, key=lambda key: (isinstance(key, str), key))
        return {key: _in_order(value[key]) for key in keys}
    return [_in_order(item) for item in value] if isinstance(value, list | tuple) else value


def short_names(keys: Iterable[str]) -> dict[str, str]:
    """Each key path by as many of its last parts as tell it from the others.

    >>> short_names(["network.loss.kind", "problem.kind", "workers"])
    {'network.loss.kind': 'loss.kind', 'problem.kind': 'problem.kind', 'workers': 'workers'}
    """
    split = {key: key.split(".") for key in keys}
    return {
        key: next(
            ".".join(parts[-size:])
            for size in range(1, len(parts) + 1)
            if size == len(parts) or sum(other[-size:] == parts[-size:] for other in split.values()) == 1
        )
        for key, parts in split.items()
    }


def data_name(dataset: Mapping[str, Any]) -> str:
    """A data set's kind; of a function of the user's own its name and file. Empty where there is neither.

    >>> data_name({"kind": "python", "source": "/home/me/my_data.py:load"}), data_name({"kind": "wine"})
    ('load of my_data.py', 'wine')
    """
    kind = str(dataset.get("kind") or "")
    file, _, name = str(dataset.get("source") or "").rpartition(":")
    return f"{name} of {PurePath(file).name}" if kind == "python" and file else kind


def folder_words(value: Any) -> str:
    """The value before it becomes part of a folder's name."""
    name = _name(value)
    return name if isinstance(name, str) else json.dumps(name)


def fitting(name: str) -> str:
    """The name of a folder, or, of one that is too long for file systems, its beginning and a digest of all of it."""
    whole = name.encode()
    if len(whole) <= LONGEST:
        return name
    digest = hashlib.sha256(whole).hexdigest()[:12]
    return f"{whole[: LONGEST - 40].decode(errors='ignore')}-{digest}"
