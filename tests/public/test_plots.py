"""Figures of a study: on axes of one's own, in a notebook, in files for papers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from rfast_bench.errors import UserError
from rfast_bench.public.study import Study
from rfast_bench.records.reading import Run


def test_they_are_drawn_on_axes_that_are_given(scene: list[Run]) -> None:
    study, own = Study(scene), Figure()
    axes = own.subplots(2, 2).ravel()
    drawn = [
        study.plot.curves("epoch", "loss", ax=axes[0], log=True),
        study.plot.targets(ax=axes[1]),
        study.plot.timeline(study.labels[0], ax=axes[2]),
        study.plot.topology("r-fast", ax=axes[3]),
    ]
    assert all(one is own for one in drawn)
    assert axes[0].get_yscale() == "log"
    assert axes[0].get_xlabel() == "epochs (all workers together)"
    assert axes[0].get_legend() is not None
    assert axes[1].patches
    assert axes[2].collections
    assert axes[3].patches
    sized = Study(scene).plot.curves(size=(np.float32(3.5), 2))  # type: ignore[arg-type]
    assert sized.get_size_inches().tolist() == [3.5, 2.0]


def test_one_shows_itself_and_keeps_its_letters(scene: list[Run], tmp_path: Path) -> None:
    figure = Study(scene).plot.curves(style="paper")
    assert figure._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]
    assert figure.get_size_inches().tolist() == [3.25, 2.4]
    figure.savefig(tmp_path / "a.pdf")
    content = (tmp_path / "a.pdf").read_bytes()
    assert b"/Type3" not in content
    assert b"/CIDFontType2" in content or b"/TrueType" in content or b"/ObjStm" in content


def test_a_label_looks_the_same_whatever_is_selected(scene: list[Run]) -> None:
    study = Study(scene)
    last = "osgp"

    def colour(some: Study) -> object:
        (line,) = [one for one in some.plot.curves().axes[0].lines if str(one.get_label()).startswith(last)]
        return line.get_color()

    assert colour(study) == colour(study.select(last))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda plot: plot.curves("hours"), "x: found 'hours'"),
        (lambda plot: plot.curves("time", "los"), "y: found 'los'"),
        (lambda plot: plot.curves(style="beamer"), "style: found 'beamer'"),
        (lambda plot: plot.targets("gap_7"), "no target 'gap_7'"),
        (lambda plot: plot.topology("ring"), "no label 'ring'"),
    ],
)
def test_what_is_not_there_is_told(call: object, words: str, scene: list[Run]) -> None:
    with pytest.raises(UserError, match=words):
        call(Study(scene).plot)  # type: ignore[operator]


def test_bars_are_of_one_point(lossy: list[Run]) -> None:
    study = Study(lossy)
    with pytest.raises(UserError, match="targets are of one scenario, world and sweep point"):
        study.plot.targets()
    first = study.runs[0].point
    assert study.select(where=lambda run: run.point == first).plot.targets()
