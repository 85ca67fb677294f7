"""Runs that are on disk, as data frames and figures."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from rfast_bench.analysis.cell_text import POINT, pace, target_names
from rfast_bench.analysis.tables import render, summarise
from rfast_bench.errors import UserError, nearest, suggest
from rfast_bench.records.choosing import chosen
from rfast_bench.records.reading import Run, find_runs, varying

if TYPE_CHECKING:
    from rfast_bench.public.plots import Plots

Format = Literal["md", "latex", "html", "csv", "terminal"]


class Study:
    """Runs of one scenario or of several. Nothing is changed in place: `select` gives another study."""

    def __init__(self, runs: Iterable[Run], every: Sequence[Run] | None = None) -> None:
        """`runs`: as they were recorded; see `rfast_bench.run` and `rfast_bench.load`. `every`: those that they were
        selected from."""
        self.runs: tuple[Run, ...] = tuple(sorted(runs, key=Run.sort_key))
        """One for each algorithm, seed and point of a sweep, in the order of the tables."""
        self._every = self.runs if every is None else every

    @property
    def plot(self) -> Plots:
        """Its figures: `plot.curves()`, `plot.targets()`, `plot.timeline()`, `plot.topology()`."""
        from rfast_bench.public.plots import Plots  # matplotlib takes half a second

        return Plots(self.runs, self._every)

    @property
    def labels(self) -> list[str]:
        """What the algorithms are called, in the order of the tables."""
        return list(dict.fromkeys(run.label for run in self.runs))

    @property
    def scenarios(self) -> list[str]:
        """The names of the scenarios."""
        return list(dict.fromkeys(run.scenario for run in self.runs))

    def select(
        self,
        *labels: str,
        seeds: int | Iterable[int] | None = None,
        where: Callable[[Run], bool] | None = None,
    ) -> Study:
        """The runs of these labels (all by default) and seeds, and for which `where(run)` is true.

        Raises UserError for a label that is not there, and when nothing is left.
        """
        for label in labels:
            if not isinstance(label, str):
                raise UserError(f'select: expected labels one by one, select("a", "b"), found {label!r}')
            self._check_label(label)
        wanted = _seeds(seeds)
        kept = [
            run
            for run in self.runs
            if (not labels or run.label in labels)
            and (wanted is None or run.seed in wanted)
            and (where is None or _holds(where, run))
        ]
        if not kept:
            raise UserError("no run is left of the selection")
        return Study(kept, self._every)

    def renamed(self, names: Mapping[str, str]) -> Study:
        """The same runs with other names for some labels, `{"r-fast": "R-FAST"}`. Raises UserError for a label that is
        not there, and where two would have one name."""
        if not isinstance(names, Mapping) or not all(isinstance(new, str) and new for new in names.values()):
            raise UserError(f'renamed: expected names by label, {{"r-fast": "R-FAST"}}, found {names!r}')
        for label in names:
            self._check_label(label)
        return Study(
            chosen(self.runs, names=names), chosen(self._every, names=names) if self._every else self._every
        )

    def _check_label(self, label: str) -> None:
        if label not in self.labels:
            raise UserError(f"no label '{label}'{suggest(label, self.labels)}")

    # ------------------------------------------------------------------------------------------ data frames
    def curves(self) -> pd.DataFrame:
        """One row per run and look: `scenario`, `world`, the keys of sweeps by their paths, `label`, `algorithm`,
        `seed`, then the columns of `curves.csv`: `time` (seconds), `epoch`, `gradients`, `bytes_sent`, `loss`, `gap`,
        `accuracy` and so on."""
        return self._tidy(Run.curves)

    def workers(self) -> pd.DataFrame:
        """One row per run and worker: gradients, samples, seconds busy and waiting, age of what it read."""
        return self._tidy(Run.workers)

    def timeline(self) -> pd.DataFrame:
        """One row per interval of computing (`worker`, `start`, `end` in seconds) in the first stretch of each run."""
        return self._tidy(Run.timeline)

    def _tidy(self, table: Callable[[Run], pd.DataFrame]) -> pd.DataFrame:
        keys = varying(self.runs)
        parts = [table(run).assign(**{"run": k}) for k, run in enumerate(self.runs)]
        whole = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
        own = [self._names(run, keys) for run in self.runs]
        head = pd.DataFrame([own[k] for k in whole.pop("run")], columns=list(own[0]) if own else None)
        return pd.concat([head, whole], axis=1)

    @staticmethod
    def _names(run: Run, keys: Sequence[str]) -> dict[str, Any]:
        point = {key: run.point.get(key) for key in keys}
        own = {"label": run.label, "algorithm": run.algorithm, "seed": run.seed}
        return {"scenario": run.scenario, "world": run.world, **point, **own}

    def table(self, baseline: str | None = None) -> pd.DataFrame:
        """The comparison in numbers, one row per scenario, point and label: what `table.csv` holds.

        Times and final values are medians over seeds; `_low` and `_high` their bootstrap intervals. Speed-ups are over
        `baseline`, or the scenario's own. Raises UserError when it is no label.
        """
        return summarise(self.runs, baseline)

    def compare(self, baseline: str | None = None) -> pd.DataFrame:
        """Speed-ups, one row per scenario, world, point, label and target: `time` (seconds until it), `speedup` with
        `low` and `high`, and `pace`: faster, level or slower than the baseline by the whole interval, or empty where
        it is not known. Raises UserError when `baseline` is no label, and where neither it nor a scenario names one."""
        table = self.table(baseline)
        if table["baseline"].isna().all():
            raise UserError(f"compare: the scenario names no baseline; give one of {', '.join(self.labels)}")
        points = [column for column in table if str(column).startswith(POINT)]
        return pd.DataFrame(
            [
                {
                    "scenario": row["scenario"],
                    **({"world": row["world"]} if "world" in row else {}),
                    **{str(column).removeprefix(POINT): row[column] for column in points},
                    "label": row["label"],
                    "baseline": row["baseline"],
                    "target": target,
                    "time": row[f"time_to_{target}"],
                    **_speedup(row, target),
                }
                for row in table.to_dict("records")
                for target in target_names(table)
            ]
        )

    def text(
        self,
        format: Format = "md",
        *,
        columns: str | Sequence[str] = (),
        baseline: str | None = None,
    ) -> str:
        """The comparison as a person reads it, with its foot and its cautions: what `rfast-bench table` prints.

        `format`: `md`, `latex` (for booktabs), `html`, `csv` (numbers) or `terminal`. `columns`: some of them, in this
        order, by their names in `table()` or their headings. Raises UserError for one that is not there.
        """
        chosen = [columns] if isinstance(columns, str) else list(columns)
        return render(self.runs, format, baseline, chosen=chosen, together=True)

    # ----------------------------------------------------------------------------------------------- shown
    def __repr__(self) -> str:
        names = f"{len(self.runs)} runs of {', '.join(self.scenarios)}"
        return f"<Study: {names}; {', '.join(self.labels)}>"

    def _repr_html_(self) -> str:
        """The table, for a notebook: without the styles of a page, which would be those of the whole notebook."""
        return render(self.runs, "html").partition("<body>")[2].partition("</body>")[0].strip()

    def __str__(self) -> str:
        return render(self.runs, "terminal")


def _several(value: object, kind: Any) -> list[Any] | None:
    """One of a kind or several of it, as a list; None where it is something else."""
    items = [value] if isinstance(value, kind) else list(value) if isinstance(value, Iterable) else [None]
    return items if all(isinstance(item, kind) for item in items) else None


def _seeds(asked: object) -> set[int] | None:
    if asked is None:
        return None
    several = _several(asked, Integral)
    if several is None:
        raise UserError(f"select: seeds: expected a whole number or several, found {asked!r}")
    return set(map(int, several))


def _holds(where: Callable[[Run], bool], run: Run) -> bool:
    try:
        return where(run)
    except KeyError as problem:
        key = problem.args[0] if problem.args else ""
        if not isinstance(key, str) or key in run.point:
            raise
        told = (
            f"; the keys of the sweep are {', '.join(run.point)}" if run.point else ", nor over anything else"
        )
        raise UserError(f"where: nothing was swept over '{key}'{nearest(key, run.point)}{told}") from problem


def _speedup(row: dict[Any, Any], target: str) -> dict[str, Any]:
    value, low, high = (row.get(f"speedup_{target}{end}", float("nan")) for end in ("", "_low", "_high"))
    known = low > 0 or high < float("inf")
    return {"speedup": value, "low": low, "high": high, "pace": pace(low, high) if known else ""}


def load(paths: str | Path | Iterable[str | Path]) -> Study:
    """The runs in folders of records, or below them. Raises UserError when there is none."""
    places = _several(paths, str | os.PathLike)
    if places is None:
        raise UserError(f"load: expected a folder of runs or several, found {paths!r}")
    return Study(find_runs([Path(place) for place in places]))
