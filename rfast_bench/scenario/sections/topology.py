"""What a scenario says of a topology: a named kind, or files. `topology.build` makes the graph of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from rfast_bench.scenario.values.base import DataPath, Spec

FILE = "file"


class TopologySpec(Spec):
    """`topology:` of a scenario: the name of a kind, or a mapping with these keys."""

    kind: str = FILE
    """A named kind; `file`, the default, when the graph comes from the files below."""
    seed: int = 0
    root: int = 0
    common_roots: int = Field(default=1, ge=1)
    """Of random-graphs: how many; `root` is one of them."""
    w: DataPath | None = None
    """Edge list of G(W)."""
    a: DataPath | None = None
    """Edge list of G(A)."""
    edges: DataPath | None = None
    """Edge list of an undirected graph, every edge once."""
    w_matrix: DataPath | None = None
    """W itself. Alone it means an undirected graph: symmetric, and A holds the same numbers."""
    a_matrix: DataPath | None = None

    @model_validator(mode="before")
    @classmethod
    def _bare_kind(cls, value: Any) -> Any:
        if not isinstance(value, str | dict | TopologySpec):
            raise ValueError("expected the name of a kind, or a mapping such as {kind: line, root: 1}")
        return {"kind": value} if isinstance(value, str) else value

    @property
    def paths(self) -> dict[str, Path]:
        """The files it names, by key."""
        given = {key: getattr(self, key) for key in ("w", "a", "edges", "w_matrix", "a_matrix")}
        return {key: path for key, path in given.items() if path is not None}

    @property
    def name(self) -> str:
        """What tables print."""
        return self.kind if self.kind != FILE else ", ".join(path.name for path in self.paths.values())
