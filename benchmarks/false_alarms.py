"""Does a run ever accuse a shipped algorithm? Scenarios drawn at random; nothing may be told of any of them.

python -m benchmarks.false_alarms [HOW MANY] [FIRST SEED]
"""

from __future__ import annotations

import random
import sys
from itertools import count as count_from
from pathlib import Path
from typing import Any

from rfast_bench.breaches.broken import Broken
from rfast_bench.errors import CannotRun, UserError
from rfast_bench.plan import registry
from rfast_bench.plan.runs import Point, Run, with_parameters
from rfast_bench.scenario.reading import validate
from rfast_bench.scenario.schema import Scenario
from rfast_bench.study.run import perform

GRAPHS = {
    "pair": ["binary-tree", "star", "line", "directed-ring", "exponential", "complete"],
    "trees": ["binary-tree", "star", "line"],
    "undirected": ["ring", "star", "line", "complete", "hypercube"],
    "bipartite": ["bipartite-exponential", "line"],
    "nothing": [],
}
PROBLEMS: list[dict[str, Any]] = [
    {"kind": "quadratic", "dim": 5, "heterogeneity": 1},
    {"kind": "logistic-regression", "dataset": "wine", "l2": 0.1, "batch_size": 8},
    {"kind": "logistic-regression", "dataset": "iris", "l2": 0.1, "batch_size": "full"},
]


def drawn(seed: int) -> dict[str, Any]:
    """One scenario of one shipped algorithm."""
    rng = random.Random(seed)
    name = rng.choice(registry.names())
    kinds = GRAPHS[registry.find(name).needs]
    n = rng.choice([1, 2, 3, 4, 5, 8, 13])
    network: dict[str, Any] = {
        "latency": rng.choice([0, "5 ms", {"kind": "exponential", "mean": "50 ms"}]),
        "loss": rng.choice([0, 0.1, 0.5]),
        "bandwidth": rng.choice(["1 Gbit/s", "100 kbit/s"]),
    }
    slow = {"worker": rng.randrange(n), "slowdown": rng.choice([2, 8])}
    scenario: dict[str, Any] = {
        "name": f"drawn-{seed}",
        "workers": n,
        "problem": {**rng.choice(PROBLEMS), "dtype": rng.choice(["float64", "float32"])},
        "compute": {"kind": "lognormal", "mean": "100 ms", "sigma": rng.choice([0, 0.5])},
        "stragglers": rng.choice([[], [slow]]),
        "stop": rng.choice([{"time": "6 s"}, {"iterations": 30}, {"epochs": 8}]),
        "evaluate": {"every": "1 s"},
        "algorithms": [{"name": name, "step_size": {"effective": rng.choice([0.02, 0.2])}}],
    }
    if kinds:
        scenario["algorithms"][0]["topology"] = rng.choice(kinds)
    if n >= 5 and registry.find(name).elastic and rng.random() < 0.5:
        network["silence_timeout"] = "1 s"
        scenario["faults"] = [
            {"worker": n - 1, "down": "2 s", "up": "4 s", "state": rng.choice(["empty", "last"])}
        ]
    return {**scenario, "network": network}


def alarm(raw: dict[str, Any]) -> str | None:
    """What a run of it tells, empty if nothing; None where it cannot run."""
    try:
        point = Point({}, with_parameters(validate(Scenario, raw, "drawn"), "drawn", None), Path())
        run = Run(point, 0, 0)
        if run.skipped:
            return None
        record = perform(run, None)
    except Broken as problem:
        return str(problem)
    except (CannotRun, UserError):
        return None
    status, cautions = record.manifest["status"], record.manifest.get("cautions")
    return "; ".join([*([] if status in ("finished", "diverged") else [status]), *map(str, cautions or [])])


def main(count: int, first: int) -> int:
    """Print what was tried and what was told; exit code 1 if anything was."""
    tried = alarms = 0
    for seed in count_from(first):
        raw = drawn(seed)
        told = alarm(raw)
        if told is None:
            continue
        tried += 1
        if told:
            alarms += 1
            print(f"seed {seed}, {raw['algorithms'][0]['name']}: {told}")
        if tried == count:
            break
    print(f"{tried} scenarios, {alarms} alarms")
    return int(alarms > 0)


if __name__ == "__main__":
    numbers = list(map(int, sys.argv[1:]))
    sys.exit(main(numbers[0] if numbers else 200, numbers[1] if len(numbers) > 1 else 0))
