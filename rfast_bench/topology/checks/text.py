"""An explanation of a topology as a person reads it on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from rfast_bench.scenario.values.units import human_bytes, in_seconds, times_apart
from rfast_bench.topology.checks.explanation import Explanation, Range
from rfast_bench.topology.checks.verdicts import Check
from rfast_bench.topology.connectivity import MOST_LINES, listed
from rfast_bench.topology.repair import mend_words
from rfast_bench.topology.traffic import Bottleneck, Load

MOST_LOADS = 16
"""Workers in the table; of more, the busiest few."""
BUSIEST = 5
LONGEST_PATH = 10
Line = tuple[str, str]


def printed(checks: Iterable[Check], console: Console) -> str:
    """All of them as lines for a console of this width, without blanks at their ends."""
    with console.capture() as shown:
        for check in checks:
            console.print(render(check))
    return "\n".join(line.rstrip() for line in shown.get().splitlines())


def render(check: Check) -> RenderableType:
    if check.explanation is None:
        return Text(f"{check.label}: {check.note}\n")
    found = check.explanation
    name = f"{check.label} on {found.name}" if check.label else found.name
    taken = f", {check.taken}" if check.taken else ""
    head = Text(f"{name}, {found.workers} workers{taken}: ", style="bold")
    head.append(*("the condition holds", "green") if found.holds else ("the condition FAILS", "red"))
    table = Table.grid(padding=(0, 2))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column()
    for title, text in _lines(found):
        bad = "red" if title in _BAD else ""
        table.add_row(title, Text(text, style=bad))
    parts: list[RenderableType] = [head, Padding(table, (0, 0, 1, 2), expand=False)]
    if check.label is None:  # in a scenario many follow each other
        parts.append(Padding(_loads(found), (0, 0, 1, 2), expand=False))
    return Group(*parts)


_BAD = ("wrong weights", "cut off")


def _lines(found: Explanation) -> Iterator[Line]:
    yield from (("as read" if k == 0 else "", text) for k, text in enumerate(found.notes))
    yield from _about_pair(found) if found.directed else _about_undirected(found)
    yield from (
        ("wrong weights" if k == 0 else "", text) for k, text in enumerate(_short(found.weight_flaws))
    )
    yield from _about_ways(found)
    yield from _about_traffic(found)


def _about_pair(found: Explanation) -> Iterator[Line]:
    yield "an edge j -> i", "j's messages go to i"
    yield "G(W)", f"{found.edges['W']} edges, along which models flow from the root outwards"
    yield "G(A)", f"{found.edges['A']} edges, along which gradient mass flows towards the root"
    yield "roots of G(W)", listed(found.roots_w)
    yield "roots of G(A)", listed(found.roots_a)
    yield "common roots", listed(found.common_roots)
    yield from _cut_off(found)
    yield "sums of W", _sums(found, "W")
    yield "sums of A", _sums(found, "A")
    yield "weights of W", _weights(found, "W")
    yield "weights of A", _weights(found, "A")
    yield "psi, of W", _vector([load.psi for load in found.loads], found.roots_w)
    yield "pi, of A", _vector([load.pi for load in found.loads], found.roots_a)
    factor = "undefined" if found.step_factor is None else f"{found.step_factor:.6g}"
    yield "gamma_eff / gamma", factor


def _about_undirected(found: Explanation) -> Iterator[Line]:
    yield "an edge i - j", "messages go both ways"
    yield "edges", str(found.edges["W"] // 2)
    yield "connected", "no" if found.missed else "yes"
    yield "bipartite", "yes" if found.bipartite else "no"
    yield from _cut_off(found)
    yield "sums of W", _sums(found, "W")
    yield "weights of W", _weights(found, "W")


def _cut_off(found: Explanation) -> Iterator[Line]:
    """For each candidate whom it misses; then what would mend it."""
    verb = {"W": "cannot reach", "A": "cannot be reached from"}
    texts = [
        (f"in G({one.graph}) worker {one.root}" if found.directed else f"worker {one.root}")
        + f" {verb[one.graph]}: {listed(one.workers)}"
        for one in found.missed
    ]
    yield from (("cut off" if k == 0 else "", text) for k, text in enumerate(texts))
    if found.mend is not None:
        yield "smallest mend", mend_words(found.mend, found.directed)


def _short(texts: Sequence[str]) -> list[str]:
    more = len(texts) - MOST_LINES
    return [*texts[:MOST_LINES], f"and {more} more"] if more > 0 else list(texts)


def _sums(found: Explanation, name: str) -> str:
    sums = found.sums[name]
    return f"rows sum to {_range(sums.rows)}; columns to {_range(sums.columns)}"


def _weights(found: Explanation, name: str) -> str:
    weighed = found.weights[name]
    if weighed.edges is None:
        return f"own {_range(weighed.own)}"
    least, most = (f"{weight:.6g}" for weight in weighed.edges)
    return f"own {_range(weighed.own)}; of an edge {least if least == most else f'{least} .. {most}'}"


def _range(found: Range) -> str:
    if found.largest - found.smallest < 1e-9:
        return f"{found.largest:.6g}"
    return f"{found.smallest:.6g} (worker {found.smallest_at}) .. {found.largest:.6g} (worker {found.largest_at})"


def _vector(values: Sequence[float | None], roots: Sequence[int]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "undefined: the weights are wrong" if roots else "undefined: not unique without a root"
    most, least = max(known), min(known)
    if most > 1 - 1e-12:
        return f"1 at worker {known.index(most)}" + (", 0 elsewhere" if len(known) > 1 else "")
    if most - least < 1e-12:
        return f"{most:.6g} at every worker"
    return f"{least:.6g} (worker {known.index(least)}) .. {most:.6g} (worker {known.index(most)})"


# ------------------------------------------------------------------------------------------ ways, traffic
def _about_ways(found: Explanation) -> Iterator[Line]:
    loops = found.loops
    if loops is None:
        if found.directed:
            yield "depth", "undefined without a common root"
        return
    chosen = ""
    if loops.best_of > 1:
        chosen = f", the best of {loops.best_of} common roots"
    elif len(found.common_roots) > 1:
        chosen = f", the first of {len(found.common_roots)} common roots"
    yield "depth", f"G(W) {loops.depth_w}, G(A) {loops.depth_a} hops, from worker {loops.root}{chosen}"
    hops = "1 hop" if loops.longest == 1 else f"{loops.longest} hops"
    ways = f": {_path(loops.gradient_path)} as gradient, {_path(loops.model_path)} as model"
    yield "longest loop", f"{hops}{ways if loops.longest else ''}"


def _path(workers: Sequence[int]) -> str:
    if len(workers) > LONGEST_PATH:
        middle = len(workers) - LONGEST_PATH
        ends = [
            *map(str, workers[: LONGEST_PATH // 2]),
            f".. {middle} more ..",
            *map(str, workers[-LONGEST_PATH // 2 :]),
        ]
        return " -> ".join(ends)
    return " -> ".join(map(str, workers))


def _about_traffic(found: Explanation) -> Iterator[Line]:
    sent = [load.sent for load in found.loads]
    each = f"{min(sent)}" if min(sent) == max(sent) else f"{min(sent)} to {max(sent)}"
    size = "" if found.bytes is None else f"; {human_bytes(found.bytes)}"
    yield "traffic", f"{found.messages} messages per iteration of all workers{size}; a worker sends {each}"
    if found.messages:
        yield "bottleneck", _busiest(found.bottleneck, found)
    on = found.network
    if on is not None and on.slowest is not None:
        slowest = on.slowest
        yield (
            "slowest edge",
            f"{slowest.sender} -> {slowest.receiver}: {in_seconds(slowest.seconds)} a message",
        )
        if on.longest_loop is not None:
            yield (
                "slowest loop",
                f"{in_seconds(on.longest_loop)} on links; a gradient takes {in_seconds(on.compute)}",
            )


def _busiest(busy: Bottleneck, found: Explanation) -> str:
    others = f" (and {busy.workers - 1} like it)" if busy.workers > 1 else ""
    text = f"worker {busy.worker}'s outgoing link{others}: {busy.messages} messages per iteration"
    if busy.seconds is None or found.network is None:
        return text
    over = "" if busy.seconds <= found.network.compute else ", so that newer posts supersede waiting ones"
    sending, gradient = times_apart(busy.seconds, found.network.compute)
    return f"{text}, {sending}; a gradient takes {gradient}{over}"


def _loads(found: Explanation) -> Table:
    """Degrees and traffic of each worker, or of the busiest."""
    some = found.loads
    title = "messages per iteration of each worker"
    if len(some) > MOST_LOADS:
        some = sorted(some, key=lambda load: (-load.sent - load.received, load.worker))[:BUSIEST]
        title = f"messages per iteration of the {BUSIEST} busiest workers"
    table = Table(title=title, title_justify="left", title_style="", box=None, pad_edge=False)
    paired = ("in G(W)", "out G(W)", "in G(A)", "out G(A)", "sends", "receives", "psi", "pi")
    for name in ("worker", *(paired if found.directed else ("sends", "receives"))):
        table.add_column(name, justify="right", header_style="cyan")
    for load in some:
        table.add_row(*(_row(load) if found.directed else map(str, (load.worker, load.sent, load.received))))
    return table


def _row(load: Load) -> list[str]:
    whole = (load.worker, load.in_W, load.out_W, load.in_A, load.out_A, load.sent, load.received)
    return [*map(str, whole), *("-" if x is None else f"{x:.4g}" for x in (load.psi, load.pi))]
