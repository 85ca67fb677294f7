"""Scenario files, overrides and system profiles: read and planned, nothing is run."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from benchmarks.fuzz import hostile
from benchmarks.fuzz.boxed import Escaped
from rfast_bench.plan.runs import load_points, plan, write_resolved
from rfast_bench.scenario import shipped, systems
from rfast_bench.study.sweep import expected_work
from rfast_bench.study.tuning.tune import settle

Rng = hostile.Rng
SHORT: tuple[str, ...] = (
    "claim-rate-convex",
    "claim-rate-network",
    "claim-speed-same-step",
    "crash",
    "deep-real",
    "exactness",
    "fashion",
)
SHORT += ("netlab", "quickstart", "real-quickstart", "topologies", "claim-topology")
"""Shipped scenarios that are planned in some hundredths of a second, so that what takes long is the input's doing."""
FULL: dict[str, Any] = {
    "name": "full",
    "description": "every section once",
    "world": "simulated",
    "workers": 5,
    "problem": {
        "kind": "logistic-regression",
        "dataset": {
            "kind": "synthetic",
            "samples": 100,
            "features": 4,
            "classes": 2,
            "noise": 0.5,
            "seed": 1,
        },
        "l2": 0.1,
        "batch_size": 8,
        "partition": {"kind": "dirichlet", "alpha": 0.5},
        "test_fraction": 0.2,
        "sampling": "without-replacement",
        "dtype": "float64",
    },
    "compute": {"kind": "lognormal", "mean": "10 ms", "sigma": 0.3, "samples": 8, "fixed": "1 ms"},
    "stragglers": [
        {"worker": 1, "slowdown": 4},
        {
            "worker": [2],
            "slowdown": 2,
            "kind": "periodic",
            "period": "1 s",
            "duration": "0.1 s",
            "offset": "1 s",
        },
        {"worker": 3, "slowdown": 2, "kind": "random", "mean_slow": "1 s", "mean_normal": "2 s"},
    ],
    "network": {
        "latency": {"kind": "gamma", "mean": "1 ms", "shape": 2},
        "bandwidth": "1 Gbit/s",
        "receive_bandwidth": "1 Gbit/s",
        "loss": {"kind": "gilbert-elliott", "good_to_bad": 0.1, "bad_to_good": 0.5},
        "reorder": {"probability": 0.1, "delay": "1 ms"},
        "retransmit_timeout": "10 ms",
        "silence_timeout": "10 s",
        "message_bytes": "1 MB",
        "links": [{"from": 0, "to": 1, "latency": "2 ms", "bandwidth": "1 Mbit/s", "loss": 0.2}],
        "collective": {"latency": "1 ms", "bandwidth": "1 Gbit/s", "loss": 0.1},
    },
    "faults": [{"worker": 4, "down": "1 s", "up": "2 s", "state": "snapshot", "snapshot_age": "0.1 s"}],
    "optimizer": {"momentum": 0.9},
    "schedule": {"warmup": 2},
    "algorithms": [
        {"name": "r-fast", "topology": "line"},
        {
            "name": "r-fast",
            "label": "ring",
            "topology": {"kind": "directed-ring"},
            "step_size": {"effective": 0.1},
        },
        {"name": "ring-allreduce", "step_size": 0.1, "buckets": 2},
        {"name": "d-psgd", "topology": {"tune": ["ring", "complete"]}},
        {"name": "ad-psgd", "step_size": 0.1, "topology": {"kind": "line"}},
    ],
    "stop": {"time": "2 s", "iterations": 100, "epochs": 3, "target": {"loss": 0.1}},
    "evaluate": {"every": "0.5 s", "targets": {"gap": [0.1], "of": ["mean", "worst"]}, "workers": [0, 1]},
    "seeds": 2,
    "first_seed": 3,
    "sweep": {"network.loss": [0, 0.1], "problem.batch_size": {"small": 4, "large": 8}},
    "tune": {
        "objective": {"time_to": {"gap": 0.1}, "within": "1 s", "of": "mean", "seed": "worst"},
        "parameters": {"step_size": {"from": 0.1, "factor": 2, "count": 3, "effective": True}},
        "seeds": 2,
        "first_seed": 1000,
        "anchor": {"network.loss": 0},
        "per": ["network.loss"],
        "widen": 2,
    },
    "baseline": "ring",
    "checkpoint": False,
    "simulation": {"timeline": "1 s"},
    "real": {"compute": "emulated", "host": "127.0.0.1", "stall_timeout": "9 s", "samples_memory": "1 GB"},
}
SMALL: dict[str, Any] = {
    "name": "small",
    "workers": 4,
    "problem": {"kind": "quadratic", "dim": 3},
    "compute": "1 ms",
    "algorithms": [{"name": "r-fast", "step_size": 0.1}],
    "stop": {"time": "1 s"},
    "evaluate": {"every": "0.5 s"},
}
TAGS = (
    "!!python/object/apply:os.system ['touch {canary}']",
    "!!python/object/new:os.system ['touch {canary}']",
    "!!python/name:os.system",
    "!!python/module:os",
    "!!map [1, 2]",
    "!!set {{a, b}}",
    "!!omap [a: 1]",
    "!!binary x",
    "!!timestamp 1",
    "!!float x",
    "!!int x",
    "!!null x",
    "!!bool x",
    "2026-13-45",
    "12:30:45",
    "0b2",
    "&a [*a]",
    "{{<<: [1]}}",
    "{{<<: {{<<: {{a: 1}}}}}}",
    "? [a]\n  : b",
)


