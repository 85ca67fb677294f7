"""Which graph an algorithm runs on, where the best of several is to be found: `topology: {tune: [ring, complete]}`.

Until it is found, the grid stands among the algorithm's parameters as `topology`, and its first graph in the entry.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rfast_bench.api import Algorithm
from rfast_bench.errors import UserError
from rfast_bench.plan import registry
from rfast_bench.plan.parameters import read_grid
from rfast_bench.scenario.algorithms import TOPOLOGY as TOPOLOGY
from rfast_bench.scenario.reading import explain
from rfast_bench.scenario.schema import AlgorithmSpec, Scenario
from rfast_bench.scenario.sections.topology import FILE, TopologySpec
from rfast_bench.scenario.sections.tuning import Grid
from rfast_bench.topology.build import check_keys


def settle(
    algorithm: AlgorithmSpec, scenario: Scenario, has_graph: bool, folder: Path, where: str, source: str
) -> tuple[AlgorithmSpec, dict[str, Grid]]:
    """An algorithm's entry with its graph in its place, and the grid where it is still to be found.

    Raises UserError.
    """
    tune, workers = scenario.tune, scenario.workers
    place: tuple[str, ...] = (where, TOPOLOGY)
    given = algorithm.parameters.get(TOPOLOGY)
    if given is None and tune is not None and has_graph and algorithm.topology is None:
        given, place = tune.parameters.get(TOPOLOGY), ("tune.parameters", TOPOLOGY)
    if given is None:
        return algorithm, {}
    if isinstance(given, dict) and set(given) == {"tune"}:
        if tune is None:
            raise UserError(
                f"{source}: {where}.{TOPOLOGY}: is to be tuned, but the scenario has no tune: with an objective"
            )
        given = read_grid(given, place, source)
        place = (*place, "tune")
    if not isinstance(given, Grid):
        return _with(algorithm, _read(given, folder, place, source)), {}
    if given.is_range:
        raise UserError(f"{source}: {'.'.join(place)}: a list of graphs is wanted, not a range of numbers")
    if given.effective:
        raise UserError(f"{source}: {'.'.join(place)}: only step_size has an effective value")
    return _with(algorithm, _all_of(given, workers, folder, place, source)[0]), {TOPOLOGY: given}


def _all_of(
    grid: Grid, workers: int, folder: Path, place: tuple[str, ...], source: str
) -> list[TopologySpec]:
    """The graphs of a list, each of a kind that there is, and each once. Raises UserError."""
    graphs: list[TopologySpec] = []
    for k, value in enumerate(grid.tried()):
        where = (*place, str(k))
        graph = _read(value, folder, where, source)
        check_keys(graph, workers, f"{source}: {'.'.join(where)}")
        if graph in graphs:
            raise UserError(
                f"{source}: {'.'.join(where)}: a value comes twice (found {value!r}; it is the graph of position "
                f"{graphs.index(graph)})"
            )
        graphs.append(graph)
    return graphs


def unusual(name: str, kind: type[Algorithm], graph: TopologySpec | None) -> str:
    """`runs on star; recommended for it are ...`, where a named graph is none that a shipped method is recommended on.

    A class of the user's own has a default, which is no recommendation.
    """
    known = registry.recommended(name, kind) if name in registry.names() else ()
    if graph is None or graph.kind == FILE or not known or graph.kind in known:
        return ""
    several = "are" if len(known) > 1 else "is"
    return f"runs on {graph.kind}; recommended for {name} {several} {' and '.join(known)}"


def _with(algorithm: AlgorithmSpec, graph: TopologySpec) -> AlgorithmSpec:
    others = {name: value for name, value in algorithm.parameters.items() if name != TOPOLOGY}
    return algorithm.model_copy(update={"topology": graph, "parameters": others})


def _read(value: Any, folder: Path, place: tuple[str, ...], source: str) -> TopologySpec:
    try:
        return TopologySpec.model_validate(value, context={"folder": folder})
    except ValidationError as problem:
        raise UserError(explain(problem, value, source, place)) from problem
