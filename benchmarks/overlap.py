"""A round of Ring-AllReduce on real processes: plain, with buckets that overlap, and DistributedDataParallel.

    python -m benchmarks.overlap [--processes 4] [--bucket 5] [--rounds 6] [--repeat 5] [--idle] [--width 1024]

All take the same gradient of the same module (linear layers, 24 MB) of the same batches, and sum it up by gloo over
loopback: (a) computed alone; (b) computed, then summed; (c) the suite's buckets; (d) PyTorch's with buckets of as many
megabytes. A machine drifts, so they are timed in turn; a round ends when its last process does; medians.

With more processes than cores nothing can be hidden: whoever sums takes a core from who computes. `--idle` lets the
layers sleep for most of their time, as on a machine whose accelerators compute: the cores are then free for the sums.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.multiprocessing.spawn import spawn
from torch.nn.functional import cross_entropy

from benchmarks.setting import run_of
from rfast_bench.api import MeanGradient
from rfast_bench.problems.network import TorchProblem
from rfast_bench.real.transport.collective import Collective
from rfast_bench.real.transport.group import Group
from rfast_bench.real.transport.store import FileStore, Store
from rfast_bench.real.worker.compute import Measured
from rfast_bench.real.worker.overlap import in_backward
from rfast_bench.scenario.sections.slowdown import Slowdown
from rfast_bench.study.run import problem_of

LAYERS, SLEEP = 5, 0.01
"""Layers of equal width between the first and the last; seconds that an idle one sleeps forward, twice back."""
ALLOWED = 1.15
"""Of what cannot overlap, the share that a round may take beside the gradient."""


class Sleeping(torch.autograd.Function):
    """The identity, after a while."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        """Sleeps once."""
        time.sleep(SLEEP)
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> Tensor:
        """Sleeps twice."""
        time.sleep(2 * SLEEP)
        return slopes[0]


class Idle(nn.Module):
    """A layer that only takes time."""

    def forward(self, value: Tensor) -> Tensor:
        """The same value."""
        return cast(Tensor, Sleeping.apply(value))  # type: ignore[no-untyped-call]


def net() -> nn.Module:
    """What computes all the time."""
    return _net(idle=False)


def idle_net() -> nn.Module:
    """The same, but that it sleeps as well."""
    return _net(idle=True)


def _net(idle: bool) -> nn.Module:
    width = int(os.environ.get("OVERLAP_WIDTH", "1024"))
    widths = [784, *[width] * (LAYERS + 1), 10]
    layers: list[nn.Module] = []
    for one, other in pairwise(widths):
        layers += [*([Idle()] if idle and layers else []), nn.Linear(one, other), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def problem(processes: int, idle: bool) -> TorchProblem:
    """The module with batches of 32, or of 4 where computing is little of the time."""
    data = {"kind": "synthetic", "samples": 64 * processes, "features": 784, "classes": 10}
    given = {"kind": "torch", "model": f"{__file__}:{'idle_net' if idle else 'net'}", "dataset": data}
    run = run_of(
        "overlap",
        workers=processes,
        problem={**given, "batch_size": 4 if idle else 32, "test_fraction": 0},
        algorithms=[{"name": "ring-allreduce", "step_size": 0.1}],
        stop={"iterations": 1},
        evaluate={"every": "1 iterations"},
    )
    return cast(TorchProblem, problem_of(run))


class Bench:
    """One process's part."""

    def __init__(self, rank: int, processes: int, bucket: float, idle: bool, store: Store) -> None:
        self.rank, self.problem = rank, problem(processes, idle)
        self.x, self.buckets = self.problem.start, f"{round(bucket * 1e6)} B"
        self.batch = next(self.problem.sampler(rank, np.random.default_rng(0)))
        self.group = Group("overlap", threading.Event())
        self.group.join(Collective(store, rank, processes, 60.0, "cpu"))
        self.compute = Measured(Slowdown([]), time.monotonic, lambda seconds: False)
        overlap = in_backward(self.problem, rank, self.group, self.compute, time.monotonic, 1.0)
        assert overlap is not None
        self._overlap = overlap
        self.module = nn.parallel.DistributedDataParallel(
            self.problem.engine.task.make().train(),
            bucket_cap_mb=bucket * 1e6 / 2**20,
            gradient_as_bucket_view=True,
        )
        engine, rows = self.problem.engine, self.problem.samples_of(rank, self.batch)
        self._samples = engine.train.rows(rows)
        self._last = np.zeros(self._found(self.buckets).weights[-1], np.float32)

    def alone(self) -> Any:
        """(a) A gradient."""
        return self.problem.gradients([self.rank], self.x[None], [self.batch])[0]

    def plain(self) -> Any:
        """(b) A gradient, then its mean."""
        return self.group.mean(self.alone(), ())

    def overlapped(self) -> Any:
        """(c) The suite's buckets."""
        return self._found(self.buckets).mean

    def parallel(self) -> Any:
        """(d) PyTorch's."""
        self.module.zero_grad()
        inputs, targets = self._samples
        torch.autograd.backward(cross_entropy(self.module(inputs), targets))
        return self.module

    def last(self) -> Any:
        """What cannot overlap: the mean of the last bucket."""
        return self.group.mean(self._last, ())

    def _found(self, buckets: str) -> Any:
        self.compute.begin(time.monotonic())
        return self._overlap(MeanGradient(self.x, buckets, 1 / 3), self.x, self.batch, time.monotonic)


