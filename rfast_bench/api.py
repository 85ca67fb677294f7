"""The contract between an algorithm and the world that runs it. Read this file first.

An algorithm is a class with one object per worker. Its activities are coroutines (`async def`, but no
asyncio): whatever takes time is an *effect*, a small value that the coroutine awaits and a driver carries
out, under a simulated clock or on real processes. Everything between two awaits is atomic.

Rules for algorithm files
 1. State that outlives an await lives on `self`, under the paper's letter; a table heads the file.
 2. Rebind arrays, never update them in place, except one just made that nobody else has seen: payloads travel by
    reference.
 3. Only + - * / on arrays, so that one file runs on NumPy arrays, torch tensors and plain floats.
 4. What happens next never depends on array values: gradients may be evaluated late and in batches.
 5. Loops are `while True`: budgets, stopping, logging and evaluation belong to the driver.
 6. Randomness comes only from `node.rng`.

Messages made smaller for the way, by rounding or by leaving out, are in `rfast_bench.smaller`.

Words: an edge `j -> i` carries messages from j to i. `M[i, j]` is the weight of the edge `j -> i`.
A worker's row of W holds the weights with which it mixes what it hears; its column of A holds the shares
in which it splits what it gives away.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Coroutine, Generator, Hashable, Iterable, Mapping, Sequence
from random import Random
from typing import Annotated, Any, ClassVar, Generic, Literal, Protocol, TypeVar

from annotated_types import Gt, Lt

Vector = Any
"""A model-shaped value: NumPy array or torch tensor of shape (d,), or a plain float."""

Channel = Hashable
Activity = Coroutine["Effect[Any]", Any, None]
StepSize = Annotated[float, Gt(0)]
Buckets = Annotated[int | str, "pieces of a vector: how many, or the size of one such as 25 MB"]
"""A scenario gives a whole number from 1 on, or a size with its unit. A piece is never smaller than a coordinate."""
Needs = Literal["pair", "trees", "undirected", "bipartite", "nothing"]
Family = Literal["synchronous", "asynchronous", "tracking"]
OwnShareW = Annotated[float, Gt(0), Lt(1), "w_ii of a worker that has in-neighbours in G(W)"]
OwnShareA = Annotated[float, Gt(0), Lt(1), "a_ii of a worker that has out-neighbours in G(A)"]
"""Parameters that are put into the W and A of a directed pair before a run, the other weights being scaled to the rest;
`node` then shows them. Maybe None: the topology's weights as they are."""

T_co = TypeVar("T_co", covariant=True)


# ---------------------------------------------------------------------------------- effects: time passes
class Effect(Generic[T_co]):
    """Something that takes time. Awaiting it hands it to the driver; the answer has type `T_co`."""

    __slots__ = ()

    def __await__(self) -> Generator[Effect[T_co], T_co, T_co]:
        return (yield self)


class Gradient(Effect[Vector]):
    """A stochastic gradient of the worker's own objective `f_i` at the frozen point `at`.

    The mini-batch is drawn when the gradient is asked for. One may be outstanding per worker. With `unless` it is
    given up, and the answer is None, as soon as anything lies unread on that channel: the time spent is wasted.
    """

    __slots__ = ("at", "unless")

    def __init__(self, at: Vector, unless: Channel | None = None) -> None:
        self.at = at
        self.unless = unless


def _check_seconds(within: object) -> None:
    """Raises TypeError or ValueError for a bound that is no number of seconds."""
    if isinstance(within, bool) or not isinstance(within, int | float):
        raise TypeError(f"within is {within!r}; expected a number of seconds")
    if not 0 <= within < float("inf"):
        raise ValueError(f"within is {within}; expected a number of seconds, 0 or more")


