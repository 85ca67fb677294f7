"""The main job: run a scenario, then show and keep its table and figures."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from rfast_bench.errors import UserError
from rfast_bench.plan import load_points, plan
from rfast_bench.records import find_runs
from rfast_bench.sweep import run_all

WIDTH = 120
"""Columns of a table that is printed into a file or a pipe."""


def study(
    scenario: Path,
    overrides: tuple[str, ...],
    out: Path,
    jobs: int,
    fresh: bool,
    plots: bool,
    console: Console,
) -> None:
    """Do every run of a scenario file; write `table.md`, `table.csv` and the plots beside the records."""
    runs = plan(load_points(scenario, overrides))
    name = runs[0].scenario.name
    folders = run_all(runs, out, jobs, fresh, console)
    found = find_runs(folders)
    from rfast_bench.tables import render  # pandas' styles and seaborn load only now, when they are needed

    width = console.width if console.is_terminal else WIDTH
    click.echo(render(found, "terminal", width=width), nl=False)
    home = out / name
    for style, file in (("md", "table.md"), ("csv", "table.csv")):
        write_text(home / file, render(found, style))
    if plots:
        from rfast_bench.plots import draw

        figures = draw(found, home)
        console.print(f"{len(figures)} figures and {len(found)} runs in {home}", highlight=False)


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all. Raises UserError."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as problem:
        raise UserError(f"cannot write {path}: {problem.strerror}") from problem
