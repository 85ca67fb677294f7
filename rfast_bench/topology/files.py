"""Weights from the user's files, as dense matrices. Every complaint is a UserError.

A matrix is CSV, NPY, NPZ with one array, or GraphML; `M[i, j]` is the weight of the edge `j -> i`. In CSV `#` starts a
comment, blank lines are skipped.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rfast_bench.errors import UserError
from rfast_bench.scenario.user_files.arrays import Archive, read_array
from rfast_bench.topology import graphml
from rfast_bench.topology.graphs import Edges
from rfast_bench.topology.lists.rows import lines, reason
from rfast_bench.topology.mixing import TOLERANCE

Matrix = NDArray[np.float64]


LARGEST = 1e6
"""Weights whose sums are finite, whoever's they are."""


# ------------------------------------------------------------------------------------------------ matrices
def read_matrix(path: Path, where: str, workers: int | None = None) -> Matrix:
    """A square matrix of finite weights >= 0, of the given size if there is one."""
    array = _read_array(path, where)
    place = f"{where}: {path}"
    if array.ndim != 2 or array.shape[0] != array.shape[1] or not array.size:
        raise UserError(f"{place}: found shape {array.shape}; a weight matrix is square")
    if workers is not None and len(array) != workers:
        raise UserError(f"{place}: found {len(array)} rows and columns; there are {workers} workers")
    if array.dtype.kind not in "fiub":
        raise UserError(f"{place}: found values of type {array.dtype}; weights are real numbers")
    matrix = array.astype(np.float64)
    _refuse(matrix, ~np.isfinite(matrix), place, "weights are finite numbers")
    _refuse(matrix, matrix < 0, place, "weights are not negative")
    _refuse(matrix, matrix > LARGEST, place, f"weights are at most {LARGEST:g}, and their sums 1")
    return matrix


def count_rows(path: Path, where: str) -> int:
    """How many workers a matrix is about."""
    if path.suffix.lower() in {".npy", ".npz", graphml.SUFFIX}:
        return len(np.atleast_1d(_read_array(path, where)))
    return sum(1 for _ in lines(path, where))


def check_symmetric(matrix: Matrix, where: str, path: Path) -> None:
    """Refuse asymmetric weights where an undirected graph is meant; the pattern is symmetric exactly."""
    wrong = np.argwhere((np.abs(matrix - matrix.T) > TOLERANCE) | ((matrix > 0) != (matrix.T > 0)))
    if len(wrong):
        i, j = wrong[0]
        found = f"entry [{i}, {j}] is {matrix[i, j]:.12g} and entry [{j}, {i}] is {matrix[j, i]:.12g}"
        raise UserError(f"{where}: {path}: {found}; the weights of an undirected graph are symmetric")


def check_pattern(matrix: Matrix, edges: Edges, where: str, path: Path) -> None:
    """Refuse a matrix whose non-zero entries off the diagonal are not exactly the edges."""
    found = {(int(j), int(i)) for i, j in np.argwhere(matrix > 0) if i != j}
    for j, i in sorted(found ^ set(edges)):
        is_edge = "there is no edge" if (j, i) in found else "there is an edge"
        raise UserError(f"{where}: {path}: entry [{i}, {j}] is {matrix[i, j]:.12g}, but {is_edge} {j} -> {i}")


def _refuse(matrix: Matrix, wrong: NDArray[np.bool_], place: str, rule: str) -> None:
    for i, j in np.argwhere(wrong):
        raise UserError(f"{place}: entry [{i}, {j}] is {matrix[i, j]:.12g}; {rule}")


def _read_array(path: Path, where: str) -> NDArray[Any]:
    if path.suffix.lower() == graphml.SUFFIX:
        return graphml.read_matrix(path, where)
    if path.suffix.lower() not in {".npy", ".npz"}:
        return _read_csv(path, where)
    try:
        if path.suffix.lower() == ".npy":
            return read_array(path)
        with Archive(path) as archive:
            if len(archive.files) == 1:
                return archive[archive.files[0]]
            count = len(archive.files)
    except (OSError, ValueError) as problem:
        raise UserError(f"{where}: cannot read {path}: {reason(problem)}") from problem
    raise UserError(f"{where}: {path}: found {count} arrays; the file holds exactly one matrix")


def _read_csv(path: Path, where: str) -> NDArray[Any]:
    rows: list[list[float]] = []
    for number, text in lines(path, where):
        place = f"{where}: {path}, line {number}"
        try:
            rows.append([float(word) for word in text.split(",")])
        except ValueError as problem:
            raise UserError(f"{place}: found {text!r}; write numbers separated by commas") from problem
        if len(rows[-1]) != len(rows[0]):
            raise UserError(f"{place}: found {len(rows[-1])} numbers; the first row has {len(rows[0])}")
    return np.array(rows)
