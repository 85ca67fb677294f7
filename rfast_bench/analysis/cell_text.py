"""A summary's numbers as a person reads them: cells of text (`formats.py` prints them)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd

from rfast_bench.analysis.statistics import CONFIDENCE, surest
from rfast_bench.scenario.values.metrics import OF, number, of_workers, worker_of
from rfast_bench.scenario.values.metrics import larger_is_better as larger_is_better
from rfast_bench.scenario.values.metrics import words as words
from rfast_bench.scenario.values.units import NOTHING as NOTHING
from rfast_bench.scenario.values.units import few_digits
from rfast_bench.scenario.values.units import human_bytes as human_bytes

FINALS = ("loss", "gap", "accuracy")
OWN = ("loss_worst", "gap_worst", "accuracy_worst", "local_accuracy")
"""Only of runs that measured the workers' own models."""
POINT = "point."
"""What the columns of sweep keys start with."""
PARAMETER = "parameter."
"""What the columns of algorithms' own parameters start with."""


def listed(words: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def target_words(name: str) -> str:
    """`gap_0.1` -> `gap ≤ 0.1`, `accuracy_0.9` -> `accuracy ≥ 0.9`."""
    metric, _, value = name.rpartition("_")
    return f"{words(metric)} {'≥' if larger_is_better(metric) else '≤'} {value}"


def target_names(columns: Iterable[Hashable]) -> list[str]:
    """The targets `<metric>_<value>` that a summary has columns for, in order."""
    counts = [name for name in map(str, columns) if name.startswith("time_to_") and name.endswith("_reached")]
    return [name.removeprefix("time_to_").removesuffix("_reached") for name in counts]


# ----------------------------------------------------------------------------------------- readable cells
def present(frame: pd.DataFrame) -> pd.DataFrame:
    """A summary as a person reads it: every cell a string, units in the headings, empty columns left out."""
    shown = {"scenario": frame["scenario"].map(str)} if frame["scenario"].nunique() > 1 else {}
    shown |= {"world": frame["world"].map(str)} if "world" in frame and not only_world(frame) else {}
    for name in map(str, frame):
        if name.startswith(POINT) and frame[name].notna().any():
            shown[name.removeprefix(POINT)] = frame[name].map(cell)
    rows = frame.to_dict("records")
    cells = {name: [make(row) for row in rows] for name, make in _columns(frame).items()}
    shown |= {
        name if name not in shown else f"{name} (own)": pd.Series(texts, index=frame.index)
        for name, texts in cells.items()
        if name in _ALWAYS or any(text != NOTHING for text in texts)
    }
    return pd.DataFrame(shown)


def only_world(rows: pd.DataFrame) -> str:
    """The world of all these rows, if they are of a summary of both and have one alone: for their title."""
    worlds = list(rows["world"].unique()) if "world" in rows else []
    return str(worlds[0]) if len(worlds) == 1 else ""


_ALWAYS = ("algorithm", "status")
_COST = ("topology", "time per epoch (s)", "epoch speed-up", "idle (%)", "wasted (%)", "staleness", "sent")
_WELL = ("γ", "γ_eff", "momentum", "also tuned")
EDGE = " †"
"""Behind the label of what was tuned at the edge, in every table."""
DAGGER = "†: tuned at the edge, the best value was the first or last tried and a better one may lie beyond"


def label(row: Mapping[Any, Any]) -> str:
    """What tables call an algorithm."""
    return str(row["label"]) + (EDGE if row["tuned_at_edge"] else "")


def _columns(frame: pd.DataFrame) -> dict[str, Callable[[Mapping[Any, Any]], str]]:
    columns: dict[str, Callable[[Mapping[Any, Any]], str]] = {
        "algorithm": label,
        "topology": lambda row: cell(row["topology"]),
        "γ": lambda row: cell(row["step_size"]),
        "γ_eff": lambda row: cell(row["effective_step"]),
        "momentum": lambda row: cell(row.get("momentum")),
        "also tuned": _also_tuned,
    }
    for name in target_names(frame.columns):
        columns[heading(f"time_to_{name}")] = partial(_time, name)
        columns[heading(f"speedup_{name}")] = partial(speedup, name)
    for name in (name for metric in FINALS for name in (metric, *(own for own in OWN if metric in own))):
        if f"final_{name}" not in frame or (name.startswith("loss") and frame["final_gap"].notna().any()):
            continue  # the gap says the same
        columns[heading(f"final_{name}")] = partial(_final, name)
    return columns | {
        "time per epoch (s)": lambda row: cell(row["time_per_epoch"]) + interval("time_per_epoch", row),
        "epoch speed-up": partial(speedup, "epoch"),
        "idle (%)": lambda row: cell(row["idle_percent"]),
        "wasted (%)": lambda row: cell(row.get("wasted_percent")),
        "staleness": lambda row: cell(row.get("staleness")),
        "sent": lambda row: human_bytes(row["bytes_sent"]),
        "status": lambda row: str(row["status"]),
    }


def heading(column: str) -> str:
    """How a table calls a column of a summary that is of a target or a final value; others as they are."""
    for start, text in (
        ("time_to_", "time to {} (s)"),
        ("speedup_", "speed-up at {}"),
        ("final_", "final {}"),
    ):
        if column.startswith(start):
            return text.format(words(column.removeprefix(start)))
    return column


def cell(value: Any, digits: int = 3) -> str:
    """A few digits of a number, anything else as it is; a dash for what does not exist."""
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return NOTHING
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.number)):
        return str(value)
    if isinstance(value, int) and value.bit_length() > 1000:
        return f"{'-' * (value < 0)}1e{int(0.30103 * value.bit_length())}"
    return few_digits(float(value), digits)


