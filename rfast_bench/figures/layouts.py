"""Where the workers of a graph stand in a drawing. Places are in units of their own; y points up.

Trees hang from their root, or fan out around it when they are wide; paths wind to and fro; graphs that look
the same from each worker, and dense ones, go round a circle; others are laid out by springs.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeAlias

import networkx as nx
import numpy as np
from scipy.spatial import KDTree

Graph: TypeAlias = "nx.DiGraph[int]"
Places = dict[int, tuple[float, float]]

ROW = (1.2, 2.4)
"""Least and most between the rows of a tree; its leaves are 1 apart."""
FLATTEST = 4
LONGEST_COLUMN = 8
WIDEST_ROW = 16
MOST_SPRINGS = 150


def layout(graph: Graph, roots: Collection[int]) -> Places:
    """The place of each worker 0..n-1; no two share one."""
    undirected = graph.to_undirected()
    n = graph.number_of_nodes()
    if nx.is_tree(undirected):
        return tree(undirected, min(roots, default=0))
    sparse = graph.number_of_edges() <= 4 * n and nx.is_connected(undirected)
    if turns_into_itself(graph) or not sparse or n > MOST_SPRINGS:
        return circle(n)
    springs = nx.kamada_kawai_layout(undirected, pos=circle(n))
    return {node: (float(x), float(y)) for node, (x, y) in springs.items()}


def turns_into_itself(graph: Graph) -> bool:
    """Whether i -> i + 1 or i -> i + 2 (mod n) maps the edges onto themselves: rings, exponential graphs."""
    n, edges = graph.number_of_nodes(), set(graph.edges)
    return any({((j + by) % n, (i + by) % n) for j, i in edges} == edges for by in (1, 2))


def closest(places: Places) -> float:
    """The smallest distance between two places; 1 for a single one."""
    if len(places) < 2:
        return 1.0
    points = np.array(list(places.values()))
    nearest_two = np.asarray(KDTree(points).query(points, k=2)[0])
    return float(nearest_two[:, 1].min())


def extent(places: Places) -> tuple[float, float]:
    """Width and height."""
    spread = np.ptp(np.array(list(places.values())), axis=0)
    return float(spread[0]), float(spread[1])


def circle(n: int) -> Places:
    """Worker 0 at the top, clockwise."""
    return {i: (float(np.sin(2 * np.pi * i / n)), float(np.cos(2 * np.pi * i / n))) for i in range(n)}


# ------------------------------------------------------------------------------------------------- trees
def tree(undirected: nx.Graph[int], root: int) -> Places:
    n = undirected.number_of_nodes()
    ends = [node for node in undirected if undirected.degree[node] == 1]
    if n > LONGEST_COLUMN and len(ends) == 2:
        return _winding(undirected, root if root in ends else min(ends))
    depths = nx.single_source_shortest_path_length(undirected, root)
    across = _across(nx.dfs_tree(undirected, root), root)
    width, rows = max(across.values()), max(depths.values(), default=0)
    row = float(np.clip(0.6 * width / max(rows, 1), *ROW))
    hanging = {node: (across[node], -row * depths[node]) for node in undirected}
    if len(ends) <= WIDEST_ROW and width <= FLATTEST * row * rows:
        return hanging
    turn = {node: 2 * np.pi * across[node] / (max(across.values()) + 1) for node in undirected}
    around = {
        node: (float(depths[node] * np.sin(turn[node])), float(depths[node] * np.cos(turn[node])))
        for node in undirected
    }
    return max(hanging, around, key=lambda places: closest(places) / max(extent(places)))


def _across(directed: Graph, root: int) -> dict[int, float]:
    """Leaves side by side in the order in which they are met, a parent over the middle of its children."""
    across: dict[int, float] = {}
    leaves = 0
    for node in nx.dfs_postorder_nodes(directed, root):
        children = [across[child] for child in directed.successors(node)]
        across[node] = sum(children) / len(children) if children else float(leaves)
        leaves += not children
    return across


def _winding(path: nx.Graph[int], start: int) -> Places:
    """Row by row, each in the direction opposite to the one before."""
    row = int(np.ceil(np.sqrt(path.number_of_nodes())))
    places: Places = {}
    for k, node in enumerate(nx.dfs_preorder_nodes(path, start)):
        line, at = divmod(k, row)
        places[node] = (float(at if line % 2 == 0 else row - 1 - at), -float(line))
    return places
