"""The shards of a scenario's problem, as they will be dealt when it runs."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rfast_bench import problems
from rfast_bench.analysis.shards import Shards
from rfast_bench.errors import CannotRun, UserError
from rfast_bench.plan.runs import Point
from rfast_bench.plan.swept_values import data_name, named, short_names
from rfast_bench.problems.data.datasets import Data
from rfast_bench.records.reading import Run
from rfast_bench.records.writing import SCENARIO
from rfast_bench.scenario.problem.kinds import LearningSpec
from rfast_bench.scenario.reading import read_yaml
from rfast_bench.scenario.schema import Scenario
from rfast_bench.study.replay import planned

SAID = ("problem.partition", "problem.dataset.kind", "problem.dataset.source")
"""Swept keys that a title says anyway."""


def shards_of(points: Sequence[Point], seed: int | None = None) -> list[Shards]:
    """One for each way in which the samples are dealt at these points; `seed` None is each scenario's first.

    Raises UserError when there are no samples, or they cannot be read or dealt.
    """
    found: dict[str, Shards] = {}
    for point in points:
        scenario = point.scenario
        spec, chosen = scenario.problem, scenario.first_seed if seed is None else seed
        if not isinstance(spec, LearningSpec):
            raise UserError(
                f"{point.source}: problem: kind {spec.kind} has no samples that this command can see dealt to workers"
            )
        said = spec.model_dump_json(include={"kind", "targets", *LearningSpec.model_fields})
        key = f"{scenario.workers} {chosen} {said}"
        if key not in found:
            found[key] = _shards(scenario, spec, chosen, _title(point), f"{point.source}: problem")
    return list(found.values())


def _title(point: Point) -> str:
    spec = point.scenario.problem
    assert isinstance(spec, LearningSpec)
    given = spec.partition.model_dump(mode="json", exclude_none=True)
    kind = given.pop("kind")
    said = [_said(*item) for item in given.items() if item[1] is not False]
    about = [data_name(spec.dataset.model_dump()), " ".join([kind, *said])]
    decisive = [key for key in point.values if key.partition(".")[0] in ("problem", "workers")]
    keys = [key for key in decisive if not key.startswith(SAID) and point.values[key] != spec.dataset.kind]
    values, names = named({key: point.values[key] for key in keys}), short_names(keys)
    return ", ".join([*about, *(f"{names[key]} {values[key]}" for key in keys)])


def _said(key: str, value: object) -> str:
    """A key of a partition and its value: without the folders of a path, and the list of sizes alone."""
    if isinstance(value, list):
        return ", ".join(f"{size:g}" for size in value[:8]) + (", ..." if len(value) > 8 else "")
    if isinstance(value, str):
        return f"{key}={value.rpartition('/')[2]}"
    return f"{key}={value:g}" if isinstance(value, float) else f"{key}={value}"


def _shards(scenario: Scenario, spec: LearningSpec, seed: int, title: str, where: str) -> Shards:
    data, rows = problems.dealt(spec, scenario.workers, seed, where)
    sizes = np.array([len(own) for own in rows])
    counts = quantiles = None
    if data.classes:
        counts = np.array([np.bincount(data.labels[own], minlength=data.classes) for own in rows])
    else:
        quantiles = np.array([np.quantile(data.labels[own], [0, 0.25, 0.5, 0.75, 1]) for own in rows])
    return Shards(
        title=title,
        seed=seed,
        sizes=sizes,
        counts=counts,
        classes=data.names or tuple(map(str, range(data.classes))),
        quantiles=quantiles,
        owners=_owners(data, rows),
        features=data.features.shape[1:],
        held_out=len(data.test_labels),
        unused=len(data.labels) - int(sizes.sum()),
    )


def _owners(data: Data, rows: Sequence[NDArray[np.intp]]) -> tuple[str, ...] | None:
    """Whose samples each worker holds; None where that is not said, or says no more than its number."""
    if data.owners is None:
        return None
    names = [np.unique(data.owners[own]).tolist() for own in rows]
    told = tuple(str(own[0]) + (f" and {len(own) - 1} more" if len(own) > 1 else "") for own in names)
    return None if told == tuple(map(str, range(len(rows)))) else told


# ------------------------------------------------------------------------------------------------- from records
def of_records(recorded: Sequence[Run]) -> list[Shards]:
    """How the samples were dealt in recorded runs, of the smallest seed each, by dealing them again.

    Runs are left out that have no samples to deal, whose method deals them to some workers alone, or whose scenario,
    algorithm or data are not what they were.
    """
    found: list[Shards] = []
    seen = set()
    for run in sorted(
        (run for run in recorded if not run.manifest.get("computing")), key=lambda run: run.seed
    ):
        try:
            raw = read_yaml(run.folder / SCENARIO)
            key = json.dumps([raw.get("workers"), raw.get("problem")], sort_keys=True, default=str)
            if key in seen:
                continue
            seen.add(key)
            point = planned(run).point
            if isinstance(point.scenario.problem, LearningSpec):
                found += shards_of([point], run.seed)
        except (UserError, CannotRun):
            continue
    return found
