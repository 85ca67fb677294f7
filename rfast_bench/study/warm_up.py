"""What the processes of a sweep import before there are any: they are forked from a server that has it all."""

from __future__ import annotations

import re
from multiprocessing import get_context
from pathlib import Path

from rfast_bench.processes.environment import ONE_THREAD
from rfast_bench.processes.fork_server import JANITOR, start_fork_server

PRELOAD = (JANITOR, "rfast_bench.study.fork_server_imports", "rfast_bench.algorithms", "click")

REAL = "rfast_bench.real.worker.process"
"""What workers of the real world are made of: seconds for each of them, where the server has not imported it."""


def warm_up(*scenarios: Path, real: bool = False, text: str = "") -> None:
    """Start the server that the processes of these scenarios' runs are forked from.

    `text`: of a scenario that is no file. `real`: whether they are of the real world though the files do not say so.
    Returns at once: the server's imports go on beside those of the caller. Later calls do nothing.
    """
    get_context("forkserver").set_forkserver_preload([*PRELOAD, *heavy(*scenarios, real=real, text=text)])
    start_fork_server(ONE_THREAD)


def heavy(*scenarios: Path, real: bool = False, text: str = "") -> list[str]:
    """What takes long to import and is best imported once for all runs, where these files look like needing it."""
    files = [path for path in scenarios if path.is_file()]
    texts = [text, *(path.read_text(encoding="utf-8", errors="replace") for path in files)]
    workers = [REAL] * (
        real or any(re.search(r"^world: *[\"']?(real|both)", text, re.MULTILINE) for text in texts)
    )
    return sorted({*workers, *(name for text in texts for name in _heavy(text))})


def _heavy(text: str) -> list[str]:
    network = re.search(r"\bmlp\b|\bkind: *[\"']?torch\b", text) is not None
    bundled = any(name in text for name in ("digits", "breast_cancer", "wine"))
    split = "mnist" in text or "cifar" in text or re.search(r"test_fraction: *0 *$", text, re.MULTILINE)
    held_out = (network or "logistic" in text) and not split
    return ["torch"] * network + ["sklearn.datasets"] * bundled + ["sklearn.model_selection"] * held_out
