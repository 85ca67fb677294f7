"""The scenarios that are installed with the package, found by name."""

from __future__ import annotations

from importlib.resources import as_file, files
from os.path import isfile
from pathlib import Path

PACKAGE = "rfast_bench.scenarios"


def names() -> list[str]:
    """The names of all shipped scenarios."""
    return sorted(f.name.removesuffix(".yaml") for f in files(PACKAGE).iterdir() if f.name.endswith(".yaml"))


def find(name: str | Path) -> Path:
    """A path as it stands when it is a file or looks like one, else the shipped scenario of that name."""
    path = Path(name)
    if isfile(path) or path.suffix or len(path.parts) > 1 or str(name) not in names():
        return path
    with as_file(files(PACKAGE) / f"{name}.yaml") as found:
        return found
