"""Processes that do not import their starter's script. What they are asked to do stands in the suite's own modules;
a script without `if __name__ == "__main__"` would begin anew in each of them."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator

_lock = threading.RLock()


@contextlib.contextmanager
def without_script() -> Iterator[None]:
    """Processes that multiprocessing starts in the block get no word of the main module's file."""
    with _lock:
        kept = sys.modules["__main__"].__dict__
        hidden = {name: value for name, value in kept.items() if name in ("__file__", "__spec__")}
        kept.pop("__file__", None)
        kept["__spec__"] = None
        try:
            yield
        finally:
            kept.update(hidden)
