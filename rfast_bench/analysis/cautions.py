"""Where a setting misleads: found in records, for the foot of tables and for the report. The one place that knows.

A caution is about one of ABOUT, and is said once for all runs of a scenario.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from rfast_bench.analysis.cell_text import listed, target_names, target_words
from rfast_bench.errors import UserError
from rfast_bench.records.reading import DAMAGED, Run
from rfast_bench.records.resolved import read_resolved
from rfast_bench.records.writing import SCENARIO
from rfast_bench.scenario.sections.network import LinkOverride, NetworkSpec
from rfast_bench.scenario.sections.timing import Constant
from rfast_bench.scenario.values.metrics import larger_is_better

ABOUT = ("free losses", "one seed", "untuned", "targets", "looks", "left again", "graph")
ONE_SEED = "One seed only: the spread between repetitions is not known, and small differences mean nothing."
COARSE = 2
"""Looks: a time that is so few of them is one of the grid's, not of the method's."""


class Caution(NamedTuple):
    """What it is about, and a sentence."""

    about: str
    text: str


def misleading(runs: Sequence[Run], rows: pd.DataFrame) -> list[Caution]:
    """Of the runs of one scenario and world, and their summary (see `tables.summarise`)."""
    shown = [run for run in runs if run.status not in ("skipped", DAMAGED)]
    if not shown or rows.empty:
        return []
    return [
        *_free_losses(shown),
        *_one_seed(rows),
        *_untuned(shown),
        *_targets(shown, rows),
        *_left_again(rows),
        *_graphs(shown),
    ]


def _free_losses(runs: Sequence[Run]) -> Iterator[Caution]:
    """A run of each sweep point is looked at."""
    seen = {repr(run.point): run for run in runs if run.world == "simulated"}
    for run in seen.values():
        if _costs_nothing(_network(run)):
            yield Caution(
                "free losses",
                "Messages are lost, and one that is sent again takes no time (network.latency is 0, the bandwidth has "
                "no limit, there is no retransmit_timeout): methods that deliver reliably cannot feel any loss.",
            )
            return


def _network(run: Run) -> NetworkSpec | None:
    """As the run had it, if its folder says it in a way that is understood."""
    try:
        return NetworkSpec.model_validate(read_resolved(run.folder / SCENARIO).get("network"))
    except (ValueError, UserError):
        return None


def _costs_nothing(network: NetworkSpec | None) -> bool:
    if network is None:
        return False
    unlimited = network.bandwidth is None or math.isinf(network.bandwidth)
    if any(map(_takes_time, network.links)):
        return False  # over some links it takes time
    return network.resends_at_once and unlimited and network.bandwidth_matrix is None


def _takes_time(own: LinkOverride) -> bool:
    slow = own.latency is not None and own.latency != Constant(mean=0.0)
    return slow or (own.bandwidth is not None and not math.isinf(own.bandwidth))


def _one_seed(rows: pd.DataFrame) -> Iterator[Caution]:
    if rows["seeds"].max() == 1:
        yield Caution("one seed", ONE_SEED)


def _untuned(runs: Sequence[Run]) -> Iterator[Caution]:
    with_step = [run for run in runs if run.step_size is not None]
    tuned = dict.fromkeys(run.label for run in with_step if "step_size" in run.tuned)
    others = [name for name in dict.fromkeys(run.label for run in with_step) if name not in tuned]
    if tuned and others:
        yield Caution(
            "untuned",
            f"The step of {listed(others)} is given, not tuned as that of {listed(list(tuned))}: a difference may be "
            "the step's.",
        )


# ---------------------------------------------------------------------------------------------- targets and looks
def _targets(runs: Sequence[Run], rows: pd.DataFrame) -> Iterator[Caution]:
    never, at_once = [], []
    coarse: dict[str, list[str]] = {}
    valid = [run for run in runs if run.valid]
    for name in target_names(rows):
        metric, _, value = name.rpartition("_")
        counts = {
            id(run): _looks(run, metric, float(value)) for run in valid if _has(run, metric, float(value))
        }
        if not counts:
            continue
        reached = [count for count in counts.values() if count is not None]
        told = target_words(name)
        if not reached:
            never.append(told)
        elif len(reached) == len(counts) and max(reached) <= 1:
            at_once.append(told)
        elif labels := _coarse(valid, counts):
            coarse.setdefault(listed(labels), []).append(told)
    if never:
        yield Caution("targets", f"Nobody reaches {listed(never)}: nothing is compared by it.")
    if at_once:
        yield Caution(
            "targets",
            f"Everybody is at {listed(at_once)} by the first look after the start: it tells nobody apart.",
        )
    for who, targets in coarse.items():
        yield Caution(
            "looks",
            f"{who} reached {listed(targets)} within {COARSE} looks: the time is no finer than the looks are; a "
            "smaller evaluate.every tells more.",
        )


def _left_again(rows: pd.DataFrame) -> Iterator[Caution]:
    """Of the median run: it was at a target, and ended farther from the optimum."""
    found: dict[str, list[str]] = {}
    for name in target_names(rows):
        metric, _, value = name.rpartition("_")
        final, sign = f"final_{metric}", -1 if larger_is_better(metric) else 1
        if final not in rows:
            continue
        reached = rows[f"time_to_{name}_reached"] * 2 > rows["seeds"]
        labels = rows["label"][reached & (sign * rows[final] > sign * float(value))]
        if len(labels):
            found.setdefault(listed(list(dict.fromkeys(labels))), []).append(target_words(name))
    for who, targets in found.items():
        yield Caution(
            "left again",
            f"{who} reached {listed(targets)} and did not stay there: the median run ends on the other side. Read the "
            "final values too.",
        )


def _has(run: Run, metric: str, target: float) -> bool:
    return any(f"{target:g}" == f"{own:g}" for own in run.targets.get(metric, ()))


def _looks(run: Run, metric: str, target: float) -> int | None:
    """How many looks after the start it took; None where it was not reached."""
    time = run.time_to(metric, target)
    if np.isnan(time):
        return None
    times = run.curves()["time"]
    return int(((times > 0) & (times <= time)).sum())


def _coarse(runs: Sequence[Run], counts: dict[int, int | None]) -> list[str]:
    """The labels whose median run, at some sweep point, was there within `COARSE` looks."""
    groups: dict[tuple[str, str], list[float]] = {}
    for run in runs:
        if id(run) in counts:
            count = counts[id(run)]
            groups.setdefault((run.label, repr(run.point)), []).append(np.inf if count is None else count)
    return list(dict.fromkeys(label for (label, _), found in groups.items() if np.median(found) <= COARSE))


# ------------------------------------------------------------------------------------------------------- graphs
def _graphs(runs: Sequence[Run]) -> Iterator[Caution]:
    """Not of a method whose graphs are compared, or tuned."""
    names: dict[str, set[str]] = {}
    for run in runs:
        if run.topology_info is not None:
            names.setdefault(run.algorithm, set()).add(run.topology_info.name)
    said = [
        f"{run.label} {run.manifest['unusual_graph']}"
        for run in runs
        if "unusual_graph" in run.manifest
        and len(names.get(run.algorithm, ())) == 1
        and "topology" not in run.tuned
    ]
    for text in dict.fromkeys(said):
        yield Caution("graph", f"{text}.")
