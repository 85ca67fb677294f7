"""Records into tables: who reached the target when, how good the model became, and what it cost.

`summarise` gives numbers, one row per (scenario, sweep point, label); `render` prints them as readable
cells (see `cell_text.py`). Times, speed-ups and final values are medians over seeds with bootstrap intervals
(`statistics.py`; columns: `outcomes.py`); a speed-up is the baseline's time over one's own, seed by seed.
A run that diverged reached nothing, whatever its curve touched on the way.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from rfast_bench.analysis.cautions import misleading
from rfast_bench.analysis.cell_text import (
    FINALS,
    PARAMETER,
    POINT,
    footnote,
    only_world,
    present,
    split,
    target_names,
)
from rfast_bench.analysis.columns import ENDS, cells_of, numbers_of
from rfast_bench.analysis.formats import WRITERS, fits, holds, terminal_columns
from rfast_bench.analysis.outcomes import EPOCH, Known, columns, known, over_itself, speedups
from rfast_bench.errors import UserError, nearest
from rfast_bench.records.order import point_key
from rfast_bench.records.reading import DAMAGED, Run, baselines, varying
from rfast_bench.scenario.values.metrics import words

BROKEN = "invariant broken"
ENDINGS = ("skipped", "void", BROKEN, DAMAGED, "diverged", "stalled")
"""How a run may end other than well; columns of the summary that count them, the `RARE` only where there is one."""
RARE = (BROKEN, DAMAGED)
CAUTIONS = "cautions"
"""In `attrs` of a summary that is to be printed: what `analysis/cautions.py` found, by scenario."""
COSTS = ("idle_percent", "bytes_sent", "staleness")


# --------------------------------------------------------------------------------------------- the numbers
def costs(run: Run) -> dict[str, float]:
    """What one run spent: percent of idle time, bytes; and how many gradients old messages were when read. Where any
    gradients were given up, the percent of the time that they took too."""
    curves, workers, read = run.curves(), run.workers(), run.staleness()
    if run.status == "skipped" or curves.empty:
        return {}
    last = curves.iloc[-1]
    waiting, busy = workers["waiting"].sum(), workers["busy"].sum()
    wasted = workers["wasted"].sum() if "wasted" in workers else 0.0
    return {
        **({"wasted_percent": 100 * _ratio(wasted, busy + waiting)} if wasted > 0 else {}),
        "idle_percent": 100 * _ratio(waiting, busy + waiting),
        "bytes_sent": float(last["bytes_sent"]),
        "staleness": _ratio((read["staleness"] * read["count"]).sum(), read["count"].sum()),
    }


def _ratio(above: float, below: float) -> float:
    return float(above / below) if below > 0 else float("nan")


def summarise(runs: Sequence[Run], baseline: str | None = None) -> pd.DataFrame:
    """One numeric row per (scenario, sweep point, label); seconds, percent, bytes.

    Raises UserError when `baseline` is no label of these runs.
    """
    ordered = sorted(runs, key=Run.sort_key)
    reference = baselines(ordered, baseline)
    keys = varying(ordered)
    measured = [known(run) for run in ordered]
    by_run = {_info(run, run.label): numbers for run, numbers in zip(ordered, measured, strict=True)}
    groups: dict[tuple[Any, ...], list[tuple[Run, Known]]] = {}
    for run, numbers in zip(ordered, measured, strict=True):
        against = by_run.get(_info(run, reference[run.scenario]), {})
        group = groups.setdefault((run.scenario, run.world, point_key(run.point), run.label), [])
        paired = over_itself(numbers) if run.label == reference[run.scenario] else speedups(numbers, against)
        group.append((run, {**numbers, **paired}))
    both = len({run.world for run in ordered}) > 1
    frame = pd.DataFrame([_row(group, keys, reference, both) for group in groups.values()])
    names = sorted(map(str, frame), key=lambda name: name.startswith(PARAMETER))
    return frame[[name for name in names if name not in RARE or frame[name].any()]]


def cautioned(frame: pd.DataFrame, runs: Sequence[Run]) -> pd.DataFrame:
    """A summary of these runs that knows what is to be said at its foot; to find that, records are read again."""
    frame.attrs[CAUTIONS] = {
        str(name): misleading([run for run in runs if run.scenario == name], rows)
        for name, rows in frame.groupby("scenario", sort=False)
    }
    return frame


def _info(run: Run, label: str | None) -> tuple[Any, ...]:
    return (run.scenario, run.world, point_key(run.point), run.seed, label)


def _row(
    group: Sequence[tuple[Run, Known]],
    keys: Iterable[str],
    reference: Mapping[str, str | None],
    both: bool,
) -> dict[str, Any]:
    runs = [run for run, _ in group]
    first = runs[0]
    world = {"world": first.world} if both else {}
    row: dict[str, Any] = {
        "scenario": first.scenario,
        **world,
        **{POINT + key: first.point.get(key) for key in keys},
        "label": first.label,
        "algorithm": first.algorithm,
        "topology": first.topology_info.name if first.topology_info else None,
        **{PARAMETER + name: _plain(value) for name, value in first.parameters.items()},
        "step_size": first.step_size,
        "effective_step": pd.Series([run.effective_step for run in runs], dtype=float).median(),
        **_momentum(first),
        "tuned": "; ".join(f"{name}={value}" for name, value in first.tuned_values.items()),
        "tuned_by": next((how["objective"] for how in first.tuned.values()), ""),
        "tuned_at_edge": first.tuned_at_edge,
        "baseline": reference[first.scenario],
        "seeds": len(runs),
        "workers": first.workers_count,
        "judged": len(first.judged),
        **({"mean_of": len(first.mean_of)} if first.mean_of else {}),
        **{word: sum(run.status == word for run in runs) for word in ENDINGS},
    }
    row |= {f"final_{name}": np.nan for name in FINALS}
    row |= {EPOCH: np.nan}
    for name in _targets(runs):
        row |= {f"time_to_{name}{end}": np.nan for end in ("", "_min", "_max")} | {
            f"time_to_{name}_reached": 0
        }
    row |= columns([numbers for _, numbers in group])
    spent = [costs(run) for run in runs]
    row |= {name: _mean(own.get(name, np.nan) for own in spent) for name in COSTS}
    if any("wasted_percent" in own for own in spent):
        row["wasted_percent"] = _mean(own.get("wasted_percent", 0.0) for own in spent)
    return row | {"status": _status(runs, row)}


def _plain(value: Any) -> Any:
    """A parameter as a number or a word."""
    return json.dumps(value) if isinstance(value, list | tuple | dict) else value


def _momentum(run: Run) -> dict[str, float]:
    """A column for methods with momentum alone: β, by which the effective step is larger, 1/(1 − β) times."""
    momentum = float(run.optimizer.get("momentum", 0.0))
    return {"momentum": momentum} if momentum else {}


def _targets(runs: Sequence[Run]) -> list[str]:
    return [f"{m}_{t:g}" for m, values in runs[0].targets.items() for t in values]


def _mean(values: Iterable[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")


def _status(runs: Sequence[Run], row: Mapping[str, Any]) -> str:
    said = []
    if any(run.topology_info is not None and not run.topology_info.sound for run in runs):
        said.append("no common root")
    for word in ENDINGS:
        if row[word]:
            reason = _reason([run for run in runs if run.status == word])
            share = _share(row[word], len(runs), always=word != "skipped")
            said.append(f"{word}{share}{': ' if reason else ''}{reason}")
    if all(run.valid and _did_nothing(run) for run in runs):
        said.append("no gradient was done")
    said += _missed(runs, row)
    said += [
        f"caution: {short}" for short in dict.fromkeys(one["short"] for run in runs for one in run.cautions)
    ]
    if row["tuned_at_edge"]:
        said.append(f"tuned at the edge ({row['tuned_at_edge']})")
    return "; ".join(said) or "ok"


def _reason(ended: Sequence[Run]) -> str:
    """Of the first seed that gives one, which is named where the others have others."""
    first = next((run for run in ended if run.reason), ended[0])
    alike = all(run.reason == first.reason for run in ended)
    named = first.reason.startswith(f"seed-{first.seed}/")
    return first.reason if alike or named else f"seed {first.seed}: {first.reason}"


def _did_nothing(run: Run) -> bool:
    """Whether the run was over before anybody's first gradient: a forgotten unit, as a rule."""
    curves = run.curves()
    return not curves.empty and bool(curves["gradients"].iloc[-1] == 0)


