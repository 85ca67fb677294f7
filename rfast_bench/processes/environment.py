"""What a Python process that the suite starts must find: the package that this process has imported, no other.

An interpreter that is started by `-c` or `-m` looks into the working folder first. There may lie a checkout of this
repository, whose `rfast_bench/` has no `algorithms` beside an installed one that has, or a `random.py` of the user's.
"""

from __future__ import annotations

import hashlib
import os
import platform
import site
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import rfast_bench

ROOT = Path(str(rfast_bench.__file__)).resolve().parent.parent
"""The folder that the package was imported from."""
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
"""Of linear algebra, so that bytes repeat."""
STARTER = "RFAST_BENCH_STARTER"
"""The environment variable by which a fork server knows who started it."""


def own_imports() -> dict[str, str]:
    """Environment variables of an interpreter that imports what this one does, whatever its working folder holds.

    The folder of the package is named only where it is on the path of this process and no fresh interpreter would
    look there: it was put there by a script, by `python -m` or by PYTHONPATH.
    """
    safe = {"PYTHONSAFEPATH": "1"}
    if ROOT not in _resolved(sys.path) - _resolved([*site.getsitepackages(), site.getusersitepackages()]):
        return safe
    others = os.environ.get("PYTHONPATH", "")
    return {**safe, "PYTHONPATH": os.pathsep.join([str(ROOT), *([others] if others else [])])}


def locations() -> dict[str, str]:
    """The folders of the package and of its parts that lie elsewhere in a checkout, by module name."""
    names = ("rfast_bench", "rfast_bench.algorithms", "rfast_bench.scenarios")
    found = {name: find_spec(name) for name in names}
    return {
        name: str(Path(spec.origin).parent.resolve()) for name, spec in found.items() if spec and spec.origin
    }


@cache
def digest() -> str:
    """A fingerprint of all sources of the package, algorithms not counted: a run has those of its own."""
    whole = hashlib.sha256()
    home = ROOT / "rfast_bench"
    for path in sorted(home.rglob("*.py")):
        name = path.relative_to(home)
        if name.parts[0] not in ("algorithms", "scenarios"):
            whole.update(f"{name.as_posix()}\0".encode() + path.read_bytes())
    return whole.hexdigest()


def machine() -> str:
    """Names this machine until it is started again: the same for processes that share its clock and its locks."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    return boot.read_text().strip() if boot.exists() else platform.node()


def _resolved(folders: list[str]) -> set[Path]:
    return {Path(folder).resolve() for folder in folders}


@contextmanager
def started_with(variables: dict[str, str]) -> Iterator[None]:
    """Processes that are started within the block have these environment variables."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
