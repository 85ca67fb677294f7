"""What was run, in words: sentences from a resolved scenario. Pure functions over plain values.

Every key is looked up with what is missing left out of the sentence, so that a folder whose scenario holds less
still gets a true one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from rfast_bench.analysis.cell_text import cell, human_bytes, wanted
from rfast_bench.plan.swept_values import data_name
from rfast_bench.records.resolved import ships
from rfast_bench.report.content.fault_words import fault_in_words, listed, spoken_seconds

Values = Mapping[str, Any]


OWN_FILES = ("csv", "npz", "text")
"""Kinds of data sets that are a file of the user's own."""


def sentences(scenario: Values, varied: Mapping[str, Sequence[Any]], seeds: Sequence[int]) -> list[str]:
    """Workers and problem, times, network, length and seeds; last what is varied, with its values.

    A key of `varied` is said there and nowhere else: the scenario holds only its first value.
    """
    said = [_workers(scenario, varied), _times(scenario, varied), _network(scenario, varied)]
    said += [_faults(scenario, varied), _length(scenario, varied), _seeds(seeds, scenario)]
    said += [f"Varied: {key} over {listed(map(cell, values))}." for key, values in varied.items()]
    return [sentence for sentence in said if sentence]


def _varies(key: str, varied: Iterable[str]) -> bool:
    """Whether a swept key is this one, above it or below it."""
    return any(f"{own}.".startswith(f"{key}.") or f"{key}.".startswith(f"{own}.") for own in varied)


# ------------------------------------------------------------------------------------- workers and problem
def _workers(scenario: Values, varied: Iterable[str]) -> str:
    count = scenario.get("workers")
    who = "Several workers" if count is None or _varies("workers", varied) else f"{count} workers"
    who += " (real processes)" if scenario.get("world") == "real" else ""
    problem = scenario.get("problem")
    if not problem:
        return "" if who.startswith("Several") else f"{who} take part."
    return f"{who} {_task(problem, varied)}."


def _task(problem: Values, varied: Iterable[str]) -> str:
    if _varies("problem.kind", varied):
        return "solve the problems listed below"
    kind = str(problem.get("kind", "problem"))
    if kind == "quadratic":
        return _quadratic(problem, varied)
    if not ships(kind) or "dataset" not in problem:
        return _own(problem, varied)
    facts = [
        _fact("problem.partition", varied, _partition(problem.get("partition", {}))),
        _fact("problem.batch_size", varied, _batch(problem.get("batch_size"))),
        _fact("problem.l2", varied, f"l2 penalty {cell(problem['l2'])}" if problem.get("l2") else ""),
        _fact("problem.hidden", varied, _hidden(problem)),
        _fact("problem.loss", varied, _loss_of(problem)),
    ]
    varying = any(_varies(f"problem.dataset.{key}", varied) for key in ("kind", "source"))
    on = "data that vary" if varying else _data(problem.get("dataset", {}))
    known = ", ".join(fact for fact in facts if fact)
    name = {"mlp": "a neural network", "torch": _module(problem)}.get(kind, kind.replace("-", " "))
    return f"fit {name} to {on}" + (f" ({known})" if known else "")


def _data(dataset: Values) -> str:
    """The data set's name; of a file of the user's own that of the file."""
    name = data_name(dataset)
    path = dataset.get("path")
    return PurePath(path).name if name in OWN_FILES and isinstance(path, str) else name or "their data"


def _fact(key: str, varied: Iterable[str], words: str) -> str:
    return "" if _varies(key, varied) else words


def _own(problem: Values, varied: Iterable[str]) -> str:
    """Of a class of the user's own: its name and what the scenario sets of it."""
    facts = [
        _fact(f"problem.{key}", varied, f"{key} {value}") for key, value in problem.items() if key != "kind"
    ]
    known = ", ".join(fact for fact in facts if fact)
    return f"minimise {str(problem.get('kind')).rpartition(':')[2]}" + (f" ({known})" if known else "")


