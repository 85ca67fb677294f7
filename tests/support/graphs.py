"""Topologies by name, and their weights as dense matrices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rfast_bench.api import Needs
from rfast_bench.scenario.sections.topology import TopologySpec
from rfast_bench.topology.build import build
from rfast_bench.topology.mixing import uniform_a, uniform_w
from rfast_bench.topology.topology import Topology
from tests.support.oracle import EdgeSet


def named(kind: str, n: int, needs: Needs = "pair", root: int = 0, seed: int = 0) -> Topology:
    return build(TopologySpec(kind=kind, root=root, seed=seed), n, needs)


def dense_w(topology: Topology) -> NDArray[np.float64]:
    matrix = np.zeros((topology.n, topology.n))
    for i, row in enumerate(topology.W):
        for j, weight in row.items():
            matrix[i, j] = weight
    return matrix


def dense_a(topology: Topology) -> NDArray[np.float64]:
    matrix = np.zeros((topology.n, topology.n))
    for i, column in enumerate(topology.A):
        for j, weight in column.items():
            matrix[j, i] = weight
    return matrix


def topology(n: int, w: EdgeSet, a: EdgeSet) -> Topology:
    return Topology("t", n, True, uniform_w(n, w), uniform_a(n, a), side=(0,) * n)
