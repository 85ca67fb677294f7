"""CONTRIBUTING.md, CHANGELOG.md, CITATION.cff, the hooks and the workflow: what they say of the repository is so."""

from __future__ import annotations

import ast
import os
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.version import Version

from tests.support.house import FLOORS, modules
from tests.support.makefile import recipe

ROOT = Path(__file__).resolve().parents[2]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ROOMS = [name for names in FLOORS[:-1] for name in names]


def parsed(path: str) -> dict[Any, Any]:
    found = yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


# ---------------------------------------------------------------------------------------------- CONTRIBUTING
def said(room: str) -> tuple[str, str]:
    """What a room's docstring says that it holds, and what it may import beside the contract."""
    text = ast.get_docstring(ast.parse(modules()[room].read_text(encoding="utf-8"))) or ""
    may = re.search(r"^May import: (.+?)(?:\n\n|\Z)", text, re.MULTILINE | re.DOTALL)
    assert may is not None
    rooms = [word for word in re.findall(r"[a-z]+", may[1]) if word in ROOMS]
    return " ".join(text.split("\n\n")[0].split()), ", ".join(rooms) or "nothing else"


def test_the_table_of_rooms_is_what_the_rooms_say() -> None:
    table = CONTRIBUTING.split("<!-- rooms -->")[1].split("<!-- end of rooms -->")[0]
    rows = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in table.strip().splitlines()]
    assert rows[0] == ("room", "holds", "may import")
    assert rows[2:] == [(f"`{room}/`", *said(room)) for room in ROOMS]


def test_the_commands_without_make_are_those_of_make_test() -> None:
    block = re.findall(r"^```sh\n(.*?)^```", CONTRIBUTING, re.MULTILINE | re.DOTALL)[1]
    venv, install, threads, *checks = block.strip().splitlines()
    _, made, installed, _ = recipe("$(READY)")
    assert made.endswith(f"|| {venv}")
    wanted = [word for word in shlex.split(installed) if word not in ("-q", "--disable-pip-version-check")]
    assert [".venv/bin/python", "-m", "pip", *shlex.split(install)[1:]] == wanted
    assert shlex.split(install)[0] == ".venv/bin/pip"
    assert threads in (ROOT / "Makefile").read_text(encoding="utf-8").replace(" = ", "=")
    assert checks == [*recipe("lint"), *recipe("types"), *recipe("unit")]


def test_the_parts_of_the_gate_are_targets_and_run_what_is_said() -> None:
    rows = re.findall(r"^\| `make (\w+)` \| (.+?) \|", CONTRIBUTING, re.MULTILINE)
    assert [target for target, _ in rows] == ["lint", "types", "unit"]
    for target, runs in rows:
        shown = re.findall(r"`(.+?)`", runs)
        lines = [line.removeprefix(".venv/bin/").removeprefix("python -m ") for line in recipe(target)]
        assert shown == lines
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_what_it_says_is_to_be_changed_is_there() -> None:
    """Files are there (`tests/docs/test_docs.py`); so are the names in them."""
    names = {
        "rfast_bench/scenario/problem/kinds.py": "ProblemSpec",
        "rfast_bench/problems/__init__.py": "build",
        "rfast_bench/analysis/outcomes.py": "known",
        "rfast_bench/analysis/tables.py": "COSTS",
        "rfast_bench/analysis/cell_text.py": "_columns",
        "rfast_bench/cli/commands.py": "COMMANDS",
        "rfast_bench/records/writing.py": "COLUMNS",
        "tests/problems/test_problems.py": "KINDS",
    }
    for file, name in names.items():
        (line,) = [line for line in CONTRIBUTING.splitlines() if f"`{file}`" in line and f"`{name}`" in line]
        assert re.search(rf"^(def )?{name}\b", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE), line


def test_each_thing_to_add_takes_five_lines_at_most() -> None:
    parts = re.split(
        r"^\*\*(.+)\*\*$", CONTRIBUTING.split("## To add")[1].split("\n## ")[0], flags=re.MULTILINE
    )
    assert parts[1::2] == ["An algorithm", "A problem", "A column of the tables", "A command"]
    for text in parts[2::2]:
        lines = re.findall(r"^\d\. .*`.+`.*$", text, re.MULTILINE)
        assert 3 < len(lines) < 6
        assert len(lines) == len(text.strip().splitlines())


# ------------------------------------------------------------------------------------------------- CHANGELOG
def test_moved_modules_are_where_the_changelog_says() -> None:
    moved = re.findall(
        r"^  \| `rfast_bench\.([\w.]+)`.*? \| `rfast_bench\.([\w.]+)`", CHANGELOG, re.MULTILINE
    )
    assert len(moved) > 10
    for _, new in moved:
        assert new in modules()
        assert modules()[new].name != "__init__.py"


def test_named_members_of_moved_modules_are_there() -> None:
    rows = re.findall(r"^  \| `[\w.]+` \((.+?)\) \| `rfast_bench\.([\w.]+)`", CHANGELOG, re.MULTILINE)
    assert len(rows) > 5
    for names, new in rows:
        text = modules()[new].read_text(encoding="utf-8")
        for name in re.findall(r"`(\w+)`", names):
            assert re.search(rf"^(def|class) {name}\b", text, re.MULTILINE), f"{new}: {name}"


