"""The main job: run a scenario, then show and keep its table and figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from rfast_bench.errors import UserError
from rfast_bench.files import write_text
from rfast_bench.plan.runs import Point, Run, load_points, plan
from rfast_bench.plan.sources import Source
from rfast_bench.records import reading
from rfast_bench.records.lock import Hold
from rfast_bench.records.reading import find_runs
from rfast_bench.scenario.sections.compute import says_samples
from rfast_bench.study import told
from rfast_bench.study.cluster import Cluster
from rfast_bench.study.keeping.done import is_done
from rfast_bench.study.sweep import Failed, RunsFailed, check_asked, run_all
from rfast_bench.study.tuning import tune
from rfast_bench.study.watching.tensorboard import check_installed

if TYPE_CHECKING:
    import pandas as pd

    from rfast_bench.real.world import Launch

Do = Callable[[Sequence[Run]], list[Failed]]
"""Does runs, or finds them done; gives those that failed."""
Draw = Callable[[Sequence[reading.Run], Path], Sequence[Path]]
"""Draws the figures of runs into a folder, and gives their files. Figures are no business of this room."""
UNTIMED = (
    "problem.batch_size is swept, but the time of a gradient does not depend on it: compute.samples would say for how "
    "many samples it holds"
)
FREE_RESENDING = (
    "Messages are lost, network.latency is 0 and no network.retransmit_timeout is given: a lost reliable message is "
    "sent again at once, and a loss costs whoever waits for it nothing but its transmission"
)
WIDTH = 120
"""Columns of a table that is printed into a file or a pipe."""


@dataclass(frozen=True)
class Way:
    """How the runs of a scenario are done, and where what is said goes; in the words of `run_all`."""

    out: Path
    jobs: int
    fresh: bool
    console: Console
    launch: Launch | None = None
    """Does the runs of the real world when they are not to be started here."""
    cluster: Cluster | None = None
    tensorboard: Path | None = None
    """A folder for curves."""

    def say(self, text: str) -> None:
        self.console.print(text, highlight=False, soft_wrap=True, markup=False)


@dataclass(frozen=True)
class Done:
    """What came of a scenario."""

    found: list[reading.Run]
    """The records that are there."""
    failed: list[Failed]
    asked: int
    """How many runs there should be."""
    both: bool
    """Whether both worlds are in it."""
    home: Path
    """The scenario's folder."""

    def check(self) -> None:
        """Raises RunsFailed when some runs gave nothing, and what `told.check` raises."""
        if self.failed:
            raise RunsFailed(self.failed, self.asked)
        told.check(self.found)


def study(scenario: Source, overrides: tuple[str, ...], way: Way, draw: Draw | None) -> None:
    """Do every run of a scenario; write `table.md`, `table.csv` and what `draw` draws beside the records.

    Raises RunsFailed at the very end when some runs failed: everything else is there by then.
    """
    with conducted(scenario, overrides, way) as done:
        present(done.found, done.home, draw, done.both, way.console)
        told.caution(done.found, way.say)
        done.check()


@contextmanager
def conducted(scenario: Source, overrides: tuple[str, ...], way: Way) -> Iterator[Done]:
    """Do every run of a scenario, tuning first; its folder is this process's alone until the block ends.

    Raises UserError, RunsFailed where not one run is there.
    """
    if way.tensorboard is not None:
        check_installed()
    with Hold() as hold:

        def do(part: Sequence[Run]) -> list[Failed]:
            return run_all(part, **vars(way), hold=hold)

        runs = plan(tuned(scenario, overrides, way, do))
        for note in setting_notes(runs):
            way.say(note)
        if way.cluster is not None and any(run.scenario.world == "real" for run in runs):
            raise UserError(
                f"{scenario}: a cluster back-end is for the simulated world; see docs/clusters.md"
            )
        failed: list[Failed] = []
        for part in world_by_world(runs):
            failed += do(part)
        lost = {one.run.folder for one in failed}
        if len(lost) == len(runs):
            raise RunsFailed(failed, len(runs))
        there = [run for run in runs if run.folder not in lost]
        tune.note(there, way.out)
        found = find_runs([way.out / run.folder for run in there])
        home = way.out / runs[0].scenario.name
        yield Done(found, failed, len(runs), len(world_by_world(runs)) > 1, home)


def untimed(runs: Sequence[Run]) -> bool:
    """Whether batches differ between runs while their gradients take as long."""
    scenarios = [run.scenario for run in runs]
    emulated = [s for s in scenarios if s.world == "simulated" or s.real.compute == "emulated"]
    sizes = {getattr(s.problem, "batch_size", None) for s in emulated}
    return len(sizes) > 1 and not all(says_samples(s.compute) for s in emulated)


def setting_notes(runs: Sequence[Run]) -> list[str]:
    """What is to be said of a scenario before it runs."""
    notes = [UNTIMED] if untimed(runs) else []
    notes += graph_notes(runs)
    return notes + ([FREE_RESENDING] if any(run.scenario.network.resends_at_once for run in runs) else [])


def graph_notes(runs: Sequence[Run]) -> list[str]:
    """What of the edge lists of these runs was read otherwise than it stands there, each once."""
    of_files = {
        (run.algorithm.topology.model_dump_json(), run.scenario.workers): run
        for run in runs
        if not run.skipped and run.algorithm.topology is not None and run.algorithm.topology.paths
    }
    return list(dict.fromkeys(note for run in of_files.values() for note in run.build_topology().notes))


def tuned(scenario: Source, overrides: tuple[str, ...], way: Way, do: Do) -> list[Point]:
    """The points of a scenario, after the runs that find the best values of what is to be tuned."""
    points = load_points(scenario, overrides)
    if way.launch is not None:
        tune.refuse(points, "under an external launcher; tune with rfast-bench run and write the values down")

    def all_of(runs: Sequence[Run]) -> None:
        failed = do(runs)
        if failed:
            raise RunsFailed(failed, len(runs))

    found_done = (lambda run: False) if way.fresh else partial(is_done, out=way.out)
    return tune.settle(points, scenario, overrides, way.out, all_of, way.say, found_done, check_asked)


def present(
    found: Sequence[reading.Run], home: Path, draw: Draw | None, both: bool, console: Console
) -> None:
    """Print the table of runs, and leave it and the figures in `home`; of `both` worlds, their comparison too."""
    from rfast_bench.analysis.tables import written

    width = console.width if console.is_terminal else WIDTH
    click.echo(written(keep(found, home, both), "terminal", width), nl=False)
    if both:
        from rfast_bench.analysis.worlds_compared_text import render

        click.echo(render(found, "terminal", width), nl=False)
    if draw is not None:
        figures = draw(found, home)
        console.print(f"{len(figures)} figures and {len(found)} runs in {home}", highlight=False)


def keep(found: Sequence[reading.Run], home: Path, both: bool) -> pd.DataFrame:
    """Leave the table of runs in `home`, and the comparison of `both` worlds; the table in numbers."""
    from rfast_bench.analysis.tables import cautioned, summarise, written  # pandas' styles load only now

    table = cautioned(summarise(found), found)
    for style in ("md", "csv"):
        write_text(home / f"table.{style}", written(table, style))
    if both:
        from rfast_bench.analysis.worlds_compared_text import render

        for style in ("md", "csv"):
            write_text(home / f"comparison.{style}", render(found, style))
    return table


def world_by_world(runs: Sequence[Run]) -> list[list[Run]]:
    """The runs of each world there is, simulated ones first: real ones must not be disturbed."""
    parts = ([run for run in runs if run.scenario.world == world] for world in ("simulated", "real"))
    return [part for part in parts if part]
