"""Draws the picture of docs/architecture.md from today's imports: `python -m docs.architecture.draw [FOLDER]`.

By hand and not by matplotlib, so that the same imports give the same bytes on every machine.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import networkx as nx

from tests.support.house import FLOORS, GROUND, arrows, modules, room

HERE = Path(__file__).parent
BASE = "contract"
"""What the files of the lowest floor are called together."""

COLUMNS = {
    "cli": 1,
    "public": 2,
    "report": 1,
    "figures": 1,
    "trace": 0,
    "conformance": 2,
    "study": 0,
    "analysis": 1,
    "sim": 0,
    "real": 1,
    "records": 2,
    "plan": 1,
    "conditions": 0,
    "problems": 1,
    "topology": 0,
    "scenario": 0,
    "processes": 1,
    "breaches": 2,
    BASE: 1,
}
WORDS = {
    "cli": "a file for each command",
    "public": "what Python code may call",
    "report": "one page that holds all of some runs",
    "figures": "PNG and SVG",
    "trace": "for Perfetto",
    "conformance": "does a method keep the rules?",
    "study": "runs done: one, sweeps, tuning",
    "analysis": "records into numbers and tables",
    "sim": "the world under a simulated clock",
    "real": "the world of real processes",
    "records": "what a run leaves on disk",
    "plan": "a scenario's runs, one by one",
    "conditions": "what workers meet in either world",
    "problems": "what is optimised",
    "topology": "graphs, weights, common roots",
    "scenario": "what a scenario file may say",
    "processes": "how children start",
    "breaches": "rules, and where one is broken",
    BASE: "api.py: what an algorithm is; errors.py, files.py, smaller.py: what all use",
}
BEFORE, DURING, AFTER, ABOVE, BELOW = "#fdf0d0", "#dcebf9", "#dff2e4", "#ededed", "#ffffff"
COLOURS = {
    BEFORE: ("before a run", ("plan", "scenario")),
    DURING: ("the run", ("sim", "real", "conditions", "problems", "topology", "processes", "breaches")),
    AFTER: ("after it", ("records", "analysis", "figures", "trace", "report")),
    ABOVE: ("orders runs", ("cli", "public", "study", "conformance")),
    BELOW: ("contract", (BASE,)),
}
FILL = {name: colour for colour, (_, names) in COLOURS.items() for name in names}

MARGIN, TOP = 22, 46
ACROSS, DOWN = 293, 76
BOX, HEIGHT = 250, 44
WIDTH = 2 * MARGIN + 2 * ACROSS + BOX
PORT = 26
"""Between two arrows that leave or reach a box on the same side of its middle."""
INK, LINE, QUIET = "#222222", "#5b6470", "#5f6670"
FONT = "Helvetica, Arial, sans-serif"


def room_of(name: str) -> str:
    return BASE if room(name) in GROUND else room(name)


def files() -> Counter[str]:
    """Python files by room, `__init__.py` aside."""
    return Counter(room_of(name) for name, path in modules().items() if path.name != "__init__.py")


def imports() -> nx.DiGraph[str]:
    """Which room imports from which."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(COLUMNS)
    pairs = {(room_of(name), room_of(other)) for name in modules() for other, _ in arrows(name)}
    graph.add_edges_from(sorted((one, other) for one, other in pairs if one != other))
    return graph


def drawn(graph: nx.DiGraph[str]) -> list[tuple[str, str]]:
    """The arrows that do not follow from others."""
    return sorted(nx.transitive_reduction(graph).edges)


def place(name: str) -> tuple[float, float]:
    """The middle of a box."""
    level = next(k for k, names in enumerate(FLOORS) if name in names or (name == BASE and names == GROUND))
    return MARGIN + BOX / 2 + COLUMNS[name] * ACROSS, TOP + HEIGHT / 2 + level * DOWN


# ------------------------------------------------------------------------------------------------- drawing
def box(name: str, count: int) -> str:
    x, y = place(name)
    width = WIDTH - 2 * MARGIN if name == BASE else BOX
    left = (WIDTH - width) / 2 if name == BASE else x - width / 2
    title = ", ".join(GROUND) if name == BASE else name
    number = f"{count} file{'s' if count > 1 else ''}"
    return (
        f'<g id="{name}">\n'
        f'<rect x="{left:g}" y="{y - HEIGHT / 2:g}" width="{width:g}" height="{HEIGHT}" rx="5" '
        f'fill="{FILL[name]}" stroke="{LINE}"/>\n'
        f'<text x="{left + 12:g}" y="{y - 4:g}" font-size="15" font-weight="bold" fill="{INK}">{title}</text>\n'
        f'<text x="{left + width - 12:g}" y="{y - 4:g}" font-size="12" text-anchor="end" fill="{QUIET}">{number}'
        f"</text>\n"
        f'<text x="{left + 12:g}" y="{y + 14:g}" font-size="12.5" fill="{INK}">{WORDS[name]}</text>\n'
        "</g>"
    )


