"""Mistakes of known kinds in clothes of their own: each is told by its rule, at the line that is marked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.mistakes import source_of
from rfast_bench.conformance.check import check
from rfast_bench.conformance.notes import Finding
from rfast_bench.errors import UserError
from rfast_bench.plan import registry
from rfast_bench.study.checking.apart import checked_apart

HEAD = """
import os
from collections import deque
from typing import NamedTuple

import numpy as np

from rfast_bench.api import Algorithm, Gradient, Receive, ReceiveAny, StepSize

RECENT = deque(maxlen=4)
DICE = np.random.default_rng(0)


class Pair(NamedTuple):
    x: object
    k: int
"""
GOSSIP = source_of("gossip")
METHOD = HEAD + GOSSIP[GOSSIP.index("\n\nclass Method(") :]
COUNT = "            self.k += 1\n"
GRADIENT = "            g = await Gradient(self.x)\n"
SEND = '                node.post(j, "model", self.x)\n'
WORK = "    async def work(self, node):\n"
DISGUISED: dict[str, tuple[Any, ...]] = {
    "a typo in a channel": (
        SEND,
        SEND.replace("model", "modle"),
        "channels",
        '"model", self.x)\n            self',
    ),
    "newest of itself": (
        COUNT,
        COUNT + '            node.newest(node.id, "model", self.x)  # wrong\n',
        "neighbours",
    ),
    "sys.exit": (COUNT, COUNT + "            raise SystemExit(0)  # wrong\n", "exceptions"),
    "a loop of what is there": (
        GRADIENT,
        "            while True:\n                await Receive('nothing', [])  # wrong\n" + GRADIENT,
        "endless-loop",
    ),
    "an effect as a condition": (
        COUNT,
        COUNT + "            if Gradient(self.x):  # wrong\n                self.k = 0\n",
        "await",
    ),
    "effects in a list": (
        COUNT,
        COUNT + "            if [ReceiveAny('x')]:  # wrong\n                self.k = 0\n",
        "await",
    ),
    "dice of numpy": (COUNT, COUNT + "            np.random.choice([0, 1])  # wrong\n", "randomness"),
    "dice of the module": (
        COUNT,
        COUNT + "            self.k = self.k + DICE.integers(9)  # wrong\n",
        "randomness",
    ),
    "noise of the system": (COUNT, COUNT + "            os.urandom(1)  # wrong\n", "randomness"),
    "dice imported late": (
        COUNT,
        COUNT
        + "            if self.k > 500:\n                import random\n                random.random()  # wrong\n",
        "randomness",
    ),
    "the driver's dice seeded": (COUNT, COUNT + "            node.rng.seed(0)  # wrong\n", "randomness"),
    "hash of a word": (COUNT, COUNT + '            self.k = hash("salt")  # wrong\n', "randomness"),
    "a default argument": (
        WORK,
        "    def count(self, seen=[]):\n        seen.append(1)\n\n" + WORK,
        "shared-state",
        None,
        (COUNT, COUNT + "            self.count()\n"),
    ),
    "a short memory": (COUNT, COUNT + "            RECENT.append(self.k)  # wrong\n", "shared-state"),
    "a function's attribute": (
        COUNT,
        COUNT + "            Method.activities.count = self.k\n",
        "shared-state",
        None,
    ),
    "the graph's weights": (COUNT, COUNT + "            node.W[node.id] = 1.0\n", "shared-state", None),
    "the process's variables": (
        COUNT,
        COUNT + '            os.environ["K"] = str(self.k)\n',
        "shared-state",
        None,
    ),
    "a deadlock of three": (
        COUNT,
        COUNT + "            if node.n == 3:\n                await ReceiveAny('never')  # wrong\n",
        "deadlock",
    ),
    "a deadlock that comes late": (
        COUNT,
        COUNT + "            if self.k == 60:\n                await ReceiveAny('never')  # wrong\n",
        "deadlock",
    ),
    "a named tuple": (
        SEND,
        '                node.post(j, "model", Pair(self.x, self.k))  # wrong\n',
        "payloads",
    ),
    "a model of two": (
        "        return self.x\n",
        "        return self.x, self.k\n",
        "contract",
        "@property",
    ),
    "one gradient for ever": (
        GRADIENT,
        "            g = await asked  # wrong\n",
        "lost-update",
        "# wrong",
        ("        start = self.x\n", "        start, asked = self.x, Gradient(self.x)\n"),
    ),
    "one sender, no list": (COUNT, COUNT + '            await Receive("model", 0)  # wrong\n', "exceptions"),
    "seconds in words": (
        COUNT,
        COUNT + '            await ReceiveAny("model", within="2 s")  # wrong\n',
        "exceptions",
    ),
    "a residual that compares workers": (
        WORK,
        "    @classmethod  # wrong\n    def residual(cls, workers):\n        if len({w.k for w in workers}) > 1:\n"
        "            return None\n        return sum(w.x for w in workers)\n\n" + WORK,
        "invariant",
    ),
}


def findings(text: str, folder: Path, name: str = "Method") -> list[Finding]:
    path = folder / "method.py"
    path.write_text(text, encoding="utf-8")
    return check(registry.find(f"{path}:{name}"))


def at(text: str, mark: str) -> int:
    """The number of the line that holds a mark."""
    return text[: text.index(mark)].count("\n") + 1


def test_the_method_itself_is_right(tmp_path: Path) -> None:
    assert findings(METHOD, tmp_path) == []


@pytest.mark.parametrize("name", DISGUISED)
def test_it_is_told(name: str, tmp_path: Path) -> None:
    old, new, rule, *more = DISGUISED[name]
    text = METHOD.replace(old, new)
    for other in more[1:]:
        text = text.replace(*other)
    found = [one for one in findings(text, tmp_path) if not one.caution and one.rule.name == rule]
    assert found, rule
    mark = more[0] if more else "# wrong"
    if name == "a typo in a channel":
        assert "on 'modle' messages are sent that nobody reads" in found[0].seen
    elif mark is not None:
        assert at(text, mark) in [one.line.number for one in found if one.line is not None]


def test_dice_in_a_file_beside_it(tmp_path: Path) -> None:
    (tmp_path / "helper_of_dice.py").write_text(
        "import random\n\n\ndef thrown():\n    return random.random()\n"
    )
    text = METHOD.replace("import os\n", "import os\nimport helper_of_dice\n")
    text = text.replace(COUNT, COUNT + "            helper_of_dice.thrown()\n")
    assert [one.rule.name for one in findings(text, tmp_path)] == ["randomness"]


@pytest.mark.parametrize(
    ("read", "write"),
    [
        ("x, k = self.x, self.k", "self.x, self.k = x, k + 1"),
        ("k = getattr(self, 'k')", "setattr(self, 'k', k + 1)"),
    ],
)
def test_a_lost_update_in_other_words(read: str, write: str, tmp_path: Path) -> None:
    text = METHOD.replace("[self.work(node)]", "[self.work(node), self.rest(node)]")
    text += """
    async def rest(self, node):
        while True:
            READ
            await ReceiveAny("tick", within=1.0)
            WRITE  # wrong
