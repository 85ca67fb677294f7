"""The documentation: its example runs, its links lead somewhere, and its tables name every key there is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import pytest
import yaml
from click.testing import CliRunner
from pydantic import BaseModel

from rfast_bench.cli.commands import main
from rfast_bench.plan import registry
from rfast_bench.plan.runs import load_points, plan
from rfast_bench.records import reading, writing
from rfast_bench.scenario.schema import Scenario
from rfast_bench.topology import graphs

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]
REFERENCE = (DOCS / "scenarios.md").read_text(encoding="utf-8")


def page_name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def words(text: str) -> set[str]:
    """Everything between backticks, cut into words."""
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    return {word for span in spans for word in re.findall(r"[\w-]+", span)}


# ---------------------------------------------------------------------------------------------- the example
@pytest.fixture(scope="module")
def gossip(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, reading.Run]]:
    """What the worked example prints, and its runs by label."""
    out = tmp_path_factory.mktemp("gossip")
    scenario = str(DOCS / "examples" / "gossip.yaml")
    done = CliRunner().invoke(
        main, ["run", scenario, "--out", str(out), "--jobs", "1", "--no-plots"], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    return done.output, {run.label: run for run in reading.find_runs([out])}


def test_the_example_plug_in_reaches_a_sensible_gap(gossip: tuple[str, dict[str, reading.Run]]) -> None:
    _, runs = gossip
    final = {label: float(run.curves()["gap"].iloc[-1]) for label, run in runs.items()}
    assert runs["gossip"].parameters == {"step_size": 0.8, "post_every": 1}
    assert final["r-fast"] < 1e-3
    assert final["gossip-small"] < final["gossip"] < 1e-2, "the bias shrinks with the step"


def test_the_page_shows_what_the_example_prints(gossip: tuple[str, dict[str, reading.Run]]) -> None:
    """Names, topologies and settings; not the last digits, which may differ between machines."""
    shown = (DOCS / "writing-your-own.md").read_text(encoding="utf-8")
    output, runs = gossip
    headings = [line for line in output.splitlines() if line.startswith(("gossip: ", " algorithm"))]
    assert headings
    assert all(line in shown for line in headings)
    assert all(label in shown for label in runs)


def test_the_page_shows_the_examples_own_loop_and_algorithms() -> None:
    shown = (DOCS / "writing-your-own.md").read_text(encoding="utf-8")
    source = (DOCS / "examples" / "gossip_sgd.py").read_text(encoding="utf-8")
    loop = source[source.index("    async def run") :]
    assert "\n".join(line.removeprefix("    ") for line in loop.splitlines()) in shown
    whole = (DOCS / "examples" / "gossip.yaml").read_text(encoding="utf-8")
    assert whole[whole.index("algorithms:") : whole.index("stop:")] in shown


# ------------------------------------------------------------------------------------------------ the pages
@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_relative_links_lead_to_files_and_headings(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{page_name(page)} links to {target}"
        if anchor:
            assert anchor in set(anchors(there.read_text(encoding="utf-8"))), f"{page_name(page)}: {target}"


def anchors(text: str) -> Iterator[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    for heading in re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_named_tests_and_files_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    for name in re.findall(r"`(test_\w+_\w+_\w+)`", text):
        assert f"def {name}(" in tests, f"{page_name(page)} names {name}"
    for path in re.findall(r"`((?:tests|algorithms|rfast_bench|scenarios)/[\w/]+\.\w+)`", text):
        assert (ROOT / path).exists(), f"{page_name(page)} names {path}"


@pytest.mark.parametrize("name", registry.names())
def test_every_algorithm_has_a_page_that_names_its_parameters(name: str) -> None:
    algorithm = registry.find(name)
    page = DOCS / "algorithms" / f"{name}.md"
    named = words(page.read_text(encoding="utf-8"))
    assert set(registry.parameters(algorithm).model_fields) <= named
    assert algorithm.default_topology is None or algorithm.default_topology in named
    assert f"algorithms/{name}.md" in REFERENCE


# ------------------------------------------------------------------------------------ the scenario reference
def models(kind: Any) -> Iterator[type[BaseModel]]:
    """Every pydantic model within a type, itself included."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
        for field in kind.model_fields.values():
            yield from models(field.annotation)
    elif get_origin(kind) is Annotated:
        yield from models(get_args(kind)[0])
    else:
        for part in get_args(kind):
            yield from models(part)


def choices(kind: Any) -> Iterator[str]:
    """Every word that a `Literal` within a type allows."""
    for part in get_args(kind):
        if isinstance(part, str):
            yield part
        else:
            yield from choices(part)


SPECS = sorted(set(models(Scenario)), key=lambda model: model.__name__)


def test_the_walk_over_the_models_finds_the_nested_ones() -> None:
    found = {model.__name__ for model in SPECS}
    assert {"MlpSpec", "NpzSpec", "ShardsPartition", "GilbertElliott", "LinkOverride"} <= found
    assert {"RandomPhases", "Empirical", "TopologySpec", "Target", "Every", "Simulation"} <= found


@pytest.mark.parametrize("model", SPECS, ids=lambda model: model.__name__)
def test_the_reference_names_every_key_and_every_allowed_word(model: type[BaseModel]) -> None:
    named = words(REFERENCE)
    for name, field in model.model_fields.items():
        assert name in named, f"{model.__name__}.{name}"
        assert field.alias is None or field.alias in named
        assert set(choices(field.annotation)) <= named, f"{model.__name__}.{name}"


def test_the_reference_names_every_topology_and_every_column() -> None:
    named = words(REFERENCE)
    assert set(graphs.KINDS) <= named
    for table, columns in writing.COLUMNS.items():
        assert {*columns} <= named, table


# ------------------------------------------------------------------------------------------------ YAML blocks
def yaml_blocks() -> list[Any]:
    return [
        pytest.param(text, id=f"{page_name(page)}-{k}")
        for page in PAGES
        for k, text in enumerate(
            re.findall(r"^```yaml\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        )
    ]


@pytest.mark.parametrize("text", yaml_blocks())
def test_yaml_blocks_parse_and_whole_scenarios_are_valid(text: str, tmp_path: Path) -> None:
    block = yaml.safe_load(text)
    assert isinstance(block, dict)
    if {"name", "workers", "problem"} <= set(block):
        file = tmp_path / "block.yaml"
        file.write_text(text, encoding="utf-8")
        assert plan(load_points(file))


WHOLE = """
name: whole
workers: 5
problem: {kind: quadratic}
compute: 1 s
algorithms: [{name: r-fast, step_size: 0.1}]
stop: {time: 1 s}
evaluate: {every: 1 s}
"""


@pytest.mark.parametrize("text", yaml_blocks())
def test_yaml_fragments_are_valid_in_a_scenario(text: str, tmp_path: Path) -> None:
    block = yaml.safe_load(text)
    if not set(block) <= set(Scenario.model_fields):
        return  # not about scenarios
    example = DOCS / "examples" / "gossip_sgd.py"
    (tmp_path / example.name).write_bytes(example.read_bytes())
    base = yaml.safe_load(WHOLE)
    if "stragglers.0.slowdown" in block.get("sweep", {}):
        base["stragglers"] = [{"worker": 3, "slowdown": 4}]
    file = tmp_path / "block.yaml"
    file.write_text(yaml.safe_dump({**base, **block}), encoding="utf-8")
    assert plan(load_points(file))
