"""Which links are seeded together, and that it makes no difference to their draws."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

import pytest

from rfast_bench.conditions.links import expect_draws, link_draws
from rfast_bench.conditions.randomness.seeds import Streams
from rfast_bench.scenario.sections.network import NetworkSpec
from rfast_bench.sim.network import links
from rfast_bench.sim.network.links import Links

ROUGH: dict[str, Any] = {"latency": {"kind": "exponential", "mean": 1}, "loss": 0.2}
EXPECTED = list[tuple[int, int]]


@pytest.fixture
def expected(monkeypatch: pytest.MonkeyPatch) -> list[EXPECTED]:
    """What is seeded together, call by call."""
    calls: list[EXPECTED] = []

    def noted(link: Any, streams: Streams, links: Sequence[tuple[int, int]]) -> None:
        calls.append(list(links))
        expect_draws(link, streams, links)

    monkeypatch.setattr(links, "expect_draws", noted)
    return calls


def opened(own: dict[str, Any], workers: int, links: EXPECTED, used: EXPECTED) -> None:
    """Open links, and compare the draws of each with what the seed and the link say."""
    spec = NetworkSpec.model_validate(ROUGH | own)
    ways = Links(spec, Streams(7))
    ways.expect(workers, links)
    for sender, receiver in used:
        alone = link_draws(spec, spec.link(sender, receiver), Streams(7), sender, receiver)
        assert list(islice(ways.between(sender, receiver).draws, 40)) == list(islice(alone, 40))
        assert ways.between(sender, receiver) is ways.between(sender, receiver)


def test_the_links_of_a_topology_are_seeded_together(expected: list[EXPECTED]) -> None:
    opened({}, 4, [(1, 0), (0, 1)], [(0, 1), (2, 3), (1, 0)])
    assert expected == [[(0, 1), (1, 0)]]


def test_without_a_topology_equal_distances_are(expected: list[EXPECTED]) -> None:
    opened({}, 3, [], [(0, 1), (2, 0), (1, 0), (0, 2)])
    assert expected == [[(0, 1), (1, 2), (2, 0)], [(0, 2), (1, 0), (2, 1)]]


def test_there_is_an_end_to_distances(expected: list[EXPECTED]) -> None:
    n = links.MOST_DISTANCES + 5
    opened({}, n, [], [(0, k) for k in range(1, n)])
    assert len(expected) == links.MOST_DISTANCES


@pytest.mark.parametrize("links", [[], [(0, 1)]])
def test_links_of_their_own_kind_are_seeded_one_by_one(expected: list[EXPECTED], links: EXPECTED) -> None:
    opened({"links": [{"from": 0, "to": 1, "loss": 0.5}]}, 3, links, [(0, 1), (1, 2)])
    assert expected == []