def wanted(target: Mapping[str, Any]) -> list[str]:
    """What a stop rule's target wants: `worst gap 0.1`."""
    of = target.get(OF, "mean")
    return [
        words(f"{number(metric, one)}_{cell(value)}")
        for metric, value in target.items()
        if metric != OF and value is not None
        for one in ([of] if isinstance(of, str) else of)
    ]


def _also_tuned(row: Mapping[Any, Any]) -> str:
    """Tuned parameters other than γ, which has a column."""
    others = [part for part in str(row["tuned"]).split("; ") if part and not part.startswith("step_size=")]
    return ", ".join(others).replace("=", " ") or NOTHING


def interval(name: str, row: Mapping[Any, Any], digits: int = 3) -> str:
    """` [10.5, 12]`, ` [20, ∞)`, ` [–, 0.9]` of accuracies of which one diverged; nothing where there is none, or where
    it says no more than the number."""
    low, high = row.get(f"{name}_low", np.nan), row.get(f"{name}_high", np.nan)
    middle = row.get(name, np.nan)
    plain = middle if np.isfinite(middle) else row.get(f"{name}_above", np.nan)
    if np.isnan(low) or (low == plain and high in (plain, row.get(f"{name}_below"))):
        return ""
    ends = [cell(end, digits) for end in (low, high)]
    if ends[0] == ends[1] == cell(middle, digits):
        return ""
    return f" [{NOTHING if np.isinf(low) else ends[0]}, {'∞)' if np.isinf(high) else ends[1] + ']'}"


def _time(name: str, row: Mapping[Any, Any]) -> str:
    """`11.5 [10.5, 12]`; `> 60` where it was not reached when the run ended; `not reached` where it never can be."""
    name = f"time_to_{name}"
    middle, above = row.get(name, np.nan), row.get(f"{name}_above", np.nan)
    if np.isnan(middle) and np.isnan(above):
        return NOTHING
    return (cell(middle) if np.isfinite(middle) else not_reached(above)) + interval(name, row)


def not_reached(above: float, unit: str = "", digits: int = 3) -> str:
    """`> 60` where the run was stopped after so long and might have reached it; `not reached` where it never can."""
    return f"> {cell(above, digits)}{unit}" if np.isfinite(above) else "not reached"


def speedup(name: str, row: Mapping[Any, Any]) -> str:
    """`1.8× [1.6, 2]`; `> 1.8×` where the baseline, `< 0.5×` where the method itself was stopped too early."""
    name = f"speedup_{name}"
    middle, above, below = (row.get(name + end, np.nan) for end in ("", "_above", "_below"))
    if np.isfinite(middle):
        return NOTHING if middle == 0 else f"{cell(middle, 2)}×{interval(name, row, 2)}"
    if np.isfinite(below):
        known = f"{cell(above, 2)} to {cell(below, 2)}×" if above > 0 else f"< {cell(below, 2)}×"
        return known + interval(name, row, 2)
    return f"> {cell(above, 2)}×{interval(name, row, 2)}" if 0 < above < np.inf else NOTHING


def pace(low: float, high: float) -> Literal["faster", "level", "slower"]:
    """What the interval of a speed-up says of a method beside the baseline; `level` where it contains 1."""
    return "faster" if low > 1 else "slower" if high < 1 else "level"


def _final(name: str, row: Mapping[Any, Any]) -> str:
    name = f"final_{name}"
    if np.isinf(row.get(f"{name}_above", np.nan)):
        return NOTHING
    return cell(row[name]) + interval(name, row)


