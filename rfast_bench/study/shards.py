"""The shards of a scenario's problem, as they will be dealt when it runs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rfast_bench import problems
from rfast_bench.analysis.shards import Shards
from rfast_bench.errors import UserError
from rfast_bench.plan.runs import Point
from rfast_bench.plan.swept_values import named, short_names
from rfast_bench.problems.data.datasets import Data
from rfast_bench.scenario.schema import Scenario
from rfast_bench.scenario.sections.problem import LearningSpec


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
                f"{point.source}: problem: kind {spec.kind} has no samples that are dealt to workers"
            )
        key = f"{scenario.workers} {chosen} {spec.model_dump_json(include={'kind', *LearningSpec.model_fields})}"
        if key not in found:
            found[key] = _shards(scenario, spec, chosen, _title(point), f"{point.source}: problem")
    return list(found.values())


def _title(point: Point) -> str:
    spec = point.scenario.problem
    assert isinstance(spec, LearningSpec)
    given = spec.partition.model_dump(mode="json", exclude_defaults=True) | {"kind": spec.partition.kind}
    shown = {key: value if key == "kind" else _short(value) for key, value in given.items()}
    about = [spec.dataset.kind, str(named({"partition": shown})["partition"])]
    keys = [key for key in point.values if not key.startswith("problem.partition")]
    values, names = named({key: point.values[key] for key in keys}), short_names(keys)
    return ", ".join([*about, *(f"{names[key]} {values[key]}" for key in keys)])


def _short(value: object) -> object:
    """Without the folders of a path."""
    return value.rpartition("/")[2] if isinstance(value, str) else value


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
        owners=None if data.owners is None else tuple(_owner(data, own) for own in rows),
        features=data.features.shape[1:],
        held_out=len(data.test_labels),
        unused=len(data.labels) - int(sizes.sum()),
    )


def _owner(data: Data, rows: NDArray[np.intp]) -> str:
    assert data.owners is not None
    names = np.unique(data.owners[rows])
    return str(names[0]) + (f" and {len(names) - 1} more" if len(names) > 1 else "")
