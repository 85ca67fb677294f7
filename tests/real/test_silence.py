"""Workers that are stopped, killed or silent in whole runs: the others end within a bound, and it is said why."""

from __future__ import annotations

import math
import re
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from rfast_bench import problems
from rfast_bench.errors import UserError
from rfast_bench.plan.runs import Run
from rfast_bench.problems.evaluation import Evaluator
from rfast_bench.real.launch import local
from rfast_bench.real.launch.deaths import Deaths
from rfast_bench.real.launch.silence import GRACE, LEAVE, SILENT, Silence
from rfast_bench.real.transport.store import hosted
from rfast_bench.real.world import Outcome, realise
from tests.support.handmade import make_run

pytestmark = [pytest.mark.timeout(300)]
RAW: dict[str, Any] = {
    "name": "silent",
    "world": "real",
    "workers": 3,
    "problem": {"kind": "logistic-regression", "dataset": "wine", "l2": 0.1, "batch_size": "full"},
    "compute": "20 ms",
    "network": {"silence_timeout": "1 s"},
    "stop": {"time": "4 s"},
    "evaluate": {"every": "0.5 s"},
    "real": {"startup_timeout": "250 s"},
}
R_FAST = {"name": "r-fast", "step_size": 0.05, "topology": "exponential"}
RING = {"name": "ring-allreduce", "step_size": 0.5}


HEARD = r"silent since (0\.[5-9]|1\.\d) s"
"""Of one that is stopped after 1 s: the launcher looks twice a second who was heard of."""
Meddle = Callable[[list[psutil.Process]], object]


def play(run: Run, monkeypatch: pytest.MonkeyPatch, what: Meddle) -> tuple[Outcome, float]:
    """The outcome, and the time of its last row. A second after the start something is done to the workers, and
    nothing of them may be left in the end."""
    problem = problems.build(run.scenario.problem, run.scenario.workers, run.seed)
    workers: list[psutil.Process] = []

    def meddle(launcher: local.Launcher) -> None:
        while launcher.deaths.start == math.inf or launcher.deaths.now < 1.0:
            time.sleep(0.02)
        workers.extend(psutil.Process(process.pid) for process in launcher.processes.values())
        what(workers)

    watch = local.Launcher.watch

    def watched(launcher: local.Launcher, *args: Any) -> None:
        threading.Thread(target=meddle, args=(launcher,), daemon=True).start()
        watch(launcher, *args)

    monkeypatch.setattr(local.Launcher, "watch", watched)
    try:
        outcome = realise(run, problem, Evaluator(problem, problems.reference(problem)))
    finally:
        left = [one for one in workers if one.is_running()]
        for one in left:
            one.kill()
        assert len(workers) == run.scenario.workers
        assert not left
    return outcome, float(outcome.frames["curves"]["time"].iloc[-1])


def stop(workers: list[psutil.Process]) -> None:
    workers[1].suspend()


def stop_for_a_while(workers: list[psutil.Process]) -> None:
    workers[1].suspend()
    time.sleep(1.5)
    workers[1].resume()


def kill_all(workers: list[psutil.Process]) -> None:
    for worker in workers:
        worker.kill()


# ---------------------------------------------------------------------------------------------- whole runs
def test_a_stopped_worker_of_an_elastic_method_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome, end = play(make_run(R_FAST, **RAW), monkeypatch, stop)
    assert outcome.stopped_by == "time"
    assert end == pytest.approx(4.0)
    assert outcome.frames["workers"]["worker"].tolist() == [0, 2]
    (death,) = outcome.notes["real"]["deaths"]
    assert (death["worker"], death["signal"]) == (1, "SIGKILL")
    assert re.fullmatch(f"{HEARD}, stopped", death["why"])
    assert 4 + LEAVE <= death["at"] < 4 + LEAVE + 10


