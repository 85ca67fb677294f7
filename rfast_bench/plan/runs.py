"""From a scenario to its runs: sweep points, algorithms, seeds; what cannot run where, and why."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from rfast_bench.api import Algorithm
from rfast_bench.errors import CannotRun, UserError, suggest
from rfast_bench.plan import devices, digests, graphs, parameters, quiet_keys, registry, roles, training
from rfast_bench.plan.sources import Source, changed, folder_of, read
from rfast_bench.plan.swept_values import fitting, folder_words
from rfast_bench.scenario.problem.kinds import PlugInSpec
from rfast_bench.scenario.reading import assign, validate
from rfast_bench.scenario.schema import TRAINING, AlgorithmSpec, Named, Scenario, folder_name, label_folder
from rfast_bench.scenario.sections.optimizer import Training
from rfast_bench.scenario.sections.real import RealSpec
from rfast_bench.scenario.sections.topology import TopologySpec
from rfast_bench.topology.build import build
from rfast_bench.topology.topology import Topology

FORMAT = 2
"""Of the records; a change makes earlier runs count as not done."""
UNUSED = ("sweep", "tune", "seeds", "first_seed", *TRAINING)
"""Keys that stand for others in a run of its own."""


@dataclass(frozen=True)
class Point:
    """One point of a sweep: its scenario with the swept values put in."""

    values: dict[str, Any]
    scenario: Scenario
    folder: Path  # of the scenario file, where relative paths start
    source: str = "scenario"  # what messages call it
    below: str = ""  # folder of its records, where both worlds have one
    purpose: str = "report"  # or "tuning"
    tuned: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    """How each tuned parameter of the k-th algorithm got its value."""

    @property
    def slug(self) -> str:
        """Folder name of the point; empty when nothing is swept."""
        parts = (f"{key.rpartition('.')[2]}={folder_name(folder_words(v))}" for key, v in self.values.items())
        return fitting(",".join(parts))


@dataclass(frozen=True)
class Run:
    """One algorithm, one seed, one point. `skipped` is the reason when it cannot run there."""

    point: Point
    order: int
    seed: int
    skipped: str = ""

    @property
    def scenario(self) -> Scenario:
        return self.point.scenario

    @property
    def algorithm(self) -> AlgorithmSpec:
        return self.scenario.algorithms[self.order]

    @property
    def algorithm_class(self) -> type[Algorithm]:
        return registry.find(self.algorithm.name, self.point.folder)

    @property
    def folder(self) -> Path:
        """Where its records go, below the output folder."""
        parts = [
            self.scenario.name,
            self.point.below,
            self.point.slug,
            fitting(label_folder(str(self.algorithm.label))),
            f"seed-{self.seed}",
        ]
        return Path(*[part for part in parts if part])

    @property
    def buckets(self) -> dict[str, Any]:
        """Those of the algorithm's parameters that say into how many pieces a vector is cut."""
        return {name: self.algorithm.parameters[name] for name in registry.bucketed(self.algorithm_class)}

    @property
    def training(self) -> Training:
        """What the driver applies to gradients and to the step size."""
        return training.of(self.algorithm)

    @property
    def computing(self) -> tuple[int, ...]:
        """The workers that hold a shard, where they are not all."""
        return roles.computing(self.algorithm_class, self.scenario.workers, self.algorithm.parameters)

    def build_topology(self) -> Topology:
        """Its graphs. Raises UserError, Unsound, CannotRun."""
        return build_topology(self.algorithm, self.point)

    @cached_property
    def resolved(self) -> dict[str, Any]:
        """Everything that decides what this run gives, as plain values."""
        unused = quiet_keys.at_default(self.scenario) | dict.fromkeys(UNUSED, True)
        if self.scenario.world == "simulated":
            unused["real"] = True
        scenario = self.scenario.model_dump(mode="json", by_alias=True, exclude=unused)
        scenario["algorithms"] = [training.told(self.algorithm, scenario["algorithms"][self.order])]
        return {**scenario, "seed": self.seed}

    @cached_property
    def hash(self) -> str:
        """Changes when this run would give other records: by what the scenario says, by the contents of the
        files it names (wherever they lie), by the algorithm's source. Names and comparisons do not count."""
        dull = ("name", "description", "baseline", "allow_unsound", "system")
        unused = {"real": RealSpec()} if self.scenario.world == "simulated" else {}
        used = self.scenario.model_copy(update=unused)
        scenario = digests.with_contents(
            used.model_dump(exclude=quiet_keys.dull(used) | dict.fromkeys((*UNUSED, *dull), True))
        )
        own = training.told(self.algorithm, scenario["algorithms"][self.order])
        scenario["algorithms"] = [{**own, "name": None, "label": None}]
        if isinstance(self.scenario.problem, PlugInSpec):
            scenario["problem"]["kind"] = digests.of_class(self.scenario.problem.load())
        source = digests.of_source(self.algorithm_class)
        text = json.dumps([FORMAT, scenario, self.seed, source], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


# ---------------------------------------------------------------------------------------------- points
def load_points(scenario: Source, overrides: tuple[str, ...] = ()) -> list[Point]:
    """Read a scenario and put every combination of its swept values in. Raises UserError."""
    raw, whole = read(scenario, overrides)
    folder, by = folder_of(scenario), changed(scenario, overrides)
    points = []
    for values in product(*whole.sweep.values()):
        said = (value.name if isinstance(value, Named) else value for value in values)
        chosen = dict(zip(whole.sweep, said, strict=True))
        swept = raw
        for key, value in chosen.items():
            swept = assign(swept, key, whole.meant(key, value))
        source = str(scenario) + (f" (sweep point {chosen})" if chosen else "")
        checked = with_parameters(validate(Scenario, swept, source, folder, by), source, folder)
        points += in_each_world(Point(chosen, checked, folder, source))
    return points


def in_each_world(point: Point) -> list[Point]:
    """The point as it is, or, for `world: both`, one for each world."""
    if point.scenario.world != "both":
        return [point]
    worlds = [point.scenario.model_copy(update={"world": world}) for world in ("simulated", "real")]
    return [replace(point, scenario=scenario, below=scenario.world) for scenario in worlds]


def with_parameters(scenario: Scenario, source: str, folder: Path | None) -> Scenario:
    """The scenario with every algorithm's parameters checked against its class and completed by defaults.

    Where a parameter is to be tuned a `Grid` stands; an effective step has become a step size. Each algorithm has its
    whole optimizer and schedule, and those at the top are gone.
    """
    point = Point({}, scenario, folder or Path(), source)
    orders = range(len(scenario.algorithms))
    known = {name for k in orders for name in registry.parameters(_class(scenario, k, point)).model_fields}
    known |= {*training.NAMES, graphs.TOPOLOGY}
    for name in scenario.tune.parameters if scenario.tune else ():
        if name not in known:
            others = suggest(name, sorted(known))
            raise UserError(f"{source}: tune.parameters: no algorithm has '{name}'{others}")
    checked, wrong = [], []
    for k in orders:
        try:
            checked.append(complete(scenario, k, point))
        except UserError as problem:
            wrong.append(problem)
    told = dict.fromkeys(map(str, wrong))
    if len(told) > 1:
        raise UserError("\n".join(told))
    if wrong:
        raise wrong[0]
    return scenario.model_copy(update={"algorithms": tuple(checked), **dict.fromkeys(TRAINING)})


def _class(scenario: Scenario, k: int, point: Point) -> type[Algorithm]:
    try:
        found = registry.find(scenario.algorithms[k].name, point.folder)
        registry.parameters(found)
    except UserError as problem:
        raise UserError(f"{point.source}: algorithms.{k}.name: {problem}") from problem
    return found


def complete(scenario: Scenario, k: int, point: Point) -> AlgorithmSpec:
    """The k-th algorithm of a scenario with its parameters checked and complete. Raises UserError."""
    algorithm, source, where = scenario.algorithms[k], point.source, f"algorithms.{k}"
    kind = _class(scenario, k, point)
    has_graph = kind.needs != "nothing"
    algorithm, which = graphs.settle(algorithm, scenario, has_graph, point.folder, where, source)
    model = registry.parameters(kind)
    given = {name: value for name, value in algorithm.parameters.items() if name not in training.NAMES}
    values = parameters.check(given, model, scenario.tune, (where,), source)
    whole, grids = training.complete(
        scenario, algorithm, parameters.STEP in model.model_fields, where, source
    )
    effective = parameters.effective_value(values)
    if effective is not None:
        checked = algorithm.model_copy(update={"parameters": values})
        step = _step_for(effective, kind, checked, point, whole.optimizer.momentum)
        open_ = training.MOMENTUM in grids or parameters.factor_open(kind, values)
        if not which and (step is None or not open_):  # else these are found first
            values[parameters.STEP] = step
    applied = training.applied(whole.optimizer, whole.schedule) if scenario.tune is None else whole
    values = parameters.told(kind, values)
    update = {"parameters": {**values, **grids, **which}, **vars(applied)}
    return algorithm.model_copy(update=update)


def _step_for(
    effective: float, kind: type[Algorithm], algorithm: AlgorithmSpec, point: Point, momentum: float
) -> float | None:
    """The step size for an effective step; None where the algorithm cannot run at all."""
    try:
        built = build_topology(algorithm, point)
    except CannotRun:
        return None
    where = f"{point.source}: algorithms.{algorithm.label}.{parameters.STEP}"
    return parameters.step_for(kind, built, effective, where, momentum, algorithm.parameters)


# ------------------------------------------------------------------------------------------------ runs
def plan(points: list[Point]) -> list[Run]:
    """Every run of every point. Raises UserError (Unsound too) before any is started."""
    return [run for point in points for run in _runs_of(point)]


def _runs_of(point: Point) -> Iterator[Run]:
    for order in range(len(point.scenario.algorithms)):
        yield from each_seed(point, order, why_skipped(point, order))


def each_seed(point: Point, order: int, skipped: str) -> Iterator[Run]:
    """The runs of one algorithm at a point."""
    first = point.scenario.first_seed
    return (Run(point, order, seed, skipped) for seed in range(first, first + point.scenario.seeds))


def why_skipped(point: Point, order: int) -> str:
    """Why an algorithm whose values are all known cannot run at a point; empty when it can. Raises UserError."""
    scenario, algorithm = point.scenario, point.scenario.algorithms[order]
    try:
        build_topology(algorithm, point)
        kind = registry.find(algorithm.name, point.folder)
        if flaw := kind.flaw(scenario.workers, algorithm.parameters):
            raise CannotRun(flaw)
        roles.check(kind, scenario.workers, algorithm.parameters)
        devices.check(scenario, kind.collective, point.source)
    except CannotRun as why:
        return str(why)
    return ""


def build_topology(algorithm: AlgorithmSpec, point: Point) -> Topology:
    """The graphs an algorithm runs on: those the scenario names, or the algorithm's default kind."""
    scenario = point.scenario
    kind = registry.find(algorithm.name, point.folder)
    spec = algorithm.topology
    if spec is not None and kind.needs == "nothing":
        raise UserError(
            f"{point.source}: algorithms.{algorithm.label}: it runs on no graph; leave topology out"
        )
    if spec is None:
        spec = TopologySpec(kind=kind.default_topology) if kind.default_topology else TopologySpec()
    where = f"{point.source}: algorithms.{algorithm.label}.topology"
    built = build(spec, scenario.workers, kind.needs, scenario.allow_unsound, where)
    if kind.needs == "pair":
        built = built.with_own_shares(**parameters.own_shares(kind, algorithm.parameters))
    if scenario.network.latency_matrix is not None:
        _check_links(built, scenario, where)
    return built


def _check_links(built: Topology, scenario: Scenario, where: str) -> None:
    for graph in (built.graph_w(), built.graph_a()):
        for j, i in graph.edges:
            try:
                scenario.network.link(j, i)
            except UserError as problem:
                raise UserError(f"{where}: {built.name}: {problem}") from problem


def write_resolved(run: Run) -> str:
    """The resolved scenario of one run as YAML text."""
    return yaml.safe_dump(run.resolved, sort_keys=False, allow_unicode=True)
