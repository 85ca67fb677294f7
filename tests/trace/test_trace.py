"""Traces: what a viewer needs holds of every event, a small one is right to the microsecond, nothing is made up."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from click.testing import CliRunner, Result

from rfast_bench.cli.commands import main
from rfast_bench.records.reading import Run, find_runs
from rfast_bench.records.writing import amend
from rfast_bench.sim import recorder
from rfast_bench.sim.network.mailboxes import Mailbox
from rfast_bench.sim.network.node import Network, SimNode
from rfast_bench.sim.world import build_workers
from rfast_bench.study.replay import COUNTED, replay
from rfast_bench.study.run import maker, problem_of
from rfast_bench.trace.events import microseconds, nanoseconds
from tests.support.handmade import imports, make_run
from tests.support.synthetic_records import decay, save, timeline_table, unsealed

Event = dict[str, Any]
SCENARIO: dict[str, Any] = {
    "name": "traced",
    "workers": 4,
    "problem": {"kind": "quadratic", "dim": 3, "noise": 0.1},
    "compute": {"kind": "lognormal", "mean": "100 ms", "sigma": 0.3},
    "stragglers": [{"worker": 1, "slowdown": 3}],
    "network": {"latency": {"kind": "exponential", "mean": "30 ms"}, "loss": 0.2, "bandwidth": "1 kB/s"},
    "real": {"stall_timeout": "50 s"},
    "algorithms": [
        {"name": "r-fast", "step_size": 0.05, "topology": "line"},
        {"name": "ring-allreduce", "step_size": 0.2},
        {"name": "d-psgd", "step_size": 0.2, "topology": "ring"},
        {"name": "ad-psgd", "step_size": 0.1, "topology": "ring"},
        {"name": "osgp", "step_size": 0.1},
    ],
    "stop": {"time": "5 s"},
    "evaluate": {"every": "1 s", "targets": {"gap": [0.1]}},
    "baseline": "ring-allreduce",
}
LABELS = [str(algorithm["name"]) for algorithm in SCENARIO["algorithms"]]


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments])


def record(folder: Path, **changes: Any) -> Path:
    """Run the scenario; the folder of its records."""
    path = folder / "scenario.yaml"
    path.write_text(yaml.safe_dump({**SCENARIO, **changes}))
    result = call("run", path, "--out", folder / "out", "--jobs", 1, "--no-plots")
    assert result.exit_code == 0, result.output
    return folder / "out" / "traced"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(tmp_path_factory.mktemp("traced"))


@pytest.fixture(scope="module")
def events(home: Path) -> list[Event]:
    """Of all five runs, to their ends."""
    return traced(home, "--until", "end")


def traced(home: Path, *options: object) -> list[Event]:
    out = home.parent / "trace.json"
    result = call("trace", home, "-o", out, *options)
    assert result.exit_code == 0, result.output
    found: list[Event] = json.loads(out.read_text(encoding="utf-8"))["traceEvents"]
    return found


def processes(events: list[Event]) -> dict[str, int]:
    """The process of each run, by the label of its algorithm."""
    names = [event for event in events if event["name"] == "process_name"]
    return {event["args"]["name"].split(": ")[1].split(",")[0]: event["pid"] for event in names}


def of(events: list[Event], label: str) -> list[Event]:
    return [event for event in events if event["pid"] == processes(events)[label]]


def slices(events: list[Event], category: str) -> dict[int, list[tuple[int, int]]]:
    """By worker, whose thread is one more: (start, end) in nanoseconds, as a viewer counts them."""
    found = defaultdict(list)
    for event in events:
        if event["ph"] == "X" and event["cat"] == category:
            start = int(event["ts"] * 1000)
            found[event["tid"] - 1].append((start, start + int(event["dur"] * 1000)))
    return found


# ------------------------------------------------------------------------------------------------ schema
def test_every_event_has_its_phase_time_process_and_thread(events: list[Event]) -> None:
    assert {event["ph"] for event in events} == {"M", "X", "i", "s", "f", "C"}
    for event in events:
        assert {"ph", "name", "ts", "pid", "tid"} <= set(event)
        assert event["ts"] >= 0
        assert event["tid"] in range(1, 5)
        assert event["ph"] != "X" or event["dur"] > 0
    times = [event["ts"] for event in events if event["pid"] == events[0]["pid"]]
    assert times == sorted(times)


def test_runs_are_processes_and_workers_are_threads(events: list[Event]) -> None:
    assert list(processes(events)) == LABELS
    threads = [(e["pid"], e["args"]["name"]) for e in events if e["name"] == "thread_name"]
    assert threads == [(pid, f"worker {i}") for pid in processes(events).values() for i in range(4)]


def test_every_arrow_has_one_start_and_one_end_not_before_it(events: list[Event]) -> None:
    place = {(event["ph"], event["id"]): k for k, event in enumerate(events) if "id" in event}
    starts = {event["id"]: event for event in events if event["ph"] == "s"}
    ends = {event["id"]: event for event in events if event["ph"] == "f"}
    phases = Counter(event["ph"] for event in events)
    assert phases["s"] == len(starts) == len(ends) == phases["f"] > 400
    for number, end in ends.items():
        assert starts[number]["ts"] <= end["ts"]
        assert starts[number]["pid"] == end["pid"]
        assert starts[number]["tid"] != end["tid"]
        assert place["s", number] < place["f", number]


def test_a_viewer_hangs_every_arrow_on_its_message(events: list[Event]) -> None:
    """A viewer takes events in order and hangs an arrow on the innermost slice that is open on its thread."""
    top: dict[tuple[int, int], Event] = {}
    for event in events:
        thread = event["pid"], event["tid"]
        if event["ph"] in "Xi":
            top[thread] = event
        elif event["ph"] in "sf":
            on = top[thread]
            assert (on["ph"], on["ts"]) == ("i", event["ts"])
            assert ("→" if event["ph"] == "s" else "←") in on["name"]


def test_a_workers_time_is_computing_and_waiting_without_gap_or_overlap(events: list[Event]) -> None:
    for label in LABELS:
        own = of(events, label)
        computing, waiting = slices(own, "gradient"), slices(own, "waiting")
        for worker in range(4):
            spans = sorted(computing[worker] + waiting[worker])
            assert spans[0][0] == 0
            assert spans[-1][1] == 5_000_000_000
            assert all(a[1] == b[0] for a, b in pairwise(spans))


@pytest.mark.parametrize("label", LABELS)
def test_all_computing_is_what_the_records_call_busy(home: Path, events: list[Event], label: str) -> None:
    workers = pd.read_csv(home / label / "seed-0" / "workers.csv")
    found = slices(of(events, label), "gradient")
    busy = [sum(end - start for start, end in found[worker]) / 1e9 for worker in range(4)]
    assert busy == pytest.approx(workers["busy"].tolist(), abs=1e-6)


@pytest.mark.parametrize("label", LABELS)
def test_messages_are_those_that_the_records_count(home: Path, events: list[Event], label: str) -> None:
    last = pd.read_csv(home / label / "seed-0" / "curves.csv").iloc[-1]
    handed = [e for e in of(events, label) if e["ph"] == "i" and "→" in e["name"]]
    fates = Counter(event["cat"] for event in handed)
    tries = sum(event["args"]["tries"] for event in handed)
    if label == "ring-allreduce":
        assert not handed
        assert {e["name"] for e in of(events, label) if e.get("cat") == "waiting"} == {
            "waiting for all-reduce"
        }
        return
    assert fates["superseded"] == last["messages_superseded"]
    if label == "r-fast":
        assert fates["lost"] == last["messages_lost"] > 0
        assert fates["superseded"] > 0
    else:
        assert tries == last["messages_sent"]
        assert tries - len(handed) == last["messages_lost"] > 0


def test_counters_are_the_recorded_curves(home: Path, events: list[Event]) -> None:
    curves = pd.read_csv(home / "osgp" / "seed-0" / "curves.csv")
    own = [event for event in of(events, "osgp") if event["ph"] == "C"]
    gap = {event["ts"] / 1e6: event["args"]["value"] for event in own if event["name"] == "gap"}
    assert gap == dict(zip(curves["time"], curves["gap"], strict=True))
    logs = [event["args"]["value"] for event in own if event["name"] == "log10 gap"]
    assert logs == [math.log10(value) for value in curves["gap"]]
    assert not [event for event in own if event["name"] == "accuracy"], "a quadratic has none"


# ------------------------------------------------------------------------------------------- a golden one
def test_a_small_trace_is_right_to_the_microsecond(tmp_path: Path) -> None:
    """Worker 1 takes 2 s for a gradient, worker 0 one; a message is sent for 0.2 s and travels for 0.3 s."""
    home = record(
        tmp_path,
        workers=2,
        problem={"kind": "quadratic", "dim": 1},
        compute=1,
        stragglers=[{"worker": 1, "slowdown": 2}],
        network={"latency": 0.3, "bandwidth": 40},
        algorithms=[{"name": "d-psgd", "step_size": 0.1, "topology": "line"}],
        stop={"time": 5},
        evaluate={"every": 5},
        baseline=None,
    )
    found = [e for e in traced(home, "--until", "end") if e["ph"] in "Xi"]
    rows = [(e["ts"] / 1e6, e["tid"] - 1, e["name"], e.get("dur", 0) / 1e6) for e in found]
    assert rows == [
        (0, 0, "gradient", 1),
        (0, 1, "gradient", 2),
        (0, 0, "x → 1", 0),
        (0, 1, "x → 0", 0),
        (1, 0, "gradient", 1),
        (1, 0, "x ← 1", 0),
        (1, 0, "x → 1", 0),
        (2, 0, "waiting for worker 1", 0.5),
        (2, 1, "gradient", 2),
        (2, 1, "x ← 0", 0),
        (2, 1, "x → 0", 0),
        (2.5, 0, "gradient", 1),
        (2.5, 0, "x ← 1", 0),
        (2.5, 0, "x → 1", 0),
        (3, 1, "x ← 0 unread", 0),
        (3.5, 0, "waiting for worker 1", 1),
        (4, 1, "gradient", 1),
        (4, 1, "x ← 0", 0),
        (4, 1, "x → 0", 0),
        (4.5, 0, "gradient", 0.5),
        (4.5, 0, "x ← 1", 0),
        (4.5, 0, "x → 1", 0),
        (5, 1, "x ← 0 unread", 0),
    ]
    arrows = [(e["ts"] / 1e6, e["tid"] - 1) for e in traced(home, "--until", "end") if e["ph"] == "s"]
    assert arrows == [(0, 0), (0, 1), (1, 0), (2, 1), (2.5, 0), (4, 1), (4.5, 0)]
    first = next(e for e in found if e["name"] == "x → 1")
    assert first["args"] == {"bytes": 8, "tries": 1, "leaves_us": 0, "arrives_us": 500_000}
    assert next(e for e in found if e["name"] == "x ← 1")["args"] == {"staleness": 0, "age_us": 1_000_000}


# -------------------------------------------------------------------------------------------- recording
def test_recording_changes_nothing(home: Path) -> None:
    for run in find_runs([home]):
        outcome, _ = replay(run, math.inf)
        for name in ("curves", "workers", "staleness"):
            again, recorded = outcome.frames[name], getattr(run, name)()
            pd.testing.assert_frame_equal(again, recorded, check_exact=True, check_dtype=False)


def test_what_is_cut_is_the_beginning_of_the_whole(home: Path, events: list[Event]) -> None:
    cut = traced(home, "--until", "2.25 s")
    for label in LABELS:
        whole = [e for e in of(events, label) if e["ph"] == "X" and (e["ts"] + e["dur"]) < 2.25e6]
        assert whole == [e for e in of(cut, label) if e["ph"] == "X" and (e["ts"] + e["dur"]) < 2.25e6]
        assert max(e["ts"] + e.get("dur", 0) for e in of(cut, label)) == pytest.approx(2.25e6)
        sent = [e["name"].split()[:3] for e in of(events, label) if "→" in e["name"] and e["ts"] <= 2.25e6]
        assert sent == [e["name"].split()[:3] for e in of(cut, label) if "→" in e["name"]]


def test_by_default_it_is_the_stretch_of_the_timeline(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "trace.json"
    result = call("trace", home / "r-fast", "-o", out)
    assert "traced: r-fast, seed 0: the first 2 s of 5 s, " in result.stderr
    assert result.stdout == f"{out}\n"
    about = json.loads(out.read_text())["otherData"]["runs"]
    assert about[0]["note"].endswith(" messages")


def test_a_dead_worker_neither_computes_nor_waits(tmp_path: Path) -> None:
    home = record(
        tmp_path,
        network={"latency": "30 ms", "silence_timeout": "1 s"},
        faults=[{"worker": 2, "down": "1.5 s", "up": "3 s", "state": "empty"}],
        algorithms=SCENARIO["algorithms"][:1],
        baseline=None,
    )
    found = traced(home, "--until", "end")
    assert slices(found, "down") == {2: [(1_500_000_000, 3_000_000_000)]}
    computing = slices(found, "gradient")[2]
    assert all(end <= 1_500_000_000 or start >= 3_000_000_000 for start, end in computing)
    workers = pd.read_csv(home / "r-fast" / "seed-0" / "workers.csv")
    assert sum(b - a for a, b in computing) / 1e9 == pytest.approx(workers["busy"][2], abs=1e-6)
    dropped = [e for e in found if e.get("cat") == "dropped"]
    assert dropped
    assert all(e["name"].split()[2] == "2" for e in dropped)


def test_a_reading_knows_the_staleness_that_is_recorded(home: Path) -> None:
    """Every first reading's staleness is among those counted of its reader."""
    run = next(run for run in find_runs([home]) if run.label == "d-psgd")
    _, recorded = replay(run, math.inf)
    found = Counter((x.to, x.staleness) for x in recorded.letters if x.read < math.inf)
    table = run.staleness()
    assert dict(found) == {(w, s): c for w, s, c in table.itertuples(index=False)}


