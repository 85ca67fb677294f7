"""An installed suite works from any folder: every process that it starts imports the very package that it is itself.

Tried from the root of a checkout, whose `rfast_bench/` has no `algorithms`, and from a folder in which files of the
user's own have the names of modules that Python and the suite import.
"""

from __future__ import annotations

import ast
import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import yaml

pytestmark = [pytest.mark.timeout(240)]
SWEEP = {
    "name": "small",
    "workers": 3,
    "problem": {"kind": "logistic-regression", "dataset": "wine", "l2": 0.1, "batch_size": 8},
    "compute": {"kind": "lognormal", "mean": "100 ms", "sigma": 0.3},
    "algorithms": [{"name": "r-fast", "step_size": 0.05}, {"name": "ring-allreduce", "step_size": 0.2}],
    "stop": {"time": "3 s"},
    "evaluate": {"every": "1 s"},
    "seeds": 2,
}
REAL = SWEEP | {"world": "real", "workers": 2, "compute": "40 ms", "stop": {"time": "1 s"}, "seeds": 1}
OWN = ("random", "plan", "json", "signal", "tempfile", "selectors", "numpy", "click", "torch", "rfast_bench")
PLACES = ("repository", "own modules")


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, source: Path, tmp_path: Path) -> Path:
    """A working folder with which an installation must not get into touch."""
    if request.param == "repository":
        return source
    folder = tmp_path / "own modules"
    folder.mkdir()
    for name in OWN:
        (folder / f"{name}.py").write_text(f"raise RuntimeError('{name}.py of the user was imported')\n")
    return folder


def run(command: Sequence[object], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "SLURM_"))}
    return subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env=inherited | {"OMP_NUM_THREADS": "1"} | environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def scenario(folder: Path, content: dict[str, object]) -> Path:
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def test_a_sweep_with_two_jobs(environment: Path, place: Path, tmp_path: Path) -> None:
    command = [environment / "rfast-bench", "run", scenario(tmp_path, SWEEP), "--jobs", "2", "--no-plots"]
    done = run([*command, "--out", tmp_path / "out"], place)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list(tmp_path.glob("out/small/*/seed-*/curves.csv"))) == 4


def test_real_processes(environment: Path, place: Path, tmp_path: Path) -> None:
    command = [environment / "rfast-bench", "run", scenario(tmp_path, REAL), "--no-plots"]
    done = run([*command, "--out", tmp_path / "out"], place)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list(tmp_path.glob("out/small/*/seed-*/curves.csv"))) == 2


def test_ranks_under_torchrun(environment: Path, source: Path, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    launcher = [environment / "python", "-P", "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    launcher += ["--master-port", str(port), "--no-python", environment / "rfast-bench", "join"]
    done = run([*launcher, scenario(tmp_path, REAL), "--out", tmp_path / "out", "--no-plots"], source)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list(tmp_path.glob("out/small/*/seed-*/curves.csv"))) == 2


@contextlib.contextmanager
def dask(environment: Path, folder: Path, file: Path) -> Iterator[str]:
    """A scheduler and a worker, started in `folder` by `python -m`, which puts it first on their path."""
    pytest.importorskip("distributed", reason="needs the extra dask")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    python = [str(environment / "python"), "-m"]
    with contextlib.ExitStack() as stack:
        for words in (
            ["distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"],
            ["distributed.cli.dask_worker", "--host", "127.0.0.1", "--nworkers", "1", "--no-dashboard"],
        ):
            child = subprocess.Popen(
                [*python, *words, "--scheduler-file", str(file)],
                cwd=folder,
                env=inherited,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            stack.callback(child.wait, 30)
            stack.callback(child.terminate)
            until = time.monotonic() + 60
            while not file.exists() and time.monotonic() < until:
                time.sleep(0.1)
        yield str(yaml.safe_load(file.read_text())["address"])


def test_tasks_on_a_dask_worker(environment: Path, source: Path, tmp_path: Path) -> None:
    command = [environment / "rfast-bench", "run", scenario(tmp_path, SWEEP | {"seeds": 1}), "--no-plots"]
    with dask(environment, source, tmp_path / "scheduler.json") as address:
        done = run([*command, "--out", tmp_path / "out", "--backend", "dask", "--address", address], source)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list(tmp_path.glob("out/small/*/seed-*/curves.csv"))) == 2


SEND = """
import sys
import cloudpickle
from rfast_bench.processes import environment, fresh

call = fresh.packed(getattr(environment, sys.argv[1]))
sys.stdout.buffer.write(cloudpickle.dumps((fresh.by_value(fresh.fresh), call)))
"""
RECEIVE = """
import pickle, sys

function, call = pickle.load(sys.stdin.buffer)
code, answer, said, host = function(*call)
assert "rfast_bench" not in sys.modules, "the process that was started by others imported it"
print(pickle.loads(answer) if answer else f"{said}, exit code {code}")
"""


def sent(environment: Path, folder: Path, name: str) -> str:
    """What a function of the wheel's package gives when a process of another environment, started in `folder`, does
    it; this environment has the package too, from the checkout."""
    python: list[str | Path] = [environment / "python", "-P"]
    call = subprocess.run(
        [*python, "-c", SEND, name], cwd=folder, capture_output=True, timeout=60, check=True
    ).stdout
    done = subprocess.run(
        [sys.executable, "-P", "-c", RECEIVE],
        cwd=folder,
        input=call,
        capture_output=True,
        timeout=60,
        check=True,
    )
    return done.stdout.decode()


def test_a_process_of_another_environment_starts_the_very_package(environment: Path, place: Path) -> None:
    said = sent(environment, place, "locations")
    home = environment.resolve().parent / "lib"
    assert {Path(path).is_relative_to(home) for path in ast.literal_eval(said).values()} == {True}


def test_other_sources_are_told_from_these(environment: Path, tmp_path: Path) -> None:
    """A run is refused where the digest is another one."""
    before = sent(environment, tmp_path, "digest")
    (package,) = environment.resolve().parent.glob("lib/*/site-packages/rfast_bench")
    changed = package / "sim" / "totals.py"
    text = changed.read_text()
    try:
        changed.write_text(text + "# and more\n")
        after = sent(environment, tmp_path, "digest")
    finally:
        changed.write_text(text)
    assert len(before) == len(after) > 60
    assert before != after
    assert sent(environment, tmp_path, "digest") == before


def test_a_checkout_that_is_not_installed_says_so(environment: Path, source: Path) -> None:
    done = run([environment / "python", "-m", "rfast_bench.cli", "list"], source)
    assert (done.returncode, done.stdout) == (2, "")
    assert "is a checkout that is not installed" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_imports_next_to_nothing(environment: Path, tmp_path: Path) -> None:
    """Commands are imported when they are used."""
    code = "import sys; from rfast_bench.cli.commands import main; main(['--help'], standalone_mode=False); "
    code += "print(sorted({'numpy', 'pydantic', 'rich', 'networkx', 'torch'} & set(sys.modules)))"
    done = run([environment / "python", "-c", code], tmp_path)
    assert done.stdout.splitlines()[-1] == "[]", done.stdout + done.stderr
    assert "  run " in done.stdout
