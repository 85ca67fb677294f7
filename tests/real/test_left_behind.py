"""Nothing is left behind: folders of killed processes, processes of a killed launcher; and signals are heeded.

Nothing here starts a run, so that it is quick; what whole runs leave behind is seen by `test_silence.py`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rfast_bench.processes.environment import own_imports
from rfast_bench.processes.folders import OWNER, folder_of_own

pytestmark = [pytest.mark.timeout(120)]
HOLD = """
import sys, time
from pathlib import Path
from rfast_bench.processes.folders import folder_of_own

with folder_of_own(Path(sys.argv[1])) as folder:
    (folder / "models").write_text("large")
    print(folder, flush=True)
    time.sleep(600)
"""
TIED = """
import os, signal, sys, time
from multiprocessing import get_context

from rfast_bench.processes.tied import tie


def child(stopped):
    tie()
    print(os.getpid(), flush=True)
    if stopped:
        os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(600)


if __name__ == "__main__":
    context = get_context("forkserver")
    children = [context.Process(target=child, args=(stopped,)) for stopped in (True, False)]
    for one in children:
        one.start()
    time.sleep(600)
"""
FORKING = """
import time
from multiprocessing import get_context, util

from rfast_bench.processes.folders import folder_of_own
from rfast_bench.processes.fork_server import JANITOR, start_fork_server

get_context("forkserver").set_forkserver_preload([JANITOR, "slow"])
with folder_of_own() as folder:
    (folder / "models").write_text("large")
    start_fork_server()
    print(folder, util.get_temp_dir(), flush=True)
    time.sleep(600)
"""
SLOW = """
import time

time.sleep(600)
"""
HEEDING = """
import signal, time
from rfast_bench.cli.errors import Told, told_to_end

try:
    with told_to_end():
        try:
            print("ready", flush=True)
            time.sleep(600)
        finally:
            signal.raise_signal(signal.SIGTERM)  # once more, while it cleans up
            print("cleaned up", flush=True)
except Told as told:
    print(told)
    raise SystemExit(told.code)
"""


def start(script: Path, code: str, *arguments: str | Path, **more: str) -> subprocess.Popen[str]:
    script.write_text(code)
    command = [sys.executable, str(script), *map(str, arguments)]
    environment = os.environ | own_imports() | {"PYTHONPATH": str(Path(__file__).parents[2])} | more
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def heard(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def until(done: Callable[[], bool], seconds: float = 30) -> None:
    last = time.monotonic() + seconds
    while not done() and time.monotonic() < last:
        time.sleep(0.05)
    assert done()


# ------------------------------------------------------------------------------------------------- folders
def test_a_folder_is_swept_once_its_owner_is_killed_and_not_before(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    holders = [start(tmp_path / f"hold{k}.py", HOLD, home) for k in range(2)]
    left, kept = (Path(heard(holder)) for holder in holders)
    end(holders[0])
    assert (left / "models").exists()
    with folder_of_own(home) as own:
        assert own.stat().st_mode & 0o777 == 0o700
        assert not left.exists()
        assert (kept / "models").exists()
        with folder_of_own(home) as other:
            assert own.exists()
            assert own != other
    end(holders[1])
    assert list(home.iterdir()) == [kept]


def test_what_may_be_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    others = {"another-machine": "0-0-0", "nobodys": None}
    for name, owner in others.items():
        folder = tmp_path / f".rfast-bench-{name}"
        folder.mkdir()
        if owner is not None:
            (folder / OWNER).write_text(owner)
    with folder_of_own(tmp_path) as own:
        linked = tmp_path / ".rfast-bench-linked"
        linked.symlink_to(own)
        with folder_of_own(tmp_path):
            pass
        assert own.exists()
        assert linked.is_symlink()
    assert all((tmp_path / f".rfast-bench-{name}").exists() for name in others)


@pytest.mark.parametrize("imports", ["", SLOW], ids=["it listens", "it still imports"])
@pytest.mark.parametrize("length", [20, 75, 76, 200])
def test_what_a_killed_process_leaves_goes_with_the_server_that_it_forked_from(
    length: int, imports: str, tmp_path: Path
) -> None:
    """The folder of that server's socket too, and no other program's. Where the place for temporary folders has too
    long a name for a socket's address, that folder is in /tmp."""
    (tmp_path / "slow.py").write_text(imports)
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        home = Path(place) / ("x" * (length - len(place) - 1))
        (home / "pymp-of-another-program").mkdir(parents=True)
        process = start(tmp_path / "forking.py", FORKING, TMPDIR=str(home), PYTHONPATH=path)
        try:
            own, sockets = map(Path, heard(process).split())
            assert own.parent == home
            assert sockets.parent == (home if length <= 75 else Path("/tmp"))
            assert (own / OWNER).is_file()
            assert (sockets / OWNER).is_file()
        finally:
            end(process)
        until(lambda: [path.name for path in home.iterdir()] == ["pymp-of-another-program"])
        until(lambda: not sockets.exists())


# ----------------------------------------------------------------------------------------------- processes
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a stopped process outlives its launcher")
def test_a_killed_launcher_takes_its_processes_along_stopped_ones_too(tmp_path: Path) -> None:
    launcher = start(tmp_path / "tied.py", TIED)
    children = [int(heard(launcher)) for _ in range(2)]
    until(lambda: "T" in {state(child) for child in children})
    end(launcher)
    until(lambda: {state(child) for child in children} <= {"", "Z"})


def state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


# ------------------------------------------------------------------------------------------------- signals
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_ends_goes_through_every_finally(number: signal.Signals, tmp_path: Path) -> None:
    process = start(tmp_path / "heeding.py", HEEDING)
    assert heard(process) == "ready"
    process.send_signal(number)
    said, _ = process.communicate(timeout=60)
    assert said.split("\n")[:2] == ["cleaned up", number.name]
    assert process.returncode == 128 + number


def test_nohup_stays_in_force(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = start(tmp_path / "heeding.py", HEEDING)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert heard(process) == "ready"
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=60)
    assert said.split("\n")[:2] == ["cleaned up", "SIGTERM"]
