"""Records into figures (PNG): the objective over time and epochs, times to target, who waited, the graphs.

One set of files per scenario and sweep point (in sub-folders when there are several), and for a sweep the
time to target against each key that varies. A skipped run is in no figure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from rfast_bench.analysis.cell_text import cell, larger_is_better, target_names, target_words
from rfast_bench.analysis.tables import summarise
from rfast_bench.figures.bars import draw_bars
from rfast_bench.figures.curves import draw_curves, main_number
from rfast_bench.figures.diagrams import save_timeline, save_topologies
from rfast_bench.figures.legends import keys, legend
from rfast_bench.figures.looks import Style, styles
from rfast_bench.figures.style import by_label, figure, headline, look, plain, save, slug, theme, time_name
from rfast_bench.figures.sweeps import draw_sweeps
from rfast_bench.records.key_words import key_words
from rfast_bench.records.order import point_key
from rfast_bench.records.reading import Run, baselines, varying


def draw(
    runs: Sequence[Run],
    out: Path,
    baseline: str | None = None,
    looks: Mapping[str, Style] | None = None,
    style: str = "screen",
    suffix: str = ".png",
) -> list[Path]:
    """Draw every figure that the runs have data for; returns the files written.

    Raises UserError when `baseline` is no label of these runs.
    """
    baselines(runs, baseline)
    shown = [run for run in sorted(runs, key=Run.sort_key) if run.status != "skipped"]
    looks = looks or styles(runs)
    files = []
    with look(style, suffix):
        for folder, whole in _scenarios(shown, out):
            for home, part in _parts(whole, folder):
                files += _draw_point(part, home, looks, baseline if _has(part, baseline) else None)
            files += save_topologies(whole, folder)
            files += draw_sweeps(whole, folder, looks)
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


def _parts(runs: Sequence[Run], folder: Path) -> list[tuple[Path, list[Run]]]:
    """Each sweep point with its folder; the only one has none of its own."""
    keys = varying(runs)
    parts = _split(runs, lambda run: point_key(run.point))
    if not keys:
        return [(folder, part) for part in parts]
    return [
        (folder / slug("_".join(f"{name}-{part[0].point.get(name)}" for name in keys)), part)
        for part in parts
    ]


def _draw_point(
    runs: Sequence[Run], out: Path, looks: Mapping[str, Style], baseline: str | None
) -> list[Path]:
    metrics = [main_number(runs)]
    metrics += ["accuracy"] if any("accuracy" in run.targets for run in runs) else []
    files = []
    for metric in metrics:
        files.append(save(curves_figure(runs, looks, metric, "time"), out, f"{metric}-vs-time"))
        files.append(save(curves_figure(runs, looks, metric, "epoch"), out, f"{metric}-vs-epochs"))
    if any(values for run in runs for values in run.targets.values()):
        files.append(save(times_figure(runs, looks, baseline), out, "time-to-target"))
    return files + save_timeline(runs, out, looks)


def _where(runs: Sequence[Run]) -> str:
    names = key_words(runs, list(runs[0].point))
    point = ", ".join(f"{names[key]} = {cell(value)}" for key, value in runs[0].point.items())
    return " · ".join(filter(None, [runs[0].scenario, point]))


def seeds_words(runs: Sequence[Run], spread: str = "band from min to max") -> str:
    """Of how many seeds a curve and its band are, or what else shows the spread."""
    counts = sorted({len(group) for group in by_label(runs).values()})
    if not counts or counts == [1]:
        return "one seed"
    many = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return f"median of {many} seeds, {spread}"


def curves_figure(runs: Sequence[Run], looks: Mapping[str, Style], metric: str, x: str) -> Figure:
    """A figure of one number against time or epochs, with headline and legend."""
    drawn = figure(*theme().size)
    found = draw_curves(drawn.subplots(), runs, x, metric, looks)
    legend(drawn, keys(found, runs, looks))
    against = "time" if x == "time" else "epochs"
    headline(drawn, f"{metric.capitalize()} against {against}", f"{_where(runs)} · {seeds_words(runs)}")
    return drawn


def times_figure(runs: Sequence[Run], looks: Mapping[str, Style], baseline: str | None) -> Figure:
    """A figure of the times to every target, a panel each."""
    frame = summarise(runs, baseline)
    names = easiest_first(target_names(frame.columns))
    size = theme().text / 10.8
    drawn = figure(size * max(7.5, 1.8 + 4.0 * len(names)), size * (1.7 + 0.5 * len(frame)))
    panels = drawn.subplots(1, len(names), sharey=True, squeeze=False)[0]
    for axes, name in zip(panels, names, strict=True):
        draw_bars(axes, frame, name, looks, time_name(runs))
        axes.set_title(plain(target_words(name)), fontsize=0.97 * theme().text)
    base = frame["baseline"].iloc[0]
    against = f"; × is the speed-up over {base}" if base else ""
    spread = "median over seeds, bootstrap intervals" if frame["seeds"].max() > 1 else "one seed"
    headline(drawn, "Time to target", f"{_where(runs)} · {spread}{against}")
    return drawn


def easiest_first(names: Sequence[str]) -> list[str]:
    """Targets `<metric>_<value>` by metric, of each the easiest first."""
    metrics = list(dict.fromkeys(name.rpartition("_")[0] for name in names))

    def place(name: str) -> tuple[int, float]:
        metric, _, value = name.rpartition("_")
        return metrics.index(metric), float(value) * (1 if larger_is_better(metric) else -1)

    return sorted(names, key=place)