def test_ordinary_runs_know_nothing_of_recorders() -> None:
    run = make_run({"name": "r-fast", "step_size": 0.1})
    problem, graph = problem_of(run), run.build_topology()
    for worker in build_workers(run.scenario, maker(run), graph, problem, 0):
        for child in worker.node.out_W:
            worker.node.post(child, "v", problem.start)
        parts = [worker.node, worker.node.network, *worker.node.posts.values()]
        assert {type(part) for part in parts} == {SimNode, Network, *([Mailbox] if worker.node.out_W else [])}
    house = Path(str(recorder.__file__)).parents[1]
    knowing = {p.name for p in house.rglob("*.py") if recorder.__name__ in imports(p)}
    assert knowing == {"replay.py", "perfetto.py"}


@pytest.mark.parametrize("seconds", [0.0, 1e-9, 1.001e-6, 0.1, 1 / 3, 2.25, 1234.567891234, 1e6 + 1e-9])
def test_times_come_back_to_the_nanosecond(seconds: float) -> None:
    nanos = nanoseconds(seconds)
    assert int(microseconds(nanos) * 1000) == nanos


# ------------------------------------------------------------------------------- real runs, and bad input
def real(folder: Path) -> Path:
    table = timeline_table(0.25, barrier=True)
    return save(folder, "r-fast", curves=decay(0, "r-fast", 0.2), timeline=table, world="real")