def ports(edges: list[tuple[str, str]]) -> dict[tuple[str, str, int], float]:
    """How far from the middle of its end 0 (or 1) an arrow is: those to the left at the left, straight ones in
    the middle, so that arrows of one box do not cross."""
    found: dict[tuple[str, str, int], float] = {}
    for end in (0, 1):
        for name in COLUMNS:
            own = [edge for edge in edges if edge[end] == name]
            for side in (-1, 1):
                there = [edge for edge in own if _side(edge, end) == side]
                there.sort(key=lambda edge: (_bend(edge), edge))
                for k, edge in enumerate(there):
                    found[(*edge, end)] = side * PORT * (k + 1)
            for edge in own:
                found.setdefault((*edge, end), 0.0)
    return found


def _side(edge: tuple[str, str], end: int) -> int:
    mine, other = COLUMNS[edge[end]], COLUMNS[edge[1 - end]]
    return (other > mine) - (other < mine)


def _bend(edge: tuple[str, str]) -> float:
    """The longer the way down for its way across, the nearer to the middle."""
    (x, y), (to_x, to_y) = place(edge[0]), place(edge[1])
    return -(to_y - y) / max(1.0, abs(to_x - x))


Spot = tuple[float, float]


def path(edge: tuple[str, str], at: dict[tuple[str, str, int], float]) -> list[Spot]:
    """Where an arrow goes: the first of a few ways that runs through no box."""
    (x, y), (to_x, to_y) = place(edge[0]), place(edge[1])
    start = (x + at[(*edge, 0)], y + HEIGHT / 2)
    end = (to_x + at[(*edge, 1)], to_y - HEIGHT / 2 - 1)
    gap = DOWN - HEIGHT
    last, first = end[1] - gap, start[1] + gap
    lane = x + (ACROSS / 2 if to_x > x else -ACROSS / 2)
    ways = (
        [start, end],
        [start, (start[0], last), end],
        [start, (end[0], first), end],
        [start, (lane, first + DOWN), (lane, last - DOWN), end],
    )
    return next((way for way in ways if not hits(way, edge)), ways[0])


def hits(way: list[Spot], edge: tuple[str, str]) -> bool:
    """Whether it runs through a box, or very near."""
    near_x, near_y = BOX / 2 + 8, HEIGHT / 2 + 4
    boxes = [place(name) for name in COLUMNS if name not in edge and name != BASE]
    return any(
        abs(x - at_x) < near_x and abs(y - at_y) < near_y for x, y in along(way) for at_x, at_y in boxes
    )


def along(way: list[Spot]) -> Iterator[Spot]:
    """Points on the curves that `arrow` draws."""
    for (x, y), (to_x, to_y) in pairwise(way):
        half = (to_y - y) / 2
        for k in range(41):
            t = k / 40
            s = 3 * t * t - 2 * t**3
            b = (1 - t) ** 3 * y + 3 * t * (1 - t) ** 2 * (y + half) + 3 * t * t * (1 - t) * (to_y - half)
            yield x + s * (to_x - x), b + t**3 * to_y


def arrow(edge: tuple[str, str], at: dict[tuple[str, str, int], float]) -> str:
    way = path(edge, at)
    drawn = f"M{way[0][0]:g} {way[0][1]:g}"
    for (x, y), (to_x, to_y) in pairwise(way):
        half = (to_y - y) / 2
        drawn += f"C{x:g} {y + half:g} {to_x:g} {to_y - half:g} {to_x:g} {to_y:g}"
    return f'<path id="{edge[0]}-{edge[1]}" d="{drawn}" marker-end="url(#head)"/>'


def legend() -> str:
    parts, x = [], MARGIN
    for colour, (word, _) in COLOURS.items():
        parts.append(f'<rect x="{x}" y="14" width="14" height="14" rx="2" fill="{colour}" stroke="{LINE}"/>')
        parts.append(f'<text x="{x + 20}" y="25.5" font-size="12.5" fill="{INK}">{word}</text>')
        x += 44 + 7 * len(word)
    return "\n".join(parts)


def picture() -> str:
    """The whole SVG."""
    graph, count = imports(), files()
    edges = drawn(graph)
    at = ports(edges)
    bottom = TOP + len(FLOORS) * DOWN + 4
    says = (
        f"An arrow: imports from. {len(edges)} of {graph.number_of_edges()} arrows are drawn; each of the others "
        "cuts a chain of these short."
    )
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom}" font-family="{FONT}" role="img">',
            "<title>The rooms of rfast_bench and which imports from which</title>",
            '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
            f'orient="auto"><path d="M0 0.5L8 4L0 7.5z" fill="{LINE}"/></marker></defs>',
            f'<rect width="{WIDTH}" height="{bottom}" fill="#ffffff"/>',
            legend(),
            f'<text x="{MARGIN}" y="{bottom - 10}" font-size="12.5" fill="{QUIET}">{says}</text>',
            f'<g fill="none" stroke="{LINE}" stroke-width="1.2">',
            *(arrow(edge, at) for edge in edges),
            "</g>",
            *(box(name, count[name]) for name in COLUMNS),
            "</svg>",
            "",
        ]
    )


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "house.svg"
    path.write_text(picture(), encoding="utf-8", newline="\n")
    print(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
