"""docs/architecture.md: its picture has today's rooms and arrows, and the way of a scenario is the one it takes."""

from __future__ import annotations

import ast
import re
import runpy
import sys
from pathlib import Path
from types import FrameType
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from rfast_bench.cli.commands import main
from tests.support.house import FLOORS, GROUND, HOUSE, arrows, modules, room

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PICTURE = ROOT / "docs" / "architecture" / "house.svg"
DRAW = runpy.run_path(str(ROOT / "docs" / "architecture" / "draw.py"))
SVG = "{http://www.w3.org/2000/svg}"
ROOMS = {name for names in FLOORS[:-1] for name in names} | {"contract"}


# --------------------------------------------------------------------------------------------- the picture
@pytest.fixture(scope="module")
def shown() -> ElementTree.Element:
    return ElementTree.fromstring(PICTURE.read_text(encoding="utf-8"))


def edges(picture: ElementTree.Element) -> set[tuple[str, str]]:
    named = [path.get("id", "") for path in picture.iter(f"{SVG}path")]
    found = [tuple(name.split("-")) for name in named if name]
    return {(one, other) for one, other in found}


def imports() -> set[tuple[str, str]]:
    """Which room imports from which, read anew."""

    def place(name: str) -> str:
        return "contract" if room(name) in GROUND else room(name)

    pairs = {(place(name), place(other)) for name in modules() for other, _ in arrows(name)}
    return {(one, other) for one, other in pairs if one != other}


def reached(start: str, ways: set[tuple[str, str]]) -> set[str]:
    seen: set[str] = set()
    todo = [start]
    while todo:
        here = todo.pop()
        new = {other for one, other in ways if one == here} - seen
        seen |= new
        todo += new
    return seen


def test_the_picture_is_of_today(tmp_path: Path) -> None:
    DRAW["main"](tmp_path)
    drawn = (tmp_path / "house.svg").read_bytes()
    assert drawn == PICTURE.read_bytes(), "python -m docs.architecture.draw draws it anew"


def test_every_room_is_a_box_with_its_number_of_files(shown: ElementTree.Element) -> None:
    boxes = {group.get("id"): group for group in shown.iter(f"{SVG}g") if group.get("id")}
    assert set(boxes) == ROOMS
    for name, box in boxes.items():
        says = [text.text or "" for text in box.iter(f"{SVG}text")]
        there = (
            [HOUSE / f"{one}.py" for one in GROUND]
            if name == "contract"
            else (HOUSE / str(name)).rglob("*.py")
        )
        count = sum(path.name != "__init__.py" for path in there)
        assert count > 1
        assert says[:2] == [", ".join(GROUND) if name == "contract" else name, f"{count} files"]


def test_the_arrows_are_the_imports_without_short_cuts(shown: ElementTree.Element) -> None:
    drawn, there = edges(shown), imports()
    assert len(drawn) > 15
    assert drawn < there
    for name in ROOMS:
        assert reached(name, drawn) == reached(name, there), name
    for edge in drawn:
        assert edge[1] not in reached(edge[0], drawn - {edge}), edge
    caption = "".join(shown.itertext())
    assert f"{len(drawn)} of {len(there)} arrows are drawn" in caption


def test_no_arrow_runs_through_a_box() -> None:
    chosen = DRAW["drawn"](DRAW["imports"]())
    at = DRAW["ports"](chosen)
    assert chosen
    assert not [edge for edge in chosen if DRAW["hits"](DRAW["path"](edge, at), edge)]


def test_boxes_stand_on_their_floors(shown: ElementTree.Element) -> None:
    high = {
        group.get("id"): float(next(group.iter(f"{SVG}rect")).get("y", "nan"))
        for group in shown.iter(f"{SVG}g")
        if group.get("id")
    }
    levels = [{high["contract" if name in GROUND else name] for name in names} for names in FLOORS]
    assert all(len(level) == 1 for level in levels)
    tops = [level.pop() for level in levels]
    assert tops == sorted(set(tops))


# ------------------------------------------------------------------------------------------------- the walk
def walk() -> list[tuple[str, str, str]]:
    """(room, function, file) of each row."""
    table = PAGE.split("<!-- walk -->")[1].split("<!-- end of walk -->")[0]
    rows = re.findall(r"^\| (\w+) \| `([\w.]+)` \| `(rfast_bench/[\w/]+\.py)` \|", table, re.MULTILINE)
    assert len(rows) == len(table.strip().splitlines()) - 2
    return rows


def functions(file: str) -> set[str]:
    found: set[str] = set()
    for node in ast.parse((ROOT / file).read_text(encoding="utf-8")).body:
        inside = node.body if isinstance(node, ast.ClassDef) else []
        head = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        found |= {node.name} if isinstance(node, ast.FunctionDef | ast.ClassDef) else set()
        found |= {head + part.name for part in inside if isinstance(part, ast.FunctionDef)}
    return found


def test_named_functions_are_in_the_named_files() -> None:
    for where, function, file in walk():
        assert function in functions(file), file
        assert Path(file).parts[1].removesuffix(".py") == where
    spoken = re.findall(r"`([\w.]+)` of\s+`(rfast_bench/[\w/]+\.py)`", PAGE)
    assert len(spoken) >= 5
    for function, file in spoken:
        assert function in functions(file), f"{function} of {file}"


def test_the_quickstart_takes_this_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each function of the table is called after the one above it."""
    steps = [(str(ROOT / file), function) for _, function, file in walk()]
    done = 0

    def watch(frame: FrameType, event: str, _: Any) -> None:
        nonlocal done
        code = frame.f_code
        name = code.co_qualname
        if event == "call" and done < len(steps) and steps[done] == (code.co_filename, name):
            done += 1

    monkeypatch.chdir(tmp_path)
    (tmp_path / "scenarios").symlink_to(ROOT / "scenarios")
    command = [
        "run",
        "scenarios/quickstart.yaml",
        "--jobs",
        "1",
        "--set",
        "stop.time=1 s",
        "--set",
        "seeds=1",
    ]
    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        result = CliRunner().invoke(main, command)
    finally:
        sys.setprofile(before)
    assert result.exit_code == 0, result.output
    assert done == len(steps), f"not seen after what stands above it: {steps[done]}"


def test_the_page_has_the_right_number_of_runs() -> None:
    from rfast_bench.plan.runs import load_points, plan

    count = len(plan(load_points(ROOT / "scenarios" / "quickstart.yaml")))
    assert f"every algorithm with every seed: {count} runs" in PAGE
