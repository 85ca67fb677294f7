"""Whether everything that runs on a GPU runs there and gives what the CPU gives: one script for one GPU.

    make device-check           python -m benchmarks.device_check [--device cuda] [--only PART ...]

Parts, each in a process of its own and bounded in time, all together in less than four minutes:

    gradients    of the shipped networks and problems, their objectives and checkpoints, beside the CPU's
    algorithms   each of them as real processes that share the device, their means formed in host memory
    nccl         a mean by NCCL; with several GPUs Ring-AllReduce with a worker on each
    simulated    the simulated world with gradients on the device: the same curves, and the ratio of times
    memory       what the runs before held of the device is given back

Exit code 0 when all is well, 1 when something differs or takes too long, 2 where there is no GPU. `--device cpu` goes
through the same code on the host.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tabulate import tabulate

from benchmarks.setting import run_of
from rfast_bench.plan import registry
from rfast_bench.plan.runs import Run
from rfast_bench.problems.base import Array, Problem, on_host
from rfast_bench.problems.tensors import OnDevice
from rfast_bench.study.run import perform, problem_of

LIMITS = {"gradients": 70, "algorithms": 150, "nccl": 40, "simulated": 60, "memory": 60}
"""Seconds of each part, at most."""
ALL = 235
"""Seconds of all parts, at most."""
CLOSE = 1e-7
"""By how much numbers in float64 may differ, of the largest: sums are added up in another order."""
FALLEN = 0.8
"""What is left of the loss after a run, at most."""
ROUNDS = ("ring-allreduce", "d-psgd", "s-ab", "local-sgd")
"""Those whose iterates do not depend on when messages arrive."""
STEP, STEPS = 0.02, {"rasgp": 0.002}
"""RASGP makes up in one step for the time that a worker stood still, so that its own is small."""
LEFT = {"rasgp": 0.95}


@dataclass(frozen=True)
class Asked:
    """What the parts are asked to do."""

    device: str
    workers: int
    iterations: int
    algorithms: tuple[str, ...]
    problems: tuple[str, ...] = ()
    """Whose gradients are looked at, beside those of a transformer; all, where none is named."""


@dataclass(frozen=True)
class Row:
    """One line of the table: a number that was found, and the largest that is allowed (NaN: it is for reading)."""

    part: str
    what: str
    found: float
    allowed: float = math.nan

    @property
    def ok(self) -> bool:
        """Whether it is within."""
        return math.isnan(self.allowed) or self.found <= self.allowed


# -------------------------------------------------------------------------------------------------- parts
NETWORK: dict[str, Any] = {"kind": "torch", "dtype": "float64", "dataset": "digits", "batch_size": 32}
PROBLEMS: dict[str, dict[str, Any]] = {
    "lenet": {**NETWORK, "model": "lenet"},
    "resnet20": {**NETWORK, "model": "resnet20"},
    "resnet20, BatchNorm": {**NETWORK, "model": "resnet20", "model_args": {"norm": "batch"}},
    "quadratic": {"kind": "quadratic", "dim": 50, "noise": 0.1},
    "logistic, two classes": {"kind": "logistic-regression", "dataset": "breast_cancer", "batch_size": 16},
    "logistic, ten classes": {"kind": "logistic-regression", "dataset": "digits", "batch_size": 16},
    "linear-regression": {"kind": "linear-regression", "dataset": "diabetes", "batch_size": 16},
    "mlp": {"kind": "mlp", "dataset": "digits", "hidden": [16], "batch_size": 16, "dtype": "float64"},
}
SQUARES: dict[str, Any] = {
    **{"kind": "torch", "model": "resnet20", "batch_size": 32, "dtype": "float64"},
    "dataset": {"kind": "synthetic", "samples": 256, "features": 256, "classes": 10},
}
"""Images of 16 × 16 pixels."""
TEXT = "to be or not to be, that is the question. " * 40


def gradients(asked: Asked) -> Iterator[Row]:
    """Of every problem: gradients, objective, metric and checkpoint on the device, beside those of the host."""
    with tempfile.TemporaryDirectory() as folder:
        chosen = {name: PROBLEMS[name] for name in asked.problems or PROBLEMS}
        for name, problem in {**chosen, "transformer": transformer(Path(folder))}.items():
            host = problem_of(a_run(asked, problem=problem))
            yield from beside(name, host, OnDevice(host, asked.device), asked)


def beside(name: str, host: Problem, placed: OnDevice, asked: Asked) -> Iterator[Row]:
    """One problem's."""
    rng, workers = np.random.default_rng(0), list(range(asked.workers))
    batches = [next(host.sampler(i, np.random.default_rng(i))) for i in workers]
    points = [host.start + 0.01 * rng.standard_normal(host.dim).astype(host.dtype) for _ in workers]
    tensors = [torch.from_numpy(point).to(asked.device) for point in points]
    expected = host.gradients(workers, host.stack(points), batches)
    found = placed.gradients(workers, placed.stack(tensors), batches)
    yield Row("gradients", name, apart(found, expected), CLOSE)
    (loss, slope), (own_loss, own_slope) = placed.objective(tensors[0]), host.objective(points[0])
    away = max(abs(loss - own_loss) / abs(own_loss), apart(slope, own_slope))
    yield Row("gradients", f"{name}: objective", away, CLOSE)
    kept, own = placed.named(tensors[0]), host.named(points[0])
    yield Row("gradients", f"{name}: checkpoint", max(apart(kept[key], own[key]) for key in own), CLOSE)


