"""The one place where a method steps along its gradient: a few lines put momentum into any of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rfast_bench.algorithms.r_fast import RFast
from rfast_bench.api import Vector
from rfast_bench.conformance.hand.world import World
from rfast_bench.plan import registry
from tests.support.handmade import graph, maker, noise

BETA = 0.6


class HeavyBall(RFast):  # type: ignore[misc, unused-ignore]  # a fresh clone sees Any
    """v = x - γ z + β (x - x before)."""

    def descend(self, x: Vector, z: Vector) -> Vector:
        v = super().descend(x, z) + BETA * (x - getattr(self, "before", x))
        self.before = x
        return v


class ByHand:
    """Two workers of R-FAST with a heavy ball, written from the equations; what is posted arrives before the next
    gradient is asked for. w_01 = w_10 = a_01 = a_10 = 1/2."""

    def __init__(self, x0: np.ndarray, step: float) -> None:
        self.step, self.x, self.before, self.k = step, [x0, x0], [x0, x0], 0
        self.g = self.z = [self.gradient(i) for i in range(2)]
        self.k = 1
        self.given, self.taken = [0 * x0, 0 * x0], [0 * x0, 0 * x0]  # ρ of i to the other, ρ̃ of i from it
        self.v_heard, self.rho_heard = [x0, x0], [0 * x0, 0 * x0]
        self.move()

    def gradient(self, i: int) -> Vector:
        return noise(7)(i, None, self.k)

    def move(self) -> None:
        v = [self.x[i] - self.step * self.z[i] + BETA * (self.x[i] - self.before[i]) for i in range(2)]
        mixed = [(v[i] + self.v_heard[i]) / 2 for i in range(2)]
        self.before, self.x, self.v_heard = self.x, mixed, [v[1], v[0]]

    def round(self) -> None:
        g = [self.gradient(i) for i in range(2)]
        self.k += 1
        y = [self.z[i] + g[i] - self.g[i] + self.rho_heard[i] - self.taken[i] for i in range(2)]
        self.taken = list(self.rho_heard)
        self.z, self.given = [y[i] / 2 for i in range(2)], [self.given[i] + y[i] / 2 for i in range(2)]
        self.rho_heard, self.g = [self.given[1], self.given[0]], g
        self.move()


def test_a_heavy_ball_on_r_fast_is_an_override_of_one_method() -> None:
    """Not a copy of `run`: the iterates are those of the equations, and the ledger is kept.

    Rounds without chance: the first v of each is read by nobody, for x⁰ stands in until something has come.
    """
    pair = graph("directed-ring", 2)
    world = World(lambda x0: HeavyBall(x0, step_size=0.1), pair, np.ones(2), noise(7))
    world.round()
    reference = ByHand(np.ones(2), 0.1)
    for _ in range(30):
        np.testing.assert_allclose([w.x for w in world.workers], reference.x, atol=1e-12)
        np.testing.assert_allclose(HeavyBall.residual(world.workers), 0, atol=1e-12)
        world.round()
        reference.round()
    plain = World(maker("r-fast", step_size=0.1), pair, np.ones(2), noise(7))
    for _ in range(31):
        plain.round()
    assert np.abs(plain.workers[0].x - world.workers[0].x).max() > 0.1


OWN = [
    "r-fast",
    "r-fast-one-peer",
    "d-psgd",
    "adsgd",
    "ad-psgd",
    "osgp",
    "s-ab",
    "rasgp",
    "local-sgd",
    "ring-allreduce",
]


@pytest.mark.parametrize("name", OWN)
def test_every_step_goes_through_the_hook(name: str) -> None:
    """A method whose hook gives back the point that it got never moves, whatever the gradients."""

    class Still(registry.find(name)):  # type: ignore[misc]
        def descend(self, x: Vector, *_: Any) -> Vector:
            return x

    kind = Still.default_topology or "none"
    world = World(lambda x0: Still(x0, step_size=0.1), graph(kind, 4, Still.needs), np.ones(2), noise(0))
    for _ in range(10):
        world.round()
    assert min(map(len, world.gradients)) > 5
    for worker in world.workers:
        np.testing.assert_allclose(worker.model, 1, atol=1e-12)
