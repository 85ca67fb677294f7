"""What is installed: the package list, the wheel, the shipped scenarios; and nothing called `algorithms`."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = {"rfast_bench.algorithms": "algorithms", "rfast_bench.scenarios": "scenarios"}


def settings() -> dict[str, Any]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    found: dict[str, Any] = project["tool"]["setuptools"]
    return found


def test_the_list_of_packages_is_the_tree() -> None:
    inside = {".".join(p.parent.relative_to(ROOT).parts) for p in (ROOT / "rfast_bench").rglob("__init__.py")}
    assert set(settings()["packages"]) == inside | set(FOLDERS)
    assert settings()["package-dir"] == {"rfast_bench": "rfast_bench", **FOLDERS}


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder holding the unpacked wheel."""
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index"]
    subprocess.run([*command, "--target", str(target), str(wheel)], check=True, timeout=120)
    return target


def outside(installed: Path, folder: Path, code: str) -> str:
    """What a Python prints that sees the wheel and the dependencies, but not the checkout."""
    environment = {"PYTHONPATH": str(installed), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout.strip()


def test_the_wheel_runs_a_shipped_scenario_from_another_folder(installed: Path, tmp_path: Path) -> None:
    code = (
        "import rfast_bench; print(rfast_bench.__file__);"
        "from rfast_bench.cli.commands import main;"
        "main(['run', 'quickstart', '--set', 'stop.time=1 s', '--set', 'seeds=1', '--no-plots', '--jobs', '1'])"
    )
    printed = outside(installed, tmp_path, code)
    assert printed.startswith(str(installed))
    assert "r-fast" in printed
    assert (tmp_path / "results" / "quickstart" / "r-fast-tree" / "seed-0" / "curves.csv").exists()


def test_the_wheel_ships_what_is_in_the_repository(installed: Path) -> None:
    for package, folder in FOLDERS.items():
        here = {p.name for p in (ROOT / folder).iterdir() if p.suffix in {".py", ".yaml"}}
        there = {p.name for p in installed.joinpath(*package.split(".")).iterdir() if p.is_file()}
        assert here <= there
    profiles = {p.name for p in (ROOT / "rfast_bench" / "scenario" / "system_profiles").iterdir()}
    assert profiles == {
        p.name for p in (installed / "rfast_bench" / "scenario" / "system_profiles").iterdir()
    }
    for parts in (("report", "page", "templates"), ("cli", "templates")):
        here = {p.name for p in ROOT.joinpath("rfast_bench", *parts).iterdir()}
        assert here == {p.name for p in installed.joinpath("rfast_bench", *parts).iterdir()}
    assert not (installed / "algorithms").exists()
    assert (installed / "rfast_bench" / "py.typed").exists()


def test_the_entry_point_is_installed() -> None:
    script = Path(sys.executable).with_name("rfast-bench")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, timeout=60, check=True)
    with (ROOT / "pyproject.toml").open("rb") as file:
        assert tomllib.load(file)["project"]["version"] in done.stdout