class _Enough(Exception):
    """The first runs of tuning would start."""


def planned(path: Path, overrides: tuple[str, ...] = ()) -> None:
    """All that is done before the first run, but for data. Raises UserError."""
    points = load_points(path, overrides)
    try:
        points = settle(points, path, overrides, path.parent / "out", _enough, lambda text: None)
    except _Enough:
        return
    home = path.parent / "out"
    for run in plan(points)[:3]:
        if not (home / run.folder).resolve().is_relative_to(home.resolve()):
            raise Escaped(f"records would go to {home / run.folder}")
        write_resolved(run)
        expected_work(run)
        assert run.hash


def _enough(runs: object) -> None:
    raise _Enough


def _checked(folder: Path, read: Callable[[], object]) -> Callable[[], object]:
    def call() -> None:
        try:
            read()
        finally:
            if (folder / "canary").exists():
                raise Escaped("a command was executed")

    return call


@cache
def texts() -> list[str]:
    """Of shipped scenarios."""
    found = [shipped.find(name).read_text(encoding="utf-8") for name in SHORT]
    return [*found, yaml.safe_dump(FULL), yaml.safe_dump(SMALL)]


@cache
def trees() -> list[Any]:
    return [FULL, FULL, SMALL, *map(yaml.safe_load, texts())]


def by_bytes(rng: Rng, folder: Path) -> Callable[[], object]:
    """A shipped scenario with other bytes."""
    path = folder / "scenario.yaml"
    path.write_bytes(hostile.bytes_changed(hostile.pick(rng, texts()).encode(), rng))
    return _checked(folder, lambda: planned(path))


def by_values(rng: Rng, folder: Path) -> Callable[[], object]:
    """A scenario with hostile values, where YAML can write them."""
    path = folder / "scenario.yaml"
    tree = hostile.changed(hostile.pick(rng, trees()), rng)
    path.write_text(_dumped(tree), encoding="utf-8", errors="surrogatepass")
    return _checked(folder, lambda: planned(path))


def by_tags(rng: Rng, folder: Path) -> Callable[[], object]:
    """A scenario with YAML's own tricks in the place of a value."""
    path = folder / "scenario.yaml"
    tree = {**SMALL, "problem": dict(SMALL["problem"])}
    known = list(hostile.places(tree))
    where = hostile.pick(rng, known)
    home = tree
    for key in where[:-1]:
        home = home[key]
    home[where[-1]] = "MARK"
    tag = hostile.pick(rng, TAGS).format(canary=folder / "canary")
    path.write_text(yaml.safe_dump(tree).replace("MARK", tag))
    return _checked(folder, lambda: planned(path))


def by_override(rng: Rng, folder: Path) -> Callable[[], object]:
    """A right scenario, and one or two `--set`."""
    path = folder / "scenario.yaml"
    tree = hostile.pick(rng, trees())
    path.write_text(yaml.safe_dump(tree))
    said = []
    for _ in range(int(rng.integers(1, 3))):
        known = list(hostile.places(tree))
        key = ".".join(map(str, hostile.pick(rng, known)))
        said.append(
            f"{_misspelt(key, rng)}={_dumped(hostile.value(rng)).removesuffix('...' + chr(10)).strip()}"
        )
    return _checked(folder, lambda: planned(path, tuple(said)))


def _misspelt(key: str, rng: Rng) -> str:
    match rng.integers(6):
        case 0:
            return key[: int(rng.integers(len(key) + 1))]
        case 1:
            return key + "." + str(hostile.value(rng))[:300]
        case 2:
            return key.replace(".", "..") + "."
        case _:
            return key


def profile(rng: Rng, folder: Path) -> Callable[[], object]:
    """A profile with other bytes or values, shown and used."""
    path, user = folder / "profile.yaml", folder / "scenario.yaml"
    names = systems.names()
    text = systems.find(hostile.pick(rng, names)).read_text(encoding="utf-8")
    if rng.integers(2):
        path.write_bytes(hostile.bytes_changed(text.encode(), rng))
    else:
        path.write_text(_dumped(hostile.changed(yaml.safe_load(text), rng)), errors="surrogatepass")
    scenario = {k: v for k, v in SMALL.items() if k not in ("workers", "compute")}
    user.write_text(yaml.safe_dump({**scenario, "system": "profile.yaml"}))

    def read() -> None:
        if rng.integers(2):
            systems.described(path)
        else:
            planned(user)

    return read


def _dumped(tree: Any) -> str:
    try:
        return yaml.safe_dump(tree, allow_unicode=True)
    except (RecursionError, UnicodeError, yaml.YAMLError, ValueError):  # deep, or a number of 401 digits
        return repr(tree)[:100_000]


FAMILIES = {
    "scenario bytes": by_bytes,
    "scenario values": by_values,
    "scenario tags": by_tags,
    "scenario --set": by_override,
    "system profile": profile,
}
