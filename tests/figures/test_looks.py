"""The look of a method: the same everywhere, told apart by who sees no red, no green or no colour at all."""

from __future__ import annotations

from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from numpy.typing import NDArray

from rfast_bench.figures.looks import COLOURS, SHADES, Style, assigned, styles
from rfast_bench.figures.style import THEMES, figure, headline, in_lines, look
from rfast_bench.plan import registry
from rfast_bench.records.reading import find_runs
from tests.support.synthetic_records import curves_table, save

Array = NDArray[np.float64]
SIGHTS: dict[str, Array] = {
    "all colours": np.eye(3),
    "no red": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "no green": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}
"""Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB."""
APART, SEEN, GREYS = 17.0, 3.0, 10.0
"""Distance in CIE Lab of any two colours, contrast of each with its page, difference of two in lightness."""


def linear(colour: object) -> Array:
    c: Array = np.asarray(to_rgb(colour))  # type: ignore[arg-type]
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def lab(light: Array) -> Array:
    """CIE L*a*b* of linear sRGB under D65."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ np.clip(light, 0, 1) / np.array([0.9505, 1.0, 1.089])
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def luminance(colour: object) -> float:
    return float(linear(colour) @ np.array([0.2126, 0.7152, 0.0722]))


def contrast(one: object, other: object) -> float:
    """As in WCAG 2."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def shipped() -> dict[str, Style]:
    return assigned({name: name for name in registry.names()})


def test_the_measures_are_right() -> None:
    assert lab(linear("#ffffff")) == pytest.approx([100, 0, 0], abs=0.1)
    assert lab(linear("#ff0000")) == pytest.approx([53.2, 80.1, 67.2], abs=0.2)
    assert contrast("white", "black") == pytest.approx(21)


@pytest.mark.parametrize("page", [0, 1], ids=["light", "dark"])
def test_every_colour_is_seen_on_its_page(page: int) -> None:
    paper = THEMES[("screen", "dark")[page]].page
    for name, pair in COLOURS.items():
        assert contrast(pair[page], paper) >= SEEN, name


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("page", [0, 1], ids=["light", "dark"])
def test_any_two_colours_are_told_apart(page: int, sight: str) -> None:
    seen = {name: lab(SIGHTS[sight] @ linear(pair[page])) for name, pair in COLOURS.items()}
    for one, other in combinations(seen, 2):
        assert np.linalg.norm(seen[one] - seen[other]) >= APART, (one, other)


def test_shipped_algorithms_are_told_apart_in_grey() -> None:
    """By lightness, or by dash and marker both; and no two have the same dash and marker."""
    looks = shipped()
    assert len({(style.dashes, style.marker) for style in looks.values()}) == len(looks)
    for one, other in combinations(looks, 2):
        first, second = looks[one], looks[other]
        greys = abs(lab(linear(first.colour))[0] - lab(linear(second.colour))[0])
        assert greys >= GREYS or (first.dashes != second.dashes and first.marker != second.marker), (
            one,
            other,
        )


def test_every_shipped_algorithm_has_a_look_whoever_is_beside_it() -> None:
    looks = shipped()
    for name in registry.names():
        assert assigned({"mine": "mine.py:Mine", name: name})[name] == looks[name]
        assert assigned({f"my {name}": name}) == {f"my {name}": looks[name]}


def test_labels_of_one_algorithm_are_shades_of_its_colour() -> None:
    name = registry.names()[0]
    labels = [name, *(f"{name} {k}" for k in range(1, 6))]
    looks = assigned(dict.fromkeys(labels, name))
    own = looks[name]
    assert len({style.colour for style in looks.values()}) == len(labels)
    assert len({(style.dashes, style.marker) for style in looks.values()}) == len(labels)
    for label in labels[1:SHADES]:
        assert np.argmax(looks[label].colour) == np.argmax(own.colour)
        assert contrast(looks[label].colour, "white") >= SEEN
        assert contrast(looks[label].dark, THEMES["dark"].page) >= SEEN
    free = {to_rgb(light) for light, _ in COLOURS.values()}
    assert {looks[label].colour for label in labels[SHADES:]} <= free - {own.colour}


@pytest.mark.parametrize("name", registry.names())
def test_shades_are_seen_and_differ(name: str) -> None:
    looks = assigned(dict.fromkeys((name, "b", "c"), name))
    for page, paper in (("colour", "white"), ("dark", THEMES["dark"].page)):
        colours = [getattr(style, page) for style in looks.values()]
        assert all(contrast(colour, paper) >= SEEN for colour in colours), page
        lights = sorted(lab(linear(colour))[0] for colour in colours)
        assert all(high - low > 5 for low, high in pairwise(lights)), page


def test_many_own_algorithms_have_looks_of_their_own() -> None:
    looks = assigned({f"m{k}": f"mine.py:M{k}" for k in range(30)})
    assert len({(style.dashes, style.marker) for style in looks.values()}) == 30
    assert len({style.colour for style in list(looks.values())[: len(COLOURS)]}) == len(COLOURS)


def test_a_label_called_as_its_algorithm_has_its_look(tmp_path: Path) -> None:
    """Also where another label of it stands before it."""
    name = registry.names()[0]
    for order, label in enumerate((f"{name} fast", name)):
        save(tmp_path, label, curves=curves_table([0, 1], [1, 0.5]), order=order, algorithm=name)
    looks = styles(find_runs([tmp_path]))
    assert list(looks) == [f"{name} fast", name], "the order of tables"
    assert looks[name] == shipped()[name]


@pytest.mark.parametrize("width", [3.0, 5.0, 9.0])
def test_a_subtitle_stands_on_as_many_lines_as_hold_it(width: float) -> None:
    with look():
        drawn = figure(width, 4.0)
        axes = drawn.subplots(1, 1)
        headline(drawn, "Title", "eight workers of equal shards " * 5)
        drawn.draw_without_rendering()
    lines = [text.get_window_extent() for text in drawn.texts[1:]]
    assert len(lines) > 1
    assert all(line.x1 <= drawn.bbox.x1 for line in lines)
    assert all(above.y0 >= below.y1 - 1 for above, below in pairwise(lines))
    assert lines[-1].y0 >= axes.get_window_extent().y1


def test_a_title_stands_on_as_many_lines_as_hold_it() -> None:
    with look():
        drawn = figure(4.0, 4.0)
        axes = drawn.subplots(1, 1)
        headline(drawn, "Topology of a method of a long name " * 2, "8 workers")
        drawn.draw_without_rendering()
    title, subtitle = (text.get_window_extent() for text in drawn.texts)
    assert title.x1 <= drawn.bbox.x1
    assert subtitle.y0 >= axes.get_window_extent().y1
    last = drawn.texts[0].get_text().rstrip("\n").count("\n")
    line = title.height / (drawn.texts[0].get_text().count("\n") + 1)
    assert title.y1 - (last + 1) * line >= subtitle.y0


def test_a_label_stands_on_three_lines_at_most() -> None:
    assert in_lines("short", " (diverged)") == "short (diverged)"
    lines = in_lines("word " * 60).split("\n")
    assert len(lines) == 3
    assert max(map(len, lines)) <= 36
    assert lines[-1].endswith("…")
