"""The walls between the parts: who may import whom, and that nothing but `algorithms/` knows an algorithm."""

from __future__ import annotations

import ast
import sys
from importlib import import_module
from pathlib import Path

import pytest

from rfast_bench.plan import registry
from tests.support.handmade import imports
from tests.support.house import HOUSE, arrows, modules, room

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
        inside = module == "rfast_bench.api" or module.startswith(
            ("rfast_bench.api.", "rfast_bench.smaller", registry.BUILT_IN)
        )
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
