"""docs/topology.md: its drawings show what they say, and its output is the command's."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest
from click.testing import CliRunner

from rfast_bench.cli.commands import main
from tests.support.oracle import roots_a, roots_w

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "topology.md").read_text(encoding="utf-8")
DRAW = runpy.run_path(str(DOCS / "topology" / "draw.py"))
PAIRS: dict[str, tuple[list[tuple[int, int]], list[tuple[int, int]]]] = DRAW["PAIRS"]


@pytest.mark.parametrize(
    ("name", "of_w", "of_a"),
    [("two-trees", {0}, {0}), ("more-roots", {0, 1, 2}, {0, 4}), ("no-common-root", {0}, {1})],
)
def test_the_drawn_pairs_have_the_roots_that_the_page_names(
    name: str, of_w: set[int], of_a: set[int]
) -> None:
    w, a = PAIRS[name]
    assert (roots_w(6, w), roots_a(6, a)) == (of_w, of_a)


def test_every_pair_is_drawn_on_the_page(tmp_path: Path) -> None:
    assert re.findall(r"\]\(topology/(.*?)\.svg\)", PAGE) == [*PAIRS]
    DRAW["main"](tmp_path)
    for name in PAIRS:
        committed = (DOCS / "topology" / f"{name}.svg").read_text(encoding="utf-8")
        drawn = (tmp_path / f"{name}.svg").read_text(encoding="utf-8")
        assert re.findall(r"<text.*?>(.*?)</text>", committed) == re.findall(r"<text.*?>(.*?)</text>", drawn)
        assert committed.count("<path") == drawn.count("<path")
        assert len(committed) < 30_000


def test_the_page_shows_what_the_check_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, edges in zip("wa", PAIRS["no-common-root"], strict=True):
        Path(f"{name}.txt").write_text("".join(f"{j} {i}\n" for j, i in edges))
    result = CliRunner().invoke(main, ["topology", "check", "--w", "w.txt", "--a", "a.txt"])
    assert result.exit_code == 1
    assert f"```\n{result.stdout.rstrip()}\n```" in PAGE
