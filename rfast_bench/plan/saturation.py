"""Links that are asked for more than they carry: what one iteration of a worker sends takes longer than its gradient.

Only for an algorithm that says what it sends (`Algorithm.messages`) and waits for nobody: its posts then replace each
other on the link, and what is read grows old. Of one that waits the rounds take longer, which tables show.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rfast_bench.plan.runs import Point, Run
from rfast_bench.plan.swept_values import named, short_names
from rfast_bench.scenario.sections.compute import own_mean
from rfast_bench.scenario.values.units import apart
from rfast_bench.topology.topology import Topology


@dataclass(frozen=True)
class Saturated:
    """The busiest link of a run, and how many workers have too narrow a one. Seconds; bytes a second."""

    messages: int
    link: float
    gradient: float
    workers: int
    fits: int
    """How many messages would take no longer than the gradient."""
    enough: float
    """The bandwidth at which these messages would."""
    inlet: bool = False
    """Whether receiving takes time too."""

    @property
    def words(self) -> str:
        fewer = (
            f"{self.fits} would fit (fewer out-edges, or one peer an iteration)"
            if self.fits
            else "Not one fits"
        )
        inlet = (
            "; what its receivers' inlets bear is not counted (network.receive_bandwidth)"
            if self.inlet
            else ""
        )
        link, gradient = apart(1000 * self.link, 1000 * self.gradient)
        return (
            f"the {self.messages} messages that a worker sends in an iteration take {link} ms of its "
            f"link, a gradient {gradient} ms (so for {self.workers} of the workers). They do not fit: "
            f"posts replace each other before they leave, and what is read grows old. {fewer}; all "
            f"would on a link of {8e-9 * self.enough:.3g} Gbit/s{inlet}"
        )


def saturated(run: Run, topology: Topology, model_bytes: float) -> Saturated | None:
    """The worst link where some are; None where all bear it, or where that is not known.

    `model_bytes`: of a model as messages carry it, unless `network.message_bytes` says otherwise.
    """
    scenario, kind = run.scenario, run.algorithm_class
    if not _known(run):
        return None
    size, batch = scenario.network.message_bytes or model_bytes, getattr(scenario.problem, "batch_size", None)
    samples = batch if isinstance(batch, int) else None
    found = []
    for i in range(topology.n):
        receivers = [*topology.out_W(i), *topology.out_A(i)]
        messages = kind.messages(len(topology.out_W(i)), len(topology.out_A(i)))
        if not receivers or not messages:
            continue
        one = sum(size / scenario.network.link(i, j).bandwidth for j in receivers) / len(receivers)
        gradient = own_mean(scenario.compute, i, samples)
        if messages * one > gradient:
            enough = size * messages / gradient
            found.append(Saturated(messages, messages * one, gradient, 0, int(gradient / one), enough))
    worst = max(found, key=lambda one: one.link / one.gradient, default=None)
    inlet = scenario.network.receive_bandwidth is not None
    return None if worst is None else replace(worst, workers=len(found), inlet=inlet)


def _known(run: Run) -> bool:
    """Whether its algorithm says what it sends and waits for nobody, and a gradient's time is known beforehand."""
    scenario, kind = run.scenario, run.algorithm_class
    measured = scenario.world == "real" and scenario.real.compute != "emulated"
    return not (kind.synchronous or measured or kind.messages(1, 1) is None)


def cautions(runs: Sequence[Run], model_bytes: Callable[[Run], float]) -> list[str]:
    """One for each reported algorithm and point with such a link."""
    found: dict[tuple[str, str], str] = {}
    for run in runs:
        key = str(run.algorithm.label), run.point.slug
        if run.point.purpose == "report" and key not in found and _known(run):
            worst = saturated(run, run.build_topology(), model_bytes(run))
            found[key] = "" if worst is None else f"{run.algorithm.label}{_at(run.point)}: {worst.words}"
    return [text for text in found.values() if text]


def _at(point: Point) -> str:
    names, values = short_names(point.values), named(point.values)
    return " at " + ", ".join(f"{names[key]} = {value}" for key, value in values.items()) if values else ""
