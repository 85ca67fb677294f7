"""`rfast-bench`: which commands there are. Each is imported when it is asked for, for what one needs takes a second.

A command is thin: options, one function call. Everything else stands in the scenario file.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import click

from rfast_bench.cli.lazy import Commands, saying_options
from rfast_bench.errors import UserError

COMMANDS = {
    "run": ("run", "Run a scenario; leave records, a table and plots."),
    "check": ("check", "Check a method or problem of your own; of a scenario, what would run."),
    "new": ("new", "Write a scenario, a method or a problem to begin with."),
    "list": ("list_names", "Name the algorithms, topologies and shipped scenarios there are."),
    "schema": ("schema", "Print the JSON Schema of scenario files, for editors."),
    "data": ("data", "Show who holds which samples, before anything runs."),
    "table": ("results.table", "Print the table of runs, method beside method."),
    "plot": ("results.plot", "Draw the figures of runs."),
    "report": ("results.report", "Write one page that holds all of some runs."),
    "trace": ("results.trace", "Write the trace of runs, for Perfetto."),
    "compare": ("results.compare", "Hold the simulated world against real processes (not methods: table)."),
    "topology": ("topology.group", "Check, draw and design the graphs that workers talk along."),
    "calibrate": ("calibrate", "Measure gradients and links of a scenario on this machine."),
    "systems": ("systems", "Show the machines that a scenario's `system:` may name, to run as if on them."),
    "join": ("join", "Take part in a scenario's runs as one rank, started by torchrun or srun."),
}
"""See `lazy.Known`."""
TASKS = {
    "To run": ("run", "check", "new", "list", "schema", "data"),
    "To look at what came out": ("table", "plot", "report", "trace", "compare"),
    "Graphs": ("topology",),
    "Real machines and clusters": ("calibrate", "systems", "join"),
}
"""`--help` in the order of what one wants to do."""


@click.group(
    cls=Commands, known=COMMANDS, tasks=TASKS, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(package_name="rfast-bench")
def main() -> None:
    """Compare asynchronous decentralised SGD methods under one clock.

    To begin with: rfast-bench run quickstart.
    """
    if find_spec("rfast_bench.algorithms") is None:
        raise UserError(
            f"{Path(__file__).parents[1]} is a checkout that is not installed, and Python found it before the "
            "installed rfast-bench: use the command rfast-bench instead of python -m, or pip install -e ."
        )


saying_options(main)
