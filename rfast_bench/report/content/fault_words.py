"""A fault of a resolved scenario in words, and what else sentences are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rfast_bench.analysis.cell_text import cell
from rfast_bench.analysis.cell_text import listed as all_listed

Values = Mapping[str, Any]
MOST_LISTED = 8
DRAWN = {
    **{"crash": "deaths", "pause": "pauses", "link": "links down", "isolation": "isolations"},
    **{"partition": "splits of the network", "burst": "bursts of losses"},
    **{"duplicate": "doubled messages", "corrupt": "spoilt messages"},
}


def listed(words: Iterable[str]) -> str:
    """`a, b and c`; of many the first and how many more."""
    every = list(words)
    if len(every) > MOST_LISTED:
        every = [*every[: MOST_LISTED - 1], f"{len(every) - MOST_LISTED + 1} more"]
    return all_listed(every)


def spoken_seconds(value: float) -> str:
    """`5 ms`, `60 s`, `2 µs`."""
    size, unit = next(
        ((size, unit) for size, unit in ((1.0, "s"), (1e-3, "ms")) if value >= size), (1e-6, "µs")
    )
    return f"{cell(value / size)} {unit}"


def fault_in_words(fault: Values, workers: int | None = None) -> str:
    """What happens from when to when, as part of a sentence, among so many workers."""
    kind = fault.get("kind") or "crash"
    if kind == "random":
        return _random(fault)
    if kind == "crash":
        back = "" if fault.get("up") is None else f" and comes back at {spoken_seconds(fault['up'])}"
        return f"worker {fault.get('worker')} dies{_at(fault)}{back}"
    if kind == "partition":
        return f"{_split(fault, workers)} {_span(fault)}"
    return f"{_HAPPENS.get(kind, _unknown)(fault)} {_span(fault)}"


def _at(fault: Values) -> str:
    return "" if fault.get("down") is None else f" at {spoken_seconds(fault['down'])}"


def _span(fault: Values) -> str:
    begin = spoken_seconds(fault.get("down") or 0.0)
    if fault.get("up") is None:
        return f"from {begin} on"
    return f"from {begin} to {spoken_seconds(fault['up'])}"


def _pause(fault: Values) -> str:
    return f"worker {fault.get('worker')} is stopped"


def _links(fault: Values) -> str:
    arrow = "–" if fault.get("both", True) else "→"
    ways = [arrow.join(map(str, link)) for link in fault.get("links") or ()]
    return f"the link {ways[0]} is down" if len(ways) == 1 else f"the links {listed(ways)} are down"


def _split(fault: Values, workers: int | None) -> str:
    groups: Sequence[Sequence[int]] = fault.get("groups") or ()
    sides = [listed(map(str, group)) for group in groups]
    if workers is not None and sum(map(len, groups)) < workers:
        sides.append("the others")
    return f"the network is split into {' | '.join(sides)}"


def _burst(fault: Values) -> str:
    return f"{_percent(fault, 'loss')} % of messages{_where(fault)} are lost"


def _spoilt(fault: Values) -> str:
    return f"{_percent(fault, 'share')} % of messages{_where(fault)} arrive spoilt and are dropped"


def _doubled(fault: Values) -> str:
    return f"{_percent(fault, 'share')} % of messages{_where(fault)} arrive twice"


def _unknown(fault: Values) -> str:
    return str(fault.get("kind"))


_HAPPENS = {
    **{"pause": _pause, "link": _links},
    **{"burst": _burst, "corrupt": _spoilt, "duplicate": _doubled},
}


def _percent(fault: Values, key: str) -> str:
    return cell(100 * (fault.get(key) or 0.0))


def _where(fault: Values) -> str:
    links = fault.get("links")
    return f" over {len(links)} link{'s' * (len(links) > 1)}" if links else ""


def _random(fault: Values) -> str:
    rate, kinds = fault.get("rate") or 0.0, [DRAWN.get(kind, kind) for kind in fault.get("kinds") or ()]
    often = f"one every {spoken_seconds(1 / rate)} at each worker, on average" if rate else "none"
    lasts = "" if fault.get("lasts") is None else f", each for {spoken_seconds(fault['lasts'])} on average"
    until = "" if fault.get("until") is None else f", until {spoken_seconds(fault['until'])}"
    return f"faults are drawn at random ({listed(kinds)}): {often}{lasts}{until}"
