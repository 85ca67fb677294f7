"""`make device-check`, gone through on the host: its parts, its table, its exit codes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks import device_check
from benchmarks.device_check import PARTS, Row, main
from rfast_bench.problems.tensors import OnDevice
from tests.support.makefile import recipe

SMALL = [
    "--device",
    "cpu",
    "--workers",
    "2",
    "--iterations",
    "10",
    "--algorithms",
    "ring-allreduce",
    "r-fast",
    "--problems",
    "quadratic",
    "logistic, ten classes",
]
"""Without the residual networks, which take a CPU half a minute; other tests have them."""


@pytest.mark.timeout(300)
def test_every_part_runs_and_agrees_with_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(SMALL) == 0, capsys.readouterr().out
    said = capsys.readouterr().out
    assert "all is well" in said
    assert "WRONG" not in said
    for part in PARTS:
        assert f"\n{part} " in said
    for name in (
        "transformer: checkpoint",
        "ring-allreduce: loss, from",
        "r-fast: loss left",
        "time over that",
    ):
        assert name in said


def test_a_wrong_gradient_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the part itself, in this process."""
    right = OnDevice.gradients

    def wrong(self: OnDevice, *args: Any) -> Any:
        return right(self, *args) * (1 + 1e-5)

    monkeypatch.setattr(OnDevice, "gradients", wrong)
    monkeypatch.setattr(device_check, "PROBLEMS", {"quadratic": device_check.PROBLEMS["quadratic"]})
    rows = list(device_check.gradients(device_check.Asked("cpu", 2, 2, ())))
    assert [row.what for row in rows if not row.ok] == ["quadratic", "transformer"]


def test_a_difference_is_marked_and_ends_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [Row("nccl", "this", 0.5, 0.1), Row("nccl", "that", 0.05, 0.1)]
    monkeypatch.setattr(device_check, "apart_in_time", lambda *_: (rows, ""))
    assert main(["--device", "cpu", "--only", "nccl"]) == 1
    said = capsys.readouterr().out
    assert said.count("WRONG") == 1
    assert "nccl: this" in said
    assert "something is wrong" in said


def test_a_part_that_takes_too_long_ends_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(device_check.LIMITS, "gradients", 0.0)
    assert main(["--device", "cpu", "--only", "gradients"]) == 1
    assert "gradients: not done within 1 s" in capsys.readouterr().out


def test_all_parts_together_take_less_than_four_minutes() -> None:
    assert set(device_check.LIMITS) == set(PARTS)
    assert device_check.ALL < 240


def test_a_number_that_is_not_there_is_wrong() -> None:
    assert not Row("nccl", "nothing", math.nan, 0.1).ok
    assert not Row("nccl", "endless", math.inf, 0.1).ok
    assert Row("nccl", "to be read", 3.0).ok
    assert device_check.apart(torch.tensor([1.0, 2.5]), np.array([1.0, 2.0])) == 0.25


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so_and_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "this machine shows no GPU to torch" in capsys.readouterr().err


def test_make_calls_it() -> None:
    assert recipe("device-check") == [".venv/bin/python -m benchmarks.device_check"]
