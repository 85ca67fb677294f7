"""Golden traces: four workers on a tiny quadratic, with latency, losses and a straggler, to the digit.

They catch what no theorem does: a draw taken from another stream, a message counted twice, an event that
moved. A difference must be understood before anything else is done about it; only then are the files written
anew, by `REGENERATE_GOLDEN=1 pytest tests/algorithms/test_golden.py`, and the reason goes into the commit message. (New
versions of NumPy may draw other numbers from the same seed: then every trace differs, from its first rows.)
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.handmade import make_run, simulate_run

FOLDER = Path(__file__).parent / "golden"
ALGORITHMS: dict[str, dict[str, Any]] = {
    "r-fast": {"step_size": 0.05, "topology": "binary-tree"},
    "r-fast-ring": {"name": "r-fast", "step_size": 0.2, "topology": "directed-ring", "compensated": True},
    "r-fast-one-peer": {"step_size": 0.1, "topology": "exponential"},
    "ring-allreduce": {"step_size": 0.2},
    "d-psgd": {"step_size": 0.2, "topology": "ring"},
    "ad-psgd": {"step_size": 0.2, "topology": "line"},
    "osgp": {"step_size": 0.2},
    "s-ab": {"step_size": 0.05, "topology": "binary-tree"},
    "m-sync": {"step_size": 0.2, "m": 3},
    "fragile": {"step_size": 0.2, "topology": "binary-tree", "S": 3},
    "amelie": {"step_size": 0.2, "topology": "line", "S": 5},
    "rasgp": {"step_size": 0.05, "topology": "exponential"},
    "adsgd": {"step_size": 0.2, "topology": "ring"},
    "async-sgd": {"step_size": 0.05},
    "async-sgd-elapsed": {"name": "async-sgd", "step_size": 0.05, "pivot": 1, "weighting": "elapsed"},
    "local-sgd": {"step_size": 0.2, "local_steps": 2},
    "diloco": {"name": "local-sgd", "step_size": 0.1, "outer_step": 0.7, "outer_momentum": 0.5},
}
SCENARIO: dict[str, Any] = {
    "problem": {"kind": "quadratic", "dim": 2, "noise": 0.1},
    "compute": {"kind": "lognormal", "mean": 1, "sigma": 0.3},
    "stragglers": [{"worker": 2, "slowdown": 3}],
    "network": {"latency": {"kind": "exponential", "mean": 0.3}, "loss": 0.2, "bandwidth": "100 B/s"},
    "stop": {"time": 15},
    "evaluate": {"every": 3},
}
COUNTED = ["time", "gradients", "messages_sent", "messages_lost", "messages_superseded", "bytes_sent"]


def trace(label: str) -> dict[str, Any]:
    """Counters and models at each look, and when each worker's gradients were begun; 12 digits."""
    played = simulate_run(make_run({"name": label, "label": label, **ALGORITHMS[label]}, **SCENARIO))
    found = {
        "curves": {name: played.curves[name].tolist() for name in COUNTED},
        "models": [models.tolist() for models in played.models],
        "begun": [own[:, 0].tolist() for own in played.intervals().values()],
    }
    rounded: dict[str, Any] = json.loads(
        json.dumps(found), parse_float=lambda text: float(f"{float(text):.12g}")
    )
    return rounded


@pytest.mark.parametrize("label", ALGORITHMS)
def test_trace_is_the_golden_one(label: str) -> None:
    path = FOLDER / f"{label}.json"
    found = trace(label)
    if os.environ.get("REGENERATE_GOLDEN") == "1":
        FOLDER.mkdir(exist_ok=True)
        path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    golden = json.loads(path.read_text(encoding="utf-8"))
    assert found["curves"].keys() == golden["curves"].keys()
    for name, values in golden["curves"].items():
        np.testing.assert_allclose(found["curves"][name], values, rtol=1e-9, err_msg=name)
    np.testing.assert_allclose(found["models"], golden["models"], rtol=1e-9)
    assert len(found["begun"]) == len(golden["begun"]) == 4
    for mine, known in zip(found["begun"], golden["begun"], strict=True):
        np.testing.assert_allclose(mine, known, rtol=1e-9)
