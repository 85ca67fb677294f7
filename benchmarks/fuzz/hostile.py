"""Right files made wrong: by their bytes, and by the values that they hold."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

Rng = np.random.Generator
T = TypeVar("T")

NUMBERS: Sequence[Any] = (
    *(
        0,
        -1,
        1,
        2,
        3,
        7,
        100_001,
        2**31,
        2**53 + 1,
        2**63 - 1,
        2**63,
        10**9,
        10**18,
        10**30,
        -(10**30),
        10**400,
    ),
    *(0.0, -0.0, 0.5, 1e-320, 1e-9, 1e9, 1e100, 1e308, -1e308, math.nan, math.inf, -math.inf, 1 + 2**-52),
)
WORDS: Sequence[str] = (
    *(
        "",
        " ",
        "\x00",
        "a\x00b",
        "x" * 300,
        "x" * 5000,
        "../../../etc/passwd",
        "/dev/zero",
        "/dev/stdin",
        "/etc",
        "/",
    ),
    *(
        "~nobody/x",
        "x" * 300 + ".yaml",
        "x" * 300 + ".csv",
        "none.py:Class",
        ".py:",
        "a.py:b.c",
        "/proc/self/mem",
    ),
    *(
        "1e9999 s",
        "9" * 5000,
        "9" * 5000 + " s",
        "1 " + "k" * 2000,
        "1e400",
        "nan",
        "-inf",
        "inf s",
        "-1 ms",
        "0 s",
    ),
    *(
        "1 s/s",
        "1 GB/s",
        "1 parsec",
        "5 %",
        "½",
        "١٢",
        "🙂",
        "\u202e\u0000",
        "\ud7ff",
        "e\u0301" * 100,
        "true",
        "~",
    ),
    *(
        "%s%n",
        "{0}",
        "${HOME}",
        "$(touch x)",
        "'",
        '"',
        "a: b",
        "[",
        "a.b.c",
        "-",
        "0x10",
        "1_000",
        "1 epoch",
    ),
    *("1e308 epochs", "mean", "all", "full", "constant", "file", "ring", "complete", "r-fast", "quadratic"),
)
DEEP = 3000


def nested(depth: int = DEEP, inner: Any = 1, mapping: bool = False) -> Any:
    """A list in a list, or a mapping in a mapping, and so on."""
    for _ in range(depth):
        inner = {"a": inner} if mapping else [inner]
    return inner


def pick(rng: Rng, among: Sequence[T]) -> T:
    """One of them."""
    return among[int(rng.integers(len(among)))]


def value(rng: Rng) -> Any:
    """One that nobody means."""
    kind = rng.integers(10)
    if kind < 4:
        return pick(rng, NUMBERS)
    if kind < 7:
        return pick(rng, WORDS)
    return copy.deepcopy(pick(rng, _ODD))


_ODD: Sequence[Any] = (
    *(None, True, False, [], {}, [[]], [{}], {"": 1}, {"kind": None}, {"kind": []}, {"kind": "x" * 300}),
    *(
        [1] * 2000,
        ["x"] * 100,
        [None],
        [True, 1],
        [1, "1", 1.0],
        list(range(300)),
        {str(k): k for k in range(300)},
    ),
    *(nested(50), nested(50, mapping=True), {"from": 1e-300, "factor": 1e6, "count": 1000}, {"tune": [1, 2]}),
    *(
        {"from": 1, "factor": 1.0001, "count": 10**9},
        {"effective": 1e300},
        {"effective": math.nan},
        {1: 2},
        {None: 1},
    ),
    *(
        {"kind": "empirical", "path": "/dev/zero", "column": "a"},
        {"kind": "csv", "path": "/dev/zero", "target": "a"},
    ),
    *(
        {"kind": "lognormal", "mean": 1e308, "sigma": 1e308},
        {"kind": "gamma", "mean": "1 s", "shape": 1e-300},
    ),
    *({"kind": "pareto", "mean": 1e-320, "alpha": 1e308}, {"seconds": 1e-320}, {"iterations": 10**400}),
)


# ------------------------------------------------------------------------------------------- trees of values
def places(node: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value inside."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, inner in items:
        yield (*above, key)
        yield from places(inner, (*above, key))


def changed(tree: Any, rng: Rng) -> Any:
    """A copy in which a value or two are hostile, gone, doubled, renamed or moved."""
    tree = copy.deepcopy(tree)
    for _ in range(1 + int(rng.integers(3) == 0)):
        known = list(places(tree))
        if not known:
            return value(rng)
        _change(tree, pick(rng, known), known, rng)
    return tree


def _change(tree: Any, path: Sequence[Any], known: Sequence[Sequence[Any]], rng: Rng) -> None:
    home, last = _at(tree, path[:-1]), path[-1]
    match rng.integers(8):
        case 0:
            del home[last]
        case 1 if isinstance(home, dict):
            home[str(value(rng))] = home[last]
        case 2:
            home[last] = [home[last]] * int(rng.integers(1, 4))
        case 3:
            home[last] = copy.deepcopy(_at(tree, pick(rng, known)))
        case _:
            home[last] = value(rng)


def _at(tree: Any, path: Sequence[Any]) -> Any:
    for key in path:
        tree = tree[key]
    return tree


# ----------------------------------------------------------------------------------------------------- bytes
def bytes_changed(data: bytes, rng: Rng) -> bytes:
    """With bytes flipped, put in, cut out, doubled, or numbers in it made large."""
    found = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        where = int(rng.integers(len(found) + 1))
        size = int(rng.integers(1, 9))
        match rng.integers(9):
            case 0 if where < len(found):
                found[where] ^= 1 << int(rng.integers(8))
            case 1:
                found[where : where + size] = rng.bytes(size)
            case 2:
                del found[where : where + int(rng.integers(1, 60))]
            case 3:
                found[where:where] = found[where : where + int(rng.integers(1, 200))] * int(
                    rng.integers(1, 6)
                )
            case 4:
                found[where:where] = pick(rng, MARKS)
            case 5:
                del found[where:]
            case 6:
                found[where : where + size] = b"\xff" * size
            case 7:
                found[where : where + size] = b"\x00" * size
            case _:
                found[where:where] = str(pick(rng, NUMBERS[:-13])).encode()
    return bytes(found)


MARKS: Sequence[bytes] = (
    *(
        b"\n",
        b"\r\n",
        b"\t",
        b",",
        b";",
        b'"',
        b"'",
        b"#",
        b": ",
        b"- ",
        b"&a ",
        b"*a",
        b"<<: *a\n",
        b"!!python/none ",
        b"!!set ",
    ),
    *(
        b"!!binary ",
        b"!!timestamp ",
        b"? ",
        b"| ",
        b"> ",
        b"{",
        b"}",
        b"[",
        b"]",
        b"%YAML 9.9\n",
        b"---\n",
        b"...\n",
    ),
    *(
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\xed\xa0\x80",
        b"\xe2\x80\xae",
        b"\x1b[31m",
        b"\x00",
        b"nan",
        b"inf",
        b"-",
        b"1e999",
    ),
    *(
        b"0x",
        b"1_0",
        b"[" * 5000,
        b"{a: " * 2000,
        b"9" * 5000,
        b"<!ENTITY a 'b'>",
        b"&a;",
        b"=",
        b"~",
        b"null",
    ),
)


def damaged(file: Path, rng: Rng) -> None:
    """The same file with other bytes."""
    file.write_bytes(bytes_changed(file.read_bytes(), rng))
