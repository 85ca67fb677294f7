"""The look of a method: colour, dash and marker, the same in every figure and in the report.

Algorithms that are shipped have looks of their own (`looks.yaml` beside them). Further labels of one take shades of its
colour; other algorithms take the colours that are left, in their order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from itertools import cycle, product
from typing import Literal, NamedTuple

import yaml
from matplotlib.colors import to_rgb

from rfast_bench.records.reading import Run

Colour = tuple[float, float, float]
COLOURS: Mapping[str, tuple[str, str]] = {
    "blue": ("#0072b2", "#4aa3e8"),
    "amber": ("#cf8100", "#f3a33b"),
    "green": ("#04704e", "#07ed95"),
    "lilac": ("#be72e6", "#8880ff"),
    "black": ("#222222", "#f0f0f0"),
    "rust": ("#a74d16", "#b56b31"),
    "azure": ("#2170fa", "#8bdaff"),
    "plum": ("#6c0b65", "#c05460"),
    "mauve": ("#b881a2", "#e280ab"),
    "navy": ("#232aa6", "#7e57ff"),
    "brown": ("#532500", "#f5fa24"),
}
"""On a light and on a dark page. Any two are apart in CIE Lab by 17 or more, also for who sees no red or no green; each
has a contrast of 3 or more with its page."""
Dash = Literal["-", "--", "-.", ":"]
DASHES: Mapping[str, Dash] = {"solid": "-", "dashed": "--", "dash-dot": "-.", "dotted": ":"}
MARKERS = {
    **{"circle": "o", "square": "s", "diamond": "D", "triangle": "^", "triangle down": "v"},
    **{"plus": "P", "star": "*", "cross": "X"},
}
SHADES = 3
"""How many labels of one algorithm have its colour; more could not be told apart by shade."""


class Style(NamedTuple):
    """How one label is drawn."""

    colour: Colour
    dashes: Dash
    marker: str
    dark: Colour
    """The colour on a dark page."""


def styles(runs: Sequence[Run]) -> dict[str, Style]:
    """The look of every label of these runs, in the order of tables."""
    ordered = sorted(runs, key=lambda run: (run.order, run.label))
    return assigned({run.label: run.algorithm for run in reversed(ordered)}, [run.label for run in ordered])


def assigned(algorithms: Mapping[str, str], order: Sequence[str] = ()) -> dict[str, Style]:
    """The look of every name, given whose algorithm it is; of several names of one, that which is called so is its
    first."""
    names = list(dict.fromkeys(order or algorithms))
    members: dict[str, list[str]] = {}
    for name in sorted(names, key=lambda name: name != algorithms[name]):
        members.setdefault(algorithms[name], []).append(name)
    shipped = {one: _shipped()[one] for one in members if one in _shipped()}
    found = {members[one][0]: look for one, look in shipped.items()}
    left = _left([look.colour for look in shipped.values()])
    for name in (name for name in names if name not in found):
        own, at = algorithms[name], members[algorithms[name]].index(name)
        if own in shipped and at < SHADES:
            light, dark = _shade(shipped[own].colour, at), _shade(shipped[own].dark, at, on_dark=True)
            unlike = shipped[own]
        else:
            (light, dark), unlike = next(left), None
        dashes, marker = _pair(list(found.values()), unlike)
        found[name] = Style(light, dashes, marker, dark)
    return {name: found[name] for name in names}


@cache
def _shipped() -> dict[str, Style]:
    text = resources.files("rfast_bench.algorithms").joinpath("looks.yaml").read_text(encoding="utf-8")
    return {
        name: Style(
            to_rgb(COLOURS[look["colour"]][0]),
            DASHES[look["dash"]],
            MARKERS[look["marker"]],
            to_rgb(COLOURS[look["colour"]][1]),
        )
        for name, look in yaml.safe_load(text).items()
    }


def _left(taken: Sequence[Colour]) -> Iterator[tuple[Colour, Colour]]:
    """Colours that nobody has, then all of them again and again."""
    colours = [(to_rgb(light), to_rgb(dark)) for light, dark in COLOURS.values()]
    yield from (pair for pair in colours if pair[0] not in taken)
    yield from cycle(colours)


def _pair(taken: Sequence[Style], unlike: Style | None) -> tuple[Dash, str]:
    """A dash and a marker that nobody has together, of `unlike` neither; any where all are taken."""
    used = {(style.dashes, style.marker) for style in taken}
    dashes, markers = list(DASHES.values()), list(MARKERS.values())
    turns = product(range(len(markers)), range(len(dashes)))
    pairs = [(dashes[k], markers[(k + turn) % len(markers)]) for turn, k in turns]
    apart = [
        pair for pair in pairs if unlike is None or (pair[0] != unlike.dashes and pair[1] != unlike.marker)
    ]
    return next((pair for pair in apart if pair not in used), apart[len(taken) % len(apart)])


def _shade(colour: Colour, at: int, on_dark: bool = False) -> Colour:
    """Away from the page, or towards it where there is no room to go away."""
    light = 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2]
    away = light < 0.6 if on_dark else light > 0.25
    towards = float(away == on_dark)
    most = 0.5 if away else 0.35 if on_dark else 0.45
    share = most if at == 1 else 0.55 * most
    mixed = [(1 - share) * part + share * towards for part in colour]
    return mixed[0], mixed[1], mixed[2]
