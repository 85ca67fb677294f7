"""Which runs are there, whole, and of the right world."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rfast_bench.errors import UserError
from rfast_bench.files import read_text
from rfast_bench.plan.runs import Run
from rfast_bench.records import integrity
from rfast_bench.records.writing import CHECKPOINT, COLUMNS, MANIFEST
from rfast_bench.scenario.values.bounds import LARGEST_FILE
from rfast_bench.study.keeping import checkpoint


def is_done(run: Run, out: Path) -> bool:
    """Whether a folder of this very run is there and whole, with its checkpoint if one is asked for."""
    manifest = _recorded(run, out)
    if manifest is None or integrity.flaw(out / run.folder, manifest, COLUMNS):
        return False
    whole = run.skipped or not checkpoint.wanted(run) or (out / run.folder / CHECKPOINT).exists()
    return bool(whole)


def _recorded(run: Run, out: Path) -> dict[str, Any] | None:
    """The manifest of this very run, if there is one."""
    manifest = _manifest(out / run.folder)
    return manifest if manifest is not None and manifest.get("hash") == run.hash else None


def _manifest(folder: Path) -> dict[str, Any] | None:
    try:
        manifest = json.loads(read_text(folder / MANIFEST, LARGEST_FILE))
    except (OSError, ValueError, RecursionError):
        return None
    return manifest if isinstance(manifest, dict) else None


def damaged(runs: Sequence[Run], out: Path) -> Iterator[str]:
    """A sentence for each run that is done again for what became of its files."""
    for run in runs:
        manifest = _recorded(run, out)
        why = "" if manifest is None else integrity.flaw(out / run.folder, manifest, COLUMNS)
        if why:
            yield f"{out / run.folder} is damaged, and done again: {why}"


def check_world(runs: Sequence[Run], out: Path) -> None:
    """Raises UserError where a run would replace one of the other world: both are worth keeping."""
    for run in runs:
        manifest = _manifest(out / run.folder)
        found = None if manifest is None else manifest.get("world")
        if found in ("simulated", "real") and found != run.scenario.world:
            raise UserError(
                f"{out / run.folder} holds a run of the {found} world, and this one is {run.scenario.world}; "
                "give another --out, run both with --world both, or replace it with --fresh"
            )
