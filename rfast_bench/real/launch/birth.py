"""The first moments of a worker's process: it is tied to its launcher before it imports what takes seconds, where the
server that it was forked from has not done so.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from rfast_bench.real.halts import ending


def born(path: Path, environment: Mapping[str, str], log: Path) -> NoReturn:
    """The life of a process that was forked by the launcher, which a terminal's Ctrl-C does not reach."""
    ending.detach(log)
    os.environ.update(environment)
    from rfast_bench.real.worker.process import end_process

    end_process(path)
