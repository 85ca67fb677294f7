"""Rules on gradients, objectives and what they are given."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rfast_bench.problems.base import Array, Problem, read_only
from rfast_bench.problems.conformance.trial import (
    DIRECTIONS,
    SLACK,
    Finding,
    asked,
    described,
    distance,
    equal,
    point,
    slack,
    ways,
)

STEP = 1e-5
"""Of finite differences, in units of the point's length or 1."""


def start(problem: Problem) -> Iterator[Finding]:
    """x⁰ is the same for all, so nobody may write to it."""
    if problem.start.flags.writeable:
        yield Finding("start", "start can be written to", "Set self.start = read_only(start).")


def shape(problem: Problem) -> Iterator[Finding]:
    """Gradients have the shape and the dtype of their points; the objective is a float and a vector."""
    ids, points, batches = asked(problem)
    rows = problem.gradients(ids, points, batches)
    wanted = (len(ids), problem.dim)
    if getattr(rows, "shape", None) != wanted or rows.dtype != problem.dtype:
        seen = f"gradients of {len(ids)} points are {described(rows)}"
        yield Finding("shape", seen, f"Return an array of {problem.dtype}, shape {wanted}: a row a point.")
    loss, gradient = problem.objective(point(problem))
    if not np.isscalar(loss) or np.shape(gradient) != (problem.dim,):
        seen = f"objective gives {described(loss)} and {described(gradient)}"
        yield Finding("shape", seen, f"Return f(x) as a float, and its gradient of shape ({problem.dim},).")


def reading(problem: Problem) -> Iterator[Finding]:
    """Points come back as they went in; they may be read-only."""
    ids, points, batches = asked(problem)
    loose, x = points.copy(), point(problem)
    kept = [None if b is None else np.array(b) for b in batches]
    problem.gradients(ids, loose, batches)
    changed = [] if np.array_equal(loose, points) else ["points"]
    if not all(k is None or np.array_equal(k, b) for k, b in zip(kept, batches, strict=True)):
        changed.append("a batch")
    model = x.copy()
    problem.objective(model)
    problem.accuracy(model)
    changed += [] if np.array_equal(model, x) else ["the model that objective or accuracy was given"]
    for what in changed:
        yield Finding("read-only", f"{what} changed", "Arrays that come in are only read: write `x = x + g`.")
    problem.gradients(ids, read_only(points), batches)
    problem.objective(read_only(x))
    problem.accuracy(x)


def derivative(problem: Problem) -> Iterator[Finding]:
    """The gradient of `objective` is that of its value, by central differences."""
    x = point(problem).astype(np.float64)
    loss, gradient = problem.objective(x)
    step = STEP * max(1.0, float(np.abs(x).max()))
    for way in ways(problem):
        ahead, behind = (problem.objective(x + sign * step * way)[0] for sign in (1, -1))
        slope, told = (ahead - behind) / (2 * step), float(np.asarray(gradient, np.float64) @ way)
        scale = 1 + abs(loss) + float(np.linalg.norm(gradient))
        if not abs(slope - told) <= 10 * SLACK * scale:
            seen = (
                f"along one direction objective changes by {slope:.6g} a unit, its gradient says {told:.6g}"
            )
            mend = "Mend the gradient of objective, or its value; compute both in float64."
            yield Finding("derivative", seen, mend)
            return


def pooled(problem: Problem) -> Iterator[Finding]:
    """The mean of the workers' whole gradients is that of the objective: shards weigh by their size."""
    if not problem.additive:
        return
    x, n = point(problem), problem.workers
    rows = problem.gradients(range(n), np.tile(x, (n, 1)), [None] * n).astype(np.float64)
    gradient = np.asarray(problem.objective(x.astype(np.float64))[1])
    off = distance(rows.mean(axis=0), gradient)
    if off <= slack(problem):
        return
    sizes = np.array([problem.size(i, None) for i in range(n)], float)
    seen = (
        f"the mean of the {n} workers' whole gradients is {off:.2g} (relative) off the objective's gradient"
    )
    if np.ptp(sizes) > 0 and distance(sizes @ rows / sizes.sum(), gradient) <= 10 * slack(problem):
        mend = "Multiply each worker's mean gradient by n m_i / M: shards weigh by their size."
        yield Finding("weights", seen, mend)
        return
    mend = "Make (1/n) Σ f_i the objective: same loss, same samples, l2 in each f_i once."
    yield Finding("pooled", seen, mend)


