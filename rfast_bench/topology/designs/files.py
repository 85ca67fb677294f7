"""A designed pair on disk: two edge lists that a scenario can name, and the lines that name them."""

from __future__ import annotations

import os
from pathlib import Path

from rfast_bench.errors import UserError
from rfast_bench.topology.designs.pair import Design


def write_pair(designed: Design, latency: Path, stem: Path) -> tuple[Path, Path]:
    """Write STEM-w.txt and STEM-a.txt, whole or not at all. Raises UserError."""
    head = (
        f"designed for {latency.name}: {designed.objective} {designed.value:.6g} s, "
        f"bound {designed.bound:.6g} s, common root {designed.root}"
    )
    meanings = ("G(W): models flow along 'from to'", "G(A): gradient mass flows along 'from to'")
    files = (stem.with_name(f"{stem.name}-w.txt"), stem.with_name(f"{stem.name}-a.txt"))
    partial = [path.with_name(f".{path.name}.partial") for path in files]
    try:
        stem.parent.mkdir(parents=True, exist_ok=True)
        for path, edges, meaning in zip(partial, (designed.w, designed.a), meanings, strict=True):
            lines = [f"# {meaning}", f"# {head}", *(f"{j} {i}" for j, i in sorted(edges))]
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        for path, target in zip(partial, files, strict=True):
            path.replace(target)
    except OSError as problem:
        for path in partial:
            path.unlink(missing_ok=True)
        raise UserError(f"--out: cannot write {stem}-w.txt: {problem.strerror}") from problem
    return files


def lines_for_scenario(
    workers: int,
    files: tuple[Path, Path],
    latency: Path,
    bandwidth: float | Path | None,
    size: float | None,
) -> str:
    """The YAML lines to paste, for a scenario file in the folder of the edge lists."""
    folder = files[0].parent
    network = [f"latency_matrix: {_seen_from(folder, latency)}"]
    if isinstance(bandwidth, Path):
        network.append(f"bandwidth_matrix: {_seen_from(folder, bandwidth)}")
    elif bandwidth is not None:
        network.append(f"bandwidth: {bandwidth:.12g}")
    if size is not None:
        network.append(f"message_bytes: {size:.12g}")
    pair = f"{{w: {_seen_from(folder, files[0])}, a: {_seen_from(folder, files[1])}}}"
    return "\n".join(
        [
            f"workers: {workers}",
            f"network: {{{', '.join(network)}}}",
            "algorithms:",
            f"  - {{name: ..., step_size: ..., topology: {pair}}}",
        ]
    )


def _seen_from(folder: Path, path: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()
