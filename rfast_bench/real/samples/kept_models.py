"""Models that wait for evaluation: in memory up to a budget, beyond it in a file that is written beside the run.

A hundred looks at a model of 100 MB are 10 GB, for each worker. The file is written by a thread of its own; where the
disk is slower than the looks come, the run waits for it, and how long stands in the manifest.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rfast_bench.errors import UserError
from rfast_bench.problems.base import on_host


class KeptModels:
    """One worker's. A model that is the same object as the last one is kept once. `keep` is for one thread at once."""

    def __init__(self, path: Path, budget: float) -> None:
        """`path`: of the file, which is there after `close`; `budget`: bytes of models that may be in memory, one model
        at least."""
        self.rows: list[int] = []
        """For each time that `keep` was called: which of the models of the file it was."""
        self.waiting: deque[NDArray[Any]] = deque()
        """Those in memory, the oldest first."""
        self.waited = 0.0
        """Seconds that the run stood still for the disk."""
        self.shape: tuple[int, ...] = ()
        self.dtype = np.dtype(np.float64)
        self._path, self._budget = path, budget
        self._newest: Callable[[], Any] = lambda: None
        self._size = 0
        self._file: FileIO | None = None
        self._change = threading.Condition()
        self._writer: threading.Thread | None = None
        self._failure: OSError | None = None
        self._closed = False

    def keep(self, model: Any) -> None:
        """Keep a model, an array or a tensor that nobody changes. Raises UserError when the disk takes no more."""
        if self.rows and self._newest() is model:
            self.rows.append(self.rows[-1])
            return
        self._newest = _reference(model)
        self._make_room(int(getattr(model, "nbytes", 0)))
        array = on_host(model)
        self.shape, self.dtype = array.shape, array.dtype
        with self._change:
            self.waiting.append(array)
            self._size += array.nbytes
            self._change.notify_all()
        self.rows.append(self.rows[-1] + 1 if self.rows else 0)

    def close(self) -> None:
        """Write all that is still in memory. Raises UserError when the disk takes no more."""
        with self._change:
            self._closed = True
            self._change.notify_all()
        if self._writer is not None:
            self._writer.join()
        self._write()
        if self._file is not None:
            self._file.close()
        self._check()

    def _make_room(self, size: int) -> None:
        """For so many bytes more; from the first time on that there is none, models are written as they come."""
        with self._change:
            if not self._fits(size) and self._writer is None:
                self._writer = threading.Thread(target=self._write_as_they_come, daemon=True)
                self._writer.start()
            began = time.monotonic()
            self._change.wait_for(lambda: self._failure is not None or self._fits(size))
            self.waited += time.monotonic() - began
        self._check()

    def _fits(self, size: int) -> bool:
        return not self.waiting or self._size + size <= self._budget

    def _check(self) -> None:
        if self._failure is not None:
            raise UserError(
                f"models that are kept for evaluation cannot be written to {self._path}: {self._failure.strerror}; "
                "look less often (evaluate.every), let more stay in memory (real.samples_memory), or give the run "
                "another place (the environment variable TMPDIR)"
            ) from self._failure

    # ------------------------------------------------------------------------------------------- the file
    def _write_as_they_come(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._closed or bool(self.waiting))
                if self._closed:
                    return
            self._write()
            if self._failure is not None:
                return

    def _write(self) -> None:
        """All that is in memory by now."""
        while self.waiting and self._failure is None:
            array = self.waiting[0]
            try:
                self._append(array)
            except OSError as problem:
                self._failure = problem
            with self._change:
                if self._failure is None:
                    self.waiting.popleft()
                    self._size -= array.nbytes
                self._change.notify_all()

    def _append(self, array: NDArray[Any]) -> None:
        if self._file is None:
            self._file = self._path.open("wb", buffering=0)
        rest = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
        while rest:
            rest = rest[self._file.write(rest) :]


def _reference(model: Any) -> Callable[[], Any]:
    """Gives the model as long as somebody else holds it; a number always."""
    try:
        return weakref.ref(model)
    except TypeError:
        return lambda: model


class SavedModels:
    """Those of a file, one at a time: mapped, and gone from memory with the last reference."""

    def __init__(self, path: Path, dtype: str, shape: tuple[int, ...], rows: NDArray[np.int64]) -> None:
        self._path, self._dtype, self._shape, self._rows = path, np.dtype(dtype), shape, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, look: int) -> NDArray[Any]:
        """The model that was kept the `look`-th time, read-only."""
        size = self._dtype.itemsize * int(np.prod(self._shape))
        offset = size * int(self._rows[look])
        return np.memmap(self._path, self._dtype, "r", offset, self._shape)
