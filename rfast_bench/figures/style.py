"""What all figures share: fonts and colours of the page, headlines, saving.

Figures are matplotlib `Figure` objects without pyplot: nothing global is opened, so nothing is left open.
"""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from textwrap import wrap
from typing import Any

import matplotlib as mpl
import seaborn as sns
from matplotlib.backends.backend_pgf import LatexError
from matplotlib.figure import Figure

from rfast_bench.analysis.written.tex import as_tex
from rfast_bench.errors import UserError
from rfast_bench.figures.looks import Colour, Style
from rfast_bench.files import write_bytes
from rfast_bench.records.reading import Run

DPI = 150
SUFFIXES = (".svg", ".pdf", ".png", ".pgf")
WIDEST = 36
"""Letters of a line of a label."""
TEX = ("xelatex", "lualatex", "pdflatex")
"""By whom the texts of a `.pgf` are measured, the first that is on the PATH."""


@dataclass(frozen=True)
class Theme:
    """A page that figures are made for: its colours, its letters (in points) and how thick lines are."""

    page: str = "#ffffff"
    ink: str = "#262626"
    muted: str = "#666666"
    grid: str = "#e6e6e6"
    lane: str = "#ececec"
    text: float = 10.8
    line: float = 2.0
    marker: float = 5.5
    dark: bool = False
    small: bool = False
    """Whether legends go under the figure."""
    size: tuple[float, float] = (8.6, 4.8)
    """Of a figure of curves, in inches."""
    suffix: str = ".png"


THEMES = {
    "screen": Theme(),
    "paper": Theme(text=8.0, line=1.2, marker=3.4, small=True, size=(3.25, 2.4), muted="#555555"),
    "dark": Theme(page="#14171c", ink="#e7e9ec", muted="#a9b1bd", grid="#353b45", lane="#2a2f38", dark=True),
}
_THEME: ContextVar[Theme] = ContextVar("theme", default=THEMES["screen"])


def theme() -> Theme:
    """The page that is drawn for: that of the `look` around, else `screen`."""
    return _THEME.get()


def colour_of(style: Style) -> Colour:
    """A label's colour on this page."""
    return style.dark if theme().dark else style.colour


@contextmanager
def look(name: str = "screen", suffix: str = ".png") -> Iterator[Theme]:
    """The style of every figure, for the time of a `with` block: `screen`, `paper` or `dark`; and what their files
    end in where nobody says otherwise."""
    chosen = replace(THEMES[name], suffix=suffix)
    settings: dict[Any, Any] = {
        **sns.axes_style("whitegrid"),
        **sns.plotting_context("notebook", font_scale=chosen.text / 12),
        "grid.color": chosen.grid,
        "axes.titlelocation": "left",
        "svg.hashsalt": "rfast",
        "svg.fonttype": "none",
        "pdf.fonttype": 42,
        "ps.fonttype": 42,
        "pgf.rcfonts": False,
        "pgf.texsystem": next(filter(shutil.which, TEX), TEX[0]),
        **_page(chosen),
        **(_SMALL if chosen.small else {}),
    }
    token = _THEME.set(chosen)
    try:
        with mpl.rc_context(settings):
            yield chosen
    finally:
        _THEME.reset(token)


def _page(chosen: Theme) -> dict[str, str]:
    inked = ("text.color", "axes.labelcolor", "xtick.color", "ytick.color")
    paper = ("figure.facecolor", "axes.facecolor", "savefig.facecolor")
    edge = {"axes.edgecolor": "#5c6470" if chosen.dark else "#cccccc"}
    return {**dict.fromkeys(inked, chosen.ink), **dict.fromkeys(paper, chosen.page), **edge}


_SMALL = {
    **{"axes.linewidth": 0.7, "grid.linewidth": 0.5, "axes.labelpad": 2.5, "legend.handlelength": 2.4},
    **{"xtick.major.pad": 2.0, "ytick.major.pad": 2.0, "xtick.labelsize": 7.2, "ytick.labelsize": 7.2},
    **{"legend.fontsize": 7.2, "legend.columnspacing": 1.2, "legend.labelspacing": 0.3},
    **{"figure.constrained_layout.w_pad": 0.02, "figure.constrained_layout.h_pad": 0.02},
}


