"""What a scenario may say of one algorithm of its comparison."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from rfast_bench.scenario.sections.optimizer import OptimizerSpec, ScheduleSpec
from rfast_bench.scenario.sections.topology import TopologySpec
from rfast_bench.scenario.values.base import Spec

TRAINING = ("optimizer", "schedule")
TOPOLOGY = "topology"
RESERVED = ("name", "label", TOPOLOGY, *TRAINING)


class AlgorithmSpec(Spec):
    """One algorithm of the comparison. Keys other than the reserved ones are its parameters."""

    name: str
    """Which algorithm: a name, or `path/to/file.py:Class`."""
    label: str | None = None
    """What tables call it; by default its name, with its topology when the name comes twice."""
    topology: TopologySpec | None = None
    """The graphs that it runs on: a name, or a mapping; null: its own default."""
    optimizer: OptimizerSpec | None = None
    """Its own momentum, weight decay and clipping; what it leaves out is as at the top of the file."""
    schedule: ScheduleSpec | None = None
    """Its own factor of the step size; what it leaves out is as at the top of the file."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    """Those of its class; and `optimizer.momentum`, `topology` and the like while they are still to be tuned."""

    @model_validator(mode="before")
    @classmethod
    def _gather_parameters(cls, data: Any) -> Any:
        if isinstance(data, str):
            return {"name": data}
        if not isinstance(data, dict):
            return data
        data, grids = _tuned_apart(data)
        if "parameters" in data:
            return {**data, "parameters": {**data["parameters"], **grids}} if grids else data
        own = {key: value for key, value in data.items() if key in RESERVED}
        return {**own, "parameters": {**{k: v for k, v in data.items() if k not in RESERVED}, **grids}}

    @property
    def momentum(self) -> float:
        """Of its own optimizer."""
        return 0.0 if self.optimizer is None else self.optimizer.momentum


def _tuned_apart(entry: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """An algorithm's entry without what is to be tuned of its optimizer and schedule, and its graph; those."""
    grids: dict[str, Any] = {}
    if isinstance(entry.get(TOPOLOGY), dict) and set(entry[TOPOLOGY]) == {"tune"}:
        grids[TOPOLOGY] = entry[TOPOLOGY]
        entry = {key: value for key, value in entry.items() if key != TOPOLOGY}
    for part in TRAINING:
        if isinstance(entry.get(part), dict):
            tuned = {k: v for k, v in entry[part].items() if isinstance(v, dict) and set(v) == {"tune"}}
            grids |= {f"{part}.{key}": value for key, value in tuned.items()}
            entry = {**entry, part: {k: v for k, v in entry[part].items() if k not in tuned}}
    return entry, grids
