"""`rfast-bench topology check`: does a topology satisfy the condition of the algorithm that runs on it?

Exit code 0 when it does; 1 when it does not, naming the workers that a root candidate misses; 2 for bad
input.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from rfast_bench.api import Needs
from rfast_bench.cli_errors import ErrorGroup
from rfast_bench.connectivity import distances_to, listed
from rfast_bench.errors import CannotRun, UserError
from rfast_bench.graph_files import largest_worker, read_edges
from rfast_bench.topology import Topology, TopologySpec, build

UNSOUND = 1
_PATH = click.Path(path_type=Path)


@click.group(cls=ErrorGroup)
def topology() -> None:
    """Look at the graphs that workers talk along."""


@topology.command()
@click.argument("scenario", type=_PATH, required=False)
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a key of SCENARIO.")
@click.option("--kind", metavar="K", help="A named kind, checked as a pair, e.g. binary-tree.")
@click.option("--w", type=_PATH, metavar="FILE", help="Edge list of G(W): one 'from to' a line.")
@click.option("--a", type=_PATH, metavar="FILE", help="Edge list of G(A).")
@click.option("-n", "workers", type=click.IntRange(min=1), metavar="N", help="How many workers.")
@click.option("--seed", type=int, default=0, show_default=True, help="For random-trees.")
@click.option("--root", type=int, default=0, show_default=True, help="For trees.")
@click.pass_context
def check(
    ctx: click.Context,
    scenario: Path | None,
    overrides: tuple[str, ...],
    kind: str | None,
    w: Path | None,
    a: Path | None,
    workers: int | None,
    seed: int,
    root: int,
) -> None:
    """Check the common-root condition of a SCENARIO's topologies, of a named kind or of two edge lists."""
    if [scenario is not None, kind is not None, w is not None or a is not None].count(True) != 1:
        raise click.UsageError("give one of: a SCENARIO, --kind and -n, --w and --a")
    if scenario is not None:
        if workers is not None or seed or root:
            raise click.UsageError("a SCENARIO has its own -n, --seed and --root; leave them out")
        sound = _check_scenario(scenario, overrides)
    elif kind is not None:
        sound = _check_kind(TopologySpec(kind=kind, seed=seed, root=root), workers)
    else:
        sound = _check_files(w, a, workers)
    ctx.exit(0 if sound else UNSOUND)


def _check_scenario(path: Path, overrides: tuple[str, ...]) -> bool:
    from rfast_bench import shipped
    from rfast_bench.registry import find
    from rfast_bench.scenario import load

    path = shipped.find(path)
    scenario = load(path, overrides)
    verdicts = []
    for algorithm in scenario.algorithms:
        label = algorithm.label or algorithm.name
        cls = find(algorithm.name, path.parent)
        if cls.needs == "nothing":
            click.echo(f"{label}: needs no topology")
            continue
        where = f"{path}: algorithms.{label}.topology"
        spec = algorithm.topology or _default(cls.default_topology, where)
        verdicts.append(_check_one(spec, scenario.workers, cls.needs, label, where))
    return all(verdicts)


def _default(kind: str | None, where: str) -> TopologySpec:
    if kind is None:
        raise UserError(f"{where}: missing, and the algorithm has no default one")
    return TopologySpec(kind=kind)


def _check_one(spec: TopologySpec, workers: int, needs: Needs, label: str, where: str) -> bool:
    """An algorithm that does not apply is skipped in a run: it says so here and does not fail the check."""
    try:
        built = build(spec, workers, needs, allow_unsound=True, where=where)
    except CannotRun as reason:
        click.echo(f"{label}: cannot run: {reason}")
        return True
    return _report(built, f"{label} on ")


def _check_kind(spec: TopologySpec, workers: int | None) -> bool:
    if workers is None:
        raise click.UsageError("--kind needs -n")
    try:
        return _report(build(spec, workers, "pair", allow_unsound=True))
    except CannotRun as reason:
        raise UserError(str(reason)) from reason


def _check_files(w: Path | None, a: Path | None, workers: int | None) -> bool:
    if w is None or a is None:
        raise click.UsageError("a pair needs both --w and --a")
    if workers is None:
        workers = 1 + max(largest_worker(read_edges(w, "--w")), largest_worker(read_edges(a, "--a")))
    return _report(build(TopologySpec(w=w, a=a), workers, "pair", allow_unsound=True))


def _report(built: Topology, prefix: str = "") -> bool:
    click.echo(f"{prefix}{built.name}, {built.n} workers")
    for line in _about_pair(built) if built.directed else _about_undirected(built):
        click.echo(f"  {line}")
    verdict = "the condition holds" if built.sound else f"the condition FAILS: {built.flaw}"
    click.echo(f"  {verdict}".replace("\n", "\n  "))
    return built.sound


def _about_pair(built: Topology) -> Iterator[str]:
    yield f"roots of G(W): {listed(built.roots_w)}"
    yield f"roots of G(A): {listed(built.roots_a)}"
    yield f"common roots: {listed(built.common_roots)}"
    if built.common_roots:
        root = min(built.common_roots)
        w, a = (max(distances_to(walks, root).values()) for walks in (built.W, built.A))
        yield f"depth from worker {root}: G(W) {w}, G(A) {a}"
        yield f"nominal step factor: {built.step_factor:.6g}"


def _about_undirected(built: Topology) -> Iterator[str]:
    yield f"connected: {'yes' if built.sound else 'no'}"
    bipartite = any(built.side) or not any(map(built.in_W, range(built.n)))
    yield f"bipartite: {'yes' if bipartite else 'no'}"
