"""Runs as they are on disk, read back: the manifest's entries as attributes, tables when they are asked for."""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import pandas as pd
from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from rfast_bench.errors import UserError, nearest
from rfast_bench.files import read_text
from rfast_bench.plan.swept_values import named
from rfast_bench.records import integrity, resolved
from rfast_bench.records.folders import manifests, none_found, seed_of
from rfast_bench.records.order import point_key, value_key
from rfast_bench.records.writing import COLUMNS, MANIFEST
from rfast_bench.scenario.user_files.tables import check_width
from rfast_bench.scenario.values import metrics, wording
from rfast_bench.scenario.values.bounds import LARGEST_FILE

DAMAGED: Final = "damaged"
"""The status of a run whose files are not what was written. It has no numbers."""


@dataclass(frozen=True)
class Topology:
    """The graph or pair of graphs of a run; `sound` is the condition under which the method converges."""

    name: str
    sound: bool = True
    roots_w: tuple[int, ...] | None = None
    roots_a: tuple[int, ...] | None = None
    common_roots: tuple[int, ...] | None = None


@dataclass(frozen=True, config=ConfigDict(extra="ignore"))
class Run:
    """One recorded run: the manifest's entries as attributes, the tables as methods that read the disk."""

    folder: Path
    manifest: dict[str, Any]
    """The whole manifest as written."""
    _: KW_ONLY
    format: Literal[1, 2]
    scenario: str
    algorithm: str
    label: str
    seed: int
    workers_count: int
    status: Literal["finished", "stalled", "diverged", "invariant broken", "void", "skipped", "damaged"]
    world: str = "simulated"
    point: Annotated[dict[str, Any], AfterValidator(named)]
    """Its swept values as numbers and words."""
    parameters: dict[str, Any]
    optimizer: dict[str, Any] = Field(default_factory=dict)
    """As the scenario has it; empty where gradients are taken as they are."""
    schedule: Annotated[dict[str, Any], AfterValidator(resolved.schedule)] = Field(default_factory=dict)
    topology_info: Topology | None = None
    step_size: float | None = None
    effective_step: float | None = None
    reason: str = ""
    stopped_by: str = ""
    reference: float | None = None
    broken: str = ""
    """The rule of the contract that the method broke, in whole sentences, if it did."""
    cautions: tuple[dict[str, str], ...] = ()
    """What else is to be said of the method: in a few words (`short`) and in whole sentences (`told`)."""
    purpose: Literal["report", "tuning"] = "report"
    tuned: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """How each tuned parameter got its value."""
    targets: dict[metrics.Named, tuple[float, ...]]
    judged: tuple[int, ...] = ()
    """The workers whose own models count for the median and the worst."""
    mean_of: tuple[int, ...] = ()
    """The workers that the mean model is of; empty: all of them."""
    baseline: str | None = None
    order: int = 0
    hash: str = ""

    @property
    def valid(self) -> bool:
        """Whether its numbers count: one that diverged, broke its invariant, is void or was skipped reached nothing and
        ended nowhere."""
        return self.status in ("finished", "stalled")

    @property
    def tuned_at_edge(self) -> str:
        """The parameters whose best value was the first or last tried."""
        return ", ".join(name for name, how in self.tuned.items() if how["edge"])

    @property
    def tuned_values(self) -> dict[str, Any]:
        """The values that tuning chose, as numbers and words."""
        return named({name: how["value"] for name, how in self.tuned.items()})

    def curves(self) -> pd.DataFrame:
        """One row per evaluation; no rows when the run was skipped."""
        curves = self._table("curves")
        if self.format == 1:
            curves["loss_worst"] = math.nan  # it was the loss of the model farthest from the mean
        return curves

    def workers(self) -> pd.DataFrame:
        """One row per worker: gradients, samples, seconds busy and waiting, age of what it read."""
        return self._table("workers")

    def staleness(self) -> pd.DataFrame:
        """How often a message was read `staleness` gradients after it was sent, per worker."""
        return self._table("staleness")

    def timeline(self) -> pd.DataFrame:
        """Intervals of computing during the first stretch of the run; the gaps are waits."""
        return self._table("timeline")

    def topology(self) -> pd.DataFrame:
        """Edges `from -> to` of the graphs `W` and `A`; an undirected graph is in W, both directions."""
        return self._table("topology")

    def _table(self, name: str) -> pd.DataFrame:
        path = self.folder / f"{name}.csv"
        if self.status == DAMAGED or not path.exists():
            return pd.DataFrame({column: pd.Series(dtype=float) for column in COLUMNS[name]})
        try:
            frame = _parsed(path, path.stat().st_mtime_ns).copy()
        except (OSError, ValueError, OverflowError, csv.Error) as problem:
            raise UserError(f"{path}: cannot be read: {problem}") from problem
        missing = [column for column in COLUMNS[name] if column not in frame.columns]
        if missing:
            raise UserError(f"{path}: no column '{missing[0]}'; has {', '.join(frame.columns)}")
        return frame

    def time_to(self, metric: str, target: float) -> float:
        """Seconds until the first evaluation that meets a target; NaN when none does or the run is not valid."""
        if not self.valid:
            return float("nan")
        curves = self.curves()
        if metric not in curves:
            raise UserError(f"{self.folder}/curves.csv: no column '{metric}', yet a target for it")
        met = curves[metric] >= target if metrics.larger_is_better(metric) else curves[metric] <= target
        return float(curves.loc[met, "time"].iloc[0]) if met.any() else float("nan")

    def sort_key(self) -> tuple[Any, ...]:
        """Scenario, world, point, place in the scenario, label, seed: the order of every table and figure."""
        place = (self.scenario, self.world != "simulated", point_key(self.point))
        return (*place, self.order, self.label, self.seed)


