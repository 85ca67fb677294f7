"""Every command that the README prints is true: each is run as it stands, or is a target of the Makefile."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from rfast_bench.cli.commands import main
from tests.support.house import FLOORS
from tests.support.makefile import MAKEFILE, recipe

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.strip()
]


def targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))


def test_make_commands_are_targets() -> None:
    asked = [line.split()[1] for line in COMMANDS if line.startswith("make ")]
    assert asked == ["quickstart", "test"]
    assert set(asked) <= targets()


def test_nothing_else_is_printed_than_what_is_tested() -> None:
    others = [line for line in COMMANDS if not line.startswith(("make ", "rfast-bench "))]
    assert others == [*without_make(), ". .venv/bin/activate"]


def without_make() -> list[str]:
    return [line for line in COMMANDS if re.match(r"python3 -m venv|\.venv/bin/", line)]


def test_without_make_the_same_is_done() -> None:
    """But for what a user does not need: silence, and the tools of developers."""
    venv, install, run = without_make()
    check, made, installed, _ = recipe("$(READY)")
    assert check.startswith("python3 -c 'import sys;")
    assert made == f"test -x .venv/bin/python || {venv}"
    words = [word for word in shlex.split(installed) if word not in ("-q", "--disable-pip-version-check")]
    assert words[:3] == [".venv/bin/python", "-m", "pip"]
    assert words[-1] == ".[dev]"
    assert shlex.split(install) == [".venv/bin/pip", *words[3:-1], "."]
    assert recipe("quickstart") == [run]


def test_the_suite_commands_run_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder of their own; only the length of the run is cut."""
    (tmp_path / "scenarios").symlink_to(ROOT / "scenarios")
    monkeypatch.chdir(tmp_path)
    for line in COMMANDS:
        if not line.startswith("rfast-bench "):
            continue
        arguments = shlex.split(line)[1:]
        if arguments[0] == "run":
            arguments += ["--set", "stop.time=2 s", "--set", "seeds=1", "--no-plots"]
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, f"{line}\n{result.output}"
    assert list((tmp_path / "my-plots").glob("*.png"))
    assert "<h1>quickstart</h1>" in (tmp_path / "my-report.html").read_text(encoding="utf-8")


def test_the_quickstart_is_what_the_makefile_runs() -> None:
    (command,) = recipe("quickstart")
    out = command.removeprefix(".venv/bin/rfast-bench run scenarios/quickstart.yaml --out ")
    assert f"plots in `{out}/quickstart/`" in README
    assert out not in ("", ".", "results"), "what is committed is left alone"


def test_the_rooms_are_those_of_the_house_from_the_roof_down() -> None:
    table = ARCHITECTURE.split("| room | what is decided there |")[1].split("\n\n")[0]
    rows = [re.findall(r"\[`(\w+)(?:/|\.py)`\]", line) for line in table.splitlines()[2:]]
    assert [name for row in rows for name in row] == [name for names in FLOORS for name in names]
    for room, file in (
        ("cli", "errors"),
        ("analysis", "outcomes"),
        ("analysis", "tables"),
        ("conditions", "outgoing"),
    ):
        (line,) = [line for line in table.splitlines() if f"[`{room}/`]" in line]
        assert f"`{file}.py`" in line
    for line in table.splitlines()[2:]:
        home = re.findall(r"\(\.\./(rfast_bench/\w+/)\)", line)
        for file in re.findall(r"(?<!\[)`(\w+\.py)`", line):
            assert len(home) == 1
            assert (ROOT / home[0] / file).is_file()


def test_it_is_read_in_one_go() -> None:
    """What it is, one picture, three verdicts, two commands, the claims, where to go on."""
    assert len(README.splitlines()) <= 120
    assert len(re.findall(r"^!\[", README, re.MULTILINE)) == 1
    front = README.partition("<!-- front: ")[2].partition("<!-- end of front -->")[0]
    assert len(re.findall(r"^- \*\*.+\*\*", front, re.MULTILINE)) == 3


def test_pictures_are_there() -> None:
    for picture in re.findall(r"!\[.*?\]\((.*?)\)", README):
        assert (ROOT / picture).stat().st_size > 10_000
