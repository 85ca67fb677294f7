"""What a swept key is called where people read it: `slowdown of worker 0`, not `stragglers.0.slowdown`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rfast_bench.errors import UserError
from rfast_bench.records.reading import DAMAGED, Run
from rfast_bench.records.resolved import read_resolved
from rfast_bench.records.writing import SCENARIO

WORDS: Mapping[str, str] = {
    "workers": "number of workers",
    "world": "world",
    "system": "system",
    "compute": "compute time",
    "problem": "problem",
    "problem.kind": "kind of problem",
    "problem.dataset": "data set",
    "problem.dataset.kind": "data set",
    "problem.partition": "partition of the samples",
    "problem.partition.kind": "partition of the samples",
    "problem.partition.alpha": "Dirichlet alpha",
    "problem.batch_size": "batch size",
    "problem.l2": "l2 penalty",
    "problem.condition": "condition number",
    "problem.dim": "dimensions",
    "network": "network",
    "network.bandwidth": "bandwidth",
    "network.receive_bandwidth": "bandwidth of the inlet",
    "network.latency": "latency",
    "network.loss": "share of messages lost",
    "network.loss.kind": "kind of loss",
    "network.loss.probability": "share of messages lost",
    "network.retransmit_timeout": "retransmission time-out",
    "stragglers": "stragglers",
    "faults": "faults",
    "faults.random.rate": "faults per worker and second",
    "faults.random.kinds": "kinds of faults",
    "faults.random.lasts": "length of a fault",
    "optimizer": "optimizer",
    "optimizer.momentum": "momentum",
    "optimizer.weight_decay": "weight decay",
    "schedule": "schedule",
    "stop.time": "time until the stop",
    "stop.epochs": "epochs until the stop",
    "allow_unsound": "unsound topologies allowed",
}


def key_words(runs: Sequence[Run], keys: Sequence[str]) -> dict[str, str]:
    """Each swept key in words; of two that would be called alike, each with its section.

    Which worker a straggler is, is read in the resolved scenario of the first run that has one.
    """
    needed = any(re.match(r"(stragglers|algorithms)\.\d+\.", key) for key in keys)
    scenario = _scenario(runs) if needed else {}
    said = {key: _words(key, scenario) for key in keys}
    return {
        key: words if list(said.values()).count(words) == 1 else f"{words} ({_plain(key.split('.'))})"
        for key, words in said.items()
    }


def _scenario(runs: Sequence[Run]) -> Mapping[str, Any]:
    for run in runs:
        if run.status != DAMAGED:
            try:
                return read_resolved(run.folder / SCENARIO)
            except UserError:  # it says less then; `report` tells what is wrong with the file
                return {}
    return {}


def _words(key: str, scenario: Mapping[str, Any]) -> str:
    if key in WORDS:
        return WORDS[key]
    section, *rest = key.split(".")
    if section == "stragglers" and len(rest) > 1 and rest[0].isdigit():
        return f"{_plain(rest[1:])} of {_straggler(int(rest[0]), scenario)}"
    if section == "algorithms" and len(rest) > 1:
        return f"{_plain(rest[-1:])} of {_label('.'.join(rest[:-1]), scenario)}"
    return f"{_plain(rest[-1:])} ({_plain([section, *rest[:-1]])})" if rest else _plain([section])


def _plain(parts: Sequence[str]) -> str:
    return " ".join(parts).replace("_", " ")


def _entry(entries: Any, at: int) -> Mapping[str, Any]:
    known = isinstance(entries, list) and at < len(entries) and isinstance(entries[at], Mapping)
    return entries[at] if known else {}


def _straggler(at: int, scenario: Mapping[str, Any]) -> str:
    who = _entry(scenario.get("stragglers"), at).get("worker")
    if isinstance(who, int):
        return f"worker {who}"
    if isinstance(who, list) and who:
        return f"workers {', '.join(map(str, who))}" if len(who) <= 4 else f"{len(who)} workers"
    return f"straggler {at}"


def _label(name: str, scenario: Mapping[str, Any]) -> str:
    if not name.isdigit():
        return name
    entry = _entry(scenario.get("algorithms"), int(name))
    return str(entry.get("label") or entry.get("name") or f"algorithm {name}")
