"""The lines of an edge list, in all the forms that other programs write.

Read are spaces, tabs, commas and semicolons between both ends, a heading such as `source,target`, a count of nodes on
the first line, further columns and NetworkX's `{'weight': 0.5}` behind them, comments after `#` or on lines that start
with `%`, Windows' line ends and marks of the byte order.
"""

from __future__ import annotations

import ast
import csv
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from rfast_bench.errors import UserError
from rfast_bench.files import read_text
from rfast_bench.scenario.values.bounds import LARGEST_FILE

Node = int | str
_SOURCES = """
source src from sender start tail u i node1 nodea sourceid fromid sourcenode fromnode fromnodeid
"""
_TARGETS = """
target dst dest destination to receiver end head v j node2 nodeb targetid toid targetnode tonode tonodeid
"""
HEADINGS = (frozenset(_SOURCES.split()), frozenset(_TARGETS.split()))
"""Of the two columns, in lower case and without what is neither letter nor digit."""
WANTED = "write 'from to', two workers counted from 0"
_NUMBER = re.compile(r"(\d{1,9})(\.0*)?", re.ASCII)
_NAME = re.compile(r"(?=.*[^\W\d_])[^\x00-\x1f]{1,100}|\d{1,3}(\.\d{1,3}){3}(:\d+)?")
"""Words with a letter in them, or addresses."""


class Row(NamedTuple):
    """A line that says something; `about` is what NetworkX writes of an edge."""

    number: int
    text: str
    fields: tuple[str, ...]
    about: Mapping[object, object]


def lines(path: Path, place: str) -> Iterator[tuple[int, str]]:
    """The numbered lines that say something, without their comments."""
    try:
        text = read_text(path, LARGEST_FILE, "utf-8-sig")
    except (OSError, ValueError) as problem:
        raise UserError(f"{place}: cannot read {path}: {reason(problem)}") from problem
    for number, line in enumerate(text.splitlines(), start=1):
        said = line.partition("#")[0].strip()
        if said and not said.startswith("%") and not (number == 1 and re.fullmatch(r"sep=.", said)):
            yield number, said


def reason(problem: Exception) -> str:
    return (problem.strerror if isinstance(problem, OSError) else None) or str(problem)


def rows_of(path: Path, place: str) -> Iterator[Row]:
    """Raises UserError at the first line that is no edge whatever the others say: a file may have a million."""
    seen: dict[str, int] = {}
    for number, text in lines(path, place):
        plain, brace, told = text.partition("{")
        try:
            fields = _fields(plain)
        except csv.Error as problem:
            raise UserError(f"{place}: {path}, line {number}: {problem}") from problem
        about = _about(brace + told) if brace else {}
        if not fields or about is None:
            raise UserError(f"{place}: {path}, line {number}: found {text!r}; {WANTED}")
        if text in seen and len(set(fields[:2])) == 2:
            raise UserError(
                f"{place}: {path}, line {number}: the edge {text!r} is already on line {seen[text]}"
            )
        seen[text] = number
        yield Row(number, text, fields, about)


def _about(text: str) -> Mapping[object, object] | None:
    """What NetworkX writes behind an edge, or nothing where it is something else."""
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _fields(text: str) -> tuple[str, ...]:
    mark = next((mark for mark in ";\t," if mark in text), None)
    if mark is None:
        found = [word.strip("\"'") for word in text.split()]
    else:
        found = [word.strip() for word in next(csv.reader([text], delimiter=mark, skipinitialspace=True))]
    while found and not found[-1]:
        found.pop()
    return tuple(found)


@lru_cache(maxsize=2**16)
def node_of(word: str) -> Node | None:
    number = _NUMBER.fullmatch(word)
    if number:
        return int(number[1])
    return word if _NAME.fullmatch(word) else None


def is_value(word: str) -> bool:
    try:
        float(word.replace(",", "."))
    except ValueError:
        return not word
    return True


def without_count(rows: list[Row]) -> tuple[int | None, list[Row]]:
    """The count of nodes that a first line says, of edges too, and the other lines."""
    if len(rows) < 2 or not all(_NUMBER.fullmatch(word) for word in rows[0].fields):
        return None, rows
    first, rest = [int(float(word)) for word in rows[0].fields], rows[1:]
    if len(first) == 1:
        return first[0], rest
    if len(first) == 2 and first[1] == len(rest) and first[1] >= first[0]:
        nodes = {node_of(word) for row in rest for word in row.fields[:2]}
        if nodes in (set(range(first[0])), set(range(1, first[0] + 1))):
            return first[0], rest  # as an edge it would have a worker that no other line knows
    return None, rows


def without_heading(rows: list[Row]) -> tuple[list[Row], tuple[int, int], list[str] | None]:
    """The lines below the heading, the places of from and to, and the heading's other words; None without one."""
    head, rest = (rows[0].fields, rows[1:]) if rows else ((), [])
    if len(head) < 2 or any(_NUMBER.fullmatch(word) for word in head):
        return rows, (0, 1), None
    words = [re.sub(r"[\W_]", "", word.lower()) for word in head]
    places = tuple(next((k for k, word in enumerate(words) if word in known), -1) for known in HEADINGS)
    if -1 in places or any(head[place] in row.fields for place in places for row in rest):
        first = 0 if head[0] else 1
        places = (first, first + 1)
        numbers = [word for row in rest for word in row.fields[first : first + 2]]
        if not rest or not all(map(_NUMBER.fullmatch, numbers)):
            return rows, (0, 1), None
    others = [word for k, word in enumerate(head) if k not in places and word]
    return rest, (places[0], places[1]), [f"column '{word}'" for word in others]
