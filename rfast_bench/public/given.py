"""Classes and functions in the place of names: each is found again in a file, for runs have processes of their own.

One of a module is named by its file. One of a script or a notebook is written into a file of its own, with what it
needs, and that file is kept beside the records: they say which code was run.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rfast_bench.errors import UserError
from rfast_bench.files import write_text
from rfast_bench.public.slices import needed
from rfast_bench.study.keeping.writable import kept

FOLDER = "given"
"""Of those files, in the output folder."""


def plain(value: Any, home: Path) -> Any:
    """The same keys and values with a file's name in the place of each class and function, `FILE.py:NAME`.

    `home`: the output folder. Raises UserError where the code of one cannot be found.
    """
    if isinstance(value, Mapping):
        found = {key: plain(item, home) for key, item in value.items()}
        if isinstance(value.get("name"), type):
            found.setdefault("label", value["name"].__name__)
        return found
    if isinstance(value, list | tuple | range):
        return [plain(item, home) for item in value]
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, str | Path):
        return _text(str(value))
    return reference(value, home) if callable(value) else value


def _text(text: str) -> str:
    """The same. Raises UserError where no file can hold it: half of a sign, as a wrong decoding leaves it."""
    try:
        text.encode()
    except UnicodeEncodeError as problem:
        raise UserError(f"scenario: {text!a} is no text: {problem.reason}") from problem
    return text


def algorithms(entries: Any) -> Any:
    """Those of a scenario, of which one may be a name or a class alone."""
    if not isinstance(entries, list | tuple):
        return entries
    return [{"name": one} if isinstance(one, str | type) else one for one in entries]


def reference(found: Any, home: Path) -> str:
    """`FILE.py:NAME` of a class or a function. Raises UserError."""
    if getattr(found, "__module__", "") == "builtins":
        raise UserError(
            f"{found!r} is Python's own; expected the name of something, or a class or function of yours"
        )
    name = getattr(found, "__qualname__", "")
    if not name.isidentifier():
        raise UserError(
            f"{found!r} has no name at the top level of a file; define it there, with class or def"
        )
    module = sys.modules.get(found.__module__)
    file = getattr(module, "__file__", None)
    if found.__module__ != "__main__" and file and getattr(module, name, None) is found:
        return f"{Path(file).resolve()}:{name}"
    text = _source(name, file if found.__module__ == "__main__" else None)
    if text is None:
        raise UserError(
            f"{name}: its code cannot be found (Python was not started with a file, and this is no notebook); put it "
            f"into a file and give FILE.py:{name}"
        )
    text = needed(text, name)
    path = home.resolve() / FOLDER / f"{name}_{hashlib.sha256(text.encode()).hexdigest()[:8]}.py"
    if not path.is_file():
        with kept(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
    return f"{path}:{name}"


def _source(name: str, script: str | None) -> str | None:
    """The text that defines `name`: of the script, or of all cells that were run."""
    if script is not None and Path(script).is_file():
        return Path(script).read_text(encoding="utf-8")
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is None:
        return None
    cells = [text for text in shell.history_manager.input_hist_parsed if _is_python(text)]
    return "\n\n".join(cells) if any(name in text for text in cells) else None


def _is_python(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True
