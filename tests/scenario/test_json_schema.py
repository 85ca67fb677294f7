"""The JSON Schema of scenarios: it takes what the readers take, and refuses what they refuse for its form."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pint
import pytest
import yaml

from rfast_bench.errors import UserError
from rfast_bench.plan import registry
from rfast_bench.plan.runs import load_points, plan
from rfast_bench.plan.scenario_schema import WORDS, scenario_schema
from rfast_bench.scenario import shipped
from rfast_bench.scenario.reading import assign
from rfast_bench.scenario.values import forms
from tests.support.command_line import call

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
SCHEMA = scenario_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
WHOLE = """
name: whole
workers: 4
problem: {kind: quadratic}
compute: 1 s
algorithms: [{name: r-fast, step_size: 0.1}]
stop: {time: 1 s}
evaluate: {every: 1 s}
"""


def plain(text: str) -> Any:
    """What a file says, as JSON has it: keys are words."""
    return json.loads(json.dumps(yaml.safe_load(text)))


def wrong(scenario: Any) -> list[str]:
    """What the schema says against it."""
    return [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(scenario)]


def read(scenario: Any, tmp_path: Path) -> bool:
    """Whether the readers take it."""
    try:
        file = tmp_path / "scenario.yaml"
        file.write_text(yaml.safe_dump(scenario), encoding="utf-8")
        plan(load_points(file))
    except UserError:
        return False
    return True


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for reference in re.findall(r'"\$ref": "#/\$defs/([^"]+)"', json.dumps(SCHEMA)):
        assert reference in SCHEMA["$defs"]


@pytest.mark.parametrize("name", shipped.names())
def test_every_shipped_scenario_keeps_it(name: str) -> None:
    assert not wrong(plain(shipped.find(name).read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_example_keeps_it(path: Path) -> None:
    assert not wrong(plain(path.read_text(encoding="utf-8")))


# ------------------------------------------------------------------------------------------------- what is taken
TAKEN = {
    "units": "compute: 20 ms\nstop: {time: 2 min}\nnetwork: {bandwidth: 10 Gbit/s, message_bytes: 64 KiB}",
    "numbers": "compute: 0.02\nnetwork: {bandwidth: 1.25e8, message_bytes: 4096, loss: 0.1}",
    "numbers that YAML takes for words": "compute: 1e-3\nnetwork: {loss: 1e-1}\nseeds: '2'",
    "words for truths": "allow_unsound: 'yes'\ncheckpoint: 1",
    "a list of compute times": "compute: [90 ms, 0.1, {kind: gamma, mean: 1, shape: 2}, {kind: constant, mean: 1}]",
    "a system": "system: resnet50-8x-10gbe\nworkers: 8\ncompute: {samples: 32}\nnetwork: {loss: 0.1}",
    "bare kinds": "problem: {kind: mlp, dataset: wine, partition: by-label}",
    "shares": "problem: {kind: mlp, partition: {kind: sizes, sizes: [0.25, 0.25, 0.25, 0.25]}, batch_size: full}",
    "stragglers": "stragglers: [{worker: 0, slowdown: 2}, {worker: [1, 2], slowdown: 2, kind: random, mean_slow: 1, "
    "mean_normal: 1 s}]",
    "links by either name": "network: {links: [{from: 0, to: 1, loss: 0.5}, {sender: 1, receiver: 0, latency: 1}]}",
    "bursts": "network: {latency: 1 ms, loss: {kind: bursty, probability: 0.1}}",
    "faults": "network: {silence_timeout: 1 s}\nfaults: [{worker: 0, down: 1, up: 2 s}, {kind: link, links: [[0, 1]], "
    "down: 1}]",
    "random faults": "network: {silence_timeout: 1 s}\nfaults: {random: {rate: 1 / 500 s, lasts: 1 s}}",
    "drops": "schedule: {drops: {10: 0.1, 20: 0.1}}",
    "drops as pairs": "schedule: {drops: [[10, 0.1]], warmup: 1}",
    "a schedule in seconds": "schedule: {by: time, cosine: 20 s}",
    "a schedule in a word": "schedule: constant",
    "optimizer": "optimizer: {momentum: 0.9, nesterov: true, clip: null}",
    "evaluation": "evaluate: {every: 0.5 epochs, targets: {loss: [1, 2], loss_worst: 1, of: mean}, workers: [0, 1]}",
    "an evaluation in seconds": "evaluate: {every: 1, targets: {gap: 0.1, of: [mean, worker 3]}, workers: all}",
    "a sweep of a list": "sweep: {network.loss: [0, 0.1], algorithms.r-fast.step_size: [0.1, 0.2]}\n"
    "algorithms: [{name: r-fast}]",
    "a sweep of names": "sweep: {problem: {easy: {kind: quadratic}, hard: {kind: quadratic, condition: 100}}}",
    "tuning": "tune: {objective: {time_to: {loss: 0.5}, of: worst}, parameters: {step_size: {from: 0.1, factor: 2, "
    "count: 3}}}\nalgorithms: [r-fast, {name: d-psgd, topology: {tune: [ring, complete]}}]",
    "tuning of an entry": "tune: {objective: {final: loss}}\nalgorithms: [{name: r-fast, step_size: {tune: [1, 2]}, "
    "optimizer: {momentum: {tune: [0, 0.9]}}}]",
    "effective steps": "algorithms: [{name: r-fast, step_size: {effective: 0.1}, topology: {kind: line, root: 1}}]",
    "buckets": "algorithms: [{name: ring-allreduce, step_size: 1, buckets: 25 MB}]",
    "an entry as recorded": "algorithms: [{name: r-fast, label: x, parameters: {step_size: 0.1}}]",
}


@pytest.mark.parametrize("text", TAKEN.values(), ids=TAKEN)
def test_what_readers_take_is_taken(text: str, tmp_path: Path) -> None:
    scenario = plain(WHOLE) | plain(text)
    assert read(scenario, tmp_path), "the example itself"
    assert not wrong(scenario)


# ----------------------------------------------------------------------------------------------- what is refused
SPOILT = {
    "an unknown key": ("networks", {}),
    "an unknown key inside": ("network.los", 0.1),
    "an unknown key of a kind": ("problem.hidden", [3]),
    "an unknown key of a fault": ("faults", [{"worker": 0, "down": 1, "links": [[0, 1]]}]),
    "an unknown parameter": ("algorithms", [{"name": "r-fast", "step_size": 1, "tau": 2}]),
    "an unknown algorithm": ("algorithms", [{"name": "r-fats", "step_size": 1}]),
    "an unknown graph": ("algorithms", [{"name": "r-fast", "step_size": 1, "topology": "tree"}]),
    "an unknown kind": ("problem", {"kind": "cubic"}),
    "an unknown word": ("world", "imagined"),
    "a missing kind": ("problem", {"dim": 3}),
    "a missing kind of a time": ("compute", {"mean": 1}),
    "a missing key of a kind": ("compute", {"kind": "gamma", "mean": 1}),
    "a bare kind that needs more": ("problem", {"kind": "mlp", "dataset": "csv"}),
    "a missing step": ("algorithms", [{"name": "r-fast"}]),
    "no algorithm": ("algorithms", []),
    "no stop": ("stop", {}),
    "a target alone": ("stop", {"target": {"loss": 1}}),
    "two grids": ("evaluate.every", {"seconds": 1, "epochs": 1}),
    "another unit": ("stop.time", "10 MB"),
    "no unit at all": ("compute", "20 zebras"),
    "a size in seconds": ("network.message_bytes", "3 s"),
    "a negative time": ("network.latency", "-1 ms"),
    "no workers": ("workers", 0),
    "half a worker": ("workers", 2.5),
    "a word for a number": ("seeds", "many"),
    "a truth for a number": ("seeds", True),
    "a number for a word": ("name", 3),
    "a list for a mapping": ("network", []),
    "nothing for a mapping": ("network", None),
    "a probability above 1": ("network.loss", 1.5),
    "samples of a latency": ("network.latency", {"kind": "constant", "mean": 1, "samples": 3}),
    "a range with half its keys": (
        "tune",
        {"objective": {"final": "loss"}, "parameters": {"step_size": {"from": 1}}},
    ),
    "two objectives": ("tune", {"objective": {"final": "loss", "time_to": {"gap": 1}}}),
    "an empty sweep": ("sweep", {"network.loss": []}),
    "a gap of nobody": ("evaluate.targets", {"gap": 0.1, "of": "best"}),
    "a gap below 0": ("evaluate.targets", {"gap": -1}),
    "a metric that is none": ("evaluate.targets", {"gain": 1}),
    "a schedule that is none": ("schedule", "linear"),
    "an optimizer by name": ("optimizer", "adam"),
}


@pytest.mark.parametrize(("key", "value"), SPOILT.values(), ids=SPOILT)
def test_what_readers_refuse_is_refused(key: str, value: Any, tmp_path: Path) -> None:
    scenario = assign(plain(WHOLE), key, value)
    assert not read(scenario, tmp_path), "the example itself"
    assert wrong(scenario)


@pytest.mark.parametrize("key", sorted(plain(WHOLE)))
def test_a_missing_key_is_refused(key: str, tmp_path: Path) -> None:
    scenario = {name: value for name, value in plain(WHOLE).items() if name != key}
    assert not read(scenario, tmp_path)
    assert wrong(scenario)


# ----------------------------------------------------------------------------------------------------- sentences
def keys(form: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Every key that a schema knows of, and its form."""
    if isinstance(form, dict):
        if form.get("type") == "object":
            for name, inner in form.get("properties", {}).items():
                yield f"{place}.{name}", inner
        for name, inner in form.items():
            if name != "if":  # which only looks
                yield from keys(inner, f"{place}/{name}")
    elif isinstance(form, list):
        for k, inner in enumerate(form):
            yield from keys(inner, f"{place}/{k}")


