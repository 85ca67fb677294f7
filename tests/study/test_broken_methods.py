"""What `rfast-bench run` says of methods that break a rule: exit codes, the table, the end of the run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import Result

from rfast_bench.analysis.tables import summarise
from rfast_bench.records.reading import find_runs
from rfast_bench.report.content.cautions import cautions
from tests.support.command_line import call, write
from tests.support.wrong_methods import BROKEN, HEAD, RIGHT, STALLED, loop
from tests.support.wrong_methods import write as write_method


def run(folder: Path, *bodies: str, head: str = HEAD, **over: Any) -> Result:
    names = [write_method(folder, body, head)[0] for body in bodies]
    algorithms = [{"name": name, "label": f"own{k}", "step_size": 0.1} for k, name in enumerate(names)]
    keys = {"seeds": 1, "network": {"latency": "10 ms"}, "stragglers": [], "stop": {"time": "5 s"}}
    path = write(folder, algorithms=algorithms, **{**keys, **over})
    return call("run", path, "--out", folder / "out", "--jobs", 1, "--no-plots")


def manifest(folder: Path, label: str = "own0") -> dict[str, Any]:
    found = (folder / "out" / "small" / label / "seed-0" / "manifest.json").read_text(encoding="utf-8")
    return dict(json.loads(found))


def test_a_broken_rule_is_a_failed_run(tmp_path: Path) -> None:
    done = run(tmp_path, BROKEN["payloads"], RIGHT)
    assert done.exit_code == 1
    assert "method0.py:31: a payload is or holds a value of type dict" in done.stderr
    assert "own1" in done.stdout  # the other one is there
    assert "Traceback" not in done.stderr
    said = (tmp_path / "out" / "small" / "own0" / "seed-0" / "failure.txt").read_text(encoding="utf-8")
    assert "in _check" in said  # the rest of the stack


def test_a_method_that_stalls_is_shown_as_such(tmp_path: Path) -> None:
    done = run(tmp_path, STALLED["deadlock"])
    assert done.exit_code == 1
    table = " ".join(done.stdout.split())
    assert "stalled: at 1 s: workers 0 to 3 wait in Receive('m')" in table
    assert "Rule `deadlock`" in done.stderr
    assert "Rule `deadlock`" in manifest(tmp_path)["broken"]
    again = call("run", tmp_path / "scenario.yaml", "--out", tmp_path / "out", "--no-plots")
    assert again.exit_code == 1  # though nothing was left to do


def test_a_method_of_the_suite_that_stalls_is_no_failure(tmp_path: Path) -> None:
    only = [{"name": "d-psgd", "step_size": 0.1}]
    path = write(tmp_path, algorithms=only, network={"loss": 1}, stop={"time": "20 s"}, seeds=1)
    done = call("run", path, "--out", tmp_path / "out", "--no-plots")
    assert done.exit_code == 0
    assert manifest(tmp_path, "d-psgd")["status"] == "stalled"
    assert "broken" not in manifest(tmp_path, "d-psgd")


def test_a_broken_invariant_is_in_table_and_report(tmp_path: Path) -> None:
    residual = "    @classmethod\n    def residual(cls, workers):\n        return workers[0].x\n\n"
    head = HEAD.replace("    async def gossip", residual + "    async def gossip")
    done = run(tmp_path, RIGHT, head=head)
    assert done.exit_code == 1
    assert "invariant broken: at 0 s" in done.stdout or "invariant broken: at 1 s" in done.stdout
    assert "Rule `invariant`" in done.stderr
    runs = find_runs([tmp_path / "out"])
    assert not runs[0].valid
    told = [finding.text for finding in cautions(summarise(runs)) if finding.about == "invariant broken"]
    assert len(told) == 1
    assert told[0].startswith("own0 broke its own invariant: at ")


def test_cautions_are_in_the_table_and_at_the_end(tmp_path: Path) -> None:
    done = run(tmp_path, loop("self.x = self.x - self.step_size * g"), RIGHT)
    assert done.exit_code == 0
    assert "caution: nobody sent anything" in done.stdout
    assert "Caution: own0: " in done.stdout
    assert "Rule `silence`" in done.stdout
    assert "Caution: own1" not in done.stdout
    assert "cautions" not in manifest(tmp_path, "own1")
