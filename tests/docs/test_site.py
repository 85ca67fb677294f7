"""The site: it builds without a warning, needs no network, and its made pages are current."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from docs.reference import commands, keys
from rfast_bench.cli.commands import COMMANDS
from rfast_bench.plan.scenario_schema import scenario_schema
from tests.docs.test_docs import SPECS
from tests.support.makefile import recipe

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make docs` makes."""
    out = tmp_path_factory.mktemp("site")
    (line,) = recipe("docs")
    program, *arguments, target = line.split()
    assert (program, target) == (".venv/bin/python", "site")
    doctrees = ["-d", str(tmp_path_factory.mktemp("doctrees"))]
    done = subprocess.run(
        [sys.executable, *arguments, *doctrees, str(out)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return out


class Links(HTMLParser):
    """What a page refers to, what it fetches, and the anchors that it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {key: value or "" for key, value in attrs}
        self.anchors |= {said[key] for key in ("id", "name") if key in said}
        if tag == "a" and "href" in said:
            self.links.append(said["href"])
        if tag in ("script", "img", "iframe") and "src" in said:
            self.fetched.append(said["src"])
        if tag == "link" and said.get("rel") in ("stylesheet", "icon", "preload"):
            self.fetched.append(said["href"])


def pages(site: Path) -> dict[Path, Links]:
    return {page: Links(page.read_text(encoding="utf-8")) for page in sorted(site.rglob("*.html"))}


@pytest.mark.timeout(900)
def test_every_link_leads_somewhere_and_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    found = pages(site)
    assert len(found) > 80
    for page, links in found.items():
        where = page.relative_to(site)
        assert not [one for one in links.fetched if urlsplit(one).scheme or one.startswith("//")], where
        for fetched in links.fetched:
            there = page.parent / unquote(urlsplit(fetched).path)
            assert there.is_file(), f"{where}: {fetched}"
        for link in links.links:
            parts = urlsplit(link)
            if parts.scheme or not link:
                continue
            there = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            assert there.is_file(), f"{where}: {link}"
            if parts.fragment and there in found:
                assert unquote(parts.fragment) in found[there].anchors, f"{where}: {link}"
    for style in site.rglob("*.css"):
        assert not re.findall(
            r"(?:@import|url\()\s*['\"]?(?:https?:)?//", style.read_text(encoding="utf-8")
        ), style


def test_it_begins_at_its_root_and_can_be_searched(site: Path) -> None:
    assert "url=docs/index.html" in (site / "index.html").read_text(encoding="utf-8")
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    for page in (
        "docs/start",
        "docs/reference/scenario-keys",
        "docs/reference/api",
        "results/claim-speed/README",
    ):
        assert f'"{page}"' in index
        assert (site / f"{page}.html").is_file()
    assert (site / "files" / "algorithms" / "r_fast.py.html").is_file(), "a file that a page links to"


# ------------------------------------------------------------------------------------------------- made pages
def test_the_page_of_keys_is_current() -> None:
    assert keys.PAGE.read_text(encoding="utf-8") == keys.page(), "python -m docs.reference.keys"


def test_the_page_of_commands_is_current_and_complete() -> None:
    text = commands.PAGE.read_text(encoding="utf-8")
    made = "import sys; from docs.reference import commands; sys.stdout.write(commands.page())"
    page = (
        subprocess.run(  # click keeps the form of a command's --help that it was first asked for in a process
            [sys.executable, "-c", made], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
        )
    )
    assert text == page.stdout, "python -m docs.reference.commands"
    assert all(f"\n### `rfast-bench {name}`\n" in text for name in COMMANDS)


def test_the_page_of_keys_has_a_row_for_every_key_of_every_model() -> None:
    text = keys.PAGE.read_text(encoding="utf-8")
    rows = set(re.findall(r"^\| `([\w-]+)` \|", text, re.MULTILINE))
    inside = {"_Straggler", "_Times", "LinkSpec", "LearningSpec", "AlgorithmSpec", "PlugInSpec"}
    for model in SPECS:
        for name, field in model.model_fields.items():
            if model.__name__ not in inside:
                assert (field.alias or name) in rows, f"{model.__name__}.{name}"


def test_every_row_of_the_keys_has_all_its_cells() -> None:
    rows = re.findall(r"^\| (`.+) \|$", keys.PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) > 250
    for row in rows:
        key, kind, _, default, meaning = re.split(r" \| ?", row, maxsplit=4)
        assert key.strip("`")
        assert kind
        assert default
        assert meaning.endswith("."), row
    assert set(scenario_schema()["properties"]) <= {row.split("`")[1] for row in rows}
