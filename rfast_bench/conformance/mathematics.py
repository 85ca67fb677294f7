"""What every decentralised method must do to numbers: weights that sum to 1, mass that is kept, models that move."""

from __future__ import annotations

import ast
import inspect
from typing import Any

import numpy as np

from rfast_bench.breaches.lines import Line
from rfast_bench.conformance.blame import breaking, weighing
from rfast_bench.conformance.hand.world import World
from rfast_bench.conformance.source import gradient_in_a_local, mixture
from rfast_bench.conformance.trials import SIZES, Method, noise, promptly, rough, rounds

START = np.array([1.0, -2.0])
LONG = 250
"""Rounds after which what is left of a finite disturbance must be gone."""
SLACK = 1e-6


def mixing(method: Method) -> None:
    """With zero gradients and equal models nothing may move."""
    if method.notes.has("shared-state"):
        return
    for name, topology in method.settings():
        world = method.world(name, topology, START, lambda i, at, k: np.zeros(2))
        if world is None:
            return
        rough(world, 11, 60 * topology.n)
        rounds(world, 6)
        off = _off(world, START)
        if off > SLACK:
            worst = max(world.workers, key=lambda w: _distance(w.model, START))
            share = float(np.asarray(worst.model, float)[0] / START[0])
            seen = (
                f"with zero gradients and equal models the model moved by {off:.2g}, to {share:.3g} of itself, with "
                f"{method.notes.setting}{_told(method)}"
            )
            _at(method, "mixing", seen)
            return


def rest(method: Method) -> None:
    """After a few gradients and then zeros for long, everything comes to rest, finite, in agreement with itself."""
    if method.notes.has("mixing", "invariant", "lost-update"):
        return
    for name, topology in filter(None, map(method.graph, SIZES[:2])):
        world = method.world(name, topology, np.zeros(2), _impulse)
        if world is None:
            return
        rough(world, 13, 80 * topology.n)
        first = _drift_after(world, LONG)
        least = 1e-4 * max(1.0, _size(world)) * method.parameters["step_size"]
        second = _drift_after(world, LONG) if first > least else 0.0
        if second > max(least, first / 2):  # else it comes to rest, however slowly
            grown = "grow without end" if not np.isfinite(second) or _size(world) > 1e3 else "still move"
            seen = (
                f"{2 * LONG} rounds after the last gradient that was not 0 models {grown} (by {second:.2g} in 25) "
                f"with {method.notes.setting}, messages lost and overtaken before"
            )
            _at(method, "mass", seen)
            return


def _drift_after(world: World, count: int) -> float:
    """How far models move in 25 rounds after so many."""
    promptly(world, count)
    before = _models(world)
    promptly(world, 25)
    return _distance(_models(world), before)


def _size(world: World) -> float:
    models = _models(world)
    return float(np.abs(models).max()) if np.isfinite(models).all() else 1.0


def _impulse(i: int, at: Any, k: int) -> Any:
    return noise(7)(i, at, k) if k < 6 else np.zeros(2)


def kept(method: Method) -> None:
    """Weights and other sums of a method stay what they are: nothing grows or dies out where nothing happens."""
    chosen = method.graph(SIZES[0])
    if chosen is None or method.notes.has("mixing", "mass"):
        return
    world = method.world(*chosen, START, lambda i, at, k: np.zeros(2))
    if world is None:
        return
    begun = _sums(world)
    rough(world, 17, 1500)
    rounds(world, 6)
    ended = _sums(world)
    for name, (before, after) in {k: (begun[k], ended.get(k, 0.0)) for k in begun}.items():
        if before > 0 and not 1e-3 < after / before < 1e3:
            how = "grows" if after > before else "dies out"
            seen = (
                f"self.{name} {how}: from {before:.3g} in all to {after:.3g} with zero gradients, where messages are "
                "lost and overtaken"
            )
            lines = mixture(method.source, {name})
            line = Line(method.file, lines[0]) if lines else None
            method.notes.add("mass", seen, line)
            return


def invariant(method: Method) -> None:
    """The declared residual is 0 but for rounding at every instant, under any order and loss."""
    for name, topology in method.settings():
        world = method.world(name, topology, np.zeros(2), noise(3))
        if world is None:
            return
        found: list[float] = []

        def look(world: World = world, found: list[float] = found) -> None:
            left = type(world.workers[0]).residual(world.workers)
            found.append(0.0 if left is None else float(np.abs(np.asarray(left, float)).max()))

        rough(world, 19, 60 * topology.n, look)
        if told := _no_sum(world):
            method.notes.add("invariant", f"{told}, with {method.notes.setting}", _residual_line(method.kind))
            return
        worst = max(found)
        if worst > 1e-9 or not np.isfinite(worst):
            seen = f"residual is {worst:.3g} and not 0 with {method.notes.setting}"
            line, words = breaking(method)
            method.notes.add("invariant", seen + words, line)
            return


