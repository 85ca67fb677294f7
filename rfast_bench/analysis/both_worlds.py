"""Runs of the simulated and the real world put together: what is compared with what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rfast_bench.errors import UserError
from rfast_bench.records.order import point_key
from rfast_bench.records.reading import Run, find_runs

WORLDS = ("simulated", "real")


@dataclass(frozen=True)
class Pair:
    """One algorithm at one sweep point: its runs in each world, a run a seed; one side may be empty."""

    scenario: str
    point: Mapping[str, Any]
    label: str
    runs: Mapping[str, Sequence[Run]]

    @property
    def any(self) -> Run:
        return next(run for world in WORLDS for run in self.runs[world])

    @property
    def notes(self) -> str:
        """What speaks against comparing them, or `ok`."""
        edge = self.any.tuned_at_edge
        missing = [f"no {world} run" for world in WORLDS if not self.runs[world]]
        bad = [
            f"{world} {run.status}{f': {run.reason}' if run.reason else ''}"
            for world in WORLDS
            for run in self.runs[world]
            if run.status != "finished"
        ]
        tuned = [f"tuned at the edge ({edge})"] if edge else []
        return "; ".join(dict.fromkeys([*missing, *bad, *tuned])) or "ok"


def find_both(simulated: Path, real: Path) -> list[Run]:
    """The simulated runs in or below one folder and the real ones in or below the other.

    The folders may be the same. Raises UserError when a world is missing.
    """
    found = []
    for place, world in ((simulated, "simulated"), (real, "real")):
        runs = find_runs([place])
        own = [run for run in runs if run.world == world]
        if not own:
            raise UserError(f"{place}: no {world} run; {len(runs)} of another world")
        found += own
    return found


def pairs(runs: Iterable[Run]) -> list[Pair]:
    """Runs of both worlds put together by scenario, sweep point and label.

    One scenario in each world may have two names: a calibrated counterpart has a name of its own. Raises
    UserError when nothing has a counterpart.
    """
    ordered = sorted(runs, key=Run.sort_key)
    names = {world: list(dict.fromkeys(r.scenario for r in ordered if r.world == world)) for world in WORLDS}
    common = _common_names(names)
    groups: dict[tuple[Any, ...], dict[str, list[Run]]] = {}
    for run in sorted(ordered, key=lambda r: (common[r.world, r.scenario], point_key(r.point), r.order)):
        key = (common[run.world, run.scenario], point_key(run.point), run.label)
        groups.setdefault(key, {world: [] for world in WORLDS})[run.world].append(run)
    found = [Pair(key[0], _first(both).point, key[2], both) for key, both in groups.items()]
    if not any(all(pair.runs[world] for world in WORLDS) for pair in found):
        labels = {
            world: ", ".join(dict.fromkeys(p.label for p in found if p.runs[world])) for world in WORLDS
        }
        raise UserError(f"nothing to compare: simulated {labels['simulated']}; real {labels['real']}")
    return found


def _common_names(names: Mapping[str, Sequence[str]]) -> dict[tuple[str, str], str]:
    simulated, real = (names[world] for world in WORLDS)
    if len(simulated) == len(real) == 1:
        return {("simulated", simulated[0]): real[0], ("real", real[0]): real[0]}
    if not set(simulated) & set(real):
        raise UserError(
            f"nothing to compare: scenarios simulated {', '.join(simulated)}; real {', '.join(real)}"
        )
    return {(world, name): name for world in WORLDS for name in names[world]}


def _first(both: Mapping[str, Sequence[Run]]) -> Run:
    return next(run for world in WORLDS for run in both[world])
