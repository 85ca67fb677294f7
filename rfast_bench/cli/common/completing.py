"""What a shell completes behind a command: names of shipped scenarios, of algorithms, of topologies, files."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem

Completed = list[CompletionItem]
Complete = Callable[[click.Context, click.Parameter, str], Completed]


def scenarios(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Completed:
    from rfast_bench.scenario import shipped

    return _with_files(shipped.names(), incomplete)


def checkable(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Completed:
    """Of `check`: algorithms, scenarios, files."""
    from rfast_bench.plan import registry
    from rfast_bench.scenario import shipped

    return _with_files([*registry.names(), *shipped.names()], incomplete)


def kinds(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Completed:
    from rfast_bench.topology import graphs

    return _names(graphs.KINDS, incomplete)


def shipped_only(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Completed:
    from rfast_bench.scenario import shipped

    return _names(shipped.names(), incomplete)


def profiles(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Completed:
    from rfast_bench.scenario import systems

    return _with_files(systems.names(), incomplete)


def _names(names: Iterable[str], incomplete: str) -> Completed:
    return [CompletionItem(name) for name in sorted(set(names)) if name.startswith(incomplete)]


def _with_files(names: Iterable[str], incomplete: str) -> Completed:
    return _names(names, incomplete) or [CompletionItem(incomplete, type="file")]
