"""The walls between the parts: who may import whom, and that nothing but `algorithms/` knows an algorithm."""

from __future__ import annotations

import ast
import re
import sys
from importlib import import_module
from pathlib import Path

import networkx as nx
import pytest

from rfast_bench.plan import registry
from tests.support.handmade import imports
from tests.support.house import FLOORS, HOUSE, arrows, inner_room, modules, problem, room

ALGORITHMS = Path(str(import_module(registry.BUILT_IN).__file__)).parent
OURS = sorted(HOUSE.rglob("*.py"))
PLACES = {path: path.relative_to(HOUSE).as_posix() for path in OURS}
BASELINE = ("records/reading.py", "ring-allreduce")
"""The one algorithm that may be named outside: the baseline that speed-ups are given against by default."""


def ours(path: Path) -> set[str]:
    """What a file imports of ours, as dotted names below `rfast_bench`."""
    return {m.removeprefix("rfast_bench.") for m in imports(path) if m.partition(".")[0] == "rfast_bench"}


def test_the_house_is_found() -> None:
    """So that no wall stands only because nothing was read."""
    known = {"api.py", "sim/driver.py", "problems/base.py", "study/run.py", "records/reading.py"}
    assert known <= set(PLACES.values())
    assert {
        "analysis/tables.py",
        "figures/plots.py",
        "report/page/html.py",
        "report/content/verdict.py",
    } <= set(PLACES.values())
    assert {"r_fast.py", "osgp.py"} <= {path.name for path in ALGORITHMS.glob("*.py")}


def test_the_contract_imports_nothing_of_ours() -> None:
    assert not ours(HOUSE / "api.py")


@pytest.mark.parametrize("path", sorted(ALGORITHMS.glob("*.py")), ids=lambda path: path.stem)
def test_algorithms_import_the_contract_alone(path: Path) -> None:
    for module in imports(path):
        inside = module == "rfast_bench.api" or module.startswith(("rfast_bench.api.", registry.BUILT_IN))
        assert inside or module.partition(".")[0] in sys.stdlib_module_names | {"annotated_types"}, module


@pytest.mark.parametrize("world", ["sim", "real"])
def test_a_world_knows_neither_the_other_nor_any_algorithm(world: str) -> None:
    other = {"sim": "real", "real": "sim"}[world]
    for path in (HOUSE / world).rglob("*.py"):
        for module in ours(path):
            assert module.partition(".")[0] not in (other, "algorithms"), f"{path.name}: {module}"
            assert not module.startswith("plan.registry"), f"{path.name}: {module}"


READERS = [
    name
    for name in sorted(modules())
    if room(name) in ("records", "analysis", "figures", "report") and modules()[name].name != "__init__.py"
]


@pytest.mark.parametrize("name", READERS)
def test_what_reads_records_knows_no_world(name: str) -> None:
    """Tables, figures and reports read records from disk."""
    seen: set[str] = set()
    todo = [name]
    while todo:  # also through what it imports
        module = todo.pop()
        if module in seen:
            continue
        seen.add(module)
        todo += [other for other, _ in arrows(module) if other in modules()]
        reached = {other for other, _ in arrows(module)}
        assert not {room(other) for other in reached} & {"sim", "real", "problems"}, f"{module}: {reached}"
        assert "plan.registry" not in reached, module
        assert not {m for m in ours(modules()[module]) if room(m) == "algorithms"}
    assert name in seen


def test_problems_know_no_world_and_no_algorithm() -> None:
    for path in (HOUSE / "problems").rglob("*.py"):
        reached = {module.partition(".")[0] for module in ours(path)}
        assert not reached & {"sim", "real", "algorithms", "plan", "study"}, path.name
        assert "api" not in reached or path.name == "evaluation.py", path.name


@pytest.mark.parametrize("path", OURS, ids=lambda path: PLACES[path])
def test_no_algorithm_is_named_outside_algorithms(path: Path) -> None:
    """No `if algorithm == ...`: not by name, not by module and not by class."""
    classes = {registry.find(name).__name__ for name in registry.names()}
    named = {*registry.names(), *(name.replace("-", "_") for name in registry.names()), *classes}
    tree = ast.parse(path.read_text(encoding="utf-8"))
    words = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    names = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
    attributes = [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    found = {word for word in [*words, *names, *attributes] if isinstance(word, str) and word in named}
    if PLACES[path] == BASELINE[0]:
        found -= {BASELINE[1]}
    assert not found


@pytest.mark.parametrize("path", OURS, ids=lambda path: PLACES[path])
def test_no_module_imports_an_algorithm(path: Path) -> None:
    """The core loads algorithms by name, never by a static import."""
    assert not {module for module in ours(path) if module.partition(".")[0] == "algorithms"}


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
    """What is outside calls inwards, or what is inside builds on what is outside: never both."""
    graph = nx.DiGraph(
        (inner_room(name), inner_room(other))
        for name in modules()
        for other, _ in arrows(name)
        if room(name) == room(other) and inner_room(name) != inner_room(other)
    )
    assert not list(nx.simple_cycles(graph))


def test_the_top_of_the_package_is_rooms_and_five_files() -> None:
    entries = {path.name for path in HOUSE.iterdir() if path.name != "__pycache__"}
    rooms = {name for names in FLOORS[:-1] for name in names}
    assert entries == rooms | {"api.py", "errors.py", "files.py", "__init__.py", "py.typed"}


ROOMS = sorted({path.parent for path in OURS} - {HOUSE})


@pytest.mark.parametrize("folder", ROOMS, ids=lambda path: path.relative_to(HOUSE).as_posix())
def test_a_room_is_no_corridor(folder: Path) -> None:
    assert len(list(folder.glob("*.py"))) <= 14


@pytest.mark.parametrize("path", OURS, ids=lambda path: PLACES[path])
def test_no_file_is_long(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


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


def test_a_wrong_arrow_is_noticed() -> None:
    """The wall is tried: each of these would be a mistake."""
    assert problem("conditions.links", "study.run") == "up"
    assert problem("sim.driver", "real.world") == problem("figures.plots", "trace.events") == "sideways"
    assert not problem("study.run", "sim.world")
    assert ("click", 1) not in set(arrows("cli.commands"))
    assert "rfast_bench.study.preload".removeprefix("rfast_bench.") in {n for n, _ in arrows("study.warm_up")}
