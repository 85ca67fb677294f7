"""A world driven by hand, without a clock: every order of gradients, deliveries and losses can be played.

Nothing happens in it until somebody says so: `step` hands a worker the gradient that it asked for, `deliver` and `drop`
decide the fate of one letter on the wire.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from rfast_bench.api import (
    Activity,
    AllReduceMean,
    Channel,
    Gradient,
    MeanGradient,
    Receive,
    ReceiveAny,
    Sent,
    Vector,
)
from rfast_bench.breaches.broken import Broken
from rfast_bench.breaches.endings import around
from rfast_bench.breaches.lines import Line, of_activity
from rfast_bench.conformance.hand.keeper import Keeper
from rfast_bench.conformance.hand.letter import Letter
from rfast_bench.conformance.hand.node import HandNode
from rfast_bench.scenario.user_files.modules import MISTAKES
from rfast_bench.topology.topology import Topology

Oracle = Callable[[int, Vector, int], Vector]  # (worker, point, how many gradients it had before) -> gradient
COMPUTING = (Gradient, MeanGradient)
MOST_READY = 5_000  # effects in a row that are answered at once; more is a loop in which no time passes


class World:
    """All workers of one algorithm, each at its first effect that needs somebody else to move."""

    def __init__(
        self,
        make: Callable[[Vector], Any],
        topology: Topology,
        x0: Vector,
        gradient: Oracle,
        keeper: Keeper | None = None,
    ) -> None:
        self.n = topology.n
        self.wire: list[Letter] = []
        self.log: list[tuple[Any, ...]] = []  # what was asked and handed over, without values
        self.points: list[list[Vector]] = [[] for _ in range(self.n)]  # where gradients were asked
        self.gradients: list[list[Vector]] = [[] for _ in range(self.n)]  # what was handed to the workers
        self.channels: defaultdict[Channel, dict[str, Line | None]] = defaultdict(dict)  # how each is used
        self.timed: set[Channel] = set()  # on which somebody waits for a while, be it only to let time pass
        self.told: list[int] = []  # whose own activities have something to read
        self.keeper = Keeper() if keeper is None else keeper
        self.current: tuple[int, int] | None = None  # the worker and the activity that runs now
        self.segments = 0  # how often one has run on
        self.listening: list[tuple[int, Activity, Receive | ReceiveAny]] = []
        self.over: list[Activity] = []
        self._gradient = gradient
        self._stamp = 0
        self._last: Activity | None = None
        self._asked: dict[int, tuple[Any, ...]] = {}  # the effects of the last gradients
        self._computing: dict[int, tuple[Activity, Any]] = {}
        self._unless: dict[int, Channel] = {}
        self._reducing: dict[int, tuple[Activity, Vector]] = {}
        self.index: dict[Activity, int] = {}
        self.nodes: list[HandNode] = []
        self.keeper.begins(self)
        self.nodes = [HandNode(self, i, topology) for i in range(self.n)]
        start = self.keeper.handed(x0, "is everybody's start")
        self.workers: list[Any] = [make(start) for _ in range(self.n)]
        self.kind = self.keeper.kind = type(self.workers[0])
        for node, worker in zip(self.nodes, self.workers, strict=True):
            for number, activity in enumerate(worker.activities(node)):
                self.index[activity] = number
                self._advance(node.id, activity, None)
        self._settle()

    # ------------------------------------------------------------------------------ what a test may do
    @property
    def last(self) -> Line | None:
        """Where the activity that ran last waits now, or runs."""
        return None if self._last is None else of_activity(self._last, self.kind)

    def computes(self, worker: int) -> bool:
        """Whether a gradient of this worker is outstanding."""
        return worker in self._computing

    @property
    def stuck(self) -> bool:
        """Whether nothing can happen any more: nobody computes, nothing is under way, no wait has an end of its own."""
        return not self._computing and not self.wire and not self.bounded

    @property
    def bounded(self) -> list[tuple[int, Activity, Receive | ReceiveAny]]:
        """The waits that end without a message."""
        return [waiting for waiting in self.listening if waiting[2].within is not None]

    def expire(self, k: int = 0) -> None:
        """The time of a bounded wait is over: the answer is None."""
        worker, activity, _ = waiting = self.bounded[k]
        self.listening.remove(waiting)
        self._advance(worker, activity, None)
        self._settle()

    def waits(self) -> Iterable[tuple[int, str, Line | None]]:
        """Who waits, for what and where: (worker, what, line)."""
        for worker, activity, effect in self.listening:
            whom = f" from {list(effect.senders)}" if isinstance(effect, Receive) else ""
            yield (
                worker,
                f"{type(effect).__name__}({effect.channel!r}){whom}",
                of_activity(activity, self.kind),
            )
        for worker, (activity, _) in self._reducing.items():
            yield worker, "AllReduceMean", of_activity(activity, self.kind)

    def step(self, worker: int) -> bool:
        """The gradient that a worker asked for is done; False when it asked for none."""
        if worker not in self._computing:
            return False
        activity, effect = self._computing.pop(worker)
        done = self.gradients[worker]
        g = self._gradient(worker, self.points[worker][-1], len(done))
        done.append(self.keeper.handed(g, "is the driver's gradient"))
        self._unless.pop(worker, None)
        if isinstance(effect, MeanGradient):
            self._gather(worker, activity, done[-1])
        else:
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
        for _ in self.bounded:
            self.expire()

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
            elif self.bounded:
                self.expire(number % len(self.bounded))
            check()

    # ------------------------------------------------------------------------------------ the machinery
    def hand_over(self, sender: int, to: int, channel: Channel, payload: Any, kind: Any) -> None:
        self._stamp += 1
        self.log.append((sender, kind, to, channel))
        seal = self.keeper.sealed(payload)
        given = self.keeper.handed(payload, f"was {'posted' if kind == 'post' else 'sent'}")
        self.wire.append(Letter(sender, to, channel, given, self._stamp, kind, seal))

    def _advance(self, worker: int, activity: Activity, answer: Any) -> None:
        node, self._last = self.nodes[worker], activity
        for _ in range(MOST_READY):
            before, self.current = self.current, (worker, self.index[activity])
            self.segments += 1
            node.calls = 0
            frame = getattr(activity, "cr_frame", None)
            try:
                effect: Any = activity.send(answer)
            except StopIteration:
                self.over.append(activity)
                line = None if frame is None else Line(frame.f_code.co_filename, frame.f_lineno)
                self.keeper.ended(worker, self.index[activity], line)
                return None
            except MISTAKES as problem:  # of a method's own code: whatever it is, it is told
                self.over.append(activity)
                self.keeper.failed(worker, self.index[activity], problem)
                return None
            finally:
                self.current = before
            self.log.append((worker, type(effect).__name__))
            self.keeper.awaited(effect)
            if isinstance(effect, Sent):
                answer = None
            elif isinstance(effect, COMPUTING):
                unless = getattr(effect, "unless", None)
                if unless is None or not node.inbox[unless]:
                    return self._begin(worker, activity, effect, unless)
                answer = None
            elif isinstance(effect, AllReduceMean):
                self._collective(effect, activity)
                return self._gather(worker, activity, self.keeper.handed(effect.value, "is in an all-reduce"))
            elif isinstance(effect, Receive | ReceiveAny):
                answer = self._taken(worker, activity, effect)
                if answer is None:
                    return None
            else:
                line = of_activity(activity, self.kind)
                self.keeper.broken("contract", f"{effect!r} is awaited, which is not an effect", line)
                return None
        return self._racing(worker, activity)

    def _racing(self, worker: int, activity: Activity) -> None:
        """It awaits nothing but what is there already."""
        line = of_activity(activity, self.kind)
        seen = f"worker {worker} awaited {MOST_READY} times what was there at once, and no time has passed"
        self.over.append(activity)
        self.keeper.failed(worker, self.index[activity], Broken("endless-loop", seen, line and around(line)))

    def _begin(self, worker: int, activity: Activity, effect: Any, unless: Channel | None) -> None:
        if worker in self._computing:
            seen = f"worker {worker} asks for a gradient while another is outstanding"
            self.keeper.broken("one-gradient", seen, of_activity(activity, self.kind))
            return
        if isinstance(effect, MeanGradient):
            self._collective(effect, activity)
        if any(effect is before for before in self._asked.get(worker, ())):
            seen = f"worker {worker} awaits the same Gradient again, whose point is that of when it was made"
            self.keeper.broken("lost-update", seen, of_activity(activity, self.kind))
        self._asked[worker] = (*self._asked.get(worker, ())[-1:], effect)
        if unless is not None:
            self.nodes[worker].used(unless, "unless")
            self._unless[worker] = unless
        self.points[worker].append(self.keeper.handed(effect.at, "is evaluated"))
        self._computing[worker] = activity, effect

    def _collective(self, effect: Any, activity: Activity) -> None:
        if not self.kind.collective:
            seen = f"{type(effect).__name__} is awaited by a class that does not say collective = True"
            self.keeper.broken("collective", seen, of_activity(activity, self.kind))

    def _taken(self, worker: int, activity: Activity, effect: Receive | ReceiveAny) -> Any:
        """What has come, or None for who has to wait."""
        node = self.nodes[worker]
        self.keeper.reading(node, type(effect).__name__, effect.channel, of_activity(activity, self.kind))
        if any(w == worker and e.channel == effect.channel for w, _, e in self.listening):
            seen = f"worker {worker} waits twice at once on channel {effect.channel!r}"
            self.keeper.broken("one-reader", seen, of_activity(activity, self.kind))
        answer = node.take(effect)
        if effect.within is not None:
            self.timed.add(effect.channel)
        if answer is None:
            self.listening.append((worker, activity, effect))
        return answer

    def _settle(self) -> None:
        """Wake those who were told something by their own activities."""
        while self.told:
            self._wake(self.told.pop(0))

    def _break(self, worker: int) -> None:
        """Give up the gradient of a worker, if it is computing one and there is something to give it up for."""
        if worker in self._unless and self.nodes[worker].inbox[self._unless[worker]]:
            del self._unless[worker]
            self.points[worker].pop()
            self._advance(worker, self._computing.pop(worker)[0], None)

    def _wake(self, worker: int) -> None:
        self._break(worker)
        for waiting in [w for w in self.listening if w[0] == worker]:
            answer = self.nodes[worker].take(waiting[2])
            if answer is not None:
                self.listening.remove(waiting)
                self._advance(worker, waiting[1], answer)

    def _gather(self, worker: int, activity: Activity, value: Vector) -> None:
        self._reducing[worker] = activity, value
        if len(self._reducing) == self.n:
            gathered, self._reducing = self._reducing, {}
            mean = self.keeper.handed(
                sum(value for _, value in gathered.values()) / self.n, "is everybody's mean"
            )
            for i, (waiting, _) in gathered.items():
                self._advance(i, waiting, mean)
