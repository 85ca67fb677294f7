"""The caution about links that are asked for more than they carry: its numbers, and where it is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rfast_bench.plan.runs import Run
from rfast_bench.plan.saturation import Saturated, cautions, saturated
from rfast_bench.records.reading import find_runs
from rfast_bench.report.content.cautions import about_links
from tests.support.command_line import call, write
from tests.support.handmade import make_run

RESNET: dict[str, Any] = {
    "workers": 8,
    "compute": {"kind": "lognormal", "mean": "87.2 ms", "sigma": 0.05},
    "network": {"bandwidth": "25 Gbit/s", "message_bytes": "102.2 MB"},
}


def run_of(name: str = "r-fast", topology: str = "exponential", **over: Any) -> Run:
    return make_run({"name": name, "step_size": 0.1, "topology": topology}, **{**RESNET, **over})


def found(run: Run, model_bytes: float = 32) -> Saturated | None:
    return saturated(run, run.build_topology(), model_bytes)


def test_six_messages_of_33_ms_in_87() -> None:
    """102.2 MB at 25 Gbit/s take 32.7 ms; three out-neighbours in each graph."""
    worst = found(run_of())
    assert worst is not None
    assert (worst.messages, worst.workers, worst.fits) == (6, 8, 2)
    assert worst.link == pytest.approx(6 * 102.2e6 * 8 / 25e9)
    assert worst.gradient == pytest.approx(0.0872)
    assert 8e-9 * worst.enough == pytest.approx(6 * 102.2e6 * 8 / 0.0872 / 1e9)
    for part in ("the 6 messages", "196 ms", "87.2 ms", "for 8 of the workers", "2 would fit", "56.3 Gbit/s"):
        assert part in worst.words


def test_at_the_bandwidth_that_it_names_it_is_silent() -> None:
    worst = found(run_of())
    assert worst is not None
    for share, silent in ((1.001, True), (0.999, False)):
        network = {**RESNET["network"], "bandwidth": share * worst.enough}
        assert (found(run_of(network=network)) is None) == silent


def test_not_one_fits() -> None:
    worst = found(run_of(network={**RESNET["network"], "bandwidth": "1 Gbit/s"}))
    assert worst is not None
    assert worst.fits == 0
    assert "Not one fits" in worst.words


@pytest.mark.parametrize(
    ("name", "topology"),
    [
        ("r-fast-one-peer", "exponential"),
        ("r-fast", "directed-ring"),
        ("d-psgd", "complete"),
        ("rasgp", "complete"),
    ],
)
def test_nothing_is_said_where_it_fits_or_is_not_known(name: str, topology: str) -> None:
    """Two messages fit; a method in rounds, and one that does not say what it sends, are left alone."""
    assert found(run_of(name, topology)) is None


def test_nor_without_a_bandwidth_nor_with_gradients_that_are_really_computed() -> None:
    assert found(run_of(network={"latency": 0.1})) is None
    assert found(run_of(world="real", real={"compute": "measured"})) is None
    assert found(run_of(world="real")) is not None


def test_a_workers_own_time_and_own_links_count() -> None:
    """On a star the root alone sends: 7 models; here its own gradient takes as long, or one link is narrow."""
    network: dict[str, Any] = {"bandwidth": 800, "message_bytes": 100}
    each = [{"kind": "constant", "mean": mean} for mean in (0.8, *[0.01] * 7)]
    worst = found(run_of(topology="star", network=network, compute=each))
    assert worst is not None
    assert (worst.messages, worst.workers, worst.gradient) == (1, 8, 0.01)
    alone = found(run_of(topology="star", network=network, compute={"kind": "constant", "mean": 0.8}))
    assert alone is not None
    assert (alone.messages, alone.workers) == (7, 1)
    assert alone.link == pytest.approx(7 / 8)
    links = [{"from": 1, "to": 0, "bandwidth": 50}]
    narrow = found(
        run_of(
            topology="star",
            network={**network, "bandwidth": 1e9, "links": links},
            compute={"kind": "constant", "mean": 1},
        )
    )
    assert narrow is not None
    assert (narrow.messages, narrow.workers) == (1, 1)
    assert narrow.link == pytest.approx(2)


def test_a_models_own_size_where_messages_have_none() -> None:
    network = {"bandwidth": 1000}
    assert found(run_of(network=network), 10) is None
    assert found(run_of(network=network), 1000) is not None


def test_once_for_each_algorithm_and_point() -> None:
    run = run_of()
    (text,) = cautions([run, run, run_of("r-fast-one-peer")], lambda run: 32)
    assert text.startswith("r-fast: ")


def test_terminal_and_report_say_it(tmp_path: Path) -> None:
    """At the point where it is so, and nowhere else; tuning says nothing."""
    path = write(
        tmp_path,
        workers=4,
        algorithms=[{"name": "r-fast", "step_size": 0.1, "topology": "complete"}],
        compute="10 ms",
        network={"message_bytes": "1 MB"},
        sweep={"network.bandwidth": ["1 GB/s", "100 MB/s"]},
        stop={"time": "0.1 s"},
        seeds=2,
    )
    result = call("run", path, "--out", tmp_path / "out", "--no-plots", "--jobs", 1)
    assert result.exit_code == 0, result.output
    assert result.output.count("posts replace each other") == 1
    assert "r-fast at bandwidth = 100 MB/s: the 6 messages that a worker sends" in result.output
    assert "take 60 ms of its link" in result.output
    (caution,) = about_links(find_runs([tmp_path / "out"]))
    assert caution.text.startswith(
        "r-fast at bandwidth = 100 MB/s: the 6 messages that a worker sends in an iteration"
    )