def _missed(runs: Sequence[Run], row: Mapping[str, Any]) -> list[str]:
    """`did not reach gap 0.1, gap 0.03 (2/3)`: of the runs that ended well. Where all of them were stopped by their
    target, the others are what they had not reached by then."""
    valid = [run for run in runs if run.valid]
    counts = {name: len(valid) - row[f"time_to_{name}_reached"] for name in target_names(row)}
    missed = {words(name): _share(n, len(runs), n < len(runs)) for name, n in counts.items() if n > 0}
    stopped = all(run.stopped_by == "target" for run in valid)
    verb = "stopped at its target before" if stopped else "did not reach"
    return [f"{verb} {', '.join(name + share for name, share in missed.items())}"] if missed else []


def _share(count: int, of: int, always: bool = True) -> str:
    return f" ({count}/{of})" if of > 1 and (always or count < of) else ""


# ---------------------------------------------------------------------------------------------- rendering
def render(
    runs: Sequence[Run],
    format: str,
    baseline: str | None = None,
    width: int | None = None,
    chosen: Sequence[str] = (),
    together: bool = False,
    aside: Collection[str] = (),
) -> str:
    """The runs' summary as text. `width` is for the terminal, in columns (its own, or 110 in a file); `chosen` are the
    columns wanted, in their order; `together` puts several scenarios into one table; `aside` are labels without rows,
    that speed-ups are given against.

    `csv` holds the numbers, all other formats the readable cells. Raises UserError for an unknown format or column.
    """
    allowed = ("csv", *WRITERS)
    if format not in allowed:
        raise UserError(f"no format '{format}'; one of {', '.join(allowed)}{nearest(format, allowed)}")
    frame = without(summarise(runs, baseline), aside)
    if format != "csv":
        frame = cautioned(frame, sorted((run for run in runs if run.label not in aside), key=Run.sort_key))
    return written(frame, format, width, chosen, together)


