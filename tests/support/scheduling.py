"""How pytest-xdist deals the tests to its processes."""

from __future__ import annotations

from typing import Any

from xdist.scheduler import LoadFileScheduling

from tests.support.on_the_clock import on_the_clock


class OneAtATime(LoadFileScheduling):  # type: ignore[misc]
    """A file of tests at a time to each of pytest's processes; those on the clock, one after another, to the first.

    They start processes that sleep most of the time, and two of them at once would be late.
    """

    def _split_scope(self, nodeid: str) -> str:
        return "on the clock" if on_the_clock(nodeid) else str(super()._split_scope(nodeid))

    def _assign_work_unit(self, node: Any) -> None:
        if "on the clock" in self.workqueue:
            self.workqueue.move_to_end("on the clock", last=False)
        super()._assign_work_unit(node)