@lru_cache(maxsize=2000)
def _parsed(path: Path, changed: int) -> pd.DataFrame:
    """A table as read; kept, for every figure asks for it again, until the file is `changed` (nanoseconds)."""
    check_width(path)
    return pd.read_csv(path, dtype=object, keep_default_na=False).apply(_parse)


def _parse(column: pd.Series[str]) -> pd.Series[Any]:
    """Numbers by Python's own conversion: the exact way that pandas offers depends on its version."""
    if column.name == "graph":
        return column
    kind = int if all(text.lstrip("-").isdigit() for text in column) else float
    return pd.Series([kind(text or "nan") for text in column], name=column.name, dtype=kind)


_RUN = TypeAdapter(Run)


def copies_told(runs: Sequence[Run]) -> list[Run]:
    """The runs; one whose manifest is another's to the last byte is damaged, for it would count twice."""
    first: dict[str, Run] = {}
    told = []
    for run in runs:
        digest = str(run.manifest.get(integrity.DIGEST, "")) if run.status != DAMAGED else ""
        known = first.setdefault(digest, run) if digest else run
        told.append(
            run
            if known is run
            else replace(run, status=DAMAGED, reason=f"{run.folder.name} is a copy of {known.folder}")
        )
    return told


def find_runs(paths: Iterable[Path]) -> list[Run]:
    """Every run in or below `paths`, in the order of `Run.sort_key`; those of tuning only where there are no others.

    One whose files are not what was written is there as *damaged*, as what its neighbours say it is where its own
    manifest cannot be believed. Raises UserError when a path does not exist, when no run is found, and for a manifest
    that cannot be read and has no neighbours.
    """
    places = [Path(path) for path in paths]
    found = {os.path.realpath(path): path for place in places for path in manifests(place)}
    if not found:
        raise UserError(none_found(places))
    runs: list[Run] = []
    doubtful: list[_Doubtful] = []
    for path in found.values():
        try:
            runs.append(_read(path))
        except _Doubtful as problem:
            doubtful.append(problem)
    runs += [_known_by_neighbours(problem, runs) for problem in doubtful]
    runs = copies_told(sorted(runs, key=Run.sort_key))
    return [run for run in runs if run.purpose == "report"] or runs


def any_runs(paths: Iterable[Path]) -> bool:
    """Whether `find_runs` would find any. Raises UserError when a path does not exist."""
    return any(True for place in paths for _ in manifests(Path(place)))