class Receive(Effect[Mapping[int, Any]]):
    """One message from each of `senders` on `channel`, each sender's in the order it sent them.

    With `within`, seconds of the world's clock, the answer is None when they have not all come by then; what has come
    is there for the next one.
    """

    __slots__ = ("channel", "senders", "within")

    def __init__(self, channel: Channel, senders: Sequence[int], within: float | None = None) -> None:
        if not hasattr(senders, "__len__"):
            raise TypeError(f"Receive: senders is {senders!r}; expected a list of workers, such as [0]")
        if within is not None:
            _check_seconds(within)
        self.channel = channel
        self.senders = senders
        self.within = within


class ReceiveAny(Effect[tuple[int, Any]]):
    """The next message to come in on `channel`, whoever sent it: (sender, payload); None when nothing has come
    `within` so many seconds."""

    __slots__ = ("channel", "within")

    def __init__(self, channel: Channel, within: float | None = None) -> None:
        if within is not None:
            _check_seconds(within)
        self.channel = channel
        self.within = within


class Sent(Effect[None]):
    """Ends when all that this worker has handed over so far has left its own link, on its way to the receivers."""

    __slots__ = ()


class AllReduceMean(Effect[Vector]):
    """The mean of `value` over all workers; ends when every worker has asked. For a `collective` algorithm."""

    __slots__ = ("value",)

    def __init__(self, value: Vector) -> None:
        self.value = value


class MeanGradient(Effect[Vector]):
    """The mean over all workers of the gradients that each asked for at its own frozen point, summed up in `buckets`
    while the backward pass still computes the rest. For a `collective` algorithm.

    Of K buckets of equal size the k-th is ready after the share f + (1 - f) k / K of the compute time, with f the
    `forward_share`. One bucket is a `Gradient` and then an `AllReduceMean`.
    """

    __slots__ = ("at", "buckets", "forward_share")

    def __init__(self, at: Vector, buckets: Buckets, forward_share: float) -> None:
        self.at = at
        self.buckets = buckets
        self.forward_share = forward_share


# ------------------------------------------------------------------------------- the worker's own view
class Node(Protocol):
    """Who and where a worker is, and its letter box. Nothing here takes time.

    A channel is used in one way only: posted and read with `newest`; or sent and taken with `Receive`;
    or sent and taken with `ReceiveAny` and `drain`.
    """

    @property
    def id(self) -> int:
        """This worker, 0 .. n-1."""

    @property
    def n(self) -> int:
        """How many workers there are."""

    @property
    def rng(self) -> Random:
        """This worker's own randomness; the same for every algorithm."""

    @property
    def W(self) -> Mapping[int, float]:
        """Row i of W: `{j: w_ij}` for i itself and its in-neighbours. Sums to 1."""

    @property
    def A(self) -> Mapping[int, float]:
        """Column i of A: `{j: a_ji}` for i itself and its out-neighbours. Sums to 1."""

    @property
    def in_W(self) -> Sequence[int]:
        """In-neighbours in G(W), ascending. In an undirected graph: all neighbours."""

    @property
    def out_W(self) -> Sequence[int]:
        """Out-neighbours in G(W), ascending."""

    @property
    def in_A(self) -> Sequence[int]:
        """In-neighbours in G(A), ascending."""

    @property
    def out_A(self) -> Sequence[int]:
        """Out-neighbours in G(A), ascending."""

    @property
    def changes(self) -> int:
        """How often the six above have changed: where the scenario has a `silence_timeout`, a neighbour that
        was silent for so long is left out and the weights are renormalised, until it is heard again. Only for an
        `elastic` algorithm; posts are what counts as being heard in both worlds."""

    @property
    def side(self) -> int:
        """0 or 1, the worker's side of a bipartite graph (worker 0 is on side 0); else 0."""

    def send(self, to: int, channel: Channel, payload: Any, reliable: bool = True) -> None:
        """Queue a message, in order. A lost packet costs time, never the message (unless not `reliable`)."""

    def tell(self, channel: Channel, payload: Any) -> None:
        """Leave a payload for this worker's own activities, as if it had sent it to itself: at once and for nothing.
        Taken with `ReceiveAny` and `drain`, or noticed by a gradient's `unless`."""

    def post(self, to: int, channel: Channel, payload: Any) -> None:
        """Best effort, newest wins: may be lost; one that comes after a newer one is dropped."""

    def newest(self, sender: int, channel: Channel, default: Any) -> Any:
        """The newest payload that `sender` posted and that has arrived; `default` before the first."""

    def drain(self, channel: Channel) -> Iterable[tuple[int, Any]]:
        """Take every message that has arrived on `channel`: (sender, payload), oldest first."""


