"""What one run left on record: how it ended, and who is said to have died."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.kills.setting import WORKERS
from rfast_bench.records.reading import Run, find_runs


class Record:
    """Of the run of a seed."""

    def __init__(self, out: Path, algorithm: str, seed: int) -> None:
        self.folder = out / "kills" / algorithm / f"seed-{seed}"
        self._failure = self.folder / "failure.txt"

    @property
    def is_there(self) -> bool:
        """Whether the run is over."""
        return self._failure.exists() or (self.folder / "manifest.json").exists()

    @property
    def run(self) -> Run | None:
        """None where it failed."""
        found = find_runs([self.folder]) if (self.folder / "manifest.json").exists() else []
        return found[0] if found else None

    @property
    def deaths(self) -> list[dict[str, Any]]:
        """Of workers, as the manifest has them."""
        return [] if self.run is None else list(self.run.manifest["real"]["deaths"])

    def told(self) -> str:
        """In a line."""
        if self.run is not None:
            how = [f"{death['signal']}{' ' * bool(death['why'])}{death['why']}" for death in self.deaths]
            return ", ".join([self.run.status, *how])
        said = " ".join(self._failure.read_text().split())[:400] if self._failure.exists() else ""
        return f"failed: {said}" if said else "nothing"

    def problem(self, rank: int | None, failed: str, why: str) -> str:
        """Empty where the record names the worker, or shows that it had left its results before: then its end does not
        matter. `failed`: what a failure says of it; `why`: what the manifest does."""
        if self.run is None:
            name, said = "worker" if rank is None else f"worker {rank}", self.told()
            return "" if name in said and failed in said else "not told"
        if not self.deaths:
            there = self.run.workers()["worker"].tolist()
            return "" if rank in there or there == list(range(WORKERS)) else "no death on record"
        (death, *others) = self.deaths
        named = not others and death["worker"] in ([rank] if rank is not None else range(WORKERS))
        return "" if named and why in death["why"] else "another death"


def undisturbed(record: Record) -> str:
    """Empty where it is the record of a run to which nothing was done."""
    run = record.run
    if run is None or record.deaths or run.status == "stalled":
        return "not as undisturbed"
    whole = run.workers()["worker"].tolist() == list(range(WORKERS))
    return "" if whole else "not all left results"
