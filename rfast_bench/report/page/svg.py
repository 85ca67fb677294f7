"""A little SVG: elements as safe markup, scales with ticks, the shapes that tell series apart without colour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape
from matplotlib.colors import to_hex
from matplotlib.ticker import Locator, LogLocator, MaxNLocator

from rfast_bench.figures.looks import Style

WIDTH = 500.0
"""User units across every drawing; the page's style sheet sets text sizes for wide and narrow screens."""
DASHES = {"-": "", "--": "8 4", "-.": "9 3 2 3", ":": "2 3"}


def tag(name: str, *children: object, **attributes: object) -> Markup:
    """An element. `class_` is `class`, `_` in a name is `-`; numbers lose needless digits."""
    given = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _written(value))
        for key, value in attributes.items()
        if value != ""
    )
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(name), given, Markup("").join(map(escape, children)))


def _written(value: object) -> str:
    return short(value) if isinstance(value, float) else str(value)


def short(value: float) -> str:
    """A coordinate to a tenth of a unit."""
    return f"{value:.1f}".removesuffix(".0")


def drawing(height: float, title: str, *children: object) -> Markup:
    """A whole drawing, named for who cannot see it."""
    box = f"0 0 {short(WIDTH)} {short(height)}"
    return tag("svg", *children, viewBox=box, role="img", aria_label=title)


def text(x: float, y: float, words: str, anchor: str = "start", kind: str = "") -> Markup:
    return tag("text", words, x=x, y=y, text_anchor="" if anchor == "start" else anchor, class_=kind)


def tick_below(x: float, y: float, words: str) -> Markup:
    """A tick's words under an axis, in the middle of `x` but never over the right edge."""
    if x + 5 * len(words) > WIDTH:
        return text(WIDTH, y, words, "end", "tick")
    return text(x, y, words, "middle", "tick")


def line(x1: float, y1: float, x2: float, y2: float, kind: str = "grid") -> Markup:
    return tag("path", d=path([(x1, y1), (x2, y2)]), class_=kind)


def path(points: Sequence[tuple[float, float]], closed: bool = False) -> str:
    return "M" + "L".join(f"{short(x)} {short(y)}" for x, y in points) + ("Z" if closed else "")


# -------------------------------------------------------------------------------------------------- scales
@dataclass(frozen=True)
class Scale:
    """Values from `low` to `high` onto units from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high, at = (math.log10(v) if self.log else v for v in (self.low, self.high, value))
        share = (at - low) / (high - low) if high > low else 0.5
        return self.start + share * (self.end - self.start)

    def ticks(self, most: int = 6) -> list[float]:
        """Round numbers between both ends; of a log axis powers of ten, or numbers between them where these are few."""
        if not self.log:
            slack = 1e-9 * (self.high - self.low)
            return self._within(MaxNLocator(most - 1, steps=[1, 2, 2.5, 5, 10]), slack)
        if self.high >= 100 * self.low:
            return self._within(LogLocator(numticks=most))
        found = self._within(LogLocator(subs=(1.0, 2.0, 3.0, 5.0), numticks=most))
        return found if len(found) > 2 else self._within(MaxNLocator(most - 1, steps=[1, 2, 2.5, 5, 10]))

    def _within(self, locator: Locator, slack: float = 0.0) -> list[float]:
        ticks = [float(tick) for tick in locator.tick_values(self.low, self.high)]
        return [tick for tick in ticks if self.low - slack <= tick <= self.high + slack]


_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float) -> str:
    """A tick's words: `0.01`, `250`, `10⁻⁶`."""
    if value and not 1e-3 <= abs(value) < 1e5:
        mantissa, _, power = f"{value:.2e}".partition("e")
        lead = "" if float(mantissa) == 1 else f"{float(mantissa):g}·"
        return f"{lead}10{str(int(power)).translate(_SUPERSCRIPTS)}"
    return f"{value:g}"


# -------------------------------------------------------------------------------------------------- series
def colours(style: Style) -> str:
    """Its colours on a light and on a dark page, for the style sheet to choose from."""
    return f"--c:{to_hex(style.colour)};--d:{to_hex(style.dark)}"


def dash(style: Style) -> str:
    return DASHES[style.dashes]


def series(index: int, style: Style, name: str, *children: object) -> Markup:
    """What belongs to one label, so that the legend can hide it."""
    return tag("g", tag("title", name), *children, class_="series", data_series=index, style=colours(style))


_CORNERS = {"s": (4, 45.0), "D": (4, 0.0), "^": (3, -90.0), "v": (3, 90.0)}


def shape(marker: str, x: float, y: float, r: float = 4.0) -> str:
    """The path of a marker, named as in matplotlib: o s D ^ v P * X."""
    if marker == "o":
        return f"M{short(x - r)} {short(y)}a{r} {r} 0 1 0 {2 * r} 0a{r} {r} 0 1 0 {-2 * r} 0Z"
    if marker in _CORNERS:
        corners, turn = _CORNERS[marker]
        return path(_round(x, y, [1.25 * r] * corners, turn), closed=True)
    if marker == "*":
        return path(_round(x, y, [1.4 * r, 0.6 * r] * 5, -90.0), closed=True)
    turn = 0.0 if marker == "P" else 45.0
    arms = [path([(x, y), point]) for point in _round(x, y, [1.3 * r] * 4, turn)]
    return "".join(arms)


def _round(x: float, y: float, radii: Sequence[float], turn: float) -> list[tuple[float, float]]:
    angles = np.deg2rad(turn + np.arange(len(radii)) * 360 / len(radii))
    return [(x + r * math.cos(a), y + r * math.sin(a)) for r, a in zip(radii, angles, strict=True)]


def sample(style: Style) -> Markup:
    """A label's line and marker, for legends and tables."""
    whole = tag("path", d="M1 7L33 7", class_="curve", stroke_dasharray=dash(style))
    mark = tag("path", d=shape(style.marker, 17, 7, 3.6), class_="mark")
    return tag(
        "svg",
        whole,
        mark,
        viewBox="0 0 34 14",
        class_="sample",
        aria_hidden="true",
        style=colours(style),
    )
