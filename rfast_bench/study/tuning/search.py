"""The search for one algorithm's best values in one setting: a grid that grows where its end is the best."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rfast_bench.errors import UserError
from rfast_bench.plan import registry, training
from rfast_bench.plan.graphs import TOPOLOGY
from rfast_bench.plan.parameters import STEP
from rfast_bench.plan.runs import Point, Run, complete
from rfast_bench.plan.swept_values import named
from rfast_bench.records.reading import find_runs
from rfast_bench.scenario.schema import AlgorithmSpec, Scenario, Target
from rfast_bench.scenario.sections.tuning import Grid, Objective, TuneSpec
from rfast_bench.scenario.values.bounds import too_many
from rfast_bench.study.tuning.ranking import REACHED, Score, best, counting, flaw_of, score, undecided

Candidate = tuple[tuple[str, Any], ...]
"""A value for each tuned parameter, as a scenario would give it."""


def plain(value: Any) -> Any:
    """The number in `{effective: η}`, any other value as it is."""
    return value["effective"] if isinstance(value, dict) and set(value) == {"effective"} else value


class Axis:
    """One parameter's values in order; a range may grow by up to `limit` steps at either end."""

    def __init__(self, grid: Grid, limit: int) -> None:
        self.grid = grid
        self._limit = limit if grid.is_range else 0
        self._below = self._above = 0

    @property
    def values(self) -> list[Any]:
        """What is tried by now."""
        return self.grid.tried(self._below, self._above)

    @property
    def most(self) -> int:
        """How many values there can be in the end."""
        return len(self.grid.tried(self._limit, self._limit))

    def at_end(self, value: Any, allowed: Callable[[float], bool]) -> bool:
        """Whether a better value may lie beyond: words have no end, numbers two, where more is allowed."""
        numbers = [plain(v) for v in self.values]
        if any(isinstance(v, bool) or not isinstance(v, int | float) for v in numbers):
            return False
        numbers, own = sorted(numbers), plain(value)
        sides = [(numbers, 0.5), (numbers[::-1], 2.0)]
        return any(own == side[0] and any(map(allowed, _beyond(side, ratio))) for side, ratio in sides)

    def widen(self, value: Any) -> bool:
        """One step further at the end where the value lies; False when it may not go further."""
        first, last = self.values[0] == value, self.values[-1] == value
        below, above = first and self._below < self._limit, last and self._above < self._limit
        self._below += below
        self._above += above
        return below or above


def _beyond(numbers: Sequence[float], ratio: float) -> list[float]:
    """Where a grid would go on before its first number: by the same difference, or by the same ratio."""
    if len(numbers) == 1:
        return [numbers[0] * ratio]
    first, second = numbers[:2]
    ends = [2 * first - second, first * first / second if second else first]
    return [end for end in ends if end != first]


