"""Each rule of the contract in a sentence, and how a break of it is mended. See `docs/writing-your-own.md`."""

from __future__ import annotations

from dataclasses import dataclass

PAGE = "docs/writing-your-own.md"


@dataclass(frozen=True)
class Rule:
    """One rule; `name` is its heading on the page."""

    name: str
    says: str
    mend: str
    where: str = PAGE

    @property
    def page(self) -> str:
        return f"{self.where}#{self.name}" if self.where == PAGE else self.where


_ALL = (
    Rule(
        "await",
        "Nothing happens, and no time passes, without an await: an effect or a coroutine of one's own that is not "
        "awaited does nothing.",
        "Write `await` before it.",
    ),
    Rule(
        "endless-loop",
        "Time passes only at an await: a loop that awaits nothing never ends, for no message can come in it.",
        "Fall back to a default, or `send` and `await Receive`.",
    ),
    Rule(
        "deadlock",
        "Somebody must be able to go on: a worker that waits needs a message that somebody sends.",
        "Send before the first Receive, and receive on the channel and from the senders that are sent to.",
    ),
    Rule(
        "one-gradient",
        "One gradient may be outstanding per worker.",
        "Ask for the next one when this one is there, in one activity alone.",
    ),
    Rule(
        "one-reader",
        "One activity of a worker waits on a channel at a time.",
        "Give each activity a channel of its own, and list each activity once.",
    ),
    Rule(
        "channels",
        "A channel is used in one way only: posted and read with newest; or sent and taken with Receive; or sent and "
        "taken with ReceiveAny and drain.",
        "Give each use a channel of its own.",
    ),
    Rule(
        "neighbours",
        "Messages go to neighbours in the graph that `needs` names (`out_W`, `out_A`), never to oneself.",
        'Talk to neighbours, or set `needs = "nothing"`; `node.tell` is for the worker\'s own activities.',
    ),
    Rule(
        "payloads",
        "A payload is a vector, a number, a word, None, or a tuple of these: only such travel between processes.",
        "Send a tuple, e.g. `(self.x, self.k)`.",
    ),
    Rule(
        "collective",
        "Who awaits AllReduceMean or MeanGradient says so, for real workers form a group first.",
        "Set `collective = True` in the class.",
    ),
    Rule(
        "in-place",
        "Arrays that were handed over, evaluated or received are never changed in place: they are others' too.",
        "Make a new array, `x = x + g` in place of `x += g`.",
    ),
    Rule(
        "arithmetic",
        "Only + - * / on values, so that one file runs on NumPy arrays, torch tensors and plain floats.",
        "Write it with + - * /, or do it in the problem or the worker's own optimizer.",
    ),
    Rule(
        "values",
        "What happens next never depends on values: gradients may be evaluated late and in batches.",
        "Decide by counts or `node.rng`.",
    ),
    Rule(
        "lost-update",
        "What was read before an await is old after it: another activity may have changed it meanwhile.",
        "Await first, then read and write, e.g. `g = await Gradient(self.x)` and `self.x = self.x - γ * g`.",
    ),
    Rule(
        "step-size",
        "A schedule sets `self.step_size` between gradients: a step reads it anew.",
        "Keep it as `self.step_size`, and read it where the step is taken.",
    ),
    Rule(
        "randomness",
        "Randomness comes only from `node.rng`, and time only from effects.",
        "Use `node.rng`; count rounds in place of seconds.",
    ),
    Rule(
        "shared-state",
        "Workers share nothing: what one knows of another came in a message.",
        "Keep state on `self`, made in `__init__`.",
    ),
    Rule(
        "state",
        "State that outlives an await lives on `self`: `model` must give what the worker has learnt.",
        "Store it, `self.x = ...`.",
    ),
    Rule(
        "endings",
        "Loops are `while True`: budgets, stopping, logging and evaluation belong to the driver.",
        "Write `while True:`.",
    ),
    Rule(
        "mixing",
        "Weights of a mixture sum to 1: where all models are equal and gradients are 0 nothing may move.",
        "Take `node.W[node.id]` of the own model and `node.W[j]` of each in-neighbour's, or normalise.",
    ),
    Rule(
        "mass",
        "What is given away arrives once, whatever is lost, late or overtaken: once gradients are 0 all comes to rest.",
        "Book what is given at every step, as running sums or by reliable sends; take shares that sum to 1 (`node.A`).",
    ),
    Rule(
        "invariant",
        "`residual`, what is left of the method's own invariant, is 0 but for rounding at every look.",
        "Book every change of what it sums up; call `settle` where `node.changes` has changed; a subclass that tracks "
        "something else states its own `residual`, or one that gives None.",
    ),
    Rule(
        "finite",
        "Finite gradients give finite models.",
        "Look for a division by a weight or a count that can be 0.",
    ),
    Rule(
        "any-graph",
        "It runs on every graph that `needs` allows: on one worker, and where a worker has no in- or out-neighbours.",
        "Loop over `node.in_W`, `node.out_W`, `node.in_A`, `node.out_A`; `flaw` says what it cannot run on.",
    ),
    Rule(
        "repeatable",
        "The same seed gives the same run.",
        "Do not go through sets of arrays or of objects, and do not use `id` or `hash`.",
    ),
    Rule(
        "silence",
        "Workers that never send to each other train each for itself.",
        "Post or send to the out-neighbours.",
    ),
    Rule(
        "idle-data",
        "A worker that never asks for a gradient leaves its shard out: nobody trains on its samples.",
        "Let every worker compute, or say in the write-up that it is a server.",
    ),
    Rule(
        "exceptions",
        "No exception leaves an activity.",
        "Mend what it says; `rfast-bench run --verbose` gives the whole stack.",
    ),
    Rule(
        "contract",
        "An activity awaits effects of `rfast_bench.api` and nothing else.",
        "See the head of `rfast_bench/api.py`.",
    ),
)
RULES = {rule.name: rule for rule in _ALL}