class Algorithm(ABC):
    """One worker's part of a method. Built by the world as `Class(x0, **parameters)`, one object a worker.

    The keyword parameters of `__init__` are what a scenario may set; their annotations are checked.
    """

    needs: ClassVar[Needs] = "nothing"
    """The graph it runs on: a directed pair (W, A), one of two spanning trees with the same root (out of it in G(W),
    towards it in G(A)), an undirected graph, a bipartite one, or none."""

    default_topology: ClassVar[str | None] = None
    """The named kind taken when the scenario names none."""

    family: ClassVar[Family | None] = None
    """Where lists put it; None: by `synchronous`."""

    synchronous: ClassVar[bool] = False
    """True when all workers pass through common rounds: a budget of iterations is then each worker's own."""

    collective: ClassVar[bool] = False
    """True when it awaits `AllReduceMean` or `MeanGradient`: real workers then form a group, which on GPUs takes one
    GPU a worker."""

    elastic: ClassVar[bool] = False
    """True when it goes on without a worker that died and takes one in that comes back (see `Node.changes`)."""

    descends: ClassVar[Literal["kept", "whole"]] = "kept"
    """What a worker of a pair steps along: the share a_ii of the tracked mass that it keeps, or the whole of it."""

    step_size: float

    @abstractmethod
    def activities(self, node: Node) -> Iterable[Activity]:
        """This worker's coroutines, started together at time 0."""

    @property
    @abstractmethod
    def model(self) -> Vector:
        """The model this worker would report now, shape (d,)."""

    @classmethod
    def flaw(cls, n: int, parameters: Mapping[str, Any]) -> str:
        """Why it cannot run on n workers with these parameters, in a sentence for its user; empty when it can."""
        return ""

    @classmethod
    def residual(cls, workers: Sequence[Any]) -> Vector | None:
        """What the method's own invariant over all workers leaves (0 when it holds); None if it has none."""
        return None

    @classmethod
    def judged(cls, n: int, parameters: Mapping[str, Any]) -> Sequence[int]:
        """The workers whose models' mean is the method's answer, which losses and gaps are of: by default all. A
        server's is `[parameters["pivot"]]`; a mean over time is what `model` gives back. While none of them is there,
        it is the mean of those that are."""
        return range(n)

    @classmethod
    def computes(cls, n: int, parameters: Mapping[str, Any]) -> Sequence[int]:
        """The workers that ask for gradients; by default all. The data are dealt to these, so that a server leaves no
        shard out."""
        return range(n)

    @classmethod
    def effective_step(cls, step_size: float, topology_factor: float) -> float:
        """Nominal step of the mean model per round, near consensus.

        `topology_factor` of a pair: `n Σ ψ_i a_ii π_i` where the class `descends` along what is kept,
        `n Σ ψ_i π_i` along the whole; nan without ψ or π. Without a graph it is n. A class whose own takes a third
        argument, `parameters`, is given all its parameters by name, e.g. for a momentum that it has.
        """
        return step_size

    @classmethod
    def messages(cls, out_W: int, out_A: int) -> int | None:
        """Model-sized messages that a worker with so many out-neighbours posts in an iteration; None: not said."""
        return None

    @classmethod
    def vectors(cls, edges_w: float, edges_a: float) -> float:
        """Model-sized arrays a worker holds, with what it sent and is unread; by mean edges a worker of W and A."""
        return 4 + 2 * (edges_w + edges_a)
