"""`rfast-bench topology draw`: a figure of a topology, as SVG and PNG. Exit code 2 for bad input."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rfast_bench.cli.common import options
from rfast_bench.cli.common.saying import remark
from rfast_bench.errors import CannotRun, UserError, suggest
from rfast_bench.scenario.sections.topology import TopologySpec
from rfast_bench.topology.build import build
from rfast_bench.topology.checks.verdicts import count
from rfast_bench.topology.connectivity import listed
from rfast_bench.topology.topology import Topology

if TYPE_CHECKING:
    from rfast_bench.figures.sides import Side
    from rfast_bench.scenario.sections.network import NetworkSpec

_PATH = click.Path(path_type=Path)
SUFFIXES = (".svg", ".png")


@click.command("draw")
@options.scenario(required=False)
@options.overrides
@click.option("--label", help="Of SCENARIO's algorithms, only that one.")
@options.kind
@options.workers
@click.option("--seed", type=int, default=0, show_default=True, help="For random-trees.")
@click.option("--root", type=int, default=0, show_default=True, help="For trees.")
@click.option("--w", type=_PATH, metavar="FILE", help="Edge list of G(W).")
@click.option("--a", type=_PATH, metavar="FILE", help="Edge list of G(A).")
@click.option("--w-matrix", type=_PATH, metavar="FILE", help="W itself: CSV, NPY or NPZ.")
@click.option("--a-matrix", type=_PATH, metavar="FILE", help="A itself.")
@click.option("--latency", type=_PATH, metavar="L.csv", help="Latencies, shown as the colour of edges.")
@click.option("--out", "-o", type=_PATH, help="A .svg or .png file; else its name without, for both.")
def command(
    scenario: Path | None,
    overrides: tuple[str, ...],
    label: str | None,
    kind: str | None,
    workers: int | None,
    seed: int,
    root: int,
    w: Path | None,
    a: Path | None,
    w_matrix: Path | None,
    a_matrix: Path | None,
    latency: Path | None,
    out: Path | None,
) -> None:
    """Draw the topologies of a SCENARIO, a named kind, two edge lists or two matrices."""
    files = {"w": w, "a": a, "w_matrix": w_matrix, "a_matrix": a_matrix}
    given = {key: path for key, path in files.items() if path is not None}
    if [scenario is not None, kind is not None, bool(given)].count(True) != 1:
        raise click.UsageError(
            "give one of: a SCENARIO, --kind and -n, --w and --a, --w-matrix and --a-matrix"
        )
    if scenario is not None:
        figures = list(_of_scenario(scenario, overrides, label))
    elif kind is not None:
        if workers is None:
            raise click.UsageError("--kind needs -n")
        figures = [_built(TopologySpec(kind=kind, seed=seed, root=root), workers, kind)]
    else:
        spec = TopologySpec.model_validate(given)
        figures = [_built(spec, workers or count(spec), "pair")]
    for name, built, network in figures:
        for note in built.notes:
            remark(note)
        target = out or Path(f"topology-{name}")
        if len(figures) > 1 and out is not None:
            target = out.with_name(f"{out.stem}-{name}{out.suffix}")
        for path in _figure(name, built, network, latency, target):
            click.echo(path)


def _built(spec: TopologySpec, workers: int, name: str) -> tuple[str, Topology, NetworkSpec | None]:
    try:
        return name, build(spec, workers, "pair", allow_unsound=True), None
    except CannotRun as reason:
        raise UserError(str(reason)) from reason


def _of_scenario(
    path: Path, overrides: tuple[str, ...], label: str | None
) -> Iterator[tuple[str, Topology, NetworkSpec | None]]:
    from rfast_bench.plan.runs import build_topology, load_points
    from rfast_bench.scenario import shipped
    from rfast_bench.scenario.schema import folder_name

    point = load_points(shipped.find(path), overrides)[0]
    labels = [str(algorithm.label) for algorithm in point.scenario.algorithms]
    if label is not None and label not in labels:
        raise UserError(f"--label: found '{label}'{suggest(label, labels)}")
    for algorithm in point.scenario.algorithms:
        if label not in (None, algorithm.label):
            continue
        try:
            built = build_topology(algorithm, point)
        except CannotRun as reason:
            click.echo(f"{algorithm.label}: cannot run: {reason}", err=True)
            continue
        if built.graph_w().number_of_edges():
            yield folder_name(str(algorithm.label)), built, point.scenario.network


def _figure(
    name: str, built: Topology, network: NetworkSpec | None, latency: Path | None, target: Path
) -> Iterator[Path]:
    from rfast_bench.figures.sides import merged, too_large
    from rfast_bench.figures.style import look, save_as
    from rfast_bench.figures.topology import draw_sides

    sides = merged(list(_sides(built, network, latency)))
    if reason := too_large(sides):
        raise UserError(f"{built.name}: {reason}")
    with look():
        drawn = draw_sides(sides, built.common_roots if built.directed else (), *_headline(name, built))
        suffixes = [target.suffix] if target.suffix in SUFFIXES else SUFFIXES
        stem = target.with_suffix("") if target.suffix in SUFFIXES else target
        for suffix in suffixes:
            yield save_as(drawn, stem.with_name(stem.name + suffix))


def _headline(name: str, built: Topology) -> tuple[str, str]:
    title = built.name if name in (built.name, "pair") else f"{name}: {built.name}"
    return title, " · ".join([f"{built.n} workers", _verdict(built)])


def _verdict(built: Topology) -> str:
    if not built.directed:
        return "connected" if built.sound else "NOT CONNECTED"
    if not built.common_roots:
        roots = f"roots of G(W): {listed(built.roots_w)}; of G(A): {listed(built.roots_a)}"
        return f"NO COMMON ROOT ({roots})"
    several = "s" if len(built.common_roots) > 1 else ""
    return f"common root{several}: {listed(built.common_roots)}"


def _sides(built: Topology, network: NetworkSpec | None, latency: Path | None) -> Iterator[Side]:
    from rfast_bench.figures.sides import MEANINGS, Side

    sides = {"W": (built.graph_w(), built.roots_w), "A": (built.graph_a(), built.roots_a)}
    delays = None
    if latency is not None:
        from rfast_bench.scenario.sections.link_files import read_latency

        delays = read_latency(latency, "--latency")
        if len(delays) != built.n:
            raise UserError(f"--latency: {latency} is about {len(delays)} workers; there are {built.n}")
    for name, (graph, roots) in sides.items():
        if name == "A" and not built.directed:
            return
        for j, i, about in graph.edges(data=True):
            about["weight"] = built.W[i][j] if name == "W" else built.A[j][i]
            if delays is not None:
                about["latency"] = float(delays[i, j])
            elif network is not None:
                about["latency"] = network.link(j, i).latency.mean
        yield Side(graph, roots if built.directed else (), MEANINGS[name] if built.directed else "")
