"""The main job: run a scenario, then show and keep its table and figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from rfast_bench import records
from rfast_bench.files import write_bytes
from rfast_bench.plan import Run, load_points, plan
from rfast_bench.records import find_runs
from rfast_bench.sweep import run_all

if TYPE_CHECKING:
    from rfast_bench.real.world import Crew

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
    crew: Crew | None = None,
) -> None:
    """Do every run of a scenario file; write `table.md`, `table.csv` and the plots beside the records."""
    runs = plan(load_points(scenario, overrides))
    name = runs[0].scenario.name
    folders = []
    for part in world_by_world(runs):
        folders += run_all(part, out, jobs, fresh, console, crew)
    found = find_runs(folders)
    from rfast_bench.tables import render  # pandas' styles and seaborn load only now, when they are needed

    width = console.width if console.is_terminal else WIDTH
    click.echo(render(found, "terminal", width=width), nl=False)
    home = out / name
    for style, file in (("md", "table.md"), ("csv", "table.csv")):
        write_text(home / file, render(found, style))
    if len(world_by_world(runs)) > 1:
        compare(found, home, width)
    if plots:
        from rfast_bench.plots import draw

        figures = draw(found, home)
        console.print(f"{len(figures)} figures and {len(found)} runs in {home}", highlight=False)


def world_by_world(runs: Sequence[Run]) -> list[list[Run]]:
    """The runs of each world there is, simulated ones first: real ones must not be disturbed."""
    parts = ([run for run in runs if run.scenario.world == world] for world in ("simulated", "real"))
    return [part for part in parts if part]


def compare(found: Sequence[records.Run], home: Path, width: int) -> None:
    """Print the comparison of both worlds, and leave it in `home`."""
    from rfast_bench import comparison

    click.echo(comparison.render(found, "terminal", width), nl=False)
    for style in ("md", "csv"):
        write_text(home / f"comparison.{style}", comparison.render(found, style))


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all. Raises UserError."""
    write_bytes(path, text.encode())
