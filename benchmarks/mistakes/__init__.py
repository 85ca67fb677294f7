"""How many plausible mistakes in a method `rfast-bench check` tells, by kind.

    python -m benchmarks.mistakes [KIND ...]

Each mistake is one edit (`edits.yaml`) of a right method: a shipped one, or one of the four texts that lie here, which
are as people write them. A line for each kind: how many were told, how many at the very line; then those that were not.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from zlib import crc32

import yaml

from rfast_bench.conformance.check import check
from rfast_bench.conformance.notes import Finding
from rfast_bench.plan import registry

HERE = Path(__file__).parent
OWN = ("gossip", "diffusion", "listener", "push_sum")


@dataclass(frozen=True)
class Mistake:
    """One edit of a right method. `rules`: those by any of which it may be told."""

    kind: str
    base: str
    old: str
    new: str
    rules: tuple[str, ...]

    @property
    def source(self) -> str:
        text = source_of(self.base)
        assert self.old in text, f"{self.base} has no {self.old!r}"
        return text.replace(self.old, self.new, 1)

    @property
    def line(self) -> int:
        """Where the edit begins to differ."""
        ours, theirs = source_of(self.base).splitlines(), self.source.splitlines()
        pairs = enumerate(zip(ours, theirs, strict=False), 1)
        return next((k for k, (a, b) in pairs if a != b), len(ours) + 1)

    def __str__(self) -> str:
        return f"{self.kind}: {self.base}: {self.new.strip() or 'without ' + self.old.strip()!r}"


def source_of(base: str) -> str:
    """The text of a right method."""
    if base in OWN:
        return (HERE / f"{base}.txt").read_text(encoding="utf-8")
    return Path(str(import_module(f"{registry.BUILT_IN}.{base}").__file__)).read_text(encoding="utf-8")


def mistakes() -> list[Mistake]:
    """All of them."""
    kinds = yaml.safe_load((HERE / "edits.yaml").read_text(encoding="utf-8"))
    return [
        Mistake(kind, edit["in"], edit["old"], edit["new"], tuple(about["rules"]))
        for kind, about in kinds.items()
        for edit in about["edits"]
    ]


def told(mistake: Mistake, folder: Path) -> Sequence[Finding]:
    """What check finds of it."""
    text = mistake.source
    path = folder / f"mistake_{crc32(text.encode()):x}.py"
    path.write_text(text, encoding="utf-8")
    classes = [node.name for node in ast.parse(text).body if isinstance(node, ast.ClassDef)]
    return check(registry.find(f"{path}:{classes[-1]}"))
