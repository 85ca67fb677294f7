"""The scenarios that are installed with the package, found by name."""

from __future__ import annotations

import re
from importlib.resources import as_file, files
from os.path import exists
from pathlib import Path

from rfast_bench.errors import UserError, suggest

PACKAGE = "rfast_bench.scenarios"


def names() -> list[str]:
    """The names of all shipped scenarios."""
    return sorted(f.name.removesuffix(".yaml") for f in files(PACKAGE).iterdir() if f.name.endswith(".yaml"))


def find(name: str | Path) -> Path:
    """A path as it stands when it is there or looks like one, else the shipped scenario of that name.

    Raises UserError when it is neither.
    """
    path = Path(name)
    if exists(path) or path.suffix or len(path.parts) != 1:
        return path
    if str(name) not in names():
        raise UserError(
            f"no scenario '{name}': no file of that name is here, and none is shipped{suggest(str(name), names())}"
        )
    with as_file(files(PACKAGE) / f"{name}.yaml") as found:
        return found


def begun(source: str | None, template: str, file: Path) -> dict[Path, str]:
    """The text of a scenario to begin with in `file`, by path: the template, or a shipped one and the files that it
    names, beside it. Raises UserError for a name that is not shipped."""
    if source is None:
        return {file: template.replace("$NAME", file.stem).replace("$FILE", str(file))}
    if source not in names():
        raise UserError(f"--from: found '{source}'{suggest(source, names())}")
    text = (files(PACKAGE) / f"{source}.yaml").read_text(encoding="utf-8")
    beside = {
        file.with_name(other.name): other.read_text(encoding="utf-8")
        for other in files(PACKAGE).iterdir()
        if other.name.endswith((".txt", ".csv")) and re.search(rf"(?<![\w.-]){re.escape(other.name)}", text)
    }
    return {file: re.sub(r"^name: .*$", f"name: {file.stem}", text, count=1, flags=re.MULTILINE), **beside}
