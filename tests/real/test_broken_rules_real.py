"""Real workers tell a broken rule as simulated ones do; nobody who can go on is told; nothing is left behind."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from rfast_bench.breaches.broken import Broken
from rfast_bench.breaches.lines import Line
from rfast_bench.problems.evaluation import Evaluator
from rfast_bench.real.halts import ending
from rfast_bench.real.halts.ending import MethodFailed
from rfast_bench.real.world import Outcome, realise
from rfast_bench.study.run import problem_of
from tests.real.test_real_faults import alive, children, start, wait_for, workers_of
from tests.support.handmade import make_run
from tests.support.wrong_methods import BROKEN, ENDLESS, HEAD, RIGHT, STALLED, loop, rule_of, write

pytestmark = [pytest.mark.timeout(120)]

SCENARIO: dict[str, Any] = {
    "world": "real",
    "compute": "10 ms",
    "network": {"latency": "2 ms"},
    "stop": {"time": "3 s"},
    "evaluate": {"every": "500 ms"},
}


def play(folder: Path, body: str, head: str = HEAD, **over: Any) -> tuple[Outcome, int]:
    name, line = write(folder, body, head)
    run = make_run({"name": name, "step_size": 0.1}, **{**SCENARIO, **over})
    problem = problem_of(run)
    return realise(run, problem, Evaluator(problem, None)), line


@pytest.mark.parametrize(
    "name",
    [
        "neighbours",
        "channels-both",
        "payloads-nested",
        "collective",
        "contract",
        "await",
        "in-place-received",
    ],
)
def test_a_broken_rule_is_told_with_its_line(name: str, tmp_path: Path) -> None:
    with pytest.raises(Broken) as told:
        play(tmp_path, BROKEN[name])
    assert told.value.rule.name == rule_of(name)
    assert told.value.line == Line(f"{tmp_path}/method0.py", write(tmp_path, BROKEN[name])[1])
    assert told.value.exit_code == 1


def test_two_gradients_at_once(tmp_path: Path) -> None:
    twice = HEAD.replace("[self.work(node)]", "[self.work(node), self.work(node)]")
    with pytest.raises(Broken, match="while another is outstanding"):
        play(tmp_path, loop("pass"), twice)


def test_an_error_of_the_method_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(MethodFailed, match=r"method0\.py:31: ZeroDivisionError: .* on worker \d"):
        play(tmp_path, loop("1 / 0"))


@pytest.mark.parametrize("name", ["deadlock", "endings"])
@pytest.mark.parametrize(
    "over", [{}, {"stop": {"iterations": 1000}, "real": {"stall_timeout": "2 s"}}], ids=["time", "time-out"]
)
def test_nobody_can_go_on(name: str, over: dict[str, Any], tmp_path: Path) -> None:
    outcome, line = play(tmp_path, STALLED[name], **over)
    assert outcome.stopped_by == "stalled"
    assert outcome.broken is not None
    assert outcome.broken.rule.name == rule_of(name)
    assert outcome.broken.line is not None
    assert outcome.broken.line.number == line
    assert "workers 0 to 3" in outcome.reason


def test_a_loop_that_awaits_nothing_is_ended(tmp_path: Path) -> None:
    """It outlives the end of the run, whose thread cannot have the lock before."""
    with pytest.raises(Broken, match=r"method0\.py:32: worker \d has computed for 5 s there"):
        play(tmp_path, ENDLESS)


def test_a_right_method_is_left_alone(tmp_path: Path) -> None:
    outcome, _ = play(tmp_path, RIGHT)
    assert (outcome.stopped_by, outcome.broken, list(outcome.cautions)) == ("time", None, [])


def test_what_a_process_says_last_is_what_its_launcher_hears(capfd: pytest.CaptureFixture[str]) -> None:
    assert ending.told(MethodFailed("one\ntwo")) == ending.TOLD
    failed = ending.error(ending.of_log(capfd.readouterr().err))
    assert (type(failed), str(failed)) == (MethodFailed, "one\ntwo")
    broken = Broken("await", "seen", Line("there.py", 3))
    assert ending.told(broken) == ending.TOLD
    assert str(ending.error(ending.of_log(capfd.readouterr().err))) == str(broken)
    assert ending.told(ValueError("other")) == 1


def test_workers_do_not_outlive_their_launcher(tmp_path: Path) -> None:
    run = start(tmp_path, 60)
    wait_for(lambda: len(workers_of(run.pid)) == 6, 60)
    everybody = children(run.pid)
    run.send_signal(signal.SIGKILL)
    run.communicate(timeout=30)
    wait_for(lambda: not alive(everybody), 10)