def _quadratic(problem: Values, varied: Iterable[str]) -> str:
    names = {
        "dim": "dimensions",
        "condition": "condition number",
        "heterogeneity": "heterogeneity",
        "noise": "noise",
    }
    facts = [
        _fact(f"problem.{key}", varied, f"{words} {cell(problem[key])}")
        for key, words in names.items()
        if key in problem
    ]
    known = ", ".join(fact for fact in facts if fact)
    return "minimise a sum of quadratics" + (f" ({known})" if known else "")


def _partition(partition: Values) -> str:
    kind = partition.get("kind")
    if kind == "dirichlet":
        return f"shards from a Dirichlet distribution, alpha {cell(partition.get('alpha'))}"
    if kind == "shards":
        return f"{partition.get('per_worker')} label-sorted pieces a worker"
    if kind == "quantity":
        return f"shards of sizes from a Dirichlet distribution, alpha {cell(partition.get('alpha'))}"
    if kind == "classes":
        return f"samples of {partition.get('per_worker')} classes a worker"
    plain = {
        "by-label": "shards sorted by label",
        "iid": "shuffled shards of equal make-up",
        "sizes": "shuffled shards of given sizes",
        "by-column": "each owner's samples on a worker of their own",
        "file": "shards listed in a file",
    }
    return plain.get(str(kind), "")


def _batch(size: Any) -> str:
    return "" if size is None else "full gradients" if size == "full" else f"batches of {size}"


def _module(problem: Values) -> str:
    """`the module Net of net.py`, or `the network lenet`."""
    file, _, name = str(problem.get("model", "of torch")).rpartition(":")
    return f"the module {name} of {PurePath(file).name}" if file else f"the network {name}"


def _loss_of(problem: Values) -> str:
    loss = str(problem.get("loss", "")).rpartition(":")[2]
    return "" if loss in ("", "cross-entropy") else f"loss {loss}"


def _hidden(problem: Values) -> str:
    widths = problem.get("hidden")
    return f"hidden layers of {listed(map(str, widths))}" if widths else ""


# --------------------------------------------------------------------------------------- times and network
def _times(scenario: Values, varied: Iterable[str]) -> str:
    compute = scenario.get("compute")
    said = []
    if compute and not _varies("compute", varied):
        said.append(f"A gradient takes {_compute(compute)}")
    if not _varies("stragglers", varied) and "stragglers" in scenario:
        slow = [_straggler(straggler) for straggler in scenario["stragglers"]]
        said.append(listed(slow) if slow else "no worker is slower than the others")
    return f"{_upper('; '.join(said))}." if said else ""


def _compute(compute: Any) -> str:
    """Of a list too: what its first says stands for all that say the same."""
    if isinstance(compute, list):
        each = list(dict.fromkeys(map(_compute, compute)))
        return each[0] if len(each) == 1 else f"times of each worker's own: {listed(each)}"
    device = f", each worker's of a {compute['by']} of its own" if compute.get("by") else ""
    samples = compute.get("samples")
    fixed = f", {spoken_seconds(compute['fixed'])} of it whatever the batch" if compute.get("fixed") else ""
    return distribution(compute) + device + (f" for {samples} samples{fixed}" if samples else "")


def distribution(values: Values) -> str:
    """`100 ms on average (lognormal, σ 0.2)`, or `100 ms, always`."""
    kind, mean = values.get("kind"), values.get("mean")
    if kind == "empirical" and mean is None:
        return "measured times"
    if mean is None:
        return "an unknown time"
    if kind == "constant":
        return f"{spoken_seconds(mean)}, always"
    shapes = {"sigma": "σ", "shape": "shape", "alpha": "α"}
    shape = next((f", {words} {cell(values[key])}" for key, words in shapes.items() if key in values), "")
    return f"{spoken_seconds(mean)} on average ({kind}{shape})"


def _straggler(straggler: Values) -> str:
    worker = straggler.get("worker")
    workers = worker if isinstance(worker, list) else [worker]
    who = f"worker {workers[0]} is" if len(workers) == 1 else f"workers {listed(map(str, workers))} are"
    how = f"{who} {cell(straggler.get('slowdown'))} times slower"
    if straggler.get("kind") == "periodic":
        return f"{how} for {spoken_seconds(straggler['duration'])} in every {spoken_seconds(straggler['period'])}"
    if straggler.get("kind") == "random":
        return f"{how} in random phases of {spoken_seconds(straggler['mean_slow'])} on average"
    return f"{how} all the time"


