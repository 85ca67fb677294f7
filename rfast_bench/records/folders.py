"""Which folders are runs'."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from rfast_bench.errors import UserError
from rfast_bench.records.writing import FAILURE, MANIFEST, SCENARIO
from rfast_bench.scenario import shipped

TENSORBOARD = "tfevents"
"""In the names of its files, whose folders are named as runs' are."""


def manifests(place: Path) -> Iterator[Path]:
    """Of every run folder in or below a place, also where the manifest is gone and all else says that it is one, or
    where nothing is left but its name.

    Hidden folders are left out. Raises UserError when there is no such place.
    """
    if not place.is_dir():
        raise UserError(f"{place}: no such folder")
    for folder, below, files in os.walk(place):
        others = FAILURE in files or any(TENSORBOARD in name for name in files)
        named = seed_of(Path(folder)) is not None and not others
        if MANIFEST in files or (named and (SCENARIO in files or not below)):
            below.clear()
            yield Path(folder, MANIFEST)
        for name in below:
            if os.path.islink(link := os.path.join(folder, name)) and seed_of(Path(link)) is not None:
                yield Path(link, MANIFEST)  # the walk does not go there
        below[:] = sorted(name for name in below if not name.startswith("."))


def none_found(places: Sequence[Path]) -> str:
    """What is said where there is no run; where a study's summary alone was kept, how its records are made anew."""
    where = ", ".join(map(str, places)) or "no folder given"
    said = [f"{where}: no run found (a run folder holds {MANIFEST})"]
    kept = [
        table.parent
        for place in places
        for table in sorted([*place.glob("table.csv"), *place.glob("*/table.csv")])
    ]
    for home in kept:
        name = home.resolve().name
        if name in shipped.names():
            said.append(
                f"{home}: its table is kept ({home / 'table.md'}), its records are not; they are made anew by "
                f"rfast-bench run {name} --out {home.parent}"
            )
    return "\n".join(said)


def seed_of(folder: Path) -> int | None:
    """As the folder's name has it."""
    found = re.fullmatch(r"seed-(\d{1,19})", folder.name)
    return int(found[1]) if found else None
