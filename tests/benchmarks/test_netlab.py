"""The network laboratory: it says what it needs, and leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from benchmarks.netlab import hosts
from benchmarks.netlab.__main__ import main, table
from benchmarks.netlab.hosts import (
    PREFIX,
    Missing,
    address_of,
    inside,
    laboratory,
    name_of,
    namespaces,
)
from benchmarks.netlab.link import Link
from rfast_bench.records.reading import Run, find_runs
from rfast_bench.records.writing import write_run
from tests.support.synthetic_records import curves_table, workers_table

SCENARIO = str(Path(__file__).parents[2] / "scenarios" / "netlab.yaml")
LOSSY = Link(loss=0.3, rate=125e6)
LATE = Link(latency=0.02)


def missing() -> str:
    """Why there can be no laboratory here; empty when there can."""
    try:
        hosts.check()
        with laboratory(2, LOSSY):
            pass
    except Missing as why:
        return str(why)
    return ""


@pytest.fixture(scope="module")
def laboratories() -> None:
    """Asked for only where the tests run: two processes that tried at once would be in each other's way."""
    if why := missing():
        pytest.skip(f"no network laboratory here: {why}")


lab = pytest.mark.usefixtures("laboratories")
pytestmark = [pytest.mark.timeout(120)]


# ------------------------------------------------------------------------------------------------ refusals
def refusal(*options: str) -> str:
    done = CliRunner().invoke(main, [SCENARIO, *options], catch_exceptions=False)
    assert done.exit_code == 2
    return done.output


def test_it_needs_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "need root" in refusal()


def test_it_names_the_package_of_a_missing_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda tool: None if tool == "nft" else tool)
    assert "no command 'nft'; install the package nftables" in refusal()


def test_it_explains_what_a_link_may_be() -> None:
    assert "loss" in refusal("--loss", "1.5")
    assert "'fast' is not a quantity in byte/seconds; write for example 10 Gbit/s" in refusal(
        "--rate", "fast"
    )


@lab
def test_it_needs_a_worker_a_host() -> None:
    assert "workers is 4, fewer than 5 hosts" in refusal("--hosts", "5")


# --------------------------------------------------------------------------------------------- what it makes
def ours() -> list[str]:
    devices = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout
    links = [line for line in devices.splitlines() if PREFIX in line]
    return links + [name for name in namespaces() if name.startswith(PREFIX)]


@lab
def test_hosts_reach_each_other_and_are_gone_afterwards() -> None:
    with laboratory(3, Link()):
        assert {name_of(0), name_of(1), name_of(2)} <= set(ours())
        for other in (1, 2):
            answered = subprocess.run(
                inside(0, *_connect(other)), capture_output=True, text=True, check=False
            )
            assert "refused" in answered.stderr.lower(), "a host that is there refuses, nobody listens"
    assert ours() == []


def _connect(other: int) -> list[str]:
    return ["python3", "-c", f"import socket; socket.create_connection(('{address_of(other)}', 9), 5)"]


@lab
def test_a_link_drops_packets_and_shapes_its_rate() -> None:
    with laboratory(2, LOSSY):
        rules = subprocess.run(
            inside(1, "nft", "list", "ruleset"), capture_output=True, text=True, check=True
        )
        assert "< 300000" in rules.stdout
        shape = subprocess.run(inside(1, "tc", "qdisc"), capture_output=True, text=True, check=True)
        assert "tbf" in shape.stdout
        assert "rate 1Gbit" in shape.stdout
    assert ours() == []


@lab
@pytest.mark.skipif(not Path("/dev/net/tun").exists(), reason="no /dev/net/tun")
def test_latency_is_there_in_both_directions() -> None:
    with laboratory(2, LATE):
        code = f"""
import socket, time
start = time.monotonic()
try:
    socket.create_connection(("{address_of(1)}", 9), 5)
except ConnectionRefusedError:
    print(time.monotonic() - start)
"""
        done = subprocess.run(inside(0, "python3", "-c", code), capture_output=True, text=True, check=True)
        assert float(done.stdout) >= 2 * LATE.latency
    assert ours() == []


@lab
@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_nothing_stays_after_a_failure_inside(failure: type[BaseException]) -> None:
    sleeper: subprocess.Popen[bytes] | None = None
    with pytest.raises(failure), laboratory(2, LATE):  # noqa: PT012
        sleeper = subprocess.Popen(inside(0, "sleep", "600"))
        while b"sleep" not in Path(f"/proc/{sleeper.pid}/comm").read_bytes():
            assert sleeper.poll() is None
        raise failure
    assert sleeper is not None
    assert sleeper.wait(10) != 0, "what runs on a host ends with it"
    assert ours() == []


@lab
def test_a_failure_of_setting_up_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "_drop", lambda loss: "nonsense")
    with pytest.raises(Missing, match="nft -f -"), laboratory(2, LOSSY):
        pass
    assert ours() == []


@lab
def test_a_second_laboratory_is_refused() -> None:
    with laboratory(2, Link()):
        assert "are there already" in refusal()
    assert ours() == []


# ------------------------------------------------------------------------------------------------ its table
def record(folder: Path, **changes: Any) -> list[Run]:
    for label, iterations in (("r-fast", 100.0), ("ring-allreduce", changes.pop("slow", 100.0))):
        manifest = {
            **{"format": 1, "scenario": "s", "algorithm": label, "label": label, "seed": 0, "workers": 4},
            **{"status": "finished", "point": {}, "parameters": {}, "targets": {}, "topology": None},
        }
        curves = curves_table([0.0, 2.0], [1.0, 0.5], iterations_mean=[0.0, iterations])
        frames = {"curves": curves, "workers": workers_table(1.0, 1.0)}
        write_run(folder / label, manifest, frames, {})
    return find_runs([folder])


def test_the_table_compares_paces(tmp_path: Path) -> None:
    text = table(record(tmp_path / "clean"), record(tmp_path / "faulty", slow=25.0))
    rows = [line.split() for line in text.splitlines()]
    assert ["r-fast", "20.0", "20.0", "1.00"] in rows
    assert ["ring-allreduce", "20.0", "80.0", "4.00"] in rows


# ------------------------------------------------------------------------------------------------- a whole run
@lab
@pytest.mark.timeout(240)
def test_a_scenario_runs_across_hosts(tmp_path: Path) -> None:
    raw = {
        **{"name": "tiny", "workers": 2, "problem": {"kind": "quadratic", "dim": 3}, "compute": "10 ms"},
        **{"algorithms": [{"name": "r-fast", "step_size": 0.05}], "stop": {"time": "1 s"}},
        "evaluate": {"every": "0.2 s"},
    }
    scenario = tmp_path / "tiny.yaml"
    scenario.write_text(yaml.safe_dump(raw))
    out = tmp_path / "out"
    done = CliRunner().invoke(main, [str(scenario), "--out", str(out)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "r-fast" in done.stdout
    assert sorted(p.parent.relative_to(out).parts[0] for p in out.rglob("manifest.json")) == [
        "clean",
        "faulty",
    ]
    assert ours() == []
