"""A module that cannot be trained is told in one message, exit code 2, nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.problems.modules import wrong
from tests.support.command_line import call


@pytest.mark.parametrize("name", ["Unused", "Two", "few", "Memory", "none"])
def test_a_wrong_module_is_told_before_anything_is_written(name: str, tmp_path: Path) -> None:
    dataset = {"kind": "synthetic", "samples": 80, "features": 6, "classes": 3}
    raw = {
        "name": "wrong",
        "workers": 2,
        "problem": {"kind": "torch", "model": f"wrong.py:{name}", "dataset": dataset, "batch_size": 16},
        "compute": "10 ms",
        "algorithms": [{"name": "r-fast", "step_size": 0.1}],
        "stop": {"time": "1 s"},
        "evaluate": {"every": "1 s"},
    }
    (tmp_path / "wrong.yaml").write_text(yaml.safe_dump(raw))
    (tmp_path / "wrong.py").write_text(Path(str(wrong.__file__)).read_text())
    done = call("run", tmp_path / "wrong.yaml", "--out", tmp_path / "out", "--jobs", "1")
    assert done.exit_code == 2
    assert "wrong.yaml: problem.model: " in done.output
    assert str(vars(wrong)[name].__doc__) in " ".join(done.output.split())
    assert not (tmp_path / "out").exists()