def without(frame: pd.DataFrame, labels: Collection[str]) -> pd.DataFrame:
    """A summary without the rows of these."""
    return frame[~frame["label"].isin(list(labels))].reset_index(drop=True) if labels else frame


def _title(scenario: str, rows: pd.DataFrame) -> str:
    world = only_world(rows)
    return f"{scenario}, {world} world" if world else scenario


def _foot(frame: pd.DataFrame, rows: pd.DataFrame) -> str:
    """How to read the cells, and each caution on a line."""
    cautions = frame.attrs.get(CAUTIONS, {})
    found = [one for scenario in rows["scenario"].unique() for one in cautions.get(str(scenario), ())]
    return "\n".join([footnote(rows), *dict.fromkeys(f"Caution: {one.text}" for one in found)])


def _told(rows: pd.DataFrame, chosen: Sequence[str]) -> pd.DataFrame:
    """What the foot is about: of targets and final values those that are shown."""
    if not chosen:
        return rows
    kept = {f"{name}{end}" for name in numbers_of(rows, chosen) for end in ("", *ENDS)}
    numbers = [str(name) for name in rows if str(name).startswith(("time_to_", "final_", "speedup_"))]
    return rows.drop(columns=[name for name in numbers if name not in kept])


def written(
    frame: pd.DataFrame,
    format: str,
    width: int | None = None,
    chosen: Sequence[str] = (),
    together: bool = False,
) -> str:
    """A summary in one of the formats of `render`."""
    if format == "csv":
        return (numbers_of(frame, chosen) if chosen else frame).to_csv(index=False, lineterminator="\n")
    room = terminal_columns(width) if format == "terminal" else 10**6
    if together:
        groups = [(", ".join(map(str, frame["scenario"].unique())), frame)]
    else:
        groups = [(str(scenario), rows) for scenario, rows in frame.groupby("scenario", sort=False)]
    parts = [
        (
            _title(scenario, rows),
            [("", cells_of(rows, chosen))]
            if chosen
            else split(present(rows), partial(fits, width=room), partial(holds, width=room)),
            _foot(frame, _told(rows, chosen)),
        )
        for scenario, rows in groups
    ]
    return WRITERS[format](parts, width)
