"""`rfast-bench list`: the names that a scenario may use."""

from __future__ import annotations

import click


@click.command("list")
def command() -> None:
    """Name the algorithms, topologies and shipped scenarios there are."""
    from rfast_bench.plan import registry
    from rfast_bench.scenario import shipped
    from rfast_bench.topology import graphs

    for family, members in registry.families().items():
        click.echo(f"algorithms, {family}: {', '.join(members)}")
    for title, names in (
        ("topologies", graphs.KINDS),
        ("scenarios", shipped.names()),
    ):
        click.echo(f"{title}: {', '.join(names)}")