class Search:
    """All candidates of one algorithm at one anchor, their runs and their scores."""

    def __init__(
        self,
        anchor: Point,
        order: int,
        grids: Mapping[str, Grid],
        tune: TuneSpec,
        is_done: Callable[[Run], bool] = lambda run: False,
    ) -> None:
        self._anchor = replace(anchor, scenario=_for_tuning(anchor.scenario, tune))
        self.as_given = Run(anchor, order, tune.first_seed)
        """A run there with all that the scenario asks of it."""
        self._order = order
        self._tune = tune
        self._axes = {name: Axis(grid, tune.widen) for name, grid in grids.items()}
        self._runs: dict[str, list[Run]] = {}
        self._scores: dict[str, list[Score]] = {}
        self._asked: dict[str, float] = {}
        """The limit in seconds of each candidate that was asked for last; infinite for whole runs."""
        self._is_done = is_done
        self.label = str(anchor.scenario.algorithms[order].label)

    # ------------------------------------------------------------------------------------------- runs
    @property
    def fingerprint(self) -> str:
        """Equal for two searches that would do the same runs and ask the same of them."""
        runs = [run.hash for candidate in self._candidates() for run in self._runs_of(candidate)]
        return repr((runs, [axis.most for axis in self._axes.values()]))

    def _candidates(self) -> list[Candidate]:
        """All, or without those with which the method says that it cannot run."""
        values = {name: axis.values for name, axis in self._axes.items()}
        counts = [(len(tried), f"values of {name}") for name, tried in values.items()]
        if wrong := too_many([*counts, (self._tune.seeds, "seeds")]):
            raise UserError(f"{self._anchor.source}: tuning {self.label}: {wrong}")
        every = [tuple(zip(values, chosen, strict=True)) for chosen in product(*values.values())]
        return [c for c in every if not flaw_of(self._runs_of(c)[0])] or every

    def _runs_of(self, candidate: Candidate) -> list[Run]:
        if repr(candidate) not in self._runs:
            self._runs[repr(candidate)] = self._make(candidate)
        return self._runs[repr(candidate)]

    def _make(self, candidate: Candidate) -> list[Run]:
        own = self._anchor.scenario.algorithms[self._order]
        own = own.model_copy(update={"parameters": {**own.parameters, **dict(candidate)}})
        chosen = self._with(own)
        point = replace(
            self._anchor,
            values={**self._anchor.values, **{_heading(n, v): plain(v) for n, v in candidate}},
            scenario=self._with(complete(chosen, self._order, self._anchor)),
        )
        return [Run(point, self._order, seed) for seed in self._tune.all_seeds]

    def _with(self, own: AlgorithmSpec) -> Scenario:
        scenario = self._anchor.scenario
        algorithms = tuple(own if k == self._order else a for k, a in enumerate(scenario.algorithms))
        return scenario.model_copy(update={"algorithms": algorithms})

    def missing(self) -> list[Run]:
        """The runs of all candidates that have no score yet."""
        return [run for c in self._candidates() if repr(c) not in self._scores for run in self._runs_of(c)]

    def most_further_runs(self) -> int:
        """How many runs widening can add."""
        full = now = 1
        for axis in self._axes.values():
            full, now = full * axis.most, now * len(axis.values)
        return (full - now) * self._tune.seeds

    def next_runs(self) -> list[Run]:
        """The runs to be done now; none once it is decided which of the present values is the best."""
        self._asked = {repr(candidate): limit for candidate, limit in self._next()}
        chosen = [candidate for candidate in self._candidates() if repr(candidate) in self._asked]
        return [limited(run, self._asked[repr(c)]) for c in chosen for run in self._runs_of(c)]

    def _next(self) -> list[tuple[Candidate, float]]:
        """Candidates and the limits of their runs: from the middle outwards, until one has reached the target."""
        candidates = self._candidates()
        new = [candidate for candidate in candidates if repr(candidate) not in self._scores]
        limit = self._limit()
        if not new:
            scores = [self._scores[repr(candidate)] for candidate in candidates]
            return [(candidates[k], math.inf) for k in undecided(scores, self._tune.objective)]
        if limit == math.inf and self._tune.stop_early and self._tune.objective.target:
            middle = (len(candidates) - 1) / 2
            new.sort(key=lambda candidate: abs(candidates.index(candidate) - middle))
            new = new[: 1 + len(self._scores)]
        return [(c, math.inf if all(map(self._is_done, self._runs_of(c))) else limit) for c in new]

    def _limit(self) -> float:
        """Seconds after which a run is worse than what the best candidate has; infinite while none has any."""
        known = [counting(scores, self._tune.objective) for scores in self._scores.values()]
        first = min(known, default=Score(REACHED, math.inf))
        return first.value if self._tune.stop_early and first.ending == REACHED else math.inf

    def read(self, out: Path) -> None:
        """Take in the scores of what was asked for from the records below `out`."""
        for candidate in self._candidates():
            if (limit := self._asked.get(repr(candidate))) is not None:
                runs = self._runs_of(candidate)
                found = find_runs([out / run.folder for run in runs])
                whole = {run.hash for run in runs}
                self._scores[repr(candidate)] = [
                    score(run, self._tune.objective, math.inf if run.hash in whole else limit)
                    for run in found
                ]

    # ----------------------------------------------------------------------------------------- result
    @property
    def best(self) -> dict[str, Any]:
        """The best candidate so far."""
        candidates = self._candidates()
        scores = [self._scores[repr(c)] for c in candidates]
        return dict(candidates[best(scores, self._tune.objective)])

    @property
    def ends(self) -> list[str]:
        """The parameters whose best value is the first or last tried."""
        chosen = self.best
        return [n for n, value in chosen.items() if self._axes[n].at_end(value, partial(self._allowed, n))]

    def _allowed(self, name: str, value: float) -> bool:
        """Whether the algorithm would take a value."""
        kind = registry.find(self._anchor.scenario.algorithms[self._order].name, self._anchor.folder)
        others = {n: plain(axis.values[0]) for n, axis in self._axes.items()}
        own = self._anchor.scenario.algorithms[self._order].parameters
        values = {**own, **others, name: value}
        values.pop(TOPOLOGY, None)
        inner = {key: values.pop(key) for key in list(values) if key in training.NAMES}
        try:
            registry.parameters(kind).model_validate(values)
        except ValidationError:
            return False
        return training.allowed(self._anchor.scenario.algorithms[self._order], inner)

    def widen(self) -> bool:
        """Go one step further where the best value lies at an end; False when there is nothing more to try."""
        chosen = self.best
        moved = [name for name in self.ends if self._axes[name].widen(chosen[name])]
        return bool(moved)

    def told(self) -> dict[str, dict[str, Any]]:
        """For the manifests of reported runs: each parameter's value and how it was found."""
        chosen, tune = self.best, self._tune
        scores = self._scores[repr(tuple(chosen.items()))]
        result = counting(scores, tune.objective).words(tune.objective)
        return {
            name: {
                "value": plain(value),
                "effective": value is not plain(value),
                "edge": name in self.ends,
                "tried": [plain(v) for v in self._axes[name].values],
                "objective": tune.objective.words,
                "result": result,
                "seeds": list(tune.all_seeds),
                "anchor": {**tune.anchor, **{key: self._anchor.values[key] for key in tune.per}},
            }
            for name, value in chosen.items()
        }

    def rows(self) -> list[dict[str, Any]]:
        """One row per candidate, in the order of its values."""
        chosen = self.best
        return [self._row(candidate, dict(candidate) == chosen) for candidate in self._candidates()]

    def _row(self, candidate: Candidate, chosen: bool) -> dict[str, Any]:
        scores = self._scores[repr(candidate)]
        return {
            **self._anchor.values,
            "label": self.label,
            **named({_heading(name, value): plain(value) for name, value in candidate}),
            "seeds": len(scores),
            "reached": sum(s.ending == REACHED and not s.beyond for s in scores),
            "ended_early": sum(s.beyond for s in scores),
            "result": counting(scores, self._tune.objective).words(self._tune.objective),
            "chosen": chosen,
            "edge": chosen and bool(self.ends),
        }


