"""`python -m benchmarks.fuzz`: see the package."""

from __future__ import annotations

import shutil
import sys
from collections import Counter, defaultdict
from pathlib import Path
from tempfile import mkdtemp

import click

from benchmarks.fuzz import archives, graphs, records, samples, scenarios, traces
from benchmarks.fuzz.boxed import ACCEPTED, FAILURES, REFUSED, Told, tried

FAMILIES = {
    **scenarios.FAMILIES,
    **traces.FAMILIES,
    **graphs.FAMILIES,
    **samples.FAMILIES,
    **records.FAMILIES,
}


@click.command()
@click.option("--inputs", type=click.IntRange(min=1), default=20_000, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--only", type=click.Choice(tuple(FAMILIES)), multiple=True, help="Families of inputs.")
@click.option(
    "--keep", type=click.Path(path_type=Path), help="A folder for inputs that fail, which must be new."
)
def main(inputs: int, seed: int, only: tuple[str, ...], keep: Path | None) -> None:
    """Try so many inputs; exit code 1 when any fails."""
    families = {name: FAMILIES[name] for name in only or FAMILIES}
    work = Path(mkdtemp(prefix="rfast-bench-fuzz-")) if keep is None else keep
    work.mkdir(parents=True, exist_ok=keep is None)
    shown = records.template()
    records.shown_once()
    archives.bomb(), samples.bomb()  # made once, not in each process
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    slowest: dict[str, float] = defaultdict(float)
    failed: list[Told] = []
    for told in tried(families, inputs, seed, work):
        counts[told.family][told.outcome] += 1
        slowest[told.family] = max(slowest[told.family], told.seconds)
        if told.outcome in FAILURES:
            failed.append(told)
            print(f"{told.family}, input {told.number}: {told.outcome}: {_last(told.said)}", flush=True)
        if (told.number + 1) % 2000 == 0:
            print(f"{told.number + 1} of {inputs}, {len(failed)} failures", file=sys.stderr, flush=True)
    shutil.rmtree(shown.parent)
    print(table(families, counts, slowest))
    if failed:
        print(f"{len(failed)} of {inputs} inputs fail; they are in {work}")
        sys.exit(1)
    if keep is None:
        shutil.rmtree(work)


def _last(said: str) -> str:
    return said.strip().rpartition("\n")[2][:200]


def table(families: object, counts: dict[str, Counter[str]], slowest: dict[str, float]) -> str:
    """Counts by family, and in all."""
    heads = (ACCEPTED, REFUSED, *FAILURES)
    whole = sum(counts.values(), Counter[str]())
    rows = [(name, *(f"{counts[name][head]}" for head in heads), f"{slowest[name]:.2f} s") for name in counts]
    rows.append(("all", *(f"{whole[head]}" for head in heads), f"{max(slowest.values()):.2f} s"))
    lines = [("readers", *heads, "slowest"), *rows]
    return "\n".join(f"{line[0]:16}" + "".join(f"{cell:>11}" for cell in line[1:]) for line in lines)


if __name__ == "__main__":
    main()
