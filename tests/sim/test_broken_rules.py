"""A simulated run tells a method's broken rule, with the line of its file; right methods go on as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rfast_bench.breaches import watchdog
from rfast_bench.breaches.broken import Broken
from rfast_bench.breaches.telling import Mistake
from rfast_bench.sim.monitor import Outcome
from tests.support.handmade import make_run, simulate_run
from tests.support.wrong_methods import BROKEN, ENDLESS, HEAD, RIGHT, STALLED, loop, rule_of, write

SCENARIO: dict[str, Any] = {
    "compute": 1.0,
    "network": {"latency": 0.1},
    "stop": {"time": 30},
    "evaluate": {"every": 1},
}


def play(folder: Path, body: str, head: str = HEAD, **over: Any) -> tuple[Outcome, int]:
    name, line = write(folder, body, head=head)
    run = make_run({"name": name, "step_size": 0.1}, **{**SCENARIO, **over})
    return simulate_run(run).outcome, line


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_is_told_with_its_line(name: str, tmp_path: Path) -> None:
    path, line = write(tmp_path, BROKEN[name])
    run = make_run({"name": path, "step_size": 0.1}, **SCENARIO)
    with pytest.raises(Broken) as told:
        simulate_run(run)
    assert told.value.rule.name == rule_of(name)
    assert told.value.line is not None
    assert (told.value.line.file, told.value.line.number) == (path.partition(":")[0], line)
    assert told.value.exit_code == 1


@pytest.mark.parametrize("stop", [{"time": 30}, {"iterations": 100}], ids=str)
@pytest.mark.parametrize("every", [1, "10 iterations"])
@pytest.mark.parametrize("name", STALLED)
def test_nobody_can_go_on(name: str, every: Any, stop: dict[str, Any], tmp_path: Path) -> None:
    outcome, line = play(tmp_path, STALLED[name], evaluate={"every": every}, stop=stop)
    assert (outcome.status, outcome.stopped_by) == ("stalled", "stalled")
    assert outcome.broken is not None
    assert outcome.broken.rule.name == rule_of(name)
    assert outcome.broken.line is not None
    assert outcome.broken.line.number == line
    assert "workers 0 to 3" in outcome.reason
    assert outcome.frames["curves"]["time"].iloc[-1] <= 30


def test_it_is_said_who_waits_for_whom(tmp_path: Path) -> None:
    body = loop(
        "if node.id == 0:",
        '    await Receive("m", [1])  # wrong',
        "else:",
        '    await Receive("m", [0])',
    )
    outcome, line = play(tmp_path, body)
    assert f"worker 0 waits in Receive('m') at {tmp_path}/method0.py:{line} for worker 1;" in outcome.reason
    assert "workers 1 to 3 wait in Receive('m')" in outcome.reason
    assert "(1 for 0; 2 for 0; 3 for 0)" in outcome.reason


def test_a_worker_that_is_to_come_back_is_waited_for(tmp_path: Path) -> None:
    """Its return is under way, so nobody is stuck yet."""
    body = loop("if node.id == 0:", '    await ReceiveAny("m")')
    outcome, _ = play(
        tmp_path,
        body,
        head=HEAD.replace('    needs = "undirected"', '    elastic = True\n    needs = "undirected"'),
        network={"latency": 0.1, "silence_timeout": 2},
        faults=[{"worker": k, "down": 3, "up": 20} for k in (1, 2, 3)],
    )
    assert outcome.stopped_by == "time"


def test_a_link_that_is_down_is_no_fault_of_the_method(tmp_path: Path) -> None:
    outcome, _ = play(tmp_path, RIGHT, network={"loss": 1})
    assert (outcome.status, outcome.broken) == ("stalled", None)


def test_a_loop_that_awaits_nothing_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "PATIENCE", 0.2)
    monkeypatch.setattr(watchdog, "LOOK", 0.05)
    with pytest.raises(Broken, match="awaited nothing") as told:
        play(tmp_path, ENDLESS)
    assert told.value.rule.name == "endless-loop"
    assert told.value.line is not None
    assert told.value.line.number == 32


def test_a_loop_that_sleeps_is_ended_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "PATIENCE", 0.2)
    monkeypatch.setattr(watchdog, "LOOK", 0.05)
    monkeypatch.setattr(watchdog, "ASLEEP", 2)
    with pytest.raises(Broken, match="awaited nothing"):
        play(tmp_path, loop("while True:  # wrong", "    time.sleep(0.01)"))


def test_two_at_once_of_which_there_is_one(tmp_path: Path) -> None:
    twice = HEAD.replace("[self.work(node)]", "[self.work(node), self.work(node)]")
    for body, rule in (
        (loop("pass"), "one-gradient"),
        (loop("pass").replace("Gradient(self.x)", 'ReceiveAny("m")'), "one-reader"),
    ):
        with pytest.raises(Broken) as told:
            play(tmp_path, body, head=twice)
        assert told.value.rule.name == rule
        assert f"{tmp_path}/method" in told.value.seen  # the other one's line


def test_activities_must_be_coroutines(tmp_path: Path) -> None:
    for wrong, seen in (("[self.work]", "gives a method"), ("self.work(node)", "and not a list")):
        with pytest.raises(Broken, match=seen):
            play(tmp_path, RIGHT, head=HEAD.replace("[self.work(node)]", wrong))


def test_who_has_no_neighbours_is_named(tmp_path: Path) -> None:
    head = HEAD.replace('"undirected"', '"pair"').replace('"ring"', '"binary-tree"')
    with pytest.raises(Broken, match="it fails on worker 0, which has no in-neighbours in W") as told:
        play(tmp_path, loop("node.W[(node.id - 1) // 2]  # wrong"), head=head)
    assert told.value.rule.name == "any-graph"


def test_any_other_error_points_into_the_file(tmp_path: Path) -> None:
    body = loop("short = g[:2]", "self.x = self.x + short  # wrong")
    line = 32
    with pytest.raises(Mistake, match=f"method0.py:{line}: ValueError: .*, on worker 0") as told:
        play(tmp_path, body)
    assert "g is float64 (4,)" in str(told.value)
    assert "short is float64 (2,)" in str(told.value)
    assert "self.x is float64 (4,)" in str(told.value)
    assert told.value.exit_code == 1


def test_a_right_method_is_left_alone(tmp_path: Path) -> None:
    outcome, _ = play(tmp_path, RIGHT)
    assert (outcome.status, outcome.broken, list(outcome.cautions)) == ("finished", None, [])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (loop("pass"), ["its model never changed", "nobody sent anything"]),
        (loop("self.x = self.x - self.step_size * g"), ["nobody sent anything"]),
        (
            "        while node.id:\n            g = await Gradient(self.x)\n            self.x = self.x - 0.1 * g\n"
            '            node.post(node.out_W[0], "m", g)\n',
            ["an activity of worker 0 ended", "nobody trained on"],
        ),
    ],
)  # fmt: skip
def test_cautions(body: str, said: list[str], tmp_path: Path) -> None:
    outcome, _ = play(tmp_path, body, stop={"time": 150})
    assert outcome.status == "finished"
    shorts = [one["short"] for one in outcome.cautions]
    assert len(shorts) == len(said)
    assert all(words in short for words, short in zip(said, shorts, strict=True))


LEDGER = HEAD.replace(
    "    async def gossip",
    "    @classmethod\n    def residual(cls, workers):\n        return sum(w.x - w.y for w in workers)\n\n"
    "    async def gossip",
).replace("self.x = x0", "self.x = self.y = x0")


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_an_invariant_that_does_not_hold(dtype: str, tmp_path: Path) -> None:
    problem = {
        "kind": "logistic-regression",
        "dataset": "wine",
        "l2": 0.05,
        "test_fraction": 0,
        "dtype": dtype,
    }
    right = loop("self.x = self.x - 0.1 * g", "self.y = self.y - 0.1 * g")
    kept, _ = play(tmp_path, right, head=LEDGER, problem=problem)
    assert kept.status == "finished"
    lost, _ = play(tmp_path, loop("self.x = self.x - 0.1 * g"), head=LEDGER, problem=problem)
    assert lost.status == "invariant broken"
    assert lost.reason.startswith("at 2 s `residual` leaves")
    assert lost.broken is not None
    assert lost.broken.rule.name == "invariant"
