"""The `faults` section: what may be said, and how mistakes are told."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from rfast_bench.errors import UserError
from rfast_bench.scenario.faults.kinds import Crash, LinkDown, Partition, Pause, RandomFaults
from rfast_bench.scenario.schema import Scenario
from tests.support.handmade import make_run

PATIENT = {"silence_timeout": 1}


def read(faults: Any, network: dict[str, Any] = PATIENT, **over: Any) -> Scenario:
    over = {"stop": {"time": 100}, **over}
    return make_run(
        {"name": "r-fast", "step_size": 1}, workers=4, faults=faults, network=network, **over
    ).scenario


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ({"kind": "pause", "down": 1}, "worker"),
        ({"kind": "pauze", "worker": 1, "down": 1}, "pause"),
        ({"kind": "pause", "worker": 4, "down": 1}, "worker 4; workers are 0 to 3"),
        ({"kind": "pause", "worker": 1, "down": 3, "up": 2}, "must come after"),
        ({"kind": "link", "links": [], "down": 1}, "links"),
        ({"kind": "link", "links": [[0, 9]], "down": 1}, "worker 9"),
        ({"kind": "link", "links": [[0]], "down": 1}, "links"),
        ({"kind": "partition", "groups": [[0, 1], [1, 2]], "down": 1}, "worker 1 more than once"),
        ({"kind": "partition", "groups": [[0, 7]], "down": 1}, "worker 7"),
        ({"kind": "burst", "loss": 1.5, "down": 1}, "loss"),
        ({"kind": "corrupt", "down": 1}, "share"),
        ({"kind": "duplicate", "share": 0.5, "delay": -1, "down": 1}, "delay"),
        ({"random": {"lasts": 1}}, "rate"),
        ({"random": {"rate": 1, "lasts": 1, "kinds": ["flood"]}}, "kinds"),
        ({"random": {"rate": "1 / x", "lasts": 1}}, "1 / 500 s"),
        ({"random": {"rate": 1e9, "lasts": 1}}, "faults; at most"),
        ({"random": {"rate": 1, "lasts": 1}, "worker": 1}, "nothing beside it"),
    ],
)
def test_mistakes_are_told(fault: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        read([fault])


def test_many_faults_are_read_in_proportion(tmp_path: Path) -> None:
    """8000 crashes took half a minute, and 20 000 names of a partition more than one."""
    rows = [
        f"{w},{1 + 0.1 * k + 0.02 * w:.4f},{1.01 + 0.1 * k + 0.02 * w:.4f}"
        for w in range(4)
        for k in range(500)
    ]
    (tmp_path / "t.csv").write_text("\n".join(["worker,down,up", *rows]))
    began = time.process_time()
    read({"path": str(tmp_path / "t.csv")})
    groups = [list(range(5000)), list(range(5000, 10_000))]
    split = Partition.model_validate({"kind": "partition", "groups": groups, "down": 1})
    assert [split.side(k) for k in (0, 9999, 10_000)] == [0, 1, -1]
    assert time.process_time() - began < 3


@pytest.mark.parametrize(("up", "refused"), [(4, True), (3, False), (None, True)])
def test_one_worker_at_least_stays_up(up: float | None, refused: bool) -> None:
    """One that comes back at the moment at which the last goes down is up."""
    crashes = [{"worker": k, "down": 1 + 0.5 * k, "up": up} for k in range(3)]
    crashes += [{"worker": 3, "down": 3, "up": 5}]
    if refused:
        with pytest.raises(UserError, match="at 3 s all 4 workers are down at once"):
            read(crashes)
    else:
        assert len(read(crashes).faults) == 4


def test_pauses_and_crashes_of_a_worker_follow_one_another() -> None:
    with pytest.raises(UserError, match="follow one another"):
        read([{"kind": "pause", "worker": 1, "down": 1, "up": 9}, {"worker": 1, "down": 5}])


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "pause", "worker": 1, "down": 1},
        {"kind": "link", "links": [[0, 1]], "down": 1},
        {"random": {"rate": 1, "lasts": 1}},
    ],
)
def test_a_silence_needs_a_time_out(fault: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="silence_timeout"):
        read([fault], network={})


def test_bad_spells_need_none() -> None:
    assert read([{"kind": "burst", "loss": 0.5, "down": 1}], network={}).faults


def test_duplicates_and_inlets_are_not_for_each_other() -> None:
    with pytest.raises(UserError, match="receive_bandwidth"):
        read([{"kind": "duplicate", "share": 0.5, "down": 1}], network={"receive_bandwidth": 100})


def test_random_faults_need_an_end() -> None:
    faults = {"random": {"rate": 1, "lasts": 1}}
    with pytest.raises(UserError, match="until"):
        read(faults, stop={"iterations": 10})
    assert read({"random": {"rate": 1, "lasts": 1, "until": 5}}, stop={"iterations": 10}).faults


@pytest.mark.parametrize(
    ("said", "rate"), [("1 / 500 s", 0.002), ("3/ms", 3000), (0.5, 0.5), ("2 / 4 s", 0.5)]
)
def test_rates(said: Any, rate: float) -> None:
    (fault,) = read({"random": {"rate": said, "lasts": 1, "until": 0.1}}).faults
    assert isinstance(fault, RandomFaults)
    assert fault.rate == pytest.approx(rate)


def test_a_file_beside_others(tmp_path: Path) -> None:
    path = tmp_path / "spans.csv"
    path.write_text("worker,down,up,kind,to\n1,2,3,,\n0,4,5,link,2\n2,1 s,,pause,\n")
    crash, link, pause, last = read([{"path": str(path)}, {"worker": 3, "down": 7}]).faults
    assert isinstance(crash, Crash)
    assert isinstance(link, LinkDown)
    assert (link.links, link.both) == (((0, 2),), True)
    assert isinstance(pause, Pause)
    assert (pause.down, pause.up) == (1, None)
    assert isinstance(last, Crash)


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("1,2,3,nap,", "line 2: column 'kind': found 'nap'"),
        ("1,2,3,link,", "line 2: column 'to'"),
        ("x,2,3,link,0", "line 2: column 'worker'"),
        ("1,soon,3,pause,", "line 2: column 'down': found 'soon'"),
    ],
)
def test_mistakes_in_a_file_name_line_and_column(tmp_path: Path, row: str, complaint: str) -> None:
    path = tmp_path / "spans.csv"
    path.write_text(f"worker,down,up,kind,to\n{row}\n")
    with pytest.raises(UserError, match=complaint):
        read({"path": str(path)})
