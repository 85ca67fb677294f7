"""The table that large rings draw lognormal latencies from: its law, and the times that come of it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr, ndtri
from scipy.stats import ks_2samp, kstest, lognorm

from rfast_bench.conditions import lognormal_table, ring
from rfast_bench.conditions.lognormal_table import CELLS, cell_means, draw, tail
from rfast_bench.scenario.sections.network import NetworkSpec
from rfast_bench.scenario.sections.timing import Draws, Lognormal
from rfast_bench.scenario.sections.topology import TopologySpec
from rfast_bench.sim.network.node import Network, SimNode
from rfast_bench.sim.network.ring import Ring
from rfast_bench.topology.build import build

SIGMAS = (0.05, 0.2, 1.0, 2.0)
MEAN = 0.1


def law(sigma: float) -> Lognormal:
    return Lognormal(kind="lognormal", mean=MEAN, sigma=sigma)


def exact(sigma: float) -> Any:
    return lognorm(s=sigma, scale=MEAN * math.exp(-(sigma**2) / 2))


@pytest.mark.parametrize("sigma", [0.0, *SIGMAS])
def test_the_mean_is_that_of_the_law(sigma: float) -> None:
    assert cell_means(MEAN, sigma).mean() == pytest.approx(MEAN, rel=1e-9)


@pytest.mark.parametrize("sigma", SIGMAS)
def test_each_cell_lies_between_its_quantiles(sigma: float) -> None:
    """So every quantile of the table is that of the law to within 2^-16 of probability."""
    edges = exact(sigma).ppf(np.arange(CELLS + 1) / CELLS)
    means = cell_means(MEAN, sigma)
    assert (edges[:-1] <= means).all()
    assert (means <= edges[1:]).all()


@pytest.mark.parametrize("sigma", SIGMAS)
def test_of_the_variance_less_than_a_thousandth_is_lost(sigma: float) -> None:
    inner = (cell_means(MEAN, sigma)[:-1] ** 2).sum() / CELLS
    last = MEAN**2 * math.exp(sigma**2) * ndtr(2 * sigma + ndtri(1 / CELLS))  # exact draws
    variance = inner + last - MEAN**2
    assert variance == pytest.approx(exact(sigma).var(), rel=1e-3)
    assert variance < exact(sigma).var()


@pytest.mark.parametrize("sigma", SIGMAS)
def test_draws_follow_the_law(sigma: float) -> None:
    draws = draw(law(sigma), np.random.default_rng(1), 400_000)
    assert kstest(draws, exact(sigma).cdf).pvalue > 0.01
    error = draws.std() / math.sqrt(len(draws))
    assert abs(draws.mean() - MEAN) < 4 * error


def test_beyond_the_last_cell_draws_follow_the_law_too() -> None:
    one, edge = exact(1.0), exact(1.0).isf(1 / CELLS)
    drawn = tail(law(1.0), np.random.default_rng(2), 50_000)
    assert drawn.min() >= edge
    assert kstest(drawn, lambda x: 1 - one.sf(x) * CELLS).pvalue > 0.01


def test_the_last_cell_is_never_drawn_as_its_mean() -> None:
    draws = draw(law(1.0), np.random.default_rng(3), 2**20)
    edge = exact(1.0).isf(1 / CELLS)
    assert 4 <= (draws >= edge).sum() <= 40  # 16 are expected
    assert len(set(draws[draws >= edge])) == (draws >= edge).sum()
    assert cell_means(MEAN, 1.0)[-1] not in draws


@pytest.mark.parametrize("size", [1, 3, 4, 1001])
def test_any_number_of_draws(size: int) -> None:
    draws = draw(law(0.2), np.random.default_rng(4), size)
    assert draws.shape == (size,)
    assert (draws == draw(law(0.2), np.random.default_rng(4), size)).all()


def test_large_rings_take_the_table_and_small_ones_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def counted(own: Lognormal, rng: np.random.Generator, size: int) -> Draws:
        asked.append(size)
        return draw(own, rng, size)

    monkeypatch.setattr(lognormal_table, "draw", counted)
    round_times(ring.LARGE - 1, 1, seed=0)
    assert not asked
    round_times(ring.LARGE, 1, seed=0)
    assert sum(asked) == 2 * (ring.LARGE - 1) * ring.LARGE


@pytest.mark.parametrize("sigma", [0.2, 1.0])
def test_rounds_take_the_same_times_with_the_table_and_without(
    monkeypatch: pytest.MonkeyPatch, sigma: float
) -> None:
    """The longest of many sums: what any change of the law, above all of its tail, would move."""
    rounds = 300
    table = round_times(ring.LARGE, rounds, seed=5, sigma=sigma)
    monkeypatch.setattr(ring, "LARGE", ring.LARGE + 1)
    plain = round_times(ring.LARGE - 1, rounds, seed=6, sigma=sigma)
    assert ks_2samp(table, plain).pvalue > 0.01
    error = math.hypot(table.std(), plain.std()) / math.sqrt(rounds)
    assert abs(table.mean() - plain.mean()) < 3 * error
    assert error < 0.01 * plain.mean()


def round_times(n: int, rounds: int, seed: int, sigma: float = 0.2) -> np.ndarray:
    """How long each of so many rounds takes from a common start, shape (rounds,), seconds."""
    spec = NetworkSpec.model_validate({"latency": {"kind": "lognormal", "mean": MEAN, "sigma": sigma}})
    topology = build(TopologySpec(), n, "nothing")
    network = Network(spec, seed=seed, model_size=80)
    network.nodes = [SimNode(i, topology, network, seed) for i in range(n)]
    one, found = Ring(network), []
    for _ in range(rounds):
        start = max(node.free_at for node in network.nodes)
        found.append(one.finish(np.full(n, start), 80.0, 1.0).max() - start)
    return np.array(found)
