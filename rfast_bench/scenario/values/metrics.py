"""What is measured, and of whose model: the gap of the workers' mean model, of the worst worker's own, of worker 3's.

A number has one name everywhere, in scenarios, records and tables: `gap` of the mean model, `gap_worst`,
`gap_median`, `gap_worker_3` of the workers' own.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, StringConstraints

from rfast_bench.errors import suggest
from rfast_bench.scenario.values.forms import Form, instead, text

Metric = Literal["loss", "gap", "accuracy"]
METRICS: tuple[str, ...] = get_args(Metric)
OF = "of"
"""The key that says whose model."""
ALLOWED = "mean, worst, median, or worker and a number"
_WORKER = r"worker[ _]0*([0-9]{1,9})"
"""`worker 3`, also `worker 03`; as a part of a number's name with `_`."""


def whose(value: object) -> str:
    """`worker 3`, however it is written; others as they are, if they are known. Raises ValueError."""
    if not isinstance(value, str):
        raise ValueError(f"whose model? one of {ALLOWED}, such as 'worker 0'")
    text = " ".join(value.lower().split())
    if text in ("mean", "worst", "median"):
        return text
    if found := re.fullmatch(_WORKER, text):
        return f"worker {found[1]}"
    raise ValueError(f"'{value}' is nobody's model; allowed: {ALLOWED}, such as 'worker 0'")


WHOSE: Form = {
    "anyOf": [
        {"enum": ["mean", "worst", "median"]},
        text(
            r"^\s*(?:[mM][eE][aA][nN]|[wW][oO][rR][sS][tT]|[mM][eE][dD][iI][aA][nN]|"
            r"[wW][oO][rR][kK][eE][rR](?:\s+|_)[0-9]{1,12})\s*$",
            "worker 0",
        ),
    ]
}
"""Its form in JSON Schema, where the case of letters can only be left open so."""
Whose = Annotated[str, BeforeValidator(whose), instead(WHOSE)]
"""`mean`: the workers' mean model; `worst`, `median`: of their own models; `worker 3`: of that one."""


Named = Annotated[
    str, StringConstraints(pattern=r"^(loss|gap|accuracy)(_worst|_median|_worker_[0-9]{1,9})?$")
]
"""The name of a metric of somebody's model, as `number` makes it."""


def number(metric: str, of: str = "mean") -> str:
    """The name of a metric of somebody's model."""
    return metric if of == "mean" else f"{metric}_{of.replace(' ', '_')}"


def metric_of(name: str) -> str:
    """The metric of a number's name."""
    return name.partition("_")[0]


def worker_of(name: str) -> int | None:
    """The worker whose model it is of, if it is of one."""
    found = re.match(r"[a-z]+_worker_([0-9]+)", name)
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
    """The name of a number as it is written everywhere. Raises ValueError when nothing is called so."""
    metric, _, rest = name.partition("_")
    if metric in METRICS and (not rest or rest in ("worst", "median")):
        return name
    if metric in METRICS and (worker := re.fullmatch(_WORKER, rest)):
        return number(metric, f"worker {worker[1]}")
    raise ValueError(f"no metric '{name}'{suggest(name, (*METRICS, OF))}")
