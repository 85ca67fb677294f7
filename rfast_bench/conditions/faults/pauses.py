"""Work that a pause falls into takes up where it was."""

from __future__ import annotations

from collections.abc import Sequence

from rfast_bench.scenario.faults.kinds import Fault, Pause
from rfast_bench.scenario.sections.slowdown import Slowdown


class Interrupted(Slowdown):
    """A slowdown whose worker does nothing during its pauses. Of one for good the work is not put off: its process is
    stopped, and has to end."""

    __slots__ = ("_plain", "_spans")

    def __init__(self, plain: Slowdown, faults: Sequence[Fault], worker: int) -> None:
        super().__init__([])
        self._plain, self.factor = plain, plain.factor
        own = [f for f in faults if isinstance(f, Pause) and f.worker == worker]
        self._spans = sorted((f.down, f.up) for f in own if f.up is not None)
        self.steady = plain.steady and not self._spans

    def finish(self, start: float, work: float) -> float:
        """See `Slowdown`."""
        end = self._plain.finish(start, work)
        for down, up in self._spans:
            if start <= down < end:
                end = self._plain.finish(up, self._plain.done(down, end))
        return end
