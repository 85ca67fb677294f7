"""`python -m benchmarks.damage`: see the package."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import numpy as np

from benchmarks.damage.trial import Trial


def damages(trial: Trial, count: int, seed: int) -> Iterator[tuple[str, str]]:
    """Kinds of damage, and what is wrong, for each."""
    for number in range(count):
        try:
            yield trial.once(np.random.default_rng([seed, number]), number % 20 == 0), ""
        except Exception as problem:  # noqa: BLE001 - whatever a command raises is what is looked for
            yield f"damage {number}", f"{type(problem).__name__}: {problem}"


@click.command()
@click.option("--damages", "many", type=click.IntRange(min=0), default=1000, show_default=True)
@click.option("--kills", type=click.IntRange(min=0), default=100, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
def main(many: int, kills: int, seed: int) -> None:
    """Damage, kill, and look; exit code 1 when anything was shown wrong or not mended."""
    with TemporaryDirectory(prefix="rfast-bench-damage-") as folder:
        trial = Trial(Path(folder))
        kinds: Counter[str] = Counter()
        wrong: list[str] = []
        for told, problem in damages(trial, many, seed):
            kinds.update(told.split(", ") if not problem else ())
            if problem:
                wrong.append(problem)
                print(f"{told}: {problem[:500]}", flush=True)
        print(f"{many} damages, {len(wrong)} not told or not mended: {dict(kinds)}", flush=True)
        there: Counter[int] = Counter()
        whole = trial.duration() if kills else 0.0
        for number in range(kills):
            try:
                there[trial.kill(np.random.default_rng([seed, 1, number]), whole)] += 1
            except Exception as problem:  # noqa: BLE001
                wrong.append(str(problem))
                print(f"kill {number}: {type(problem).__name__}: {str(problem)[:500]}", flush=True)
        print(f"{kills} kills within {whole:.1f} s, by runs that were there: {dict(sorted(there.items()))}")
    if wrong:
        sys.exit(1)


if __name__ == "__main__":
    main()
