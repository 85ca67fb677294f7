"""The settings in which a method is tried: how many workers, on which graphs, with which values and in which order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np

from rfast_bench.api import Algorithm
from rfast_bench.breaches.lines import files_of, of_error
from rfast_bench.breaches.watchdog import Watchdog
from rfast_bench.conformance.hand.world import Oracle, World
from rfast_bench.conformance.notes import Notes
from rfast_bench.conformance.source import Source
from rfast_bench.errors import CannotRun, UserError
from rfast_bench.plan import registry
from rfast_bench.plan.parameters import own_shares
from rfast_bench.scenario.sections.topology import TopologySpec
from rfast_bench.scenario.user_files.modules import MISTAKES
from rfast_bench.topology.build import build
from rfast_bench.topology.topology import Topology

SIZES = (4, 2, 1, 7, 3, 5)
"""Four first: what is found is told of most of all."""
KINDS: Mapping[str, tuple[str, ...]] = {
    "pair": ("binary-tree", "star", "line", "directed-ring", "exponential"),
    "trees": ("binary-tree", "star", "line"),
    "undirected": ("ring", "star", "line", "complete"),
    "bipartite": ("bipartite-exponential", "ring", "line"),
    "nothing": (),
}
"""The named graphs that a method is tried on, beside its own default."""
STEP = 0.05


def noise(seed: int, shape: int = 2) -> Oracle:
    """Gradients that depend on nothing but the worker and the count."""
    return lambda i, at, k: np.random.default_rng([seed, i, k]).standard_normal(shape)


@dataclass
class Method:
    """A class under trial with its parameters, and what was found of it."""

    kind: type[Algorithm]
    given: Mapping[str, Any] = field(default_factory=dict)
    quick: bool = False
    """Few workers alone, on its own graph alone."""
    notes: Notes = field(init=False)
    watchdog: Watchdog = field(init=False)

    def __post_init__(self) -> None:
        self.notes = Notes(self.kind)
        self.watchdog = Watchdog(self.kind, self._progress, thread=threading.get_ident())

    def _progress(self) -> tuple[int, int]:
        """Differs whenever a trial has gone on."""
        return id(self.notes.world), getattr(self.notes.world, "segments", 0)

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """All of them, the same objects for every worker, as in a run."""
        model = registry.parameters(self.kind)
        return model.model_validate({"step_size": STEP, **self.given}).model_dump()

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many workers it is tried with."""
        return SIZES[: 1 if self.quick else None]

    @property
    def file(self) -> str:
        """The file of the class itself."""
        return files_of(self.kind)[0]

    @property
    def source(self) -> Source:
        """That file, parsed, without the other methods in it."""
        return Source.of_method(self.kind, self.file)

    def make(self, x0: Any) -> Any:
        kind: Any = self.kind
        return kind(x0, **self.parameters)

    def graphs(self, n: int) -> Iterator[tuple[str, Topology]]:
        """Every graph of n workers that it is to run on: (name, topology)."""
        needs = self.kind.needs
        if self.kind.flaw(n, self.parameters):
            return
        named = dict.fromkeys([self.kind.default_topology or "none", *(() if self.quick else KINDS[needs])])
        for name in named:
            try:
                built = build(TopologySpec(kind=name), n, needs)
                yield name, built.with_own_shares(**own_shares(self.kind, self.parameters))
            except (CannotRun, UserError):
                continue

    def settings(self) -> Iterator[tuple[str, Topology]]:
        """Every graph of four workers, and one each of the other sizes."""
        for n in self.sizes:
            yield from self.graphs(n) if n == SIZES[0] else islice(self.graphs(n), 1)

    def graph(self, n: int) -> tuple[str, Topology] | None:
        """Its default graph of n workers, or the first on which so many can run."""
        return next(self.graphs(n), None)

    def world(self, name: str, topology: Topology, x0: Any, gradient: Oracle) -> World | None:
        """All workers on their marks; None when they did not get that far."""
        notes = self.notes
        notes.usual = name == (self.kind.default_topology or "none")
        notes.setting = f"{topology.n} worker{'s'[: topology.n != 1]}" + (
            "" if name == "none" else f" on {name}"
        )
        try:
            return World(self.make, topology, x0, gradient, notes)
        except MISTAKES as problem:  # of a method's own constructor: whatever it is, it is told
            notes.failed(0, 0, problem)
            return None


def models_of(method: Method, world: World) -> list[Any] | None:
    """Every worker's `model`, as it would be asked for; None, and told, where one cannot be had."""
    try:
        return [worker.model for worker in world.workers]
    except MISTAKES as problem:
        line, said = of_error(problem, method.kind), f"{type(problem).__name__}: {problem}"
        rule = "finite" if isinstance(problem, ArithmeticError) else "exceptions"
        method.notes.add(rule, f"`model` cannot be had, with {method.notes.setting}: {said}", line)
        return None


def rough(world: World, seed: int, moves: int, look: Callable[[], None] = lambda: None) -> None:
    """A random schedule of steps, deliveries in any order (half of the moves) and losses, with a look after each."""
    rng = np.random.default_rng(seed)
    kinds = rng.choice(["step", "deliver", "deliver", "drop"], moves)
    world.play(zip(kinds.tolist(), rng.integers(0, 999, moves).tolist(), strict=True), look)


def rounds(world: World, count: int) -> None:
    """So many rounds: every gradient is done, and everything arrives."""
    for _ in range(count):
        world.round()


def promptly(world: World, count: int) -> None:
    """So many rounds in which everything arrives before the next gradient is done."""
    for _ in range(count):
        for i in range(world.n):
            world.step(i)
            while world.wire:
                world.deliver()