def test_of_a_real_run_the_computing_is_shown_and_the_lack_of_messages_said(tmp_path: Path) -> None:
    folder, out = real(tmp_path), tmp_path / "trace.json"
    result = call("trace", folder, "-o", out)
    assert result.exit_code == 0, result.output
    whole = json.loads(out.read_text(encoding="utf-8"))
    assert "hold no messages" in result.stderr
    assert "hold no messages" in whole["otherData"]["runs"][0]["note"]
    assert {e["ph"] for e in whole["traceEvents"]} == {"M", "X", "C"}
    found = slices(whole["traceEvents"], "gradient")
    table = pd.read_csv(folder / "timeline.csv")
    for worker, own in table.groupby("worker"):
        expected = [(round(a * 1e9), round(b * 1e9)) for _, a, b in own.itertuples(index=False)]
        assert found[int(str(worker))] == expected


def refuse(tmp_path: Path, *arguments: object) -> str:
    out = tmp_path / "trace.json"
    result = call("trace", *arguments, "-o", out)
    assert result.exit_code == 2, result.output
    assert not out.exists()
    return " ".join(result.stderr.split())


def only(home: Path) -> Run:
    (run,) = find_runs([home])
    return run


def test_no_such_run(tmp_path: Path) -> None:
    assert "nowhere: no such folder" in refuse(tmp_path, tmp_path / "nowhere")
    assert "no run found" in refuse(tmp_path, tmp_path)


