"""Texts that are long in one way or another."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.fuzz.hostile import Rng, pick


def huge_text(rng: Rng) -> str:
    """Long lines, many columns, many lines, of a megabyte or two."""
    kinds: tuple[Callable[[], str], ...] = (
        lambda: ",".join(map(str, range(250_000))) + "\n" + ",".join(["1"] * 250_000) + "\n",
        lambda: "x" * 2_000_000,
        lambda: "0 1\n" * 200_000,
        lambda: '"' + "a," * 500_000,
        lambda: "a,b,c\n" + "1,2,3\n" * 200_000,
        lambda: "\n" * 1_000_000,
        lambda: "0 999999999\n",
        lambda: ",\n" * 300_000,
    )
    return pick(rng, kinds)()
