"""The values that are to be reached: what each metric's may be, wherever a scenario gives one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import InitErrorDetails

from rfast_bench.errors import suggest
from rfast_bench.scenario.values.base import NO_NUMBER, Where, mistake, together
from rfast_bench.scenario.values.forms import NUMBER, POSITIVE, Form, text
from rfast_bench.scenario.values.metrics import METRICS, OF, WHOSE, known, metric_of, number, whose
from rfast_bench.scenario.values.wording import said

Loss = Annotated[float, Field(allow_inf_nan=False)]
Gap = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Accuracy = Annotated[float, Field(allow_inf_nan=False)]
"""Of the metric that a problem has; `no_share` where it is the share of samples that are told rightly."""
_VALUES: Mapping[str, TypeAdapter[float]] = {
    "loss": TypeAdapter(Loss),
    "gap": TypeAdapter(Gap),
    "accuracy": TypeAdapter(Accuracy),
}
_OWN = r"_(?:worst|median|worker[ _]0*[0-9]{1,9})$"
_LEVELS: Form = {"anyOf": [{"type": "number"}, text(NUMBER)]}
_ABOVE: Form = {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, text(POSITIVE)]}


def _one_or_more(form: Form, what: str) -> Form:
    return {"anyOf": [*form["anyOf"], {"type": "array", "items": form, "minItems": 1}], "description": what}


TARGETS_FORM: Form = {
    "title": "Targets",
    "description": "Values to reach, by metric, and by whose models.",
    "type": "object",
    "properties": {
        "loss": _one_or_more(_LEVELS, "The loss is at most this; one value or a list."),
        "gap": _one_or_more(_ABOVE, "The loss is at most this above its optimum; one value or a list."),
        "accuracy": _one_or_more(_LEVELS, "The accuracy is at least this; one value or a list."),
        "of": {
            "anyOf": [*WHOSE["anyOf"], {"type": "array", "items": WHOSE, "minItems": 1}],
            "default": "mean",
            "description": "Whose model is to reach them: the workers' mean model, or their own; one or a list.",
        },
    },
    "patternProperties": {
        rf"^(?:loss|accuracy){_OWN}": _one_or_more(_LEVELS, "The same of workers' own models."),
        rf"^gap{_OWN}": _one_or_more(_ABOVE, "The same of workers' own models."),
    },
    "additionalProperties": False,
    "dependentSchemas": {"of": {"minProperties": 2}},
}
"""What `read_targets` reads."""
TARGET_FORM: Form = {
    "title": "OneTarget",
    "description": "One value to reach; `of` stands beside it.",
    "type": "object",
    "properties": {
        "loss": {**_LEVELS, "description": "The loss is at most this."},
        "gap": {**_ABOVE, "description": "The loss is at most this above its optimum."},
        "accuracy": {**_LEVELS, "description": "The accuracy is at least this."},
    },
    "additionalProperties": False,
    "minProperties": 1,
    "maxProperties": 1,
}
"""What `read_target` reads."""
NO_TARGET = f"needs at least one of {', '.join(METRICS)}"


def read_targets(targets: Any) -> Any:
    """A mapping of metrics to values, with `of` for whom, as one of numbers' names: `{gap: 0.1, of: [mean, worst]}`
    becomes `{gap: (0.1,), gap_worst: (0.1,)}`; anything else as it is. Raises ValidationError."""
    if not isinstance(targets, dict):
        return targets
    metrics = {metric: values for metric, values in targets.items() if metric != OF}
    if OF in targets and not metrics:
        raise ValueError(NO_TARGET)
    wrong = [found for metric, values in metrics.items() for found in _wrong_values(metric, values)]
    if not wrong and targets.get(OF, "mean") != "mean":
        wrong = [
            mistake((m,), f"'{m}' says already of whom; leave out 'of'", targets[m])
            for m in metrics
            if m not in METRICS
        ]
    whom, nobody = _whom(targets.get(OF, "mean"))
    if wrong or nobody:
        raise together([*wrong, *nobody])
    found: dict[str, tuple[float, ...]] = {}
    for metric, values in metrics.items():
        for name in (number(known(str(metric)), of) for of in whom):
            if name in found:
                raise together([mistake((str(metric),), f"{name} comes twice", values)])
            found[name] = tuple(map(float, _listed(values)))
    return found


def _listed(values: Any) -> list[Any]:
    return list(values) if isinstance(values, list | tuple) else [values]


def _whom(given: Any) -> tuple[list[str], list[InitErrorDetails]]:
    """Whose models, and what is wrong of it."""
    found, wrong = [], []
    for k, one in enumerate(_listed(given)):
        try:
            found.append(whose(one))
        except ValueError as problem:
            wrong.append(mistake((OF, k) if isinstance(given, list | tuple) else (OF,), str(problem), one))
    if not wrong and len(set(found)) < max(1, len(found)):
        wrong.append(mistake((OF,), "each once, and one at least", given))
    return found, wrong


def _wrong_values(name: object, values: Any) -> Iterator[InitErrorDetails]:
    """What is wrong of the values to reach of one metric."""
    try:
        metric = metric_of(known(str(name)))
    except ValueError as problem:
        yield mistake((), str(problem), {})
        return
    if isinstance(values, list | tuple) and not values:
        yield mistake((str(name),), "there is no value to reach", values)
    for k, value in enumerate(_listed(values)):
        yield from wrong_value(
            metric, value, (str(name), k) if isinstance(values, list | tuple) else (str(name),)
        )


def wrong_value(metric: str, value: Any, where: Where) -> list[InitErrorDetails]:
    """Why it cannot be reached of a metric, if it cannot."""
    if isinstance(value, bool):
        return [mistake(where, NO_NUMBER, value)]
    try:
        _VALUES[metric].validate_python(value)
    except ValidationError as problem:
        return [mistake(where, said(error), value) for error in problem.errors(include_url=False)]
    return []


def read_target(target: Any) -> Any:
    """A mapping of one metric to its value. Raises ValidationError."""
    if not isinstance(target, dict):
        return target
    if OF in target:
        raise ValueError("'of' stands beside time_to, not in it: {time_to: {gap: 0.03}, of: worst}")
    wrong = []
    for metric, value in target.items():
        if metric in METRICS:
            wrong += wrong_value(metric, value, (metric,))
        else:
            wrong.append(mistake((), f"no metric '{metric}'{suggest(str(metric), METRICS)}", {}))
    if wrong:
        raise together(wrong)
    return target


def no_share(value: float, where: Where) -> list[InitErrorDetails]:
    """Why it is no accuracy that is a share, if it is none."""
    if 0 < value <= 1:
        return []
    return [mistake(where, "an accuracy is a share: above 0, at most 1", value)]
