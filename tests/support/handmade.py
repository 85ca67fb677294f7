"""Worlds for tests: one driven by hand, without a clock, and short runs of the simulated one.

`World` carries out every effect of `rfast_bench.api`. Nothing happens in it until a test says so: `step`
hands a worker the gradient it asked for, `deliver` and `drop` decide the fate of one letter on the wire.
Every array that passes through it is made read-only.
"""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any, Literal

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from rfast_bench.api import (
    Activity,
    Algorithm,
    AllReduceMean,
    Channel,
    Gradient,
    Needs,
    Receive,
    ReceiveAny,
    Sent,
    Vector,
)
from rfast_bench.plan import registry
from rfast_bench.plan.runs import Point, Run, with_parameters
from rfast_bench.problems import Problem, reference
from rfast_bench.problems.evaluation import Evaluator
from rfast_bench.scenario.reading import validate
from rfast_bench.scenario.schema import Scenario
from rfast_bench.scenario.sections.topology import TopologySpec
from rfast_bench.sim.monitor import Outcome
from rfast_bench.sim.world import simulate
from rfast_bench.study.run import problem_of
from rfast_bench.topology.build import build
from rfast_bench.topology.topology import Topology

Oracle = Callable[[int, Vector, int], Vector]
"""(worker, point, how many gradients it had before) -> gradient."""


def graph(kind: str, n: int, needs: Needs = "pair") -> Topology:
    return build(TopologySpec(kind=kind), n, needs)


def unequal(kind: str, n: int) -> Topology:
    """The pair of that kind with weights that all differ: row sums of W and column sums of A stay 1."""
    rng, uniform = np.random.default_rng(n), graph(kind, n)

    def varied(rows: tuple[Any, ...]) -> tuple[dict[int, float], ...]:
        drawn = [dict(zip(row, rng.dirichlet([3.0] * len(row)).tolist(), strict=True)) for row in rows]
        return tuple(drawn)

    return replace(uniform, W=varied(uniform.W), A=varied(uniform.A))


def maker(name: str, **parameters: Any) -> Callable[[Vector], Any]:
    """Builds one worker's part of a registered algorithm from x0."""
    make: Any = registry.find(name)
    return lambda x0: make(x0, **parameters)


def frozen(value: Any) -> Any:
    """The same value, its arrays no longer writable."""
    if isinstance(value, np.ndarray):
        value.flags.writeable = False
    elif isinstance(value, tuple):
        for part in value:
            frozen(part)
    return value


def noise(seed: int, shape: int = 2, dtype: Any = np.float64) -> Oracle:
    """Gradients that depend on nothing but the worker and the count."""
    return lambda i, at, k: np.random.default_rng([seed, i, k]).standard_normal(shape).astype(dtype)


