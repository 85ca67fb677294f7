"""What a method must not know or keep: other workers' state, time and dice of its own, what is old after an await."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, FunctionType, ModuleType
from typing import Any

import numpy as np

from rfast_bench.breaches.lines import Line, files_of, of_call
from rfast_bench.conformance.hand.world import World
from rfast_bench.conformance.source import Source, depends, touching
from rfast_bench.conformance.trials import SIZES, Method, noise, rough, rounds

FORBIDDEN = {
    "time",
    "random",
    "_random",
    "secrets",
    "datetime",
    "uuid",
    "numpy.random",
    "asyncio",
    "threading",
}
STATEFUL = (dict, list, set, bytearray)


# --------------------------------------------------------------------------------------- clocks and dice
@contextmanager
def traced(method: Method) -> Iterator[None]:
    """Notes calls from the method's files into clocks and dice other than `node.rng`."""
    file = method.file

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        if event == "c_call" and frame.f_code.co_filename == file:
            owner = getattr(argument, "__self__", None)
            module = getattr(argument, "__module__", None) or getattr(
                owner, "__name__", type(owner).__module__
            )
            name = getattr(argument, "__qualname__", "?")
            if _is_own(owner, method):
                return
        elif event == "call" and frame.f_back is not None and frame.f_back.f_code.co_filename == file:
            module, name = frame.f_globals.get("__name__", ""), frame.f_code.co_name
            if _is_own(frame.f_locals.get("self"), method):
                return
        else:
            return
        if module in FORBIDDEN or str(module).startswith(("numpy.random", "_random", "torch.random")):
            line = of_call(method.kind, frame if event == "c_call" else frame.f_back)
            method.notes.add("randomness", f"{module}.{name} is called", line)

    old = sys.getprofile()
    sys.setprofile(profile)
    try:
        yield
    finally:
        sys.setprofile(old)


def _is_own(owner: Any, method: Method) -> bool:
    """Whether it is some worker's `node.rng`."""
    nodes = getattr(method.notes.world, "nodes", [])
    return owner is not None and any(owner is node.rng for node in nodes)


def chance(method: Method) -> None:
    """Randomness and time come from nowhere but the node and the effects."""
    chosen = method.graph(SIZES[0])
    if chosen is None:
        return
    with traced(method):
        world = method.world(*chosen, np.zeros(2), noise(4))
        if world is not None:
            rounds(world, 12)


# ----------------------------------------------------------------------------------------- shared state
def shared(method: Method) -> None:
    """Nothing is kept outside of the objects; no two write into the same list, dict or set, and none has another."""
    chosen = method.graph(SIZES[0])
    if chosen is None:
        return
    before = _outside(method.kind)
    world = method.world(*chosen, np.zeros(2), noise(6))
    if world is None:
        return
    common = {id(value): (name, value, _text(value)) for name, value in _in_common(world)}
    rounds(world, 12)
    after = _outside(method.kind)
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            _tell(method, name, f"{name}, which all workers have in common, is changed in a run")
    for name, value, text in common.values():
        if _text(value) != text:
            _tell(
                method,
                name,
                f"self.{name} of several workers is one and the same object, and is changed in a run",
            )
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


def _outside(kind: type) -> dict[str, str]:
    """State beside the objects: attributes of the classes, and names of their modules, as text."""
    found: dict[str, str] = {}
    for base in kind.__mro__:
        if base is not object and files_of(base):
            found |= {f"{base.__name__}.{k}": _text(v) for k, v in vars(base).items() if _is_state(k, v)}
    module = sys.modules.get(kind.__module__)
    names = vars(module) if module is not None else {}
    return found | {k: _text(v) for k, v in names.items() if _is_state(k, v)}


def _is_state(name: str, value: Any) -> bool:
    inert = (type, FunctionType, ModuleType, property, classmethod, staticmethod)
    return not (name.startswith(("__", "_abc")) or isinstance(value, inert))


def _text(value: Any) -> str:
    if isinstance(value, STATEFUL):
        return f"{type(value).__name__} of {len(value)}: {repr(value)[:2000]}"
    state = getattr(value, "__dict__", None)
    return repr(value)[:2000] if state is None else repr(sorted(map(str, state.items())))[:2000]


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
