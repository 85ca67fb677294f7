"""What is measured, and of whose model: the gap of the workers' mean model, of the worst worker's own, of worker 3's.

A number has one name everywhere, in scenarios, records and tables: `gap` of the mean model, `gap_worst`,
`gap_median`, `gap_worker_3` of the workers' own.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator

from rfast_bench.errors import suggest

Metric = Literal["loss", "gap", "accuracy"]
METRICS: tuple[str, ...] = get_args(Metric)
ALLOWED = "mean, worst, median, or worker and a number"


def _whose(value: object) -> object:
    """`worker 3`, however it is spaced; others as they are, if they are known."""
    if not isinstance(value, str):
        raise ValueError(f"whose model? one of {ALLOWED}, such as 'worker 0'")
    text = " ".join(value.lower().split())
    if text in ("mean", "worst", "median") or re.fullmatch(r"worker \d{1,9}", text):
        return text
    raise ValueError(f"'{value}' is nobody's model; allowed: {ALLOWED}, such as 'worker 0'")


Whose = Annotated[str, BeforeValidator(_whose)]
"""`mean`: the workers' mean model; `worst`, `median`: of their own models; `worker 3`: of that one."""


def number(metric: str, of: str = "mean") -> str:
    """The name of a metric of somebody's model."""
    return metric if of == "mean" else f"{metric}_{of.replace(' ', '_')}"


def metric_of(name: str) -> str:
    """The metric of a number's name."""
    return name.partition("_")[0]


def worker_of(name: str) -> int | None:
    """The worker whose model it is of, if it is of one."""
    found = re.match(r"[a-z]+_worker_(\d+)", name)
    return int(found[1]) if found else None


def of_workers(name: str) -> bool:
    """Whether it is of the workers' own models together: the worst or the median."""
    return name.partition("_")[2].startswith(("worst", "median"))


def larger_is_better(name: str) -> bool:
    """Of accuracies; losses and gaps are better when they are smaller."""
    return metric_of(name) == "accuracy"


def words(name: str) -> str:
    """`worst gap 0.1` of `gap_worst_0.1`, `gap 0.1 of worker 3` of `gap_worker_3_0.1`, `gap 0.1` of `gap_0.1`."""
    metric, _, rest = name.partition("_")
    if rest.startswith(("worst", "median")):
        of, _, value = rest.partition("_")
        return " ".join(filter(None, (of, metric, value)))
    if rest.startswith("worker_"):
        _, worker, value = (*rest.split("_", 2), "")[:3]
        return " ".join(filter(None, (metric, value, f"of worker {worker}")))
    return f"{metric} {rest}".strip()


def known(name: str) -> str:
    """The same name. Raises ValueError when nothing is called so."""
    metric, _, rest = name.partition("_")
    if metric in METRICS and (
        not rest or rest in ("worst", "median") or worker_of(f"{metric}_{rest}") is not None
    ):
        return name
    raise ValueError(f"no metric '{name}'{suggest(name, METRICS)}")


def spread(values: Any) -> Any:
    """A mapping of metrics, with `of` for whom, as one of numbers' names: `{gap: 0.1, of: [mean, worst]}` becomes
    `{gap: 0.1, gap_worst: 0.1}`; anything else as it is."""
    if not isinstance(values, dict):
        return values
    given = values.get("of", "mean")
    whom = [_whose(one) for one in (given if isinstance(given, list | tuple) else [given])]
    if not whom or len(set(whom)) < len(whom):
        raise ValueError("of: each once, and one at least")
    metrics = {known(str(metric)): value for metric, value in values.items() if metric != "of"}
    if given != "mean" and (odd := [m for m in metrics if m not in METRICS]):
        raise ValueError(f"'{odd[0]}' says already of whom; leave out 'of'")
    return {number(metric, str(one)): value for metric, value in metrics.items() for one in whom}
