"""See `__init__.py`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.mistakes import mistakes, told


def main(kinds: Sequence[str]) -> None:
    """Print the share that is told by kind, and what is not."""
    chosen = [m for m in mistakes() if not kinds or m.kind in kinds]
    missed: list[str] = []
    totals = [0, 0, 0, 0]
    print("| kind | mistakes | told | by its rule | at its line |\n| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for kind in dict.fromkeys(m.kind for m in chosen):
            counts = [0, 0, 0, 0]
            for mistake in (m for m in chosen if m.kind == kind):
                found = told(mistake, Path(folder))
                right = [f for f in found if f.rule.name in mistake.rules]
                at = [f for f in found if f.line is not None and abs(f.line.number - mistake.line) <= 1]
                counts = [c + bool(x) for c, x in zip(counts, (True, found, right, at), strict=True)]
                if not right:
                    missed.append(f"{mistake}: {', '.join(f.rule.name for f in found) or 'nothing'}")
            print(f"| {kind} | {' | '.join(map(str, counts))} |", flush=True)
            totals = [a + b for a, b in zip(totals, counts, strict=True)]
    print(f"| all | {' | '.join(map(str, totals))} |\n")
    print("\n".join(missed))


if __name__ == "__main__":
    main(sys.argv[1:])