def test_a_stopped_worker_of_another_method_ends_the_run_as_stalled(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome, end = play(make_run(RING, **{**RAW, "stop": {"time": "60 s"}}), monkeypatch, stop)
    assert outcome.stopped_by == "stalled"
    assert 1 + SILENT <= end < 1 + SILENT + 5
    assert outcome.reason.startswith("worker 1 killed by SIGKILL at ")
    assert re.search(rf"\({HEARD}, stopped\)", outcome.reason)


@pytest.mark.parametrize("algorithm", [R_FAST, RING], ids=lambda a: a["name"])
def test_one_that_goes_on_in_time_is_forgiven(
    algorithm: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome, _ = play(make_run(algorithm, **{**RAW, "stop": {"time": "5 s"}}), monkeypatch, stop_for_a_while)
    assert outcome.stopped_by == "time"
    assert outcome.notes["real"]["deaths"] == []
    assert outcome.frames["workers"]["worker"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("algorithm", [R_FAST, RING], ids=lambda a: a["name"])
def test_when_all_die_it_is_said_of_what(algorithm: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="no worker is left") as told:
        play(make_run(algorithm, **RAW), monkeypatch, kill_all)
    said = str(told.value)
    assert all(f"worker {k} was killed by SIGKILL, " in said for k in range(3))


# ------------------------------------------------------------------------------------------- without a run
class Kept:
    """A silence that is looked at by hand: the run's clock is where a test puts it."""

    def __init__(self, algorithm: dict[str, Any], **more: Any) -> None:
        self.store = hosted("127.0.0.1", 0, 5)
        self.deaths = Deaths(make_run(algorithm, **{**RAW, **more}), lambda worker, life: None)
        self.at(0.0)
        self.silence = Silence(self.deaths.run, self.store, self.deaths)

    def at(self, seconds: float) -> None:
        self.deaths.start = time.monotonic() - seconds

    def report(self, *workers: int) -> None:
        for worker in workers:
            self.store.set(f"progress/{worker}", repr(self.deaths.now))

    @property
    def ended(self) -> bool:
        return self.store.check(["end"])

    def look(self, seconds: float, *reporting: int) -> None:
        self.at(seconds)
        self.report(*reporting)
        self.silence.look()


LONG = {"stop": {"time": "100 s"}}


def test_a_run_that_cannot_go_on_without_one_that_is_silent_is_ended() -> None:
    kept = Kept(RING, **LONG)
    kept.look(1.0, 0, 1, 2)
    kept.look(1.0 + SILENT - 1, 0, 2)
    assert not kept.ended
    kept.look(1.0 + SILENT + 1, 0, 2)
    assert kept.store.get("end").startswith(b"stalled ")
    assert kept.silence.told(1) == "silent since 1.0 s"


@pytest.mark.parametrize(
    ("algorithm", "more"), [(R_FAST, LONG), (RING, {**LONG, "network": {}})], ids=["elastic", "patient"]
)
def test_a_run_that_can_or_that_is_to_wait_goes_on(algorithm: dict[str, Any], more: dict[str, Any]) -> None:
    kept = Kept(algorithm, **more)
    kept.look(1.0, 0, 1, 2)
    kept.look(50.0, 0, 2)
    assert not kept.ended
    assert kept.silence.overdue() == []


def test_one_that_never_reported_ends_the_run_by_its_time_out() -> None:
    kept = Kept(R_FAST, **LONG)
    kept.look(59.0, 0, 2)
    assert not kept.ended
    kept.look(61.0, 0, 2)
    assert kept.ended


def test_after_the_end_the_silent_go_first_then_those_that_do_not_finish() -> None:
    kept = Kept(R_FAST)
    kept.look(3.9, 0, 1, 2)
    kept.store.set("leaving/0", "")
    kept.store.set("done/0", "")
    kept.store.set("leaving/2", "")
    kept.at(4.0 + LEAVE - 1)
    assert kept.silence.overdue() == []
    kept.at(4.0 + LEAVE + 1)
    assert kept.silence.overdue() == [1]
    kept.at(4.0 + GRACE + 1)
    assert kept.silence.overdue() == [1, 2]
    assert kept.silence.told(2) == "it had not written its results 60 s after the end"
    kept.deaths.gone.add(1)
    kept.at(4.0 + GRACE + LEAVE + 1)
    with pytest.raises(UserError, match=r"workers \[2\] did not end within 70 s of the run's end"):
        kept.silence.overdue()


def test_a_launcher_that_was_stopped_itself_begins_to_wait_anew() -> None:
    kept = Kept(RING, **LONG)
    kept.look(1.0, 0, 1, 2)
    kept.silence._looked -= 30  # as if that had been its last look
    kept.look(31.0)
    assert not kept.ended
    kept.look(31.0 + SILENT + 1, 0, 2)
    assert kept.ended
    ended = Kept(R_FAST)
    ended.look(3.9, 0, 1, 2)
    ended.silence._looked -= 30
    ended.look(34.0)
    assert ended.silence.overdue() == []
    ended.at(34.0 + LEAVE + 1)
    assert ended.silence.overdue() == [0, 1, 2]


def test_nobody_is_started_again_after_the_end() -> None:
    again: list[int] = []
    kept = Kept(R_FAST, real={"restart_after": "1 s"})
    kept.deaths.revive = lambda worker, life: again.append(worker)
    kept.at(4.0 + LEAVE + 1)
    kept.silence.overdue()
    kept.deaths.silent[1] = "silent"
    kept.deaths.died(1, signal.SIGKILL)
    kept.at(40.0)
    kept.deaths.carry_out(lambda worker: True)
    assert again == []
    assert not kept.deaths.pending
    assert kept.deaths.known[0].told() == "worker 1 killed by SIGKILL at 15.0 s (silent)"


def test_the_last_words_of_one_that_dies_are_told(tmp_path: Path) -> None:
    log = tmp_path / "0.log"
    log.write_text("\n".join(f"line {k}" for k in range(30)) + "\nAssertion failed: !_more (src/fq.cpp:80)\n")
    said = local.obituary(0, -signal.SIGABRT, time.monotonic() - 2, log)
    assert said.startswith("worker 0 was killed by SIGABRT, 2.0 s after it was started:\n  line 19\n")
    assert said.endswith("Assertion failed: !_more (src/fq.cpp:80)")
    assert local.obituary(0, -signal.SIGKILL, time.monotonic(), tmp_path / "none").endswith("was started")
