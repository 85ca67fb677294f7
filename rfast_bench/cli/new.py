"""`rfast-bench new`: a file to begin with, which runs as it is. Exit code 2 if there is one of that name."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from pathlib import Path

import click

from rfast_bench.cli.common import completing
from rfast_bench.errors import UserError

TEMPLATES = Path(__file__).with_name("templates")
_FILE = click.Path(path_type=Path)
_RIVALS = "{name: r-fast, step_size: {effective: 1.9}}, {name: ring-allreduce, step_size: {effective: 4.3}}"
"""Beside it, on the shipped scenario that is told."""


@click.group("new")
def command() -> None:
    """Write a scenario, or a method or a problem of your own, to begin with."""


@command.command("scenario")
@click.argument("name")
@click.option(
    "--from",
    "source",
    metavar="SHIPPED",
    shell_complete=completing.shipped_only,
    help="Take a shipped scenario, e.g. quickstart, with its comments.",
)
def scenario(name: str, source: str | None) -> None:
    """Write NAME.yaml: a scenario with comments, to be changed into yours."""
    from rfast_bench.scenario.shipped import begun

    file = Path(name if Path(name).suffix else f"{name}.yaml")
    if file.suffix not in (".yaml", ".yml") or not re.fullmatch(r"[A-Za-z0-9][\w.-]*", file.stem, re.ASCII):
        raise UserError(f"found '{name}'; expected a name of letters, digits, '.', '_' or '-', or NAME.yaml")
    template = (TEMPLATES / "scenario.txt").read_text(encoding="utf-8")
    begin(begun(source, template, file))
    click.echo(f"wrote {file}")
    click.echo(f"rfast-bench check {file}")
    click.echo(f"rfast-bench run {file} --out my-results")


def begin(files: Mapping[Path, str]) -> None:
    """Write new files, all or none. Raises UserError, and overwrites nothing."""
    for file in files:
        if file.exists():
            raise UserError(f"{file} is there already; nothing was written")
    for file, text in files.items():
        _write_new(file, text)


@command.command("algorithm")
@click.argument("file", type=_FILE, metavar="FILE.py")
def algorithm(file: Path) -> None:
    """Write FILE.py: a complete method, with comments, to be changed into yours."""
    name = write(file, "algorithm", "Method")
    own = f'{{name: "{file}:{name}", step_size: 1}}'
    click.echo(f"wrote {file}: {name}, gossip SGD to begin with")
    click.echo(f"rfast-bench check {file}:{name}")
    click.echo(f"rfast-bench run quickstart --out my-results --set 'algorithms=[{own}, {_RIVALS}]'")


@command.command("problem")
@click.argument("file", type=_FILE, metavar="FILE.py")
def problem(file: Path) -> None:
    """Write FILE.py: a complete problem, with comments, to be changed into yours."""
    name = write(file, "problem", "Problem")
    click.echo(f"wrote {file}: {name}, least squares to begin with")
    click.echo(f"rfast-bench check {file}:{name}")
    rivals = _RIVALS.replace("1.9", "0.2").replace("4.3", "0.2")
    click.echo(
        f"rfast-bench run quickstart --out my-results --set 'problem={{kind: \"{file}:{name}\"}}' "
        f"--set 'algorithms=[{rivals}]'"
    )


def write(file: Path, template: str, ending: str) -> str:
    """Fill in a template; returns the name of the class. Raises UserError, and overwrites nothing."""
    text = (TEMPLATES / f"{template}.txt").read_text(encoding="utf-8")
    name = class_name(file.stem, set(re.findall(r"\w+", text)), ending)
    if file.suffix != ".py" or not name.isidentifier():
        raise UserError(
            f"found '{file}'; expected a file such as my_{ending.lower()}.py: letters, digits, _ or -"
        )
    _write_new(file, text.replace("$CLASS", name))
    return name


def _write_new(file: Path, text: str) -> None:
    try:
        with file.open("x", encoding="utf-8") as new:
            new.write(text)
    except FileExistsError:
        raise UserError(f"{file} is there already; nothing was written") from None
    except OSError as problem:
        raise UserError(f"cannot write {file}: {problem.strerror}") from problem


def class_name(stem: str, taken: set[str], ending: str) -> str:
    """`my_method` is `MyMethod`; a name that the file uses already gets an ending."""
    name = "".join(part[:1].upper() + part[1:] for part in re.split(r"[_-]+", stem))
    return name + ending if keyword.iskeyword(name) or name in taken else name
