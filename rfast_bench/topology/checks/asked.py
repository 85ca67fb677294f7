"""`rfast_bench.topology.check`: what the command says, as an object."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
from pydantic import ValidationError
from rich.console import Console

from rfast_bench.errors import UserError
from rfast_bench.processes.folders import folder_of_own
from rfast_bench.scenario.sections.topology import TopologySpec
from rfast_bench.scenario.values.wording import first_of
from rfast_bench.topology.checks import text, verdicts
from rfast_bench.topology.checks.explanation import Explanation

WIDTH = 100
LISTS, MATRICES = ("w", "a", "edges"), ("w_matrix", "a_matrix")


@dataclass(frozen=True)
class Checked:
    """A topology explained. `print` gives what `rfast-bench topology check` prints."""

    checks: tuple[verdicts.Check, ...]
    """As a pair, and where it is an undirected graph, with its Metropolis weights too."""

    @property
    def explanations(self) -> tuple[Explanation, ...]:
        """Everything that is known of each."""
        return tuple(one.explanation for one in self.checks if one.explanation is not None)

    @property
    def sound(self) -> bool:
        """Whether the condition of R-FAST holds: G(W) and G(A) have a root in common."""
        return all(one.holds for one in self.checks)

    @property
    def roots_w(self) -> list[int]:
        """The roots of G(W)."""
        return self.explanations[0].roots_w

    @property
    def roots_a(self) -> list[int]:
        """The roots of the reverse of G(A)."""
        return self.explanations[0].roots_a

    @property
    def common_roots(self) -> list[int]:
        """The workers that are both."""
        return self.explanations[0].common_roots

    def __str__(self) -> str:
        return text.printed(self.checks, Console(file=io.StringIO(), width=WIDTH, highlight=False))


def check(
    topology: str | Mapping[str, Any] | TopologySpec,
    workers: int | None = None,
    *,
    model_bytes: float | None = None,
) -> Checked:
    """Does the condition hold, and if not, whom does a root miss and what would mend it?

    `topology`: the name of a kind, or the keys of a scenario's `topology`. There `w`, `a` and `edges` may be files,
    networkx graphs or lists of pairs (from, to), `w_matrix` and `a_matrix` files or square arrays. `workers` are
    counted where graphs are given. Raises UserError for bad input.
    """
    keys = topology if isinstance(topology, Mapping) else {}
    if isinstance(topology, str) and workers is None:
        raise UserError(f"topology {topology}: a kind needs the number of workers")
    with _written(keys) as files:
        try:
            spec = TopologySpec.model_validate({**keys, **files} if keys else topology)
        except ValidationError as problem:
            first = problem.errors()[0]
            where = ".".join(["topology", *map(str, first["loc"])])
            raise UserError(f"{where}: {first_of(problem)}") from problem
        return Checked(tuple(verdicts.of_spec(spec, workers, model_bytes)))


@contextmanager
def _written(keys: Mapping[str, Any]) -> Iterator[dict[str, Path]]:
    """Files of what is given by itself, for as long as they are read."""
    given = {name: value for name, value in keys.items() if not isinstance(value, str | Path | int)}
    if not given:
        yield {}
        return
    with folder_of_own() as home:
        yield {name: _file(home, name, value) for name, value in given.items() if value is not None}


def _file(home: Path, name: str, value: Any) -> Path:
    if name in MATRICES:
        path = home / f"{name}.npy"
        np.save(path, np.asarray(value, dtype=float), allow_pickle=False)
        return path
    if name not in LISTS:
        raise UserError(f"topology.{name}: found a {type(value).__name__}")
    pairs: Iterable[Any] = value.edges() if isinstance(value, nx.Graph) else value
    path = home / f"{name}.txt"
    path.write_text("".join(f"{j} {i}\n" for j, i in pairs))
    return path
