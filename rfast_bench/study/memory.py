"""How much memory the runs of a sweep will need, and how much there is; asked before the first one starts.

What a simulated run holds, beside the interpreter: the problem's data (three times over while it is built);
per worker a few vectors of the model's size, which the algorithm states (`Algorithm.vectors`); the objects of
workers and links. A payload under way is held once, however many receive it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from rich.console import Console

from rfast_bench.errors import UserError
from rfast_bench.plan.runs import Run
from rfast_bench.problems import Problem
from rfast_bench.problems.seats import bare
from rfast_bench.scenario.problem.kinds import PlugInSpec
from rfast_bench.scenario.sections.timing import mean_time
from rfast_bench.topology.traffic import mean_edges

MIB, GIB = 2**20, 2**30
FLOAT64 = 8
INTERPRETER = 122 * MIB
TORCH = 190 * MIB
NETWORKS = ("mlp", "torch")
"""Kinds of problems that import torch."""
BUILDING = 3
"""How many times a problem holds its data in float64 while it is built: as read, standardised, dealt."""
EVALUATION = 4 * MIB
"""While models are compared, some at a time: their copies, their distances from the mean, the squares."""
WORKER, EDGE = 16 * 2**10, 8 * 2**10
"""Bytes of the objects of a worker and of a link: streams of randomness, draws kept ready, letter boxes."""
BATCH = 4 * MIB
"""Of the largest batched gradient, its arguments and its results, unless one row is larger."""
CHUNK = 16 * MIB
"""Of a pass over data that is not in float64, at most: it is looked at in float64."""
CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.stat"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        "/sys/fs/cgroup/memory/memory.stat",
    ),
)


@dataclass(frozen=True)
class Estimate:
    """Bytes of one run, by what they are for."""

    interpreter: int
    data: int
    building: int
    """Data while the problem is built; workers are not there yet."""
    state: int
    """All workers' models, trackers, sums and messages."""
    vectors: float
    """Of `state`, per worker."""
    evaluation: int
    objects: int

    @property
    def total(self) -> int:
        """The peak."""
        running = self.data + self.state + self.evaluation + self.objects
        return self.interpreter + max(self.building, running)


@dataclass(frozen=True)
class Sizes:
    """Of a problem: bytes of a vector of its model's size, of all its data, of one gradient, of one float."""

    vector: int
    data: int
    gradient: int
    item: int


def sizes_of(problem: Problem) -> Sizes:
    """All that is remembered of a problem."""
    item = problem.dtype.itemsize
    return Sizes(problem.dim * item, bytes_of(bare(problem)), problem.gradient_bytes, item)


def estimate(run: Run, sizes: Sizes) -> Estimate:
    """What `run`, with a problem of these sizes, will need in the simulated world."""
    n, vector, data = run.scenario.workers, sizes.vector, sizes.data
    edges_w, edges_a = edges(run)
    chunk = 0 if sizes.item == FLOAT64 else min(CHUNK, 2 * data)
    vectors = run.algorithm_class.vectors(edges_w, edges_a) + under_way(run) * (1 + edges_a)
    vectors += 2 if run.algorithm.momentum else 0  # the buffer, and what is handed over
    return Estimate(
        interpreter=INTERPRETER + (TORCH if needs_torch(run) else 0),
        data=data,
        building=BUILDING * data * FLOAT64 // sizes.item,
        state=round(vectors * n * vector),
        vectors=vectors,
        evaluation=EVALUATION + 3 * vector + max(BATCH, 4 * sizes.gradient) + chunk,
        objects=round(n * (WORKER + EDGE * (edges_w + edges_a))),
    )


def needs_torch(run: Run) -> bool:
    """Of a problem of the user's own, which was built here: whether anything has imported it."""
    spec = run.scenario.problem
    return spec.kind in NETWORKS or (isinstance(spec, PlugInSpec) and "torch" in sys.modules)


def bytes_of(problem: Problem) -> int:
    """Of all arrays that the problem keeps, in lists, tuples and mappings too, views counted once."""
    values = list(vars(problem).values())
    values += [one for value in values if isinstance(value, list | tuple) for one in value]
    values += [one for value in values if isinstance(value, dict) for one in value.values()]
    arrays = [value for value in values if isinstance(value, np.ndarray)]
    owners = {id(array if array.base is None else array.base): array for array in arrays}
    return sum(array.nbytes for array in owners.values())


