"""Measures what gradients, messages and all-reduces of a scenario take on this machine.

All under the scenario's own load: the same number of workers, each computing its gradients. Compute times come from
its asynchronous algorithms, since a worker that never waits shows all that an iteration costs. Links come from
probes (`probes.py`) of two sizes. Nothing is injected while links are measured: what the scenario injects, its
counterpart keeps (`calibrated_scenario.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rfast_bench import problems
from rfast_bench.conditions.randomness.seeds import stream
from rfast_bench.errors import UserError
from rfast_bench.plan.runs import Point, Run, plan
from rfast_bench.problems import Problem
from rfast_bench.problems.evaluation import NOBODY
from rfast_bench.processes.folders import folder_of_own
from rfast_bench.real.calibration import probes
from rfast_bench.real.calibration.fits import (
    Line,
    Times,
    hop_for,
    line,
    overheads,
    ring_period,
    rounds_of,
    true_times,
)
from rfast_bench.real.launch.local import local
from rfast_bench.real.samples.results import Result, load
from rfast_bench.real.world import LATEST, lateness
from rfast_bench.scenario.schema import AlgorithmSpec, Evaluate, Every, Scenario, StopRule
from rfast_bench.scenario.sections.compute import by_worker, says_samples, seconds_for, times_of
from rfast_bench.scenario.sections.network import NetworkSpec

SHORTEST = 1.0
"""Seconds of a measuring run, at least."""
WARM_UP = 0.2
"""Seconds at the start of a run whose messages do not count: connections are opened then."""
LARGE = 256 << 10
"""Bytes of the second size, unless the model is about as large itself."""
DRAWS = 4000
"""Compute times that are kept."""
ROUNDS = 100
"""Of the simulated all-reduce that a hop is fitted with."""
SMALLEST = 1e-6
"""Seconds: no gradient is faster."""
Say = Callable[[str], object]


@dataclass(frozen=True)
class Measured:
    """What a calibration found, in seconds; bandwidths in bytes per second."""

    compute: Times
    latencies: Times
    """Of messages, beyond size / bandwidth."""
    message: Line
    hop: Line
    """Of an all-reduce: what each of its 2(n - 1) hops takes, so that the simulated one takes as long."""
    model_bytes: int
    late: float
    """Mean lateness of emulated gradients, as a share of their compute time."""
    own: tuple[Times, ...] = ()
    """Of `compute`, each worker's, where the scenario gives workers times of their own."""
    samples: int | None = None
    """For how many samples these times hold, where the scenario says so of its own."""
    overhead: float = 0.0
    """Of `compute`: the median of what an iteration costs beside its gradient, whatever its batch."""

    @property
    def void(self) -> bool:
        """Whether the machine was too busy for these times to mean anything."""
        return self.late > LATEST

    def plain(self) -> list[str]:
        """As lines for a person."""
        spread = np.quantile(1e3 * self.compute, [0.5, 0.95])
        return [
            f"compute: {1e3 * self.compute.mean():.4g} ms an iteration of a worker that never waits "
            f"(median {spread[0]:.4g}, 95 % below {spread[1]:.4g})",
            f"messages: {1e3 * np.median(self.latencies):.3g} ms latency (median){_rate(self.message)}",
            f"all-reduce: {1e3 * self.hop.latency:.3g} ms a hop{_rate(self.hop)}",
        ]


def _rate(found: Line) -> str:
    slow = math.isfinite(found.bandwidth)
    return f", {1e-6 * found.bandwidth:.4g} MB/s" if slow else "; its bandwidth is too high to measure"


def measure(point: Point, seconds: float, say: Say = lambda line: None) -> Measured:
    """Measure for about so many seconds, beside starting processes. Raises UserError."""
    scenario, n = point.scenario, point.scenario.workers
    if n == 1:
        raise UserError(f"{point.source}: workers: one worker alone has no link to calibrate")
    where = f"{point.source}: problem"
    problem = problems.build(scenario.problem, n, scenario.first_seed, where)
    numbers, width = sizes(problem.dim, problem.dtype.itemsize), problem.dtype.itemsize
    free = unhindered(point)
    play = Player(point, max(SHORTEST, seconds / (len(free) + 2 * len(numbers))), say)
    messages = [play.probe("Messages", k) for k in numbers]
    reduces = [play.probe("Collective", k) for k in numbers]
    free_runs = [result for a in free for result in play.algorithm(a)] or messages[0]
    batch = batch_of(problem) if says_samples(scenario.compute) else None
    each = own_times(scenario, free_runs, batch)
    compute = np.concatenate(each) if each else compute_times(scenario, free_runs, samples=batch)
    ages = [message_ages(results) for results in messages]
    hops = [hop(scenario, each or (compute,) * n, results) for results in reduces]
    sent = [k * width for k in numbers]
    message = line(*zip(sent, [float(np.median(a)) for a in ages], strict=True))
    own = numbers[0] * width
    return Measured(
        compute,
        np.maximum(0.0, ages[0] - own / message.bandwidth),
        message,
        line(*zip([size / n for size in sent], hops, strict=True)),
        own,
        lateness(free_runs).get("share", 0.0),
        each,
        batch if scenario.real.compute == "emulated" else None,
        float(np.median(overheads(free_runs))) if scenario.real.compute == "emulated" else 0.0,
    )


