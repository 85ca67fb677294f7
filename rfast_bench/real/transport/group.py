"""What a worker does together with all others, in the run's collective group."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from rfast_bench.breaches.broken import Broken
from rfast_bench.real.transport.collective import Collective, Wait


class Group:
    """The group of a run whose algorithm, of this `name`, may or may not say that it needs one."""

    def __init__(self, name: str, ended: threading.Event) -> None:
        self._name, self._ended = name, ended
        self._joined: Collective | None = None

    def join(self, collective: Collective) -> None:
        """From now on there is one."""
        self._joined = collective

    def mean(self, value: Any, waits: Sequence[Wait]) -> Any:
        """See `Collective.mean`."""
        return self._together(lambda group: group.mean(value, waits))

    def begin(self, piece: Any) -> None:
        """See `Collective.begin`."""
        self._together(lambda group: group.begin(piece))

    def finish(self, vector: Any) -> Any:
        """See `Collective.finish`."""
        return self._together(lambda group: group.finish(vector))

    def gather(self, numbers: Sequence[float]) -> Any:
        """See `Collective.gather`."""
        return self._together(lambda group: group.gather(numbers))

    def _together(self, what: Callable[[Collective], Any]) -> Any:
        if self._joined is None:
            raise Broken("collective", f"{self._name} asks for a mean over all workers")
        try:
            return what(self._joined)
        except (
            RuntimeError
        ):  # what torch raises when a peer is gone: nothing can be done but wait for the end
            traceback.print_exc()
            self._ended.wait()
            raise
