"""Whether a run's folder still holds what was written into it, down to the last byte.

    manifest.json   "files": the SHA-256 of each other file     "digest": that of the manifest's other entries

Whoever changes a file changes both on purpose or is found out. Folders that were written before there were digests say
nothing of themselves and are taken as they are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from os.path import isfile, lexists
from pathlib import Path
from typing import Any

FILES, DIGEST = "files", "digest"


def sealed(manifest: Mapping[str, Any], contents: Mapping[str, bytes] | None = None) -> dict[str, Any]:
    """The manifest with digests of these files, or of those that it names already, and of itself.

    Raises ValueError when it holds a NaN or an infinity: JSON has neither.
    """
    files = manifest.get(FILES) if contents is None else {name: _of(data) for name, data in contents.items()}
    whole = {**manifest, FILES: files}
    return {**whole, DIGEST: _of_entries(whole)}


def is_sealed(manifest: Mapping[str, Any]) -> bool:
    """Whether it was written with digests."""
    return FILES in manifest or DIGEST in manifest


def believable(manifest: Mapping[str, Any]) -> bool:
    """Whether the manifest itself is as it was written."""
    try:
        return bool(manifest.get(DIGEST) == _of_entries(manifest) and isinstance(manifest.get(FILES), dict))
    except (ValueError, RecursionError):
        return False


def flaw(folder: Path, manifest: Mapping[str, Any], tables: Mapping[str, Any]) -> str:
    """What is not as it was written, or nothing. `tables`: names, without ending, of files that are read where they are
    there."""
    return next(_flaws(folder, manifest, tables), "") if is_sealed(manifest) else ""


def _flaws(folder: Path, manifest: Mapping[str, Any], tables: Mapping[str, Any]) -> Iterator[str]:
    if not believable(manifest):
        yield "manifest.json was changed after it was written"
        return
    files: Mapping[str, str] = manifest[FILES]
    for name, digest in files.items():
        if Path(name).name != name:
            yield f"manifest.json names {name!r:.80}, which is no file of its folder"
            return
        if not isfile(folder / name):
            yield f"{name} is {'no file' if lexists(folder / name) else 'missing'}"
            continue
        try:
            if digest != _of((folder / name).read_bytes()):
                yield f"{name} was changed after it was written"
        except OSError as problem:
            yield f"{name} cannot be read: {problem.strerror}"
    for name in tables:
        if f"{name}.csv" not in files and (folder / f"{name}.csv").exists():
            yield f"{name}.csv is not this run's"


def _of_entries(manifest: Mapping[str, Any]) -> str:
    entries = {key: value for key, value in manifest.items() if key != DIGEST}
    return _of(json.dumps(entries, sort_keys=True, allow_nan=False).encode())


def _of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