def curvatures(n: int, d: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """H, b of f_i(x) = Σ_k H_ik (x_k − b_ik)²/2, shape (n, d) each: no two workers want the same."""
    rng = np.random.default_rng(5)
    return rng.uniform(0.5, 2, (n, d)), rng.standard_normal((n, d))


# ------------------------------------------------------------------------------------- the world by hand
@dataclass(eq=False)
class Letter:
    """One message on its way; `stamp` is its place among all that were ever handed over."""

    sender: int
    to: int
    channel: Channel
    payload: Any
    stamp: int
    kind: Literal["post", "reliable", "datagram"]

    @property
    def link(self) -> tuple[Any, ...]:
        return self.sender, self.to, self.channel


class HandNode:
    """Implements `rfast_bench.api.Node` over the wire of a `World`."""

    def __init__(self, world: World, number: int, topology: Topology) -> None:
        self.id, self.n, self.rng = number, topology.n, Random(number)
        self.W, self.A = topology.W[number], topology.A[number]
        self.in_W, self.out_W = topology.in_W(number), topology.out_W(number)
        self.in_A, self.out_A = topology.in_A(number), topology.out_A(number)
        self.changes = 0
        self.side = topology.side[number]
        self.reads: Counter[tuple[int, Channel]] = Counter()
        self.latest: dict[tuple[int, Channel], Letter] = {}
        self.inbox: defaultdict[Channel, list[Letter]] = defaultdict(list)
        self._world = world

    def send(self, to: int, channel: Channel, payload: Any, reliable: bool = True) -> None:
        self._world.hand_over(self.id, to, channel, payload, "reliable" if reliable else "datagram")

    def tell(self, channel: Channel, payload: Any) -> None:
        self.inbox[channel].append(Letter(self.id, self.id, channel, frozen(payload), -1, "reliable"))
        self._world.told.append(self.id)

    def post(self, to: int, channel: Channel, payload: Any) -> None:
        self._world.hand_over(self.id, to, channel, payload, "post")

    def newest(self, sender: int, channel: Channel, default: Any) -> Any:
        self.reads[sender, channel] += 1
        letter = self.latest.get((sender, channel))
        return default if letter is None else letter.payload

    def drain(self, channel: Channel) -> Iterable[tuple[int, Any]]:
        while self.inbox[channel]:
            letter = self.inbox[channel].pop(0)
            yield letter.sender, letter.payload

    def put(self, letter: Letter) -> None:
        if letter.kind != "post":
            self.inbox[letter.channel].append(letter)
            return
        known = self.latest.get((letter.sender, letter.channel))
        if known is None or known.stamp < letter.stamp:
            self.latest[letter.sender, letter.channel] = letter

    def take(self, effect: Receive | ReceiveAny) -> Any:
        """The answer to an effect, or None when it has not come yet."""
        inbox = self.inbox[effect.channel]
        if isinstance(effect, ReceiveAny):
            letter = inbox.pop(0) if inbox else None
            return None if letter is None else (letter.sender, letter.payload)
        first = {letter.sender: letter for letter in reversed(inbox)}
        if not set(effect.senders) <= set(first):
            return None
        for sender in effect.senders:
            inbox.remove(first[sender])
        return {sender: first[sender].payload for sender in effect.senders}


class World:
    """All workers of one algorithm, each at its first effect that needs somebody else to move."""

    def __init__(
        self, make: Callable[[Vector], Any], topology: Topology, x0: Vector, gradient: Oracle
    ) -> None:
        self.n = topology.n
        self.wire: list[Letter] = []
        self.log: list[tuple[Any, ...]] = []  # what was asked and handed over, without values
        self.points: list[list[Vector]] = [[] for _ in range(self.n)]  # where gradients were asked
        self.gradients: list[list[Vector]] = [[] for _ in range(self.n)]  # what was handed to the workers
        self._gradient = gradient
        self._stamp = 0
        self._computing: dict[int, Activity] = {}
        self._listening: list[tuple[int, Activity, Receive | ReceiveAny]] = []
        self._unless: dict[int, Channel] = {}
        self.told: list[int] = []  # whose own activities have something to read
        self._reducing: dict[int, tuple[Activity, Vector]] = {}
        self.nodes = [HandNode(self, i, topology) for i in range(self.n)]
        self.workers: list[Any] = [make(frozen(x0)) for _ in range(self.n)]
        for node, worker in zip(self.nodes, self.workers, strict=True):
            for activity in worker.activities(node):
                self._advance(node.id, activity, None)
        self._settle()

    # ------------------------------------------------------------------------------ what a test may do
    def computes(self, worker: int) -> bool:
        """Whether a gradient of this worker is outstanding."""
        return worker in self._computing

    def step(self, worker: int) -> bool:
        """The gradient that a worker asked for is done; False when it asked for none."""
        activity = self._computing.pop(worker, None)
        if activity is None:
            return False
        done = self.gradients[worker]
        done.append(frozen(self._gradient(worker, self.points[worker][-1], len(done))))
        self._unless.pop(worker, None)
        self._advance(worker, activity, done[-1])
        self._settle()
        return True

    def deliver(self, k: int = 0) -> Letter:
        """Letter k of the wire arrives; of a queue's letters the oldest one does."""
        letter = self.wire[k]
        if letter.kind != "post":
            k = next(k for k, other in enumerate(self.wire) if other.link == letter.link)
        letter = self.wire.pop(k)
        self.nodes[letter.to].put(letter)
        self._wake(letter.to)
        self._settle()
        return letter

    def drop(self, k: int = 0) -> bool:
        """Letter k of the wire is lost; False when it is reliable, and so stays on its way."""
        if self.wire[k].kind == "reliable":
            return False
        del self.wire[k]
        return True

    def round(self) -> None:
        """Every worker's gradient is done, then everything arrives."""
        for i in range(self.n):
            self.step(i)
        while self.wire:
            self.deliver()

    def play(self, schedule: Iterable[tuple[str, int]], check: Callable[[], None]) -> None:
        """Carry out a schedule of steps, deliveries and drops, with a check after each."""
        check()
        for what, number in schedule:
            if what == "step":
                self.step(number % self.n)
            elif self.wire and what == "deliver":
                self.deliver(number % len(self.wire))
            elif self.wire:
                self.drop(number % len(self.wire))
            check()

    def undelivered(self, channel: Channel) -> list[Letter]:
        """What was sent on a channel and not yet taken by its receiver."""
        waiting = [letter for node in self.nodes for letter in node.inbox[channel]]
        return waiting + [letter for letter in self.wire if letter.channel == channel]

    # ------------------------------------------------------------------------------------ the machinery
    def hand_over(self, sender: int, to: int, channel: Channel, payload: Any, kind: Any) -> None:
        self._stamp += 1
        self.log.append((sender, kind, to, channel))
        self.wire.append(Letter(sender, to, channel, frozen(payload), self._stamp, kind))

    def _advance(self, worker: int, activity: Activity, answer: Any) -> None:
        while True:
            effect: Any = activity.send(answer)
            self.log.append((worker, type(effect).__name__))
            if isinstance(effect, Sent):
                answer = None
                continue
            if isinstance(effect, Gradient):
                if effect.unless is not None and self.nodes[worker].inbox[effect.unless]:
                    answer = None
                    continue
                assert worker not in self._computing, "one gradient may be outstanding"
                self.points[worker].append(frozen(effect.at))
                self._computing[worker] = activity
                if effect.unless is not None:
                    self._unless[worker] = effect.unless
                return
            if isinstance(effect, AllReduceMean):
                assert self.workers[worker].collective, "the class must say that it is collective"
                self._gather(worker, activity, frozen(effect.value))
                return
            assert isinstance(effect, Receive | ReceiveAny), f"{effect!r} is not an effect"
            answer = self.nodes[worker].take(effect)
            if answer is None:
                self._listening.append((worker, activity, effect))
                return

    def _settle(self) -> None:
        """Wake those who were told something by their own activities."""
        while self.told:
            self._wake(self.told.pop(0))

    def _break(self, worker: int) -> None:
        """Give up the gradient of a worker, if it is computing one and there is something to give it up for."""
        if worker in self._unless and self.nodes[worker].inbox[self._unless[worker]]:
            del self._unless[worker]
            self.points[worker].pop()
            self._advance(worker, self._computing.pop(worker), None)

    def _wake(self, worker: int) -> None:
        self._break(worker)
        for waiting in [w for w in self._listening if w[0] == worker]:
            answer = self.nodes[worker].take(waiting[2])
            if answer is not None:
                self._listening.remove(waiting)
                self._advance(worker, waiting[1], answer)

    def _gather(self, worker: int, activity: Activity, value: Vector) -> None:
        self._reducing[worker] = activity, value
        if len(self._reducing) == self.n:
            gathered, self._reducing = self._reducing, {}
            mean = frozen(sum(value for _, value in gathered.values()) / self.n)
            for i, (waiting, _) in gathered.items():
                self._advance(i, waiting, mean)


def matrix(world: World, name: str) -> np.ndarray:
    """W or A as a matrix, `M[i, j]` the weight of the edge j -> i."""
    M = np.zeros((world.n, world.n))
    for i, node in enumerate(world.nodes):
        for j, weight in getattr(node, name).items():
            M[(i, j) if name == "W" else (j, i)] = weight
    return M


def mean_step(world: World) -> float:
    """By what share the mean model shrinks a round once the workers agree, where every f_i is x²/2."""
    for _ in range(120):
        world.round()
    before = np.mean([w.x for w in world.workers])
    for _ in range(50):
        world.round()
    return float((before - np.mean([w.x for w in world.workers])) / (50 * before))


def schedules(most: int = 120, drops: bool = True) -> st.SearchStrategy[list[tuple[str, int]]]:
    """Hypothesis: any order of steps, deliveries (in any order) and losses."""
    moves = ["step", "deliver", "drop"] if drops else ["step", "deliver"]
    return st.lists(st.tuples(st.sampled_from(moves), st.integers(0, 999)), max_size=most)


# -------------------------------------------------------------------------------------- simulated runs
class Recorder(Evaluator):
    """Keeps every worker's model at each look."""

    def __init__(self, problem: Problem, gap: bool) -> None:
        super().__init__(problem, reference(problem) if gap else None)
        self.models: list[np.ndarray] = []
        self.workers: Sequence[Any] = ()

    def measure(self, algorithms: Mapping[int, Algorithm]) -> dict[str, float]:
        self.workers = list(algorithms.values())
        self.models.append(np.array([a.model for a in self.workers]))
        return super().measure(algorithms)


@dataclass(frozen=True)
class Played:
    """A simulated run, its problem, every worker's algorithm as it ended, and the models at each look."""

    outcome: Outcome
    problem: Any
    workers: Sequence[Any]
    models: list[np.ndarray] = field(repr=False)

    @property
    def curves(self) -> pd.DataFrame:
        return self.outcome.frames["curves"]

    def intervals(self) -> dict[int, np.ndarray]:
        """Of each worker: when its gradients were begun and done, shape (k, 2)."""
        frame = self.outcome.frames["timeline"]
        return {int(str(i)): own[["start", "end"]].to_numpy() for i, own in frame.groupby("worker")}


BASE: Mapping[str, Any] = {
    "name": "handmade",
    "workers": 4,
    "problem": {"kind": "quadratic", "dim": 4},
    "compute": {"kind": "lognormal", "mean": 1, "sigma": 0.3},
    "network": {"latency": 0.2},
    "stop": {"iterations": 50},
    "evaluate": {"every": "1 iteration"},
}
WINE: Mapping[str, Any] = {"kind": "logistic-regression", "dataset": "wine", "l2": 0.05, "test_fraction": 0}


def make_run(algorithm: str | Mapping[str, Any], seed: int = 0, **over: Any) -> Run:
    """One run of one algorithm; the keywords replace whole entries of `BASE`."""
    raw = {**BASE, **over, "algorithms": [algorithm]}
    scenario = validate(Scenario, raw, "test")
    return Run(Point({}, with_parameters(scenario, "test", None), Path()), 0, seed)


def simulate_run(run: Run, gap: bool = False) -> Played:
    """Play a run in the simulated world; `gap` asks for the distance to the optimum's loss as well."""
    make: Any = run.algorithm_class
    problem = problem_of(run)
    recorder = Recorder(problem, gap)
    parameters = run.algorithm.parameters
    outcome = simulate(
        *(run.scenario, lambda x0: make(x0, **parameters), run.build_topology(), problem, recorder, run.seed),
        training=run.training,
    )
    return Played(outcome, problem, recorder.workers, recorder.models)


# ------------------------------------------------------------------------------------------ source code
def imports(path: Path) -> set[str]:
    """The modules that a file imports, anywhere in it; `from a import b` counts as `a` and as `a.b`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            found.update([str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)])
    return found
