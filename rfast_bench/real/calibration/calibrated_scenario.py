"""Writes the simulated counterpart of a scenario: the same file with measured compute times and links."""

from __future__ import annotations

import math
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from rfast_bench.conditions.randomness.seeds import stream
from rfast_bench.errors import UserError
from rfast_bench.files import write_text
from rfast_bench.plan.runs import Point, with_parameters
from rfast_bench.real.calibration.fits import Times
from rfast_bench.real.calibration.measure import Measured, Say, measure
from rfast_bench.real.world import LATEST
from rfast_bench.scenario.reading import assign, parse_override, read_yaml, validate
from rfast_bench.scenario.schema import Scenario
from rfast_bench.scenario.sections.compute import times_of
from rfast_bench.scenario.sections.network import LinkOverride, NetworkSpec
from rfast_bench.scenario.sections.timing import Constant, Distribution
from rfast_bench.scenario.values.units import with_digits

SET = (
    *("world", "system", "workers", "problem", "compute"),
    *("network.latency", "network.bandwidth", "network.links"),
)
"""What a sweep must leave alone: calibration sets it, or measures with it."""
PATHS = ("path", "system", "w", "a", "edges", "w_matrix", "a_matrix")
"""Keys whose values are paths, relative to the scenario's folder."""
FINEST = 1e-7
"""Seconds: times are written with so much precision, and none of a link is smaller."""


def calibrate(
    source: Path, overrides: tuple[str, ...], out: Path, seconds: float, say: Say, profile: Path | None = None
) -> Path:
    """Measure a scenario on this machine and write its counterpart to `out`, with its times in a CSV beside it.

    What was measured goes into a `profile` too (see `rfast_bench.scenario.systems`). Returns the path of the CSV of the
    counterpart. Raises UserError.
    """
    raw = read_yaml(source)
    for text in overrides:
        raw = assign(raw, *parse_override(text))
    folder = source.resolve().parent
    scenario = with_parameters(validate(Scenario, raw, str(source), folder), str(source), folder)
    _check(scenario, source, out)
    if profile is not None:
        _check_place("--profile", profile, (source, out))
    measured = measure(Point({}, scenario, folder, str(source)), seconds, say)
    times = out.with_suffix(".csv")
    network, columns = network_of(scenario, measured, times.name)
    compute, drawn = compute_of(scenario, measured, times.name)
    new = counterpart(rebased(raw, folder, out.resolve().parent), scenario.name, compute, network)
    text = head(scenario, measured, seconds) + as_yaml(new)
    write_text(times, table({**drawn, **columns}))
    write_text(out, text)
    if profile is not None:
        write_profile(profile, scenario, measured, seconds)
    for line in measured.plain():
        say(line)
    if measured.void:
        say(_void(measured))
    return times


def _check(scenario: Scenario, source: Path, out: Path) -> None:
    swept = [key for key in scenario.sweep if any(f"{key}.".startswith(f"{name}.") for name in SET)]
    if swept:
        raise UserError(
            f"{source}: sweep.{swept[0]}: calibration measures one value of it; choose it with --set, and "
            "--set sweep={} to leave out the sweep"
        )
    _check_place("-o", out, (source,))


def _check_place(option: str, out: Path, taken: tuple[Path, ...]) -> None:
    if out.resolve() in [path.resolve() for path in taken] or out.suffix not in (".yaml", ".yml"):
        others = " and ".join(("the scenario itself", "that of -o")[: len(taken)])
        raise UserError(f"{option} {out}: needs another .yaml file than {others}")
    if not out.parent.is_dir():
        raise UserError(f"{option} {out}: there is no folder {out.parent}")