def transformer(folder: Path) -> dict[str, Any]:
    """Its data are a text file, which is written."""
    path = folder / "text.txt"
    path.write_text(TEXT)
    dataset = {"kind": "text", "path": str(path), "length": 16}
    return {**NETWORK, "model": "transformer", "dataset": dataset, "batch_size": 8}


def algorithms(asked: Asked) -> Iterator[Row]:
    """Every algorithm as processes: it gets ahead; those of rounds end where they do in the simulated world."""
    for name in asked.algorithms:
        run = a_run(asked, algorithm=name, world="real")
        curves = perform(run, None).frames["curves"]["loss"].to_numpy()
        left = float(curves[-1] / curves[0])
        yield Row("algorithms", f"{name}: loss left", left, LEFT.get(name, FALLEN))
        if name in ROUNDS:
            simulated = perform(a_run(asked, algorithm=name), None).frames["curves"]["loss"].to_numpy()
            yield Row(
                "algorithms",
                f"{name}: loss, from the simulated one",
                apart(curves[-1:], simulated[-1:]),
                CLOSE,
            )


def nccl(asked: Asked) -> Iterator[Row]:
    """A group of one process forms a sum; with more GPUs there is a run too."""
    from rfast_bench.real.transport.collective import join, total
    from rfast_bench.real.transport.store import TCPStore

    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    first = "cpu" if asked.device == "cpu" else "cuda:0"
    join(store, 0, 1, 20.0, first)
    sent = np.arange(1000.0)
    yield Row(
        "nccl", "sum over one process", apart(total(torch.from_numpy(sent.copy()).to(first)), sent), 0.0
    )
    gpus = torch.cuda.device_count()
    if asked.device != "cpu" and gpus > 1:
        own = replace(asked, workers=min(4, gpus))
        run = a_run(own, algorithm="ring-allreduce", world="real", collectives="device")
        curves = perform(run, None).frames["curves"]["loss"].to_numpy()
        yield Row(
            "nccl", f"ring-allreduce on {own.workers} GPUs: loss left", float(curves[-1] / curves[0]), FALLEN
        )


