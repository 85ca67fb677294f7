"""What a method must not know or keep: other workers' state, and what is old after an await."""

from __future__ import annotations

from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from rfast_bench.breaches.lines import Line, of_call
from rfast_bench.conformance.hand.world import World
from rfast_bench.conformance.outside import STATEFUL, outside, text_of
from rfast_bench.conformance.source import Source, depends, touching
from rfast_bench.conformance.trials import SIZES, Method, noise, rough, rounds


# ----------------------------------------------------------------------------------------- shared state
def shared(method: Method) -> None:
    """Nothing is kept outside of the objects; no two write into the same list, dict or set, and none has another."""
    chosen = method.graph(SIZES[0])
    if chosen is None:
        return
    before = outside(method.kind)
    world = method.world(*chosen, np.zeros(2), noise(6))
    if world is None:
        return
    given = [text_of([dict(node.W), dict(node.A)]) for node in world.nodes]
    common = {id(value): (name, value, text_of(value)) for name, value in _in_common(world)}
    changed: dict[str, None] = {}
    for _ in range(12):  # a short memory may be full, and hold the same at the end as at the start
        rounds(world, 1)
        after = outside(method.kind)
        changed |= dict.fromkeys(n for n in sorted(before | after) if before.get(n) != after.get(n))
    for name in changed:
        _tell(method, name, f"{name}, which all workers have in common, is changed in a run")
    for name, value, text in common.values():
        if text_of(value) != text:
            _tell(
                method,
                name,
                f"self.{name} of several workers is one and the same object, and is changed in a run",
            )
    if given != [text_of([dict(node.W), dict(node.A)]) for node in world.nodes]:
        _tell(method, "node.W", "the weights node.W or node.A, which are the graph's, are changed in a run")
    for i, worker in enumerate(world.workers):
        for name, value in vars(worker).items():
            if any(value is other for k, other in enumerate(world.workers) if k != i):
                _tell(method, name, f"self.{name} of worker {i} is another worker")


def _in_common(world: World) -> Iterator[tuple[str, Any]]:
    """What can be changed and is held by several workers: (name of the attribute, object)."""
    owners: dict[int, int] = {}
    for i, worker in enumerate(world.workers):
        for name, value in vars(worker).items():
            if (isinstance(value, STATEFUL) or _is_instance(value)) and owners.setdefault(id(value), i) != i:
                yield name, value


def _is_instance(value: Any) -> bool:
    """Whether it is an object of a class of somebody's own, with state."""
    plain = isinstance(value, type | FunctionType | ModuleType | np.generic | np.ndarray)
    return hasattr(value, "__dict__") and not plain and not callable(value)


def _tell(method: Method, name: str, seen: str) -> None:
    if any(f.rule.name == "shared-state" and name in f.seen for f in method.notes.findings.values()):
        return
    lines = touching(method.source, name.rpartition(".")[2])
    method.notes.add("shared-state", seen, Line(method.file, lines[0]) if lines else None)


# ---------------------------------------------------------------------------------------- lost updates
def lost_updates(method: Method) -> None:
    """Nothing that one activity has written is overwritten by another with what it had read before its await."""
    for n in (4,) if method.quick else (4, 7):
        chosen = method.graph(n)
        if chosen is None:
            continue
        watch = Watch()
        kind: Any = watched(method.kind, watch)
        given = method.kind
        method.kind = kind
        try:
            world = method.world(*chosen, np.zeros(2), noise(8))
            if world is None:
                return
            watch.world = world
            rough(world, 29, 120 * n)
        finally:
            method.kind = given
            method.notes.kind = given
        for (line, attribute), other in watch.lost.items():
            if line is not None and depends(Source.of_file(line.file), line.number, attribute):
                seen = f"self.{attribute} is read before an await and written after it; another activity wrote it"
                method.notes.add("lost-update", f"{seen} ({other})", line)


class Watch:
    """Who has read and written which attribute of a worker, by segments between awaits."""

    def __init__(self) -> None:
        self.world: World | None = None
        self.read: dict[
            tuple[int, str, int], int
        ] = {}  # (worker, attribute, activity) -> segment of the last read
        self.written: dict[tuple[int, str], list[tuple[int, int, Line | None]]] = {}
        self.lost: dict[tuple[Line | None, str], str] = {}

    def sees(self, worker: Any, name: str) -> None:
        """An attribute is read."""
        if self.world is not None and self.world.current is not None:
            self.read[id(worker), name, self.world.current[1]] = self.world.segments

    def hears(self, worker: Any, name: str, kind: type) -> None:
        """An attribute is written."""
        if self.world is None or self.world.current is None:
            return
        activity, now, line = self.world.current[1], self.world.segments, of_call(kind)
        since = self.read.get((id(worker), name, activity))
        log = self.written.setdefault((id(worker), name), [])
        if since is not None and since < now:
            others = [entry for entry in log if entry[0] != activity and since < entry[1] < now]
            if others:
                self.lost[line, name] = f"at {others[-1][2]}"
        log.append((activity, now, line))


def watched(kind: type, watch: Watch) -> type:
    """The same class, whose objects tell what is read and written of them."""

    def getter(self: Any, name: str) -> Any:
        found = object.__getattribute__(self, name)
        if not name.startswith("__") and name in object.__getattribute__(self, "__dict__"):
            watch.sees(self, name)
        return found

    def setter(self: Any, name: str, value: Any) -> None:
        watch.hears(self, name, kind)
        object.__setattr__(self, name, value)

    return type(
        kind.__name__,
        (kind,),
        {"__getattribute__": getter, "__setattr__": setter, "__module__": kind.__module__},
    )
