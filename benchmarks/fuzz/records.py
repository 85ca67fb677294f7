"""The folders of runs, as an older version, another program or a stranger may have left them: `table`, `compare`, and
now and then `plot` and `report`.

What is only damaged is found by its digest (`benchmarks/damage`); here digests are made anew, or taken away, so that
hostile contents reach whoever reads them.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import yaml
from rich.console import Console

from benchmarks.fuzz import hostile
from benchmarks.fuzz.huge import huge_text
from rfast_bench.errors import UserError
from rfast_bench.records import integrity
from rfast_bench.records.writing import MANIFEST

Rng = hostile.Rng
SCENARIO: dict[str, Any] = {
    "name": "tiny",
    "workers": 3,
    "problem": {"kind": "logistic-regression", "dataset": "wine", "l2": 0.1, "batch_size": 8},
    "compute": "100 ms",
    "network": {"latency": "10 ms"},
    "algorithms": [
        {"name": "r-fast", "step_size": 0.05, "topology": "line"},
        {"name": "ring-allreduce", "step_size": 0.2},
    ],
    "stop": {"time": "2 s"},
    "evaluate": {"every": "0.5 s", "targets": {"gap": [0.1]}},
    "sweep": {"network.loss": [0, 0.2]},
    "seeds": 1,
}


@cache
def template() -> Path:
    """Four runs as they are left; made once a process, which leaves it in the temporary folder of the machine."""
    from rfast_bench.study.scenario import Way, study

    home = Path(mkdtemp(prefix="rfast-bench-fuzz-"))
    path = home / "tiny.yaml"
    path.write_text(yaml.safe_dump(SCENARIO))
    with open(os.devnull, "w") as nothing:
        study(path, (), Way(home / "out", 1, False, Console(file=nothing)), None)
    return home / "out"


def shown_once() -> None:
    """In every way: what is imported for that is not what an input costs."""
    for number in range(7):
        try:
            _shown(template(), template(), number)()
        except UserError:
            continue  # no pair of worlds


def resealed(folder: Path, rng: Rng) -> None:
    """With digests of its files as they are now, or as if it had been written before there were any."""
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        plain = {k: v for k, v in manifest.items() if k not in (integrity.FILES, integrity.DIGEST)}
        if rng.integers(2):
            files = [file for file in folder.iterdir() if file.is_file() and file != path]
            plain = integrity.sealed(plain, {file.name: file.read_bytes() for file in files})
        path.write_text(json.dumps(plain))
    except (ValueError, AttributeError, RecursionError, OSError):
        return  # no manifest that a digest could be in


def _copied(rng: Rng, folder: Path) -> tuple[Path, Path]:
    home = folder / "out"
    shutil.copytree(template(), home)
    runs = sorted(path.parent for path in home.rglob(MANIFEST))
    return home, hostile.pick(rng, runs)


def _shown(home: Path, folder: Path, number: int) -> Callable[[], object]:
    def read() -> None:
        from rfast_bench.analysis.both_worlds import find_both
        from rfast_bench.analysis.unfinished import render_all
        from rfast_bench.analysis.worlds_compared_text import render
        from rfast_bench.records.reading import find_runs

        match number:
            case 0:
                from rfast_bench.report.page.html import page
                from rfast_bench.study.shards import of_records

                page(find_runs([home]), None, of_records)
            case 1:
                render(find_both(home, home), "md")
            case 2:
                from rfast_bench.trace.perfetto import trace

                trace(find_runs([home])[:1], 1.0, lambda text: None)
            case _:
                render_all([home], ("md", "csv", "latex", "html", "terminal")[number % 5])

    return read


def manifest(rng: Rng, folder: Path) -> Callable[[], object]:
    """Entries that are hostile."""
    home, run = _copied(rng, folder)
    path = run / MANIFEST
    if rng.integers(3):
        tree = hostile.changed(json.loads(path.read_text()), rng)
        try:
            path.write_text(json.dumps(tree), encoding="utf-8", errors="surrogatepass")
        except (ValueError, TypeError, RecursionError):
            path.write_text(repr(tree), encoding="utf-8", errors="surrogatepass")
    else:
        hostile.damaged(path, rng)
    resealed(run, rng)
    return _shown(home, folder, int(rng.integers(30)))


def tables(rng: Rng, folder: Path) -> Callable[[], object]:
    """Tables with other bytes and cells."""
    home, run = _copied(rng, folder)
    files = sorted(run.glob("*.csv"))
    path = hostile.pick(rng, files)
    match rng.integers(8):
        case 0:
            path.write_text(huge_text(rng))
        case 1 | 2:
            lines = [line.split(",") for line in path.read_text().splitlines()]
            row = hostile.pick(rng, lines)
            row[int(rng.integers(len(row)))] = str(hostile.value(rng))[:6000] if rng.integers(2) else "1e400"
            path.write_text("\n".join(map(",".join, lines)), encoding="utf-8", errors="surrogatepass")
        case 3:
            head, *rest = path.read_text().splitlines(keepends=True)
            path.write_text(head if rng.integers(2) else head + head + "".join(rest))
        case _:
            hostile.damaged(path, rng)
    resealed(run, rng)
    return _shown(home, folder, int(rng.integers(30)))


def resolved(rng: Rng, folder: Path) -> Callable[[], object]:
    """The scenario beside a manifest, which the report and the trace read."""
    home, run = _copied(rng, folder)
    path = run / "scenario.yaml"
    bombs = ["a: &a [x]\n" + "".join(f"k{k}: &b{k} [{','.join([f'*b{k - 1}'] * 9)}]\n" for k in range(1, 20))]
    bombs += [
        "a: " + "[" * 5000,
        "a: &a [*a]",
        "a: 2026-13-45",
        "a: " + "9" * 5000,
        "[]",
        "",
        "!!python/name:os.system",
    ]
    bombs[0] = bombs[0].replace("a: &a", "a: &b0")
    if rng.integers(3) == 0:
        path.write_text(hostile.pick(rng, bombs))
    elif rng.integers(2):
        tree = hostile.changed(yaml.safe_load(path.read_text()), rng)
        try:
            path.write_text(yaml.safe_dump(tree, allow_unicode=True), errors="surrogatepass")
        except (RecursionError, ValueError, yaml.YAMLError):
            path.write_text(repr(tree), errors="surrogatepass")
    else:
        hostile.damaged(path, rng)
    resealed(run, rng)
    return _shown(home, folder, hostile.pick(rng, (0, 2)))


def under_way(rng: Rng, folder: Path) -> Callable[[], object]:
    """Snapshots of runs that are not over."""
    home, run = _copied(rng, folder)
    hidden = run.with_name(f".{run.name}.unfinished")
    hidden.mkdir()
    about = json.loads((run / MANIFEST).read_text()) | {"stop": {"time": 2.0}}
    curves = (run / "curves.csv").read_bytes()
    try:
        (hidden / "unfinished.json").write_text(
            json.dumps(hostile.changed(about, rng)), errors="surrogatepass"
        )
    except (ValueError, TypeError, RecursionError):
        (hidden / "unfinished.json").write_text(json.dumps(about))
    (hidden / "curves.csv").write_bytes(hostile.bytes_changed(curves, rng))
    return _shown(home, folder, 5 + int(rng.integers(5)))


def folders(rng: Rng, folder: Path) -> Callable[[], object]:
    """Names in a manifest that lead out of the folder; links, loops and pipes in the place of files."""
    home, run = _copied(rng, folder)
    match rng.integers(5):
        case 0:
            found = json.loads((run / MANIFEST).read_text())
            names = (
                "../../../../../../etc/passwd",
                "/etc/passwd",
                "/dev/zero",
                "/dev/stdin",
                "a\x00b",
                "x" * 5000,
                "",
                ".",
            )
            found[integrity.FILES][hostile.pick(rng, names)] = "0" * 64
            (run / MANIFEST).write_text(json.dumps(integrity.sealed(found)))
        case 1:
            shutil.rmtree(run)
            run.symlink_to(home if rng.integers(2) else "/")
        case 2:
            _instead(run / hostile.pick(rng, ("curves.csv", MANIFEST, "scenario.yaml")), rng)
        case 3:
            deep = run
            for _ in range(int(rng.integers(1, 60))):
                deep = deep / "a"
            deep.mkdir(parents=True)
            shutil.copyfile(run / MANIFEST, deep / MANIFEST)
            (run / MANIFEST).unlink()
        case _:
            os.mkfifo(run.with_name("seed-77"))
            (run.parent / "seed-7").mkdir()
            (run.parent / "seed-99999999999999999999").mkdir()
    return _shown(home, folder, int(rng.integers(10)))


def _instead(path: Path, rng: Rng) -> None:
    path.unlink()
    match rng.integers(6):
        case 0:
            path.mkdir()
        case 1:
            os.mkfifo(path)
        case 2:
            path.symlink_to(path)
        case 3:
            path.symlink_to("/dev/zero")
        case 4:
            path.symlink_to("/etc/passwd")
        case _:
            path.touch()
            path.chmod(0)


FAMILIES = {
    "manifest": manifest,
    "tables": tables,
    "resolved": resolved,
    "under way": under_way,
    "run folders": folders,
}
