"""`rfast-bench topology design`: a pair of graphs for a measured network. Exit code 2 for bad input."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import numpy as np
from pydantic import TypeAdapter, ValidationError

from rfast_bench.cli.common import options
from rfast_bench.errors import UserError
from rfast_bench.scenario.values.units import Bytes, BytesPerSecond, Seconds, with_digits
from rfast_bench.scenario.values.wording import first_of
from rfast_bench.topology.design.objective import OBJECTIVES, Network, Objective

ANY = -1
_PATH = click.Path(path_type=Path)


def _quantity(text: str, kind: Any) -> float:
    """A number with a unit, as scenario files have them."""
    try:
        return float(TypeAdapter(kind).validate_python(text))
    except ValidationError as problem:
        raise click.BadParameter(first_of(problem)) from problem


def size(text: str) -> float:
    return _quantity(text, Bytes)


def time(text: str) -> float:
    return _quantity(text, Seconds)


def worker(text: str) -> int:
    """A worker's number; -1 is any."""
    if text == "any":
        return ANY
    if not text.isdecimal():
        raise click.BadParameter(f"found '{text}'; give a worker's number or any")
    return int(text)


@click.command("design")
@click.argument("latency", type=_PATH)
@click.option(
    "--bandwidth", metavar="B.csv", help="Of every link; or one for all, e.g. 1Gbit/s. Needs --bytes."
)
@click.option("--bytes", "message", type=size, metavar="SIZE", help="What a model weighs, e.g. 100MB.")
@click.option(
    "--compute",
    type=time,
    metavar="TIME",
    default=0.0,
    help="An iteration's compute time: what a worker takes to pass on what it got. Default: 0.",
)
@click.option(
    "--max-degree", "limit", type=click.IntRange(min=1), metavar="K", help="Most children in a tree."
)
@click.option(
    "--root", type=worker, default="any", metavar="R|any", help="The common root. Default: the best one."
)
@click.option(
    "--objective",
    type=click.Choice(OBJECTIVES),
    default="loop-time",
    show_default=True,
    help="Longest way from or to the root; longest way to it and back; mean way to it and back.",
)
@options.as_json
@click.option("--out", "-o", type=_PATH, help="Written are OUT-w.txt and OUT-a.txt. Default: LATENCY-design.")
def command(
    latency: Path,
    bandwidth: str | None,
    message: float | None,
    compute: float,
    limit: int | None,
    root: int,
    objective: Objective,
    as_json: bool,
    out: Path | None,
) -> None:
    """Design a pair of spanning trees for the network of LATENCY, a CSV file.

    Row i, column j of the file is the latency of the link from worker j to worker i: seconds, or quantities
    such as 80 ms; inf where there is no link.
    """
    from rfast_bench.topology.design import pair as designer
    from rfast_bench.topology.design.files import lines_for_scenario, write_pair
    from rfast_bench.topology.design.table import compare, render, span

    network = _network(latency, bandwidth, message, compute)
    found = designer.design(network, objective, None if root == ANY else root, limit)
    base = out or latency.with_name(f"{latency.stem}-design")
    if as_json:
        from rfast_bench.analysis import json_text

        rows = [asdict(row) for row in compare(network, found)]
        told = {"workers": network.n, "root": found.root, "objective": objective, "seconds": found.value}
        written = [str(file) for file in write_pair(found, latency, base)]
        click.echo(json_text.of({**told, "bound": found.bound, "files": written, "rows": rows}), nl=False)
        return
    proven = (
        "which is optimal"
        if not found.gap
        else f"at most {with_digits(100 * found.gap, 0, 2)}% above the best there is"
    )
    click.echo(f"{network.n} workers, common root {found.root}, {objective} {span(found.value)}, {proven}")
    click.echo(f"(no pair of spanning trees gets below {span(found.bound)})\n")
    click.echo(render(compare(network, found), objective))
    files = write_pair(found, latency, base)
    click.echo(f"\nwritten: {files[0]} (G(W)) and {files[1]} (G(A)); in a scenario:\n")
    click.echo(lines_for_scenario(network.n, files, latency, _bandwidth_key(bandwidth), message))


def _network(latency: Path, bandwidth: str | None, size: float | None, compute: float) -> Network:
    from rfast_bench.scenario.sections.link_files import read_latency

    if (bandwidth is None) != (size is None):
        raise click.UsageError(
            "--bandwidth and --bytes go together: a message takes bytes / bandwidth to send"
        )
    delays = read_latency(latency, "LATENCY")
    sending = np.zeros_like(delays)
    if bandwidth is not None and size is not None:
        sending = size / _rates(bandwidth, len(delays))
        np.fill_diagonal(sending, 0.0)
    return Network(delays, sending, compute)


def _rates(bandwidth: str, n: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Bytes per second by [receiver, sender]: one value for all, or those of a file."""
    from rfast_bench.scenario.sections.link_files import read_bandwidth

    if one_for_all(bandwidth) is not None:
        return np.full((n, n), one_for_all(bandwidth))
    rates = read_bandwidth(Path(bandwidth), "--bandwidth")
    if len(rates) != n:
        raise UserError(f"--bandwidth: {bandwidth} is about {len(rates)} workers, LATENCY about {n}")
    return rates


def _bandwidth_key(bandwidth: str | None) -> float | Path | None:
    if bandwidth is None:
        return None
    one = one_for_all(bandwidth)
    return Path(bandwidth) if one is None else one


def one_for_all(bandwidth: str) -> float | None:
    """The one bandwidth that is meant; None for the name of a file."""
    try:
        return float(TypeAdapter(BytesPerSecond).validate_python(bandwidth))
    except ValidationError:
        return None
