"""What a driver refuses of a worker: two things at once of which there is one."""

from __future__ import annotations

from rfast_bench.api import Channel
from rfast_bench.breaches.broken import Broken
from rfast_bench.breaches.lines import of_activity
from rfast_bench.sim.halts.seen import Seen


def one_gradient(worker: Seen) -> Broken:
    """It asked for a gradient while another is outstanding."""
    asker = getattr(worker.activity, "activity", worker.activity)  # of a mean gradient
    line = of_activity(asker, type(worker.algorithm))
    by = "" if line is None else f", which was asked for at {line}"
    return Broken(
        "one-gradient", f"worker {worker.number} asked for a gradient while another is outstanding{by}"
    )


def one_reader(worker: Seen, channel: Channel) -> Broken:
    """It waits on a channel on which it waits already."""
    waiter = worker.node.inboxes[channel].waiter
    line = of_activity(getattr(waiter, "activity", None), type(worker.algorithm))
    by = "" if line is None else f", the other time at {line}"
    return Broken("one-reader", f"worker {worker.number} waits twice at once on channel {channel!r}{by}")