def split(
    shown: pd.DataFrame,
    fits: Callable[[pd.DataFrame], bool] = lambda frame: True,
    holds: Callable[[pd.DataFrame], bool] = lambda frame: True,
) -> list[tuple[str, pd.DataFrame]]:
    """A presented table as narrower ones: how fast (two targets each, or one unless that `fits`), how well, and at what
    cost (in one table each, unless it does not hold its words)."""
    names = [str(name) for name in shown]
    well = [name for name in names if name in _WELL or name.startswith("final ")]
    cost = [name for name in names if name in _COST]
    speed = [name for name in names if name.startswith(("time to ", "speed-up "))]
    lead = [name for name in names if name not in {*well, *cost, *speed, "status"}]
    paired = any(name.startswith("speed-up ") for name in speed)
    for width in (4, 2) if paired else (3, 1):
        chunks = [speed[at : at + width] for at in range(0, len(speed), width)] or [[]]
        fast = _numbered("How fast", [shown[lead + chunk + ["status"]] for chunk in chunks])
        if all(fits(frame) for _, frame in fast):
            break
    costly = _numbered("At what cost", _in_parts(shown, lead, cost, holds)) if cost else []
    return [*fast, *_numbered("How well", _in_parts(shown, lead, well, holds)), *costly]


def _in_parts(
    shown: pd.DataFrame, lead: list[str], names: list[str], holds: Callable[[pd.DataFrame], bool]
) -> list[pd.DataFrame]:
    """These columns in as few tables as hold their words, or a column each."""
    for wide in range(len(names), 1, -1):
        tables = [shown[lead + names[at : at + wide]] for at in range(0, len(names), wide)]
        if all(map(holds, tables)):
            return tables
    return [shown[[*lead, name]] for name in names] or [shown[lead]]


def _numbered(title: str, tables: Sequence[pd.DataFrame]) -> list[tuple[str, pd.DataFrame]]:
    many = len(tables)
    return [(f"{title}, {k} of {many}" if many > 1 else title, table) for k, table in enumerate(tables, 1)]


def footnote(frame: pd.DataFrame) -> str:
    """How to read the cells of these rows."""
    seeds = sorted(set(frame["seeds"]))
    base = frame["baseline"].dropna().unique()
    against = f"; speed-up over {', '.join(base)}, seed by seed" if len(base) and target_names(frame) else ""
    said = ["One seed" + against if seeds == [1] else _of_seeds(seeds) + against]
    if any(np.isfinite(frame.get(f"time_to_{name}_above", np.nan)).any() for name in target_names(frame)):
        said.append(">: not reached when the run ended")
    said += [f"Tuned by {by}, on other seeds" for by in dict.fromkeys(frame["tuned_by"]) if by]
    if frame.get("momentum", pd.Series(dtype=float)).notna().any():
        said.append("γ_eff counts momentum β: 1/(1 − β) times the step without it")
    said += _of_whom(frame)
    if frame["tuned_at_edge"].any():
        said.append(DAGGER)
    if frame["tuned_by"].any() and seeds[-1] > 1:
        said.append(
            "Intervals are conditional on the tuned choice: other tuning seeds might have chosen otherwise"
        )
    return ". ".join(said) + "."


def _of_whom(frame: pd.DataFrame) -> list[str]:
    """Whose models numbers are of, where some are not of the mean model."""
    names = [*target_names(frame.columns), *(name for name in OWN if f"final_{name}" in frame)]
    said = []
    if any(map(of_workers, names)):
        said.append(f"Worst, median: of {_judged(frame)} own models")
    if any(worker_of(name) is not None for name in names):
        said.append("of worker: of its own model")
    whole = "; ".join([*said, "all else of the mean model of all workers"])
    said = [whole[0].upper() + whole[1:]] if said else []
    if "local_accuracy" in names and frame["final_local_accuracy"].notna().any():
        said.append(f"Local accuracy: the mean of {_judged(frame)} own models' accuracies")
    return said + _of_some(frame)


def _of_some(frame: pd.DataFrame) -> list[str]:
    """The methods whose mean model is not that of all workers."""
    if "mean_of" not in frame:
        return []
    some = frame[frame["mean_of"].notna()]
    whose = zip(some["label"], some["mean_of"], some["workers"], strict=True)
    said = dict.fromkeys(f"{label}: of {k:g} of {n:g} workers" for label, k, n in whose)
    return [f"The mean model of {'; '.join(said)}"]


def _judged(frame: pd.DataFrame) -> str:
    """`the workers'`, or of how many of them."""
    pairs = {(a, b) for a, b in zip(frame["judged"], frame["workers"], strict=True) if a > 0}
    some = [f"{a:g} of {b:g} workers'" for a, b in sorted(pairs) if a < b]
    return " or ".join(some + ["all workers'"] * any(a == b for a, b in pairs)) if some else "the workers'"


def _of_seeds(seeds: Sequence[int]) -> str:
    few = next((count for count in seeds if count > 1), 1)
    sure = f"; {few} seeds give {surest(few):.0%} at most" if surest(few) < CONFIDENCE else ""
    count = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    return f"Median of {count} seeds [bootstrap interval, {CONFIDENCE:.0%}{sure}]"
