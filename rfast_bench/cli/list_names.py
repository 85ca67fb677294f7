"""`rfast-bench list`: the names that a scenario may use."""

from __future__ import annotations

import click

from rfast_bench.cli.common import options


@click.command("list")
@options.as_json
def command(as_json: bool) -> None:
    """Name the algorithms, topologies and shipped scenarios there are."""
    from rfast_bench.plan import registry
    from rfast_bench.scenario import shipped
    from rfast_bench.topology import graphs

    if as_json:
        from rfast_bench.analysis import json_text

        told = {"algorithms": registry.families(), "topologies": graphs.KINDS, "scenarios": shipped.names()}
        click.echo(json_text.of(told), nl=False)
        return
    for family, members in registry.families().items():
        click.echo(f"algorithms, {family}: {', '.join(members)}")
    for title, names in (
        ("topologies", graphs.KINDS),
        ("scenarios", shipped.names()),
    ):
        click.echo(f"{title}: {', '.join(names)}")
