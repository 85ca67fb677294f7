"""`rfast-bench calibrate`: from a scenario of the real world to the simulated one that stands for it."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from rfast_bench.cli.common import options
from rfast_bench.cli.common.saying import is_quiet
from rfast_bench.cli.errors import ends_when_told

_PATH = click.Path(path_type=Path)


@click.command("calibrate")
@options.scenario()
@click.option("--out", "-o", type=_PATH, required=True, help="The file to write; its times go beside it.")
@click.option(
    "--seconds", type=click.FloatRange(min=1), default=20.0, show_default=True, help="To measure for."
)
@options.overrides
@click.option("--profile", type=_PATH, help="Also write what was measured as a profile for `system`.")
@ends_when_told()
def command(
    scenario: Path, out: Path, seconds: float, overrides: tuple[str, ...], profile: Path | None
) -> None:
    """Measure gradients and links of SCENARIO on this machine; write its simulated counterpart."""
    from rfast_bench.plan.runs import load_points
    from rfast_bench.real.calibration.calibrated_scenario import calibrate
    from rfast_bench.scenario import shipped
    from rfast_bench.study.tuning import tune

    console = Console(stderr=True, highlight=False, soft_wrap=True, quiet=is_quiet())
    path = shipped.find(scenario)
    tune.refuse(load_points(path, overrides), "while times are measured; give it a value with --set")
    times = calibrate(path, overrides, out, seconds, console.print, profile)
    click.echo(" and ".join(str(file) for file in (out, profile, times) if file is not None))
