"""`rfast-bench topology check`: does a topology satisfy the condition of the algorithm that runs on it?

Exit code 0 when it does; 1 when it does not, naming whom a root candidate misses and what would mend it; 2 for
bad input.
"""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from rfast_bench.cli.common import options
from rfast_bench.scenario.sections.topology import TopologySpec

UNSOUND = 1
WIDTH = 100
"""Of what is printed elsewhere than on a terminal."""
_PATH = click.Path(path_type=Path)


@click.command("check")
@options.scenario(required=False)
@options.overrides
@options.kind
@click.option("--w", type=_PATH, metavar="FILE", help="Edge list of G(W), one 'from to' a line, or GraphML.")
@click.option("--a", type=_PATH, metavar="FILE", help="The same of G(A).")
@click.option("--edges", type=_PATH, metavar="FILE", help="Of an undirected graph, both ways in W and A.")
@click.option("--w-matrix", type=_PATH, metavar="FILE", help="W itself: CSV, NPY, NPZ, GraphML with weights.")
@click.option("--a-matrix", type=_PATH, metavar="FILE", help="A itself.")
@options.workers
@click.option("--seed", type=int, default=0, show_default=True, help="For random-trees, random-graphs.")
@click.option("--root", type=int, default=0, show_default=True, help="For trees and random-graphs.")
@click.option("--common-roots", type=click.IntRange(min=1), default=1, help="For random-graphs: how many.")
@click.option("--bytes", "size", metavar="SIZE", help="What a model weighs, e.g. 100MB.")
@options.as_json
@click.pass_context
def command(
    ctx: click.Context,
    scenario: Path | None,
    overrides: tuple[str, ...],
    kind: str | None,
    w: Path | None,
    a: Path | None,
    edges: Path | None,
    w_matrix: Path | None,
    a_matrix: Path | None,
    workers: int | None,
    seed: int,
    root: int,
    common_roots: int,
    size: str | None,
    as_json: bool,
) -> None:
    """Explain the topologies of a SCENARIO, a named kind, or graphs from files; does the condition hold?"""
    from rfast_bench.plan import parameters, registry
    from rfast_bench.topology.checks import text, verdicts

    files = {"w": w, "a": a, "edges": edges, "w_matrix": w_matrix, "a_matrix": a_matrix}
    given = {key: path for key, path in files.items() if path is not None}
    if (scenario is not None) == (kind is not None or bool(given)):
        raise click.UsageError("give one of: a SCENARIO, --kind and -n, --w and --a, --edges, or matrices")
    if scenario is None:
        spec = TopologySpec(kind=kind or "file", seed=seed, root=root, common_roots=common_roots, **given)
        if kind is not None and workers is None:
            raise click.UsageError("--kind needs -n")
        checks = verdicts.of_spec(spec, workers, verdicts.parse_bytes(size))
    elif workers is not None or seed or root or size or common_roots != 1:
        raise click.UsageError("a SCENARIO has its own -n, --seed, --root and --bytes; leave them out")
    else:
        checks = verdicts.of_scenario(scenario, overrides, registry.find, parameters.own_shares)
    if as_json:
        click.echo(verdicts.to_json(checks))
    else:
        console = Console(highlight=False)
        console.width = console.width if console.is_terminal else WIDTH
        click.echo(text.printed(checks, console))
    ctx.exit(0 if all(one.holds for one in checks) else UNSOUND)