def order(problem: Problem) -> Iterator[Finding]:
    """A gradient is the same whenever it is asked for."""
    ids, points, batches = asked(problem)
    before = problem.gradients(ids, points, batches).copy()
    problem.gradients(ids[::-1], points[::-1].copy(), batches[::-1])
    problem.objective(points[-1].copy())
    if distance(problem.gradients(ids, points, batches), before) > slack(problem):
        seen = "the same gradients, asked for again after others, came out differently"
        mend = "Keep no state and draw nothing in gradients: randomness belongs into the batch."
        yield Finding("order", seen, mend)


def together(problem: Problem) -> Iterator[Finding]:
    """A row does not depend on the other rows of its call."""
    ids, points, batches = asked(problem)
    rows = problem.gradients(ids, points, batches)
    alone = [
        problem.gradients([i], x[None], [b])[0].copy() for i, x, b in zip(ids, points, batches, strict=True)
    ]
    if distance(rows, np.array(alone)) > slack(problem):
        seen = f"{len(ids)} gradients in one call are not those of {len(ids)} calls"
        mend = "Let row r look at workers[r], points[r] and batches[r] alone; mind batches of other lengths."
        yield Finding("together", seen, mend)


def in_parts(problem: Problem) -> Iterator[Finding]:
    """A gradient that comes in parts is the same, and each part is what it stays."""
    parts = problem.parts(problem.dim / 3)
    if parts is None:
        return
    ids, points, batches = asked(problem)
    row = problem.gradients(ids[:1], points[:1], batches[:1])[0].copy()
    given: list[Array] = []
    whole = problem.in_parts(ids[0], points[0], batches[0], parts, lambda part: given.append(np.array(part)))
    ends = [problem.dim, *(part.start for part in parts)]
    if [part.stop for part in parts] != ends[:-1] or ends[-1] != 0:
        seen = f"parts are {parts} of {problem.dim} coordinates"
        yield Finding("parts", seen, "Cut the coordinates from the last to the first, each into one part.")
    elif distance(whole, row) > slack(problem):
        yield Finding("parts", "in_parts gives another gradient", "Give the row that gradients gives.")
    elif len(given) != len(parts) or distance(np.concatenate(given[::-1]), row) > slack(problem):
        seen = "what in_parts told of was not the gradient's parts in their order"
        yield Finding("parts", seen, "Tell of a part when all of it is computed, and in the order of parts.")


def forms(problem: Problem) -> Iterator[Finding]:
    """`stack` makes rows of models, `split` models of rows."""
    _, points, _ = asked(problem)
    for k in (1, len(points)):
        rows = problem.split(problem.stack(list(points[:k])))
        if len(rows) != k or not all(equal(row, x) for row, x in zip(rows, points[:k], strict=True)):
            seen = f"split(stack(...)) of {k} models does not give them back"
            yield Finding("stack", seen, "Leave stack and split as they are, unless models are no arrays.")
            return


def convexity(problem: Problem) -> Iterator[Finding]:
    """A problem that says it is convex lies below its chords."""
    if not problem.convex:
        return
    for seed in range(DIRECTIONS):
        x, y = (4 * point(problem, 2 * seed + k).astype(np.float64) for k in (0, 1))
        (left, _), (right, _), (middle, _) = map(problem.objective, (x, y, (x + y) / 2))
        if middle > (left + right) / 2 + SLACK * (1 + abs(left) + abs(right)):
            seen = "between two models f lies above the line that joins them"
            yield Finding("convex", seen, "Leave convex at False.")
            return


def optimum(problem: Problem) -> Iterator[Finding]:
    """What `reference` gives is a minimiser."""
    best = problem.reference()
    if best is None:
        return
    if np.shape(best) != (problem.dim,):
        seen = f"reference gives {described(best)}"
        yield Finding("reference", seen, f"Return a model of shape ({problem.dim},), or None.")
        return
    loss, gradient = problem.objective(np.asarray(best, np.float64))
    others = [problem.objective(np.asarray(best) + 1e-3 * way)[0] for way in ways(problem)]
    scale = 1 + float(np.linalg.norm(problem.objective(point(problem).astype(np.float64))[1]))
    if np.linalg.norm(gradient) > SLACK * scale or min(others) < loss - SLACK * (1 + abs(loss)):
        seen = f"the gradient at reference() is {float(np.linalg.norm(gradient)):.2g} long, or f is lower beside it"
        yield Finding("reference", seen, "Return a minimiser of f itself, l2 included; or None.")


def same(problem: Problem, other: Problem) -> Iterator[Finding]:
    """The same arguments give the same problem."""
    ids, points, batches = asked(problem)
    ours, theirs = (p.gradients(ids, points, batches) for p in (problem, other))
    if not equal(problem.start, other.start) or distance(ours, theirs) > slack(problem):
        seen = "built again with the same seed it is another problem"
        yield Finding("same", seen, "Draw from np.random.default_rng(seed) and from nothing else.")
