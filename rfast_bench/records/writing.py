"""What a run leaves on disk: tidy CSV tables and a manifest, in one folder that appears whole or not at all.

    manifest.json   what ran, on what, how it ended         workers.csv     what each worker did and waited
    scenario.yaml   the resolved scenario                   staleness.csv   how old messages were when read
    curves.csv      one row per evaluation of the model     timeline.csv    when each worker computed
    topology.csv    the edges of W and A                    (no curves.csv when the run was skipped)
    model.safetensors  the mean model of the end, for `checkpoint: true`

The manifest holds a digest of each file and of itself (`integrity.py`).

Times are seconds, traffic is bytes, an empty field is a number that does not exist (gap without `f*`).
Floats are written so that they read back bit for bit; equal data give equal bytes.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from rfast_bench.files import write_text
from rfast_bench.records.integrity import is_sealed, sealed

FORMAT = 2
"""2: `loss_worst` is the largest loss of the judged workers' own models; in 1 it was that of the model farthest from
the mean."""
MANIFEST = "manifest.json"
SCENARIO = "scenario.yaml"
FAILURE = "failure.txt"
"""All that the folder of a run that failed holds."""
ENDING = ".unfinished"
"""Of the hidden folder beside it where a run is seen that is under way."""
CHECKPOINT = "model.safetensors"
"""The mean model of the end, in the folder of a run that was asked for it."""

EMPTY: Mapping[str, Any] = {}

COLUMNS: Mapping[str, Sequence[str]] = {
    "curves": [
        *("time", "epoch", "gradients", "iterations_min", "iterations_mean", "iterations_max"),
        *("loss", "loss_worst", "gap", "accuracy", "consensus", "gradient_norm", "residual"),
        *("messages_sent", "messages_lost", "messages_superseded", "bytes_sent"),
    ],
    "workers": ["worker", "gradients", "samples", "busy", "waiting", "age_mean", "age_max"],
    "staleness": ["worker", "staleness", "count"],
    "timeline": ["worker", "start", "end"],
    "topology": ["graph", "from", "to", "weight"],
}
"""The tables of a run folder and their columns, in order."""


def write_run(
    folder: Path,
    manifest: Mapping[str, Any],
    frames: Mapping[str, pd.DataFrame],
    texts: Mapping[str, str],
    files: Mapping[str, bytes] = EMPTY,
) -> None:
    """Write one run folder, replacing an older one. A failure leaves the older folder, or nothing.

    `frames` are named without ending (`curves` becomes `curves.csv`), `texts` and `files` by file name
    (`scenario.yaml`). Raises ValueError when the manifest holds a NaN or an infinity: JSON has neither.
    """
    tables = {f"{name}.csv": as_text(frame) for name, frame in frames.items()}
    contents = {name: text.encode() for name, text in (dict(texts) | tables).items()} | dict(files)
    _replace(folder, {MANIFEST: as_json(sealed(manifest, contents)).encode()} | contents)
    shutil.rmtree(unfinished_of(folder), ignore_errors=True)


def unfinished_of(folder: Path) -> Path:
    """Where a run is seen while it is under way, whose record will be `folder` (which has a name)."""
    return folder.with_name(f".{folder.name}{ENDING}")


def write_failure(folder: Path, text: str) -> None:
    """Leave a run's folder with nothing but why it failed, which is no run to `find_runs`."""
    for stray in folder.parent.glob(f".{folder.name}.partial-*"):
        shutil.rmtree(stray)  # of a process that was killed while it wrote
    _replace(folder, {FAILURE: text.encode()})


def _replace(folder: Path, contents: Mapping[str, bytes]) -> None:
    partial = _sibling(folder, "partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        for name, content in contents.items():
            (partial / name).write_bytes(content)
        _put_in_place(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _sibling(folder: Path, kind: str) -> Path:
    return folder.with_name(f".{folder.name}.{kind}-{os.getpid()}")


def _put_in_place(partial: Path, folder: Path) -> None:
    if not os.path.lexists(folder):
        partial.rename(folder)
        return
    old = _sibling(folder, "old")
    folder.rename(old)
    try:
        partial.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    if old.is_dir() and not old.is_symlink():
        shutil.rmtree(old)
    else:
        old.unlink()  # something that had taken the folder's place


def amend(folder: Path, **entries: Any) -> None:
    """Set entries of the manifest of a run that is there, where they differ. Raises UserError."""
    path = folder / MANIFEST
    manifest = json.loads(path.read_text(encoding="utf-8"))
    if any(manifest.get(key, EMPTY) != value for key, value in entries.items()):
        whole = {**manifest, **entries}
        write_text(path, as_json(sealed(whole) if is_sealed(whole) else whole))


def as_text(frame: pd.DataFrame) -> str:
    """A table as CSV whose floats read back bit for bit."""
    return frame.to_csv(index=False, lineterminator="\n")


def as_json(manifest: Mapping[str, Any]) -> str:
    """Raises ValueError for a NaN or an infinity."""
    return json.dumps(dict(manifest), indent=2, allow_nan=False, ensure_ascii=False) + "\n"