NAMES = ("alone", "plain", "overlapped", "parallel", "last")


def seconds_of(what: Callable[[], Any]) -> float:
    """Seconds of a round: from when all begin until the last one ends."""
    dist.barrier()
    began = time.monotonic()
    what()
    took = torch.tensor([time.monotonic() - began], dtype=torch.float64)
    dist.all_reduce(took, op=dist.ReduceOp.MAX)
    return took.item()


def work(rank: int, folder: str, options: argparse.Namespace) -> None:
    """The body of a process; the first leaves the times in the folder."""
    torch.set_num_threads(1)
    store = FileStore(f"{folder}/store", options.processes)
    bench = Bench(rank, options.processes, options.bucket, options.idle, store)
    theirs = torch.cat([cast(Tensor, p.grad).reshape(-1) for p in bench.parallel().parameters()])
    means = [bench.plain(), bench.overlapped(), theirs.numpy()]
    largest = float(np.abs(means[0]).max())
    wrong = max(float(np.abs(mean - means[0]).max()) for mean in means) / largest
    times: dict[str, list[float]] = {name: [] for name in NAMES}
    for _ in range(options.repeat):
        for name in NAMES:
            rounds = [seconds_of(getattr(bench, name)) for _ in range(options.rounds + 1)]
            times[name] += rounds[1:]
    if rank == 0:
        Path(folder, "times.json").write_text(json.dumps({"wrong": wrong, "times": times}))
    dist.barrier()


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Seconds of every round by name, and how far the means are apart, by their largest coordinate."""
    os.environ["OVERLAP_WIDTH"] = str(options.width)
    with tempfile.TemporaryDirectory() as folder:
        spawn(work, (folder, options), options.processes)  # type: ignore[no-untyped-call]
        found: dict[str, Any] = json.loads(Path(folder, "times.json").read_text())
    return found


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--bucket", type=float, default=5, help="megabytes of a bucket")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--width", type=int, default=1024)
    parser.add_argument("--idle", action="store_true", help="layers sleep for most of their time")
    options = parser.parse_args(arguments)
    found = measure(options)
    alone, plain, overlapped, parallel, last = (statistics.median(found["times"][name]) for name in NAMES)
    bound = alone + ALLOWED * last
    told = {
        "a gradient alone": alone,
        "the plain ring": plain,
        "the suite's buckets": overlapped,
        "DistributedDataParallel": parallel,
        "what cannot overlap": last,
        f"gradient + {ALLOWED} × what cannot overlap": bound,
    }
    for what, seconds in told.items():
        print(f"{what:42} {1000 * seconds:8.1f} ms")
    print(f"suite / DistributedDataParallel {overlapped / parallel:.2f}")
    print(f"suite / bound {overlapped / bound:.2f}, DistributedDataParallel / bound {parallel / bound:.2f}")
    print(f"means differ by {found['wrong']:.0e} of the largest coordinate; {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
