"""Records into figures (PNG): the objective over time and epochs, times to target, who waited, the graphs.

One set of files per scenario and sweep point (in sub-folders when there are several), and for a sweep the
time to target against each key that varies. A skipped run is in no figure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from rfast_bench.analysis.cell_text import larger_is_better, not_reached, words
from rfast_bench.analysis.tables import summarise
from rfast_bench.figures.diagrams import draw_timeline, draw_topologies
from rfast_bench.figures.style import (
    AXIS,
    GREY,
    Style,
    band,
    by_label,
    figure,
    headline,
    key,
    log_range,
    look,
    note_targets,
    plain,
    save,
    slug,
    styles,
    time_name,
)
from rfast_bench.figures.sweeps import draw_sweeps, latest, whisker
from rfast_bench.records.order import point_key
from rfast_bench.records.reading import Run, baselines, varying


def draw(runs: Sequence[Run], out: Path, baseline: str | None = None) -> list[Path]:
    """Draw every figure that the runs have data for; returns the files written.

    Raises UserError when `baseline` is no label of these runs.
    """
    baselines(runs, baseline)
    shown = [run for run in sorted(runs, key=Run.sort_key) if run.status != "skipped"]
    looks = styles(runs)
    files = []
    with look():
        for folder, part in _parts(shown, out):
            files += _draw_point(part, folder, looks, baseline if _has(part, baseline) else None)
        for folder, part in _scenarios(shown, out):
            files += draw_sweeps(part, folder, looks)
    return files


def _has(runs: Sequence[Run], label: str | None) -> bool:
    return any(run.label == label for run in runs)


def _split(runs: Sequence[Run], by: Callable[[Run], Any]) -> list[list[Run]]:
    groups: dict[Any, list[Run]] = {}
    for run in runs:
        groups.setdefault(by(run), []).append(run)
    return list(groups.values())


def _scenarios(runs: Sequence[Run], out: Path) -> list[tuple[Path, list[Run]]]:
    parts = _split(runs, lambda run: run.scenario)
    homes = [(out / slug(part[0].scenario) if len(parts) > 1 else out, part) for part in parts]
    return [at for home, part in homes for at in _worlds(part, home)]


def _worlds(runs: Sequence[Run], out: Path) -> list[tuple[Path, list[Run]]]:
    """A folder for each world where there are both: times of one are none of the other's."""
    parts = _split(runs, lambda run: run.world)
    return [(out / part[0].world if len(parts) > 1 else out, part) for part in parts]


def _parts(runs: Sequence[Run], out: Path) -> list[tuple[Path, list[Run]]]:
    return [
        (
            folder / slug("_".join(f"{name}-{part[0].point.get(name)}" for name in keys)) if keys else folder,
            part,
        )
        for folder, whole in _scenarios(runs, out)
        for keys in [varying(whole)]
        for part in _split(whole, lambda run: point_key(run.point))
    ]


def _draw_point(runs: Sequence[Run], out: Path, looks: dict[str, Style], baseline: str | None) -> list[Path]:
    metrics = ["gap" if any(run.curves()["gap"].notna().any() for run in runs) else "loss"]
    metrics += ["accuracy"] if any("accuracy" in run.targets for run in runs) else []
    files = []
    for metric in metrics:
        files.append(save(_curves(runs, looks, metric, "time"), out, f"{metric}-vs-time"))
        files.append(save(_curves(runs, looks, metric, "epoch"), out, f"{metric}-vs-epochs"))
    if any(values for run in runs for values in run.targets.values()):
        files.append(save(_times_to_target(runs, looks, baseline), out, "time-to-target"))
    return files + draw_timeline(runs, out, looks) + draw_topologies(runs, out)


def _point_words(runs: Sequence[Run]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in runs[0].point.items())


def _where(runs: Sequence[Run]) -> str:
    return " · ".join(filter(None, [runs[0].scenario, _point_words(runs)]))


