"""What a link does to each of its messages: a latency, and how large a message it lets through.

The latter is an *endurance* in model sizes, exponentially distributed (`losses.mean_endurance`):
a message is lost when its size exceeds the endurance drawn for it.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Sequence
from itertools import chain, repeat

import numpy as np

from rfast_bench.conditions.randomness.seeds import Streams
from rfast_bench.scenario.sections.losses import Independent, LossModel
from rfast_bench.scenario.sections.network import LinkSpec, NetworkSpec
from rfast_bench.scenario.sections.timing import Constant, Draws

SMALLEST, LARGEST = 16, 256
"""Draws kept ready per stream, doubling from block to block: few for the many links that are hardly used, enough
that a block's cost does not show, and not more than what stays in cache."""

LinkDraws = Iterator[tuple[float, float]]
"""(latency in seconds, endurance in model sizes) of a link's successive messages."""


def link_draws(
    network: NetworkSpec, link: LinkSpec, streams: Streams, sender: int, receiver: int
) -> LinkDraws:
    """The draws of one link: it depends on the seed, the link and the message's index, nothing else."""
    if isinstance(link.latency, Constant) and _lossless(link) and network.reorder is None:
        return repeat((link.latency.mean, math.inf))
    return chain.from_iterable(_blocks(network, link, streams, sender, receiver))


def expect_draws(link: LinkSpec, streams: Streams, links: Sequence[tuple[int, int]]) -> None:
    """All these links will be used, and most of them are like `link`."""
    if not isinstance(link.latency, Constant):
        streams.expect("latency", links)
    if not _lossless(link):
        streams.expect("loss", links)


def _lossless(link: LinkSpec) -> bool:
    return isinstance(link.loss, Independent) and link.loss.probability == 0


def block_sizes() -> Iterator[int]:
    """How many values to draw at a time from a stream, from its first block on."""
    size = SMALLEST
    while size < LARGEST:
        yield size
        size *= 2
    yield from repeat(LARGEST)


def packed(draws: Draws) -> array[float]:
    """Draws to be taken one by one, row by row, eight bytes each: a list of numbers fills four times the cache."""
    return array("d", draws.tobytes())


def _blocks(
    network: NetworkSpec, link: LinkSpec, streams: Streams, sender: int, receiver: int
) -> Iterator[LinkDraws]:
    latency = streams("latency", sender, receiver)
    loss = LossDraws(link.loss, streams, sender, receiver)
    order = streams("reorder", sender, receiver) if network.reorder else None
    for size in block_sizes():
        late = link.latency.draw(latency, size)
        if network.reorder and order:
            late = late + network.reorder.delay * (order.random(size) < network.reorder.probability)
        drawn = np.empty((size, 2))  # side by side in cache
        drawn[:, 0], drawn[:, 1] = late, loss.draw(size)
        pairs = iter(packed(drawn))
        yield zip(pairs, pairs, strict=True)


class LossDraws:
    """The endurances of one link's messages, in order."""

    __slots__ = ("_bad", "_chain", "_luck", "_model")

    def __init__(self, model: LossModel, streams: Streams, sender: int, receiver: int) -> None:
        self._model = model
        self._chain = None if isinstance(model, Independent) else streams("loss-state", sender, receiver)
        self._luck = streams("loss", sender, receiver)
        self._bad: bool | None = None

    def draw(self, size: int) -> Draws:
        """Endurances of the next `size` messages, in model sizes; infinite where nothing is ever lost."""
        mean, self._bad = self._model.endurances(self._chain, size, self._bad)
        return self._luck.standard_exponential(size) * mean