class Drawn(Figure):
    """A figure that shows itself in a notebook, and whose letters stay letters in whatever file it is saved."""

    def savefig(self, fname: Any, **words: Any) -> None:
        """As matplotlib's."""
        with mpl.rc_context({"pdf.fonttype": 42, "ps.fonttype": 42, "svg.fonttype": "none"}):
            super().savefig(fname, **words)

    def _repr_png_(self) -> bytes:
        held = io.BytesIO()
        self.savefig(held, format="png", dpi=110)
        return held.getvalue()


def figure(width: float, height: float) -> Figure:
    return Drawn(figsize=(width, height), layout="constrained")


def save(drawn: Figure, out: Path, name: str) -> Path:
    return save_as(drawn, out / f"{name}{theme().suffix}")


def save_as(drawn: Figure, path: Path, about: str = "") -> Path:
    """Write a figure in the format of its suffix, `about` as its description. Raises UserError."""
    if path.suffix == ".pgf" and not any(map(shutil.which, TEX)):
        raise UserError(
            f"{path}: a .pgf is measured by LaTeX, and none of {', '.join(TEX)} is on the PATH; "
            "allowed without: .pdf, .svg, .png"
        )
    picture = BytesIO()
    more: dict[str, Any] = {} if path.suffix == ".pgf" else {"metadata": _metadata(path.suffix, about)}
    try:
        drawn.savefig(picture, format=path.suffix[1:], dpi=DPI, **more)
    except LatexError as problem:
        tex = mpl.rcParams["pgf.texsystem"]
        raise UserError(f"{path}: {tex} cannot measure its text: {_tex_words(problem)}") from problem
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise UserError(f"cannot write {path}: {problem.strerror}") from problem
    write_bytes(path, picture.getvalue())
    return path


def _tex_words(problem: LatexError) -> str:
    """What a LaTeX stumbled over, of all that it printed."""
    lines = [line.strip() for line in problem.latex_output.splitlines()]
    return next((line for line in lines if line.startswith("!")), str(problem).splitlines()[0])


def _metadata(suffix: str, about: str) -> dict[str, str | None] | None:
    """What stands in the file beside the picture; no date, for equal records give equal bytes."""
    names: dict[str, dict[str, str | None]] = {
        ".svg": {"Date": None, "Description": about or None},
        ".pdf": {"CreationDate": None, **({"Subject": about} if about else {})},
        ".png": {"Description": about} if about else {},
    }
    return names.get(suffix) or None


def slug(text: str) -> str:
    """A file name for any label."""
    return re.sub(r"[^\w.+-]+", "-", text).strip("-.") or "unnamed"


def plain(text: str) -> str:
    """Text that is not read as a formula (nor, in a `.pgf`, as LaTeX), nor hidden from a legend for a leading
    underscore."""
    if theme().suffix == ".pgf":
        return as_tex(text)
    return re.sub(r"^_", " _", text).replace("$", r"\$")


def in_lines(label: str, after: str = "", wide: int = WIDEST) -> str:
    """A label and what is said behind it as a figure has them: on as many lines as hold them, of at most three.

    >>> in_lines("gossip with a name that is too long for a legend", " (void)", 24)
    'gossip with a name that\\nis too long for a legend\\n(void)'
    """
    lines = wrap(label + after, wide, max_lines=3, placeholder=" …") or [label]
    return "\n".join(map(plain, lines))


def time_name(runs: Sequence[Run]) -> str:
    simulated = all(run.world == "simulated" for run in runs)
    return "simulated time (s)" if simulated else "time (s)"


def by_label(runs: Sequence[Run]) -> dict[str, list[Run]]:
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.label, []).append(run)
    return groups


def headline(drawn: Figure, title: str, subtitle: str) -> None:
    """A bold title and a grey line under it, or as many as hold the subtitle, at the left."""
    big, small = 1.11 * theme().text, 0.88 * theme().text
    width, height = drawn.get_size_inches()
    titles = wrap(title, int(72 * width / (0.68 * big))) or [""]
    lines = wrap(subtitle, int(72 * width / (0.53 * small))) or [""]
    style: dict[str, Any] = {
        "x": 0.012,
        "ha": "left",
        "fontsize": big,
        "fontweight": "bold",
        "linespacing": 1.4,
    }
    drawn.suptitle(plain("\n".join(titles) + "\n" * len(lines)), **style)
    for at, line in enumerate(lines):
        down = (0.38 + 0.233 * (len(titles) - 1) + 0.19 * at) * big / 12
        grey: dict[str, Any] = {"ha": "left", "va": "center", "color": theme().muted, "fontsize": small}
        drawn.text(0.012, 1 - down / height, plain(line), **grey)