def _seeds(runs: Sequence[Run]) -> str:
    count = max(len(group) for group in by_label(runs).values())
    return f"median of {count} seeds, band from min to max" if count > 1 else "one seed"


# ------------------------------------------------------------------------------------------------- curves
def _curves(runs: Sequence[Run], looks: dict[str, Style], metric: str, x: str) -> Figure:
    groups = by_label(runs)
    bands = {label: band(group, x, metric) for label, group in groups.items()}
    bands = {label: frame for label, frame in bands.items() if len(frame)}
    targets = sorted({value for run in runs for value in run.targets.get(metric, ())})
    drawn = figure(8.6, 4.8)
    axes = drawn.subplots()
    if bands:
        _scale(axes, bands, groups, metric, targets)
    for label, frame in bands.items():
        _draw_band(axes, frame, looks[label])
    note_targets(axes, targets)
    axes.set(xlabel=time_name(runs) if x == "time" else AXIS[x], ylabel=AXIS[metric])
    axes.set_xlim(left=0)
    _legend(drawn, bands, groups, looks)
    against = "time" if x == "time" else "epochs"
    headline(drawn, f"{metric.capitalize()} against {against}", f"{_where(runs)} · {_seeds(runs)}")
    return drawn


def _scale(
    axes: Axes,
    bands: dict[str, pd.DataFrame],
    groups: dict[str, list[Run]],
    metric: str,
    targets: Sequence[float],
) -> None:
    steady = [label for label in bands if all(run.status == "finished" for run in groups[label])]
    if metric == "accuracy":
        bottom = foot(bands)
        if bottom is not None:
            highest = max(float(frame["high"].max()) for frame in bands.values())
            axes.set_ylim(bottom, min(1.0, highest + 0.25 * (highest - bottom)))
        return
    limits = log_range(bands, steady, targets)
    if limits is None:
        return
    axes.set_yscale("log")
    axes.set_ylim(limits)
    if limits[1] < 100 * limits[0]:  # few powers of ten: numbers between them are labelled too, as they are
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(FuncFormatter(lambda v, _: f"{v:g}" if f"{v:e}"[0] in "235" else ""))
    for label, frame in bands.items():
        lines = ["median", "low", "high"]
        bands[label] = frame.assign(**frame[lines].clip(1.2 * limits[0], 10 * limits[1]))


def foot(bands: dict[str, pd.DataFrame]) -> float | None:
    """Where an axis of accuracies begins, if not below them all: above the start, where the second look of every curve
    has left it behind. What tells methods apart is at the top."""
    if any(len(frame) < 3 for frame in bands.values()):
        return None
    start = max(float(frame["high"].iloc[0]) for frame in bands.values())
    later = min(float(frame["low"].iloc[1:].min()) for frame in bands.values())
    end = max(float(frame["median"].iloc[-1]) for frame in bands.values())
    return later - 0.1 * (end - later) if later - start > end - later else None


def _draw_band(axes: Axes, frame: pd.DataFrame, style: Style) -> None:
    colour, dashes, _ = style
    axes.plot(frame["x"], frame["median"], color=colour, linestyle=dashes, linewidth=2, zorder=3)
    axes.fill_between(frame["x"], frame["low"], frame["high"], color=colour, alpha=0.2, linewidth=0, zorder=2)


def _legend(
    drawn: Figure, bands: dict[str, pd.DataFrame], groups: dict[str, list[Run]], looks: dict[str, Style]
) -> None:
    """Outside at the right, in the order in which the curves end, from top to bottom."""
    order = sorted(bands, key=lambda label: -bands[label]["median"].iloc[-1])
    handles = [key(looks[label], label + ending(groups[label])) for label in order]
    if handles:
        drawn.legend(handles=handles, loc="outside right center", frameon=False)


def ending(runs: Sequence[Run]) -> str:
    """` (diverged 2/3)`: how runs ended that did not finish as meant."""
    counts = Counter(run.status for run in runs if run.status != "finished")
    shares = {word: "" if count == len(runs) else f" {count}/{len(runs)}" for word, count in counts.items()}
    return f" ({', '.join(word + share for word, share in shares.items())})" if shares else ""