# --------------------------------------------------------------------------------------------- the scenario
def counterpart(raw: dict[str, Any], name: str, compute: Any, network: dict[str, Any]) -> dict[str, Any]:
    """The scenario with its world, compute times and links exchanged; all else, and the order, stays.

    A matrix of injected latencies or bandwidths stays too: what this machine adds to it is not in it.
    """
    new: dict[str, Any] = {"name": f"{name}-calibrated", "world": "simulated"}
    new |= {key: value for key, value in raw.items() if key not in new}
    new["compute"] = compute
    own = raw.get("network") or {}
    measured = {key: value for key, value in network.items() if f"{key}_matrix" not in own}
    return new | {"network": {**own, **measured}}


def rebased(raw: Any, source: Path, target: Path, key: str = "") -> Any:
    """The same mapping with relative paths seen from another folder."""
    if isinstance(raw, dict):
        return {k: rebased(v, source, target, str(k)) for k, v in raw.items()}
    if isinstance(raw, list):
        return [rebased(v, source, target, key) for v in raw]
    plugged = key in ("name", "kind") and isinstance(raw, str) and ".py:" in raw
    if isinstance(raw, str) and (key in PATHS or plugged) and not Path(raw).expanduser().is_absolute():
        file, colon, rest = raw.partition(":") if plugged else (raw, "", "")
        if (source / file).exists():
            return os.path.relpath(source / file, target) + colon + rest
    return raw


def compute_of(scenario: Scenario, measured: Measured, file: str) -> tuple[Any, dict[str, Times]]:
    """What `compute` says in the counterpart, and the columns of `file` that it names: one a worker where workers
    have times of their own. What an iteration costs beside its gradient is in `fixed`: no batch changes it."""

    def said(column: str, worker: int) -> dict[str, Any]:
        one = _empirical(file, column)
        if measured.samples is None:
            return one
        fixed = (times_of(scenario.compute, worker).fixed or 0.0) + max(0.0, measured.overhead)
        return {**one, "samples": measured.samples, "fixed": float(f"{fixed:.4g}")}

    if not measured.own:
        return said("compute", 0), {"compute": measured.compute}
    columns = {f"compute_{worker}": times for worker, times in enumerate(measured.own)}
    return [said(column, worker) for worker, column in enumerate(columns)], columns


def network_of(scenario: Scenario, measured: Measured, file: str) -> tuple[dict[str, Any], dict[str, Times]]:
    """What `network` says in the counterpart, and the columns of `file` that it names.

    The real world holds a message back until its injected latency is over; meanwhile it travels. So the longer
    of both counts, and the narrower bandwidth; so for the hops of a collective, whose links are taken as all alike.
    """
    network = scenario.network
    wide = (network.message_bytes or measured.model_bytes) / measured.model_bytes  # measured with true sizes
    columns = {"latency": _longer(network.latency, measured.latencies, scenario.first_seed)}
    new: dict[str, Any] = {"latency": _empirical(file, "latency")}
    new |= _bandwidth(network.bandwidth, measured.message.bandwidth * wide)
    links = []
    for k, link in enumerate(network.links):
        column = f"latency_{k}"
        if link.latency is not None:
            columns[column] = _longer(link.latency, measured.latencies, scenario.first_seed)
        links.append(_link(link, measured.message.bandwidth * wide, _empirical(file, column)))
    if links:
        new["links"] = links
    new["collective"], hop = _hops(network, measured, scenario.first_seed, file)
    new["collective"] |= _bandwidth(network.bandwidth, measured.hop.bandwidth * wide)
    return new, columns | hop


def _hops(
    network: NetworkSpec, measured: Measured, seed: int, file: str
) -> tuple[dict[str, Any], dict[str, Times]]:
    """What a hop of an all-reduce takes and how often it is lost, and the column that it names."""
    lost = {} if network.loss == NetworkSpec().loss else {"loss": network.loss.model_dump(mode="json")}
    own = measured.hop.latency
    if isinstance(network.latency, Constant):
        return {"latency": float(f"{max(own, network.latency.mean):.4g}"), **lost}, {}
    column = _longer(network.latency, np.full(len(measured.latencies), own), seed)
    return {"latency": _empirical(file, "latency_hop"), **lost}, {"latency_hop": column}


