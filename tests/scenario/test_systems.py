"""As-if systems: what a profile fills in, what a scenario keeps, and that every number has a source."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from rfast_bench.cli.commands import main
from rfast_bench.errors import UserError
from rfast_bench.plan.runs import Run, load_points, plan
from rfast_bench.real.calibration import calibrated_scenario
from rfast_bench.real.calibration.fits import Line
from rfast_bench.real.calibration.measure import Measured
from rfast_bench.scenario import systems
from rfast_bench.scenario.schema import Scenario, load
from rfast_bench.scenario.sections.compute import mean_compute, times_of
from rfast_bench.scenario.sections.timing import Lognormal

BASE: dict[str, Any] = {
    "name": "as-if",
    "system": "resnet50-8x-10gbe",
    "problem": {"kind": "quadratic", "dim": 3},
    "algorithms": [{"name": "r-fast", "step_size": 0.01}],
    "stop": {"time": "10 s"},
    "evaluate": {"every": "1 s"},
}
OWN: dict[str, Any] = {
    "description": "ours",
    "compute": "50 ms",
    "network": {"latency": "1 ms", "message_bytes": "2 MB"},
    "sources": {"compute": "our logs", "network": "ping"},
}


def write(folder: Path, raw: dict[str, Any], name: str = "scenario.yaml") -> Path:
    path = folder / name
    path.write_text(yaml.safe_dump(raw, sort_keys=False))
    return path


def scenario(folder: Path, *overrides: str, **changes: Any) -> Scenario:
    return load(write(folder, {**BASE, **changes}), overrides)


def run_of(folder: Path, **changes: Any) -> Run:
    (run,) = plan(load_points(write(folder, {**BASE, **changes})))
    return run


# ------------------------------------------------------------------------------------------- what is shipped
@pytest.mark.parametrize("name", systems.names())
def test_a_shipped_profile_is_valid_and_all_its_numbers_are_accounted_for(name: str) -> None:
    profile, raw = systems.load(systems.find(name))
    named = {**profile.sources, **profile.assumptions}
    assert all(systems.account(key, named) for key in systems.numbers(raw))
    assert profile.workers is not None
    assert profile.network.message_bytes
    assert all(len(text) > 10 for text in named.values())


@pytest.mark.parametrize("name", systems.names())
def test_a_name_and_its_comment_say_what_the_profile_holds(name: str) -> None:
    """`8x` and `10gbe` in the name; in the comment the seconds of a message, rounded."""
    path = systems.find(name)
    profile, _ = systems.load(path)
    network = profile.network
    assert network.bandwidth is not None
    assert network.message_bytes is not None
    counted = re.search(r"-(\d+)x?-", name)
    assert counted is not None
    assert profile.workers == int(counted[1])
    ethernet = re.search(r"-(\d+)gbe$", name)
    if ethernet:
        assert network.bandwidth == pytest.approx(1e9 / 8 * int(ethernet[1]))
    took = re.search(r"message takes ([\d.]+) (m?s)", path.read_text())
    assert took is not None
    seconds = float(took[1]) * {"s": 1.0, "ms": 1e-3}[took[2]]
    assert network.message_bytes / network.bandwidth == pytest.approx(seconds, rel=0.06)


def test_the_published_figures_give_the_numbers() -> None:
    profile, _ = systems.load(systems.find("resnet50-8x-10gbe"))
    assert mean_compute(profile.compute, 8) == pytest.approx(32 / 367, rel=1e-3)
    assert profile.network.message_bytes == pytest.approx(4 * 25_557_032, rel=1e-3)
    bert, _ = systems.load(systems.find("bert-large-8x-10gbe"))
    assert mean_compute(bert.compute, 8) == pytest.approx(7 / 7.56, rel=1e-3)
    wan, _ = systems.load(systems.find("wan-4-regions"))
    links = [link.latency.mean for link in wan.network.links if link.latency is not None]
    assert len({(link.sender, link.receiver) for link in wan.network.links}) == 12
    assert wan.network.latency.mean == pytest.approx(np.mean(np.array(links, dtype=float)), rel=1e-2)


# ---------------------------------------------------------------------------------------------- filling in
def test_it_fills_workers_compute_and_network(tmp_path: Path) -> None:
    found = scenario(tmp_path)
    assert found.workers == 8
    assert found.compute == Lognormal(kind="lognormal", mean=0.0872, sigma=0.05)
    assert found.network.bandwidth == 1.25e9
    assert found.network.message_bytes == 102.2e6
    assert found.system == "resnet50-8x-10gbe"


def test_what_the_scenario_says_stays(tmp_path: Path) -> None:
    found = scenario(tmp_path, workers=4, compute="1 s", network={"loss": 0.1, "latency": "5 ms"})
    assert found.workers == 4
    assert found.gradient_seconds == 1
    assert (found.network.latency.mean, found.network.bandwidth) == (0.005, 1.25e9)
    assert found.network.loss.model_dump()["probability"] == 0.1


def test_single_keys_can_be_set_and_swept(tmp_path: Path) -> None:
    found = scenario(tmp_path, "compute.sigma=0.3", "network.message_bytes=10 MB")
    assert found.compute == Lognormal(kind="lognormal", mean=0.0872, sigma=0.3)
    assert found.network.message_bytes == 1e7
    sweep = {"system": ["resnet50-8x-10gbe", "resnet50-8x-100gbe"]}
    bandwidths = [
        p.scenario.network.bandwidth for p in load_points(write(tmp_path, {**BASE, "sweep": sweep}))
    ]
    assert bandwidths == [1.25e9, 1.25e10]


def test_messages_take_as_long_as_the_large_models_would(tmp_path: Path) -> None:
    """A round of the ring: a gradient, then 2(n − 1) hops of an n-th of 102.2 MB at 1.25 GB/s and 20 µs each."""
    changes = {"compute": "87.2 ms", "stop": {"iterations": 3}}
    path = write(tmp_path, {**BASE, **changes, "algorithms": [{"name": "ring-allreduce", "step_size": 0.1}]})
    out = tmp_path / "out"
    arguments = ["run", str(path), "--out", str(out), "--no-plots", "--jobs", "1"]
    assert CliRunner().invoke(main, arguments, catch_exceptions=False).exit_code == 0
    rows = (out / "as-if" / "ring-allreduce" / "seed-0" / "curves.csv").read_text().splitlines()
    last = dict(zip(rows[0].split(","), rows[-1].split(","), strict=True))
    round_time = 0.0872 + 14 * (102.2e6 / 8 / 1.25e9 + 20e-6)
    assert float(last["time"]) == pytest.approx(3 * round_time, rel=0.02)


# --------------------------------------------------------------------------------- one's own, and the hash
def test_a_path_starts_at_the_scenarios_folder_and_its_csv_at_its_own(tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "times.csv").write_text("t\n0.02\n0.04\n")
    empirical = {"kind": "empirical", "path": "times.csv", "column": "t"}
    write(tmp_path / "ours", {**OWN, "compute": empirical}, "site.yaml")
    found = scenario(tmp_path, system="ours/site.yaml", workers=3)
    assert set(times_of(found.compute, 0).draw(np.random.default_rng(0), 20)) == {0.02, 0.04}
    assert found.network.message_bytes == 2e6
    run_of(tmp_path, system="ours/site.yaml", workers=3)


def test_the_resolved_scenario_holds_the_values_and_the_hash_is_theirs(tmp_path: Path) -> None:
    profile = write(tmp_path, OWN, "site.yaml")
    before = run_of(tmp_path, system="site.yaml", workers=3)
    assert before.resolved["compute"]["mean"] == 0.05
    assert before.resolved["network"]["message_bytes"] == 2e6
    write(tmp_path, {**OWN, "compute": "60 ms"}, "site.yaml")
    after = run_of(tmp_path, system="site.yaml", workers=3)
    assert after.hash != before.hash
    profile.rename(tmp_path / "other.yaml")
    assert run_of(tmp_path, system="other.yaml", workers=3).hash == after.hash
    said = {"system": None, "compute": "60 ms", "network": OWN["network"], "workers": 3}
    assert run_of(tmp_path, **said).hash == after.hash, "the values count, not where they come from"


def test_the_resolved_scenario_is_a_scenario(tmp_path: Path) -> None:
    run = run_of(tmp_path)
    raw = {key: value for key, value in run.resolved.items() if key != "seed"}
    assert load(write(tmp_path, raw, "resolved.yaml")) == run.scenario


# ------------------------------------------------------------------------------------------------- mistakes
@pytest.mark.parametrize(
    ("system", "words"),
    [
        (
            "resnet50-8x-10gb",
            r"scenario.yaml: system: unknown system 'resnet50-8x-10gb'; did you mean 'resnet50-8x-1",
        ),
        ("gone.yaml", r"scenario.yaml: system: there is no file .*gone.yaml"),
        (7, r"system: expected a word or text \(found 7\)"),
    ],
)
def test_a_wrong_system_is_told(tmp_path: Path, system: Any, words: str) -> None:
    with pytest.raises(UserError, match=words):
        scenario(tmp_path, system=system)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sources": {"compute": "x"}}, "site.yaml: sources: where does network.latency come from"),
        ({"assumptions": {"network.loss": "x"}}, "site.yaml: sources: 'network.loss' is not in the profile"),
        ({"network": {"latency": "1 lightyear"}}, "site.yaml: network.latency"),
        ({"computes": 1}, "site.yaml: unknown key 'computes'; did you mean 'compute'"),
    ],
)
def test_a_wrong_profile_is_told_with_its_own_file_and_key(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    write(tmp_path, {**OWN, **changes}, "site.yaml")
    with pytest.raises(UserError, match=re.escape(words)):
        scenario(tmp_path, system="site.yaml", workers=3)


# -------------------------------------------------------------------------------------------- the commands
def test_the_list_names_every_profile_number_and_source(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["systems"], catch_exceptions=False)
    assert done.exit_code == 0
    flat = " ".join(done.output.split())
    assert all(f"{name}: " in flat for name in systems.names())
    assert "compute.mean 87.2 ms 32 images at 367 images/s" in flat
    assert "compute.sigma 0.05 assumed: jitter" in flat
    own = write(tmp_path, OWN, "site.yaml")
    assert "our logs" in CliRunner().invoke(main, ["systems", str(own)], catch_exceptions=False).output
    wrong = CliRunner().invoke(main, ["systems", "resnet"], catch_exceptions=False)
    assert (wrong.exit_code, "unknown system 'resnet'" in wrong.output) == (2, True)


MEASURED = Measured(
    compute=np.array([0.020, 0.022]),
    latencies=np.array([0.001, 0.003]),
    message=Line(0.001, 1e9),
    hop=Line(0.0015, 2e9),
    model_bytes=32,
    late=0.01,
)


def test_what_calibration_measures_is_a_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the scenario injects (here 50 ms and losses) is not in it; an infinite bandwidth is left out."""
    monkeypatch.setattr(calibrated_scenario, "measure", lambda point, seconds, say: MEASURED)
    network = {"latency": "50 ms", "loss": 0.5, "bandwidth": "1 kB/s"}
    source = write(tmp_path, {**BASE, "system": None, "workers": 5, "compute": "20 ms", "network": network})
    (tmp_path / "mine").mkdir()
    profile = tmp_path / "mine" / "machine.yaml"
    arguments = ["calibrate", str(source), "-o", str(tmp_path / "new.yaml"), "--profile", str(profile)]
    done = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert profile.read_text().startswith("# System profile of 'as-if'")
    found = scenario(tmp_path, system="mine/machine.yaml")
    assert found.workers == 5
    assert set(times_of(found.compute, 0).draw(np.random.default_rng(0), 20)) == {0.020, 0.022}
    assert set(found.network.latency.draw(np.random.default_rng(0), 20)) == {0.001, 0.003}
    assert (found.network.bandwidth, found.network.message_bytes) == (1e9, 32)
    assert found.network.collective is not None
    assert found.network.collective.bandwidth == 2e9
    assert found.network.loss.model_dump()["probability"] == 0
    rows = systems.described(profile)
    assert all("by rfast-bench calibrate, under the load of 'as-if'" in source for _, _, source in rows)


