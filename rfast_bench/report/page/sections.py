"""The parts of the page, as plain values for the template: one `Part` a scenario and world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from markupsafe import Markup

from rfast_bench.analysis.cell_text import cell, footnote, target_names, target_words
from rfast_bench.analysis.shards import Shards
from rfast_bench.figures.legends import ending
from rfast_bench.figures.plots import seeds_words
from rfast_bench.figures.style import by_label
from rfast_bench.plan.swept_values import short_names
from rfast_bench.records.order import point_key
from rfast_bench.records.reading import DAMAGED, Run, varying
from rfast_bench.report.content import fault_words, resolved, run_description
from rfast_bench.report.content.at_a_glance import Glance, glance
from rfast_bench.report.content.cautions import about_links, about_settings, cautions
from rfast_bench.report.content.findings import Finding
from rfast_bench.report.content.holdings import Holdings, holdings
from rfast_bench.report.content.margins import judged
from rfast_bench.report.content.overview import over_points
from rfast_bench.report.content.sortable_tables import Grid, grids
from rfast_bench.report.content.trained import trained
from rfast_bench.report.content.tuned import Chosen, chosen, tuning
from rfast_bench.report.content.verdict import at_point
from rfast_bench.report.page.charts import Looks, bars, curves
from rfast_bench.report.page.diagrams import timelines, topologies
from rfast_bench.report.page.svg import sample
from rfast_bench.report.page.sweeps import sweep_charts


@dataclass(frozen=True)
class Figure:
    """A drawing under its title."""

    title: str
    drawing: Markup
    about: str = ""
    """Whose world, and how many seeds."""


@dataclass(frozen=True)
class PointView:
    """What is shown of one sweep point (the only one has no name)."""

    name: str
    findings: list[Finding]
    figures: list[Figure]
    timelines: list[tuple[str, Markup]]
    world: str
    """As captions have it."""


@dataclass(frozen=True)
class Graphs:
    """Graphs, and the labels that run on them."""

    label: str
    caption: str
    drawings: list[tuple[str, Markup]]


@dataclass(frozen=True)
class Part:
    """Everything of one scenario in one world."""

    id: str
    title: str
    setting: list[str]
    tuned: list[Chosen]
    description: str
    glance: Glance | None
    findings: list[Finding]
    grids: list[Grid]
    note: str
    legend: list[tuple[int, str, Markup]]
    sweeps: list[Figure]
    points: list[PointView]
    graphs: list[Graphs]
    holdings: list[Holdings]
    scenario: str
    runs: list[Run]

    @property
    def contents(self) -> list[tuple[str, str]]:
        """Anchors and titles of its sections, as far as it has them."""
        found = [("setting", "What was run", True), ("verdict", "Verdict", True)]
        found += [("trust", "How far to trust it", True), ("numbers", "Numbers", True)]
        found += [("figures", "Figures", bool(self.legend)), ("graphs", "Topologies", bool(self.graphs))]
        found += [
            ("holdings", "Who holds what", bool(self.holdings)),
            ("scenario", "Resolved scenario", True),
        ]
        return [(anchor, title) for anchor, title, there in found if there]

    @property
    def results(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.kind != "caution"]

    @property
    def cautions(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.kind == "caution"]


def part_of(
    runs: Sequence[Run],
    number: int,
    title: str,
    looks: Looks,
    baseline: str | None,
    shards: Sequence[Shards] = (),
) -> Part:
    """The part of runs that share scenario and world, in the order of `Run.sort_key`; `shards`: how their samples
    were dealt, as far as that is known."""
    rows = judged(runs, baseline)
    whole_runs = [run for run in runs if run.status != DAMAGED] or list(runs)
    scenarios = [resolved.read(run) for run in whole_runs]
    whole = resolved.together(whole_runs, scenarios)
    swept = resolved.swept(runs)
    shown = [run for run in runs if run.status != "skipped"]
    points = _points(shown, baseline, looks)
    findings = over_points(rows) if swept else at_point(rows)
    return Part(
        id=f"part-{number}",
        title=title,
        setting=[
            *run_description.sentences(
                {"world": runs[0].world, "workers": runs[0].workers_count, **whole}, swept, whole["seeds"]
            ),
            *trained(runs),
            *tuning(runs),
        ],
        tuned=list(chosen(runs)),
        description=str(whole.get("description", "")),
        glance=glance(rows),
        findings=[
            *findings,
            *cautions(rows),
            *about_settings(runs, rows),
            *about_links(runs),
            *_mixture(runs, resolved.differing(whole_runs, scenarios)),
        ],
        grids=grids(rows),
        note=footnote(rows),
        legend=[
            (looks[label][0], label + ending(own), sample(looks[label][1]))
            for label, own in by_label(shown).items()
        ],
        sweeps=[Figure(*chart, _intervals(shown)) for chart in sweep_charts(shown, rows, looks)]
        if swept and shown
        else [],
        points=points,
        graphs=_graphs(shown),
        holdings=[holdings(one) for one in shards],
        scenario=resolved.as_text(whole),
        runs=list(runs),
    )


def _world(runs: Sequence[Run]) -> str:
    return f"{runs[0].world} world"


def _intervals(runs: Sequence[Run]) -> str:
    """What a figure of times is of."""
    return f"{_world(runs)}, {seeds_words(runs, 'bootstrap intervals')}"


def _mixture(runs: Sequence[Run], differing: Sequence[str]) -> list[Finding]:
    """Runs that should not stand in one table: made by scenarios that differ, or with other versions."""
    found = []
    if differing:
        keys = fault_words.listed(differing)
        text = f"These runs differ also in {keys}, which no sweep declares: they are not like for like."
        found.append(Finding("caution", "mixture", text))
    versions = {repr(run.manifest.get("versions")) for run in runs}
    if len(versions) > 1:
        text = "These runs were made with different versions of the packages below."
        found.append(Finding("caution", "mixture", text))
    return found


# ------------------------------------------------------------------------------------------------- points
def _points(shown: Sequence[Run], baseline: str | None, looks: Looks) -> list[PointView]:
    keys = varying(shown)
    groups: dict[object, list[Run]] = {}
    for run in shown:
        groups.setdefault(point_key({key: run.point.get(key) for key in keys}), []).append(run)
    return [_point(group, keys, baseline, looks) for group in groups.values()]


def _point(runs: Sequence[Run], keys: Sequence[str], baseline: str | None, looks: Looks) -> PointView:
    names = short_names(keys)
    name = ", ".join(f"{names[key]} = {cell(runs[0].point.get(key))}" for key in keys)
    rows = judged(runs, baseline if any(run.label == baseline for run in runs) else None)
    return PointView(
        name,
        at_point(rows) if keys else [],
        _figures(runs, rows, looks),
        timelines(runs, looks),
        _world(runs),
    )


def _figures(runs: Sequence[Run], rows: pd.DataFrame, looks: Looks) -> list[Figure]:
    metrics = ["gap" if any(run.curves()["gap"].notna().any() for run in runs) else "loss"]
    metrics += ["accuracy"] if any("accuracy" in run.targets for run in runs) else []
    drawn = [
        (f"{metric.capitalize()} against {words}", curves(runs, looks, metric, x))
        for metric in metrics
        for x, words in (("time", "time"), ("epoch", "epochs"))
    ]
    about = f"{_world(runs)}, {seeds_words(runs)}"
    figures = [Figure(title, drawing, about) for title, drawing in drawn if drawing is not None]
    return figures + [
        Figure(f"Time to {target_words(name)}", bars(runs, rows, looks, name), _intervals(runs))
        for name in target_names(rows)
        if rows[f"time_to_{name}_reached"].sum()
    ]


def _graphs(shown: Sequence[Run]) -> list[Graphs]:
    """The graphs of every label at every point; what is drawn alike is drawn once, for all its labels."""
    found: dict[tuple[str, tuple[tuple[str, Markup], ...]], dict[str, None]] = {}
    groups: dict[object, list[Run]] = {}
    for run in shown:
        groups.setdefault(point_key(run.point), []).append(run)
    for group in groups.values():
        for label, caption, drawings in topologies(group):
            found.setdefault((caption, tuple(drawings)), {})[label] = None
    return [
        Graphs(fault_words.listed(labels), caption, list(drawings))
        for (caption, drawings), labels in found.items()
    ]
