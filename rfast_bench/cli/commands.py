"""`rfast-bench`: which commands there are. Each is imported when it is asked for, for what one needs takes a second.

A command is thin: options, one function call. Everything else stands in the scenario file.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import click

from rfast_bench.cli.lazy import Commands
from rfast_bench.errors import UserError

COMMANDS = {
    "calibrate": ("calibrate", "Measure gradients and links of a scenario on this machine."),
    "check": ("check", "Check that a method or a problem of your own keeps the rules."),
    "compare": ("results.compare", "Set runs of both worlds side by side."),
    "data": ("data", "Show who holds which samples, before anything runs."),
    "join": ("join", "Take part in a scenario's runs as one rank, started by torchrun or srun."),
    "list": ("list_names", "Name the algorithms, topologies and shipped scenarios there are."),
    "new": ("new", "Write a method or a problem of your own to begin with."),
    "plot": ("results.plot", "Draw the figures of runs."),
    "report": ("results.report", "Write one page that holds all of some runs."),
    "run": ("run", "Run a scenario; leave records, a table and plots."),
    "schema": ("schema", "Print the JSON Schema of scenario files, for editors."),
    "systems": ("systems", "Show the profiles that a scenario may name."),
    "table": ("results.table", "Print the comparison table of runs."),
    "topology": ("topology.group", "Check, draw and design the graphs that workers talk along."),
    "trace": ("results.trace", "Write the trace of runs, for Perfetto."),
}
"""See `lazy.Known`."""


@click.group(cls=Commands, known=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="rfast-bench")
def main() -> None:
    """Compare asynchronous decentralised SGD methods under one clock."""
    if find_spec("rfast_bench.algorithms") is None:
        raise UserError(
            f"{Path(__file__).parents[1]} is a checkout that is not installed, and Python found it before the "
            "installed rfast-bench: use the command rfast-bench instead of python -m, or pip install -e ."
        )
