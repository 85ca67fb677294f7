"""The topologies that `topology check` is asked about: of a scenario's algorithms, of a kind, or from files."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from rfast_bench.api import Algorithm, Needs
from rfast_bench.errors import CannotRun, UserError
from rfast_bench.scenario import shipped
from rfast_bench.scenario.schema import AlgorithmSpec, Scenario, load
from rfast_bench.scenario.sections.topology import FILE, TopologySpec
from rfast_bench.scenario.values.units import Bytes
from rfast_bench.scenario.values.wording import first_of
from rfast_bench.topology import edge_lists, graphs
from rfast_bench.topology import files as graph_files
from rfast_bench.topology.build import build
from rfast_bench.topology.checks.explanation import Explanation, explain


@dataclass(frozen=True)
class Check:
    """One topology explained, or why there is none."""

    label: str | None
    """Of the algorithm of a scenario."""
    explanation: Explanation | None
    note: str = ""
    """Why there is no explanation: no topology is needed, or the algorithm cannot run there."""
    taken: str = ""
    """In which way, where a graph serves in two: `as a pair`, or `undirected`."""

    @property
    def holds(self) -> bool:
        """An algorithm that does not apply is skipped in a run: it does not fail the check."""
        return self.explanation is None or self.explanation.holds


def to_json(checks: Sequence[Check]) -> str:
    """`{"holds": ..., "topologies": [...]}`; what is undefined is null."""
    entries = [asdict(check) for check in checks]
    return json.dumps({"holds": all(check.holds for check in checks), "topologies": entries}, allow_nan=False)


def parse_bytes(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return TypeAdapter[float](Bytes).validate_python(text)
    except ValidationError as problem:
        raise UserError(f"--bytes: {first_of(problem)}") from problem


# --------------------------------------------------------------------------------------- a kind, or files
def of_spec(spec: TopologySpec, workers: int | None, model_bytes: float | None = None) -> list[Check]:
    """A pair by its name or its files; of what is an undirected graph too, that as well, for its weights are others.

    Raises UserError, also where the kind is not defined for n.
    """
    if workers is None:
        workers = _count(spec)
    twofold = spec.kind in graphs.UNDIRECTED_KINDS or (spec.edges is not None and spec.kind == FILE)
    given = "w_matrix" in spec.paths
    undirected = "undirected" if given else "undirected, with Metropolis weights"
    ways: dict[Needs, str] = {"pair": "as a pair", "undirected": undirected} if twofold else {"pair": ""}
    checks = []
    for needs, taken in ways.items():
        try:
            built = build(spec, workers, needs, allow_unsound=True, allow_flawed_weights=True)
        except CannotRun as reason:
            raise UserError(str(reason)) from reason
        checks.append(Check(None, explain(built, model_bytes=model_bytes), taken=taken))
    return checks


def _count(spec: TopologySpec) -> int:
    """As many workers as a matrix has rows, or as the edge lists name."""
    if spec.kind == FILE and {"w", "w_matrix"}.isdisjoint(spec.paths) and "edges" not in spec.paths:
        raise UserError("topology: a pair needs both graphs; G(W) is missing: give w or w_matrix")
    return count(spec)


def count(spec: TopologySpec) -> int:
    """How many workers the files of a topology are about. Raises UserError."""
    for key, path in spec.paths.items():
        if key.endswith("matrix"):
            return max(1, graph_files.count_rows(path, f"topology.{key}"))
    return edge_lists.read_all(spec.paths, "topology", directed=spec.edges is None).workers


# --------------------------------------------------------------------------------------- a scenario
Shares = Callable[[type[Algorithm], Mapping[str, Any]], Mapping[str, float]]
"""From a class and its parameters to the w_ii and a_ii that they put in, `{"W": 0.5}`."""
Find = Callable[[str, Path], type[Algorithm]]
"""From an algorithm's name, and the folder where relative paths start, to its class. Raises UserError."""


def of_scenario(path: Path, overrides: tuple[str, ...], find: Find, shares: Shares) -> list[Check]:
    """Of each algorithm. `shares`: the own shares that its parameters put into W and A. Raises UserError."""
    path = shipped.find(path)
    scenario = load(path, overrides)
    return [
        _of_algorithm(algorithm, find(algorithm.name, path.parent), scenario, path, shares)
        for algorithm in scenario.algorithms
    ]


def _of_algorithm(
    algorithm: AlgorithmSpec, cls: type[Algorithm], scenario: Scenario, path: Path, shares: Shares
) -> Check:
    label = algorithm.label or algorithm.name
    if cls.needs == "nothing":
        return Check(label, None, "needs no topology")
    where = f"{path}: algorithms.{label}.topology"
    spec = algorithm.topology or _default(cls.default_topology, where)
    try:
        built = build(
            spec, scenario.workers, cls.needs, allow_unsound=True, where=where, allow_flawed_weights=True
        )
    except CannotRun as reason:
        return Check(label, None, f"cannot run: {reason}")
    if cls.needs == "pair":
        built = built.with_own_shares(**shares(cls, algorithm.parameters))
    return Check(label, explain(built, scenario.network, compute=scenario.gradient_seconds))


def _default(kind: str | None, where: str) -> TopologySpec:
    if kind is None:
        raise UserError(f"{where}: missing, and the algorithm has no default one")
    return TopologySpec(kind=kind)