def limited(run: Run, seconds: float) -> Run:
    """The same, ended right after so many seconds, unless it ends before that anyway. Not at them: an end is a look
    more, which would find a target reached that a look of the grid had found later."""
    stop = run.scenario.stop
    end = seconds * (1 + 1e-9)
    if end >= (math.inf if stop.time is None else stop.time):
        return run
    scenario = run.scenario.model_copy(update={"stop": stop.model_copy(update={"time": end})})
    return replace(run, point=replace(run.point, scenario=scenario))


def _heading(name: str, value: Any) -> str:
    return "effective_step" if name == STEP and isinstance(value, dict) else name


def _for_tuning(scenario: Scenario, tune: TuneSpec) -> Scenario:
    """The scenario of tuning runs: simulated, on their own seeds, over as soon as the target is reached."""
    objective: Objective = tune.objective
    own = objective.of != "mean"
    evaluate = scenario.evaluate.model_copy(
        update={
            "targets": {objective.target[0]: (objective.target[1],)} if objective.target else {},
            "workers": scenario.evaluate.workers if own else "mean",
        }
    )
    stop = {
        "target": Target(**(objective.time_to or {}), of=objective.of) if objective.target else None,
        "time": objective.within or objective.at or scenario.stop.time,
    }
    changes: dict[str, Any] = {
        **{"world": "simulated", "sweep": {}, "tune": None, "evaluate": evaluate},
        **{"seeds": tune.seeds, "first_seed": tune.first_seed},
        "stop": scenario.stop.model_copy(update=stop),
    }
    return scenario.model_copy(update=changes)