class _Doubtful(UserError):
    """A manifest that cannot be believed; `run` is what it says, if it says anything."""

    def __init__(self, path: Path, why: str, run: Run | None = None) -> None:
        super().__init__(f"{path}: {why}")
        self.folder, self.why, self.run = path.parent, why, run


def _read(path: Path) -> Run:
    try:
        manifest = json.loads(read_text(path, LARGEST_FILE))
    except (ValueError, RecursionError) as problem:
        raise _Doubtful(path, f"not JSON: {problem}") from problem
    except OSError as problem:
        raise _Doubtful(path, f"cannot be read: {problem.strerror}") from problem
    if not isinstance(manifest, dict):
        raise _Doubtful(path, f"expected an object, found {type(manifest).__name__}")
    entries = {_ATTRIBUTES.get(key, key): value for key, value in manifest.items()}
    try:
        run = _RUN.validate_python({**entries, "folder": path.parent, "manifest": manifest})
    except ValidationError as problem:
        raise _Doubtful(path, _explain(problem)) from problem
    if integrity.is_sealed(manifest) and not integrity.believable(manifest):
        raise _Doubtful(path, "was changed after it was written", run)
    why = integrity.flaw(path.parent, manifest, COLUMNS)
    seed = seed_of(path.parent)
    if not why and integrity.is_sealed(manifest) and seed not in (None, run.seed):
        why = f"{MANIFEST} is of seed {run.seed}"
    return replace(run, status=DAMAGED, reason=f"{path.parent.name}/{why}") if why else run


def _known_by_neighbours(doubtful: _Doubtful, sound: Sequence[Run]) -> Run:
    """The run as another seed of its label has it, or else another label at its point, or else its own manifest."""
    folder, seed = doubtful.folder, seed_of(doubtful.folder)
    same = (run for run in sound if run.folder.parent == folder.parent)
    beside = (run for run in sound if run.folder.parent.parent == folder.parent.parent)
    known = next(same, None)
    if known is None and doubtful.run is None:
        known = next(beside, None)
        known = None if known is None else replace(known, label=folder.parent.name)
    if known is None or seed is None:
        known = doubtful.run
    if known is None:
        raise UserError(str(doubtful))
    number = known.seed if seed is None else seed
    reason = f"{folder.name}/{MANIFEST} {doubtful.why}"
    return replace(known, folder=folder, seed=number, status=DAMAGED, reason=reason)


_ATTRIBUTES = {"workers": "workers_count", "topology": "topology_info"}
"""Manifest entries whose name is a table's as well."""


def _explain(problem: ValidationError) -> str:
    first = problem.errors()[0]
    names = {attribute: key for key, attribute in _ATTRIBUTES.items()}
    where = ".".join(names.get(str(part), str(part)) for part in first["loc"])
    found = "" if first["type"] == "missing" else wording.found(first["input"], expected=True)
    return f"{where}: {wording.said(first)}{found}"


# ----------------------------------------------------------------------------------------- what it is like
def baselines(runs: Sequence[Run], wanted: str | None = None) -> dict[str, str | None]:
    """Each scenario's baseline label: the wanted one, the scenario's own, `ring-allreduce`, or none."""
    labels: dict[str, set[str]] = {}
    for run in runs:
        labels.setdefault(run.scenario, set()).add(run.label)
    everywhere = sorted(set().union(*labels.values()))
    if wanted is not None and wanted not in everywhere:
        hint = nearest(wanted, everywhere)
        raise UserError(f"no baseline '{wanted}'; the labels are {', '.join(everywhere)}{hint}")
    own = {run.scenario: run.baseline for run in runs}
    return {
        scenario: next((name for name in (wanted or own[scenario], "ring-allreduce") if name in names), None)
        for scenario, names in labels.items()
    }


def varying(runs: Sequence[Run]) -> list[str]:
    """The sweep keys that take more than one value over these runs, in the order of the manifests."""
    keys = list(dict.fromkeys(key for run in runs for key in run.point))
    return [key for key in keys if len({value_key(run.point.get(key)) for run in runs}) > 1]