def test_a_run_that_was_skipped_has_nothing_to_show(tmp_path: Path) -> None:
    save(tmp_path, "d-psgd", status="skipped", reason="a tree")
    assert "nothing to trace" in refuse(tmp_path, tmp_path)


@pytest.mark.parametrize(
    ("text", "message"), [("soon", "'soon'"), ("-1 s", "a number above 0"), ("0", "a number above 0")]
)
def test_a_time_that_is_none(tmp_path: Path, text: str, message: str) -> None:
    assert message in refuse(tmp_path, real(tmp_path), f"--until={text}")


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    result = call("trace", real(tmp_path), "-o", tmp_path / "no" / "trace.json")
    assert result.exit_code == 2
    assert "cannot write" in result.stderr


SHORT = {"algorithms": SCENARIO["algorithms"][:1], "stop": {"time": "1 s"}, "baseline": None}


def test_records_of_another_algorithm_version_are_not_passed_off(tmp_path: Path) -> None:
    run = only(record(tmp_path, **SHORT))
    amend(run.folder, hash="0123456789abcdef")
    said = refuse(tmp_path, run.folder)
    assert "its hash is 0123456789abcdef" in said
    assert run.hash in said


@pytest.mark.parametrize("column", ["messages_sent", "loss"])
def test_records_of_another_simulator_are_not_passed_off(tmp_path: Path, column: str) -> None:
    run = only(record(tmp_path, **SHORT, evaluate={"every": "200 ms"}))
    curves = run.curves()
    unsealed(run.folder)
    curves[column] = curves[column].where(curves.index != 2, 12345)
    curves.to_csv(run.folder / "curves.csv", index=False)
    assert f"its curves differ in {column}." in refuse(tmp_path, run.folder)