# ------------------------------------------------------------------------------------------------- targets
def _times_to_target(runs: Sequence[Run], looks: dict[str, Style], baseline: str | None) -> Figure:
    frame = summarise(runs, baseline)
    targets = [(metric, value) for metric, values in _targets(runs).items() for value in values]
    drawn = figure(max(7.5, 1.8 + 4.0 * len(targets)), 1.7 + 0.5 * len(frame))
    panels = drawn.subplots(1, len(targets), sharey=True, squeeze=False)[0]
    for axes, (metric, value) in zip(panels, targets, strict=True):
        _bars(axes, frame, f"{metric}_{value:g}", looks, time_name(runs))
        sign = "≥" if larger_is_better(metric) else "≤"
        axes.set_title(f"{words(metric)} {sign} {value:g}", fontsize=10.5)
    base = frame["baseline"].iloc[0]
    against = f"; × is the speed-up over {base}" if base else ""
    spread = "median over seeds, bootstrap intervals" if frame["seeds"].max() > 1 else "one seed"
    headline(drawn, "Time to target", f"{_where(runs)} · {spread}{against}")
    return drawn


def _targets(runs: Sequence[Run]) -> dict[str, list[float]]:
    metrics = dict.fromkeys(metric for run in runs for metric in run.targets)
    return {
        metric: sorted(
            {value for run in runs for value in run.targets.get(metric, ())},
            reverse=not larger_is_better(metric),
        )
        for metric in metrics
    }


def _bars(axes: Axes, frame: pd.DataFrame, name: str, looks: dict[str, Style], time: str) -> None:
    """A bar for each median that is known; where there is none, words alone and no axis of times."""
    longest = latest(frame, f"time_to_{name}") or 1.0
    for at, row in enumerate(frame.to_dict("records")):
        middle = row.get(f"time_to_{name}", np.nan)
        end = 0.0
        if np.isfinite(middle):
            low, high = whisker(row, f"time_to_{name}", longest)
            colour, end = looks[row["label"]][0], high
            axes.barh(at, middle, color=colour, height=0.62)
            if high > low:
                axes.errorbar(middle, at, xerr=[[middle - low], [high - middle]], color="#333333", capsize=3)
        axes.text(end + 0.02 * longest, at, bar_words(row, name), va="center", color=GREY, fontsize=9.5)
    axes.set_yticks(range(len(frame)), [plain(label) for label in frame["label"]])
    room = 1.9 if any("/" in bar_words(row, name) for row in frame.to_dict("records")) else 1.45
    axes.set(xlim=(0, room * longest), ylim=(len(frame) - 0.5, -0.5))
    axes.grid(visible=False, axis="y")
    if any_bar(frame, name):
        axes.set_xlabel(time)
    else:
        axes.set_xticks([])


def any_bar(rows: pd.DataFrame, name: str) -> bool:
    """Whether a median time to this target is known of somebody."""
    return bool(np.isfinite(rows[f"time_to_{name}"]).any())


def bar_words(row: Any, name: str) -> str:
    """`11.5 s · 1.8×`; `> 60 s`, `not reached` as in tables; or how all seeds ended that got nowhere."""
    reached, seeds = int(row[f"time_to_{name}_reached"]), row["seeds"]
    missed = not_reached(row.get(f"time_to_{name}_above", np.nan), " s")
    if not reached:
        return next(
            (word for word in ("invariant broken", "damaged", "diverged", "void") if row.get(word) == seeds),
            missed,
        )
    speedup = row.get(f"speedup_{name}", np.nan)
    middle = row[f"time_to_{name}"]
    words = [f"{middle:.3g} s" if np.isfinite(middle) else missed]
    words += [f"{speedup:.2g}×"] if np.isfinite(speedup) and row["label"] != row["baseline"] else []
    return " · ".join(words + ([f"{reached}/{seeds} reached"] if reached < seeds else []))
