"""Runs a scenario across namespaces as hosts, on a clean network and on a faulty one, and compares the slowdowns.

    python -m benchmarks.netlab scenarios/netlab.yaml --loss 0.05 [--rate "1 Gbit/s"] [--latency "20 ms"]

Needs root, iproute2, nftables and ethtool. Records go to OUT/clean and OUT/faulty. Figures of one call belong
together; those of different calls do not, for machines differ and drift.
"""

from __future__ import annotations

import signal
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click
import numpy as np
from tabulate import tabulate

from benchmarks.netlab.hosts import check, laboratory
from benchmarks.netlab.link import Link
from benchmarks.netlab.session import play
from rfast_bench.cli.errors import BAD_INPUT
from rfast_bench.errors import UserError
from rfast_bench.plan.runs import load_points
from rfast_bench.records.reading import Run, find_runs
from rfast_bench.scenario import shipped
from rfast_bench.scenario.reading import validate

INTERRUPTED = 130


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("scenario")
@click.option("--hosts", type=click.IntRange(min=2, max=250), default=2, show_default=True)
@click.option("--loss", default=0.05, show_default=True, help="Of packets, each way, as a probability.")
@click.option("--rate", help="Of each host's link, each way, e.g. '1 Gbit/s'; default: no limit.")
@click.option("--latency", default="0 s", show_default=True, help="Between hosts, one way, e.g. '20 ms'.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a key of SCENARIO.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("results/netlab"), show_default=True)
def main(
    scenario: str,
    hosts: int,
    loss: float,
    rate: str | None,
    latency: str,
    overrides: tuple[str, ...],
    out: Path,
) -> None:
    """Run SCENARIO on two or more virtual hosts, with and without faults between them."""
    try:
        faulty = validate(Link, {"loss": loss, "rate": rate, "latency": latency}, "network")
        check()
        path = shipped.find(scenario)
        workers = load_points(path, overrides)[0].scenario.workers
        if workers < hosts:
            raise UserError(f"{path}: workers is {workers}, fewer than {hosts} hosts")
        options = ["--no-plots", "--fresh", *(part for text in overrides for part in ("--set", text))]
        found = []
        for folder, link in (("clean", Link()), ("faulty", faulty)):
            click.echo(f"{hosts} hosts, {workers} workers, network: {link}", err=True)
            with laboratory(hosts, link):
                play(str(path.resolve()), workers, hosts, out / folder, options)
            found.append(find_runs([out / folder]))
        click.echo(f"Milliseconds per iteration on a clean network, and with {faulty}:\n\n{table(*found)}")
    except UserError as problem:
        click.echo(f"Error: {problem}", err=True)
        sys.exit(BAD_INPUT)
    except KeyboardInterrupt:
        click.echo("\nInterrupted; the hosts are gone.", err=True)
        sys.exit(INTERRUPTED)


def _terminated(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def table(clean: Sequence[Run], faulty: Sequence[Run]) -> str:
    """One row an algorithm (and sweep point), the mean over seeds."""
    before, after = slowdowns(clean), slowdowns(faulty)
    rows = [(name, before[name], after[name], after[name] / before[name]) for name in before if name in after]
    marks = {f"{name_of(run)}: {run.status}" for run in (*clean, *faulty) if run.status != "finished"}
    text = tabulate(rows, ("algorithm", "clean", "faulty", "ratio"), floatfmt=("", ".1f", ".1f", ".2f"))
    return "\n".join([text, *sorted(marks)])


def slowdowns(runs: Sequence[Run]) -> dict[str, float]:
    """Each algorithm's mean milliseconds per iteration of one worker."""
    found = defaultdict(list)
    for run in runs:
        curves = run.curves()
        if len(curves):
            last = curves.iloc[-1]
            done = float(last["iterations_mean"])
            found[name_of(run)].append(1000 * float(last["time"]) / done if done else np.inf)
    return {name: float(np.mean(values)) for name, values in found.items()}


def name_of(run: Run) -> str:
    """Label and sweep point."""
    return " ".join([run.label, *(f"{key}={value}" for key, value in run.point.items())])


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _terminated)
    main()