""".replace("READ", read).replace("WRITE", write)
    found = [one for one in findings(text, tmp_path) if one.rule.name == "lost-update"]
    assert at(text, "# wrong") in [one.line.number for one in found if one.line is not None]


def test_a_step_that_is_read_once_is_a_caution(tmp_path: Path) -> None:
    text = METHOD.replace("        while True:\n", "        gamma = self.step_size\n        while True:\n")
    (found,) = findings(text.replace("- self.step_size * g", "- gamma * g"), tmp_path)
    assert found.caution
    assert found.rule.name == "step-size"


def test_clocks_of_functions_that_the_method_does_not_use(tmp_path: Path) -> None:
    text = METHOD + "\n\ndef timed():\n    import time\n\n    return time.time()\n"
    assert findings(text, tmp_path) == []


def test_another_class_of_the_file_is_left_alone(tmp_path: Path) -> None:
    other = METHOD[METHOD.index("class Method(") :].replace("class Method(", "class Other(")
    wrong = other.replace("g = await Gradient", "g = Gradient")
    assert findings(METHOD + "\n\n" + wrong, tmp_path) == []
    found = findings(METHOD + "\n\n" + wrong, tmp_path, "Other")
    assert [one.rule.name for one in found] == ["await"]


def test_a_forgotten_super_is_named_where_it_is_missing(tmp_path: Path) -> None:
    text = """
from rfast_bench.algorithms.d_psgd import DPsgd
from rfast_bench.api import StepSize


class Mine(DPsgd):
    def __init__(self, x0, *, step_size: StepSize):
        self.step_size = step_size
"""
    (found,) = findings(text, tmp_path, "Mine")
    assert found.line is not None
    assert found.line.number == at(text, "def __init__")
    assert "does not call `super().__init__`" in found.seen


def test_a_method_as_model_is_no_property(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="`model` is no property; write @property"):
        findings(METHOD.replace("    @property\n", ""), tmp_path)


def test_a_need_that_there_is_not(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="needs is 'undirectd'; did you mean 'undirected'"):
        findings(METHOD.replace('needs = "undirected"', 'needs = "undirectd"'), tmp_path)


@pytest.mark.timeout(120)
def test_what_ends_the_process_is_told_by_who_started_it(tmp_path: Path) -> None:
    path = tmp_path / "method.py"
    path.write_text(METHOD.replace(COUNT, COUNT + "            os._exit(0)\n"), encoding="utf-8")
    ((found,), _) = checked_apart(f"{path}:Method", [], tmp_path, processes=False)
    assert found.rule.name == "exceptions"
    assert "its process ended without an answer, exit code 0" in found.seen
