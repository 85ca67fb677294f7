"""What stands for arrays in a trial: it allows + - * / and notes whatever else is done."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from rfast_bench.conformance.hand.values import Value, owned


class Book:
    """A value, and the rules that were noted of it."""

    def __init__(self, owners: str = "") -> None:
        self.rules: list[str] = []
        self.value = Value(np.array([1.0, -2.0]), lambda rule, seen: self.rules.append(rule), owners)


@pytest.mark.parametrize(
    "done",
    [
        lambda v: v + v, lambda v: 2 * v, lambda v: v / 2, lambda v: 1 - v, lambda v: -v, lambda v: np.float64(2) * v,
        lambda v: sum([v, v]), lambda v: v * v, lambda v: abs(v), copy.copy, lambda v: v is None,
    ],
)  # fmt: skip
def test_arithmetic_is_free(done: Callable[[Any], Any]) -> None:
    book = Book("was sent")
    done(book.value)
    assert book.rules == []


BEYOND: list[tuple[Callable[[Any], Any], list[str]]] = [
    (lambda v: np.clip(v, 0, 1), ["arithmetic"]),
    (np.sign, ["arithmetic"]),
    (lambda v: np.add(v, v), ["arithmetic"]),
    (lambda v: v.clip(0, 1), ["arithmetic"]),
    (lambda v: v.sum(), ["arithmetic"]),
    (lambda v: v[0], ["arithmetic"]),
    (lambda v: v % 2, ["arithmetic"]),
    (lambda v: v @ v > 1, ["arithmetic", "values"]),
    (lambda v: np.linalg.norm(v) * 2 > 1, ["arithmetic", "values"]),
]


@pytest.mark.parametrize(("done", "rules"), BEYOND)
def test_anything_else_is_noted_and_done_all_the_same(done: Callable[[Any], Any], rules: list[str]) -> None:
    book = Book()
    result = done(book.value)
    assert book.rules == rules
    np.testing.assert_array_equal(getattr(result, "array", result), done(np.array([1.0, -2.0])))


@pytest.mark.parametrize("decided", [bool, float, int, lambda v: v > 0, lambda v: v == v])
def test_decisions_are_noted(decided: Callable[[Any], Any]) -> None:
    book = Book()
    decided(book.value)
    assert book.rules == ["values"]


def test_tensors_functions_are_noted() -> None:
    book = Book()
    absolute: Any = torch.abs
    np.testing.assert_array_equal(absolute(book.value).array, [1.0, 2.0])
    assert book.rules == ["arithmetic"]


def test_in_place_is_for_who_owns_it() -> None:
    book = Book()
    mine = book.value
    mine += 1
    assert book.rules == []
    assert mine is book.value
    owned((mine, 3), "was posted")
    mine *= 2
    assert book.rules == ["in-place"]
    np.testing.assert_array_equal(book.value.array, [2.0, -1.0])
    np.testing.assert_array_equal(mine.array, [4.0, -2.0])
