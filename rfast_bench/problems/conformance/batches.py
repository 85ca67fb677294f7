"""Rules on mini-batches and shards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np

from rfast_bench.problems.base import Batch, Problem
from rfast_bench.problems.conformance.trial import FEW, Finding, distance, equal, point, slack

PASS = 10_000
"""Batches after which a pass is taken to have no end."""
DRAWS = 400
"""Batches whose mean gradient is compared where no pass covers the shard."""


def counted(problem: Problem) -> Iterator[Finding]:
    """Shards hold all samples."""
    total = sum(problem.size(i, None) for i in range(problem.workers))
    if total != problem.samples:
        seen = f"the shards hold {total} samples together, samples is {problem.samples}"
        yield Finding("size", seen, "Let size(worker, None) be m_i, and samples their sum.")


def sampler(problem: Problem) -> Iterator[Finding]:
    """Batches come from the given generator alone, when they are asked for."""
    for worker in range(min(FEW, problem.workers)):
        rng, other = np.random.default_rng(7), np.random.default_rng(7)
        untouched = rng.bit_generator.state
        draws = problem.sampler(worker, rng)
        if rng.bit_generator.state != untouched:
            seen = "sampler drew from rng before a batch was asked for"
            yield Finding("sampler", seen, "Draw inside the generator, after `yield` can be reached.")
            return
        ours, theirs = list(islice(draws, 5)), list(islice(problem.sampler(worker, other), 5))
        if len(ours) < 5:
            seen = f"worker {worker}'s batches end after {len(ours)}"
            yield Finding("sampler", seen, "Loop `while True`: passes follow one another without end.")
            return
        if not all(equal(a, b) for a, b in zip(ours, theirs, strict=True)):
            seen = "two generators of one seed gave different batches"
            mend = "Draw from the rng that sampler is given and from nothing else."
            yield Finding("sampler", seen, mend)
            return
        sizes = [problem.size(worker, batch) for batch in ours]
        if min(sizes) < 1:
            yield Finding("size", f"a batch holds {min(sizes)} samples", "Every batch holds at least one.")
            return


def covering(problem: Problem) -> Iterator[Finding]:
    """A pass holds each sample of the shard once: row numbers are compared, and gradients where they add up."""
    if not problem.passes:
        yield from _unbiased(problem)
        return
    for worker in range(min(FEW, problem.workers)):
        whole = problem.size(worker, None)
        batches, held = [], 0
        for batch in islice(problem.sampler(worker, np.random.default_rng(3)), PASS):
            batches.append(batch)
            held += problem.size(worker, batch)
            if held >= whole:
                break
        rows = [batch for batch in batches if isinstance(batch, np.ndarray) and batch.dtype.kind in "iu"]
        numbers = np.concatenate(rows) if len(rows) == len(batches) else np.arange(held)
        mend = "Cut a fresh permutation of the shard into batches, the last shorter; or set passes = False."
        if held != whole or len(np.unique(numbers)) != held:
            seen = (
                f"a pass of worker {worker} holds {held} samples, {len(np.unique(numbers))} of them different; "
                f"its shard has {whole}"
            )
            yield Finding("pass", seen, mend)
            return
        off = _pass_off(problem, worker, batches)
        if off > 10 * slack(problem):
            seen = f"the mean gradient of a pass of worker {worker} is {off:.2g} (relative) off that of its shard"
            yield Finding("pass", seen, mend)
            return


def _pass_off(problem: Problem, worker: int, batches: Sequence[Batch]) -> float:
    if not problem.additive:
        return 0.0
    x = point(problem)
    sizes = [problem.size(worker, batch) for batch in batches]
    rows = [problem.gradients([worker], x[None], [batch])[0] for batch in batches]
    full = problem.gradients([worker], x[None], [None])[0]
    return distance(np.average(np.array(rows, np.float64), axis=0, weights=sizes), full)


def _unbiased(problem: Problem) -> Iterator[Finding]:
    """Drawn batches have the shard's gradient as their mean, within six standard errors in each coordinate."""
    x = point(problem)
    draws = list(islice(problem.sampler(0, np.random.default_rng(3)), DRAWS))
    rows = np.array([problem.gradients([0], x[None], [batch])[0] for batch in draws], np.float64)
    full = problem.gradients([0], x[None], [None])[0].astype(np.float64)
    error = rows.std(axis=0) / np.sqrt(DRAWS)
    allowed = 6 * error + 10 * slack(problem) * (1 + np.linalg.norm(full))
    if (np.abs(rows.mean(axis=0) - full) > allowed).any():
        seen = f"the mean of {DRAWS} drawn gradients of worker 0 is not the gradient of its shard"
        yield Finding("pass", seen, "Draw every sample of the shard with the same chance.")