def test_the_changelog_has_what_is_unreleased_and_this_version() -> None:
    heads = re.findall(r"^## (.+)$", CHANGELOG, re.MULTILINE)
    assert heads[0] == "Unreleased"
    released = re.fullmatch(r"(\d+\.\d+\.\d+) - \d{4}-\d\d-\d\d", heads[1])
    assert released
    if ".dev" in PROJECT["version"]:  # what is unreleased is on its way to this version
        assert Version(released[1]) < Version(PROJECT["version"])
    else:
        assert released[1] == PROJECT["version"]


# -------------------------------------------------------------------------------------------------- CITATION
def test_the_citation_is_of_this_software() -> None:
    cff = parsed("CITATION.cff")
    assert cff["cff-version"] == "1.2.0"
    assert {"message", "title", "authors", "version"} <= set(cff)
    assert cff["version"] == PROJECT["version"]
    assert cff["license"] == PROJECT["license"]
    assert cff["authors"] == [{"name": "The rfast-bench authors"}]


def test_the_references_are_the_papers_that_the_algorithms_pages_name() -> None:
    """By arXiv number, authors' family names and title; of what has no number, by title."""
    pages = [path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "algorithms").glob("*.md")]
    text = " ".join(" ".join(pages).split())
    references = parsed("CITATION.cff")["references"]
    numbers = set()
    for reference in references:
        assert {"type", "title", "authors", "year"} <= set(reference)
        assert all(set(author) == {"family-names", "given-names"} for author in reference["authors"])
        if "identifiers" not in reference:
            assert reference["title"] in text
            continue
        (number,) = [one["value"].removeprefix("arXiv:") for one in reference["identifiers"]]
        assert reference["url"] == f"https://arxiv.org/abs/{number}"
        assert reference["year"] == 2000 + int(number[:2])
        numbers.add(number)
        if number != "1803.10359":  # named by its number alone
            family = ", ".join(author["family-names"] for author in reference["authors"])
            assert f"{family}: *{reference['title']}*" in text or f"{family}, *{reference['title']}*" in text
    assert numbers == set(re.findall(r"arXiv (\d{4}\.\d{5})", text))
    assert len(references) == len(numbers) + 1


# ------------------------------------------------------------------------------------- hooks and the workflow
def test_the_hooks_run_what_make_runs() -> None:
    (repo,) = parsed(".pre-commit-config.yaml")["repos"]
    assert repo["repo"] == "local"
    assert [hook["entry"] for hook in repo["hooks"]] == [*recipe("lint"), *recipe("types")]
    assert all(hook["language"] == "system" and not hook["pass_filenames"] for hook in repo["hooks"])
    assert all({"id", "name"} <= set(hook) for hook in repo["hooks"])


def pythons() -> list[str]:
    head = "Programming Language :: Python :: 3."
    return [f"3.{word.removeprefix(head)}" for word in PROJECT["classifiers"] if word.startswith(head)]


def test_the_workflow_runs_the_gate_on_every_supported_python() -> None:
    workflow = parsed(".github/workflows/ci.yml")
    (job,) = workflow["jobs"].values()
    versions = job["strategy"]["matrix"]["python"]
    assert all(isinstance(version, str) for version in versions), "3.10 would be 3.1"
    assert versions == pythons()
    assert f">={versions[0]}" == PROJECT["requires-python"]
    assert [int(version.removeprefix("3.")) for version in versions] == [*range(11, 11 + len(versions))]
    (step,) = [step for step in job["steps"] if "run" in step]
    assert step["run"] == ".ci/run"
    (setup,) = [step for step in job["steps"] if step.get("uses", "").startswith("actions/setup-python@")]
    assert setup["with"]["python-version"] == "${{ matrix.python }}"
    assert step["env"]["PYTHON"] == f"${{{{ steps.{setup['id']}.outputs.python-path }}}}"
    assert "${PYTHON:-" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert all((ROOT / name).is_file() for name in setup["with"]["cache-dependency-path"].split())


def test_the_workflow_may_little_and_ends() -> None:
    workflow = parsed(".github/workflows/ci.yml")
    (job,) = workflow["jobs"].values()
    assert workflow["permissions"] == {"contents": "read"}
    assert {"group", "cancel-in-progress"} == set(workflow["concurrency"])
    assert 10 <= job["timeout-minutes"] <= 120
    assert {"push", "pull_request"} <= set(workflow[True]), "YAML reads `on` as true"


@pytest.mark.parametrize("name", ["bug", "feature"])
def test_a_form_asks_something(name: str) -> None:
    form = parsed(f".github/ISSUE_TEMPLATE/{name}.yml")
    assert form["name"]
    assert form["description"]
    asked = [part["attributes"]["label"] for part in form["body"] if part["type"] == "textarea"]
    assert len(set(asked)) == len(form["body"]) > 1
    assert len({part["id"] for part in form["body"]}) == len(form["body"])
