"""The present time of a simulated run, where everybody can look at it."""

from __future__ import annotations


class Moment:
    """The present time, as a plain attribute: reading that is several times quicker than asking SimPy's clock."""

    __slots__ = ("now",)

    def __init__(self) -> None:
        self.now = 0.0