def _link(link: LinkOverride, bandwidth: float, latency: dict[str, Any]) -> dict[str, Any]:
    own = link.model_dump(mode="json", by_alias=True, exclude_none=True)
    own |= {"latency": latency} if link.latency is not None else {}
    return own | (_bandwidth(link.bandwidth, bandwidth) if link.bandwidth is not None else {})


def _bandwidth(injected: float | None, measured: float) -> dict[str, float]:
    narrow = min(injected or math.inf, measured)
    return {} if math.isinf(narrow) else {"bandwidth": float(f"{narrow:.4g}")}


def _longer(injected: Distribution, measured: Times, seed: int) -> Times:
    if isinstance(injected, Constant):
        return np.maximum(measured, injected.mean)
    return np.maximum(measured, injected.draw(stream(seed, "calibration-latency"), len(measured)))


def _empirical(file: str, column: str) -> dict[str, Any]:
    return {"kind": "empirical", "path": file, "column": column}


# ------------------------------------------------------------------------------------------------- the files
def as_yaml(new: dict[str, Any]) -> str:
    """A key a line, and what is innermost in one line, as a person would write it."""
    return yaml.safe_dump(new, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None)


def table(columns: dict[str, Times]) -> str:
    """Columns of equal length as CSV; a shorter one is filled up with draws from itself."""
    rows = max(map(len, columns.values()))
    rng = stream(0, "calibration-table")
    filled = {
        name: values if len(values) == rows else values[rng.integers(len(values), size=rows)]
        for name, values in columns.items()
    }
    frame = pd.DataFrame(filled).clip(lower=FINEST)
    return frame.to_csv(index=False, float_format="%.7f", lineterminator="\n")


def write_profile(path: Path, scenario: Scenario, measured: Measured, seconds: float) -> None:
    """The measured times as a system profile for other problems, beside it their CSV; nothing that was injected."""
    times = path.with_suffix(".csv")
    bare = scenario.model_copy(update={"network": NetworkSpec()})
    network, columns = network_of(bare, measured, times.name)
    compute, drawn = compute_of(scenario, measured, times.name)
    today = datetime.now(UTC).date().isoformat()
    source = f"measured {today} by rfast-bench calibrate, under the load of '{scenario.name}'"
    cores = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    profile = {
        "description": f"{cores}, {scenario.workers} workers, as in '{scenario.name}'",
        "workers": scenario.workers,
        "compute": compute,
        "network": {**network, "message_bytes": measured.model_bytes},
        "sources": dict.fromkeys(("workers", "compute", "network"), source),
    }
    write_text(times, table({**drawn, **columns}))
    rest = "Nothing that the scenario injects into its network is in it."
    write_text(path, head(scenario, measured, seconds, "System profile", rest) + as_yaml(profile))


def head(
    scenario: Scenario,
    measured: Measured,
    seconds: float,
    what: str = "Simulated counterpart",
    rest: str = "Everything else is as it was.",
) -> str:
    """The comment at the head of the file: what was measured, when and on what; `rest` is of what was not."""
    kind = f"{scenario.real.compute} compute times"
    today = datetime.now(UTC).date().isoformat()
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    lines = [
        f"{what} of '{scenario.name}': {scenario.workers} workers, {kind}.",
        f"Measured {today} for {seconds:g} s on {machine}, with all workers at once:",
        *(f"  {line}" for line in measured.plain()),
        f"Compute times include what an iteration costs beside its gradient. {rest}",
    ]
    if measured.void:
        lines.append(_void(measured))
    return "".join(f"# {line}\n" for line in lines)


def _void(measured: Measured) -> str:
    return (
        f"VOID: gradients were late by {with_digits(100 * measured.late, 100 * LATEST, 2)} % of their compute time "
        f"(at most {100 * LATEST:g} %): too much work for this machine"
    )
