"""Ring-AllReduce whose buckets overlap the backward pass: times are those of the model in docs/simulated-world.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from rfast_bench.conditions.buckets import count, left
from tests.support.command_line import SMALL, call
from tests.support.handmade import make_run, simulate_run

SIZE = "buckets: expected a whole number from 1 on, or a size of a byte or more with its unit, such as 25 MB"
DIM = 40
BYTES = 8 * DIM


def ring(buckets: Any, share: float = 1 / 3, **over: Any) -> Any:
    """A run of ten rounds on constant compute times of 1 s, unless they are given."""
    known = {
        "compute": 1.0,
        "stragglers": [],
        "stop": {"iterations": 10},
        "evaluate": {"every": "1 iterations"},
    }
    algorithm = {"name": "ring-allreduce", "step_size": 0.1, "buckets": buckets, "forward_share": share}
    problem = {"kind": "quadratic", "dim": DIM, "noise": 0.1}
    return simulate_run(make_run(algorithm, **{"problem": problem, **known, **over}))


def times(run: Any) -> list[float]:
    return run.curves["time"].tolist()  # type: ignore[no-any-return]


LOSSY: dict[str, Any] = {
    "compute": {"kind": "lognormal", "mean": 1, "sigma": 0.4},
    "stragglers": [{"worker": 1, "slowdown": 3}],
}


def test_one_bucket_is_the_plain_ring_to_the_bit() -> None:
    network = {"latency": {"kind": "lognormal", "mean": 0.05, "sigma": 0.5}, "loss": 0.2, "bandwidth": 2000}
    for one in (1, "1 GB"):
        plain, bucketed = (ring(k, network=network, **LOSSY) for k in (1, one))
        assert times(plain) == times(bucketed)


@pytest.mark.parametrize("buckets", [2, 7, DIM, "25 MB", "100 B"])
def test_the_iterates_are_those_of_the_plain_ring(buckets: Any) -> None:
    network = {"latency": 0.01, "bandwidth": 2000}
    plain, bucketed = (ring(k, network=network, **LOSSY) for k in (1, buckets))
    assert plain.curves["loss"].tolist() == bucketed.curves["loss"].tolist()
    slower = times(bucketed)[-1] > times(plain)[-1] + 1e-9
    assert slower == (buckets == DIM), (
        "every bucket pays the latency of its hops, so too many cost more than they hide"
    )


def test_over_a_network_that_takes_no_time_a_round_is_the_slowest_gradient() -> None:
    run = ring(8, workers=3, stragglers=[{"worker": 1, "slowdown": 2.5}], network={})
    assert times(run) == [2.5 * k for k in range(11)]


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 9), st.floats(0, 0.95), st.floats(0, 0.5), st.sampled_from([200.0, 800.0, 5000.0]))
def test_two_workers_take_the_closed_form(
    pieces: int, share: float, latency: float, bandwidth: float
) -> None:
    """Both links are alike. With c = 2 (bytes / 2 K bandwidth) + latency for what a bucket keeps a link busy, the last
    bucket's second chunk has left at max over k of ready_k + (K - k + 1) c, and is in a latency later."""
    run = ring(pieces, share, workers=2, network={"latency": latency, "bandwidth": bandwidth})
    busy = BYTES / pieces / bandwidth + latency
    ready = [share + (1 - share) * k / pieces for k in range(1, pieces + 1)]
    gone = max(at + (pieces - k) * busy for k, at in enumerate(ready))
    assert times(run)[1] == pytest.approx(gone + latency, rel=1e-9)


def test_what_cannot_overlap_is_paid_after_the_gradient() -> None:
    """Four workers, a vector that takes 0.6 s around: of four buckets one is left when the gradient is done."""
    network = {"bandwidth": BYTES * 1.5 / 0.6}
    plain, bucketed = (times(ring(k, 0.0, workers=4, network=network))[1] for k in (1, 4))
    assert plain == pytest.approx(1.6)
    assert bucketed == pytest.approx(1.15)


def test_how_many_buckets_there_are() -> None:
    assert count("25 MB", 102.2e6, 10**6) == 5
    assert count("25 MB", 102.2e6, 3) == 3
    assert (count(4, 1.0, 100), count("1 GB", 1.0, 100)) == (4, 1)
    assert [*left(4, 0.0)] == pytest.approx([0.75, 0.5, 0.25, 0])
    assert np.isclose(next(left(2, 1 / 3)), 1 / 3)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("buckets", 0, f"{SIZE} (found 0)"),
        ("buckets", 2.5, f"{SIZE} (found 2.5)"),
        ("buckets", "25 parsecs", f"{SIZE} (found '25 parsecs')"),
        ("buckets", True, f"{SIZE} (found true)"),
        ("buckets", "1e1", f"{SIZE} (found '1e1')"),
        ("buckets", "2.5", f"{SIZE} (found '2.5')"),
        ("buckets", "²", f"{SIZE} (found '²')"),
        ("buckets", "٣", f"{SIZE} (found '٣')"),
        ("buckets", "٣ MB", f"{SIZE} (found '٣ MB')"),
        ("buckets", "1e-320 MB", f"{SIZE} (found '1e-320 MB')"),
        ("buckets", "1e999 MB", f"{SIZE} (found '1e999 MB')"),
        ("buckets", "-1 MB", f"{SIZE} (found '-1 MB')"),
        ("buckets", [3], f"{SIZE} (found [3])"),
        ("buckets", 4, "algorithms.0.buckets: 4 buckets of a model of 3 coordinates"),
        ("forward_share", True, "algorithms.0.forward_share: a number is wanted here (found true)"),
        ("forward_share", 1, "algorithms.0.forward_share: expected a number below 1"),
        ("forward_share", -0.1, "algorithms.0.forward_share: expected a number of at least 0"),
    ],
)
def test_mistakes_are_told_and_nothing_is_written(key: str, value: Any, message: str, tmp_path: Path) -> None:
    algorithms = [{"name": "ring-allreduce", "step_size": 0.1, key: value}]
    (tmp_path / "scenario.yaml").write_text(yaml.safe_dump({**SMALL, "algorithms": algorithms}))
    done = call("run", tmp_path / "scenario.yaml", "--out", tmp_path / "out", "--jobs", "1")
    assert done.exit_code == 2
    assert message in " ".join(done.output.split())
    assert not (tmp_path / "out").exists()


def test_a_plug_ins_own_number_or_word_is_no_count_of_buckets(tmp_path: Path) -> None:
    """Only what is annotated as `Buckets` is compared with the coordinates of a model."""
    (tmp_path / "own.py").write_text(OWN)
    algorithms = [{"name": "own.py:Own", "step_size": 0.1, "mode": 5000, "pieces": 2}]
    (tmp_path / "scenario.yaml").write_text(yaml.safe_dump({**SMALL, "algorithms": algorithms}))
    done = call("run", tmp_path / "scenario.yaml", "--out", tmp_path / "out", "--jobs", "1", "--no-plots")
    assert done.exit_code == 0, done.output


OWN = """
from rfast_bench.algorithms.ring_allreduce import RingAllReduce
from rfast_bench.api import Buckets, StepSize


class Own(RingAllReduce):
    def __init__(self, x0, *, step_size: StepSize, mode: int | str = 1, pieces: Buckets = 1):
        super().__init__(x0, step_size=step_size, buckets=pieces)
"""
