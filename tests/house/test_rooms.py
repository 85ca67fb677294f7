"""The rooms: who may import whom, how large they are, and what they say of themselves.

Nothing of the package is imported here, so that a wrong import is told by its file and line even where it makes a
circle in which nothing can be imported.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import networkx as nx
import pytest

from tests.support import house
from tests.support.house import FLOORS, HOUSE, arrows, inner_room, modules, problem, room, tricks


# ------------------------------------------------------------------------------------------------ the rooms
@pytest.mark.parametrize("name", sorted(modules()))
def test_imports_point_down(name: str) -> None:
    wrong = [
        f"{modules()[name]}:{line}: imports {other}, which is {what}"
        for other, line in arrows(name)
        if (what := problem(name, other))
    ]
    assert not wrong, "\n".join(wrong)


def test_no_circle_between_files() -> None:
    graph = nx.DiGraph((name, other) for name in modules() for other, _ in arrows(name) if other != name)
    assert not [sorted(part) for part in nx.strongly_connected_components(graph) if len(part) > 1]


def test_no_circle_between_a_room_and_the_rooms_inside_it() -> None:
    """What is outside calls inwards, or what is inside builds on what is outside: never both. A room's `__init__` may
    offer what is inside, when it is asked for."""
    graph = nx.DiGraph(
        (inner_room(name), inner_room(other))
        for name in modules()
        for other, _ in arrows(name)
        if modules()[name].name != "__init__.py"
        if room(name) == room(other) and inner_room(name) != inner_room(other)
    )
    assert not list(nx.simple_cycles(graph))


def test_the_top_of_the_package_is_rooms_and_six_files() -> None:
    entries = {path.name for path in HOUSE.iterdir() if path.name != "__pycache__"}
    rooms = {name for names in FLOORS[:-1] for name in names}
    assert entries == rooms | {"api.py", "errors.py", "files.py", "smaller.py", "__init__.py", "py.typed"}


ROOMS = sorted({path.parent for path in modules().values()} - {HOUSE})


@pytest.mark.parametrize("folder", ROOMS, ids=lambda path: path.relative_to(HOUSE).as_posix())
def test_a_room_is_no_corridor(folder: Path) -> None:
    assert len(list(folder.glob("*.py"))) <= 14


@pytest.mark.parametrize("name", sorted(modules()))
def test_no_file_is_long(name: str) -> None:
    assert len(modules()[name].read_text(encoding="utf-8").splitlines()) <= 300


@pytest.mark.parametrize("name", sorted({name for names in FLOORS[:-1] for name in names}))
def test_a_room_says_what_it_takes_gives_and_may_import(name: str) -> None:
    """What it says is true: it imports no other room than those, and all of them are below it."""
    says = ast.get_docstring(ast.parse(modules()[name].read_text(encoding="utf-8"))) or ""
    found = re.search(r"^Takes: .+^Gives: .+^May import: (.+?)(\n\n|\Z)", says, re.MULTILINE | re.DOTALL)
    assert found, says
    known = {word for names in FLOORS for word in names}
    named = {word for word in re.findall(r"[a-z]+", found[1]) if word in known}
    assert not [other for other in named if problem(name, other)]
    reached = {room(other) for one in modules() if room(one) == name for other, _ in arrows(one)} - {name}
    assert reached <= named


def test_the_package_itself_imports_nothing_of_ours() -> None:
    """Whatever it imported, every import of a room would import too. Type checkers are told what it offers later."""
    tree = ast.parse((HOUSE / "__init__.py").read_text(encoding="utf-8"))
    kept = [
        node
        for node in tree.body
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    ]
    found = [
        node for part in kept for node in ast.walk(part) if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    modules = {
        name.name if isinstance(node, ast.Import) else node.module for node in found for name in node.names
    }
    assert modules == {"__future__", "importlib", "typing"}


@pytest.mark.parametrize("name", sorted(modules()))
def test_no_import_is_hidden(name: str) -> None:
    allowed = {"processes.environment"}  # asks where the package lies
    assert name in allowed or not tricks(name), f"{modules()[name]}: lines {tricks(name)}"


WRONG = {
    "from rfast_bench.study import run": "study.run",
    "from rfast_bench.study.run import perform": "study.run",
    "import rfast_bench.study.run as x": "study.run",
    "def f():\n    from rfast_bench.study import replay": "study.replay",
    "if TYPE_CHECKING:\n    from rfast_bench.study.run import Record": "study.run",
    "import_module('rfast_bench.study.run')": "study.run",
    "x = cast('rfast_bench.study.run.Record | None', y)": "study.run",
    "from rfast_bench.sim.driver import *": "sim.driver",
}


@pytest.fixture
def spoilt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of the room `conditions` that is not there."""
    path = tmp_path / "spoilt.py"
    known = {**modules(), "conditions.spoilt": path}
    monkeypatch.setattr(house, "modules", lambda: known)
    return path


@pytest.mark.parametrize("code", WRONG)
def test_a_wrong_import_is_noticed(spoilt: Path, code: str) -> None:
    """The wall is tried: each of these would be a mistake in a file of `conditions`."""
    spoilt.write_text(code)
    found = {other: problem("conditions.spoilt", other) for other, _ in arrows("conditions.spoilt")}
    assert found.get(WRONG[code]) == "up", found


@pytest.mark.parametrize(
    "code",
    [
        "import rfast_bench\nrfast_bench.study.run.perform",
        "import_module('..study.run', __package__)",
        "import_module('rfast_bench.' + 'study')",
        "__import__('rfast_bench', fromlist=['study'])",
        "exec('import x')",
    ],
)
def test_a_hidden_import_is_noticed(spoilt: Path, code: str) -> None:
    spoilt.write_text(code)
    assert tricks("conditions.spoilt")


def test_a_relative_import_is_noticed(spoilt: Path) -> None:
    spoilt.write_text("def f():\n    from ..study import replay")
    with pytest.raises(AssertionError, match="line 2: a relative import"):
        list(arrows("conditions.spoilt"))


def test_rooms_on_one_floor_do_not_know_each_other() -> None:
    assert problem("sim.driver", "real.world") == problem("figures.plots", "trace.events") == "sideways"
    assert problem("errors", "scenario.schema") == "up"
    assert not problem("study.run", "sim.world")
    assert "study.fork_server_imports" in {name for name, _ in arrows("study.warm_up")}
