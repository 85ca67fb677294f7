"""The committed results: made anew, compared with what was committed, and written into their pages.

    python -m benchmarks.results [NAME ...]            run scenarios/NAME.yaml (resuming), render, say what moved
    python -m benchmarks.results --quick [NAME ...]    one seed, the committed tuned values, into results-quick/
    python -m benchmarks.results --render              only the pages and README's claims, from committed tables

Without NAME, every study: a folder results/NAME/ with a finding.md.j2. See docs/results.md.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from rich.console import Console

from benchmarks import findings, moved
from benchmarks.findings import EXTRA, PAGE, RESULTS, ROOT, TABLE, Study
from benchmarks.measures import measure
from benchmarks.quick import first_seed
from rfast_bench.errors import UserError, suggest
from rfast_bench.figures.looks import styles
from rfast_bench.figures.plots import draw
from rfast_bench.figures.style import look
from rfast_bench.figures.sweeps import draw_sweeps
from rfast_bench.files import write_text
from rfast_bench.plan.runs import load_points, plan
from rfast_bench.records.reading import find_runs
from rfast_bench.study.sweep import RunsFailed
from rfast_bench.study.warm_up import warm_up

QUICK = ROOT / "results-quick"


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, also when numbers moved; 2 on bad input; 1 when a run failed."""
    parser = argparse.ArgumentParser(description="Make the committed results anew, and say what moved.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="studies; all by default")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--quick", action="store_true", help="one seed, no tuning, into results-quick/")
    how.add_argument("--render", action="store_true", help="only the pages, from the committed tables")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="runs at once (all cores)")
    options = parser.parse_args(arguments)
    console = Console(highlight=False, soft_wrap=True)
    try:
        names = _chosen(options.names)
        if options.quick:
            warm_up(*map(_scenario, names))
        if not options.render:
            for name in names:
                _make(name, options.quick, options.jobs, console)
        if not options.quick:
            render_pages([name for name in names if Study(name).measured], console)
    except (UserError, RunsFailed) as problem:
        console.print(f"Error: {problem}", markup=False)
        return 2 if isinstance(problem, UserError) else 1
    return 0


def _chosen(wanted: Sequence[str]) -> list[str]:
    known = findings.studies()
    for name in wanted:
        if name not in known:
            raise UserError(f"no study '{name}' in results/{suggest(name, known)}")
    return list(wanted) or known


def _scenario(name: str) -> Path:
    return ROOT / "scenarios" / f"{name}.yaml"


# --------------------------------------------------------------------------------------------- making
def _make(name: str, quick: bool, jobs: int, console: Console) -> None:
    """Run one study and say what moved."""
    console.rule(name)
    start, scenario, before = time.monotonic(), _scenario(name), committed(name)
    if quick:
        if before is None:
            console.print("nothing committed yet to compare with; run it without --quick")
            return
        first_seed(scenario, before, QUICK, jobs, console)
        _measure(Study(name), scenario, QUICK, ("seeds=1",))
        told = moved.outside(before, Study(name, QUICK).frame)
    else:
        _run(scenario, jobs)
        _measure(Study(name), scenario, RESULTS)
        _draw(Study(name), scenario)
        told = [] if before is None else moved.moved(before, Study(name).frame)
    minutes = (time.monotonic() - start) / 60
    verdict = "nothing to compare with" if before is None else f"{len(told) or 'nothing'} moved"
    console.print(f"{name}: {verdict}, {minutes:.1f} min")
    for line in told:
        console.print(f"  moved: {line}", markup=False)


def _run(scenario: Path, jobs: int) -> None:
    command = [sys.executable, "-m", "rfast_bench.cli", "run", str(scenario), "--no-plots"]
    done = subprocess.run([*command, "--out", str(RESULTS), "--jobs", str(jobs)], cwd=ROOT, check=False)
    if done.returncode:
        raise UserError(f"{scenario.name} ended with exit code {done.returncode}; what it said stands above")


def _measure(study: Study, scenario: Path, out: Path, overrides: tuple[str, ...] = ()) -> None:
    """Leave measures.csv of a scenario's runs in the study's folder below `out`, if its template names any."""
    if study.measures:
        folders = [out / run.folder for run in plan(load_points(scenario, overrides))]
        text = measure(find_runs(folders), study.measures).to_csv(index=False, lineterminator="\n")
        write_text(out / study.name / EXTRA, text)


def committed(name: str) -> pd.DataFrame | None:
    """The study's tables at the last commit; those on disk where there is no repository; None if there are none."""
    if _git("rev-parse", "HEAD") is None:
        return Study(name).frame if Study(name).measured else None
    found = [_git("show", f"HEAD:results/{name}/{file}") for file in (TABLE, EXTRA)]
    frames = [findings.read_table(io.BytesIO(table)) for table in found if table is not None]
    return findings.joined(frames) if found[0] is not None else None


def _git(*arguments: str) -> bytes | None:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None


def _draw(study: Study, scenario: Path) -> None:
    """Draw the figures that a page shows; those of every point of a sweep would take longer than its runs."""
    shown = findings.figures(study)
    runs = find_runs([RESULTS / run.folder for run in plan(load_points(scenario))])
    if not shown:
        pass
    elif all(name.startswith("sweep-") for name in shown):
        with look():
            draw_sweeps(runs, study.folder, styles(runs))
    else:
        draw(runs, study.folder)
    for figure in study.folder.rglob("*.png"):
        if figure.relative_to(study.folder).as_posix() not in shown:
            figure.unlink()


# ------------------------------------------------------------------------------------------- rendering
def render_pages(names: Sequence[str], console: Console) -> None:
    """Write the pages of these studies, and the block of claims in README.md. Raises UserError."""
    pages = {RESULTS / name / PAGE: findings.page(Study(name)) for name in names}
    front = ROOT / PAGE
    pages[front] = findings.with_blocks(front.read_text(encoding="utf-8"))
    for path, text in pages.items():
        write_text(path, text)
    console.print(f"{len(names)} pages and the claims in {PAGE} are rendered")


if __name__ == "__main__":
    sys.exit(main())
