"""The section itself: a list of faults, a file of them, or random ones; and what is wrong with them together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Annotated, Any

from pydantic import BeforeValidator, GetJsonSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema

from rfast_bench.scenario.faults.kinds import (
    MOST_DRAWN,
    SILENT,
    Crash,
    Duplication,
    Fault,
    OneFault,
    RandomFaults,
    own_spans,
)
from rfast_bench.scenario.faults.spans import FaultTrace, read_spans, too_early
from rfast_bench.scenario.sections.network import NetworkSpec
from rfast_bench.scenario.values.forms import Form
from rfast_bench.scenario.values.units import with_digits


def _listed(value: Any, info: ValidationInfo) -> Any:
    if isinstance(value, dict):
        return (_random(value),) if "random" in value else tuple(_read(value, info))
    if isinstance(value, list | tuple):
        return tuple(fault for one in value for fault in _expanded(one, info))
    return value


def _expanded(one: Any, info: ValidationInfo) -> Iterable[Any]:
    """An entry of the list: `{path: ...}` stands for several."""
    if isinstance(one, dict) and "random" in one:
        return [_random(one)]
    return _read(one, info) if isinstance(one, dict) and "path" in one else [one]


def _read(said: dict[str, Any], info: ValidationInfo) -> Iterable[Fault]:
    return read_spans(FaultTrace.model_validate(said, context=info.context))


def _random(one: dict[str, Any]) -> dict[str, Any]:
    said = one["random"]
    if len(one) > 1 or not isinstance(said, dict):
        raise ValueError("random: expected nothing beside it, and below it rate, lasts and so on")
    return {**said, "kind": "random"}


DRAWN_BY = "Faults that are drawn from the run's seed."


class FormOfFaults:
    """An annotation: a list of faults and files of them, a file alone, or random ones alone."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> Form:
        own = handler(core)
        file, drawn = (handler(model.__pydantic_core_schema__) for model in (FaultTrace, RandomFaults))
        below: Form = {
            "type": "object",
            "properties": {"random": {"allOf": [drawn], "description": DRAWN_BY}},
            "required": ["random"],
            "additionalProperties": False,
        }
        kinds = own["items"]["oneOf"]
        for k, kind in enumerate(kinds):
            if RandomFaults.__name__ in kind["$ref"]:
                kinds[k] = {"allOf": [kind], "required": ["kind"]}
        return {"anyOf": [{**own, "items": {"anyOf": [*kinds, file, below]}}, file, below]}


Faults = Annotated[tuple[OneFault, ...], BeforeValidator(_listed), FormOfFaults()]
"""A list of faults, a file of them, or random ones."""


def wrong_faults(
    faults: Sequence[Fault | RandomFaults], workers: int | None, network: NetworkSpec | None
) -> str:
    """What is wrong with them together, if anything. What is not known of a scenario is None."""
    given = [fault for fault in faults if not isinstance(fault, RandomFaults)]
    for k, fault in enumerate(faults):
        named = () if isinstance(fault, RandomFaults) else fault.named
        if workers is not None and (unknown := [worker for worker in named if worker >= workers]):
            return f"fault {k} names worker {unknown[0]}; workers are 0 to {workers - 1}"
    for before, after in pairwise(own_spans(given)):
        if before.worker == after.worker and (wrong := too_early(before, after)):
            return wrong
    drawn = len(faults) - len(given)
    if drawn > 1 or (drawn and own_spans(given)):
        return "random faults stand once, and beside them no worker may be said to die or to be paused"
    if network is not None and (wrong := _wrong_network(faults, network)):
        return wrong
    return "" if workers is None else _nobody_left(given, workers)


def _wrong_network(faults: Sequence[Fault | RandomFaults], network: NetworkSpec) -> str:
    """What a network lacks for them, or cannot show."""
    if network.silence_timeout is None and any(isinstance(fault, SILENT) for fault in faults):
        return "faults need network.silence_timeout: when is a silent neighbour given up?"
    twice = any(
        isinstance(f, Duplication) or (isinstance(f, RandomFaults) and "duplicate" in f.kinds) for f in faults
    )
    if twice and network.receive_bandwidth is not None:
        return "duplicate is not modelled together with network.receive_bandwidth; leave out one of them"
    return ""


def wrong_horizon(faults: Sequence[Fault | RandomFaults], end: float | None, workers: int) -> str:
    """What is wrong with random faults in a run that ends at `end` (s; None: by counts), if anything."""
    for fault in faults:
        if isinstance(fault, RandomFaults):
            until = fault.until or end
            if until is None:
                return "random: needs until, for the run has no stop.time"
            asked = fault.rate * until * workers
            if asked > MOST_DRAWN:
                told = with_digits(asked, MOST_DRAWN, 2)
                return f"random: this asks for {told} faults; at most {MOST_DRAWN}"
    return ""


def _nobody_left(faults: Sequence[Fault], workers: int) -> str:
    """When all workers are down at once, which leaves no run and nothing to measure."""
    crashes = [fault for fault in faults if isinstance(fault, Crash)]
    if len({fault.worker for fault in crashes}) < workers:
        return ""
    moments = [(f.end, False, f.worker) for f in crashes] + [(f.down, True, f.worker) for f in crashes]
    down: Counter[int] = Counter()
    for time, begins, worker in sorted(moments):  # whoever comes back at a moment is up at it
        down[worker] += 1 if begins else -1
        if not down[worker]:
            del down[worker]
        elif begins and len(down) == workers:
            return f"at {time:g} s all {workers} workers are down at once; at least one has to stay up"
    return ""
