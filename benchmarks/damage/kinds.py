"""What becomes of a run's files.

A byte, an end, a file lost, emptied, longer, swapped with another run's, one of another scenario's, a folder, a link or
a pipe in its place; a folder emptied, lost, linked, swapped.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

Rng = np.random.Generator
T = TypeVar("T")


def pick(rng: Rng, among: Sequence[T]) -> T:
    """One of them."""
    return among[int(rng.integers(len(among)))]


Damage = Callable[[Path, Path, Rng], None]
"""Of a file; another folder has the same files of another scenario."""


def a_byte(path: Path, other: Path, rng: Rng) -> None:
    data = bytearray(path.read_bytes())
    data[rng.integers(len(data))] ^= 1 << rng.integers(8)
    path.write_bytes(bytes(data))


def a_cut(path: Path, other: Path, rng: Rng) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: rng.integers(len(data))])


def emptied(path: Path, other: Path, rng: Rng) -> None:
    path.write_bytes(b"")


def longer(path: Path, other: Path, rng: Rng) -> None:
    more = (b"\n", b" ", b"0", rng.bytes(20), path.read_bytes())
    path.write_bytes(path.read_bytes() + pick(rng, more))


def lost(path: Path, other: Path, rng: Rng) -> None:
    path.unlink()


def swapped(path: Path, other: Path, rng: Rng) -> None:
    """With a file of another run, mostly the one of the same name."""
    out = next(one for one in path.parents if (one / "small.yaml").exists()) / "out"
    found = out.rglob(path.name if rng.integers(4) else "*")
    names = sorted(one for one in found if one.is_file() and not one.is_symlink() and one != path)
    with_ = pick(rng, names)
    one, two = path.read_bytes(), with_.read_bytes()
    path.write_bytes(two)
    with_.write_bytes(one)


def of_another_scenario(path: Path, other: Path, rng: Rng) -> None:
    shutil.copyfile(other, path)


def a_folder(path: Path, other: Path, rng: Rng) -> None:
    path.unlink()
    path.mkdir()


def a_link(path: Path, other: Path, rng: Rng) -> None:
    targets = (other.resolve(), path, Path("/dev/zero"), Path("/nowhere"))
    target = pick(rng, targets)
    path.unlink()
    path.symlink_to(target)


def a_pipe(path: Path, other: Path, rng: Rng) -> None:
    path.unlink()
    os.mkfifo(path)


def folder_emptied(path: Path, other: Path, rng: Rng) -> None:
    for file in path.parent.iterdir():
        file.unlink()


def folder_lost(path: Path, other: Path, rng: Rng) -> None:
    shutil.rmtree(path.parent)


def folder_of_another(path: Path, other: Path, rng: Rng) -> None:
    """Another run's whole folder, of this scenario or of the other one."""
    beside = path.parent.with_name("seed-1" if path.parent.name == "seed-0" else "seed-0")
    home = other.parent if rng.integers(2) else beside
    shutil.rmtree(path.parent)
    shutil.copytree(home, path.parent)


def folder_linked(path: Path, other: Path, rng: Rng) -> None:
    shutil.rmtree(path.parent)
    path.parent.symlink_to(other.parent.resolve())


DAMAGES: tuple[Damage, ...] = (
    *(a_byte, a_byte, a_cut, a_cut, lost, swapped, swapped, of_another_scenario, of_another_scenario),
    *(
        emptied,
        longer,
        a_folder,
        a_link,
        a_pipe,
        folder_emptied,
        folder_lost,
        folder_of_another,
        folder_linked,
    ),
)
ABSENT = (folder_lost,)
"""What may leave no trace: a table does not know which runs there should be."""
