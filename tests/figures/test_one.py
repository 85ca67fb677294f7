"""One figure in one file: what is drawn, in which size and format, and what is refused."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from rfast_bench.cli.commands import main
from rfast_bench.errors import UserError
from rfast_bench.figures import one
from rfast_bench.figures.looks import styles
from rfast_bench.figures.one import Wanted, apart, carried, draw_one, is_file, size_of
from rfast_bench.figures.style import TEX
from rfast_bench.records.choosing import chosen
from rfast_bench.records.reading import Run, find_runs
from tests.support.synthetic_records import curves_table, decay, save


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two scenarios with two labels in common, and one of its own."""
    out = tmp_path_factory.mktemp("two")
    for scenario, labels in {
        "calm": ("r-fast", "ring-allreduce"),
        "stormy": ("r-fast", "ring-allreduce", "osgp"),
    }.items():
        for order, label in enumerate(labels):
            for seed in (0, 1):
                rate = 0.3 / (1 + order)
                save(out, label, seed, decay(seed, label, rate), scenario=scenario, order=order)
    return out


@pytest.fixture(scope="module")
def runs(home: Path) -> list[Run]:
    return find_runs([home])


def plot(home: Path, *arguments: object) -> Result:
    return CliRunner().invoke(main, ["plot", str(home), *map(str, arguments)])


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The figures that are drawn, kept instead of written."""
    kept: list[Any] = []

    def keep(figure: Any, path: Path, about: str = "") -> Path:
        kept.append(figure)
        return path

    monkeypatch.setattr(one, "save_as", keep)
    return kept


def legend(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


# ------------------------------------------------------------------------------------------------- files
@pytest.mark.parametrize("suffix", ["svg", "pdf", "png"])
def test_a_path_with_a_figures_suffix_is_one_file(home: Path, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "deep" / f"fig.{suffix}"
    result = plot(home, "--x", "time", "--y", "gap", "-o", path)
    assert result.exit_code == 0, result.output
    assert result.stdout.split() == [str(path)]
    assert [other.name for other in path.parent.iterdir()] == [path.name]
    start = {"svg": b"<?xml", "pdf": b"%PDF", "png": b"\x89PNG"}[suffix]
    assert path.read_bytes().startswith(start)
    again = tmp_path / f"again.{suffix}"
    plot(home, "-o", again)
    assert again.read_bytes() == path.read_bytes(), "without --x and --y it is the main curve, to the byte"


def test_the_caption_says_seeds_and_band(home: Path, tmp_path: Path) -> None:
    result = plot(home, "--no-title", "--y", "loss", "--x", "epoch", "-o", tmp_path / "f.svg")
    caption = "Loss against epochs. calm, stormy; median of 2 seeds, band from min to max."
    assert result.stderr.strip() == f"caption: {caption}"
    text = (tmp_path / "f.svg").read_text()
    assert caption in text
    assert "Loss against epochs</text>" not in text
    assert ">ring-allreduce, calm</text>" in text, "text is text"


def test_fonts_of_a_pdf_are_embedded_as_truetype(home: Path, tmp_path: Path) -> None:
    plot(home, "--style", "paper", "-o", tmp_path / "f.pdf")
    data = (tmp_path / "f.pdf").read_bytes()
    assert b"/Type3" not in data
    assert b"/CIDFontType2" in data
    assert b"/FontFile2" in data


def test_the_size_is_that_asked_for(home: Path, tmp_path: Path) -> None:
    plot(home, "--size", "3.25x2.4in", "-o", tmp_path / "f.pdf")
    (box,) = re.findall(rb"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+) ?\]", (tmp_path / "f.pdf").read_bytes())
    assert [float(side) for side in box] == pytest.approx([3.25 * 72, 2.4 * 72])
    assert size_of("8.255x6.096 cm") == pytest.approx((3.25, 2.4))
    for wrong in ("3.25", "3x2", "0x2in", "3x2px", "400x2in"):
        with pytest.raises(UserError, match="--size: found"):
            size_of(wrong)


def test_what_does_not_fit_is_told(home: Path, tmp_path: Path) -> None:
    result = plot(home, "--size", "1.2x1in", "--style", "screen", "-o", tmp_path / "f.pdf")
    assert result.exit_code == 2, result.output
    assert "--size: 1.2x1in has no room for the curves beside their title and legend" in result.stderr
    assert not list(tmp_path.iterdir())


def test_a_folder_is_still_a_folder(home: Path, tmp_path: Path) -> None:
    result = plot(home, "--y", "loss", "--x", "bytes", "--format", "pdf", "-o", tmp_path / "out")
    assert result.stdout.split() == [str(tmp_path / "out" / "loss-vs-bytes.pdf")]


def test_the_whole_set_in_another_format(home: Path, tmp_path: Path) -> None:
    result = plot(home / "calm", "--format", "svg", "-o", tmp_path / "out", "--select", "r-fast")
    names = [Path(line).name for line in result.stdout.split()]
    assert names == ["gap-vs-time.svg", "gap-vs-epochs.svg", "time-to-target.svg"]


# ------------------------------------------------------------------------------------------------ content
def test_shared_labels_bear_their_scenario(runs: list[Run], drawn: list[Any]) -> None:
    draw_one(runs, Path("f.png"), Wanted(title=False))
    assert legend(drawn[0]) == [
        *("r-fast, calm", "r-fast, stormy", "ring-allreduce, calm", "ring-allreduce, stormy", "osgp"),
    ]
    assert drawn[0].get_suptitle() == ""


def test_sweep_points_in_one_figure_bear_their_values(lossy: list[Run], drawn: list[Any]) -> None:
    one_label = [run for run in lossy if run.label == "r-fast" and run.point["workers"] == 4]
    draw_one(one_label, Path("f.png"))
    said = [f"r-fast, share of messages lost {loss}" for loss in ("0", "0.1", "0.3")]
    assert legend(drawn[0]) == said


@pytest.mark.parametrize("x", ["time", "epoch", "gradients", "bytes"])
def test_every_x_axis(runs: list[Run], drawn: list[Any], x: str) -> None:
    many = [run for run in runs if run.scenario == "calm"]
    if x == "gradients":
        with pytest.MonkeyPatch.context() as patched:
            table = Run.curves
            patched.setattr(Run, "curves", lambda run: table(run).assign(gradients=lambda t: 10 * t["time"]))
            draw_one(many, Path("f.png"), Wanted(x=x))
    else:
        draw_one(many, Path("f.png"), Wanted(x=x))
    line = drawn[0].axes[0].lines[0]
    most = {"time": 60, "epoch": 30, "gradients": 600, "bytes": 6e7}[x]
    assert np.max(line.get_xdata()) == pytest.approx(most)


def test_the_scale_is_as_asked(runs: list[Run], drawn: list[Any]) -> None:
    for y, log in (("gap", None), ("gap", False), ("accuracy", None), ("accuracy", True)):
        draw_one(runs, Path("f.png"), Wanted(y=y, log=log))
    assert [figure.axes[0].get_yscale() for figure in drawn] == ["log", "linear", "linear", "log"]


def test_the_axes_show_what_is_asked(runs: list[Run], drawn: list[Any]) -> None:
    draw_one(runs, Path("f.png"), Wanted(xlim=(1.0, 3.0), ylim=(1e-3, 0.5)))
    (axes,) = drawn[-1].axes
    assert (axes.get_xlim(), axes.get_ylim()) == ((1.0, 3.0), (1e-3, 0.5))


def test_a_label_looks_the_same_whatever_is_chosen_and_however_called(runs: list[Run]) -> None:
    every = styles(runs)
    few = chosen(runs, ["osgp", "r-fast"], {"osgp": "Push-sum"})
    stormy = [run for run in few if run.scenario == "stormy"]
    looks = carried(stormy, runs)
    assert looks == {"Push-sum": every["osgp"], "r-fast": every["r-fast"]}
    both = carried(apart(few), apart(runs))
    assert both["r-fast, calm"].colour == every["r-fast"].colour
    assert both["r-fast, calm"] != both["r-fast, stormy"]


def test_select_and_rename_reach_the_legend(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "f.svg"
    chosen_ = ["--select", "osgp,r-fast", "--rename", "osgp=Push-sum", "--rename", "r-fast=R-FAST (ours)"]
    assert plot(home / "stormy", *chosen_, "-o", path).exit_code == 0
    text = path.read_text()
    assert text.index(">Push-sum<") < text.index(">R-FAST (ours)<")
    assert "ring-allreduce" not in text


def test_the_dark_page_is_dark_and_the_rest_is_left_alone(home: Path, tmp_path: Path) -> None:
    before = dict(mpl.rcParams)
    assert plot(home, "--style", "dark", "-o", tmp_path / "f.png").exit_code == 0
    assert dict(mpl.rcParams) == before
    pixels = np.asarray(Image.open(tmp_path / "f.png").convert("L"))
    assert np.median(pixels) < 40


def test_a_column_of_a_paper_holds_everything(runs: list[Run], drawn: list[Any], tmp_path: Path) -> None:
    """Nothing leaves a figure of 3.25 inches, and letters are of 7 points or more."""
    draw_one(runs, Path("f.png"), Wanted(style="paper"))
    figure = drawn[0]
    figure.draw_without_rendering()
    box = figure.get_tightbbox()
    assert min(box.x0, box.y0) >= -0.01
    assert (box.x1, box.y1) == pytest.approx((3.25, 2.4), abs=0.1)
    assert max(box.x1 - 3.25, box.y1 - 2.4) <= 0.01
    texts = [text for text in figure.findobj(mpl.text.Text) if text.get_text().strip()]
    assert min(float(text.get_fontsize()) for text in texts) >= 6.5


# ------------------------------------------------------------------------------------------------ refusals
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--y", "gapp", "-o", "f.pdf"], "--y: found 'gapp'; these runs have accuracy"),
        (["-o", "f.eps"], "a figure ends in .svg, .pdf, .png, .pgf"),
        (["-o", "f.pdf", "--format", "svg"], "--format svg: -o names 'f.pdf', which ends in .pdf"),
        (["--xlim", "0,2"], "--size, --log, --linear, --xlim, --ylim and --no-title are of one figure"),
        (["-o", "f.pdf", "--xlim", "2,0"], "--xlim: found '2,0'; expected LOW,HIGH"),
        (["-o", "f.pdf", "--xlim", "2"], "--xlim: found '2'; expected LOW,HIGH"),
        (["-o", "f.pdf", "--ylim", "0,inf"], "--ylim: found '0,inf'; expected LOW,HIGH"),
        (["-o", "f.pdf", "--ylim", "0,1"], "ylim: found 0; a log axis begins above 0"),
        (["--size", "3x2in"], "--size, --log, --linear, --xlim, --ylim and --no-title are of one figure"),
        (["--log", "-o", "out"], "are of one figure"),
        (["--size", "3", "-o", "f.pdf"], "--size: found '3'; expected WIDTHxHEIGHT"),
        (["--select", "r-fats", "-o", "f.pdf"], "did you mean 'r-fast'"),
        (["--rename", "osgp", "-o", "f.pdf"], "expected OLD=NEW"),
        (["--baseline", "x", "-o", "f.pdf"], "no baseline 'x'"),
        (["--style", "poster", "-o", "f.pdf"], "'poster' is not one of"),
        (["-o", "file/f.pdf"], "cannot write file/f.pdf"),
    ],
)
def test_bad_input_exits_2_and_leaves_nothing(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[object], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    result = plot(home, *arguments)
    assert result.exit_code == 2, result.output
    assert said in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_more_curves_than_can_be_told_apart_are_refused(tmp_path: Path) -> None:
    for k in range(one.MOST_CURVES + 1):
        save(tmp_path, f"m{k}", curves=curves_table([0, 1], [1, 0.5]), order=k)
    with pytest.raises(UserError, match="17 curves would be in one figure, at most 16"):
        draw_one(find_runs([tmp_path]), tmp_path / "f.png")


def test_a_pgf_without_a_latex_is_refused(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = plot(home, "-o", tmp_path / "f.pgf")
    assert result.exit_code == 2
    assert (
        "a .pgf is measured by LaTeX, and none of xelatex, lualatex, pdflatex is on the PATH" in result.stderr
    )
    assert not list(tmp_path.iterdir())


def test_a_pgf_is_latex_where_there_is_one(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "f.pgf"
    result = plot(home, "--style", "paper", "--rename", "osgp=a_b & 5 %", "-o", path)
    if not any(map(shutil.which, TEX)):
        assert (result.exit_code, path.exists()) == (2, False)
        return
    assert result.exit_code == 0, result.output
    text = path.read_text()
    assert r"\begin{pgfpicture}" in text
    assert r"a\_b \& 5 \%" in text


def test_what_is_a_file_and_what_a_folder(tmp_path: Path) -> None:
    assert is_file(Path("f.pdf"))
    assert not is_file(Path("plots"))
    assert not is_file(Path("v0.2"))