def _no_sum(world: World) -> str:
    """How `residual` of all workers differs from the sum of what it gives of each one; empty if it does not."""
    kind = type(world.workers[0])
    whole, parts = kind.residual(world.workers), [kind.residual([worker]) for worker in world.workers]
    known = [np.asarray(part, float) for part in parts if part is not None]
    if len(known) < len(parts):
        return ""
    off = float(np.abs(sum(known) - (0.0 if whole is None else np.asarray(whole, float))).max())
    if off <= 1e-9:
        return ""
    gives = "None" if whole is None else f"{float(np.abs(np.asarray(whole, float)).max()):.3g}"
    return (
        f"`residual` of all workers gives {gives}, and what it gives of each one alone is {off:.3g} away from that in "
        "sum: real processes know their own state only, so it is to be a sum over workers"
    )


def _residual_line(kind: type) -> Line | None:
    owner = next(base for base in kind.__mro__ if "residual" in vars(base))
    found = inspect.unwrap(vars(owner)["residual"].__func__)
    return Line(found.__code__.co_filename, found.__code__.co_firstlineno)


def finite(method: Method) -> None:
    """Gradients of ordinary size leave models finite, and move them."""
    if method.notes.has("shared-state"):
        return
    for name, topology in method.settings():
        world = method.world(name, topology, np.zeros(2), noise(5))
        if world is None:
            return
        rough(world, 23, 60 * topology.n)
        rounds(world, 10)
        models = _models(world)
        if not np.isfinite(models).all():
            worker = next(i for i, m in enumerate(models) if not np.isfinite(m).all())
            seen = f"worker {worker}'s model is {models[worker]} after finite gradients with {method.notes.setting}"
            method.notes.add("finite", seen)
            return
        still = [i for i, m in enumerate(models) if not m.any() and len(world.gradients[i]) > 5]
        if still:
            _unmoved(method, still, world)
            return


def _unmoved(method: Method, still: list[int], world: World) -> None:
    done = max(map(len, world.gradients))
    line = gradient_in_a_local(method.source)
    seen = f"`model` of workers {still} never changed in {done} gradients, with {method.notes.setting}"
    method.notes.add("state", seen, None if line is None else Line(method.file, line))


# ------------------------------------------------------------------------------------------------ numbers
def _models(world: World) -> Any:
    return np.array([np.asarray(w.model, float) for w in world.workers])


def _distance(model: Any, start: Any) -> float:
    off = float(np.abs(np.asarray(model, float) - start).max())
    return off if np.isfinite(off) else np.inf


def _off(world: World, start: Any) -> float:
    return max(_distance(w.model, start) for w in world.workers)


def _sums(world: World) -> dict[str, float]:
    """Over all workers, the size of each attribute that is a float or a vector."""
    found: dict[str, float] = {}
    for worker in world.workers:
        for name, value in vars(worker).items():
            if isinstance(value, float | np.floating | np.ndarray) and name != "step_size":
                found[name] = found.get(name, 0.0) + float(np.abs(value).sum())
    return found


# -------------------------------------------------------------------------------------------------- lines
def _at(method: Method, rule: str, seen: str) -> None:
    """Note it at the line where the weights go wrong, or else where what becomes the model begins."""
    lines = _mixing_lines(method)
    number = weighing(method, START) if rule == "mixing" else None
    number = number or (lines[-1] if lines else None)
    method.notes.add(rule, seen, None if number is None else Line(method.file, number))


def _told(method: Method) -> str:
    lines = _mixing_lines(method)
    return f"; what becomes of it is made in lines {', '.join(map(str, lines))}" if lines else ""


def _mixing_lines(method: Method) -> list[int]:
    return mixture(method.source, _model_attributes(method))


def _model_attributes(method: Method) -> set[str]:
    """What `model` reads of self, as far as its text says."""
    names = set()
    for function in method.source.functions:
        if function.name == "model":
            names |= {n.attr for n in ast.walk(function) if isinstance(n, ast.Attribute)}
    return names or {"x"}
