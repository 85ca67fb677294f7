"""A scenario under an external launcher: four processes by torchrun on the loopback, bounded in time."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from rfast_bench.cli.commands import main
from rfast_bench.errors import UserError
from rfast_bench.real.launch.rank_environment import RankInfo, first_host, interface
from rfast_bench.records.reading import find_runs

pytestmark = [pytest.mark.timeout(180)]

BIN = Path(sys.executable).parent
SMALL: dict[str, Any] = {
    "name": "small",
    "workers": 4,
    "problem": {"kind": "logistic-regression", "dataset": "wine", "l2": 0.1, "batch_size": "full"},
    "compute": "40 ms",  # later than 5 % of it is void, and the machine may be busy
    "algorithms": [{"name": "r-fast", "step_size": 0.05}, {"name": "ring-allreduce", "step_size": 0.5}],
    "stop": {"time": "1 s"},
    "evaluate": {"every": "0.2 s"},
}


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(SMALL))
    return path


# -------------------------------------------------------------------------------------------- processes
class Marked:
    """Processes that can be found again, with all they started, by a word in their environment."""

    def __init__(self) -> None:
        self.mark = f"RFAST_TEST={uuid.uuid4().hex}"

    def start(self, command: Sequence[str | Path], **environment: str) -> subprocess.Popen[str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("SLURM_") and k != "RANK"}
        name, _, value = self.mark.partition("=")
        return subprocess.Popen(
            [str(part) for part in command],
            env=kept | {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "error", name: value} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def pids(self) -> list[int]:
        """All that run, zombies not counted."""
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if self.mark.encode() in path.read_bytes().split(b"\0"):
                    found.append(int(path.parent.name))
        return found

    def workers(self) -> list[int]:
        """Those that lead a session of their own (torchrun's lead some too) and were forked for one run."""
        return [pid for pid in self.pids() if pid == os.getsid(pid) and b"forkserver" in _command(pid)]

    def gone(self) -> bool:
        until = time.monotonic() + 10
        while self.pids() and time.monotonic() < until:
            time.sleep(0.1)
        return not self.pids()


def _command(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


@pytest.fixture
def marked() -> Iterator[Marked]:
    marked = Marked()
    yield marked
    for pid in marked.pids():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def torchrun(scenario: Path, out: Path, *more: str) -> list[str | Path]:
    launcher: list[str | Path] = [BIN / "torchrun", "--nproc-per-node", "4", "--master-port", free_port()]
    return [*launcher, "-m", "rfast_bench.cli.join", scenario, "--out", out, "--no-plots", *more]


def files(out: Path) -> dict[str, Path]:
    return {p.relative_to(out).as_posix(): p for p in out.rglob("*") if p.is_file()}


# ------------------------------------------------------------------------------------------------ torchrun
def test_torchrun_leaves_the_records_that_the_local_launcher_leaves(
    scenario: Path, tmp_path: Path, marked: Marked
) -> None:
    process = marked.start(torchrun(scenario, tmp_path / "joined"))
    said, complaints = process.communicate(timeout=150)
    assert process.returncode == 0, complaints
    assert "r-fast" in said
    assert "ring-allreduce" in said
    assert marked.gone()
    command = ["run", str(scenario), "--world", "real", "--no-plots", "--out", str(tmp_path / "local")]
    done = CliRunner().invoke(main, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    joined, local = files(tmp_path / "joined"), files(tmp_path / "local")
    assert set(joined) == set(local), "no folder for results left either"
    for name, path in joined.items():
        one, other = path.read_text(), local[name].read_text()
        if name.endswith(".yaml"):
            assert one == other
        elif name.endswith("manifest.json"):
            ours, theirs = json.loads(one), json.loads(other)
            assert ours.keys() == theirs.keys()
            assert ours["hash"] == theirs["hash"]
        elif name.endswith(".csv"):
            assert one.splitlines()[0] == other.splitlines()[0]


def test_a_worker_dies_and_comes_back_under_torchrun(scenario: Path, tmp_path: Path, marked: Marked) -> None:
    """torchrun would end all; it does not see it, for the worker is a child of what torchrun started."""
    faults = "faults=[{worker: 2, down: 0.5 s, up: 1 s}]"
    sets = ["network.silence_timeout=0.5 s", "stop.time=3 s", faults]
    more = [part for text in sets for part in ("--set", text)]
    process = marked.start(torchrun(scenario, tmp_path / "out", *more))
    complaints = process.communicate(timeout=150)[1]
    assert process.returncode == 0, complaints
    runs = {run.label: run for run in find_runs([tmp_path / "out"])}
    death = runs["r-fast"].manifest["real"]["deaths"][0]
    assert (death["worker"], death["signal"]) == (2, "SIGKILL")
    assert death["back"] >= 1.0
    assert runs["r-fast"].status != "stalled"
    assert runs["ring-allreduce"].status in ("stalled", "void")
    assert marked.gone()


def test_nothing_stays_when_the_launcher_ends_the_job(scenario: Path, tmp_path: Path, marked: Marked) -> None:
    process = marked.start(torchrun(scenario, tmp_path / "out", "--set", "stop.time=100"))
    while len(marked.workers()) < 4:
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.1)
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert marked.gone()
    assert not files(tmp_path / "out")


# --------------------------------------------------------------------------------------------------- alone
def join(marked: Marked, scenario: str | Path, **environment: str) -> tuple[int, str]:
    process = marked.start([sys.executable, "-m", "rfast_bench.cli.join", scenario], **environment)
    complaints = process.communicate(timeout=60)[1]
    return process.returncode, complaints


def test_a_world_of_another_size_is_told(scenario: Path, marked: Marked) -> None:
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    code, complaints = join(marked, scenario, RANK="0", WORLD_SIZE="1", **place)
    assert code == 2
    assert "workers is 4, but the launcher started 1 processes (WORLD_SIZE)" in complaints
    assert marked.gone()


def test_ranks_with_other_secrets_are_told(scenario: Path, tmp_path: Path, marked: Marked) -> None:
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port(), "WORLD_SIZE": "2"}
    command: list[str | Path] = [sys.executable, "-m", "rfast_bench.cli.join", scenario]
    command += ["--out", tmp_path / "out"]
    command += ["--set", "workers=2", "--set", "real.startup_timeout=250 s", "--no-plots"]
    secrets = [{"RFAST_BENCH_SECRET": "one"}, {}]
    ranks = [marked.start(command, RANK=str(k), **place, **own) for k, own in enumerate(secrets)]
    complaints = [rank.communicate(timeout=150)[1] for rank in ranks]
    assert (
        "RFAST_BENCH_SECRET is not the same everywhere: it differs from rank 0's for rank 1 on "
        in complaints[0]
    )
    assert [rank.returncode for rank in ranks] == [2, 2]
    assert marked.gone()
    assert not list((tmp_path / "out").glob(".rfast-bench-*"))


def test_no_launcher_is_told(scenario: Path, marked: Marked) -> None:
    code, complaints = join(marked, scenario)
    assert code == 2
    assert "start this by torchrun (RANK) or srun (SLURM_PROCID)" in complaints


# --------------------------------------------------------------------------------------------------- seats
def test_torchruns_environment_is_read() -> None:
    said = {"RANK": "0", "WORLD_SIZE": "8", "LOCAL_RANK": "0", "MASTER_ADDR": "a", "MASTER_PORT": "7"}
    assert RankInfo.found(said) == RankInfo(0, 8, 0, "a", 7, hosts_store=True)
    assert not RankInfo.found(said | {"TORCHELASTIC_USE_AGENT_STORE": "True"}).hosts_store
    with pytest.raises(UserError, match="MASTER_PORT is not"):
        RankInfo.found({k: said[k] for k in said if k != "MASTER_PORT"})


def test_slurms_environment_is_read() -> None:
    said = {"SLURM_PROCID": "5", "SLURM_NTASKS": "8", "SLURM_LOCALID": "1", "SLURM_JOB_ID": "12042"}
    said["SLURM_JOB_NODELIST"] = "gpu[007-009],login"
    assert RankInfo.found(said) == RankInfo(5, 8, 1, "gpu007", 29542, hosts_store=False)
    own = RankInfo.found(said | {"MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "7", "SLURM_PROCID": "0"})
    assert own == RankInfo(0, 8, 1, "10.0.0.1", 7, hosts_store=True)


@pytest.mark.parametrize(
    ("nodes", "first"), [("a,b", "a"), ("n[0-1]", "n0"), ("n[3,7]-ib", "n3-ib"), ("one", "one")]
)
def test_the_first_host_of_a_list(nodes: str, first: str) -> None:
    assert first_host(nodes) == first


def test_the_way_to_the_store_gives_the_address_to_bind_to() -> None:
    info = RankInfo(0, 2, 0, "127.0.0.1", 29500, hosts_store=True)
    assert info.address() == "127.0.0.1"
    assert info.environment("127.0.0.1")["GLOO_SOCKET_IFNAME"] == interface("127.0.0.1") == "lo"
    assert interface("192.0.2.1") is None


# --------------------------------------------------------------------------------------------------- Slurm
@pytest.mark.skipif(
    not (shutil.which("srun") and shutil.which("sinfo")), reason="Slurm is not installed: no srun, no sinfo"
)
def test_srun_runs_the_same_scenario(scenario: Path, tmp_path: Path) -> None:
    up = subprocess.run(["sinfo", "--noheader"], capture_output=True, text=True, check=False, timeout=30)
    if up.returncode or " idle " not in up.stdout:
        pytest.skip(f"no idle Slurm nodes: {(up.stdout or up.stderr).strip()}")
    join = [sys.executable, "-m", "rfast_bench.cli.join", str(scenario), "--out", str(tmp_path / "out")]
    command = ["srun", "--ntasks=4", "--time=3", *join, "--no-plots"]
    # virtual nodes have names that lead nowhere; on a cluster the first node's name is taken
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MASTER_ADDR": "127.0.0.1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=150)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "out").rglob("manifest.json"))) == 2