def _network(scenario: Values, varied: Iterable[str]) -> str:
    network = scenario.get("network")
    if not network or scenario.get("world") == "real":
        return ""
    facts = [
        _fact("network.latency", varied, _latency(network.get("latency"))),
        _fact("network.bandwidth", varied, _bandwidth(network.get("bandwidth"))),
        _fact("network.receive_bandwidth", varied, _inlet(network.get("receive_bandwidth"))),
        _fact("network.loss", varied, _loss(network.get("loss") or {})),
        _fact("network.retransmit_timeout", varied, _retransmission(network.get("retransmit_timeout"))),
        _fact("network.message_bytes", varied, _weight(network.get("message_bytes"))),
        f"{len(network['links'])} links of their own kind" if network.get("links") else "",
    ]
    known = [fact for fact in facts if fact]
    return f"Network: {'; '.join(known)}." if known else ""


def _latency(values: Values | None) -> str:
    return "" if values is None else f"latency {distribution(values)}"


def _bandwidth(value: float | None) -> str:
    if value is None:
        return "bandwidth without limit"
    return f"{human_bytes(8 * value).replace('B', 'bit')}/s out of each worker"


def _inlet(value: float | None) -> str:
    return "" if value is None else f"{human_bytes(8 * value).replace('B', 'bit')}/s into each"


def _loss(loss: Values) -> str:
    if loss.get("kind") == "gilbert-elliott":
        bad, good = loss["good_to_bad"], loss["bad_to_good"]
        if not good:
            return "messages lost in bursts that do not end"
        share = (bad * loss["loss_bad"] + good * loss["loss_good"]) / (bad + good)
        return f"{cell(100 * share)} % of messages lost, in bursts of {cell(1 / good)} messages on average"
    share = loss.get("probability") or 0.0
    if loss.get("kind") == "bursty" and share:
        return (
            f"{cell(100 * share)} % of messages lost, in bursts of {cell(loss['burst'])} messages on average"
        )
    return f"{cell(100 * share)} % of messages lost" if share else "no message lost"


def _retransmission(timeout: float | None) -> str:
    return "" if timeout is None else f"a lost reliable message is sent again after {spoken_seconds(timeout)}"


def _weight(size: float | None) -> str:
    return "" if size is None else f"a model weighs {human_bytes(size)} on the network"


# ------------------------------------------------------------------------------------- faults, length, seeds
def _faults(scenario: Values, varied: Iterable[str]) -> str:
    faults = scenario.get("faults")
    if not faults or _varies("faults", varied):
        return ""
    workers = scenario.get("workers")
    return f"{_upper(listed(fault_in_words(fault, workers) for fault in faults))}."


def _length(scenario: Values, varied: Iterable[str]) -> str:
    stop = scenario.get("stop")
    if not stop or _varies("stop", varied):
        return ""
    clock = "" if scenario.get("world") == "real" else " of simulated time"
    ends = [f"after {spoken_seconds(stop['time'])}{clock}"] if stop.get("time") else []
    ends += [f"after {stop['iterations']} iterations a worker"] if stop.get("iterations") else []
    ends += [f"after {cell(stop['epochs'])} epochs"] if stop.get("epochs") else []
    ends += [f"at {one}" for one in wanted(stop.get("target") or {})]
    return f"A run ends {' or '.join(ends)}{', whichever comes first' if len(ends) > 1 else ''}."


def _seeds(seeds: Sequence[int], scenario: Values) -> str:
    if not seeds:
        return ""
    if len(seeds) == 1:
        return f"One repetition, seed {seeds[0]}."
    run = list(seeds) == list(range(seeds[0], seeds[-1] + 1))
    which = f"{seeds[0]} to {seeds[-1]}" if run and len(seeds) > 2 else listed(map(str, seeds))
    fair = (
        ""
        if scenario.get("world") == "real"
        else "; in each, all algorithms meet the same compute times and losses"
    )
    return f"{len(seeds)} repetitions (seeds {which}){fair}."


def _upper(words: str) -> str:
    return words[:1].upper() + words[1:]
