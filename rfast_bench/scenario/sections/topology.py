"""What a scenario says of a topology: a named kind, or files. `topology.build` makes the graph of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from rfast_bench.scenario.values.base import DataPath, Spec
from rfast_bench.scenario.values.forms import Form, or_else

FILE = "file"


class TopologySpec(Spec):
    """`topology:` of a scenario: the name of a kind, or a mapping with these keys."""

    kind: str = FILE
    """A named kind; `file`, the default, when the graph comes from the files below."""
    seed: int = 0
    """Of kinds that are drawn at random; others take none."""
    root: int = 0
    """The worker at the root of a tree, or at the centre of a star."""
    common_roots: int = Field(default=1, ge=1)
    """Of `random-graphs`: how many workers are roots of both graphs; `root` is one of them."""
    w: DataPath | None = None
    """A file with the edges of G(W), along which models travel: `from to` a line."""
    a: DataPath | None = None
    """A file with the edges of G(A), along which gradients travel."""
    edges: DataPath | None = None
    """A file with the edges of an undirected graph, every edge once."""
    w_matrix: DataPath | None = None
    """A file with W itself. Alone it means an undirected graph: symmetric, and A holds the same numbers."""
    a_matrix: DataPath | None = None
    """A file with A itself."""

    @model_validator(mode="before")
    @classmethod
    def _bare_kind(cls, value: Any) -> Any:
        if not isinstance(value, str | dict | TopologySpec):
            raise ValueError("expected the name of a kind, or a mapping such as {kind: line, root: 1}")
        return {"kind": value} if isinstance(value, str) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> Form:
        told = "A named kind, with the defaults of all other keys."
        return or_else(core, handler, {"type": "string", "description": told})

    @property
    def paths(self) -> dict[str, Path]:
        """The files it names, by key."""
        given = {key: getattr(self, key) for key in ("w", "a", "edges", "w_matrix", "a_matrix")}
        return {key: path for key, path in given.items() if path is not None}

    @property
    def name(self) -> str:
        """What tables print."""
        return self.kind if self.kind != FILE else ", ".join(path.name for path in self.paths.values())