@pytest.mark.parametrize("place", ["scenario.yaml", "new.yaml", "machine.txt", "nowhere/machine.yaml"])
def test_a_profile_needs_a_place_of_its_own(tmp_path: Path, place: str) -> None:
    source = write(tmp_path, BASE)
    with pytest.raises(UserError, match=r"--profile .*(another .yaml file|there is no folder)"):
        calibrated_scenario.calibrate(
            source, (), tmp_path / "new.yaml", 1.0, lambda line: None, tmp_path / place
        )


def test_a_calibrated_counterpart_keeps_its_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its path is seen from the new file's folder, and what was measured goes before what the profile says."""
    monkeypatch.setattr(calibrated_scenario, "measure", lambda point, seconds, say: MEASURED)
    write(tmp_path, OWN, "site.yaml")
    (tmp_path / "there").mkdir()
    source = write(tmp_path, {**BASE, "system": "site.yaml", "workers": 3})
    calibrated_scenario.calibrate(source, (), tmp_path / "there" / "new.yaml", 1.0, lambda line: None)
    found = load(tmp_path / "there" / "new.yaml")
    assert set(times_of(found.compute, 0).draw(np.random.default_rng(0), 20)) == {0.020, 0.022}
    assert found.network.message_bytes == 2e6
    assert found.network.bandwidth == pytest.approx(1e9 * 2e6 / 32)
