"""Injected faults: which messages of a worker are lost and how long the others take, by the link weather that
the simulated world has too, and with its rules for the queue at the sender's own link.

The sender decides. A lost `post` never leaves; a delayed message carries the time until which its receiver
holds it back; a lost reliable message is late by its retransmissions.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass

from rfast_bench.links import NetworkSpec
from rfast_bench.weather import Weather, link_weather

MOST_TRIES = 1000
"""A reliable message lost so often is given up: the link is down."""
AT_ONCE = 0.0


@dataclass(slots=True)
class _Slot:
    """The last post of an edge and channel: when it leaves the sender's queue and is due (None: lost)."""

    start: float = -math.inf
    due: float | None = None


@dataclass(slots=True)
class _Road:
    weather: Weather
    bandwidth: float


class Faults:
    """What happens to the messages that one worker sends. Times are seconds of the run's clock."""

    def __init__(self, network: NetworkSpec, seed: int, worker: int, model_size: int) -> None:
        self.lost = 0
        self.superseded = 0
        self.tries = 0
        self.bytes = 0.0
        self._network = network
        self._seed = seed
        self._worker = worker
        self._model_size = model_size
        self._scale = (network.message_bytes or model_size) / model_size
        self._free_at = 0.0
        self._roads: dict[int, _Road] = {}
        self._slots: dict[tuple[int, Hashable], _Slot] = {}
        self._last_due: dict[tuple[int, Hashable], float] = {}

    def post(self, to: int, channel: Hashable, size: int, now: float) -> float | None:
        """When a post of `size` bytes is due at its receiver; None when it is lost."""
        slot = self._slots.setdefault((to, channel), _Slot())
        if slot.start > now:  # the last one still waits for the sender's link: this one takes its place
            self.superseded += 1
            return slot.due
        road = self._road(to)
        self._count(1, size)
        latency, endurance = next(road.weather)
        slot.start = max(now, self._free_at)
        self._free_at = done = slot.start + size * self._scale / road.bandwidth
        slot.due = done + latency
        if size / self._model_size > endurance:
            self.lost += 1
            slot.due = None
        return slot.due if slot.due is None or slot.due > now else AT_ONCE

    def send(self, to: int, channel: Hashable, size: int, now: float, reliable: bool) -> float | None:
        """When a sent message is due; None when it is lost for good."""
        road = self._road(to)
        latency, tries = self._tries(road, size / self._model_size, reliable)
        self._count(tries, size)
        transmission = size * self._scale / road.bandwidth
        leaves = max(now, self._free_at)
        self._free_at = leaves + tries * transmission
        if latency is None:
            return None
        pause = self._network.retransmit_timeout
        again = 2 * latency + transmission if pause is None else max(pause, transmission)
        due = leaves + (tries - 1) * again + transmission + latency
        due = max(due, self._last_due.get((to, channel), -math.inf))
        self._last_due[to, channel] = due
        return due if due > now else AT_ONCE

    def _tries(self, road: _Road, models: float, reliable: bool) -> tuple[float | None, int]:
        """The latency of the try that gets through (None when none will), and how many were made."""
        latency, endurance = next(road.weather)
        tries = 1
        while models > endurance:
            self.lost += 1
            if not reliable or tries == MOST_TRIES:
                return None, tries
            latency, endurance = next(road.weather)
            tries += 1
        return latency, tries

    def _count(self, tries: int, size: int) -> None:
        self.tries += tries
        self.bytes += tries * size * self._scale

    def collective(self, size: int, workers: int) -> None:
        """Count what a ring all-reduce of `size` bytes sends; the back-end's own traffic is not disturbed."""
        chunks = 2 * (workers - 1)
        self.tries += chunks
        self.bytes += chunks * size * self._scale / workers

    def _road(self, to: int) -> _Road:
        found = self._roads.get(to)
        if found is None:
            link = self._network.link(self._worker, to)
            weather = link_weather(self._network, link, self._seed, self._worker, to)
            found = self._roads[to] = _Road(weather, link.bandwidth)
        return found
