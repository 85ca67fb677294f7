"""Keys that came after the first records: at their defaults nothing knows of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from rfast_bench.plan.quiet_keys import LATER
from rfast_bench.plan.runs import Run, load_points, plan, write_resolved
from tests.support.command_line import write


def first(folder: Path, *changes: str) -> Run:
    return plan(load_points(Path(write(folder, world="real")), changes))[0]


def test_at_their_defaults_they_are_not_named(tmp_path: Path) -> None:
    """Nor do they count, said or not."""
    plain = first(tmp_path)
    said = first(tmp_path, "checkpoint=false", "real.samples_memory=250 MB", "real.collectives=device")
    assert (said.hash, said.resolved) == (plain.hash, plain.resolved)
    said = first(tmp_path, "network.receive_bandwidth=null")
    assert (said.hash, said.resolved) == (plain.hash, plain.resolved)
    assert not any(path[-1] in write_resolved(plain) for path in LATER)
    assert plain.resolved["real"]["device"] == "cpu"


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        ("checkpoint=true", False),
        ("real.samples_memory=1 MB", False),
        ("real.collectives=host", True),
        ("network.receive_bandwidth=1e9", True),
    ],
)
def test_what_is_said_is_written_down_and_counts_where_it_changes_numbers(
    change: str, counts: bool, tmp_path: Path
) -> None:
    plain, said = first(tmp_path), first(tmp_path, change)
    assert (said.hash != plain.hash) == counts
    assert change.partition("=")[0].rpartition(".")[2] in write_resolved(said)


def test_a_simulated_run_knows_nothing_of_real_ones(tmp_path: Path) -> None:
    plain, said = (
        first(tmp_path, "world=simulated"),
        first(tmp_path, "world=simulated", "real.collectives=host"),
    )
    assert said.hash == plain.hash
    assert "real" not in said.resolved