def test_no_key_lacks_a_sentence() -> None:
    found = list(keys(SCHEMA, ""))
    found += [(f".{name}", form) for name, form in SCHEMA["properties"].items()]
    assert len(found) > 300
    for place, form in found:
        if form is False:
            continue  # a key that may not be there
        assert re.search(r"\w.*[.)]$", form.get("description", "")), f"{place}: {form}"


def test_the_parameters_of_shipped_algorithms_have_sentences_of_their_own() -> None:
    named = {
        key for name in registry.names() for key in registry.parameters(registry.find(name)).model_fields
    }
    assert named == set(WORDS)


# --------------------------------------------------------------------------------------------------------- units
@pytest.mark.parametrize(("pattern", "base"), [(forms.TIME, "second"), (forms.SIZE, "byte")])
def test_the_units_that_pint_knows_are_known(pattern: str, base: str) -> None:
    """Those that a person writes: of times the ones of clocks and calendars, of sizes bytes and bits, with prefixes."""
    registry_: pint.UnitRegistry[float] = pint.UnitRegistry()
    named = {
        "second": "s second seconds ms millisecond us µs ns min minutes h hr hours d days week fortnight month year",
        "byte": "B byte bytes kB KiB MB MiB GB GiB TB kilobyte megabytes bit bits kbit Mbit Gbit octet",
    }[base]
    for unit in named.split():
        assert registry_.Quantity(f"1 {unit}").is_compatible_with(base)
        assert re.search(forms.quantity(pattern), f"1.5 {unit}"), unit
        assert re.search(forms.quantity(pattern), f"2e-3{unit}"), unit
    assert not re.search(forms.quantity(pattern), "1 metre")


# ------------------------------------------------------------------------------------------------------- command
def test_the_command_prints_it_and_writes_it(tmp_path: Path) -> None:
    printed = call("schema")
    assert printed.exit_code == 0
    assert json.loads(printed.output) == json.loads(json.dumps(SCHEMA))
    written = call("schema", "-o", str(tmp_path / "s.json"))
    assert written.exit_code == 0
    assert (tmp_path / "s.json").read_text(encoding="utf-8") == printed.output
    refused = call("schema", "-o", str(tmp_path / "nowhere" / "s.json"))
    assert refused.exit_code == 2
    assert "cannot write" in refused.output
