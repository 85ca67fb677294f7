"""A forecast as a person reads it."""

from __future__ import annotations

from collections.abc import Iterator

from rfast_bench.scenario.values.units import few_digits
from rfast_bench.study.checking.forecast import Forecast
from rfast_bench.study.memory import size_words


def as_text(found: Forecast) -> str:
    """Titles and what belongs to them, one below the other."""
    lines = [f"{found.name}: {found.world} world, {' or '.join(map(str, found.workers))} workers"]
    for title, texts in _parts(found):
        lines += [f"  {title if k == 0 else '':<11} {text}" for k, text in enumerate(texts)]
    return "\n".join(lines)


def _parts(found: Forecast) -> Iterator[tuple[str, list[str]]]:
    there = f"; {found.there} of them are there already" if found.there else ""
    never = f"; {found.skipped_runs} of them will be skipped" if found.skipped_runs else ""
    yield "runs", [f"{found.runs} ({found.how}){never}{there}"]
    if found.tuning:
        known = f"; {found.tuning_there} of them are there already" if found.tuning_there else ""
        told = f"{found.tuning} runs before them, and more where a best value lies at the edge of its range{known}"
        yield "tuning", [told]
    yield "time", [_time(found)]
    if found.memory:
        yield (
            "memory",
            [f"about {size_words(found.memory)} a run at most; {size_words(found.available)} are available"],
        )
    if found.shards:
        yield "shards", found.shards
    yield "graphs", [f"{label}: {text}" for label, text in found.topologies.items()]
    if found.skipped:
        yield "skipped", [f"{label}: {why}" for label, why in found.skipped.items()]
    if found.cautions:
        yield "cautions", found.cautions


def _time(found: Forecast) -> str:
    if not found.seconds:
        return "none: all is there"
    at_once = f" ({_span(found.seconds / found.jobs)} with {found.jobs} at once)" if found.jobs > 1 else ""
    return f"about {_span(found.seconds)} of computing{at_once}, judged by a moment of each method on this machine"


def _span(seconds: float) -> str:
    for most, unit, size in ((100, "s", 1), (6000, "min", 60), (172800, "h", 3600)):
        if seconds < most:
            return f"{few_digits(seconds / size, 2)} {unit}"
    return f"{few_digits(seconds / 86400, 2)} days"