def test_losses_may_differ_by_rounding_alone(tmp_path: Path) -> None:
    run = only(record(tmp_path, **SHORT, evaluate={"every": "200 ms"}))
    curves = run.curves()
    unsealed(run.folder)
    curves["loss"] *= 1 + 1e-13
    curves.to_csv(run.folder / "curves.csv", index=False)
    assert traced(run.folder)
    assert "loss" not in COUNTED


def test_a_folder_without_its_scenario(tmp_path: Path) -> None:
    run = only(record(tmp_path, **SHORT))
    (run.folder / "scenario.yaml").unlink()
    assert "left out, for it was damaged: seed-0/scenario.yaml is missing" in refuse(tmp_path, run.folder)
    unsealed(run.folder)
    assert "cannot read" in refuse(tmp_path, run.folder)


def test_behind_an_inlet_a_trace_is_that_of_the_run_and_nothing_is_read_before_it_is_there(
    tmp_path: Path,
) -> None:
    """`replay` refuses a run that comes out otherwise; every letter has one fate."""
    network = {**SCENARIO["network"], "receive_bandwidth": "300 B/s"}
    home = record(tmp_path, network=network)
    for run in find_runs([home]):
        letters = replay(run, math.inf)[1].letters
        there = [letter for letter in letters if letter.read < math.inf]
        assert all(letter.arrival <= letter.read for letter in there)
        assert all(letter.arrival - letter.asked >= letter.bytes / 300 - 1e-9 for letter in there)
        assert sum(letter.lost for letter in letters) <= run.curves()["messages_lost"].iloc[-1]
        assert bool(there) != (run.label == "ring-allreduce")
    assert traced(home, "--until", "end")
