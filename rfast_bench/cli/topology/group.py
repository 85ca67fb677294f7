"""`rfast-bench topology`: the commands about graphs."""

from __future__ import annotations

import click

from rfast_bench.cli.lazy import Commands

COMMANDS = {
    "check": ("topology.check", "Explain topologies; does the condition hold?"),
    "design": ("topology.design", "Find a pair of spanning trees that suits a measured network."),
    "draw": ("topology.draw", "Draw topologies, both graphs side by side."),
}


@click.group("topology", cls=Commands, known=COMMANDS)
def command() -> None:
    """Look at the graphs that workers talk along."""
