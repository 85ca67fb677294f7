"""docs/writing-your-own.md: every rule of the contract has its heading, and what stands below it is Python."""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

from rfast_bench import smaller
from rfast_bench.api import Algorithm
from rfast_bench.breaches.rules import PAGE, RULES
from tests.docs.test_docs import anchors
from tests.support.command_line import call, write

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / PAGE).read_text(encoding="utf-8")
BELOW = TEXT[TEXT.index("\n## The rules\n") :]


def sections() -> dict[str, str]:
    """What stands below each heading of the rules."""
    parts = re.split(r"^### (.+)$", BELOW, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def blocks(text: str) -> list[str]:
    found: list[str] = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return found


def test_every_rule_has_its_heading_and_every_heading_its_rule() -> None:
    assert list(sections()) == list(RULES)
    assert "\n## " not in BELOW[1:], "nothing comes after the rules"


@pytest.mark.parametrize("name", RULES)
def test_a_rule_leads_to_its_heading(name: str) -> None:
    path, _, anchor = RULES[name].page.partition("#")
    assert (ROOT / path).is_file()
    assert anchor in set(anchors(TEXT))


@pytest.mark.parametrize("name", RULES)
def test_a_rule_shows_what_is_wrong_and_what_is_right(name: str) -> None:
    """In a few lines that are Python."""
    text = sections()[name]
    (code,) = blocks(text)
    assert 2 <= len(code.strip().splitlines()) <= 8
    assert "# wrong" in code
    assert "# right" in code
    ast.parse("async def whatever():\n" + textwrap.indent(code, "    "))
    assert len(text[: text.index("```")].split()) >= 10, "the mistake is explained"


def test_the_page_names_every_member_of_the_contract() -> None:
    own = {name for name in vars(Algorithm) if not name.startswith("_")}
    table = TEXT[TEXT.index("| member | meaning |") : TEXT.index("An *effect*")]
    assert own <= set(re.findall(r"^\| `(\w+)", table, re.MULTILINE))
    for name in ("rounded", "top", "whole"):
        assert callable(getattr(smaller, name))
        assert f"{name}(" in TEXT


def test_the_first_change_is_what_it_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The written file with the momentum of the page in it runs, with its parameter."""
    monkeypatch.chdir(tmp_path)
    assert call("new", "algorithm", "my_method.py").exit_code == 0
    source = Path("my_method.py").read_text(encoding="utf-8")
    (change,) = [block for block in blocks(TEXT) if "beta" in block and "def descend" in block]
    tree: Any = ast.parse(source)
    (kind,) = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    new = {node.name: node for node in ast.parse(change).body if isinstance(node, ast.FunctionDef)}
    kind.body = [new.get(getattr(node, "name", ""), node) for node in kind.body]
    imports = "from typing import Annotated\nfrom annotated_types import Ge, Lt\n"
    Path("my_method.py").write_text(
        ast.unparse(tree).replace("from collections", imports + "from collections", 1)
    )
    gaps = {}
    for beta in (0.0, 0.5):
        path = write(
            tmp_path, algorithms=[{"name": "my_method.py:MyMethod", "step_size": 0.05, "beta": beta}], seeds=1
        )
        done = call("run", path, "--out", tmp_path / f"out-{beta}", "--no-plots", "--jobs", 1)
        assert done.exit_code == 0, done.output
        found = call("table", tmp_path / f"out-{beta}", "--format", "csv")
        header, row = (line.split(",") for line in found.output.strip().splitlines()[:2])
        gaps[beta] = dict(zip(header, row, strict=False))
    assert gaps[0.0] != gaps[0.5]
