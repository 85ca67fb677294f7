"""Whether a method keeps the rules of the contract: every rule is tried, and what breaks one is told with a mend."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from rfast_bench.api import Algorithm
from rfast_bench.breaches.watchdog import Endless
from rfast_bench.conformance import contract_rules, mathematics, miniature, sharing
from rfast_bench.conformance.notes import Finding
from rfast_bench.conformance.trials import Method

__all__ = ["Finding", "check"]

Trial = Callable[[Method], None]
FIRST: tuple[Trial, ...] = (contract_rules.text, contract_rules.built, contract_rules.guarded)
THEN: tuple[Trial, ...] = (
    *(sharing.chance, sharing.shared, sharing.lost_updates, contract_rules.numbers, contract_rules.decisions),
    *(mathematics.finite, mathematics.mixing, mathematics.invariant, mathematics.rest, mathematics.kept),
    *(contract_rules.repeated, contract_rules.talks),
)


def check(
    kind: type[Algorithm], parameters: Mapping[str, Any] | None = None, name: str = "", processes: bool = True
) -> list[Finding]:
    """Every rule that a class breaks with these parameters, each once at its line; none when it keeps all.

    With its `name`, as a scenario would have it, also in both worlds in miniature; of these the real one is left out
    unless `processes` may be started.
    """
    method = Method(kind, parameters or {})
    with contract_rules.dropped(method), method.watchdog:
        for trials in (FIRST, THEN):
            for trial in trials:
                _tried(trial, method)
                if method.notes.has("endless-loop"):
                    break
            if method.notes.fatal:
                break
        if name and not method.notes:
            _tried(partial(miniature.simulated, name=name), method)
        if name and processes and not method.notes:
            _tried(partial(miniature.real, name=name), method)
    return list(method.notes.findings.values())


def _tried(trial: Trial, method: Method) -> None:
    try:
        with np.errstate(all="ignore"):
            trial(method)
    except Endless:
        world = method.notes.world
        found = method.watchdog.broken(world.current[0] if world and world.current else 0)
        method.notes.add("endless-loop", found.seen, found.line)
    finally:
        method.notes.world = None
