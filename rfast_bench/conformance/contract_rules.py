"""Rules of the contract that a method's own moves show: values, messages, awaits, graphs, repeatability."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from rfast_bench.breaches.broken import Broken
from rfast_bench.breaches.inherited import inherited
from rfast_bench.breaches.lines import Line, of_error
from rfast_bench.breaches.unawaited import Dropped
from rfast_bench.conformance.hand.number import Note
from rfast_bench.conformance.hand.values import Value
from rfast_bench.conformance.hand.world import Oracle, World
from rfast_bench.conformance.source import unawaited
from rfast_bench.conformance.trials import SIZES, Method, models_of, noise, rough, rounds
from rfast_bench.scenario.user_files.modules import MISTAKES

ROUNDS = 40
FLOAT32 = "tensors of float32"
ITS_OWN = ("randomness", "shared-state")
"""What makes any two trials differ: no more is to be said of how they do."""


def text(method: Method) -> None:
    """What the source alone shows: effects and coroutines that nobody awaits."""
    for line, what in unawaited(method.source):
        method.notes.add("await", what, Line(method.file, line))


@contextmanager
def dropped(method: Method) -> Iterator[None]:
    """Tells coroutines that were made within and never awaited."""

    def tell(found: Broken) -> None:
        if not method.notes.has("await"):
            method.notes.add("await", found.seen, found.line)

    with Dropped(method.kind, tell).listening():
        yield


def guarded(method: Method) -> None:
    """On every size and graph, with values that notice what is done to them, in order and out of order."""
    note = method.notes.note
    for n in method.sizes:
        for name, topology in method.graphs(n):
            world = method.world(name, topology, Value(np.ones(2), note), _valued(n, note))
            if world is None or method.notes.fatal:
                return
            rough(world, n, 60 * n)
            rounds(world, ROUNDS * (1 + (n == SIZES[0])))
            stuck(method, world)
            if models_of(method, world) is None or method.notes.fatal:
                return


def _valued(seed: int, note: Note) -> Oracle:
    return lambda i, at, k: Value(noise(seed)(i, at, k), note)


def stuck(method: Method, world: World) -> None:
    """Tell who waits for ever: everybody, or one who waits for a message that its senders do not send."""
    notes = method.notes
    waits = list(world.waits())
    if world.stuck and waits:
        grouped: dict[tuple[str, Line | None], list[int]] = {}
        for worker, what, line in waits:
            grouped.setdefault((what.split(" from")[0], line), []).append(worker)
        for (what, line), workers in grouped.items():
            seen = f"nobody can go on with {notes.setting}: workers {workers} wait in {what}, and nothing is under way"
            notes.add("deadlock", seen + _unread(world), line)
        return
    for worker, what, line in waits:
        patient = what.startswith("ReceiveAny") or world.computes(worker)
        if (
            not patient
            and not world.gradients[worker][2:]
            and any(len(g) > ROUNDS // 2 for g in world.gradients)
        ):
            seen = f"worker {worker} waits for ever in {what} with {notes.setting}, while others go on"
            notes.add("deadlock", seen + _unread(world), line)


def _unread(world: World) -> str:
    """Messages that nobody takes, which may well be those that are waited for."""
    piles = [
        f"{len(letters)} on channel {channel!r} at worker {node.id}"
        for node in world.nodes
        for channel, letters in node.inbox.items()
        if letters
    ]
    return f"; unread lie {', '.join(piles[:3])}{', …' if len(piles) > 3 else ''}" if piles else ""


def numbers(method: Method) -> None:
    """The same file on tensors and on floats gives what it gives on arrays."""
    chosen = method.graph(SIZES[0])
    if chosen is None or method.notes.has("in-place", "arithmetic", *ITS_OWN):
        return
    arrays = method.world(*chosen, np.zeros(1), noise(0, 1))
    if arrays is None:
        return
    rough(arrays, 3, 200)
    for words, x0, oracle in _sorts():
        before = set(method.notes.findings)
        other = method.world(*chosen, x0, oracle)
        if other is not None:
            rough(other, 3, 200)
        new = [key for key in method.notes.findings if key not in before]
        for key in new:  # what fails here alone fails for the kind of its values
            found = method.notes.findings.pop(key)
            method.notes.add("arithmetic", f"on {words}: {found.seen}", found.line)
        if other is not None and not new:
            _same_models(method, words, arrays, other)


def _sorts() -> list[tuple[str, Any, Oracle]]:
    """The other sorts of values: what they are called, a start, and gradients that are those of the arrays."""
    import torch  # takes a second, and a first look does without

    g, narrow = noise(0, 1), torch.float32
    return [
        (
            "torch tensors",
            torch.zeros(1, dtype=torch.float64),
            lambda i, at, k: torch.from_numpy(g(i, at, k)),
        ),
        (FLOAT32, torch.zeros(1, dtype=narrow), lambda i, at, k: torch.tensor(g(i, at, k), dtype=narrow)),
        ("plain floats", 0.0, lambda i, at, k: float(g(i, at, k)[0])),
    ]


def _same_models(method: Method, words: str, arrays: World, other: World) -> None:
    found = [models_of(method, one) for one in (arrays, other)]
    if found[0] is None or found[1] is None:
        return
    ours, theirs = (np.array([float(_first(model)) for model in models or []]) for models in found)
    if words == FLOAT32 and any(not str(w.model.dtype).endswith("float32") for w in other.workers):
        method.notes.add("arithmetic", f"on {words} models become {other.workers[0].model.dtype}")
    elif words != FLOAT32 and not np.allclose(
        ours, theirs, rtol=0, atol=1e-9
    ):  # rounding may be what a method is about
        off = np.abs(ours - theirs).max()
        method.notes.add("arithmetic", f"on {words} models come out otherwise than on arrays, by {off:.2g}")


def _first(value: Any) -> Any:
    return value.reshape(-1)[0] if hasattr(value, "reshape") else value


def decisions(method: Method) -> None:
    """Gradients as large, as small or as broken as they come change no effect and no message."""
    chosen = method.graph(SIZES[0])
    if chosen is None or method.notes.has("values", *ITS_OWN):
        return
    logs = []
    kinds: dict[str, Oracle] = {
        "random ones": noise(0),
        "gradients of 1e200": lambda i, at, k: np.full(2, 1e200),
        "gradients of 0": lambda i, at, k: np.zeros(2),
        "gradients that are not a number": lambda i, at, k: np.full(2, np.nan),
    }
    for oracle in kinds.values():
        world = method.world(*chosen, np.zeros(2), oracle)
        if world is None:
            return
        rough(world, 4, 300)
        logs.append(world.log)
    for words, log in zip(list(kinds)[1:], logs[1:], strict=True):
        if log != logs[0]:
            first = next((a for a, b in zip(logs[0], log, strict=False) if a != b), "the end")
            seen = f"with {words} other messages are sent, or other effects awaited, than with random ones: {first}"
            method.notes.add("values", seen)
            return


def repeated(method: Method) -> None:
    """The same schedule twice gives the same messages and the same models."""
    chosen = method.graph(SIZES[0])
    if chosen is None:
        return
    kept = []
    for _ in range(2):
        world = method.world(*chosen, np.zeros(2), noise(1))
        if world is None:
            return
        rough(world, 5, 300)
        kept.append((world.log, [np.array(w.model, float) for w in world.workers]))
    same = all(np.array_equal(a, b, equal_nan=True) for a, b in zip(kept[0][1], kept[1][1], strict=True))
    if not (same and kept[0][0] == kept[1][0]) and not method.notes.has(*ITS_OWN):
        what = "models" if kept[0][0] == kept[1][0] else "messages"
        method.notes.add(
            "repeatable", f"the same gradients in the same order gave other {what} the second time"
        )


def scheduled(method: Method) -> None:
    """A schedule, which sets `step_size` in the middle of a run, makes a difference; a caution where it makes none."""
    chosen = method.graph(SIZES[0])
    if chosen is None or method.notes:
        return
    models = []
    for factor in (1.0, 0.5):
        world = method.world(*chosen, np.zeros(2), noise(10))
        if world is None:
            return
        rounds(world, 6)
        for worker in world.workers:
            worker.step_size = factor * getattr(worker, "step_size", method.parameters["step_size"])
        rounds(world, ROUNDS)
        models.append([np.array(worker.model, float) for worker in world.workers])
    if all(np.array_equal(a, b) for a, b in zip(*models, strict=True)):
        seen = "with half the step from the seventh round on all models are the same"
        method.notes.add("step-size", seen, None, caution=True)


def talks(method: Method) -> None:
    """Who sends, and who asks for gradients, with four workers; both are cautions."""
    chosen = method.graph(SIZES[0])
    if chosen is None:
        return
    world = method.world(*chosen, np.zeros(2), noise(2))
    if world is None:
        return
    rounds(world, ROUNDS)
    spoke = [entry for entry in world.log if len(entry) == 4]
    joint = any(entry[1] in ("AllReduceMean", "MeanGradient") for entry in world.log if len(entry) == 2)
    if not spoke and not joint:
        method.notes.add(
            "silence", f"no message in {ROUNDS} rounds of {method.notes.setting}", None, caution=True
        )
    meant = method.kind.computes(world.n, method.parameters)
    idle = [i for i, own in enumerate(world.points) if not own and i in meant]
    if idle and len(idle) < world.n:
        seen = f"of {method.notes.setting} {idle} never ask{'s' if len(idle) == 1 else ''} for a gradient"
        method.notes.add("idle-data", seen, None, caution=True)


def built(method: Method) -> None:
    """It can be built, and says what it is."""
    kind = method.kind
    try:
        model = method.make(np.zeros(2)).model
    except MISTAKES as problem:  # of a method's own constructor
        line = of_error(problem, kind)
        line, hint = (None, "") if line is None else inherited(line, kind)
        method.notes.add("exceptions", f"it cannot be built: {type(problem).__name__}: {problem}{hint}", line)
        return
    if not (hasattr(model, "shape") and tuple(model.shape) == (2,)):
        form = f"of shape {tuple(model.shape)}" if hasattr(model, "shape") else "which is no vector"
        found = inspect.getattr_static(kind, "model")
        code = getattr(getattr(found, "fget", None), "__code__", None)
        line = None if code is None else Line(code.co_filename, code.co_firstlineno)
        method.notes.add(
            "contract", f"`model` gives a {type(model).__name__}, {form}; x0 is a vector (2,)", line
        )
