"""Run folders as the runner would leave them, made of plausible curves: no simulator takes part."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rfast_bench.records.integrity import DIGEST, FILES
from rfast_bench.records.writing import COLUMNS, MANIFEST, as_json, write_run

N = 7
TREE = [((child - 1) // 2, child) for child in range(1, N)]
RING = [(i, (i + 1) % N) for i in range(N)]
Edges = Iterable[tuple[int, int]]


def edges_table(w: Edges, a: Edges = ()) -> pd.DataFrame:
    rows = [("W", j, i, 0.5) for j, i in w] + [("A", j, i, 0.5) for j, i in a]
    return pd.DataFrame(rows, columns=list(COLUMNS["topology"]))


def both_ways(edges: Edges) -> list[tuple[int, int]]:
    return [edge for j, i in edges for edge in ((j, i), (i, j))]


def curves_table(time: Any, gap: Any, **more: Any) -> pd.DataFrame:
    """`curves.csv` with these gaps; loss is the gap above f* = 0.2; what is not given is empty."""
    time, gap = np.asarray(time, dtype=float), np.asarray(gap, dtype=float)
    columns = {
        "time": time,
        "gap": gap,
        "loss": gap + 0.2,
        "epoch": time / 2,
        "bytes_sent": 1e6 * time,
        **more,
    }
    return pd.DataFrame(columns, index=range(len(time))).reindex(columns=list(COLUMNS["curves"]))


def workers_table(busy: float, waiting: float) -> pd.DataFrame:
    frame = pd.DataFrame({"worker": range(N), "gradients": 100, "samples": 3200}, index=range(N))
    return frame.assign(busy=busy, waiting=waiting, age_mean=0.1, age_max=0.4)


def timeline_table(compute: float, barrier: bool, stretch: float = 20.0) -> pd.DataFrame:
    """Worker 2 computes four times as long; at a barrier everybody waits for it."""
    rows = []
    for worker in range(N):
        took = compute * (4 if worker == 2 else 1 + 0.1 * worker)
        period = 4.3 * compute if barrier else took
        rows += [(worker, start, start + took) for start in np.arange(0.0, stretch, period)]
    return pd.DataFrame(rows, columns=list(COLUMNS["timeline"]))


def pair(name: str, sound: bool = True) -> dict[str, Any]:
    roots = {"roots_w": [0], "roots_a": [0] if sound else [3], "common_roots": [0] if sound else []}
    return {"name": name, "sound": sound, **roots}


def save(
    out: Path,
    label: str,
    seed: int = 0,
    curves: pd.DataFrame | None = None,
    edges: pd.DataFrame | None = None,
    busy: float = 30.0,
    waiting: float = 10.0,
    timeline: pd.DataFrame | None = None,
    **entries: Any,
) -> Path:
    """Write one run folder with these manifest `entries`; returns it."""
    manifest = {
        **{"format": 1, "scenario": "stragglers", "world": "simulated", "point": {}, "algorithm": label},
        **{"label": label, "parameters": {}, "topology": None, "step_size": 0.1, "effective_step": None},
        **{"seed": seed, "workers": N, "status": "finished", "reason": "", "stopped_by": "time"},
        **{"reference": 0.2, "targets": {"gap": [0.1, 0.03]}, "baseline": None, "order": 0, "hash": "abc"},
        **{"versions": {"numpy": "2"}, "machine": {"cpu": "?"}, "wall_seconds": 1.0, "cpu_seconds": 1.0},
        **entries,
    }
    frames = {} if curves is None else {"curves": curves, "workers": workers_table(busy, waiting)}
    frames |= {} if edges is None else {"topology": edges}
    frames |= {} if timeline is None else {"timeline": timeline}
    slug = "_".join(f"{key}-{value}" for key, value in manifest["point"].items())
    folder = out / str(manifest["scenario"]) / slug / label / f"seed-{seed}"
    write_run(folder, manifest, frames, {"scenario.yaml": "name: stragglers\n"})
    return folder


def unsealed(folder: Path) -> Path:
    """The run as it was written before there were digests."""
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    (folder / MANIFEST).write_text(as_json({k: v for k, v in manifest.items() if k not in (FILES, DIGEST)}))
    return folder


def decay(seed: int, label: str, rate: float, floor: float = 1e-4, end: float = 60.0) -> pd.DataFrame:
    """A gap that falls from about 1 to a floor, with the noise of its seed."""
    rng = np.random.default_rng([seed, len(label)])
    time = np.linspace(0.0, end, 61)
    noise = np.exp(rng.normal(0, 0.12, time.size) + rng.normal(0, 0.15) * time / end)
    return curves_table(time, (np.exp(-rate * time) + floor) * noise, accuracy=0.9 - 0.4 * np.exp(-time / 9))


def explode(seed: int) -> pd.DataFrame:
    gap = np.exp(np.linspace(0, 12 + seed, 20))
    gap[-1] = np.inf
    return curves_table(np.arange(20.0), gap)


SCENE: Mapping[str, dict[str, Any]] = {
    "r-fast": {"rate": 0.25, "topology": pair("binary-tree"), "barrier": False},
    "ring-allreduce": {"rate": 0.07, "topology": None, "barrier": True},
    "osgp": {"rate": 0.12, "floor": 0.02, "topology": pair("no-root", sound=False), "barrier": False},
    "d-psgd": {"rate": 0.05, "floor": 0.06, "topology": {"name": "ring", "sound": True}, "barrier": True},
}


def straggler_scenario(out: Path, seeds: int = 3) -> Path:
    """Five algorithms: one diverges, one is skipped, one misses a target, one pair has no common root."""
    for order, (label, scene) in enumerate(SCENE.items()):
        w, a = (TREE, [(i, j) for j, i in TREE]) if label == "r-fast" else (both_ways(RING), [])
        if label == "osgp":
            w, a = TREE, [(0, 1), (1, 3), (2, 0), (4, 1), (5, 2), (6, 2)]
        for seed in range(seeds):
            save(
                out,
                label,
                seed,
                decay(seed, label, scene["rate"], scene.get("floor", 1e-4)),
                edges=edges_table(w, a) if scene["topology"] else None,
                waiting=20.0 if scene["barrier"] else 0.0,
                timeline=timeline_table(0.25, scene["barrier"]),
                topology=scene["topology"],
                order=order,
            )
    for seed in range(seeds):
        ended: dict[str, Any] = {"status": "diverged", "stopped_by": "diverged", "order": 4}
        save(out, "ad-psgd γ=9", seed, explode(seed), timeline=timeline_table(0.25, False), **ended)
        save(out, "d-psgd tree", seed, status="skipped", reason="needs an undirected graph", order=5)
    return out


def sweep_scenario(out: Path) -> Path:
    """Two labels over loss × workers, two seeds; at 30 % loss and 16 workers the slow one misses."""
    for loss in (0.0, 0.1, 0.3):
        for workers in (4, 16):
            for order, (label, rate) in enumerate({"r-fast": 0.3, "osgp": 0.3 - 0.7 * loss}.items()):
                for seed in range(2):
                    save(
                        out,
                        label,
                        seed,
                        decay(seed, label, rate * 4 / workers**0.5 / 2, end=30.0),
                        point={"network.loss": loss, "workers": workers, "seeded": True},
                        targets={"gap": [0.1]},
                        scenario="lossy",
                        order=order,
                    )
    return out