def edges(run: Run) -> tuple[float, float]:
    """Mean number of edges a worker has in G(W) and, for a directed pair, in G(A)."""
    if run.algorithm_class.needs == "nothing":
        return 0.0, 0.0
    return mean_edges(run.build_topology())


def under_way(run: Run) -> float:
    """How many messages of a worker travel along one edge at a time: latency in compute times."""
    return mean_time(run.scenario.network.latency) / run.scenario.gradient_seconds


# ------------------------------------------------------------------------------------------------ what there is
def available() -> int:
    """Bytes that can still be had: of the machine with its free swap, and within the limit of the container."""
    machine = psutil.virtual_memory().available + psutil.swap_memory().free
    return min([machine, *_left_in_cgroups()])


def _left_in_cgroups() -> Iterable[int]:
    for limit, used, details in CGROUPS:
        try:
            most, now = Path(limit).read_text().strip(), int(Path(used).read_text())
            reclaimable = _file_cache(Path(details).read_text())
        except OSError:
            continue
        if most != "max":
            yield max(0, int(most) - now + reclaimable)


def _file_cache(stat: str) -> int:
    """What the kernel gives up first."""
    entries = dict(line.split() for line in stat.splitlines())
    return int(entries.get("total_inactive_file", entries.get("inactive_file", 0)))


# ---------------------------------------------------------------------------------------------------- the check
@dataclass(frozen=True)
class Need:
    """What one run is estimated to need."""

    run: Run
    estimate: Estimate


def needs_of(runs: Sequence[Run], sizes: Mapping[str, Sizes]) -> list[Need]:
    """The estimates of the simulated ones of `runs`; `sizes` of their problems, by `problem_key`."""
    known: dict[str, Estimate] = {}
    needs = []
    for run in runs:
        if run.scenario.world != "simulated":
            continue
        parts = (run.scenario.network.latency, run.scenario.compute, run.algorithm)
        key = problem_key(run) + "".join(map(repr, parts))
        if key not in known:
            known[key] = estimate(run, sizes[problem_key(run)])
        needs.append(Need(run, known[key]))
    return needs


def problem_key(run: Run) -> str:
    """Equal for runs whose problems have the same sizes."""
    return f"{run.scenario.workers} {run.computing or ''} {run.scenario.problem.model_dump_json()}"


def jobs_that_fit(needs: Sequence[Need], jobs: int, console: Console, there: int | None = None) -> int:
    """How many of the largest runs fit at once, at most `jobs`; says so when it is fewer.

    Raises UserError when not even one does. `there`: bytes, instead of what is available.
    """
    there = available() if there is None else there
    largest = sorted(needs, key=lambda need: -need.estimate.total)[:jobs]
    fitting, total = 0, 0
    for need in largest:
        total += need.estimate.total
        if total > there:
            break
        fitting += 1
    if largest and not fitting:
        raise UserError(_too_large(largest[0], there))
    if fitting < len(largest):
        each = largest[0].estimate.total
        all_of = sum(need.estimate.total for need in largest)
        console.print(
            f"{fitting} runs at a time instead of {len(largest)}: the largest needs about {size_words(each)} of "
            f"memory, all of them {size_words(all_of, there)}; {size_words(there, all_of)} are available",
            highlight=False,
            soft_wrap=True,
        )
    return fitting if fitting < len(largest) else jobs


def _too_large(need: Need, there: int) -> str:
    e, run = need.estimate, need.run
    parts = {
        f"the state of {run.scenario.workers} workers, {e.vectors:.3g} vectors each": e.state,
        "data": max(e.data, e.building),
        "evaluation": e.evaluation,
        "workers and links": e.objects,
    }
    said = ", ".join(f"{name} {size_words(size)}" for name, size in parts.items())
    dtype = getattr(run.scenario.problem, "dtype", "")
    smaller = "problem.dtype: float32, " if dtype == "float64" else ""
    return (
        f"{run.point.source}: {run.algorithm.label} needs about {size_words(e.total, there)} of memory, "
        f"{size_words(there, e.total)} are available ({said}); try {smaller}fewer workers, a "
        "smaller model or fewer samples, or another machine"
    )


def size_words(size: float, beside: float | None = None) -> str:
    """With a digit more where `beside`, which stands in the same sentence, would read alike."""
    unit, name, digits = (GIB, "GiB", 1) if size >= GIB else (MIB, "MiB", 0)
    while (
        beside not in (None, size)
        and digits < 9
        and f"{size / unit:.{digits}f}" == f"{beside / unit:.{digits}f}"
    ):
        digits += 1
    return f"{size / unit:.{digits}f} {name}"