def simulated(asked: Asked) -> Iterator[Row]:
    """The same run with gradients on the host and on the device."""
    timed: dict[str, tuple[float, Array]] = {}
    for device in ("cpu", asked.device):
        perform(a_run(replace(asked, iterations=1), problem=SQUARES, device=device), None)  # loads libraries
        run = a_run(replace(asked, iterations=max(2, asked.iterations // 4)), problem=SQUARES, device=device)
        began = time.perf_counter()
        curves = perform(run, None).frames["curves"]["loss"].to_numpy()
        timed[device] = time.perf_counter() - began, curves
    (host, expected), (placed, found) = timed["cpu"], timed[asked.device]
    yield Row("simulated", "resnet20: loss, from the CPU's", apart(found, expected), 1e-5)
    yield Row("simulated", "resnet20: time over that of the CPU", placed / host)


def memory(asked: Asked) -> Iterator[Row]:
    """MB that are missing after a run in each world; the first of all is not counted, for what stays loaded."""
    for world in ("simulated", "real"):
        run = a_run(asked, algorithm="d-psgd", world=world, device=asked.device)
        perform(run, None)
        before = held(asked.device)
        perform(run, None)
        yield Row("memory", f"{world}: MB not given back", (held(asked.device) - before) / 1e6, 32.0)


PARTS: dict[str, Callable[[Asked], Iterator[Row]]] = {
    **{"gradients": gradients, "algorithms": algorithms, "nccl": nccl},
    **{"simulated": simulated, "memory": memory},
}


# -------------------------------------------------------------------------------------------------- tools
def a_run(
    asked: Asked,
    problem: dict[str, Any] = PROBLEMS["lenet"],
    algorithm: str = "d-psgd",
    world: str = "simulated",
    device: str = "cpu",
    collectives: str = "host",
) -> Run:
    """A run of some iterations; real ones have their models on the device that is asked for."""
    return run_of(
        "device-check",
        world=world,
        workers=asked.workers,
        problem=problem,
        compute=0.02,
        network={},
        algorithms=[{"name": algorithm, "step_size": STEPS.get(algorithm, STEP)}],
        stop={"iterations": asked.iterations},
        evaluate={"every": f"{asked.iterations} iterations"},
        simulation={"device": device},
        real={
            "device": asked.device,
            "collectives": collectives,
            "startup_timeout": 60,
        },
    )


def apart(found: Any, expected: Any) -> float:
    """The largest difference, of the largest number."""
    host, own = np.asarray(on_host(found), float), np.asarray(expected, float)
    return float(np.abs(host - own).max(initial=0.0) / max(1e-300, np.abs(own).max(initial=0.0)))


def held(device: str) -> float:
    """Bytes of the device that are taken, by whomever."""
    gc.collect()
    if device == "cpu":
        return 0.0
    torch.cuda.synchronize()
    free, whole = torch.cuda.mem_get_info()
    return float(whole - free)


def apart_in_time(part: str, arguments: Sequence[str], limit: float) -> tuple[list[Row], str]:
    """The rows of a part that is done in a process of its own, and what went wrong."""
    command = [sys.executable, "-m", "benchmarks.device_check", *arguments, "--part", part]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit)
        out, error = done.stdout, done.stderr if done.returncode else ""
    except subprocess.TimeoutExpired as late:
        out = late.stdout.decode() if isinstance(late.stdout, bytes) else late.stdout or ""
        error = f"not done within {limit:.0f} s"
    rows = [Row(**json.loads(line)) for line in out.splitlines() if line.startswith("{")]
    return rows, "\n".join(error.strip().splitlines()[-15:])


def main(arguments: Sequence[str] | None = None) -> int:
    """Do the parts, print the table, and give the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--only", nargs="+", choices=tuple(PARTS), default=tuple(PARTS))
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--iterations", type=int, default=60)
    parser.add_argument("--algorithms", nargs="+", default=registry.names())
    parser.add_argument("--problems", nargs="+", choices=tuple(PROBLEMS), default=())
    parser.add_argument("--part", choices=tuple(PARTS), help=argparse.SUPPRESS)
    given = sys.argv[1:] if arguments is None else list(arguments)
    said = parser.parse_args(given)
    if said.device == "cuda" and not torch.cuda.is_available():
        print(
            "device-check: this machine shows no GPU to torch; --device cpu tries the check itself",
            file=sys.stderr,
        )
        return 2
    asked = Asked(said.device, said.workers, said.iterations, tuple(said.algorithms), tuple(said.problems))
    if said.part:
        for row in PARTS[said.part](asked):
            print(json.dumps(asdict(row)), flush=True)
        return 0
    return check(said.only, given)


def check(parts: Sequence[str], arguments: Sequence[str]) -> int:
    """Do some parts; gives the exit code."""
    began, lines, wrong = time.monotonic(), [], list[str]()
    for part in parts:
        started = time.monotonic()
        rows, error = apart_in_time(part, arguments, max(1.0, min(LIMITS[part], ALL - (started - began))))
        seconds = time.monotonic() - started
        wrong += [f"{row.part}: {row.what}" for row in rows if not row.ok] + [f"{part}: {error}"] * bool(
            error
        )
        lines += [
            (
                part,
                row.what,
                f"{row.found:.2g}",
                "" if math.isnan(row.allowed) else f"{row.allowed:.2g}",
                row.ok,
            )
            for row in rows
        ]
        lines.append((part, f"{seconds:.0f} s", "", "", not error))
    marked = [(*line[:-1], "ok" if line[-1] else "WRONG") for line in lines]
    print(tabulate(marked, headers=("part", "what", "found", "at most", "")))
    print(*(f"\n{text}" for text in wrong), sep="", end="\n" if wrong else "")
    print(f"\n{'something is wrong' if wrong else 'all is well'}; {time.monotonic() - began:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
