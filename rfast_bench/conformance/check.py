"""Whether a method keeps the rules of the contract: every rule is tried, and what breaks one is told with a mend."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from rfast_bench.api import Algorithm
from rfast_bench.breaches.watchdog import Endless
from rfast_bench.conformance import chance, contract_rules, hearing, mathematics, sharing
from rfast_bench.conformance.notes import Finding
from rfast_bench.conformance.trials import Method
from rfast_bench.scenario.user_files.modules import MISTAKES

__all__ = ["Finding", "check"]

Trial = Callable[[Method], None]
FIRST: tuple[Trial, ...] = (
    *(contract_rules.text, contract_rules.built, chance.written, sharing.shared, contract_rules.guarded),
)
THEN: tuple[Trial, ...] = (
    *(chance.chance, sharing.lost_updates, contract_rules.numbers, contract_rules.decisions),
    *(mathematics.finite, mathematics.mixing, mathematics.invariant, mathematics.rest, mathematics.kept),
    *(contract_rules.repeated, contract_rules.talks, contract_rules.scheduled, hearing.handed, hearing.heard),
)


LOOK: tuple[Trial, ...] = (
    *(contract_rules.text, chance.written, sharing.shared, contract_rules.guarded, chance.chance),
    *(sharing.lost_updates, mathematics.finite, mathematics.mixing, mathematics.invariant, hearing.heard),
)


def check(
    kind: type[Algorithm], parameters: Mapping[str, Any] | None = None, more: Sequence[Trial] = ()
) -> list[Finding]:
    """Every rule that a class breaks with these parameters, each once at its line; none when it keeps all.

    `more`: what is to be tried of a method that keeps all of them so far.
    """
    method = Method(kind, parameters or {})
    with contract_rules.dropped(method), method.watchdog:
        _all(FIRST, method)
        if not method.notes.fatal:
            _all(THEN, method)
        for trial in more:
            if not method.notes:
                _tried(trial, method)
    return list(method.notes.findings.values())


def look(kind: type[Algorithm], parameters: Mapping[str, Any]) -> list[Finding]:
    """What is wrong of a class as far as a second shows: with few workers, on its own graph."""
    method = Method(kind, parameters, quick=True)
    with contract_rules.dropped(method), method.watchdog:
        _all(LOOK, method)
    return [found for found in method.notes.findings.values() if not found.caution]


def _all(trials: Sequence[Trial], method: Method) -> None:
    for trial in trials:
        if not method.notes.has("endless-loop"):
            _tried(trial, method)


def _tried(trial: Trial, method: Method) -> None:
    try:
        with np.errstate(all="ignore"):
            trial(method)
    except Endless:
        world = method.notes.world
        found = method.watchdog.broken(world.current[0] if world and world.current else 0)
        method.notes.add("endless-loop", found.seen, found.line)
    except MISTAKES as problem:  # of what is done with a value of the method's
        method.notes.unusable(problem)
    finally:
        method.notes.world = None
