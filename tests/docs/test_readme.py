"""Every command that the README prints is true: each is run as it stands, or is a target of the Makefile."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from rfast_bench.cli.commands import main

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.strip()
]


def targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_make_commands_are_targets() -> None:
    asked = [line.split()[1] for line in COMMANDS if line.startswith("make ")]
    assert asked == ["quickstart", "test"]
    assert set(asked) <= targets()


def test_nothing_else_is_printed_than_what_is_tested() -> None:
    others = [line for line in COMMANDS if not line.startswith(("make ", "rfast-bench "))]
    assert others == [". .venv/bin/activate"]


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
    recipe = (ROOT / "Makefile").read_text().split("quickstart:")[1].split("\n\n")[0]
    assert "rfast-bench run scenarios/quickstart.yaml" in recipe


def test_pictures_are_there() -> None:
    for picture in re.findall(r"!\[.*?\]\((.*?)\)", README):
        assert (ROOT / picture).stat().st_size > 10_000