def batch_of(problem: Problem) -> int:
    """How many samples a gradient of worker 0 holds."""
    return problem.size(0, next(problem.sampler(0, stream(0, "calibration-batch"))))


def sizes(dim: int, width: int) -> tuple[int, int]:
    """The model's numbers, and another count whose message takes noticeably longer, or shorter."""
    return dim, LARGE // width if dim * width < LARGE // 4 else max(1, dim // 8)


def unhindered(point: Point) -> list[AlgorithmSpec]:
    """The algorithms whose iterations show what one costs that nobody holds up."""
    runs = [run for run in plan([point]) if run.seed == point.scenario.first_seed and not run.skipped]
    return [run.algorithm for run in runs if not run.algorithm_class.synchronous]


# ------------------------------------------------------------------------------------------- measuring runs
@dataclass(frozen=True)
class Player:
    """Does runs of `seconds` each under the load of a scenario."""

    point: Point
    seconds: float
    say: Say

    def algorithm(self, algorithm: AlgorithmSpec) -> list[Result]:
        """A run of one of the scenario's algorithms."""
        return self._play(algorithm, self.point.scenario.network)

    def probe(self, kind: str, numbers: int) -> list[Result]:
        """A run of a probe, with nothing injected into the network."""
        name = f"{probes.__file__}:{kind}"
        label = f"{kind.lower()} of {numbers} numbers"
        return self._play(
            AlgorithmSpec(name=name, label=label, parameters={"numbers": numbers}), NetworkSpec()
        )

    def _play(self, algorithm: AlgorithmSpec, network: NetworkSpec) -> list[Result]:
        changes = {
            **{"world": "real", "algorithms": (algorithm,), "network": network, "faults": ()},
            **{"stop": StopRule(time=self.seconds), "evaluate": Evaluate(every=Every(seconds=self.seconds))},
        }
        scenario = self.point.scenario.model_copy(update=changes)
        run = Run(replace(self.point, scenario=scenario), 0, scenario.first_seed)
        self.say(f"measuring {algorithm.label} for {self.seconds:.1f} s")
        with folder_of_own() as folder:
            local(run, folder, 1, NOBODY)
            return [load(folder, k) for k in range(scenario.workers)]


# ----------------------------------------------------------------------------------- from logs to numbers
def own_times(scenario: Scenario, results: list[Result], samples: int | None) -> tuple[Times, ...]:
    """`compute_times` of each worker; none where all workers have the same."""
    if scenario.real.compute == "measured" or not by_worker(scenario.compute):
        return ()
    return tuple(compute_times(scenario, results, worker, samples) for worker in range(scenario.workers))


def compute_times(
    scenario: Scenario, results: list[Result], worker: int | None = None, samples: int | None = None
) -> Times:
    """Draws of what a gradient takes at full speed, with everything that an iteration costs beside it.

    `worker`: of that one alone (None: of any); `samples`: how many the gradient looks at (None: as `compute` has it).
    """
    rng = stream(scenario.first_seed, "calibration", *([] if worker is None else [worker]))
    if scenario.real.compute == "measured":
        found = true_times(results)
        drawn = found[rng.integers(len(found), size=DRAWS)]
    else:
        found = overheads(results)
        times = times_of(scenario.compute, worker or 0)
        drawn = times.draw(rng, DRAWS)
        drawn = drawn if samples is None else seconds_for(times, drawn, samples)
        drawn = drawn + found[rng.integers(len(found), size=DRAWS)]
    return np.maximum(drawn, SMALLEST)


def message_ages(results: list[Result]) -> Times:
    """Seconds from handing a message over to its receiver having it."""
    ages = np.concatenate([r["read_age"][r["read_time"] > WARM_UP] for r in results])
    if not len(ages):
        raise UserError("no message came in while links were measured; give more --seconds")
    return ages


def hop(scenario: Scenario, compute: Sequence[Times], results: list[Result]) -> float:
    """What a hop takes for the simulated rounds to be as long as these; `compute`: each worker's times."""
    rounds, period = rounds_of(results)
    if not rounds:
        raise UserError("no all-reduce was done while it was measured; give more --seconds")
    rng = stream(scenario.first_seed, "calibration-ring")
    picked = rng.integers(len(compute[0]), size=(ROUNDS, scenario.workers))
    drawn = np.stack([own[rows] for own, rows in zip(compute, picked.T, strict=True)], axis=1).ravel()
    return hop_for(period, lambda seconds: ring_period(scenario, drawn, seconds))
